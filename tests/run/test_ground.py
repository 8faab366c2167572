"""What the suite and the make targets stand on.

No network, separate databases, a set-up that says what is missing.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.edges.test_store_migrations import connected
from watcher.store.migrations import tables

ROOT = Path(__file__).parents[2]


def test_a_test_cannot_reach_beyond_this_machine() -> None:
    with pytest.raises(OSError, match="tests stay on loopback"):
        socket.create_connection(("192.0.2.1", 9), timeout=1)
    with pytest.raises(socket.gaierror, match="tests stay on loopback"):
        socket.getaddrinfo("www.example.org", 443)


def test_a_test_reaches_servers_on_this_machine() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()[:2], timeout=5),
    ):
        assert socket.getaddrinfo("localhost", 80)


@pytest.mark.parametrize("time", [1, 2])
def test_every_test_has_an_empty_database_of_its_own(
    database_url: str, time: int
) -> None:
    with connected(database_url) as connection:
        assert tables(connection) == set()
        connection.execute(f"CREATE TABLE seen AS SELECT {time} AS time")


def tree(folder: Path) -> Path:
    """Copy what set-up reads into a folder, without any package to install."""
    (folder / "scripts").mkdir()
    (folder / "requirements").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", folder / "scripts")
    (folder / "requirements" / "run.txt").write_text("")
    (folder / "pyproject.toml").write_text("")
    return folder


def set_up(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **more}
    return subprocess.run(
        ["sh", "scripts/setup.sh", "run"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def python_that(folder: Path, *, refuses: str) -> str:
    """Give an interpreter of this version that lacks something."""
    path = folder / "python-that-lacks"
    path.write_text(
        f'#!/bin/sh\ncase "$*" in *{refuses}*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="make and sh are not there"
)


def test_set_up_without_python_says_what_to_install(tmp_path: Path) -> None:
    answer = set_up(tree(tmp_path), PYTHON="/nonexistent/python3")
    assert answer.returncode == 1
    assert "No Python 3.11 or newer was found" in answer.stderr


def test_set_up_without_ensurepip_says_what_to_install(tmp_path: Path) -> None:
    answer = set_up(tree(tmp_path), PYTHON=python_that(tmp_path, refuses="ensurepip"))
    assert answer.returncode == 1
    assert "apt-get install python3-venv" in answer.stderr
    assert not (tmp_path / ".venv").exists()


def test_set_up_is_done_once_and_again_when_the_lock_changes(tmp_path: Path) -> None:
    folder = tree(tmp_path)
    pip = folder / ".venv" / "bin" / "python"
    pip.parent.mkdir(parents=True)
    pip.write_text(
        f'#!/bin/sh\ncase "$*" in *pip*) echo "$@" >>{folder}/asked ;; *) '
        f'exec {sys.executable} "$@" ;; esac\n'
    )
    pip.chmod(0o755)
    assert set_up(folder).returncode == 0
    asked = (folder / "asked").read_text()
    assert "--require-hashes -r requirements/run.txt" in asked
    assert set_up(folder).stdout == ""
    assert (folder / "asked").read_text() == asked
    (folder / "requirements" / "run.txt").write_text("another==1\n")
    assert set_up(folder).returncode == 0
    assert len((folder / "asked").read_text()) == 2 * len(asked)


def test_score_says_that_there_is_nothing_to_score(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "scripts" / "score.py", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "There are no recordings" in answer.stdout


def make(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    """Call make as a user does, whatever make this test was started by."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VENV"}
    }
    return subprocess.run(
        ["make", target],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def test_a_target_that_has_no_script_yet_says_so(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "scripts" / "screenshots.py").unlink()
    (tmp_path / "scripts" / "setup.sh").write_text("exit 0\n")
    answer = make(tmp_path, "screenshots")
    assert answer.returncode == 2
    assert "scripts/screenshots.py is not written yet" in answer.stderr


@pytest.mark.parametrize(
    ("code", "hint"), [(0, False), (1, True), (2, False), (3, False)]
)
def test_make_run_points_to_the_demo_when_sources_failed(
    tmp_path: Path, *, code: int, hint: bool
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "setup.sh").write_text("exit 0\n")
    watcher = tmp_path / ".venv" / "bin" / "watcher"
    watcher.parent.mkdir(parents=True)
    watcher.write_text(f"#!/bin/sh\nexit {code}\n")
    watcher.chmod(0o755)
    answer = make(tmp_path, "run")
    assert answer.returncode == (2 if code else 0)
    assert ("make demo" in answer.stderr) is hint
