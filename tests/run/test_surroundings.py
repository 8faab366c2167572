"""Surroundings that nobody thought of.

No home, a folder that is gone, a disk without locks, a password that is elsewhere.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.attacks import tried
from tests.mailing import MailServer, Postbox
from tests.office import FEED, Office
from tests.run.test_ground import python_that, set_up, tree
from tests.servers import Reply, SourceServer
from watcher.cli import app

AT = "2030-05-14T05:00:00+00:00"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with SourceServer() as web:
        web.play("/feed", Reply(FEED))
        yield Office(tmp_path, web.url("/feed"))


# --- secrets that nobody needs who sends nothing --------------------------------------

QUIET = (
    ("check",),
    ("status",),
    ("events",),
    ("sources", "blog"),
    ("publish",),
    ("mail", "preview", "--out", "{folder}/preview"),
    ("run", "--dry-run"),
    ("run", "--no-send"),
    ("state", "export", "{folder}/export"),
)


@tried("everyday")
@pytest.mark.parametrize("words", QUIET, ids=" ".join)
def test_a_command_that_sends_nothing_needs_no_mail_password(
    office: Office, words: tuple[str, ...]
) -> None:
    assert office.run(AT).exit_code == 0
    office.smtp = "smtp://watcher@mail.example.org"
    office.more += '[[channel]]\nname = "ops"\nurl = "${OPS_URL}"\n'
    words = tuple(word.format(folder=office.folder) for word in words)
    said = office.call(AT, *words)
    assert said.exit_code in {0, 1}, said.stderr
    assert "WATCHER_SMTP_PASSWORD is not set" in said.stderr


@tried("everyday")
@pytest.mark.parametrize(
    "words", [("run",), ("send",), ("mail", "test", "a@example.org")], ids=" ".join
)
def test_a_command_that_sends_says_which_password_is_missing(
    office: Office, words: tuple[str, ...]
) -> None:
    office.smtp = "smtp://watcher@mail.example.org"
    said = office.call(AT, *words)
    assert said.exit_code == 2
    assert "WATCHER_SMTP_PASSWORD is not set" in said.stderr


# --- processes ------------------------------------------------------------------------


def watcher(
    folder: Path, *words: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Call it as a process that knows no more than these variables."""
    line = [sys.executable, "-m", "watcher", *words]
    return subprocess.run(
        line, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


@tried("everyday")
@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HOME": ""},
        {"HOME": "/nonexistent"},
        {"HOME": "relative"},
        {"XDG_CONFIG_HOME": "/nonexistent", "LANG": "C", "TMPDIR": "/nonexistent"},
    ],
    ids=str,
)
def test_a_watcher_without_a_home_mails(
    office: Office, environ: dict[str, str]
) -> None:
    postbox = Postbox()
    with MailServer(postbox) as server:
        office.smtp = server.url
        office.write()
        said = watcher(office.folder, "run", **environ)
    assert said.returncode == 0, said.stderr
    assert len(postbox.messages) == 1


GONE = """
import os, sys
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
from watcher.cli import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no folder in use")
@pytest.mark.parametrize("named", [True, False])
def test_a_folder_that_is_gone_stops_nothing_or_is_named(
    office: Office, named: bool
) -> None:
    office.write()
    words = ["--config", str(office.folder / "watcher.toml")] if named else []
    # Isolated, as the console script: Python 3.13.0 itself fails where "" is on its path
    said = subprocess.run(
        [sys.executable, "-I", "-c", GONE, "run", *words],
        cwd=office.folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(office.folder / "home")},
    )
    assert said.returncode == (0 if named else 2), said.stderr
    if not named:
        assert "the folder that this was started in is gone" in said.stderr


# --- locks ----------------------------------------------------------------------------


@tried("everyday")
@pytest.mark.parametrize(
    "number",
    [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO, errno.ENOTSUP],
    ids=errno.errorcode.get,
)
def test_a_disk_that_cannot_lock_is_said_to_be_so_and_not_that_another_run_holds_it(
    office: Office, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_lock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    fcntl = pytest.importorskip("fcntl", reason="Windows locks otherwise")
    monkeypatch.setattr(fcntl, "flock", no_lock)
    said = office.run(AT)
    assert said.exit_code == 1
    assert "cannot be locked" in said.stderr
    assert "on a local disk" in said.stderr


# --- set-up ---------------------------------------------------------------------------


def test_a_python_that_is_named_is_obeyed_or_refused(tmp_path: Path) -> None:
    folder = tree(tmp_path)
    old = folder / ".venv" / "bin" / "python"
    old.parent.mkdir(parents=True)
    # Good enough, but another one
    old.write_text(
        '#!/bin/sh\ncase "$*" in *base_prefix*) echo other ;; esac\nexit 0\n'
    )
    old.chmod(0o755)
    refused = set_up(folder, PYTHON="/nonexistent/python3")
    assert refused.returncode == 1
    assert "PYTHON=/nonexistent/python3: No Python 3.11" in refused.stderr
    assert old.exists()
    # Its venv cannot be made: it was asked for one
    lacking = python_that(tmp_path, refuses="ensurepip")
    obeyed = set_up(folder, PYTHON=lacking)
    assert obeyed.returncode == 1
    assert "cannot make a virtual environment" in obeyed.stderr
    # The one that is there already: nothing is made anew
    assert "Making" not in set_up(folder, PYTHON=str(old)).stdout


def test_the_mistakes_of_init_are_all_said_at_once(tmp_path: Path) -> None:
    said = CliRunner().invoke(
        app,
        [
            *("init", "--no-input", "--no-check", "--smtp", "http://mail.example.org"),
            *("--to", "nobody", "--from", "neither", "--schedule", "moon"),
            *("--config", str(tmp_path / "watcher.toml")),
        ],
    )
    assert said.exit_code == 2
    for what in ("'nobody' is no mail address", "'neither' is no sender", "moon"):
        assert what in said.stderr
    assert 'the mail server has the scheme "http"' in said.stderr
    assert not (tmp_path / "watcher.toml").exists()
