"""What is asked for, and what comes of an answer."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.fetching import NOW, failed, impatient, page, unchanged, wanted
from tests.servers import OUTAGE, Fault, Reply, SourceServer, refused
from watcher import __version__
from watcher.records import Failure, Page, Validators
from watcher.web import FetchError, Outcome
from watcher.web.connection import read_body
from watcher.web.fetch import Fetcher


def test_a_page_is_its_bytes_with_type_and_validators(web: SourceServer) -> None:
    url = web.play(
        "/feed",
        Reply(
            "\ufefffür".encode("utf-16"),
            content_type="text/xml",
            etag='"1"',
            last_modified="Tue, 12 Nov 2024 17:00:00 GMT",
        ),
    )
    assert page(url) == Page(
        "blog",
        "",
        url,
        NOW,
        200,
        "\ufefffür".encode("utf-16"),
        "text/xml",
        Validators('"1"', "Tue, 12 Nov 2024 17:00:00 GMT"),
    )


def test_a_request_says_who_asks_and_whom_to_write_to(web: SourceServer) -> None:
    page(web.play("/feed", Reply(b"x")))
    assert (
        web.asked("/feed")[0].headers["user-agent"]
        == f"advisory-watcher/{__version__} (+watcher@example.org)"
    )


def test_a_contact_cannot_break_the_header(web: SourceServer) -> None:
    page(
        web.play("/feed", Reply(b"x")), impatient(contact="a@example.org)\r\nX-Evil: 1")
    )
    assert (
        web.asked("/feed")[0].headers["user-agent"]
        == f"advisory-watcher/{__version__} (+a@example.orgX-Evil: 1)"
    )


def test_without_a_contact_only_the_program_is_named(web: SourceServer) -> None:
    page(web.play("/feed", Reply(b"x")), impatient(contact=""))
    assert (
        web.asked("/feed")[0].headers["user-agent"] == f"advisory-watcher/{__version__}"
    )


@pytest.mark.parametrize(
    "validators",
    [
        Validators(etag='W/"1"'),
        Validators(last_modified="Tue, 12 Nov 2024 17:00:00 GMT"),
        Validators('W/"1"', "Tue, 12 Nov 2024 17:00:00 GMT"),
    ],
)
def test_a_known_copy_is_not_sent_again(
    web: SourceServer, validators: Validators
) -> None:
    url = web.play(
        "/feed",
        Reply(b"x", etag='W/"1"', last_modified="Tue, 12 Nov 2024 17:00:00 GMT"),
    )
    assert unchanged(wanted(url, validators)).url == url
    assert web.asked("/feed")[0].headers.get("if-none-match", "") == validators.etag


def test_a_changed_copy_comes_with_new_validators(web: SourceServer) -> None:
    url = web.play("/feed", Reply(b"new", etag='"2"'))
    assert page(wanted(url, Validators('"1"'))).validators == Validators('"2"')


def test_not_modified_without_a_condition_is_a_failure(web: SourceServer) -> None:
    assert "304" in failed(web.play("/feed", Reply(status=304))).cause


def test_a_validator_that_cannot_be_sent_back_is_not_kept(web: SourceServer) -> None:
    assert (
        page(
            web.play("/feed", Reply(b"x", etag='"\xe9"', last_modified="x" * 2000))
        ).validators
        == Validators()
    )


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw-deflate", "identity"])
@pytest.mark.parametrize("chunked", [False, True])
def test_compressed_and_chunked_bodies_are_read(
    web: SourceServer, encoding: str, chunked: bool
) -> None:
    assert (
        page(
            web.play(
                "/feed", Reply(b"<rss/>" * 50_000, encoding=encoding, chunked=chunked)
            )
        ).body
        == b"<rss/>" * 50_000
    )


def test_a_body_without_a_length_ends_with_the_connection(web: SourceServer) -> None:
    assert (
        page(web.play("/feed", Reply(b"<rss/>", fault=Fault.UNFRAMED))).body
        == b"<rss/>"
    )


def test_an_empty_body_and_an_outage_page_with_200_are_pages_for_the_parser_to_judge(
    web: SourceServer,
) -> None:
    assert page(web.play("/empty", Reply())).body == b""
    assert (
        page(web.play("/out", Reply(OUTAGE, content_type="text/html"))).body == OUTAGE
    )


@pytest.mark.parametrize("kind", ["download", "kb-article", "catalog"])
@pytest.mark.parametrize("status", [404, 410])
def test_that_a_package_page_is_gone_is_for_judgement_to_hear(
    web: SourceServer, kind: str, status: int
) -> None:
    gone = page(wanted(web.play("/kb", Reply(b"gone", status)), kind=kind))
    assert (gone.status, gone.body) == (status, b"gone")


@pytest.mark.parametrize("status", [404, 410])
def test_that_a_feed_is_gone_is_a_failure(web: SourceServer, status: int) -> None:
    failure = failed(web.play("/feed", Reply(b"gone", status)))
    assert failure.cause.startswith(f"the server answered {status} ")
    assert "source's `url`" in failure.remedy


def test_results_stand_in_the_order_of_what_was_wanted(web: SourceServer) -> None:
    documents = [
        wanted(
            web.play(f"/{number}", Reply(str(number).encode())), document=str(number)
        )
        for number in range(20)
    ]
    with Fetcher(impatient(per_host=4)) as fetcher:
        results = fetcher.get_all(
            documents, NOW, lambda found: found.body if isinstance(found, Page) else b""
        )
    assert results == [
        (document, str(number).encode()) for number, document in enumerate(documents)
    ]


def test_nothing_wanted_starts_nothing() -> None:
    before = threading.active_count()
    with Fetcher(impatient()) as fetcher:
        assert fetcher.get_all([], NOW, lambda found: found) == []
        assert threading.active_count() == before


@pytest.mark.parametrize(("per_host", "busiest"), [(1, {1}), (3, {1, 2, 3})])
def test_one_host_is_asked_over_as_many_connections_as_agreed(
    web: SourceServer, per_host: int, busiest: set[int]
) -> None:
    documents = [
        wanted(
            web.play(f"/{number}", Reply(b"abcde", fault=Fault.DRIP_BODY, drip=0.002))
        )
        for number in range(9)
    ]
    with Fetcher(impatient(per_host=per_host)) as fetcher:
        fetcher.get_all(documents, NOW, lambda found: found)
    assert web.busiest in busiest
    assert len(web.requests) == 9


def test_a_connection_is_kept_for_the_host_s_next_documents(web: SourceServer) -> None:
    documents = [
        wanted(web.play(f"/{number}", Reply(b"x", 200 if number % 2 else 404)))
        for number in range(6)
    ]
    with Fetcher(impatient()) as fetcher:
        fetcher.get_all(documents[:3], NOW, lambda found: found)
        fetcher.get_all(documents[3:], NOW, lambda found: found)
    assert len({asked.connection for asked in web.requests}) == 1


@contextmanager
def several(count: int) -> Iterator[list[SourceServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(SourceServer()) for _ in range(count)]


def test_hosts_are_asked_in_parallel() -> None:
    together = threading.Barrier(3, timeout=5)

    def use(_: Outcome) -> int:
        return together.wait()  # goes on when all three are here at the same time

    with several(3) as servers, Fetcher(impatient()) as fetcher:
        results = fetcher.get_all(
            [wanted(server.play("/", Reply(b"x"))) for server in servers], NOW, use
        )
    assert sorted(result for _, result in results) == [0, 1, 2]


def test_a_failing_host_stops_nobody_else(web: SourceServer) -> None:
    good = wanted(web.play("/feed", Reply(b"x")))
    with refused() as closed, Fetcher(impatient()) as fetcher:
        results = fetcher.get_all(
            [wanted(closed), good, wanted("ftp://example.org/"), wanted("http://[::1")],
            NOW,
            lambda found: found,
        )
    assert [type(found) for _, found in results] == [Failure, Page, Failure, Failure]


def test_a_host_that_does_not_answer_is_not_tried_for_each_of_its_documents() -> None:
    clock_of_first: list[float] = []
    with (
        refused() as closed,
        Fetcher(impatient(sleep=clock_of_first.append)) as fetcher,
    ):
        results = fetcher.get_all(
            [wanted(f"{closed}{number}") for number in range(3)],
            NOW,
            lambda found: found,
        )
    failures = [found for _, found in results if isinstance(found, Failure)]
    assert [(one.cause, one.asked) for one in failures] == [
        ("the connection was refused", asked) for asked in (True, False, False)
    ]
    assert str(failures[1]).startswith(
        f"blog: the connection was refused ({closed}1; not asked, for its host had just failed). "
    )
    assert len(clock_of_first) == 2


def test_an_error_of_the_caller_ends_the_round(web: SourceServer) -> None:
    def use(_: Outcome) -> None:
        raise ZeroDivisionError

    with Fetcher(impatient()) as fetcher, pytest.raises(ZeroDivisionError):
        fetcher.get_all([wanted(web.play("/feed", Reply(b"x")))], NOW, use)


def test_closing_cuts_what_is_under_way(web: SourceServer) -> None:
    stuck, found = web.play("/stuck", Reply(fault=Fault.SILENT)), list[Outcome]()
    fetcher = Fetcher(impatient(read_timeout=60, deadline=60, sleep=None))
    asking = threading.Thread(
        target=lambda: found.append(
            fetcher.get_all([wanted(stuck)], NOW, lambda one: one)[0][1]
        )
    )
    asking.start()
    while not web.asked("/stuck"):
        threading.Event().wait(0.005)
    fetcher.__exit__()
    asking.join(10)
    assert isinstance(found[0], Failure)


def test_closing_ends_a_wait_for_another_attempt(web: SourceServer) -> None:
    url, found = (
        web.play("/feed", Reply(status=429, headers={"Retry-After": "50"})),
        list[Outcome](),
    )
    fetcher = Fetcher(impatient(sleep=None))
    asking = threading.Thread(
        target=lambda: found.append(
            fetcher.get_all([wanted(url)], NOW, lambda one: one)[0][1]
        )
    )
    asking.start()
    while not web.asked("/feed"):
        threading.Event().wait(0.005)
    fetcher.__exit__()
    asking.join(10)
    assert isinstance(found[0], Failure)
    assert len(web.requests) == 1


def test_a_fetcher_waits_by_itself_between_attempts(web: SourceServer) -> None:
    url = web.play("/feed", Reply(status=500), Reply(b"x"))
    assert page(url, impatient(sleep=None, first_wait=0.001)).body == b"x"


def test_connections_to_many_hosts_are_not_all_kept() -> None:
    with several(7) as servers, Fetcher(impatient(hosts=2)) as fetcher:
        found = fetcher.get_all(
            [wanted(server.play("/", Reply(b"x"))) for server in servers], NOW, type
        )
        assert len(fetcher._clients) <= 5
    assert [kind for _, kind in found] == [Page] * 7


def test_the_http_library_is_loaded_only_when_something_is_fetched() -> None:
    heavy = {"requests", "urllib3", "tenacity", "warcio"}
    code = (
        f"import sys, watcher.web.fetch, watcher.web.recording; print(*({heavy} & "
        "set(sys.modules)))"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout
        == "\n"
    )


def test_gzip_s_members_are_read_one_after_the_other_wherever_they_are_cut() -> None:
    members = (
        gzip.compress(b"one ") + gzip.compress(b"two ") * 3000 + gzip.compress(b"three")
    )

    class Small:
        def __init__(self, size: int, content: bytes) -> None:
            self.size, self.content = size, io.BytesIO(content)

        def read(
            self, amt: int | None = None, decode_content: bool | None = None
        ) -> bytes:
            return self.content.read(min(self.size, amt or 0))

    for size in (1, 2, 7, 70_000):
        assert (
            read_body(Small(size, members + b"\0padding"), "x-gzip", 100_000)
            == b"one " + b"two " * 3000 + b"three"
        )
    with pytest.raises(FetchError, match="larger"):
        read_body(Small(7, members), "gzip", 100)
