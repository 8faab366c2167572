"""``watcher run`` as cron starts it: a process, its exit code, and what it leaves."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.edges.ledger_samples import fill
from tests.run.stage import ROWS, Stage
from tests.servers import OUTAGE, Reply, SourceServer
from tests.stories.pages import table
from watcher.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with SourceServer() as web:
        yield Stage(web, tmp_path, "sqlite:///state/watcher.db")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "watcher", *words]


def environ() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WATCHER_", "COV_", "COVERAGE"))
    }
    return kept | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("run", *words),
        cwd=folder,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_check_that_reads_all_ends_with_0_and_one_that_does_not_with_1(
    stage: Stage,
) -> None:
    assert run(stage.folder).returncode == 0
    assert (stage.folder / "state" / "watcher.db").exists()
    stage.show(blog=Reply(OUTAGE, content_type="text/html"), builds=Reply(status=404))

    ended = run(stage.folder, "--force")

    assert ended.returncode == 1
    assert sorted(re.findall(r" error +(\w+): ", ended.stderr)) == ["blog", "builds"]
    assert "Traceback" not in ended.stderr
    assert run(stage.folder, "-q").returncode == 1  # a failed source is due at once


def test_what_cron_runs_tells_each_thing_once(stage: Stage) -> None:
    today = datetime.now(UTC)
    assert run(stage.folder, "-q").returncode == 0
    stage.show(
        builds=table(
            (
                f"Exchange Server 2019 CU14 {today:%b%y}SU",
                f"{today:%B %d, %Y}",
                "15.2.1544.99",
                "KB5099999",
            ),
            *ROWS,
        )
    )

    first, second = run(stage.folder, "--force"), run(stage.folder, "--force")

    assert (first.returncode, second.returncode, second.stdout) == (0, 0, ""), (
        first.stderr + second.stderr
    )
    assert len(first.stdout.splitlines()) == 1
    assert stage.events() == [f"released exchange-server-{today:%Y-%m}-su KB5099999"]


@contextmanager
def waiting(stage: Stage) -> Iterator[subprocess.Popen[str]]:
    """Start a check, and wait until it waits for an answer that never comes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        stage.file.write_text(
            stage.file.read_text(encoding="utf-8").replace(
                stage.web.url("/builds"), f"http://127.0.0.1:{silent.getsockname()[1]}/"
            )
        )
        with subprocess.Popen(
            command("run"),
            cwd=stage.folder,
            env=environ(),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)
                try:
                    yield process
                finally:
                    process.kill()


@pytest.fixture
def any_stage(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    """A stage for each kind of database."""
    with SourceServer() as web:
        yield Stage(web, tmp_path, database_url)


def beside_the_state(folder: Path) -> dict[str, bytes]:
    """Give every file but those that the first run holds: Windows lets nobody read them."""
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("watcher.db")
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_second_run_ends_with_3_and_touches_nothing_while_the_first_goes_on(
    any_stage: Stage,
) -> None:
    stage = any_stage
    with waiting(stage) as first:
        before = beside_the_state(stage.folder)
        second = run(stage.folder)
        after = beside_the_state(stage.folder)

        assert second.returncode == 3
        assert f"process {first.pid}" in second.stderr
        # The first run's
        assert (
            max(
                Counter(asked.target for asked in stage.web.requests).values(),
                default=0,
            )
            <= 1
        )
        assert after == before
        assert first.poll() is None


def test_a_run_that_was_killed_leaves_no_lock_behind(stage: Stage) -> None:
    with waiting(stage) as first:
        first.kill()
        first.wait(60)
        (stage.folder / "watcher.toml").write_text(
            stage.file.read_text(encoding="utf-8").split('[[source]]\nname = "builds"')[
                0
            ],
            encoding="utf-8",
        )
        assert run(stage.folder, "--force").returncode == 0


def torn(content: bytes) -> bytes:
    return content[: len(content) // 2 + 100]


def scribbled(content: bytes) -> bytes:
    """Write noise over every other page but the first."""
    noise = random.Random(3)
    pages = [content[start : start + 4096] for start in range(0, len(content), 4096)]
    return b"".join(
        noise.randbytes(len(page)) if number % 2 else page
        for number, page in enumerate(pages)
    )


def replaced(_content: bytes) -> bytes:
    return b"This is a letter, not a database.\n" * 200


@pytest.mark.parametrize(
    "damage",
    [
        scribbled,
        *(pytest.param(each, marks=pytest.mark.soak) for each in (torn, replaced)),
    ],
)
def test_a_damaged_state_ends_the_run_with_1_a_way_out_and_nothing_asked_sent_or_written(
    stage: Stage, damage: Callable[[bytes], bytes]
) -> None:
    file = stage.folder / "state" / "watcher.db"
    with Store.open(f"sqlite:///{file}") as store:
        fill(store)
    file.write_bytes(damage(file.read_bytes()))
    before = file.read_bytes()

    ended = run(stage.folder, "--force")

    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert f"The state {file} does not work" in ended.stderr
    assert "Restore it from a backup" in ended.stderr
    assert "watcher state import" in ended.stderr
    assert file.read_bytes() == before
    assert not (stage.folder / "outbox").exists()
