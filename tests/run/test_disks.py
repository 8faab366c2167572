"""Disks that are full or read-only, as whole runs meet them.

What fails is named with its remedy, and nothing is lost once there is room.

The disks are real ones, of memory, mounted for a test: that takes Linux and root.
Elsewhere these tests are skipped, and counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.run.stage import ROWS, Stage, written
from tests.run.test_run_processes import command, environ
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
SIZE = 8 << 20


def mountable() -> bool:
    """Say whether a file system may be mounted here, which a container's root may not always."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    tried = [
        "unshare",
        "--mount",
        "mount",
        "-t",
        "tmpfs",
        "-o",
        "size=64k",
        "tmpfs",
        "/mnt",
    ]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not mountable(), reason="no disk can be mounted here (Linux and root can)"
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True
    )
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


@contextmanager
def full(disk: Path, left: int = 0) -> Iterator[None]:
    """Fill a disk up to ``left`` bytes."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    filler.write_bytes(bytes(max(free.f_bavail * free.f_frsize - left, 0)))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


def watcher(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    line = command(*words)
    return subprocess.run(
        line,
        cwd=stage.folder,
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def known(web: SourceServer, folder: Path, state: Path, more: str = "") -> Stage:
    """A watcher that has made its first check, and an update that it has not seen yet."""
    stage = Stage(web, folder, f"sqlite:///{state}", more)
    assert watcher(stage, "run").returncode == 0
    stage.show(builds=table(ROW, *ROWS))
    return stage


def mails(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.eml"))


def said(ended: subprocess.CompletedProcess[str], *parts: str | Path) -> None:
    """Assert that a command failed with 1, and said so in one line that has these parts."""
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "mistake of the watcher" not in ended.stderr
    assert any(
        all(str(part) in line for part in parts) for line in ended.stderr.splitlines()
    ), ended.stderr


def test_a_full_and_a_read_only_disk_under_the_state_end_the_run_and_the_next_one_tells_everything(
    web: SourceServer, tmp_path: Path, disk: Path
) -> None:
    stage = known(web, tmp_path, disk / "watcher.db")
    with full(disk):
        said(watcher(stage, "run", "--force"), disk / "watcher.db", "Free some space")
    web.forget()
    with read_only(disk):
        said(
            watcher(stage, "run", "--force"),
            disk / "watcher.db",
            "read-only",
            "Mount it",
        )
    assert web.requests == []
    told(stage, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("left", range(10_000, 200_000, 10_000))
def test_a_disk_that_gets_full_at_any_moment_loses_nothing(
    web: SourceServer, tmp_path: Path, disk: Path, left: int
) -> None:
    stage = known(web, tmp_path, disk / "watcher.db")
    with full(disk, left):
        ended = watcher(stage, "run", "--force")
    if ended.returncode:
        said(ended, disk / "watcher.db", "Free some space")
    told(stage, tmp_path)


def told(stage: Stage, folder: Path) -> None:
    """Assert that a run with room tells what there is, once."""
    assert watcher(stage, "run", "--force").returncode == 0
    assert stage.events() == [TOLD]
    assert len(mails(folder / "outbox")) == 2  # the welcome, and the release


def published(disk: Path) -> dict[str, bytes]:
    """Give the site as a reader sees it, and the messages.

    Each check writes its time into the status where it can.
    """
    there = written(disk)
    return {
        name: there[name]
        for name in there
        if name.startswith(("public/", "outbox/")) and not name.endswith("status.json")
    }


PLACES = (
    'metrics = "disk/watcher.prom"\nevidence = "disk/evidence"\n[mail]\noutbox = '
    '"disk/outbox"\n'
)


def test_a_disk_that_cannot_be_written_costs_what_lies_there_and_only_until_it_can(
    web: SourceServer, tmp_path: Path, disk: Path
) -> None:
    stage = Stage(web, tmp_path, "sqlite:///state/watcher.db", PLACES)
    stage.file.write_text(
        stage.file.read_text(encoding="utf-8").replace(
            'site = "public"', 'site = "disk/public"'
        ),
        encoding="utf-8",
    )
    assert watcher(stage, "run").returncode == 0
    stage.show(builds=table(ROW, *ROWS))
    before = published(disk)

    for spoilt in (full, read_only):
        with spoilt(disk):
            ended = watcher(stage, "run", "--force")
            assert published(disk) == before
        said(
            ended,
            "mail to admins@example.org",
            "disk/outbox cannot be written",
            "Make it writable",
        )
        said(ended, "disk/public cannot be written", "make room")
        said(ended, "disk/watcher.prom", "the figures cannot be written", "make room")
        if spoilt is full:
            said(ended, "disk/evidence", "Make room")
            assert "  released  Exchange Server " in ended.stdout, (
                "the event is not printed"
            )
        assert stage.events() == [TOLD]

    again = watcher(stage, "run", "--force")
    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert stage.events() == [TOLD]
    assert len(mails(disk / "outbox")) == 2
    assert "KB5099999" in (disk / "public" / "events.json").read_text(encoding="utf-8")
    assert 'watcher_deliveries{state="waiting"} 0.0' in (
        disk / "watcher.prom"
    ).read_text(encoding="utf-8")
    assert [
        name
        for name in written(disk)
        if name.endswith((".part", ".new")) or ".prom." in name
    ] == []


def test_an_export_and_a_recording_on_a_full_disk_say_so(
    web: SourceServer, tmp_path: Path, disk: Path
) -> None:
    stage = Stage(web, tmp_path, "sqlite:///state/watcher.db")
    with full(disk):
        said(
            watcher(stage, "run", "--record", "disk/all.warc.gz"),
            "all.warc.gz: cannot be written",
            "make room",
        )
        said(
            watcher(stage, "state", "export", "disk/text"),
            "cannot be exported to disk/text",
            "room on its disk",
        )


def test_a_run_writes_to_its_own_folder_and_nowhere_else(
    web: SourceServer, tmp_path: Path
) -> None:
    """As in the container and under systemd, where all else is read-only, a home and a
    folder for temporary files too.
    """
    stage = Stage(
        web,
        tmp_path,
        "sqlite:///state/watcher.db",
        'evidence = "state/evidence"\nmetrics = "state/watcher.prom"\n',
    )
    alone = (
        'mount --bind "$0" "$0" && mount -o remount,bind,ro / && cd "$0" && exec "$@"'
    )

    def checked() -> subprocess.CompletedProcess[str]:
        line = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            alone,
            str(tmp_path),
            *command("run", "--force", "--record", "all.warc.gz"),
        ]
        kept = environ() | {
            "HOME": "/nonexistent",
            "TMPDIR": "/nonexistent",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            line,
            cwd="/",
            env=kept,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    first = checked()
    assert first.returncode == 0, first.stderr
    stage.show(builds=table(ROW, *ROWS))
    second = checked()
    assert (second.returncode, stage.events()) == (0, [TOLD]), second.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "watcher.toml",
        "state",
        "outbox",
        "public",
        ".public.next",
        "all.warc.gz",
    }
