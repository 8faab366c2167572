"""A source without end takes its own time, and nobody else's.

What others said is recorded and sent, and the next check goes on where this one stopped.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from tests.attacks import tried
from tests.run.stage import moment
from tests.servers import Fault, Reply, SourceServer
from tests.stories.pages import blog, post
from tests.stories.test_csaf import PUBLISHED, advisory
from watcher import config, doctor
from watcher.cli import app
from watcher.cli.call import live_web
from watcher.config import Settings
from watcher.parsing.parsers import Parsers
from watcher.records import Failure
from watcher.run.check import Report, check
from watcher.store import Store

BEFORE = blog(post(1, "Something else", "2024-11-01", "<p>Something else.</p>"))
RELEASE = blog(
    post(1, "Something else", "2024-11-01", "<p>Something else.</p>"),
    post(
        2,
        "Released: November 2024 Exchange Server Security Updates",
        "2024-11-12",
        "<p>We are releasing KB5044062 for Exchange Server 2019 CU14.</p>",
    ),
)
FIRST, SECOND, THIRD = (
    "2024-11-12T06:00:00Z",
    "2024-11-12T18:00:00Z",
    "2024-11-13T06:00:00Z",
)
# A byte a fiftieth of a second: a day for each
DRIP = Reply(b"<rss>" + b" " * 4_000_000, fault=Fault.DRIP_BODY)
HEAD = Reply(b"<rss/>", fault=Fault.DRIP_HEAD)
# What lxml and bs4 take many seconds for
HEAVY = b"<h1>KB5999001</h1>" + b"<p>a</p>" * 99_000


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


@pytest.fixture
def slow() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


class Watcher:
    """A watcher with a blog, a second source, and limits."""

    def __init__(
        self, folder: Path, web: SourceServer, kind: str, url: str, limits: str
    ) -> None:
        self.web = web
        self.file = folder / "watcher.toml"
        self.file.write_text(
            "[watch]\nbuiltin_sources = false\n"
            f"[limits]\n{limits}\n"
            f'[[source]]\nname = "blog"\nkind = "feed"\nurl = "{web.url("/blog")}"\n'
            f'[[source]]\nname = "slow"\nkind = "{kind}"\nurl = "{url}"\n'
            '[[subscriber]]\nname = "admins"\nto = ["admins@example.org"]\n',
            encoding="utf-8",
        )
        self.settings: Settings = config.load(self.file, {})

    def check(self, time: str, body: bytes = RELEASE) -> Report:
        """Make a check with the live web, as ``watcher run`` does."""
        self.web.play("/blog", Reply(body))
        with (
            Store.open(self.settings.state) as store,
            live_web(self.settings) as live,
            Parsers(self.settings.limits) as parsers,
        ):
            return check(
                self.settings,
                store,
                live,
                moment(time),
                force=True,
                publish=False,
                parse=parsers.parse,
            )

    def command(self, *words: str) -> Result:
        """Call the command itself."""
        return CliRunner().invoke(app, [*words, "--config", str(self.file)])

    def mail(self) -> int:
        """Count the messages in the outbox that tell of a release."""
        outbox = self.file.parent / "outbox"
        texts = [path.read_text(encoding="utf-8") for path in outbox.glob("*.eml")]
        return sum("Subject: [RELEASED] " in text for text in texts)


def failures(report: Report) -> list[Failure]:
    return [each for source in report.sources for each in source.failures]


# How a source goes on without end: its kind, and what it serves
ENDLESS = {
    "a body that drips": ("feed", DRIP),
    "a head that drips": ("feed", HEAD),
    "no answer": ("feed", Reply(fault=Fault.SILENT)),
    "a table that drips": ("build-table", DRIP),
    "a compressed body that drips": (
        "issues-page",
        replace(DRIP, body=gzip.compress(bytes(50_000_000)), encoding=""),
    ),
    "a length that never comes": (
        "issues-page",
        Reply(b"<html>", fault=Fault.LONG_LENGTH),
    ),
}


@tried("limits")
@pytest.mark.parametrize("case", ENDLESS)
def test_what_another_source_said_is_recorded_and_mailed_though_one_never_ends(
    tmp_path: Path, web: SourceServer, slow: SourceServer, case: str
) -> None:
    kind, reply = ENDLESS[case]
    url = slow.play("/slow", reply)
    watcher = Watcher(tmp_path, web, kind, url, 'source = "1s"')
    watcher.check(FIRST, BEFORE)
    report = watcher.check(SECOND)
    assert [event.kind for event in report.events] == ["released"]
    assert watcher.mail() == 1
    (failure,) = failures(report)
    assert failure.source == "slow"
    assert "all documents of this source took longer than" in failure.cause
    assert "[limits]" in failure.remedy


# What a source may send that takes memory or time to read
BOMBS = {
    "60 MiB of paragraphs": ("issues-page", b"<p>a" * 15_000_000, "larger than 8 MiB"),
    "8 MiB of paragraphs": (
        "issues-page",
        b"<p>a" * 2_000_000,
        "more than 200000 tags",
    ),
    "elements in each other": ("build-table", b"<div>" * 50_000, "deep in each other"),
    "a feed of tags": ("feed", b"<rss><channel>" + b"<p>a" * 50_000, "breaks off"),
    "just as many tags as are read": ("article", HEAVY, "longer than 1 s"),
}


@tried("limits")
@pytest.mark.parametrize("case", BOMBS)
def test_what_another_source_said_is_recorded_and_mailed_though_one_sends_a_bomb(
    tmp_path: Path, web: SourceServer, slow: SourceServer, case: str
) -> None:
    kind, body, said = BOMBS[case]
    limits = 'document = "1s"' if body == HEAVY else ""
    url = slow.play("/slow", Reply(body, content_type="text/html", encoding="gzip"))
    watcher = Watcher(tmp_path, web, kind, url, limits)
    watcher.check(FIRST, BEFORE)
    report = watcher.check(SECOND)
    assert [event.kind for event in report.events] == ["released"]
    assert watcher.mail() == 1
    (failure,) = failures(report)
    assert said in failure.cause
    assert failure.remedy


@tried("limits")
def test_what_has_answered_is_recorded_while_another_source_still_drips(
    tmp_path: Path, web: SourceServer, slow: SourceServer
) -> None:
    url = slow.play("/slow", DRIP)
    # A table is judged before a blog, unless it keeps it waiting
    watcher = Watcher(tmp_path, web, "build-table", url, 'source = "3s"')
    watcher.check(FIRST, BEFORE)
    settings, recorded = watcher.settings, list[int]()

    def say(text: str) -> None:
        if text.startswith("slow: failed"):
            with Store.open(settings.state, hold=False) as beside:
                recorded.append(len(beside.events()))

    web.play("/blog", Reply(RELEASE))
    with Store.open(settings.state) as store, live_web(settings) as live:
        check(settings, store, live, moment(SECOND), force=True, publish=False, say=say)
    assert recorded == [1]


def provider(web: SourceServer, count: int, reply: Reply) -> str:
    """Serve a CSAF provider whose list leads to so many advisories, all with one reply."""
    folder = "/csaf/"
    names = [f"2024/msrc_cve-2024-{number:04}.json" for number in range(count)]
    rows = [f'"{name}","2024-11-12T0{n % 8}:00:00Z"' for n, name in enumerate(names)]
    web.play(f"{folder}changes.csv", Reply("\n".join(rows).encode()))
    for name in names:
        web.play(f"{folder}{name}", reply)
    metadata = {
        "canonical_url": web.url("/provider-metadata.json"),
        "distributions": [{"directory_url": web.url(folder)}],
        "last_updated": "2024-11-12T09:00:00Z",
        "metadata_version": "2.0",
        "publisher": {
            "category": "vendor",
            "name": "Example",
            "namespace": "https://example.org",
        },
        "role": "csaf_provider",
    }
    return web.play("/provider-metadata.json", Reply(json.dumps(metadata).encode()))


@tried("limits")
@pytest.mark.parametrize("count", [20, 200])
def test_of_a_list_of_dripping_documents_the_next_check_asks_the_others(
    tmp_path: Path, web: SourceServer, slow: SourceServer, count: int
) -> None:
    url = provider(slow, count, DRIP)
    watcher = Watcher(tmp_path, web, "csaf", url, 'source = "1s"')
    watcher.check(FIRST, BEFORE)
    tries = []
    for time in (SECOND, THIRD):
        slow.forget()
        report = watcher.check(time)
        assert any(
            "1 s" in str(each) or "min" in str(each) for each in failures(report)
        )
        tries.append({one.target for one in slow.requests if "cve" in one.target})
    assert watcher.mail() == 1
    first, second = tries
    assert first
    assert second
    assert not first & second


@tried("limits")
def test_what_was_read_of_a_list_before_its_time_was_up_is_not_asked_again(
    tmp_path: Path, web: SourceServer, slow: SourceServer
) -> None:
    url = provider(slow, 8, DRIP)
    good = [f"/csaf/2024/msrc_cve-2024-{number:04}.json" for number in (6, 7)]
    for path in good:
        body = advisory(PUBLISHED).decode().replace("2024-49040", path[-9:-5])
        slow.play(path, Reply(body.encode()))
    watcher = Watcher(tmp_path, web, "csaf", url, 'source = "1s"')
    watcher.check(FIRST, BEFORE)
    slow.forget()
    watcher.check(SECOND)
    assert not {one.target for one in slow.requests} & set(good)


@tried("limits")
def test_a_run_whose_time_is_up_names_what_it_did_not_ask(
    tmp_path: Path, web: SourceServer, slow: SourceServer
) -> None:
    url = slow.play("/slow", DRIP)
    watcher = Watcher(tmp_path, web, "build-table", url, 'run = "2s"')
    watcher.check(FIRST, BEFORE)
    report = watcher.check(SECOND)
    assert [event.kind for event in report.events] == ["released"]
    (failure,) = failures(report)
    assert "the run's time was up" in failure.cause


@tried("limits")
@pytest.mark.posix
def test_a_run_that_nothing_else_ends_is_ended_and_says_so(
    tmp_path: Path, web: SourceServer, slow: SourceServer
) -> None:
    watcher = Watcher(tmp_path, web, "feed", slow.play("/slow", Reply(BEFORE)), "")
    web.play("/blog", Reply(BEFORE))
    # Nobody writes into the pipe, and reading it would wait for ever
    os.mkfifo(tmp_path / "inventory.csv")
    text = watcher.file.read_text(encoding="utf-8")
    more = '[limits]\nrun = "1s"'
    text = text.replace("[watch]", '[watch]\ninventory = "inventory.csv"')
    watcher.file.write_text(text.replace("[limits]", more), encoding="utf-8")
    said = watcher.command("run", "--force")
    assert said.exit_code == 1
    assert "The run took longer than 0.0167 min and was ended" in said.stderr
    (tmp_path / "inventory.csv").unlink()
    (tmp_path / "inventory.csv").write_text("server,product,build\n", encoding="utf-8")
    watcher.file.write_text(text, encoding="utf-8")
    assert watcher.command("run", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("limits", "expected"),
    [('run = "25m"', "schedule.bound"), ('run = "2h"', "schedule.longer")],
)
def test_doctor_compares_what_a_run_may_take_with_how_often_there_is_one(
    tmp_path: Path, web: SourceServer, limits: str, expected: str
) -> None:
    url = web.play("/other", Reply(BEFORE))
    watcher = Watcher(tmp_path, web, "feed", url, limits)
    watcher.check(FIRST, BEFORE)
    now = moment(FIRST) + timedelta(minutes=30)
    found = {each.id for each in doctor.findings(watcher.settings, {}, now, None)}
    assert {"schedule.bound", "schedule.longer"} & found == {expected}
