"""Redirects are followed a little, and never into a nearer network or out of TLS."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from tests.attacks import tried
from tests.fetching import NOW, failed, impatient, outcome, page, wanted
from tests.proxy import ProxyServer
from tests.servers import Reply, SourceServer, moved
from watcher.records import Failure, NotModified, Page, Validators
from watcher.web.address import Reach, allowed, literal, reach, reach_of_host


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(web: SourceServer, status: int) -> None:
    web.play("/new", Reply(b"here", etag='"1"'))
    found = page(web.play("/old", moved("/new", status)))
    assert (found.body, found.url, found.validators.etag) == (
        b"here",
        web.url("/old"),
        '"1"',
    )


@pytest.mark.parametrize(
    ("status", "told"),
    [(301, True), (308, True), (302, False), (303, False), (307, False)],
)
def test_only_a_redirect_for_good_says_that_an_address_moved(
    web: SourceServer, status: int, told: bool
) -> None:
    new = web.play("/new", Reply(b"here", etag='"1"'))
    old = web.play("/old", moved("/new", status))
    assert page(old).moved == (new if told else "")
    unchanged = outcome(wanted(old, Validators('"1"')))
    assert isinstance(unchanged, NotModified)
    assert unchanged.moved == page(old).moved
    assert page(new).moved == ""


def test_an_address_moved_as_far_as_redirects_are_for_good(web: SourceServer) -> None:
    web.play("/end", Reply(b"here"))
    web.play("/for-now", moved("/end", 302))
    assert page(web.play("/a", moved("/for-now", 301))).moved == web.url("/for-now")
    web.play("/b", moved("/end", 301))
    assert page(web.play("/c", moved("/b", 308))).moved == web.url("/end")
    assert page(web.play("/d", moved("/b", 307))).moved == ""


def test_an_address_that_leads_back_to_itself_has_not_moved(web: SourceServer) -> None:
    url = web.play("/a", moved("/a", 301), Reply(b"here"))
    assert page(url).moved == ""


def test_a_failure_behind_a_redirect_says_where_it_was(web: SourceServer) -> None:
    cause = failed(web.play("/old", moved("/gone", 301))).cause
    assert cause == (
        f"the server answered 404 Not Found at {web.url('/gone')}, to which "
        "the address redirects"
    )


def test_where_an_address_moved_shows_no_secret(web: SourceServer) -> None:
    web.play("/new?key=s3cret", Reply(b"here"))
    web.play("/old?key=s3cret", moved("/new?key=s3cret", 301))
    found = page(web.url("/old?key=${KEY}"), impatient(secrets={"KEY": "s3cret"}))
    assert found.moved == web.url("/new?key=${KEY}")


def test_conditions_go_along(web: SourceServer) -> None:
    web.play("/new", Reply(b"here", etag='"1"'))
    assert not isinstance(
        outcome(wanted(web.play("/old", moved("/new")), Validators('"1"'))),
        Page | Failure,
    )


def test_five_redirects_are_enough(web: SourceServer) -> None:
    for number in range(7):
        web.play(f"/{number}", moved(f"/{number + 1}"))
    web.play("/7", Reply(b"here"))
    assert page(web.url("/2")).body == b"here"
    assert failed(web.url("/1")).cause == "more than 5 redirects"


def test_a_circle_ends(web: SourceServer) -> None:
    assert failed(web.play("/a", moved("/a"))).cause == "more than 5 redirects"
    assert len(web.asked("/a")) == 6


def test_a_redirect_without_a_target_is_a_failure(web: SourceServer) -> None:
    assert (
        failed(web.play("/a", Reply(status=302))).cause
        == "the server answered 302 Found"
    )


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        ("ftp://127.0.0.1/", "an address of the form ftp: cannot be asked"),
        ("file:///etc/passwd", "an address of the form file: cannot be asked"),
        ("gopher:x", "an address of the form gopher: cannot be asked"),
        ("http://[::1", "a redirect leads to something that is no URL"),
        ("http://127.0.0.1:99999/", "the address is no URL"),
    ],
)
def test_a_redirect_out_of_the_web_is_refused(
    web: SourceServer, target: str, cause: str
) -> None:
    assert failed(web.play("/a", moved(target))).cause == cause


def test_a_target_in_utf_8_is_understood(web: SourceServer) -> None:
    web.play("/%C3%BC", Reply(b"here"))
    assert page(web.play("/a", moved("/ü".encode().decode("latin-1")))).body == b"here"


def test_a_name_and_password_go_to_their_own_host_only(web: SourceServer) -> None:
    with SourceServer() as other:
        other.play("/feed", Reply(b"x"))
        web.play("/here", moved(other.url("/feed")))
        page(web.play("/feed", moved("/here")).replace("//", "//anna:geheim@"))
    assert [asked.headers.get("authorization") for asked in web.requests] == [
        "Basic YW5uYTpnZWhlaW0="
    ] * 2
    assert "authorization" not in other.requests[0].headers


def test_what_the_configuration_names_may_lie_anywhere(web: SourceServer) -> None:
    assert page(web.play("/feed", Reply(b"x"))).body == b"x"


def test_a_document_on_the_source_s_own_host_may_lie_anywhere(
    web: SourceServer,
) -> None:
    assert (
        page(wanted(web.play("/2024-Nov", Reply(b"x")), home=web.url("/updates"))).body
        == b"x"
    )


@tried("addresses")
@pytest.mark.parametrize(
    "home",
    [
        "https://8.8.8.8/updates",
        "https://advisories.invalid/updates",
        "",
        "http://[::1",
    ],
)
def test_a_public_source_cannot_lead_to_this_machine(
    web: SourceServer, home: str
) -> None:
    document = wanted(web.play("/secret", Reply(b"x")), home=home or "not-a-url")
    failure = failed(document)
    assert (
        failure.cause
        == "the address leads into a network nearer than it comes from (127.0.0.1)"
    )
    assert not web.requests


def test_a_source_on_this_machine_may_lead_to_it(web: SourceServer) -> None:
    assert (
        page(
            wanted(web.play("/2024-Nov", Reply(b"x")), home="http://localhost/updates")
        ).body
        == b"x"
    )


@tried("addresses")
def test_a_public_page_cannot_redirect_to_this_machine(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.play("/secret", Reply(b"x"))
    web.play("/feed", moved(web.url("/secret")))
    with ProxyServer({"advisories.example": web.port}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        failure = failed("http://advisories.example/feed")
    assert "nearer" in failure.cause
    assert not web.asked("/secret")


@tried("addresses")
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://169.254.169.254/latest/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://127.1/",
    ],
)
def test_a_public_page_cannot_make_the_proxy_read_near_addresses(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    web.play("/feed", moved(target))
    with ProxyServer({"advisories.example": web.port}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        assert "nearer" in failed("http://advisories.example/feed").cause
        assert len(proxy.requests) == 1


AMBIGUOUS = [
    "http://127.0.0.1:{port}\\@advisories.example/secret",
    "http://127.0.0.1:{port}%5C@advisories.example/secret",
    "http://advisories.example\\@127.0.0.1:{port}/secret",
    "http://advisories.example%5C.127.0.0.1:{port}/secret",
    "http://advisories.example%00@127.0.0.1:{port}/secret",
    "http://advisories.example @127.0.0.1:{port}/secret",
    "http://anna:geheim@127.0.0.1:{port}/secret",
    "http://127.0.0.1%00:{port}/secret",
    "http://127.0.0.1\x7f:{port}/secret",
    "http://127.0.0.1:{port}\n/secret",
    "http:\\\\127.0.0.1:{port}/secret",
    "http:/\\127.0.0.1:{port}/secret",
    "http://[::ffff:127.0.0.1]:{port}/secret",
    "http://[::ffff:127.0.0.1%25lo]:{port}/secret",
    "http://0127.0.0.1:{port}/secret",
    "http://127.0.0.08:{port}/secret",
]


@tried("addresses")
@pytest.mark.parametrize("with_proxy", [False, True])
@pytest.mark.parametrize("form", AMBIGUOUS)
def test_no_spelling_of_an_address_leads_to_what_was_not_checked(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch, form: str, *, with_proxy: bool
) -> None:
    """A document of a public source gives it, and a redirect does."""
    web.play("/secret", Reply(b"x"))
    near = form.format(port=web.port)
    web.play("/feed", moved(near.replace("\n", "")))
    with ProxyServer({"advisories.example": web.port}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "" if with_proxy else "127.0.0.1,::ffff:7f00:1")
        failed(wanted(near, home="http://advisories.example/feed"))
        outcome("http://advisories.example/feed")
    proxied = [asked.target for asked in proxy.requests]
    assert all(target.startswith("http://advisories.example/") for target in proxied)
    # What came, came over the proxy, which was asked for the public host
    through = [target for target in proxied if target.endswith("/secret")]
    assert len(web.asked("/secret")) == len(through)


@tried("addresses")
def test_a_document_gives_no_name_and_password(web: SourceServer) -> None:
    document = web.play("/document", Reply(b"x")).replace("//", "//anna:geheim@")
    failure = failed(wanted(document, home=web.url("/feed")))
    assert failure.cause == (
        "a document, not the configuration, gives an address with a name or a "
        "password in it: it was not asked"
    )
    assert "geheim" not in str(failure)
    assert not web.requests


def test_a_kept_connection_is_checked_again(web: SourceServer) -> None:
    from watcher.web.fetch import Fetcher

    own, led_to = (
        wanted(web.play("/own", Reply(b"x"))),
        wanted(web.play("/secret", Reply(b"x")), home="https://8.8.8.8/"),
    )
    with Fetcher(impatient()) as fetcher:
        found = [result for _, result in fetcher.get_all([own, led_to, own], NOW, type)]
    assert found == [Page, Failure, Page]
    assert not web.asked("/secret")


def test_tls_is_not_left(web: SourceServer, tls_web: SourceServer, ca: str) -> None:
    from pathlib import Path

    tls_web.play("/feed", moved(web.play("/plain", Reply(b"x"))))
    assert (
        failed(tls_web.url("/feed"), impatient(ca_bundle=Path(ca))).cause
        == "a redirect leads from https to http"
    )
    assert not web.requests


# --- names, with a name server that tells what the test says --------------------------


class Names:
    """Answers look-ups of names from lists, one answer after the other.

    Addresses are looked up as ever.
    """

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if literal(host) is not None:
            return self.real(host, port, *args, **kwargs)
        self.asked.append(host)
        answers = self.answers[host.partition(".")[0]]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]


@tried("addresses")
def test_a_public_source_cannot_lead_to_a_name_that_means_this_machine(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        socket, "getaddrinfo", Names(vendor=[["8.8.8.8"]], trap=[["127.0.0.1"]])
    )
    url = web.play("/secret", Reply(b"x")).replace("127.0.0.1", "trap.example")
    assert "(127.0.0.1)" in failed(wanted(url, home="https://vendor.example/")).cause
    assert not web.requests


@tried("addresses")
def test_only_the_address_that_was_checked_is_connected_to(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(inner=[["127.0.0.1"], ["8.8.8.8"]])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    assert (
        page(web.play("/feed", Reply(b"x")).replace("127.0.0.1", "inner.example")).body
        == b"x"
    )
    assert names.asked == ["inner.example"]


def test_a_host_s_addresses_are_tried_in_turn(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        Names(two=[["127.0.0.2", "127.0.0.1"]], none=[["127.0.0.2", "127.0.0.3"]]),
    )
    assert (
        page(web.play("/feed", Reply(b"x")).replace("127.0.0.1", "two.example")).body
        == b"x"
    )
    assert (
        failed(web.url("/feed").replace("127.0.0.1", "none.example")).cause
        == "the connection was refused"
    )


@tried("addresses")
@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("127.0.0.1", Reach.OWN),
        ("127.8.8.8", Reach.OWN),
        ("0.0.0.0", Reach.OWN),  # noqa: S104
        ("::1", Reach.OWN),
        ("::", Reach.OWN),
        ("::ffff:127.0.0.1", Reach.OWN),
        ("64:ff9b::7f00:1", Reach.OWN),
        ("::127.0.0.2", Reach.OWN),
        ("::10.0.0.1", Reach.PRIVATE),
        ("::ffff:0:127.0.0.1", Reach.OWN),
        ("64:ff9b:1::127.0.0.1", Reach.OWN),
        ("64:ff9b:1:a9fe:a9:fe00:808:808", Reach.LINK),  # 169.254.169.254
        ("64:ff9b:1::8.8.8.8", Reach.OWN),  # or of 0.0.0.0: nobody can tell
        ("fec0::1", Reach.PRIVATE),
        ("::8.8.8.8", Reach.PUBLIC),
        ("169.254.169.254", Reach.LINK),
        ("fe80::1", Reach.LINK),
        ("10.1.2.3", Reach.PRIVATE),
        ("172.31.0.1", Reach.PRIVATE),
        ("192.168.0.1", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("fd00::1", Reach.PRIVATE),
        ("2002:c0a8:1::1", Reach.PRIVATE),  # 6to4 of 192.168.0.1
        ("2001:0:0:0:0:0:3f57:fefe", Reach.PRIVATE),  # Teredo of 192.168.1.1
        ("192.88.99.1", Reach.PRIVATE),  # whatever relay of 6to4 is nearest
        ("::ffff:192.88.99.255", Reach.PRIVATE),
        ("2002:c058:6301::1", Reach.PRIVATE),  # 6to4 of 192.88.99.1
        ("5f00::1", Reach.PRIVATE),
        ("4000::1", Reach.PRIVATE),  # what nobody has been given
        ("192.88.98.1", Reach.PUBLIC),
        ("224.0.0.1", Reach.PRIVATE),
        ("ff0e::1", Reach.PRIVATE),
        ("8.8.8.8", Reach.PUBLIC),
        ("2606:4700::1111", Reach.PUBLIC),
    ],
)
def test_how_near_an_address_is(address: str, where: Reach) -> None:
    assert reach(ip_address(address)) is where


@tried("addresses")
@pytest.mark.parametrize("origin", ["127.0.0.1", "169.254.1.1", "10.0.0.1", "8.8.8.8"])
@pytest.mark.parametrize("target", ["127.0.0.1", "169.254.1.1", "10.0.0.1", "8.8.8.8"])
def test_a_page_leads_outwards_only(origin: str, target: str) -> None:
    order = ["127.0.0.1", "169.254.1.1", "10.0.0.1", "8.8.8.8"]
    assert allowed(ip_address(origin), ip_address(target)) is (
        order.index(target) >= order.index(origin)
    )


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("LOCALHOST.", "127.0.0.1"),
        ("a.localhost", "127.0.0.1"),
        ("[fe80::1%eth0]", "fe80::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("1.2.3.999", "None"),
        ("example.org", "None"),
    ],
)
def test_addresses_are_told_from_names(host: str, address: str) -> None:
    assert str(literal(host)) == address


def test_a_host_that_nobody_knows_counts_as_public() -> None:
    assert reach_of_host("advisories.invalid") is Reach.PUBLIC
    assert reach_of_host("localhost") is Reach.OWN
