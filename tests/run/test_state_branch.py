"""The branch that carries the state between scheduled runs.

Nothing is lost, and no run starts as if it were the first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.attacks import tried
from tests.edges.ledger_samples import T0, message
from watcher.records import DeliveryState
from watcher.store import Store

SCRIPT = Path(__file__).parents[2] / "scripts" / "state-branch.sh"

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the workflow runs on Linux"
)


def git(folder: Path, *words: str) -> str:
    names = {
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.org",
    }
    answer = subprocess.run(
        ["git", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env=quiet(names),
    )
    return answer.stdout.strip()


def quiet(more: dict[str, str]) -> dict[str, str]:
    """Give an environment without the user's own git settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        **more,
    }


def carry(folder: Path, verb: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a step; those after a check run as after one that came to its end."""
    if verb != "fetch":
        (folder / ".git" / "watcher-state-checked").touch()
    return subprocess.run(
        ["sh", SCRIPT, verb],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=quiet(more),
    )


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
    (runner / "state-text").mkdir(exist_ok=True)
    (runner / "state-text" / "meta.jsonl").write_bytes(seen)
    (runner / "state-text" / "times.jsonl").write_bytes(b'{"source":"blog"}\n')
    (runner / "outbox").mkdir(exist_ok=True)
    (runner / "outbox" / f"{len(seen)}.eml").write_bytes(b"Subject: " + seen)


def test_what_a_run_knew_is_there_for_the_next_one(
    remote: Path, tmp_path: Path
) -> None:
    one = clone(remote, tmp_path / "one")
    assert "first run" in carry(one, "fetch").stdout
    check(one, b"\x00one")
    assert carry(one, "push").returncode == 0

    two = clone(remote, tmp_path / "two")
    assert carry(two, "fetch").returncode == 0
    assert (two / "state-text" / "meta.jsonl").read_bytes() == b"\x00one"
    assert (two / "outbox" / "4.eml").exists()


def test_the_branch_holds_the_state_alone_and_its_history_says_what_happened(
    remote: Path, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        runner = clone(remote, tmp_path / f"runner{number}")
        carry(runner, "fetch")
        check(runner, b"x" * number)
        assert carry(runner, "push").returncode == 0
    assert git(remote, "rev-list", "--count", "watcher-state") == "3"
    assert git(remote, "ls-tree", "-r", "--name-only", "watcher-state").split() == [
        "outbox/1.eml",
        "outbox/2.eml",
        "outbox/3.eml",
        "state-text/meta.jsonl",
        "state-text/times.jsonl",
    ]
    assert git(remote, "ls-tree", "-r", "--name-only", "main") == "README.md"


@pytest.mark.parametrize(("failures", "commits"), [(0, "1"), (2, "2")])
def test_check_times_alone_are_no_commit_unless_a_source_fails(
    remote: Path, tmp_path: Path, failures: int, commits: str
) -> None:
    for number in (0, failures):
        runner = clone(remote, tmp_path / f"runner{len(list(tmp_path.iterdir()))}")
        carry(runner, "fetch")
        check(runner, b"one")
        failed = f',"failures":{number}' if number else ""
        times = f'{{"source":"blog","tried":"{runner.name}"{failed}}}\n'
        (runner / "state-text" / "times.jsonl").write_text(times)
        assert carry(runner, "push").returncode == 0
    assert git(remote, "rev-list", "--count", "watcher-state") == commits


def racing(remote: Path, tmp_path: Path, *names: str) -> list[Path]:
    """Two runners that begin with the same state, which has a line for each of its files."""
    start = clone(remote, tmp_path / "start")
    carry(start, "fetch")
    check(start, b"start")
    carry(start, "push")
    runners = [clone(remote, tmp_path / name) for name in names]
    assert [carry(runner, "fetch").returncode for runner in runners] == [0] * len(
        runners
    )
    return runners


def test_of_two_runs_from_one_state_only_one_may_send(
    remote: Path, tmp_path: Path
) -> None:
    one, two = racing(remote, tmp_path, "one", "two")
    for runner in (one, two):
        check(runner, runner.name.encode())
    assert carry(one, "seal").returncode == 0
    refused = carry(two, "seal")
    assert refused.returncode == 1
    assert "Nothing may be sent from here" in refused.stderr
    assert git(remote, "show", "watcher-state:state-text/meta.jsonl") == "one"


def test_what_was_sent_is_merged_into_what_another_run_pushed_meanwhile(
    remote: Path, tmp_path: Path
) -> None:
    one, two = racing(remote, tmp_path, "one", "two")
    (one / "state-text" / "deliveries.jsonl").write_text("sent\n")
    (two / "state-text" / "entries.jsonl").write_text("new\n")
    assert carry(two, "push").returncode == 0
    merged = carry(one, "push")
    assert merged.returncode == 0, merged.stderr
    assert "merged" in merged.stdout
    for name, text in (("deliveries", "sent"), ("entries", "new")):
        assert git(remote, "show", f"watcher-state:state-text/{name}.jsonl") == text


def receipt(row: str, by: str) -> str:
    recipient, state = row.split()
    answer = "" if state == "queued" else by
    line = {
        "answer": answer,
        "channel": "mail",
        "message": "<1@example.org>",
        "recipient": recipient,
        "state": state,
    }
    return json.dumps(line, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize(
    ("base", "theirs", "mine", "merged"),
    [
        (
            ["a queued", "b queued"],
            ["a accepted", "b queued"],
            ["a queued", "b accepted"],
            ["a accepted", "b accepted"],
        ),
        (["a queued"], ["a deferred"], ["a accepted"], ["a accepted"]),
        (["a queued"], ["a accepted"], ["a deferred"], ["a accepted"]),
        (["a queued"], ["a refused"], ["a unknown"], ["a refused"]),
        (
            ["a queued"],
            ["a accepted", "c queued"],
            ["a accepted", "b accepted"],
            ["a accepted", "b accepted", "c queued"],
        ),
        (
            ["a accepted", "b queued"],
            ["b queued"],
            ["a accepted", "b accepted"],
            ["b accepted"],
        ),
    ],
)
def test_of_receipts_that_both_changed_the_one_that_knows_more_counts(
    remote: Path,
    tmp_path: Path,
    base: list[str],
    theirs: list[str],
    mine: list[str],
    merged: list[str],
) -> None:
    def hold(runner: Path, rows: list[str], by: str) -> None:
        (runner / "state-text").mkdir(exist_ok=True)
        (runner / "state-text" / "meta.jsonl").write_bytes(b"{}")
        lines = [receipt(row, by) for row in rows]
        (runner / "state-text" / "deliveries.jsonl").write_text(
            "".join(f"{line}\n" for line in lines)
        )

    start = clone(remote, tmp_path / "start")
    carry(start, "fetch")
    hold(start, base, "before")
    assert carry(start, "push").returncode == 0
    one, other = (clone(remote, tmp_path / name) for name in ("one", "other"))
    for runner in (one, other):
        carry(runner, "fetch")
    hold(other, theirs, "250 theirs")
    hold(one, mine, "250 mine")
    assert [carry(runner, "push").returncode for runner in (other, one)] == [0, 0]
    found = [
        json.loads(line)
        for line in git(
            remote, "show", "watcher-state:state-text/deliveries.jsonl"
        ).splitlines()
    ]
    assert [f"{row['recipient']} {row['state']}" for row in found] == merged


def test_runs_that_push_at_the_same_moment_keep_every_receipt(
    remote: Path, tmp_path: Path
) -> None:
    names = ("one", "two", "three", "four")

    def hold(runner: Path, sent: str) -> None:
        lines = [
            receipt(
                f"{name} {'accepted' if name == sent else 'queued'}", f"250 by {sent}"
            )
            for name in sorted(names)
        ]
        (runner / "state-text" / "deliveries.jsonl").write_text(
            "".join(f"{line}\n" for line in lines)
        )

    start = clone(remote, tmp_path / "start")
    carry(start, "fetch")
    check(start, b"start")
    hold(start, "")
    carry(start, "push")
    runners = [clone(remote, tmp_path / name) for name in names]
    for runner in runners:
        carry(runner, "fetch")
        hold(runner, runner.name)
        (runner / ".git" / "watcher-state-checked").touch()
    words = ["sh", str(SCRIPT), "push"]
    pushing = [
        subprocess.Popen(
            words,
            cwd=runner,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=quiet({}),
        )
        for runner in runners
    ]
    said = [process.communicate(timeout=120)[0] for process in pushing]
    assert [process.returncode for process in pushing] == [0, 0, 0, 0], said
    rows = git(remote, "show", "watcher-state:state-text/deliveries.jsonl").splitlines()
    assert [json.loads(row)["answer"] for row in rows] == [
        f"250 by {name}" for name in sorted(names)
    ]


@tried("state")
@pytest.mark.parametrize("swapped", [False, True])
def test_what_two_runs_sent_is_merged_into_a_state_that_is_whole(
    remote: Path, tmp_path: Path, swapped: bool
) -> None:
    """The manifest has the sum of each file: a merge of lines alone would be refused."""

    def sent(runner: Path, recipient: str) -> None:
        (runner / "state" / "watcher.db").parent.mkdir(exist_ok=True)
        url = f"sqlite:///{runner / 'state' / 'watcher.db'}"
        with Store.open(url) as store:
            store.import_(runner / "state-text")
            (found,) = [
                each for _, each in store.waiting() if each.recipient == recipient
            ]
            store.mark(replace(found, state=DeliveryState.ACCEPTED, settled=T0))
            store.export(runner / "state-text")

    start = clone(remote, tmp_path / "start")
    carry(start, "fetch")
    to = [(f"{name}@example.org", "mail") for name in ("a", "b")]
    with Store.open("sqlite://") as store:
        store.seal([(message(1, ()), to)], [])
        store.export(start / "state-text")
    assert carry(start, "push").returncode == 0
    runners = [clone(remote, tmp_path / name) for name in ("one", "two")]
    for runner, (recipient, _) in zip(runners, to, strict=True):
        carry(runner, "fetch")
        sent(runner, recipient)
    for runner in reversed(runners) if swapped else runners:
        answer = carry(runner, "push")
        assert answer.returncode == 0, answer.stderr

    last = clone(remote, tmp_path / "last")
    carry(last, "fetch")
    with Store.open("sqlite://") as store:
        store.import_(last / "state-text")
        assert store.waiting() == []


def test_what_does_not_fit_is_kept_on_a_branch_beside(
    remote: Path, tmp_path: Path
) -> None:
    one, two = racing(remote, tmp_path, "one", "two")
    for runner in (two, one):
        (runner / "state-text" / "updates.jsonl").write_text(f"seen by {runner.name}\n")
    assert carry(two, "push").returncode == 0
    answer = carry(one, "push")
    assert answer.returncode == 1
    assert (
        git(remote, "show", "watcher-state:state-text/updates.jsonl") == "seen by two"
    )
    (aside,) = [
        name.strip()
        for name in git(remote, "branch", "--list", "watcher-state-*").splitlines()
    ]
    assert aside in answer.stderr
    assert git(remote, "show", f"{aside}:state-text/updates.jsonl") == "seen by one"


@tried("state")
def test_a_remote_that_cannot_be_read_is_no_first_run(
    remote: Path, tmp_path: Path
) -> None:
    runner = clone(remote, tmp_path / "runner")
    remote.rename(tmp_path / "away.git")
    answer = carry(runner, "fetch")
    assert answer.returncode == 1
    assert "could not be read" in answer.stderr
    assert carry(runner, "push").returncode == 1


@tried("state")
@pytest.mark.parametrize("place", ["state/watcher.db", "state-text/meta.jsonl"])
def test_a_state_that_is_here_already_is_not_overwritten(
    remote: Path, tmp_path: Path, place: str
) -> None:
    runner = clone(remote, tmp_path / "runner")
    (runner / place).parent.mkdir()
    (runner / place).write_bytes(b"mine")
    answer = carry(runner, "fetch")
    assert answer.returncode == 1
    assert (runner / place).read_bytes() == b"mine"


def test_the_token_lies_nowhere(remote: Path, tmp_path: Path) -> None:
    runner = clone(remote, tmp_path / "runner")
    carry(runner, "fetch", GITHUB_TOKEN="t0ken-t0ken")
    check(runner, b"one")
    answer = carry(runner, "push", GITHUB_TOKEN="t0ken-t0ken")
    assert answer.returncode == 0
    assert "t0ken" not in answer.stdout + answer.stderr
    found = [
        path
        for place in (runner, remote)
        for path in place.rglob("*")
        if path.is_file() and b"t0ken" in path.read_bytes()
    ]
    assert found == []


@tried("state")
def test_a_branch_without_a_state_is_no_first_run(remote: Path, tmp_path: Path) -> None:
    runner = clone(remote, tmp_path / "runner")
    answer = carry(runner, "fetch", STATE_BRANCH="main")
    assert answer.returncode == 1
    assert "The branch main of origin holds no state." in answer.stderr


@tried("state")
@pytest.mark.parametrize("runs", [1, 2, 3])
def test_a_branch_that_is_gone_after_a_run_is_no_first_run(
    remote: Path, tmp_path: Path, runs: int
) -> None:
    for number in range(runs):
        runner = clone(remote, tmp_path / f"runner{number}")
        carry(runner, "fetch")
        check(runner, b"x" * (number + 1))
        assert carry(runner, "push").returncode == 0
    last = git(remote, "rev-parse", "watcher-state")
    git(remote, "branch", "-D", "watcher-state")
    late = clone(remote, tmp_path / "late")
    answer = carry(late, "fetch")
    assert answer.returncode == 1
    assert "no first run" in answer.stderr
    assert not (late / "state-text").exists()
    # Nothing was fetched, so nothing is pushed either
    assert carry(late, "push").returncode == 1
    # What it says puts the branch back, as the last run left it
    (command,) = [
        line.removeprefix("Put it back: ")
        for line in answer.stderr.splitlines()
        if line.startswith("Put it back: ")
    ]
    for words in command.split(" && "):
        git(late, *words.split()[1:])
    assert git(remote, "rev-parse", "watcher-state") == last
    assert carry(late, "fetch").returncode == 0


@tried("state")
def test_a_state_that_is_not_laid_out_is_no_first_run(
    remote: Path, tmp_path: Path
) -> None:
    """A machine of one's own may tell git to leave something out of archives."""
    one = clone(remote, tmp_path / "one")
    carry(one, "fetch")
    check(one, b"one")
    assert carry(one, "push").returncode == 0

    two = clone(remote, tmp_path / "two")
    (two / ".git" / "info").mkdir(exist_ok=True)
    (two / ".git" / "info" / "attributes").write_text("state-text export-ignore\n")
    answer = carry(two, "fetch")
    assert answer.returncode == 1
    assert "could not be laid out" in answer.stderr


@tried("state")
def test_one_may_begin_anew_by_saying_so(remote: Path, tmp_path: Path) -> None:
    runner = clone(remote, tmp_path / "runner")
    carry(runner, "fetch")
    check(runner, b"x")
    carry(runner, "push")
    git(remote, "branch", "-D", "watcher-state")
    late = clone(remote, tmp_path / "late")
    said = carry(late, "fetch").stderr
    (command,) = [
        line.removeprefix("Or begin anew: ")
        for line in said.splitlines()
        if line.startswith("Or begin anew: ")
    ]
    git(late, *command.split()[1:])
    assert "first run" in carry(late, "fetch").stdout


@tried("state")
def test_a_branch_of_another_name_is_a_state_of_its_own(
    remote: Path, tmp_path: Path
) -> None:
    runner = clone(remote, tmp_path / "runner")
    carry(runner, "fetch")
    check(runner, b"x")
    carry(runner, "push")
    other = clone(remote, tmp_path / "other")
    assert "first run" in carry(other, "fetch", STATE_BRANCH="staging").stdout
