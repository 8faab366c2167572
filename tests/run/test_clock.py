"""A clock that jumps a year ahead and back between runs.

Sources are asked, mail is sent, nothing is told twice.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.attacks import tried
from tests.mailing import MailServer, Postbox
from tests.run.stage import ROWS, Stage
from tests.run.test_run_processes import environ
from tests.servers import SourceServer
from tests.stories.pages import table
from watcher.records import Times
from watcher.store import Store

AT_A_TIME = """
import sys, time_machine
time_machine.travel(sys.argv.pop(1)).start()
from watcher.cli import main
main()
"""
T0 = datetime(2024, 11, 12, 18, tzinfo=UTC)
ROW = (
    "Exchange Server 2019 CU14 Nov25SU",
    "November 11, 2025",
    "15.2.1544.99",
    "KB5099999",
)
TOLD = "released exchange-server-2025-11-su KB5099999"
MAIL = """[mail]
from = "w@example.org"
smtp = "{url}?starttls=never"
[[subscriber]]
name = "readers"
to = ["readers@example.org"]
when = "daily 07:00"
"""
YEAR, DAY, HOUR = timedelta(days=365), timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def stage(web: SourceServer, tmp_path: Path, postbox: Postbox) -> Iterator[Stage]:
    with MailServer(postbox) as mail:
        yield Stage(
            web, tmp_path, "sqlite:///state/watcher.db", MAIL.format(url=mail.url)
        )


def at(stage: Stage, time: datetime, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", AT_A_TIME, time.isoformat(), *words]
    return subprocess.run(
        line,
        cwd=stage.folder,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def about(postbox: Postbox, update: str, to: str) -> list[bytes]:
    return [
        message.body
        for message in postbox.messages
        if update.encode() in message.body and message.recipients == [to]
    ]


def test_what_a_clock_a_year_ahead_saw_is_told_once_when_it_is_right_again(
    stage: Stage, postbox: Postbox
) -> None:
    assert at(stage, T0, "run").returncode == 0
    postbox.rcpt["admins@example.org"] = "450 later"
    stage.show(builds=table(ROW, *ROWS))
    ahead = at(stage, T0 + YEAR, "run")
    assert ahead.returncode == 1
    assert "deferred" in ahead.stderr

    postbox.rcpt.clear()
    stage.web.forget()
    back = at(stage, T0 + DAY, "run")

    assert (back.returncode, back.stdout) == (0, ""), back.stderr
    assert {asked.target for asked in stage.web.requests} >= {
        "/builds",
        "/blog",
        "/issues",
        "/updates",
    }, "a source waits for a year"
    assert stage.events() == [TOLD]
    assert len(about(postbox, "KB5099999", "admins@example.org")) == 1, (
        "mail waits for a year"
    )
    assert len(about(postbox, "KB5099999", "readers@example.org")) == 1, (
        "a digest waits for a year"
    )


@tried("age")
@pytest.mark.parametrize("gone", ["the source", "the document"])
def test_what_a_clock_ahead_asked_and_nobody_asks_again_hurries_no_digest(
    stage: Stage, postbox: Postbox, gone: str
) -> None:
    """Its check times stayed in the future: each run came after a gap, for a year."""
    assert at(stage, T0, "run").returncode == 0
    assert at(stage, T0 + YEAR, "run").returncode == 0
    if gone == "the source":
        text = stage.file.read_text(encoding="utf-8")
        named = '[[source]]\nname = "issues"'
        start = text.index(named)
        end = text.index("[[", start + len(named))
        stage.file.write_text(text[:start] + text[end:], encoding="utf-8")
    else:
        with Store.open(f"sqlite:///{stage.folder}/state/watcher.db") as store:
            ahead = T0 + YEAR
            store.touch([Times("msrc", "2023-Jan", ahead, ahead)])
    # It is right again at noon: what waits for seven waits for seven
    noon = T0 + timedelta(hours=18)
    assert at(stage, noon, "run", "--force").returncode == 0
    postbox.messages.clear()
    stage.show(builds=table(ROW, *ROWS))
    for late in (1, 2, 3):
        assert at(stage, noon + late * HOUR, "run", "--force").returncode == 0
    assert about(postbox, "KB5099999", "readers@example.org") == []
    assert at(stage, noon + 24 * HOUR, "run", "--force").returncode == 0
    assert len(about(postbox, "KB5099999", "readers@example.org")) == 1
