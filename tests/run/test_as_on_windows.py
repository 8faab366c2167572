"""Whole runs under the rules by which Windows differs, played by the interpreter.

Nothing that is open can be renamed or deleted.

What cannot be played here is tried by the job on Windows in
``.github/workflows/ci.yml``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.run.stage import ROWS, Stage
from tests.run.test_run_processes import environ
from tests.servers import SourceServer
from tests.stories.pages import blog, post, table

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="which files are open is read from /proc"
)

TODAY = datetime.now(UTC)
ROW = (
    f"Exchange Server 2019 CU14 {TODAY:%b%y}SU",
    f"{TODAY:%B %d, %Y}",
    "15.2.1544.99",
    "KB5099999",
)

# WATCHER_TEST_READER names a file that another program holds open all the time.
# Windows' errors are PermissionErrors; renaming does not replace; two folders cannot
# change places at once; text without a named encoding is written in the code page.
WINDOWS = """
import ctypes, os, pathlib, sys, warnings

warnings.filterwarnings("error", category=EncodingWarning, module=r"watcher(\\.|$)")
for name in ("grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
reader, work = os.environ.pop("WATCHER_TEST_READER", ""), os.getcwd()

def opened():
    for number in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            pass
    if reader:
        yield os.path.abspath(reader)

def closed(path):
    path = os.path.abspath(os.fsdecode(path))
    if path.startswith(work) and any(each == path or each.startswith(path + "/") for each in opened()):
        raise PermissionError(13, "The process cannot access the file because it is being used by another process", path)

def judge(name, args):
    if name in ("os.rename", "os.remove", "os.rmdir"):
        closed(args[0])
        if name == "os.rename":
            closed(args[1])

def rename(source, target, plain=os.rename):
    if os.path.exists(target) and not sys._getframe(1).f_globals["__name__"].startswith("prometheus_client"):  # replaces on Windows
        raise FileExistsError(17, "Cannot create a file when that file already exists", str(target))
    plain(source, target)

class CDLL(ctypes.CDLL):
    def __init__(self, name, *more, **other):
        if name is None:
            raise TypeError("no name")
        super().__init__(name, *more, **other)

def is_mount(path):
    raise NotImplementedError("Path.is_mount() is unsupported on this system")

ctypes.CDLL, os.rename, pathlib.Path.is_mount = CDLL, rename, is_mount
sys.addaudithook(judge)
from watcher.cli import main

for words in " ".join(sys.argv[1:]).split(";"):
    sys.argv[1:] = words.split()
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with SourceServer() as web:
        yield Stage(
            web,
            tmp_path,
            "sqlite:///state/watcher.db",
            'evidence = "state/evidence"\nmetrics = "state/watcher.prom"\n',
        )


def windows(
    stage: Stage, words: str, reader: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run commands one after the other, with the console of an administrator, which knows
    the letters of Western Europe.
    """
    line = [sys.executable, "-X", "warn_default_encoding", "-c", WINDOWS, words]
    told = {
        "PYTHONIOENCODING": "cp1252",
        "PYTHONUTF8": "0",
        "WATCHER_TEST_READER": reader,
    }
    return subprocess.run(
        line,
        cwd=stage.folder,
        env=environ() | told,
        capture_output=True,
        check=False,
        timeout=120,
    )


def well(stage: Stage, words: str, reader: str = "") -> None:
    ended = windows(stage, words, reader)
    assert ended.returncode == 0, ended.stderr.decode("cp1252")


def published(stage: Stage) -> bool:
    return "KB5099999" in (stage.folder / "public" / "events.json").read_text(
        encoding="utf-8"
    )


def test_a_watcher_lives_under_windows_rules(stage: Stage) -> None:
    well(stage, "run --record all.warc.gz")
    stage.show(builds=table(ROW, *ROWS))
    well(
        stage,
        (
            "run --force --record all.warc.gz; mail preview; state export text; "
            "status; state export text"
        ),
    )
    well(stage, "replay all.warc.gz --out relived")

    assert published(stage)
    assert [
        path.name.split("-")[1]
        for path in sorted((stage.folder / "outbox").glob("*.eml"))
    ] == ["welcome.eml", "released"]
    assert list((stage.folder / "state" / "evidence").glob("*.warc.gz"))
    assert {path.name for path in stage.folder.rglob(".*")} == {
        ".public.next",
        ".level",
    }


def test_a_page_that_somebody_reads_is_named_and_written_later_and_keeps_no_other_back(
    stage: Stage,
) -> None:
    well(stage, "run")
    stage.show(builds=table(ROW, *ROWS))
    ended = windows(stage, "run --force", reader="public/events.json")
    assert ended.returncode == 1
    assert (
        b"cannot be written (The process cannot access the file because it is being used"
        in ended.stderr
    )
    assert not published(stage)
    well(stage, "run", reader="public/style.css")
    assert published(stage)
    assert len(list((stage.folder / "outbox").glob("*.eml"))) == 2


def test_a_console_shows_its_letters_and_the_codes_of_others(stage: Stage) -> None:
    stage.show(
        blog=blog(
            post(
                1,
                "\u03a9mega \u2013 \u201cquoted\u201d \u66f4",
                "2024-10-25",
                "<p>Something.</p>",
            )
        )
    )
    ended = windows(stage, "sources blog")
    assert ended.returncode == 0, ended.stderr
    assert b"\\u03a9mega \x96 \x93quoted\x94 \\u66f4" in ended.stdout
