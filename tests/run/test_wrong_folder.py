"""A command in the wrong folder says what it found there, and only a run begins a state."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.office import ADMINS, FEED, Office
from tests.servers import Reply, SourceServer
from watcher.cli import app

READING = [
    "status",
    "events",
    "show KB5044062",
    "build 15.2.1544.13",
    "state export out",
    "publish",
    "doctor --offline",
]


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which nobody has configured anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    return tmp_path


def call(words: str) -> Result:
    return CliRunner().invoke(app, words.split(), prog_name="watcher")


@pytest.mark.parametrize("words", READING)
def test_a_command_that_reads_says_where_it_looked_and_creates_no_state(
    nowhere: Path, words: str
) -> None:
    said = call(words)
    assert f"{nowhere / 'state' / 'watcher.db'}" in said.stderr + said.stdout
    assert (
        f"{nowhere / 'watcher.toml'}, {nowhere / 'home' / 'watcher' / 'watcher.toml'}"
        in said.stderr + said.stdout
    )
    assert not (nowhere / "state").exists()


def test_a_first_run_says_which_state_it_begins_and_by_which_configuration(
    tmp_path: Path, nowhere: Path
) -> None:
    with SourceServer() as web:
        office = Office(tmp_path, web.play("/feed", Reply(FEED)), more=ADMINS)
        first, second = (
            office.run("2030-05-14T06:00:00+00:00"),
            office.run("2030-05-14T08:00:00+00:00"),
        )
    state, file = tmp_path / "state" / "watcher.db", tmp_path / "watcher.toml"
    line = f"There is no state {state}: a new one begins. The configuration is {file}."
    assert line in first.stderr.splitlines()[0]
    assert "There is no state" not in second.stderr


def test_a_first_state_without_a_configuration_is_warned_of(nowhere: Path) -> None:
    first = call("send").stderr.splitlines()[0]  # which asks no source
    assert " warning There is no state" in first
    assert (
        "The built-in defaults hold, for there is no configuration: looked "
        f"for {nowhere / 'watcher.toml'}, "
    ) in first
