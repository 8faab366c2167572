"""Proxies, private certificate authorities, secrets.

What an organisation puts between us and a source.
"""

from __future__ import annotations

import base64
import logging
from pathlib import Path

import pytest

from tests.attacks import tried
from tests.fetching import Clock, failed, impatient, page, wanted
from tests.proxy import ProxyServer
from tests.servers import Fault, Reply, SourceServer, moved, refused


def test_a_private_ca_is_trusted_when_it_is_named(
    tls_web: SourceServer, ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = tls_web.play("/feed", Reply(b"x"))
    assert page(url, impatient(ca_bundle=Path(ca))).body == b"x"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca)
    assert page(url).body == b"x"


def test_an_unknown_certificate_is_a_failure_that_names_the_setting(
    tls_web: SourceServer,
) -> None:
    clock = Clock()
    failure = failed(tls_web.play("/feed", Reply(b"x")), impatient(clock))
    assert failure.cause.startswith("the server's certificate is not trusted: ")
    assert "`ca_bundle`" in failure.remedy
    assert clock.slept == []


def test_a_certificate_for_another_name_is_a_failure(
    tls_web: SourceServer, ca: str
) -> None:
    failure = failed(
        tls_web.play("/feed", Reply(b"x")).replace("127.0.0.1", "localhost"),
        impatient(ca_bundle=Path(ca)),
    )
    assert "not trusted" in failure.cause


def test_a_ca_bundle_that_is_not_there_is_a_failure(
    tls_web: SourceServer, tmp_path: Path
) -> None:
    failure = failed(tls_web.url("/feed"), impatient(ca_bundle=tmp_path / "none.pem"))
    assert failure.cause == "the file with CA certificates is not there"


def test_plain_http_where_tls_is_expected_is_a_failure(web: SourceServer) -> None:
    assert (
        failed(web.play("/feed", Reply(b"x")).replace("http:", "https:")).cause
        == "no encrypted connection could be agreed on"
    )


def test_the_deadline_holds_over_tls(tls_web: SourceServer, ca: str) -> None:
    url = tls_web.play("/feed", Reply(b"<rss/>" * 999, fault=Fault.DRIP_HEAD))
    assert "longer" in failed(url, impatient(ca_bundle=Path(ca), deadline=0.4)).cause


def test_plain_requests_go_through_the_proxy(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.play("/feed", Reply(b"x"))
    with ProxyServer({"advisories.example": web.port}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert page("http://advisories.example/feed").body == b"x"
        assert proxy.requests[0].target == "http://advisories.example/feed"


def test_encrypted_requests_go_through_the_proxy_unread(
    tls_web: SourceServer, ca: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls_web.play("/feed", Reply(b"x"))
    with ProxyServer({"advisories.example": tls_web.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert (
            page("https://advisories.example/feed", impatient(ca_bundle=Path(ca))).body
            == b"x"
        )
        assert [(asked.method, asked.target) for asked in proxy.requests] == [
            ("CONNECT", "advisories.example:443")
        ]


def test_no_proxy_goes_past_it(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refused() as closed:
        monkeypatch.setenv("HTTP_PROXY", closed)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,internal.example.org")
        assert page(web.play("/feed", Reply(b"x"))).body == b"x"


def test_a_proxy_s_password_is_sent_to_it_and_shown_to_nobody(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.play("/feed", Reply(b"x"))
    login = "Basic " + base64.b64encode(b"anna:geheim").decode()
    with ProxyServer({"advisories.example": web.port}, password=login) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//anna:geheim@"))
        assert page("http://advisories.example/feed").body == b"x"
    with refused() as closed:
        monkeypatch.setenv("HTTP_PROXY", closed.replace("//", "//anna:geheim@"))
        failure = failed("http://advisories.example/feed")
    assert failure.cause == f"the proxy {closed} did not let us through"
    assert "geheim" not in str(failure)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_is_said_so(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with ProxyServer({"advisories.example": web.port}, password="Basic x") as proxy:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxy.url)
        failure = failed(f"{scheme}://advisories.example/feed")
    assert "HTTPS_PROXY" in failure.remedy
    assert "407" in failure.cause or "wants a name and password" in failure.cause


def test_a_socks_proxy_without_its_library_is_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
    assert "PySocks" in failed("http://advisories.example/feed").remedy


def test_the_deadline_holds_through_a_proxy(
    web: SourceServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.play("/feed", Reply(b"<rss/>" * 999, fault=Fault.DRIP_BODY))
    with ProxyServer({"advisories.example": web.port}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert (
            "longer"
            in failed("http://advisories.example/feed", impatient(deadline=0.4)).cause
        )


# --- secrets --------------------------------------------------------------------------

SECRETS = {"TOKEN": "s3cret/t0ken", "SHORT": "ab"}


def test_a_secret_is_put_in_for_the_request_only(web: SourceServer) -> None:
    web.play("/feed?key=s3cret/t0ken&n=ab", Reply(b"x"))
    found = page(web.url("/feed?key=${TOKEN}&n=${SHORT}"), impatient(secrets=SECRETS))
    assert (found.body, found.url) == (b"x", web.url("/feed?key=${TOKEN}&n=${SHORT}"))


def test_a_secret_that_is_in_the_address_already_is_taken_out_of_the_page(
    web: SourceServer,
) -> None:
    found = page(
        web.play("/feed?key=s3cret%2Ft0ken", Reply(b"x")), impatient(secrets=SECRETS)
    )
    assert found.url == web.url("/feed?key=${TOKEN}")


def test_a_secret_that_is_not_set_is_a_failure_that_names_it() -> None:
    failure = failed("http://127.0.0.1:1/?key=${NOWHERE}")
    assert failure.cause == "the address needs ${NOWHERE}, which is not set"
    assert failure.remedy == "Set NOWHERE in the environment."


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/s3cret/t0ken/feed", "/${TOKEN}/feed"),
        ("/feed?key=s3cret%2Ft0ken", "/feed?key=${TOKEN}"),
        ("/feed?api_key=abc", "/feed?api_key=***"),
        ("/feed?board.id=Exchange&q=KB5044062", "/feed?board.id=Exchange&q=KB5044062"),
        ("/feed?x=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "/feed?x=***"),
        ("/feed?eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "/feed?***"),
        ("/feed#part", "/feed"),
    ],
)
def test_failures_show_no_secret(web: SourceServer, path: str, shown: str) -> None:
    failure = failed(
        web.url(path).replace("//", "//anna:geheim@"), impatient(secrets=SECRETS)
    )
    assert failure.url == web.url(shown)
    assert "geheim" not in str(failure)
    assert "s3cret" not in str(failure)


def test_a_name_and_password_in_the_address_are_sent_as_such(web: SourceServer) -> None:
    found = page(web.play("/feed", Reply(b"x")).replace("//", "//anna:ge%20heim@"))
    assert (
        base64.b64decode(
            web.requests[0].headers["authorization"].removeprefix("Basic ")
        )
        == b"anna:ge heim"
    )
    assert found.url == web.url("/feed")


def test_nothing_of_an_address_is_logged(
    web: SourceServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = web.play(
        "/feed?key=s3cret/t0ken", Reply(status=500), moved("/next?key=s3cret/t0ken")
    )
    web.play("/next?key=s3cret/t0ken", Reply(b"x", headers={"bad header": "x"}))
    page(url, impatient(secrets=SECRETS))
    failed(wanted(web.url("/none?key=s3cret/t0ken")), impatient(secrets=SECRETS))
    assert "s3cret" not in caplog.text


def test_settings_show_no_secret() -> None:
    assert "s3cret" not in repr(impatient(secrets=SECRETS))


@tried("shown")
@pytest.mark.parametrize(
    "password",
    ["pa/xqzjvk", "pa?xqzjvk", "pa#xqzjvk", "pa[xqzjvk", "pa\\xqzjvk", "a@pa/xqzjvk"],
)
def test_a_proxys_password_with_raw_signs_is_blamed_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, web: SourceServer, password: str
) -> None:
    monkeypatch.setenv("http_proxy", f"http://name:{password}@127.0.0.1:{web.port}")
    failure = failed("http://advisories.example/feed", impatient())
    assert failure.cause == "the address of the proxy cannot be read"
    assert "Correct HTTPS_PROXY or HTTP_PROXY" in failure.remedy
    assert "xqzjvk" not in str(failure)
