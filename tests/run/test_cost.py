"""A run's cost follows what changed, not what is stored."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.run.stage import HASTY, ROWS, Stage, moment
from tests.servers import SourceServer
from tests.statements import statements
from tests.stories.pages import table
from tests.stories.telling import line
from watcher.judgement.event import Summary, compose_event
from watcher.judgement.names import update_names
from watcher.records import (
    Document,
    Entry,
    Kind,
    Outcome,
    Package,
    State,
    StoredEntry,
    Update,
)
from watcher.run.check import check
from watcher.store import EntryChanges, Store
from watcher.web.fetch import Fetcher

Statements = list[str]


def unchanged(stage: Stage, time: str) -> Statements:
    """Make a check in which nothing has changed; what it asked the database."""
    with (
        Store.open(stage.settings.state) as store,
        Fetcher(HASTY) as web,
        statements() as said,
    ):
        report = check(stage.settings, store, web, moment(time), force=True)
    assert (report.failed, report.events) == (False, ())
    return said


def fill(stage: Stage, count: int) -> None:
    """Let the state hold ``count`` old updates more, each told and each with an entry of
    the table.
    """
    old = moment("2020-01-14T18:00:00Z")
    rows, told, entries = [], [], []
    for number in range(count):
        package = Package(
            "Exchange Server 2013 CU23", f"KB4{number:06d}", f"15.0.1497.{number + 100}"
        )
        row = Update(
            f"old-{number}",
            f"Old {number}",
            "Exchange Server",
            "SU",
            "",
            1,
            State.RELEASED,
            old,
            old,
            old,
            packages=(package,),
        )
        row = replace(row, names=update_names(row))
        rows.append(row)
        told.append(
            compose_event(
                row,
                Kind.RELEASED,
                old,
                summary=Summary(f"Old {number} is available."),
            )
        )
        entries.append(
            StoredEntry(
                Entry(f"old {number}", f"old {number}", packages=(package,)), "0" * 64
            )
        )
    with Store.open(stage.settings.state) as store:
        changes = EntryChanges("", tuple(entries), (), old)
        store.record(
            "old",
            documents=[Document("old", "", "https://example.org/")],
            entries=[changes],
            outcome=Outcome(events=tuple(told), updates=tuple(rows)),
        )
        store.seal([], store.unsealed_events())


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


def test_the_statements_of_a_check_do_not_grow_with_what_is_stored(
    web: SourceServer, tmp_path: Path, database_url: str
) -> None:
    stage = Stage(web, tmp_path, database_url)
    stage.check("2024-11-08T06:00:00Z", publish=True)
    few = unchanged(stage, "2024-11-08T07:00:00Z")

    fill(stage, 400)
    stage.check("2024-11-08T07:30:00Z", publish=True)
    many = unchanged(stage, "2024-11-08T08:00:00Z")

    assert len(many) == len(few)


def test_the_statements_of_a_release_do_not_grow_with_what_is_stored(
    web: SourceServer, tmp_path: Path, database_url: str
) -> None:
    stage = Stage(web, tmp_path, database_url)
    stage.check("2024-11-08T06:00:00Z")
    shown: list[tuple[str, ...]] = list(ROWS)
    counts = []
    for month, name, build, stored in (
        ("November", "Nov", 13, 0),
        ("December", "Dec", 15, 0),
        ("January", "Jan", 17, 400),
    ):
        day = datetime.strptime(
            f"{month} 10 {2025 if month == 'January' else 2024}", "%B %d %Y"
        ).replace(tzinfo=UTC)
        fill(stage, stored)
        shown.insert(
            0,
            (
                f"Exchange Server 2019 CU14 {name}{day:%y}SU",
                f"{day:%B %d, %Y}",
                f"15.2.1544.{build}",
                f"KB50990{build}",
            ),
        )
        stage.show(builds=table(*shown))
        with (
            Store.open(stage.settings.state) as store,
            Fetcher(HASTY) as asked,
            statements() as said,
        ):
            report = check(stage.settings, store, asked, day, force=True, publish=False)
        assert [line(event).split()[0] for event in report.events] == ["released"]
        counts.append(len(said))

    assert counts[1] == counts[2]


def test_a_check_in_which_nothing_changed_writes_in_one_transaction(
    web: SourceServer, tmp_path: Path
) -> None:
    stage = Stage(web, tmp_path, "sqlite:///state/watcher.db")
    stage.check("2024-11-08T06:00:00Z", publish=True)
    stage.check("2024-11-08T06:30:00Z", publish=True)

    said = unchanged(stage, "2024-11-08T07:00:00Z")
    assert [statement for statement in said if statement == "BEGIN IMMEDIATE"] == [
        "BEGIN IMMEDIATE"
    ]
    written = [
        statement.split()[2]
        for statement in said
        if statement.startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    assert set(written) == {"times"}


# --- What a process loads -------------------------------------------------------------

ROOT = Path(__file__).parents[2]
# Heavy libraries of others, and parsers that need them at once
PARSERS = {
    "lxml.html",
    "bs4",
    "feedparser",
    "markdown_it",
    "watcher.sources.markup",
    "watcher.sources.feed",
    "watcher.sources.cvrf",
}
RENDERING = {"jinja2", "css_inline"}
ASKING = {"urllib3", "watcher.web.client"}
SELDOM = {"platformdirs", "ctypes"}
OTHERS = {"watcher.cli.doctor", "watcher.cli.sources", "watcher.cli.replay"}
RUN = """
import sys
sys.argv = ["watcher", "run", "-q", *sys.argv[1:]]
from watcher.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules)
"""


def loaded(stage: Stage, *words: str) -> set[str]:
    """Run ``watcher run`` in a process of its own, and give the modules loaded at its end."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WATCHER_", "COV_", "COVERAGE"))
    }
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *words],
        cwd=stage.folder,
        env=kept | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return set(ran.stdout.split())


def test_a_run_loads_what_it_needs(web: SourceServer, tmp_path: Path) -> None:
    stage = Stage(web, tmp_path, "sqlite:///state/watcher.db")
    first = loaded(stage)
    assert {"lxml", "bs4", "jinja2", "urllib3", "watcher.judgement.interpret"} <= first
    assert (
        first
        & {
            "watcher.cli.mail",
            "watcher.cli.show",
            "markdown_it",
            "rich",
            "apprise",
            "psycopg",
            # What several machines share, a single one knows nothing of
            "procrastinate",
            "watcher.run.queue",
            "watcher.run.work",
            "watcher.run.worker",
        }
        == set()
    )

    asked = len(web.requests)
    unchanged = loaded(stage, "--force")
    assert len(web.requests) > asked
    assert unchanged & (PARSERS | RENDERING | SELDOM | OTHERS) == set()

    asked = len(web.requests)
    idle = loaded(stage)
    assert len(web.requests) == asked
    assert idle & (PARSERS | RENDERING | ASKING | SELDOM | OTHERS) == set()
