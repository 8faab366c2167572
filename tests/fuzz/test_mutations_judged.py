"""No damage to a document makes a check crash or tell of a pull (law 4, and the first promise).

A copy that is read is judged, too.

Each mutation is one copy that came damaged: it is judged as the next check of a
watcher that knows the whole story, and the whole copy is there again an hour later.
The suite does some hundreds; ``make fuzz`` does 10,000, and 300 more as whole runs
over HTTP are in ``make soak``.  A failure names the mutation, and keeps the body in
``out/fuzz``.
"""

from __future__ import annotations

import hashlib
import random
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fuzz.mutation import damaged
from tests.fuzz.test_mutations import KEPT
from tests.laws.memory import Memory
from tests.run.stage import (
    ISSUE,
    KINDS,
    NEW_ROW,
    PATHS,
    POSTS,
    ROWS,
    STORY,
    Stage,
    moment,
    november,
)
from tests.servers import Reply, SourceServer
from tests.stories.pages import blog, issues, post, table
from watcher.errors import ParseError
from watcher.records import Confidence, Event, Kind, Page, Snapshot, Watch
from watcher.sources import parser

NOW = moment(STORY[0][0]) + timedelta(hours=12)
HOUR = timedelta(hours=1)
RELEASED = post(
    4293000,
    "Released: November 2024 Exchange Server Security Updates",
    "2024-11-12",
    (
        "<p>Updates are available for CU14. KB5044062 is offered in the Download "
        "Center; install it soon.</p>"
    ),
)
BODIES = {
    "builds": table(NEW_ROW, *ROWS),
    "issues": issues(ISSUE),
    "blog": blog(RELEASED, *POSTS),
    "msrc": november().body,
}
DOCUMENTS = {"msrc": "2024-Nov"}
IN_THE_SUITE, FUZZED, SOAKED = 100, 2500, 300  # of each source


def page(source: str, body: bytes, hours: int = 0) -> Page:
    return Page(
        source,
        DOCUMENTS.get(source, ""),
        f"https://example.org/{source}",
        NOW + hours * HOUR,
        200,
        body,
    )


def read(source: str, body: bytes, hours: int = 0) -> Snapshot:
    return parser(KINDS[source])(page(source, body, hours), Watch())


@pytest.fixture(scope="module")
def known() -> Memory:
    """A watcher that has read all four sources, and knows November's update."""
    memory = Memory()
    for source, body in BODIES.items():
        memory.check(read(source, body), kind=KINDS[source])
    return memory


def injured(source: str, number: int, seed: str) -> bytes:
    return damaged(
        BODIES[source],
        list(BODIES.values()),
        random.Random(f"{seed} {source} {number}"),
    )


def pulls(events: tuple[Event, ...]) -> list[str]:
    return [
        event.id
        for event in events
        if event.kind is Kind.PULLED and event.confidence is Confidence.CONFIRMED
    ]


def judge(known: Memory, source: str, number: int, seed: str) -> bool:
    """Judge one damaged copy, and the whole one after it; say whether it could be read at all."""
    body = injured(source, number, seed)
    memory = known.twin()
    try:
        copy = read(source, body, 1)
    except ParseError:
        return False
    try:
        told = memory.check(copy, kind=KINDS[source]).events
        told += memory.check(read(source, BODIES[source], 3), kind=KINDS[source]).events
        wrong = pulls(told)
    except Exception as error:  # noqa: BLE001 - any is what is searched for
        wrong = [f"{type(error).__name__}: {error}"]
    if wrong:
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / f"judged-{source}-{number}").write_bytes(body)
        pytest.fail(
            f"{source}, seed {seed!r}, mutation {number}, kept in {KEPT}: {wrong}"
        )
    return True


@pytest.mark.parametrize("source", BODIES)
def test_hundreds_of_damaged_copies_tell_of_no_pull(known: Memory, source: str) -> None:
    assert (
        sum(judge(known, source, number, "suite") for number in range(IN_THE_SUITE)) > 0
    )


@pytest.mark.fuzz
@pytest.mark.parametrize("source", BODIES)
def test_thousands_of_damaged_copies_tell_of_no_pull(
    known: Memory, source: str
) -> None:
    seed = f"{random.randrange(2**32):08x}"
    count = sum(judge(known, source, number, seed) for number in range(FUZZED))
    assert count > 0, "no copy could be read: nothing was judged"
    print(f"{source}: {FUZZED} mutations, {count} of them readable, seed {seed}")  # noqa: T201 - shown by -s


@pytest.mark.parametrize("count", [12, pytest.param(SOAKED, marks=pytest.mark.soak)])
def test_damaged_pages_in_whole_runs_are_failures_or_nothing_and_the_whole_page_is_well(
    tmp_path: Path, count: int
) -> None:
    """Each check fetches one source's page damaged; the one after it finds the whole page again."""
    with SourceServer() as web:
        stage = Stage(web, tmp_path, "sqlite:///state/watcher.db")
        stage.check("2024-11-08T06:00:00Z")
        stage.show(STORY[0][1], builds=BODIES["builds"], blog=BODIES["blog"])
        time = moment(STORY[0][0])
        stage.check(f"{time:%Y-%m-%dT%H:%M:%SZ}")
        paths = PATHS | {"msrc": stage.path("2024-Nov")}
        for number in range(count):
            source = list(BODIES)[number % len(BODIES)]
            for body in (injured(source, number, "http"), BODIES[source]):
                time += 2 * HOUR
                web.play(
                    paths[source],
                    Reply(body, etag=f'"{hashlib.sha256(body).hexdigest()}"'),
                )
                report = stage.check(f"{time:%Y-%m-%dT%H:%M:%SZ}")
                failures = [
                    failure for each in report.sources for failure in each.failures
                ]
                assert pulls(report.events) == [], (source, number)
                # A whole page may be doubted for two days when the damaged one had many
                # entries more.
                unread = {failure.source for failure in failures if not failure.suspect}
                assert unread <= ({source} if body != BODIES[source] else set()), (
                    source,
                    number,
                )
