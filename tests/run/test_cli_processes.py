"""The commands as processes: what the shell, cron and a supervisor see of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import Reply, SourceServer

ROOT = Path(__file__).parents[2]
FEED = b"""<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0"><channel><title>Blog</title><link>https://blog.example.org/</link>
<item><guid>1</guid><title>Released: November 2024 Exchange Server Security Updates</title>
<link>https://blog.example.org/1</link><pubDate>Tue, 12 Nov 2024 18:00:00 GMT</pubDate>
<description>Exchange Server 2019 CU14: KB5044062.\x1f</description></item>
</channel></rss>"""


def environ(folder: Path, **more: str) -> dict[str, str]:
    """Give an environment in which no configuration of the user's is found."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WATCHER_", "COV_", "COVERAGE"))
    }
    return (
        kept
        | {
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": str(folder / "none"),
            "NO_COLOR": "1",
        }
        | more
    )


def watcher(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m watcher`` in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", "watcher", *words],
        cwd=folder,
        env=environ(folder, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def configured(folder: Path, url: str) -> Path:
    """Write a watcher.toml whose one source is a feed at ``url``."""
    (folder / "watcher.toml").write_text(
        (
            '[watch]\nbuiltin_sources = false\n[[source]]\nname = "blog"\nkind = '
            f'"feed"\nurl = "{url}"\n'
        ),
        encoding="utf-8",
    )
    return folder


def test_exit_codes_are_the_processs(tmp_path: Path) -> None:
    assert watcher(tmp_path, "init").returncode == 0
    wrong = watcher(tmp_path, "check", "--config", "gone.toml")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
    assert watcher(tmp_path, "status").returncode == 1


def test_help_loads_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom watcher.cli import main\nsys.argv = ['watcher', 'run', '--help']\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    heavy = {
        "rich",
        "requests",
        "feedparser",
        "jinja2",
        "bs4",
    }
    assert heavy & set(ran.stderr.split()) == set()
    assert "Example: watcher run" in ran.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("watcher st", {"status", "state"}),
        ("watcher build --fail", {"--fail-on"}),
        ("watcher mail pre", {"preview"}),
    ],
)
def test_a_shell_completes_commands_and_options(
    tmp_path: Path, typed: str, offered: set[str]
) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv = ['watcher']; from watcher.cli import main; main()",
        ],
        cwd=tmp_path,
        # As bash asks, with the script of --show-completion
        env=environ(
            tmp_path,
            _WATCHER_COMPLETE="complete_bash",
            COMP_WORDS=typed,
            COMP_CWORD=str(typed.count(" ")),
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert set(ran.stdout.split()) == offered


@pytest.mark.posix
def test_a_closed_pipe_is_no_mistake(tmp_path: Path) -> None:
    ran = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {sys.executable} -m watcher check --schema | head -c 1",
        ],
        cwd=tmp_path,
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert (ran.stdout, ran.stderr) == ("{", "")


def test_a_terminal_that_lacks_letters_shows_their_codes(tmp_path: Path) -> None:
    ran = watcher(
        tmp_path, "wording", "gone-ü.txt", PYTHONIOENCODING="ascii", PYTHONUTF8="0"
    )

    assert ran.returncode == 2
    assert "gone-\\xfc.txt: it cannot be read" in ran.stderr


# --- sources NAME: the live web, changing nothing -------------------------------------


def test_sources_prints_what_one_extracts_and_changes_nothing(tmp_path: Path) -> None:
    with SourceServer() as web:
        configured(tmp_path, web.play("/feed", Reply(FEED.replace(b"\x1f", b""))))
        ran = watcher(tmp_path, "sources", "blog")

    assert ran.returncode == 0, ran.stderr
    assert "blog: 1 entry, 1 of them watched; it shows the newest few" in ran.stdout
    assert (
        "2024-11-12  Released: November 2024 Exchange Server Security Updates"
        in ran.stdout
    )
    assert [path.name for path in tmp_path.iterdir()] == ["watcher.toml"]


@pytest.mark.parametrize("log_json", [False, True])
def test_sources_names_cause_and_remedy_of_a_failure(
    tmp_path: Path, log_json: bool
) -> None:
    with SourceServer() as web:
        url = web.url("/gone")
        ran = watcher(
            configured(tmp_path, url),
            "sources",
            "blog",
            *(["--log-json"] if log_json else []),
        )

    assert ran.returncode == 1
    last = ran.stderr.splitlines()[-1]
    said = json.loads(last)["message"] if log_json else last
    assert said.startswith("blog: ")
    assert url in said


# --- signals --------------------------------------------------------------------------


@contextmanager
def asking(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a command and wait until it waits for an answer that never comes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        configured(folder, f"http://127.0.0.1:{silent.getsockname()[1]}/feed")
        with subprocess.Popen(
            [sys.executable, "-m", "watcher", "sources", "blog"],
            cwd=folder,
            env=environ(folder),
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)
                yield process


@pytest.mark.posix
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")],
)
def test_a_signal_ends_a_command_tidily(
    tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    with asking(tmp_path) as process:
        process.send_signal(number)
        _, said = process.communicate(timeout=60)

    assert process.returncode == code
    assert said.splitlines()[-1] == f"{word}. The next run goes on from here."
    assert "Traceback" not in said
