"""The steps of the scheduled workflow, run for real: against a local git remote, a feed and a mail server."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mailing import MailServer, Postbox
from tests.run.test_state_branch import carry, clone, git, quiet, remote
from tests.servers import Reply, SourceServer

__all__ = ["remote"]

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "watch.sh"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the workflow runs on Linux")


def feed(*titles: str) -> Reply:
    items = "".join(f"<item><title>{title}</title><guid>{title}</guid></item>" for title in titles)
    return Reply(f'<rss version="2.0"><channel><title>b</title>{items}</channel></rss>'.encode(), etag=f'"{len(titles)}"')


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        server.play("/feed", feed("First"))
        yield server


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer(Postbox())
    server.start()
    yield server
    server.stop()


class Runner:
    """A machine that lives for one run."""

    def __init__(self, remote: Path, folder: Path, web: SourceServer, mail: MailServer) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = clone(remote, folder)
        source = f'[[source]]\nname = "blog"\nkind = "feed"\nurl = "{web.url("/feed")}"\nevery = "1s"\n'
        sender = f'[mail]\nfrom = "Watcher <watcher@example.org>"\nsmtp = "{mail.url}"\n'
        told = '[[subscriber]]\nname = "admins"\nto = ["admins@example.org"]\nkinds = ["news"]\n'
        (self.folder / "watcher.toml").write_text(f"[watch]\nbuiltin_sources = false\n{source}{sender}{told}")
        (self.folder / "watcher.sh").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m watcher "$@"\n')
        (self.folder / "watcher.sh").chmod(0o755)
        assert carry(self.folder, "fetch").returncode == 0

    def step(self, verb: str) -> subprocess.CompletedProcess[str]:
        if verb in ("seal", "push"):
            return carry(self.folder, verb)
        environ = quiet({"WATCHER": "./watcher.sh", "PYTHONPATH": str(ROOT), "GITHUB_STEP_SUMMARY": "summary.md"})
        words = ["sh", str(SCRIPT), verb]
        return subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False, env=environ, timeout=120)

    def steps(self, *verbs: str) -> list[int]:
        return [self.step(verb).returncode for verb in verbs]


ALL = ("check", "seal", "send", "push")


def subjects(mail: MailServer) -> list[bytes]:
    return [line for message in mail.postbox.messages for line in message.body.splitlines() if line.startswith(b"Subject: ")]


def test_runs_on_machines_that_come_and_go_tell_everything_once(remote: Path, tmp_path: Path, web: SourceServer, mail: MailServer) -> None:
    first = Runner(remote, tmp_path / "one", web, mail)
    assert first.steps(*ALL) == [0, 0, 0, 0]
    summary = (first.folder / "summary.md").read_text()
    assert "blog" in summary
    assert "off after 60 days" in summary
    assert len(mail.postbox.messages) == 1  # the welcome
    before = git(remote, "rev-parse", "watcher-state")

    assert Runner(remote, tmp_path / "one", web, mail).steps(*ALL) == [0, 0, 0, 0]
    assert git(remote, "rev-parse", "watcher-state") == before  # nothing has changed: no commit
    web.play("/feed", feed("Second", "First"))
    assert Runner(remote, tmp_path / "one", web, mail).steps(*ALL) == [0, 0, 0, 0]
    assert len(mail.postbox.messages) == 2
    assert b"Second" in subjects(mail)[1]


def test_a_runner_lost_before_sending_leaves_its_messages_to_the_next(
    remote: Path, tmp_path: Path, web: SourceServer, mail: MailServer
) -> None:
    assert Runner(remote, tmp_path / "one", web, mail).steps("check", "seal") == [0, 0]
    assert mail.postbox.messages == []
    assert Runner(remote, tmp_path / "two", web, mail).steps(*ALL) == [0, 0, 0, 0]
    assert len(mail.postbox.messages) == 1


def test_a_runner_lost_after_sending_repeats_the_very_same_message(
    remote: Path, tmp_path: Path, web: SourceServer, mail: MailServer
) -> None:
    assert Runner(remote, tmp_path / "one", web, mail).steps("check", "seal", "send") == [0, 0, 0]
    assert Runner(remote, tmp_path / "two", web, mail).steps(*ALL) == [0, 0, 0, 0]
    one, two = (message.body for message in mail.postbox.messages)
    assert one == two  # Message-ID and Date are those of the first: a mail server or reader sees one message


def test_of_two_racing_runners_one_sends(remote: Path, tmp_path: Path, web: SourceServer, mail: MailServer) -> None:
    one, two = (Runner(remote, tmp_path / name, web, mail) for name in ("one", "two"))
    assert [runner.step("check").returncode for runner in (one, two)] == [0, 0]
    assert sorted(runner.step("seal").returncode for runner in (one, two)) == [0, 1]
    assert one.steps("send", "push") == [0, 0]
    assert len(mail.postbox.messages) == 1


def test_a_failed_source_ends_the_check_with_1_and_its_state_is_pushed_all_the_same(
    remote: Path, tmp_path: Path, web: SourceServer, mail: MailServer
) -> None:
    web.play("/feed", Reply(status=404))
    assert Runner(remote, tmp_path / "one", web, mail).steps(*ALL) == [1, 0, 0, 0]
    assert '"failures":1' in git(remote, "show", "watcher-state:state-text/times.jsonl")
    assert Runner(remote, tmp_path / "two", web, mail).steps(*ALL) == [1, 0, 0, 0]
    assert '"failures":2' in git(remote, "show", "watcher-state:state-text/times.jsonl")


def test_a_wrong_configuration_ends_with_2_and_pushes_nothing(remote: Path, tmp_path: Path, web: SourceServer, mail: MailServer) -> None:
    runner = Runner(remote, tmp_path / "one", web, mail)
    (runner.folder / "watcher.toml").write_text("[wtch]\n")
    assert runner.step("check").returncode == 2
    assert not (runner.folder / "state-text").exists()
