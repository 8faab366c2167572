"""The branch that carries the state between scheduled runs: nothing is lost, and no run starts as if it were the first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "state-branch.sh"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the workflow runs on Linux")


def git(folder: Path, *words: str) -> str:
    names = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org"}
    answer = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True, env=quiet(names))
    return answer.stdout.strip()


def quiet(more: dict[str, str]) -> dict[str, str]:
    """Give an environment without the user's own git settings."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", **more}


def carry(folder: Path, verb: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", SCRIPT, verb], cwd=folder, capture_output=True, text=True, check=False, env=quiet(more))


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Give a bare repository with a branch main that holds a README."""
    bare = tmp_path / "remote.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    first = clone(bare, tmp_path / "first")
    (first / "README.md").write_text("hello")
    git(first, "add", "README.md")
    git(first, "commit", "--quiet", "-m", "hello")
    git(first, "push", "--quiet", "origin", "HEAD:main")
    return bare


def clone(remote: Path, place: Path) -> Path:
    git(remote.parent, "clone", "--quiet", str(remote), str(place))
    return place


def check(runner: Path, seen: bytes) -> None:
    """Do what a run does to the state, as far as the branch is concerned."""
    (runner / "state").mkdir(exist_ok=True)
    (runner / "state" / "watcher.db").write_bytes(seen)
    (runner / "outbox").mkdir(exist_ok=True)
    (runner / "outbox" / f"{len(seen)}.eml").write_bytes(b"Subject: " + seen)


def test_what_a_run_knew_is_there_for_the_next_one(remote: Path, tmp_path: Path) -> None:
    one = clone(remote, tmp_path / "one")
    assert "first run" in carry(one, "fetch").stdout
    check(one, b"\x00one")
    assert carry(one, "push").returncode == 0

    two = clone(remote, tmp_path / "two")
    assert carry(two, "fetch").returncode == 0
    assert (two / "state" / "watcher.db").read_bytes() == b"\x00one"
    assert (two / "outbox" / "4.eml").exists()


def test_the_branch_holds_the_state_alone_in_one_commit(remote: Path, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        runner = clone(remote, tmp_path / f"runner{number}")
        carry(runner, "fetch")
        check(runner, b"x" * number)
        assert carry(runner, "push").returncode == 0
    assert git(remote, "rev-list", "--count", "watcher-state") == "1"
    assert git(remote, "ls-tree", "-r", "--name-only", "watcher-state").split() == [
        "outbox/1.eml",
        "outbox/2.eml",
        "outbox/3.eml",
        "state/watcher.db",
    ]
    assert git(remote, "ls-tree", "-r", "--name-only", "main") == "README.md"


def test_of_two_runs_from_one_state_the_later_push_is_refused(remote: Path, tmp_path: Path) -> None:
    one, two = clone(remote, tmp_path / "one"), clone(remote, tmp_path / "two")
    for runner in (one, two):
        carry(runner, "fetch")
        check(runner, runner.name.encode())
    assert carry(one, "push").returncode == 0
    refused = carry(two, "push")
    assert refused.returncode == 1
    assert "has moved since it was fetched" in refused.stderr
    assert git(remote, "show", "watcher-state:state/watcher.db") == "one"


def test_a_remote_that_cannot_be_read_is_no_first_run(remote: Path, tmp_path: Path) -> None:
    runner = clone(remote, tmp_path / "runner")
    remote.rename(tmp_path / "away.git")
    answer = carry(runner, "fetch")
    assert answer.returncode == 1
    assert "could not be read" in answer.stderr
    assert carry(runner, "push").returncode == 1


def test_a_state_that_is_here_already_is_not_overwritten(remote: Path, tmp_path: Path) -> None:
    runner = clone(remote, tmp_path / "runner")
    check(runner, b"mine")
    answer = carry(runner, "fetch")
    assert answer.returncode == 1
    assert (runner / "state" / "watcher.db").read_bytes() == b"mine"


def test_the_token_lies_nowhere(remote: Path, tmp_path: Path) -> None:
    runner = clone(remote, tmp_path / "runner")
    carry(runner, "fetch", GITHUB_TOKEN="t0ken-t0ken")
    check(runner, b"one")
    answer = carry(runner, "push", GITHUB_TOKEN="t0ken-t0ken")
    assert answer.returncode == 0
    assert "t0ken" not in answer.stdout + answer.stderr
    found = [path for place in (runner, remote) for path in place.rglob("*") if path.is_file() and b"t0ken" in path.read_bytes()]
    assert found == []
