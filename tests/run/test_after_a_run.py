"""What a run does when it is through.

It forgets what has been kept long enough, and writes its figures; sending may be left
to later.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from tests.mailing import MailServer, Postbox
from tests.servers import Reply, SourceServer
from watcher import config, report
from watcher.cli import app
from watcher.config import Settings
from watcher.records import Delivery, DeliveryState, Times
from watcher.store import Store

FEED = (
    b"<rss "
    b'version="2.0"><channel><title>b</title><item><title>Exchange Server SE</title><guid>1</guid></item></channel></rss>'
)


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    server = MailServer(Postbox())
    server.start()
    os.environ["POST"] = server.url
    yield server.postbox
    server.stop()
    del os.environ["POST"]


@pytest.fixture
def folder(
    tmp_path: Path, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    before = (report.LOG.handlers[:], report.LOG.level, report.LOG.propagate)
    monkeypatch.chdir(tmp_path)
    with SourceServer() as web:
        source = (
            '[[source]]\nname = "blog"\nkind = "feed"\nurl = '
            f'"{web.play("/feed", Reply(FEED))}"\n'
        )
        mail = f'[mail]\nfrom = "Watcher <watcher@example.org>"\nsmtp = "{os.environ["POST"]}"\n'
        told = f'{mail}[[subscriber]]\nname = "admins"\nto = ["admins@example.org"]\n'
        (tmp_path / "watcher.toml").write_text(
            (
                '[watch]\nbuiltin_sources = false\nmetrics = "figures.prom"\n'
                f'evidence = "evidence"\n{source}{told}'
            ),
            encoding="utf-8",
        )
        yield tmp_path
    report.LOG.handlers[:], report.LOG.level, report.LOG.propagate = before


def watcher(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), prog_name="watcher")


def settings(folder: Path) -> Settings:
    return config.load(folder / "watcher.toml", {})


def test_a_run_that_does_not_send_keeps_its_messages_for_the_one_that_does(
    folder: Path, postbox: Postbox
) -> None:
    assert watcher("run", "--no-send").exit_code == 0
    assert postbox.messages == []
    with Store.open(settings(folder).state) as store:
        (sealed,) = store.messages()
    assert watcher("send").exit_code == 0
    (sent,) = postbox.messages
    assert sealed.id.encode() in sent.body
    assert watcher("send").exit_code == 0
    assert watcher("run", "--force").exit_code == 0
    assert len(postbox.messages) == 1


def test_figures_are_written_for_the_collector(folder: Path) -> None:
    assert watcher("run").exit_code == 0
    figures = (folder / "figures.prom").read_text(encoding="utf-8")
    lines = dict(
        line.rsplit(" ", 1) for line in figures.splitlines() if not line.startswith("#")
    )
    assert lines["watcher_well"] == "1.0"
    assert lines['watcher_source_failures{source="blog"}'] == "0.0"
    assert lines['watcher_source_entries{source="blog"}'] == "1.0"
    assert float(lines["watcher_last_run_timestamp_seconds"]) > 1.7e9
    assert {
        'watcher_deliveries{state="waiting"}',
        'watcher_source_last_success_timestamp_seconds{source="blog"}',
    } <= lines.keys()
    if os.name == "posix":
        assert stat.S_IMODE((folder / "figures.prom").stat().st_mode) == 0o644


def test_figures_that_cannot_be_written_are_an_error_with_a_remedy(
    folder: Path,
) -> None:
    answer = watcher("run", "--metrics", str(folder / "nowhere" / "figures.prom"))
    assert answer.exit_code == 1
    assert "Correct metrics, its folder's rights, or make room." in answer.stderr


def test_what_was_delivered_long_ago_is_forgotten_and_the_welcome_never(
    folder: Path,
) -> None:
    assert watcher("run").exit_code == 0
    copies = folder / "evidence" / "current"
    (kept,) = copies.glob("blog/*")
    for place in (
        copies / "gone" / kept.name,
        kept.with_name("kb5000001-0123abcd-20240101T000000Z-0123456789abcdef.warc.gz"),
    ):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(kept.read_bytes())
    with Store.open(settings(folder).state) as store:
        (welcome,) = store.messages()
        old = replace(
            welcome,
            id="<old@example.org>",
            kind="news",
            date=welcome.date - timedelta(days=401),
        )
        store.seal(
            [
                (
                    replace(old, date=welcome.date - timedelta(days=401)),
                    [("admins@example.org", "mail")],
                )
            ]
        )
        store.mark(
            Delivery(
                old.id,
                "admins@example.org",
                state=DeliveryState.ACCEPTED,
                settled=welcome.date,
            )
        )
        store.touch([Times("gone", "KB5000001", welcome.date - timedelta(days=401))])
    assert watcher("run").exit_code == 0
    with Store.open(settings(folder).state) as store:
        assert [message.kind for message in store.messages()] == ["welcome"]
        assert [times.source for times in store.all_times()] == ["blog"]
    assert list(copies.glob("*/*")) == [kept]  # of the documents that are known


def test_a_dry_run_forgets_nothing_and_writes_no_figures(folder: Path) -> None:
    assert watcher("run", "--dry-run").exit_code == 0
    assert not (folder / "figures.prom").exists()
