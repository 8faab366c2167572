"""Whatever a source answers, a parser returns a snapshot or raises ParseError (law 4)."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.mutation import unsound
from tests.sources import fixtures
from watcher.errors import ConfigurationError, ParseError
from watcher.kinds import SOURCE_KINDS
from watcher.records import Snapshot, Watch
from watcher.sources import parser

SAMPLES = {
    kind: [path for path in fixtures.cases(kind) if path.stat().st_size > 100]
    for kind in SOURCE_KINDS
}
PIECES = st.sampled_from(
    [
        b"",
        b"<",
        b">",
        b"&",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"<![CDATA[",
        b"</",
        b"|",
        b"&#0;",
        b"&#xD800;",
        b"http://[",
        b"9" * 30,
        b"{",
        b"[",
        b"\xc3",
    ]
)


def reads(kind: str, body: bytes) -> Snapshot | None:
    path = SAMPLES[kind][0]
    with contextlib.suppress(ParseError):
        return parser(kind)(
            fixtures.page(path, body), fixtures.watch(Path("everything-there-is"))
        )
    return None


def faults(read: Snapshot | None) -> list[str]:
    """Say what later floors could not bear of what was read.

    A document that cannot be read has nothing.
    """
    return unsound(read) if read else []


@pytest.mark.parametrize("kind", SOURCE_KINDS)
@given(body=st.binary(max_size=200))
def test_arbitrary_bytes_never_break_a_parser(kind: str, body: bytes) -> None:
    assert faults(reads(kind, body)) == []


@pytest.mark.parametrize("kind", SOURCE_KINDS)
@given(
    chosen=st.data(),
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), PIECES), min_size=1, max_size=4
    ),
)
def test_a_damaged_document_never_breaks_a_parser(
    kind: str, chosen: st.DataObject, cuts: list[tuple[float, int, bytes]]
) -> None:
    body = chosen.draw(st.sampled_from(SAMPLES[kind])).read_bytes()
    for where, length, piece in cuts:
        start = int(where * len(body))
        body = body[:start] + piece + body[start + length :]
    assert faults(reads(kind, body)) == []


@pytest.mark.parametrize("kind", SOURCE_KINDS)
@given(chosen=st.data(), end=st.floats(0, 1))
def test_a_document_that_breaks_off_never_breaks_a_parser(
    kind: str, chosen: st.DataObject, end: float
) -> None:
    body = chosen.draw(st.sampled_from(SAMPLES[kind])).read_bytes()
    assert faults(reads(kind, body[: int(end * len(body))])) == []


@given(end=st.floats(0.05, 0.99))
def test_a_month_that_breaks_off_is_never_taken_for_a_month(end: float) -> None:
    body = (fixtures.DATA / "cvrf/november@2031-Nov.xml").read_bytes().rstrip()
    with pytest.raises(ParseError):
        parser("cvrf")(
            fixtures.page(SAMPLES["cvrf"][0], body[: int(end * len(body))]),
            fixtures.watch(Path("x")),
        )


@given(end=st.floats(0.15, 0.98))
def test_a_feed_that_breaks_off_is_never_taken_for_a_feed(end: float) -> None:
    body = (fixtures.DATA / "feed/blog.xml").read_bytes().rstrip()
    with pytest.raises(ParseError):
        parser("feed")(
            fixtures.page(SAMPLES["feed"][0], body[: int(end * len(body))]),
            fixtures.watch(Path("x")),
        )


def test_a_body_that_reads_like_a_path_is_no_path() -> None:
    with pytest.raises(ParseError, match="/etc/hostname"):
        parser("feed")(
            fixtures.page(SAMPLES["feed"][0], b"/etc/hostname"),
            fixtures.watch(Path("x")),
        )


def test_a_deeply_nested_page_is_read_or_refused() -> None:
    for kind, body in (
        ("build-table", b"<table><tr><td>" * 5000),
        ("cvrf", b"[" * 100_000),
        ("cvrf", b"<cvrfdoc>" * 50_000),
        ("feed", b"<rss>" * 5000),
    ):
        assert reads(kind, body) is None


@pytest.mark.parametrize("kind", SOURCE_KINDS)
@pytest.mark.parametrize("depth", [100, 450, 600, 900, 980, 3000])
def test_json_of_any_depth_is_read_or_refused(kind: str, depth: int) -> None:
    """Python's own limit lies at a thousand levels, and some decoders allow as many."""
    for member in (b"value", b"Vulnerability", b"document", b"feed"):
        body = b'{"%b":%b%b}' % (member, b"[" * depth, b"]" * depth)
        assert faults(reads(kind, body)) == []


def reordered(html: bytes, kept: int) -> bytes:
    """Turn the columns of all tables round, and cut all rows but the heads short."""
    tree = BeautifulSoup(html, "lxml")
    for table in tree.find_all("table"):
        for number, row in enumerate(table.find_all("tr")):
            cells = row.find_all(["td", "th"], recursive=False)[::-1]
            for cell in cells:
                cell.extract()
            row.extend(cells if number == 0 else cells[:kept])
    return tree.encode()


@pytest.mark.parametrize("kind", SOURCE_KINDS)
def test_a_table_is_read_or_refused_whatever_its_order_and_its_short_rows(
    kind: str,
) -> None:
    for path in fixtures.cases(kind):
        for kept in range(5 if path.suffix == ".html" else 0):
            page = fixtures.page(path, reordered(path.read_bytes(), kept))
            with contextlib.suppress(ParseError):
                parser(kind)(page, Watch(("*",)))


def test_what_was_said_of_an_issue_may_lack_its_time_zone() -> None:
    body = (fixtures.DATA / "windows-graph/windows-products.json").read_bytes()
    without = body.replace(b':27.29Z"', b':27.29"', 1)
    assert without != body
    snapshot, same = reads("windows-graph", body), reads("windows-graph", without)
    assert snapshot is not None
    assert same is not None
    assert same.entries == snapshot.entries


def test_a_kind_that_does_not_exist_is_a_configuration_error_that_lists_those_that_do() -> (
    None
):
    with pytest.raises(ConfigurationError, match=r"build-table, .*cvrf"):
        parser("rss")
