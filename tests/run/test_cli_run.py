"""``watcher run`` and ``watcher replay`` against sources on loopback.

What is printed, written and ended with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner, Result

from tests.servers import OUTAGE, Reply, SourceServer
from watcher.cli import app
from watcher.store import Store

Cli = Callable[..., Result]

FIRST = "2024-11-12T19:00:00Z"
SECOND = "2024-11-14T19:00:00Z"


def feed(*posts: tuple[str, str, str]) -> Reply:
    """Play a feed of posts: title, day, text; the newest first."""
    items = "".join(
        f"<item><guid>https://blog.example.org/{day}</guid><title>{title}</title><link>https://blog.example.org/{day}</link>"
        f"<pubDate>{day} Nov 2024 18:00:00 GMT</pubDate><description>{text}</description></item>"
        for title, day, text in posts
    )
    body = (
        '<?xml version="1.0"?><rss '
        f'version="2.0"><channel><title>Blog</title><link>https://blog.example.org/</link>{items}</channel></rss>'
    )
    return Reply(body.encode(), etag=f'"{len(posts)}"')


OLD = (
    "Released: October 2024 Exchange Server Security Updates",
    "08",
    "KB5000001 for Exchange Server 2019 CU14 is available.",
)
NEW = (
    "Exchange Server news from the conference",
    "14",
    "We talked about Exchange Server SE.",
)


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, web: SourceServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose watcher.toml names one feed of ``web``, and a subscriber
    who wants all.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)
    (tmp_path / "watcher.toml").write_text(
        f"""
[watch]
builtin_sources = false
[[source]]
name = "blog"
kind = "feed"
url = "{web.url("/feed")}"
[[source]]
name = "idle"
kind = "feed"
url = "{web.url("/idle")}"
enabled = false
[[subscriber]]
name = "admins"
to = ["admins@example.org"]
kinds = ["released", "pulled", "re-released", "news", "revised", "known-issue"]
""",
        encoding="utf-8",
    )
    return tmp_path


@pytest.fixture
def cli(folder: Path) -> Cli:
    """Call a command of ``watcher`` in the folder."""
    return lambda *words: CliRunner().invoke(app, list(words), prog_name="watcher")


def written(folder: Path) -> dict[str, bytes]:
    """Give every file below ``folder``."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_run_reads_tells_and_ends_well(
    cli: Cli, web: SourceServer, folder: Path
) -> None:
    web.play("/feed", feed(OLD))
    with time_machine.travel(FIRST, tick=False):
        first = cli("run")
    web.play("/feed", feed(NEW, OLD))
    with time_machine.travel(SECOND, tick=False):
        second, status, again = cli("run"), cli("status"), cli("run")

    assert [result.exit_code for result in (first, second, status, again)] == [
        0,
        0,
        0,
        0,
    ]
    assert first.stdout == ""
    assert "1 source asked, 0 failed; 1 entry new" in first.stderr
    (event,) = second.stdout.splitlines()
    assert event.startswith(
        "2024-11-14 19:00Z  news  Exchange Server news from the conference"
    )
    assert cli("events").stdout == second.stdout
    assert "0 sources asked" in again.stderr
    assert len(list((folder / "outbox").glob("*.eml"))) == 2


def test_a_quiet_run_says_nothing_when_all_is_well(cli: Cli, web: SourceServer) -> None:
    web.play("/feed", feed(OLD))

    said = cli("run", "-q")

    assert (said.exit_code, said.stdout, said.stderr) == (0, "", "")


def test_force_asks_what_is_not_due(cli: Cli, web: SourceServer) -> None:
    web.play("/feed", feed(OLD))
    cli("run")
    cli("run", "--force")

    assert len(web.asked("/feed")) == 2
    assert web.asked("/feed")[1].headers["if-none-match"] == '"1"'


def test_a_failing_source_is_named_and_ends_the_run_with_1(
    cli: Cli, web: SourceServer
) -> None:
    web.play("/feed", Reply(OUTAGE, content_type="text/html"))

    said = cli("run", "--log-json")
    status = cli("status")

    assert said.exit_code == status.exit_code == 1
    errors = [
        line["message"]
        for line in map(json.loads, said.stderr.splitlines())
        if line["level"] == "error"
    ]
    assert errors[0].startswith("blog: ")
    assert web.url("/feed") in errors[0]
    assert (
        errors[-1]
        == "No source could be read. Nothing is lost: the next run asks again."
    )
    assert errors[0] in status.stderr


def test_sources_that_fail_for_one_cause_are_one_line_and_their_addresses_stand_in_the_verbose_ones(
    cli: Cli, web: SourceServer, folder: Path
) -> None:
    file = folder / "watcher.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("enabled = false", ""),
        encoding="utf-8",
    )
    addresses = [web.play(path, Reply(status=404)) for path in ("/feed", "/idle")]

    said = cli("run").stderr
    verbose = cli("run", "--force", "-v").stderr

    (line,) = [line for line in said.splitlines() if " 404 " in line]
    assert (
        " error   blog, idle: the server answered 404 Not Found. There is no such page"
        in line
    )
    assert all(address in verbose and address not in said for address in addresses)


def test_a_dry_run_touches_nothing_and_prints_what_would_be_sent(
    cli: Cli, web: SourceServer, folder: Path
) -> None:
    web.play("/feed", feed(OLD))
    before = written(folder)

    said = cli("run", "--dry-run")

    assert said.exit_code == 0
    assert said.stdout.startswith("would be sent to admins@example.org: ")
    assert written(folder) == before


def test_a_dry_run_leaves_a_state_as_it_was(
    cli: Cli, web: SourceServer, folder: Path
) -> None:
    web.play("/feed", feed(OLD))
    with time_machine.travel(FIRST, tick=False):
        cli("run")
    before = written(folder)
    web.play("/feed", feed(NEW, OLD))
    with time_machine.travel(SECOND, tick=False):
        said = cli("run", "--dry-run")

    assert "  news  " in said.stdout
    assert written(folder) == before  # SQLite's side files, too
    assert len(list((folder / "outbox").glob("*.eml"))) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--source", "idle"],
            (
                'the source "idle" is switched off. Set enabled = true in its '
                "[[source]], or name another.\n"
            ),
        ),
        (["--source", "blgo"], 'there is no source "blgo". Do you mean "blog"?\n'),
    ],
)
def test_a_source_that_cannot_be_asked_is_refused(
    cli: Cli, folder: Path, words: list[str], said: str
) -> None:
    result = cli("run", *words)

    assert (result.exit_code, result.stderr) == (2, said)
    assert sorted(path.name for path in folder.iterdir()) == ["watcher.toml"]


def test_a_run_beside_another_ends_with_3_and_touches_nothing(
    cli: Cli, web: SourceServer, folder: Path
) -> None:
    web.play("/feed", feed(OLD))
    with Store.open(f"sqlite:///{folder}/state/watcher.db"):
        said = cli("run")

    assert said.exit_code == 3
    assert web.asked("/feed") == []


def test_what_was_recorded_can_be_relived(
    cli: Cli, web: SourceServer, folder: Path
) -> None:
    for moment, posts in ((FIRST, [OLD]), (SECOND, [NEW, OLD])):
        web.play("/feed", feed(*posts))
        with time_machine.travel(moment, tick=False):
            cli("run", "--record", "seen.warc.gz")
    web.forget()

    relived = cli("replay", "seen.warc.gz", "--out", "relived")
    started_late = cli(
        "replay",
        "seen.warc.gz",
        "--out",
        "late",
        "--from",
        "2024-11-13",
        "--against",
        "relived",
    )
    as_before = cli("replay", "seen.warc.gz", "--out", "again", "--against", "relived")

    assert relived.exit_code == 0
    assert relived.stdout == cli("events").stdout
    (told,) = map(
        json.loads,
        (folder / "relived" / "events.jsonl").read_text(encoding="utf-8").splitlines(),
    )
    assert told["time"] == SECOND
    assert (
        started_late.stdout
        == f"- {SECOND} news {told['update']['id']}: {told['summary']}\n"
    )
    assert (as_before.exit_code, as_before.stdout) == (0, "")
    assert web.requests == []


def test_a_day_in_until_is_meant_with_all_its_hours(
    cli: Cli, web: SourceServer, folder: Path
) -> None:
    web.play("/feed", feed(OLD))
    with time_machine.travel(FIRST, tick=False):
        cli("run", "--record", "seen.warc.gz")

    assert (
        cli(
            "replay", "seen.warc.gz", "--out", "whole", "--until", "2024-11-12"
        ).exit_code
        == 0
    )
    assert (
        cli(
            "replay", "seen.warc.gz", "--out", "none", "--until", "2024-11-12T18:00:00Z"
        ).exit_code
        == 0
    )
    assert [path.name for path in (folder / "whole" / "mail").iterdir()] == [
        "0001-welcome.eml"
    ]
    assert not (folder / "none" / "mail").exists()


def test_what_is_no_recording_is_said(cli: Cli, folder: Path) -> None:
    (folder / "x.warc.gz").write_bytes(b"no recording")
    for name in ("gone.warc.gz", "x.warc.gz"):
        said = cli("replay", name, "--out", "relived")

        assert said.exit_code in (1, 2)
        assert name in said.stderr
        assert "mistake of the watcher" not in said.stderr
