"""A state of version 0.1.0 goes on in today's: nothing is lost, nothing is told twice.

The files in ``data/state-0.1.0`` were written by that version itself (commit 1985d47): six
checks of the demo's recording up to 20 November 2024, for one subscriber at once and one
with a weekly digest; at the last check the outbox could not be written, so that one
message was still waiting; then ``watcher mute revised``, ``watcher ack CVE-2024-49040``
and ``watcher state export``.  ``sample.toml`` is what its ``watcher init`` wrote.
"""

from __future__ import annotations

import gzip
import re
import sqlite3
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from watcher import config, demo
from watcher.records import Kind
from watcher.run.check import check
from watcher.settings import Settings
from watcher.store import Store
from watcher.web.recording import Recording

DATA = Path(__file__).parent / "data" / "state-0.1.0"
UNTIL = datetime(2024, 11, 20, 17, tzinfo=UTC)
SUBSCRIBED = """
[watch]
timezone = "Europe/Berlin"
state = "sqlite:///state.db"

[[subscriber]]
name = "exchange-admins"
to = ["exchange-admins@example.org"]

[[subscriber]]
name = "service-desk"
to = ["service-desk@example.org"]
when = "weekly Mon 07:00"
"""


def of_0_1_0(table: str) -> list[dict[str, Any]]:
    """Read a table as 0.1.0 left it."""
    with sqlite3.connect(":memory:") as old:
        old.executescript(
            gzip.decompress((DATA / "state.sql.gz").read_bytes()).decode()
        )
        old.row_factory = sqlite3.Row
        rows = [dict(row) for row in old.execute(f"SELECT * FROM {table}")]
    old.close()
    return rows


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "watcher.toml").write_text(SUBSCRIBED, encoding="utf-8")
    return config.load(tmp_path / "watcher.toml", {})


@pytest.fixture(params=["file", "export"])
def store(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path
) -> Iterator[Store]:
    """Today's state, made of 0.1.0's file, or of its export in a workflow's branch."""
    if request.param == "file":
        state = sqlite3.connect(tmp_path / "state.db")
        state.executescript(
            gzip.decompress((DATA / "state.sql.gz").read_bytes()).decode()
        )
        state.close()
    with Store.open(settings.state) as opened:
        if request.param == "export":
            with tarfile.open(DATA / "state-text.tar.gz") as archive:
                archive.extractall(tmp_path / "text", filter="data")
            opened.import_(tmp_path / "text")
        yield opened


def sent(settings: Settings) -> list[Message]:
    return [
        message_from_bytes(path.read_bytes())
        for path in sorted(settings.mail.outbox.glob("*.eml"))
    ]


def go_on(settings: Settings, store: Store, folder: Path) -> list[tuple[str, str]]:
    """Make the checks of the rest of November; give kind and id of each event they told."""
    recording = folder / "november-2024.warc.gz"
    demo.record(demo.pages_folder(), recording)
    told = []
    with Recording([recording]) as web:
        for now in web.dates():
            if now > UNTIL:
                report = check(settings, store, web, now, force=True, publish=False)
                assert not report.failed, report.troubles
                told += [(event.kind.value, event.id) for event in report.events]
    return told


def test_what_was_known_is_told_no_second_time_and_the_next_turn_is(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    assert [kind for kind, _ in go_on(settings, store, tmp_path)] == ["re-released"]
    assert [(mail["X-Watcher-Event"], mail["To"]) for mail in sent(settings)] == [
        ("known-issue", "exchange-admins@example.org"),  # these two were waiting
        ("digest", "service-desk@example.org"),
        ("re-released", "exchange-admins@example.org"),
        ("digest", "service-desk@example.org"),  # due since Monday, 25 November
    ]
    told = store.connection.execute(
        "SELECT told.event, messages.subscriber FROM told "
        "JOIN messages ON messages.id = told.message"
    ).fetchall()
    pairs = [tuple(row) for row in told]
    assert len(set(pairs)) == len(pairs), "nobody was told an event twice"


def test_the_messages_that_waited_go_out_as_0_1_0_had_made_them(
    settings: Settings, store: Store, tmp_path: Path
) -> None:
    waiting = {row["message"] for row in of_0_1_0("deliveries") if row["open"]}
    go_on(settings, store, tmp_path)
    first, second, back, _ = sent(settings)
    assert {first["Message-ID"], second["Message-ID"]} == waiting
    roots = {mail["References"].split()[0] for mail in (first, back)}
    assert len(roots) == 1, "a re-release stands in the thread that 0.1.0 had begun"


def test_everything_that_was_stored_is_still_there(store: Store) -> None:
    events = {event.id: event.kind for event in store.events()}
    assert events.keys() == {row["id"] for row in of_0_1_0("events")}
    assert list(events.values()).count(Kind.PULLED) == 1
    for table in ("messages", "deliveries", "entries", "acks", "mutes"):
        rows = store.connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert rows is not None
        assert rows[0] == len(of_0_1_0(table)), table


def test_what_was_delivered_is_not_due_again(store: Store) -> None:
    rows = store.connection.execute("SELECT message, recipient, open FROM deliveries")
    found = {(row[0], row[1]): bool(row[2]) for row in rows.fetchall()}
    left = {
        (row["message"], row["recipient"]): bool(row["open"])
        for row in of_0_1_0("deliveries")
    }
    assert found == left
    assert sorted(left.values()) == [False] * 6 + [True] * 2


def test_an_older_program_finds_a_schema_that_it_does_not_know(store: Store) -> None:
    """0.1.0 ends with 2 and touches nothing when it does not know the version here."""
    row = store.connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    assert row[0] not in {"0001", "0002", "0003"}


def test_an_older_program_finds_an_export_of_a_form_that_it_does_not_know(
    store: Store, tmp_path: Path
) -> None:
    """0.1.0 reads form 1 alone: it ends with 2 and imports nothing, as the page says."""
    store.export(tmp_path / "newer")
    values = (tmp_path / "newer" / "meta.jsonl").read_text(encoding="utf-8")
    assert '{"key":"form","value":"2"}' in values.splitlines()


def test_every_key_of_its_configuration_means_what_it_meant(tmp_path: Path) -> None:
    text = (DATA / "sample.toml").read_text(encoding="utf-8")
    opened = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    file = tmp_path / "watcher.toml"
    file.write_text(opened.replace("/etc/ssl/corp.pem", "corp.pem"), encoding="utf-8")
    (tmp_path / "corp.pem").touch()
    (tmp_path / "templates").mkdir()
    environ = {
        "TEAMS_URL": "json://hook.example.org/",
        "HEARTBEAT_URL": "https://beat.example.org/4711",
        "WATCHER_SMTP_USER": "watcher@example.org",
        "WATCHER_CLIENT_SECRET": "a secret of the client",
    }
    settings = config.load(file, environ)
    assert settings.warnings == ()
    assert settings.watch.products == ("Exchange Server*",)
    assert [reader.name for reader in settings.subscribers] == ["exchange-admins"]
    assert settings.heartbeat is not None
    assert settings.operator is not None
