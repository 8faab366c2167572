"""Runs that are stopped by a signal in any phase, and two machines that watch for one team.

All is told, nothing twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.mailing import MailServer, Postbox
from tests.run.stage import ROWS, Stage
from tests.run.test_run_processes import command, environ, waiting
from tests.servers import SourceServer
from tests.stories.pages import table

TODAY = datetime.now(UTC)
ROW = (
    f"Exchange Server 2019 CU14 {TODAY:%b%y}SU",
    f"{TODAY:%B %d, %Y}",
    "15.2.1544.99",
    "KB5099999",
)
TOLD = f"released exchange-server-{TODAY:%Y-%m}-su KB5099999"

# A run that sends itself a signal as soon as it does what a phase is known by: a
# statement, or the name that a file gets.
STOPPED = """
import os, signal, sys
from tests.statements import heard
from watcher.cli import main

mark, number = sys.argv.pop(1), getattr(signal, sys.argv.pop(1))

def stop(said):
    global mark
    if mark and mark in said:
        mark = ""
        os.kill(os.getpid(), number)

sys.addaudithook(lambda name, args: stop(f"rename to {os.fsdecode(args[1])}") if name == "os.rename" else None)

with heard(stop):
    main()
"""
PHASES = {
    "record": "INSERT INTO events ",
    "seal": "INSERT INTO messages ",
    "send": ".eml",
    "note the receipt": "INTO deliveries",
    "publish": "/index.html",
    "keep evidence": ".warc.gz",
    "write figures": ".prom",
}
CODES = {"SIGTERM": 143, "SIGINT": 130}


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


def stopped(stage: Stage, phase: str, signal: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", STOPPED, PHASES[phase], signal, "run", "--force"]
    return subprocess.run(
        line,
        cwd=stage.folder,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("run", "--force"),
        cwd=folder,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.skipif(
    sys.platform == "win32",
    reason="signals of POSIX; Windows ends a process without asking it",
)
@pytest.mark.parametrize("first", [0, pytest.param(1, marks=pytest.mark.soak)])
def test_a_signal_in_any_phase_ends_the_run_tidily_and_the_next_one_goes_on(
    web: SourceServer, tmp_path: Path, first: int
) -> None:
    stage = Stage(web, tmp_path, "sqlite:///state/watcher.db")
    assert run(tmp_path).returncode == 0
    stage.show(builds=table(ROW, *ROWS))
    for number, phase in enumerate(list(PHASES)[:5], first):
        signal = sorted(CODES)[number % 2]
        ended = stopped(stage, phase, signal)
        assert (phase, ended.returncode) == (phase, CODES[signal]), ended.stderr
        assert ended.stderr.splitlines()[-1].endswith("The next run goes on from here.")
        assert "Traceback" not in ended.stderr
        assert not list((tmp_path / "state").glob("*.holder"))
        assert not list((tmp_path / "outbox").glob(".*"))

    last = run(tmp_path)
    assert (last.returncode, last.stdout) == (0, ""), last.stderr
    assert stage.events() == [TOLD]
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 2
    site = json.loads((tmp_path / "public" / "events.json").read_text(encoding="utf-8"))
    assert len(site["items"]) == 1


@pytest.mark.skipif(
    sys.platform == "win32",
    reason="signals of POSIX; Windows ends a process without asking it",
)
def test_a_signal_while_sources_are_asked_ends_the_run_within_seconds(
    web: SourceServer, tmp_path: Path
) -> None:
    import signal

    stage = Stage(web, tmp_path, "sqlite:///state/watcher.db")
    with waiting(stage) as process:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said.splitlines()[-1]) == (
        143,
        "Terminated. The next run goes on from here.",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no POSIX signals")
def test_what_killed_runs_left_half_written_goes_with_the_next_one(
    web: SourceServer, tmp_path: Path
) -> None:
    stage = Stage(
        web,
        tmp_path,
        "sqlite:///state/watcher.db",
        'evidence = "state/evidence"\nmetrics = "state/watcher.prom"\n',
    )
    assert run(tmp_path).returncode == 0
    stage.show(builds=table(ROW, *ROWS))

    def left() -> set[str]:
        here = [
            path.name
            for path in tmp_path.rglob("*")
            if path.is_file() and path.name != ".level"
        ]
        return {name for name in here if name.startswith(".") or ".prom." in name}

    for phase in ("keep evidence", "send", "publish", "write figures"):
        assert stopped(stage, phase, "SIGKILL").returncode == -9
        assert left(), phase
    assert run(tmp_path).returncode == 0
    assert left() == set()
    assert stage.events() == [TOLD]
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 2


def test_two_machines_over_one_database_mail_once(
    web: SourceServer, tmp_path: Path, postgres_url: str
) -> None:
    postbox = Postbox()
    with MailServer(postbox) as mail:
        more = f'[mail]\nfrom = "watcher@example.org"\nsmtp = "{mail.url}?starttls=never"\n'
        folders = [tmp_path / name for name in ("one", "other")]
        for folder in folders:
            folder.mkdir()
        stage, _ = (Stage(web, folder, postgres_url, more) for folder in folders)
        assert run(folders[0]).returncode == 0
        stage.show(builds=table(ROW, *ROWS))

        pair = [
            subprocess.Popen(
                command("run", "--force"),
                cwd=folder,
                env=environ(),
                stderr=subprocess.PIPE,
            )
            for folder in folders
        ]
        said = [process.communicate(timeout=120)[1].decode() for process in pair]

        codes = [process.returncode for process in pair]
        # One after the other, or beside each other
        assert sorted(codes) in ([0, 0], [0, 3]), said
        assert all(
            "is held by" in text for text, code in zip(said, codes, strict=True) if code
        )
        assert run(folders[1]).returncode == 0
    assert stage.events() == [TOLD]
    # The welcome, and the release
    assert [b"KB5099999" in message.body for message in postbox.messages] == [
        False,
        True,
    ]
