"""``watcher replay``: what it leaves behind, and what it tells otherwise than another replay."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from tests.edges.ledger_samples import T0, event
from tests.stories.pages import table
from tests.stories.telling import URLS
from watcher.cli import app
from watcher.config import load
from watcher.errors import ConfigurationError
from watcher.records import Event, Kind, Page
from watcher.replay import differences, read_events
from watcher.replay import replay as relive
from watcher.text import event_json
from watcher.web.recorder import Recorder

Cli = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Call a command of ``watcher`` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    return lambda *words: CliRunner().invoke(app, list(words), prog_name="watcher")


def told(folder: Path, *events: Event) -> Path:
    """Write what a replay writes of its events."""
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text(
        "".join(f"{event_json.line(one)}\n" for one in events), encoding="utf-8"
    )
    return folder


def test_a_recording_that_cannot_be_read_leaves_nothing_behind(
    cli: Cli, tmp_path: Path
) -> None:
    said = cli("replay", "gone.warc.gz", "--out", "relived")

    assert said.exit_code == 2
    assert "gone.warc.gz" in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_told_otherwise_is_a_line_each(tmp_path: Path) -> None:
    released, pulled = event("e1"), event("e2", Kind.PULLED)
    now = told(
        tmp_path / "now",
        replace(released, summary="It is out."),
        event("e3", Kind.RE_RELEASED),
    )
    before = told(tmp_path / "before", released, pulled)

    assert list(differences(now, before)) == [
        (
            "~ 2024-11-12T18:00:00Z released exchange-server-2024-11-su: It is "
            "out. (before: released it is)"
        ),
        "- 2024-11-12T18:00:00Z pulled exchange-server-2024-11-su: pulled it is",
        "+ 2024-11-12T18:00:00Z re-released exchange-server-2024-11-su: re-released it is",
    ]
    assert list(differences(before, before)) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("no JSON\n", "holds no events"),
        ("{}\n", "holds no events"),
    ],
)
def test_a_folder_that_no_replay_wrote_is_refused_before_anything_is_done(
    cli: Cli, tmp_path: Path, content: str | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "events.jsonl").write_text(content, encoding="utf-8")
    said = cli("replay", "gone.warc.gz", "--out", "relived", "--against", "other")

    assert said.exit_code == 2
    assert f"other/events.jsonl: {why}" in said.stderr
    assert "Name the folder that an earlier replay wrote with --out." in said.stderr
    assert "gone.warc.gz" not in said.stderr
    assert not (tmp_path / "relived").exists()


def test_a_line_separator_in_a_sources_words_splits_no_line(tmp_path: Path) -> None:
    hostile = replace(event("e1"), summary="One\u2028two\u0085three")

    assert (
        read_events(told(tmp_path / "out", hostile, event("e2")))["e1"]["summary"]
        == hostile.summary
    )


def test_a_replay_writes_lines_that_nothing_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A checkout may have a configuration of its own
    monkeypatch.chdir(tmp_path)
    rows = (("Exchange Server 2019 CU14", "February 13, 2024", "15.2.1544.4", ""),)
    recording = tmp_path / "seen.warc.gz"
    new = (
        "Exchange Server 2019 CU14 Nov24SU\u2028",
        "November 12, 2024",
        "15.2.1544.13",
        "KB5044062",
    )
    for time, shown in ((T0 - timedelta(days=4), rows), (T0, (new, *rows))):
        Recorder(recording).add(
            Page("exchange-builds", "", URLS["table"], time, 200, table(*shown))
        )
    relive(load(None, {}), [recording], tmp_path / "out", None, None, None)

    written = (tmp_path / "out" / "events.jsonl").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = [json.loads(line) for line in written.splitlines()]
    assert [one["kind"] for one in found] == ["released"]
    assert written.isascii()


def test_reading_refuses_what_is_no_replay(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Name the folder"):
        read_events(tmp_path)


def test_a_recording_of_none_of_the_sources_is_said_to_tell_nothing(
    cli: Cli, tmp_path: Path
) -> None:
    for number in range(4):
        Recorder(tmp_path / "other.warc.gz").add(
            Page("x", "", f"https://example.org/{number}", T0, 200, b"<html></html>")
        )
    Recorder(tmp_path / "ours.warc.gz").add(
        Page("exchange-builds", "", URLS["table"], T0, 200, table())
    )

    said = cli("replay", "other.warc.gz", "--out", "relived").stderr
    assert "None of the addresses of" in said
    assert "Recorded are 4 addresses, https://example.org/0, " in said
    assert "None of" not in cli("replay", "ours.warc.gz", "--out", "ours").stderr
