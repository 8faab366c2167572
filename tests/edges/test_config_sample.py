"""What ``watcher init`` writes and what ``watcher check --schema`` prints are true of the
configuration as it is read.
"""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from watcher import config
from watcher.config.tables import REPEATED, SINGLE, schema
from watcher.kinds import EVENT_KINDS, SOURCE_KINDS
from watcher.records import Kind

SAMPLE = files("watcher.config").joinpath("sample.toml").read_text(encoding="utf-8")
COMMENTED = re.compile(r"^# (?=\[|\w+ = )", re.MULTILINE)


def keys(text: str) -> set[str]:
    """Name every key that a TOML text sets, by table."""
    tables: dict[str, Any] = tomllib.loads(text)
    pairs = (
        (table, part)
        for table, value in tables.items()
        for part in (value if isinstance(value, list) else [value])
    )
    return {f"{table}.{key}" for table, part in pairs for key in part}


def test_the_sample_as_it_is_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "watcher.toml").write_text(SAMPLE, encoding="utf-8")
    written = config.load(Path("watcher.toml"), {})
    builtin = config.load(None, {"XDG_CONFIG_HOME": str(tmp_path)})

    assert written.watch == builtin.watch
    assert written.sources == builtin.sources
    assert written.subscribers == builtin.subscribers
    assert written.timezone == builtin.timezone
    assert Path(written.site) == tmp_path / builtin.site


def test_the_sample_shows_every_key_and_each_is_read(tmp_path: Path) -> None:
    whole = COMMENTED.sub("", SAMPLE)
    known = {
        f"{table}.{field.encode_name}"
        for table, form in (SINGLE | REPEATED).items()
        for field in msgspec.structs.fields(form)
    }
    assert keys(whole) == known

    (tmp_path / "watcher.toml").write_text(
        whole.replace("/etc/ssl/corp.pem", "corp.pem"), encoding="utf-8"
    )
    (tmp_path / "corp.pem").touch()
    (tmp_path / "templates").mkdir()
    environ = {
        "TEAMS_URL": "json://hook.example.org/",
        "HEARTBEAT_URL": "https://beat.example.org/4711",
        "WATCHER_SMTP_USER": "watcher@example.org",
        "WATCHER_CLIENT_SECRET": "a secret of the client",
        "WATCHER_IMAP_PASSWORD": "a password of the mailbox",
    }
    settings = config.load(tmp_path / "watcher.toml", environ)

    assert settings.subscribers[0].kinds == tuple(
        kind for kind, row in EVENT_KINDS.items() if row.subscribed
    )
    assert "another-blog" in {source.name for source in settings.sources}


def test_the_schema_describes_every_key_with_an_example() -> None:
    made = schema()
    tables = {
        "watch": "WatchTable",
        "mail": "MailTable",
        "source": "SourceTable",
        "subscriber": "SubscriberTable",
        "channel": "ChannelTable",
        "organisation": "OrganisationTable",
        "operator": "OperatorTable",
        "heartbeat": "HeartbeatTable",
        "limits": "LimitsTable",
    }

    assert set(made["$defs"]["FileTables"]["properties"]) == set(tables)
    for name in tables.values():
        table = made["$defs"][name]
        assert table["additionalProperties"] is False
        assert [
            key
            for key, value in table["properties"].items()
            if not (value.get("description") and value.get("examples"))
        ] == []


def test_the_schema_lists_the_kinds() -> None:
    tables = schema()["$defs"]

    assert tables["SourceTable"]["properties"]["kind"]["enum"] == sorted(SOURCE_KINDS)
    assert tables["SubscriberTable"]["properties"]["kinds"]["items"]["enum"] == [
        kind.value for kind in Kind
    ]
    assert tables["SubscriberTable"]["properties"]["severity"]["enum"] == [
        "low",
        "moderate",
        "important",
        "critical",
    ]
