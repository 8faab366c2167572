"""``watcher publish``: everything from the ledger, only what differs is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.formats.lives import PULLED, RELEASED, T0, update
from watcher.cli import app
from watcher.records import Outcome, State, Times
from watcher.store import Store


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command line in a folder with a configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)
    file = tmp_path / "watcher.toml"
    file.write_text(
        '[watch]\nbase_url = "https://advisories.example.org/"\n', encoding="utf-8"
    )
    return lambda *words: CliRunner().invoke(app, [*words, "--config", str(file)])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A ledger in which an update is pulled."""
    (tmp_path / "state").mkdir()
    with Store.open(f"sqlite:///{tmp_path / 'state' / 'watcher.db'}") as store:
        outcome = Outcome(events=(RELEASED, PULLED), updates=(update(State.PULLED),))
        store.record(
            "msrc-cvrf", outcome=outcome, times=[Times("msrc-cvrf", "", T0, T0)]
        )
    return tmp_path / "public"


@pytest.mark.usefixtures("state")
def test_publish_writes_the_site_and_then_only_what_differs(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    first = cli("publish")
    assert (first.exit_code, first.stdout) == (
        0,
        f"{tmp_path / 'public'}: 18 files changed.\n",
    )
    assert "is pulled right now" in (tmp_path / "public/index.html").read_text(
        encoding="utf-8"
    )
    (tmp_path / "public/events.rss").unlink()
    second = cli("publish")
    assert (second.exit_code, second.stdout) == (
        0,
        f"{tmp_path / 'public'}: 1 file changed.\n",
    )


def test_the_page_is_as_true_as_the_last_check(
    cli: Callable[..., Result], state: Path
) -> None:
    cli("publish")
    assert '"checked": "2030-05-14T18:00:00Z"' in (state / "status.json").read_text(
        encoding="utf-8"
    )


def test_before_the_first_check_there_is_nothing_to_publish(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    told = cli("publish")
    assert told.exit_code == 2
    assert "nothing to publish yet. Start a check first" in told.stderr
    assert not (tmp_path / "public").exists()


def test_a_site_that_cannot_be_written_is_a_failure(
    cli: Callable[..., Result], state: Path
) -> None:
    state.touch()
    told = cli("publish")
    assert told.exit_code == 1
    assert "cannot be written" in told.stderr
