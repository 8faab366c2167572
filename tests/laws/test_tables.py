"""A table of builds.

What happens to its page is no pull and no re-release, and what is new in it is found.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from warcio.archiveiterator import ArchiveIterator

from tests.laws import tables
from tests.laws.memory import Memory
from tests.laws.tables import Row
from watcher.errors import ParseError
from watcher.records import Event, Kind, Page, Snapshot, Watch
from watcher.sources import build_table

TURNS = (Kind.PULLED, Kind.RE_RELEASED, Kind.CORRECTED)
HOWEVER_MANY = pytest.mark.parametrize(
    "count", [100, pytest.param(1000, marks=pytest.mark.soak)]
)


@pytest.fixture(scope="module")
def page() -> Snapshot:
    return tables.read(tables.html(tables.full()))


@pytest.fixture(scope="module")
def known(page: Snapshot) -> Memory:
    memory = Memory()
    memory.check(page)
    assert memory.events == []
    assert memory.updates
    return memory


def lived(known: Memory, first: Snapshot, shown: Snapshot) -> list[Event]:
    """Show a changed page a day later and once more, then the page as it was."""
    memory = known.twin()
    for hours, copy in ((24, shown), (27, shown), (30, first)):
        memory.check(replace(copy, time=first.time + timedelta(hours=hours)))
    return memory.events


def turned(known: Memory, first: Snapshot, body: str) -> list[str]:
    try:
        shown = tables.read(body)
    except ParseError:
        return []  # the source's failure, not news
    return [
        f"{event.kind} {event.confidence}: {event.summary}"
        for event in lived(known, first, shown)
        if event.kind in TURNS
    ]


def edits(count: int) -> Iterator[tuple[str, str]]:
    for seed in range(count):
        what, edited = tables.edited(tables.full(), random.Random(f"edit {seed}"))
        yield what, tables.html(edited)


def shifts(count: int) -> Iterator[tuple[str, str]]:
    for seed in range(count):
        yield tables.shifted(tables.full(), random.Random(f"shift {seed}"))


@HOWEVER_MANY
def test_an_edited_row_is_neither_pulled_nor_re_released(
    count: int, known: Memory, page: Snapshot
) -> None:
    assert {
        what: told for what, body in edits(count) if (told := turned(known, page, body))
    } == {}


@HOWEVER_MANY
def test_a_layout_that_shifts_is_neither_a_pull_nor_a_re_release(
    count: int, known: Memory, page: Snapshot
) -> None:
    assert {
        what: told
        for what, body in shifts(count)
        if (told := turned(known, page, body))
    } == {}


def test_only_a_young_row_that_is_removed_is_suspected(
    known: Memory, page: Snapshot
) -> None:
    rows = tables.full()
    for table, place in [(0, 0), (1, 0), (1, 9), (1, 11), (2, 3), (4, 0), (5, 5)]:
        gone = rows[table][place]
        left = [[each for each in rest if each != gone] for rest in rows]
        told = lived(known, page, tables.read(tables.html(left)))
        young = gone.name.endswith(("Oct30SU", "Sep30SU", "Aug30SUv2"))
        assert [f"{event.kind} {event.confidence}" for event in told] == (
            ["pulled suspected", "corrected confirmed"] if young else []
        )


def test_a_row_that_is_gone_with_all_of_its_update_is_suspected_until_it_is_back(
    known: Memory, page: Snapshot
) -> None:
    left = [
        [each for each in table if "Oct30SU" not in each.name]
        for table in tables.full()
    ]
    told = lived(known, page, tables.read(tables.html(left)))
    assert [f"{event.kind} {event.confidence}" for event in told] == [
        "pulled suspected",
        "corrected confirmed",
    ]


# --- what is new is found -------------------------------------------------------------


def news(chance: random.Random) -> tuple[str, Row, int]:
    """Make a genuine new row: its event, the row, and its table."""
    line = chance.randrange(len(tables.LINES))
    numbers = tables.LINES[line][1]
    table = (0, 1, 1, 2, 3)[line]
    kind = chance.choice(["month", "version", "cumulative"])
    if kind == "month":
        made = tables.security_update(line, 11)
        return "released exchange-server-2030-11-su", made, table
    if kind == "version":
        made = tables.security_update(line, 10, version=2)
        return "re-released exchange-server-2030-10-su", made, table
    edition, number = chance.choice([("2019", 16), ("2016", 24), ("SE", 1)])
    build = (
        numbers[0],
        numbers[1],
        numbers[2] + chance.randint(100, 900),
        chance.randint(1, 20),
    )
    links = [
        f"{tables.DOWNLOAD}b249e06c-62f4-4b62-adf8-7d3822{chance.randrange(10**6):06}",
        f"{tables.SUPPORT}9100{chance.randrange(1000):03}",
    ]
    made = tables.row(
        f"Exchange Server {edition} CU{number}",
        tables.patch_day(11),
        build,
        chance.choice(links),
    )
    return f"released exchange-server-{edition.lower()}-cu{number}", made, table


def inserted(chance: random.Random) -> tuple[str, str]:
    expected, made, table = news(chance)
    rows = tables.full()
    rows[table].insert(chance.randrange(len(rows[table]) + 1), made)
    return expected, tables.html(rows)


@HOWEVER_MANY
def test_a_new_row_is_found(count: int, known: Memory, page: Snapshot) -> None:
    missed = {}
    for seed in range(count):
        expected, body = inserted(random.Random(f"new {seed}"))
        memory = known.twin()
        memory.check(
            replace(tables.read(body), time=tables.FIRST_CHECK + timedelta(days=24))
        )
        told = [f"{event.kind} {event.update.id}" for event in memory.events]
        if told != [expected]:
            missed[seed] = (expected, told)
    assert missed == {}


# --- the recorded pages ---------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(corpus: Path) -> Page:
    """The last table of builds that was recorded with the vendor's own HTML.

    Of each of its tables the newest rows.
    """
    found = []
    for path in sorted(corpus.glob("d2-*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                url = record.rec_headers.get_header("WARC-Target-URI") or ""
                if record.rec_type == "response" and "build-numbers" in url:
                    found.append(
                        (
                            record.rec_headers.get_header("WARC-Date"),
                            url,
                            record.content_stream().read(),
                        )
                    )
    if not found:
        pytest.skip("no table of builds was recorded")
    date, url, body = max(found)
    return Page(
        "builds",
        "",
        url,
        datetime.fromisoformat(date),
        200,
        _newest_rows(body.decode()).encode(),
        "text/html",
    )


def _newest_rows(body: str) -> str:
    """Cut each table after some rows: a page of hundreds takes long to read a thousand times."""
    return re.sub(
        r"(<tbody>(?:\s*<tr>.*?</tr>){1,10}).*?(?=</tbody>)",
        r"\1",
        body,
        flags=re.DOTALL,
    )


def _cell_edited(body: str, chance: random.Random) -> tuple[str, str]:
    """Mistype something in one cell.

    Its text or its link, never the two forms of a build at once.
    """
    places = [
        found.span(1) for found in re.finditer(r"<td[^>]*>(.*?)</td>", body, re.DOTALL)
    ]
    start, end = chance.choice(places)
    mistyped = tables.mistyped(body[start:end], chance)
    return f"{body[start:end]} -> {mistyped}", body[:start] + mistyped + body[end:]


def _row_moved(body: str, chance: random.Random) -> tuple[str, str]:
    rows = [
        found.span() for found in re.finditer(r"<tr>\s*<td.*?</tr>", body, re.DOTALL)
    ]
    (start, end), (before, _) = chance.choice(rows), chance.choice(rows)
    row, rest = body[start:end], body[:start] + body[end:]
    place = before if before <= start else before - len(row)
    return f"moved {row}", rest[:place] + row + rest[place:]


@pytest.mark.parametrize("count", [30, pytest.param(1000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("edit", [_cell_edited, _row_moved], ids=["edited", "moved"])
def test_a_recorded_page_that_is_edited_tells_of_no_pull_and_no_re_release(
    count: int, edit: Callable[[str, random.Random], tuple[str, str]], recorded: Page
) -> None:
    first = build_table.parse(recorded, Watch())
    memory = Memory()
    memory.check(first)
    found = {}
    for seed in range(count):
        what, body = edit(recorded.body.decode(), random.Random(f"recorded {seed}"))
        try:
            shown = build_table.parse(replace(recorded, body=body.encode()), Watch())
        except ParseError:
            continue
        told = [
            event.summary
            for event in lived(memory, first, shown)
            if event.kind in TURNS
        ]
        if told:
            found[what] = told
    assert found == {}


@pytest.mark.parametrize("head", tables.HEADS)
def test_a_small_table_whose_head_cannot_be_read_is_the_sources_failure(
    head: str, known: Memory, page: Snapshot
) -> None:
    body = tables.html(tables.full()).replace(f"<th>{head}</th>", "<th>?</th>", 1)
    assert turned(known, page, body) == []
    if head != tables.HEADS[3]:  # the long form is not needed
        with pytest.raises(ParseError, match="head without a column"):
            tables.read(body)
