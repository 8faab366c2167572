"""The steps of the scheduled workflow and of the action, run for real.

Against a local git remote, a feed and a mail server.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.attacks import tried
from tests.mailing import MailServer, Postbox
from tests.run.test_state_branch import clone, git, quiet, remote
from tests.run.workflow import ACTION, PAGES, ROOT, WORKFLOW, Job, defaults
from tests.servers import Reply, SourceServer

__all__ = ["remote"]

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the workflow runs on Linux"
)


def feed(*titles: str) -> Reply:
    items = "".join(
        f"<item><title>{title}</title><guid>{title}</guid></item>" for title in titles
    )
    return Reply(
        f'<rss version="2.0"><channel><title>b</title>{items}</channel></rss>'.encode(),
        etag=f'"{len(titles)}"',
    )


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


class Machines:
    """Machines that live for one run each, over one remote."""

    def __init__(
        self, remote: Path, folder: Path, web: SourceServer, mail: MailServer
    ) -> None:
        self.remote, self.folder, self.web, self.mail = remote, folder, web, mail
        self.set: dict[str, str] = {}
        # How mail leaves, as the configuration says it
        self.way = f'smtp = "{mail.url}"'

    def new(self, file: Path = WORKFLOW, name: str = "runner", more: str = "") -> Job:
        """Give a machine with the tree checked out and everything installed, that has
        fetched the state; one of that name goes.  ``more`` is of the configuration.
        """
        shutil.rmtree(self.folder / name, ignore_errors=True)
        place = clone(self.remote, self.folder / name)
        source = (
            '[[source]]\nname = "blog"\nkind = "feed"\nurl = '
            f'"{self.web.url("/feed")}"\nevery = "1s"\n'
        )
        sender = f'[mail]\nfrom = "Watcher <watcher@example.org>"\n{self.way}\n'
        told = '[[subscriber]]\nname = "admins"\nto = ["admins@example.org"]\nkinds = ["news"]\n'
        (place / "watcher.toml").write_text(
            f"[watch]\nbuiltin_sources = false\n{more}{source}{sender}{told}"
        )
        command = (
            place / ".venv" / "bin" / "watcher"
            if file != ACTION
            else place / ".git" / "temp" / "watcher" / "bin" / "watcher"
        )
        command.parent.mkdir(parents=True)
        command.write_text(
            f'#!/bin/sh\nPYTHONPATH={ROOT} exec "{sys.executable}" -m watcher "$@"\n'
        )
        command.chmod(0o755)
        if file != ACTION:
            shutil.copytree(
                ROOT / "scripts",
                place / "scripts",
                ignore=shutil.ignore_patterns("__pycache__", "bench"),
            )
        places = {
            "GITHUB_ACTION_PATH": str(ROOT),
            "RUNNER_TEMP": str(place / ".git" / "temp"),
            "GITHUB_STEP_SUMMARY": "summary.md",
        }
        inputs = {f"inputs.{name}": value for name, value in defaults().items()}
        known = inputs | self.secrets() | {"github.token": "t0ken"}
        job = Job(file, place, quiet(places), known)
        assert job.run("fetch") == [0], job.said
        return job

    def secrets(self) -> dict[str, str]:
        """Give every secret that the workflows name: empty, but for those that are set."""
        text = WORKFLOW.read_text(encoding="utf-8") + PAGES.read_text(encoding="utf-8")
        named = dict.fromkeys(re.findall(r"secrets\.\w+", text), "")
        return named | {f"secrets.{name}": value for name, value in self.set.items()}


ALL = ("check", "seal", "send", "receipts", "push")


@pytest.fixture
def machines(
    remote: Path, tmp_path: Path, web: SourceServer, mail: MailServer
) -> Machines:
    return Machines(remote, tmp_path, web, mail)


def subjects(mail: MailServer) -> list[str]:
    lines = [
        line
        for message in mail.postbox.messages
        for line in message.body.splitlines()
        if line.startswith(b"Subject: ")
    ]
    return [line.decode().removeprefix("Subject: ") for line in lines]


def test_runs_on_machines_that_come_and_go_tell_everything_once(
    machines: Machines, remote: Path, web: SourceServer, mail: MailServer
) -> None:
    """The workflow and the action are the same steps: each goes on from where the other was."""
    first = machines.new()
    assert first.run(*ALL) == [0, 0, 0, 0, 0], first.said
    assert "blog" in (first.folder / "summary.md").read_text()
    assert len(mail.postbox.messages) == 1  # the welcome
    before = git(remote, "rev-parse", "watcher-state")

    second = machines.new(ACTION)
    assert second.run(*ALL) == [0, 0, 0, 0, 0], second.said
    # Nothing has changed: no commit
    assert git(remote, "rev-parse", "watcher-state") == before
    web.play("/feed", feed("Second", "First"))
    third = machines.new(ACTION)
    assert third.run(*ALL) == [0, 0, 0, 0, 0], third.said
    assert len(mail.postbox.messages) == 2
    assert "Second" in subjects(mail)[1]


def test_a_runner_lost_before_sending_leaves_its_messages_to_the_next(
    machines: Machines, mail: MailServer
) -> None:
    assert machines.new().run("check", "seal") == [0, 0]
    assert mail.postbox.messages == []
    assert machines.new().run(*ALL) == [0, 0, 0, 0, 0]
    assert len(mail.postbox.messages) == 1


def test_a_runner_lost_after_sending_repeats_the_very_same_message(
    machines: Machines, mail: MailServer
) -> None:
    assert machines.new().run("check", "seal", "send") == [0, 0, 0]
    assert machines.new().run(*ALL) == [0, 0, 0, 0, 0]
    one, two = (message.body for message in mail.postbox.messages)
    # Message-ID and Date are those of the first: a mail server or reader sees one
    # message
    assert one == two


@tried("state")
@pytest.mark.parametrize("file", [WORKFLOW, ACTION], ids=["workflow", "action"])
def test_a_sending_that_is_ended_in_its_middle_repeats_no_message(
    machines: Machines, mail: MailServer, file: Path
) -> None:
    """A job that is cancelled, or takes too long: its shell ends before it writes anything."""
    runner = machines.new(file)
    assert runner.run("check", "seal") == [0, 0]
    (command,) = runner.folder.glob(
        ".venv/bin/watcher" if file != ACTION else ".git/temp/watcher/bin/watcher"
    )
    text = command.read_text()
    ended = 'case $1 in send) "$0" sent; kill -9 $PPID $$ ;; sent) shift; set -- send ;; esac\n'
    command.write_text(text.replace("\n", f"\n{ended}", 1))
    (code,) = runner.run("send")
    assert code
    assert len(mail.postbox.messages) == 1
    command.write_text(text)
    assert runner.run("receipts", "push") == [0, 0], runner.said

    assert machines.new(file).run(*ALL) == [0, 0, 0, 0, 0]
    assert len(mail.postbox.messages) == 1


@tried("state")
@pytest.mark.parametrize("table", ["deliveries", "messages", "events"])
def test_an_export_that_was_ended_in_its_middle_is_not_pushed(
    machines: Machines, remote: Path, table: str
) -> None:
    """The next run would refuse it, and each one after."""
    assert machines.new().run(*ALL) == [0, 0, 0, 0, 0]
    before = git(remote, "rev-parse", "watcher-state")
    runner = machines.new()
    assert runner.run("check") == [0]
    with (runner.folder / "state-text" / f"{table}.jsonl").open("a") as file:
        file.write("{}\n")
    assert runner.run("seal", "send", "push") == [1, None, None]
    assert "not whole" in runner.said["seal"]
    assert git(remote, "rev-parse", "watcher-state") == before


def test_of_two_racing_runners_one_sends(machines: Machines, mail: MailServer) -> None:
    one, two = machines.new(name="one"), machines.new(name="two")
    assert [runner.run("check") for runner in (one, two)] == [[0], [0]]
    assert one.run("seal", "send", "push") == [0, 0, 0]
    assert two.run("seal", "send", "push") == [1, None, None]
    assert len(mail.postbox.messages) == 1


def test_no_receipt_is_lost_when_runners_overtake_each_other(
    machines: Machines, remote: Path, mail: MailServer
) -> None:
    slow = machines.new(name="slow")
    assert slow.run("check", "seal") == [0, 0], slow.said
    fast = machines.new(name="fast")
    mail.postbox.rcpt["admins@example.org"] = "450 later"
    assert fast.run(*ALL) == [0, 0, 1, 0, 0], fast.said
    mail.postbox.rcpt.clear()
    assert slow.run("send", "push") == [0, 0], slow.said

    assert "merged with another run's" in slow.said["push"]
    (receipt,) = git(
        remote, "show", "watcher-state:state-text/deliveries.jsonl"
    ).splitlines()
    assert '"state":"accepted"' in receipt
    assert "watcher-state-" not in git(remote, "branch", "--list")
    assert machines.new().run("check") == [0]  # what was merged can be read
    assert len(mail.postbox.messages) == 1


def test_a_failed_source_ends_the_check_with_1_and_its_state_is_pushed_all_the_same(
    machines: Machines, remote: Path, web: SourceServer
) -> None:
    web.play("/feed", Reply(status=404))
    assert machines.new().run(*ALL) == [1, 0, 0, 0, 0]
    assert '"failures":1' in git(remote, "show", "watcher-state:state-text/times.jsonl")
    assert machines.new().run(*ALL) == [1, 0, 0, 0, 0]
    assert '"failures":2' in git(remote, "show", "watcher-state:state-text/times.jsonl")


def test_a_wrong_configuration_ends_with_2_and_pushes_nothing(
    machines: Machines, remote: Path
) -> None:
    runner = machines.new()
    (runner.folder / "watcher.toml").write_text("[wtch]\n")
    assert runner.run(*ALL) == [2, 1, None, None, None]
    assert "The check did not come to its end" in runner.said["seal"]
    assert git(remote, "branch", "--list", "watcher-state") == ""


@pytest.mark.parametrize("file", [WORKFLOW, ACTION], ids=["workflow", "action"])
@pytest.mark.parametrize("fault", ["cut", "newer", "killed"])
def test_a_state_that_cannot_be_read_is_not_replaced_by_an_empty_one(
    machines: Machines, remote: Path, mail: MailServer, file: Path, fault: str
) -> None:
    assert machines.new(file).run(*ALL) == [0, 0, 0, 0, 0]
    known, sent = git(remote, "rev-parse", "watcher-state"), len(mail.postbox.messages)
    runner = machines.new(file)
    kept = runner.folder / "state-text"
    if fault == "cut":
        (kept / "entries.jsonl").write_text((kept / "entries.jsonl").read_text()[:-20])
    elif fault == "newer":
        meta = (kept / "meta.jsonl").read_text()
        newer = re.sub('("key":"form","value":)"[0-9]+"', r'\1"99"', meta)
        assert newer != meta
        (kept / "meta.jsonl").write_text(newer)
    else:
        (command,) = (
            place
            for place in runner.folder.glob("**/bin/watcher")
            if ".git/modules" not in str(place)
        )
        command.write_text(
            command.read_text().replace(
                "exec ", "case $* in *import*) kill -9 $$ ;; esac; exec "
            )
        )

    check, *rest = runner.run(*ALL)
    assert (bool(check), rest) == (True, [1, None, None, None])
    assert (git(remote, "rev-parse", "watcher-state"), len(mail.postbox.messages)) == (
        known,
        sent,
    )


@pytest.mark.parametrize(
    ("days", "private", "said"),
    [
        (10, False, ""),
        (44, False, ""),
        (50, False, "off in 10 days"),
        (59, False, "off in 1 day:"),
        (75, False, "off any day now"),
        (75, True, ""),
    ],
)
def test_a_schedule_that_is_about_to_be_switched_off_is_noted(
    tmp_path: Path, days: int, private: bool, said: str
) -> None:
    """GitHub switches off those of public repositories only."""
    (tmp_path / "event.json").write_text(
        json.dumps({"repository": {"name": "watch", "private": private}}, indent=2)
    )
    old = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    who = {
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.org",
    }
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".git" / "watcher-state-checked").touch()
    commit = ["git", "commit", "--quiet", "--allow-empty", "-m", "the last one"]
    subprocess.run(
        commit, cwd=tmp_path, env=quiet(who | {"GIT_COMMITTER_DATE": old}), check=True
    )
    environ = quiet(
        {
            "WATCHER": "true",
            "GITHUB_STEP_SUMMARY": "summary.md",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        }
    )
    words = ["sh", str(ROOT / "scripts" / "watch.sh"), "send"]
    sent = subprocess.run(
        words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
    ).stdout
    noted = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert (sent.startswith("::warning "), "[!WARNING]" in noted) == (
        bool(said),
        bool(said),
    )
    assert said in sent
    assert said in noted


ELSEWHERE = 'evidence = "kept/evidence"\nsite = "www"\n'


def test_outbox_and_evidence_are_carried_from_where_the_configuration_puts_them(
    machines: Machines, remote: Path, tmp_path: Path, web: SourceServer
) -> None:
    outbox = tmp_path / "another place" / "outbox"
    machines.way = f'outbox = "{outbox}"'

    def run() -> Job:
        job = machines.new(more=ELSEWHERE)
        assert job.run(*ALL) == [0, 0, 0, 0, 0], job.said
        return job

    first = run()
    assert [path.name for path in outbox.iterdir()] == ["0001-welcome.eml"]
    current = {path.name for path in (first.folder / "kept/evidence/current").iterdir()}
    assert current
    shutil.rmtree(outbox)  # the machine is gone, with all that lay beside its folder

    web.play("/feed", feed("Second", "First"))
    second = run()
    names = sorted(path.name for path in outbox.iterdir())
    assert (names[0], len(names)) == ("0001-welcome.eml", 2)
    assert any((second.folder / "kept/evidence").glob("*.warc.gz"))
    shutil.rmtree(outbox)

    carried = git(remote, "ls-tree", "-r", "--name-only", "watcher-state").splitlines()
    assert sum(path.startswith("outbox/") for path in carried) == 2
    assert any(path.startswith("evidence/") and ".warc" in path for path in carried)
    assert "kept" not in {path.partition("/")[0] for path in carried}
    third = machines.new(more=ELSEWHERE)
    assert third.run("check") == [0], third.said
    files = {
        path.relative_to(third.folder / "kept").as_posix()
        for path in (third.folder / "kept/evidence").rglob("*")
        if path.is_file()
    }
    assert files >= {path for path in carried if path.startswith("evidence/")}


def test_the_summary_shows_what_was_established_and_then_that_nothing_was(
    machines: Machines, web: SourceServer
) -> None:
    machines.new().run(*ALL)
    web.play("/feed", feed("A new post", "First"))
    told = machines.new()
    assert told.run(*ALL) == [0, 0, 0, 0, 0], told.said
    summary = (told.folder / "summary.md").read_text(encoding="utf-8")
    assert "### Established by this check" in summary
    assert "news" in summary
    assert "A new post" in summary
    assert "blog" in summary.partition("### How everything is")[2]
    quiet_one = machines.new()
    quiet_one.run(*ALL)
    assert "### Nothing new" in (quiet_one.folder / "summary.md").read_text()


def test_secrets_of_ones_own_names_come_in_one_and_none_of_their_values_is_shown(
    machines: Machines, mail: MailServer
) -> None:
    machines.set["WATCHER_ENVIRONMENT"] = (
        f"# mail\nMAIL_HOST={mail.url.partition('://')[2]}\n\nMAIL_TOKEN=a=b c\nnot a name\n"
    )
    machines.way = 'smtp = "smtp://${MAIL_HOST}"'
    job = machines.new()
    job.environ["GITHUB_ACTIONS"] = "true"
    assert job.run(*ALL) == [0, 0, 0, 0, 0], job.said
    assert len(mail.postbox.messages) == 1
    assert "::add-mask::a=b c" in job.said["check"]
    assert "It is left out" in job.said["check"]


@pytest.mark.parametrize("title", ["##[add-mask]e", "::add-mask::e", "x ##[error]y"])
def test_what_a_source_says_is_no_command_to_github(
    machines: Machines, web: SourceServer, title: str
) -> None:
    """In a log GitHub obeys lines of a form that a title may have."""
    assert machines.new().run(*ALL) == [0, 0, 0, 0, 0]
    web.play("/feed", feed(title, "First"))
    runner = machines.new()
    runner.environ["GITHUB_ACTIONS"] = "true"
    assert runner.run(*ALL) == [0, 0, 0, 0, 0], runner.said
    shown = 0
    for said in runner.said.values():
        word = ""
        for line in said.splitlines():
            if line.startswith("::stop-commands::"):
                word = line.removeprefix("::stop-commands::")
                assert len(word) == 32
            elif line == f"::{word}::":
                word = ""
            elif "##[" in line or "add-mask" in line:
                assert word
                shown += 1
        assert word == ""
    assert shown


def test_the_page_is_made_from_the_state_alone(machines: Machines) -> None:
    before = machines.new(more=ELSEWHERE)
    assert before.run(*ALL) == [0, 0, 0, 0, 0], before.said
    made = before.folder / "www"
    pages = machines.new(PAGES, name="pages", more=ELSEWHERE)
    pages.environ["GITHUB_OUTPUT"] = "output"
    assert pages.run("publish") == [0], pages.said
    said = (pages.folder / "output").read_text(encoding="utf-8")
    assert said == f"site={pages.folder / 'www'}\n"
    files = {
        path.relative_to(made): path.read_bytes()
        for path in made.rglob("*")
        if path.is_file() and path.name != "status.json"
    }
    assert files
    for path, content in files.items():
        assert (pages.folder / "www" / path).read_bytes() == content, path
