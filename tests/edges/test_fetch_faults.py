"""Everything that goes wrong on the way is a failure with a cause and a remedy, soon, and
tried again where that may help.
"""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.attacks import tried
from tests.fetching import NOW, Clock, failed, impatient, page, wanted
from tests.servers import Fault, Reply, SourceServer, bomb, refused
from watcher.records import Failure
from watcher.web.failures import of_error, of_status
from watcher.web.fetch import Fetcher


def test_a_failure_names_source_document_cause_address_and_remedy() -> None:
    with refused() as closed:
        failure = failed(wanted(closed, document="2024-Nov"))
    assert failure.source == "blog"
    assert str(failure).startswith(
        f"blog 2024-Nov: the connection was refused ({closed}). See whether the server runs"
    )
    assert failure.time == NOW


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Reply(fault=Fault.SILENT), "the server stopped answering"),
        (
            Reply(fault=Fault.DROPPED),
            "the server closed the connection without an answer",
        ),
        (
            Reply(fault=Fault.RESET),
            "the server closed the connection without an answer",
        ),
        (Reply(fault=Fault.GARBAGE), "the answer is not HTTP"),
        (
            Reply(b"<rss/>" * 999, fault=Fault.TRUNCATED),
            "the answer ended in the middle",
        ),
        (
            Reply(b"<rss/>" * 999, fault=Fault.CUT_CHUNK),
            "the answer ended in the middle",
        ),
        (
            Reply(b"<rss/>" * 999, fault=Fault.LONG_LENGTH),
            "the server stopped answering",
        ),
        (
            Reply(b"<rss/>" * 999, encoding="gzip", fault=Fault.TRUNCATED),
            "the answer ended in the middle",
        ),
        (
            Reply(b"\x1f\x8b nonsense", headers={"Content-Encoding": "gzip"}),
            "the compressed answer is damaged",
        ),
        (
            Reply(b"\x07\xff", headers={"Content-Encoding": "deflate"}),
            "the compressed answer is damaged",
        ),
    ],
)
def test_a_passing_fault_is_tried_again_and_then_named(
    web: SourceServer, reply: Reply, cause: str
) -> None:
    url = web.play("/feed", reply)
    assert failed(url, impatient(attempts=2)).cause == cause
    assert len(web.asked("/feed")) == 2
    web.play("/feed", reply, Reply(b"well again"))
    assert page(url, impatient(attempts=2)).body == b"well again"


def test_a_compressed_body_that_ends_early_is_noticed_though_nothing_says_its_length(
    web: SourceServer,
) -> None:
    whole = Reply(b"<rss/>" * 999, encoding="gzip").sent()
    url = web.play(
        "/feed",
        Reply(whole[:-9], headers={"Content-Encoding": "gzip"}, fault=Fault.UNFRAMED),
    )
    assert failed(url).cause == "the compressed answer ended in the middle"


PLAIN = [b'{\n  "title": "Catalog"}', b"<rss/>", b"kb,build\n", b"<!DOCTYPE html><p>"]


@tried("limits")
@pytest.mark.parametrize("coding", ["gzip", "x-gzip"])
@pytest.mark.parametrize("body", [*PLAIN, b""])
def test_a_plain_body_that_is_said_to_be_gzip_is_read_as_it_is(
    web: SourceServer, coding: str, body: bytes
) -> None:
    url = web.play("/feed", Reply(body, headers={"Content-Encoding": coding}))
    assert page(url).body == body


@tried("limits")
@pytest.mark.parametrize("body", PLAIN)
def test_a_plain_body_that_is_said_to_be_deflate_is_a_failure_and_no_other_text(
    web: SourceServer, body: bytes
) -> None:
    url = web.play("/feed", Reply(body, headers={"Content-Encoding": "deflate"}))
    assert failed(url).cause.startswith("the compressed answer")


def test_an_encoding_that_was_not_asked_for_is_refused(web: SourceServer) -> None:
    assert (
        "not asked for (br)"
        in failed(web.play("/feed", Reply(b"x", encoding="br"))).cause
    )
    assert web.asked("/feed")[0].headers["accept-encoding"] == "gzip, deflate"
    assert len(web.asked("/feed")) == 1


@tried("limits")
@pytest.mark.parametrize("fault", [Fault.DRIP_BODY, Fault.DRIP_HEAD])
def test_a_whole_answer_has_a_deadline_though_every_byte_comes_in_time(
    web: SourceServer, fault: Fault
) -> None:
    url = web.play("/feed", Reply(b"<rss/>" * 999, fault=fault))
    before = time.monotonic()
    assert (
        failed(url, impatient(deadline=0.4)).cause
        == "the whole answer took longer than 0.4 s"
    )
    assert time.monotonic() - before < 10
    assert len(web.asked("/feed")) == 1


def test_a_body_without_a_length_that_is_cut_at_the_deadline_is_no_page(
    web: SourceServer,
) -> None:
    url = web.play(
        "/feed",
        Reply(
            b"<rss/>" * 999,
            chunked=False,
            headers={"Connection": "close"},
            fault=Fault.DRIP_BODY,
        ),
    )
    before = time.monotonic()
    assert "longer" in failed(url, impatient(deadline=0.3)).cause
    assert time.monotonic() - before < 10


@tried("limits")
@pytest.mark.parametrize(
    "reply",
    [
        bomb(3_000_000),
        Reply(bytes(3_000_000)),
        Reply(bytes(3_000_000), chunked=True),
        Reply(bytes(3_000_000), fault=Fault.UNFRAMED),
    ],
)
def test_too_large_a_body_is_not_read_on(web: SourceServer, reply: Reply) -> None:
    failure = failed(web.play("/feed", reply), impatient(max_bytes=2_000_000))
    assert failure.cause == "the answer is larger than 1.907 MiB"
    assert len(web.asked("/feed")) == 1


def test_a_body_may_be_as_large_as_agreed(web: SourceServer) -> None:
    assert (
        len(
            page(
                web.play("/feed", bomb(2_000_000)), impatient(max_bytes=2_000_000)
            ).body
        )
        == 2_000_000
    )


@tried("limits")
def test_a_bomb_costs_no_more_memory_than_the_limit(web: SourceServer) -> None:
    import tracemalloc

    url = web.play("/feed", bomb(80_000_000))
    tracemalloc.start()
    failure = failed(url, impatient(max_bytes=1_000_000, read_timeout=30, deadline=30))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "larger" in failure.cause
    assert peak < 12_000_000


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_a_passing_status_is_tried_again(web: SourceServer, status: int) -> None:
    url = web.play(
        "/feed", Reply(status=status), Reply(status=status), Reply(b"well again")
    )
    assert page(url).body == b"well again"
    web.play("/feed", Reply(status=status))
    assert failed(url).cause.startswith(f"the server answered {status}")
    assert len(web.asked("/feed")) == 6


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (400, "Open the address"),
        (401, "${NAME}"),
        (403, "refuses this machine"),
        (406, "Open the address"),
        (407, "HTTPS_PROXY"),
        (204, "Open"),
        (300, "Open"),
    ],
)
def test_a_lasting_status_is_not_tried_again(
    web: SourceServer, status: int, remedy: str
) -> None:
    failure = failed(web.play("/feed", Reply(b"no", status)))
    assert failure.cause.startswith(f"the server answered {status} ")
    assert remedy in failure.remedy
    assert len(web.asked("/feed")) == 1


def test_waits_grow_and_are_bounded(web: SourceServer) -> None:
    clock = Clock()
    failed(
        web.play("/feed", Reply(status=500)),
        impatient(clock, attempts=6, first_wait=1, longest_wait=5),
    )
    first, second, third, *rest = clock.slept
    assert 1 <= first <= 2
    assert 2 <= second <= 3
    assert 4 <= third <= 5
    assert all(5 <= more <= 6 for more in rest)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "waited"),
    [
        ("7", 7),
        ("0", 0),
        ("Tue, 12 Nov 2024 18:00:09 GMT", 9),  # the server's own clock says 18:00:00
        ("Tue, 12 Nov 2024 17:00:00 GMT", 0),
    ],
)
def test_retry_after_is_obeyed(
    web: SourceServer, status: int, said: str, waited: float
) -> None:
    clock = Clock()
    url = web.play(
        "/feed",
        Reply(status=status, headers={"Retry-After": said}),
        Reply(b"well again"),
    )
    assert page(url, impatient(clock)).body == b"well again"
    assert clock.slept == [waited]


def test_whoever_asks_for_more_patience_than_we_have_is_left_to_the_next_run(
    web: SourceServer,
) -> None:
    clock = Clock()
    failure = failed(
        web.play("/feed", Reply(status=429, headers={"Retry-After": "3600"})),
        impatient(clock),
    )
    assert (
        failure.cause
        == "the server answered 429 Too Many Requests, and asks to wait 3600 s"
    )
    assert (clock.slept, len(web.asked("/feed"))) == ([], 1)


@pytest.mark.parametrize(
    "said",
    [
        "soon",
        "-1",
        "",
        "Tue, 99 Nov 2024 17:00:00 GMT",
        "Tue, 12 Nov 2024 17:00:00",
        "١٢",
        "Tue, 12 Nov 2024 25:00:00 GMT",
    ],
)
def test_an_unreadable_retry_after_is_none(web: SourceServer, said: str) -> None:
    assert of_status(429, {"Retry-After": said}, NOW).retry_after is None


def test_a_failure_says_how_long_the_server_asked_to_be_left_alone(
    web: SourceServer,
) -> None:
    web.play("/feed", Reply(status=429, headers={"Retry-After": "120"}))
    assert failed(web.url("/feed")).rest == timedelta(seconds=120)
    web.play("/other", Reply(status=503, headers={"Retry-After": "999999999"}))
    assert failed(web.url("/other")).rest == timedelta(days=1)
    web.play("/third", Reply(status=404))
    assert failed(web.url("/third")).rest == timedelta()


def test_retry_after_is_measured_by_our_clock_when_the_server_shows_none() -> None:
    assert (
        of_status(
            503, {"Retry-After": "Tue, 12 Nov 2024 18:00:30 GMT"}, NOW
        ).retry_after
        == 30
    )


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "example.org/feed",
        "",
        "http://",
        "http://[::1",
        "http://h:99999/",
        "http://h:x/",
    ],
)
def test_what_is_no_url_of_the_web_is_not_asked(url: str) -> None:
    failure = failed(url)
    assert "address" in failure.cause
    assert "source's `url`" in failure.remedy


@pytest.mark.parametrize(
    "host", ["advisories.invalid", "a" * 70 + ".example.org", "bad..name.example"]
)
def test_a_name_that_cannot_be_resolved_is_said_so(host: str) -> None:
    failure = failed(f"http://{host}/feed")
    assert failure.cause in {
        "the host's name could not be resolved",
        "the address is not a URL that can be asked",
    }


def test_only_of_an_address_that_the_configuration_gives_a_name_that_cannot_be_resolved_may_be_mistyped() -> (
    None
):
    url = "http://advisories.invalid/feed"
    builtin = wanted(url)
    own = replace(builtin, source=replace(builtin.source, own=True))
    led_to = replace(own, url=f"{url}/2024-Nov", document="2024-Nov")

    remedies = [failed(one).remedy for one in (builtin, own, led_to)]

    assert remedies[0] == remedies[2]
    assert remedies[0].startswith(
        "See whether this machine reaches the internet and its DNS answers"
    )
    assert (
        remedies[1]
        == f"Correct the source's `url` if its host is mistyped. {remedies[0]}"
    )


def test_a_host_that_takes_no_connection_in_time_is_said_so() -> None:
    import socket

    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        others = []
        first.connect(full.getsockname())
        for _ in range(4):  # fill the queue of a listener that accepts nobody
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(full.getsockname())
            others.append(other)
        failure = failed(
            f"http://127.0.0.1:{full.getsockname()[1]}/", impatient(connect_timeout=0.2)
        )
        for other in others:
            other.close()
    assert failure.cause == "the host did not answer in time"


def test_an_unreachable_network_is_said_so() -> None:
    import errno

    assert (
        of_error(OSError(errno.ENETUNREACH, "x")).cause == "there is no way to the host"
    )


def test_an_error_nobody_foresaw_is_still_a_failure() -> None:
    assert of_error(KeyError("x")).cause == "the request failed (KeyError)"


def test_the_next_good_copy_recovers(web: SourceServer) -> None:
    url = web.play("/feed", Reply(status=500), Reply(b"x", etag='"1"'))
    with Fetcher(impatient(attempts=1)) as fetcher:
        outcomes = [fetcher.get_all([wanted(url)], NOW, type)[0][1] for _ in range(2)]
    assert outcomes[0] is Failure
    assert outcomes[1] is not Failure
