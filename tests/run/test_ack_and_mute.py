"""``watcher ack`` and ``watcher mute``.

An update, products or a kind, for how long, and back again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from tests.edges.ledger_samples import SU, T0, event, update
from watcher import report
from watcher.cli import app
from watcher.judgement import server_status
from watcher.records import (
    Established,
    Kind,
    Outcome,
    Package,
    Server,
    State,
    Subscriber,
)
from watcher.run import compose
from watcher.settings import Settings
from watcher.store import Store

OLD, NEW = "Exchange Server 2016 CU23", "Exchange Server 2019 CU14"
PULLED = update(
    state=State.PULLED,
    products=(OLD, NEW),
    packages=(
        Package(OLD, "KB5044062", "15.1.2507.43"),
        Package(NEW, "KB5044062", "15.2.1544.13"),
    ),
    established=(Established(Kind.PULLED, 1, event="e1"),),
)
BOTH = event("e1", Kind.PULLED)
ONE = replace(
    event("e2", Kind.PULLED),
    update=replace(event("e2", Kind.PULLED).update, products=(OLD,)),
)
Watcher = Callable[..., str]


@pytest.fixture
def state(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with Store.open(url) as store:
        both = replace(BOTH, update=replace(BOTH.update, products=(OLD, NEW)))
        store.record("builds", outcome=Outcome(events=(both, ONE), updates=(PULLED,)))
    return url


@pytest.fixture
def watcher(
    tmp_path: Path, state: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watcher]:
    (tmp_path / "watcher.toml").write_text(
        f'[watch]\nstate = "{state}"\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    log = report.LOG
    kept = (log.handlers[:], log.level, log.propagate)

    def call(*words: str, code: int = 0) -> str:
        with time_machine.travel(T0, tick=False):
            said: Result = CliRunner().invoke(app, list(words))
        assert said.exit_code == code, said.output
        return " ".join((said.stdout + said.stderr).split())

    yield call
    log.handlers[:], log.level, log.propagate = kept


def told(state: str, days: int = 0) -> list[str]:
    """Say which events are not held back."""
    with Store.open(state) as store:
        return [
            each.id
            for each in compose.unmuted(
                store.unsealed_events(), store, T0 + timedelta(days=days)
            )
        ]


def reminded(state: str, days: int) -> list[str]:
    """Name the servers of which a reminder is due so many days later."""
    with Store.open(state) as store:
        known = server_status.exposures(
            [Server("OLD1", "15.1.2507.43"), Server("NEW1", "15.2.1544.13")],
            store.updates(),
        )
        settings = Settings(subscribers=(Subscriber("admins", ("a@example.org",)),))
        letters = compose.reminders_due(
            [], settings, store, known, None, T0 + timedelta(days=days)
        )
        return [each.server.name for letter in letters for each in letter.servers]


def test_a_muted_product_hides_no_pull_of_another(watcher: Watcher, state: str) -> None:
    said = watcher("mute", "Exchange Server 2016*")
    assert said == (
        f"Exchange Server 2016*: muted for good; no mail about {OLD}, but for "
        "events of other products, too, and corrections."
    )
    assert told(state) == ["e1"]
    assert watcher("mute", "exchange server 2016*", "--undo").endswith(
        "no longer muted, mail about it is sent from now on."
    )


def test_a_mute_ends_when_it_said(watcher: Watcher, state: str) -> None:
    watcher("mute", "pulled", "--for", "7d")
    assert (told(state, 6), told(state, 8)) == ([], ["e1", "e2"])


def test_a_mute_is_taken_back(watcher: Watcher, state: str) -> None:
    watcher("mute", SU)
    assert told(state) == []
    watcher("mute", SU, "--undo")
    assert told(state) == ["e1", "e2"]


@pytest.mark.parametrize("what", ["pulled", "EXPLOITED", "*"])
def test_nobody_hides_every_pull_for_good_by_accident(
    watcher: Watcher, state: str, what: str
) -> None:
    assert (
        "cannot be muted for good: no pull would be told any more. Say for how long"
        in watcher("mute", what, code=2)
    )
    assert told(state) == ["e1", "e2"]


def test_a_kind_is_muted_in_its_own_words(watcher: Watcher) -> None:
    assert watcher("mute", "known issue") == (
        "known-issue: muted for good; no mail of this kind, whatever the "
        "product, but for corrections."
    )


def test_a_product_without_its_pattern_is_meant(watcher: Watcher) -> None:
    for written in ("Exchange Server 2016", "Exchange 2016", "Microsoft Exchange 2016"):
        said = watcher("mute", written)
        assert said.startswith("Exchange Server 2016*: muted for good")
    said = watcher("mute", "Exchange Server 2016 CU32", code=2)
    assert 'Do you mean "Exchange Server 2016 CU23"?' in said


@pytest.mark.parametrize(
    ("words", "at_once", "later"),
    [
        ((SU,), [], []),
        ((SU, "--for", "30d"), [], ["OLD1", "NEW1"]),
        (("pulled", "--for", "30d"), [], ["OLD1", "NEW1"]),
        (("Exchange Server 2016*",), ["NEW1"], ["NEW1"]),
        (("Exchange Server 2016*", "--for", "30d"), ["NEW1"], ["OLD1", "NEW1"]),
    ],
)
def test_what_is_dealt_with_is_not_reminded_of(
    watcher: Watcher,
    state: str,
    words: tuple[str, ...],
    at_once: list[str],
    later: list[str],
) -> None:
    watcher("ack", *words)
    assert (sorted(reminded(state, 8)), sorted(reminded(state, 31))) == (
        sorted(at_once),
        sorted(later),
    )
    assert told(state) == ["e1", "e2"]
    assert watcher("ack", words[0], "--undo").endswith("reminders are sent again.")
    assert sorted(reminded(state, 8)) == ["NEW1", "OLD1"]


def test_show_says_what_has_been_noted(watcher: Watcher) -> None:
    watcher("ack", SU, "--for", "30d")
    watcher("mute", "Exchange Server 2016*")
    said = watcher("show", SU)
    assert f"{SU}: no reminders until 2024-12-12 18:00Z" in said
    assert "Exchange Server 2016*: muted for good" in said


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("recalled", "pulled"),
        ("withdrawn", "pulled"),
        ("v2", "re-released"),
        ("bug", "known-issue"),
        ("pulld", "pulled"),
    ],
)
def test_a_kind_is_named_by_its_nearest_word(
    watcher: Watcher, word: str, kind: str
) -> None:
    said = "".join(watcher("events", "--kind", word, code=2).replace("│", "").split())
    assert f'Doyoumean"{kind}"?' in said


def test_a_kind_that_is_none_names_all(watcher: Watcher) -> None:
    said = "".join(watcher("events", "--kind", "foo", code=2).replace("│", "").split())
    assert '"foo"isnokindofevent.Thekindsare:pulled,exploited,re-released' in said
    assert watcher("events", "--kind", "Known Issue") == ""


def test_status_lists_what_has_been_noted(watcher: Watcher) -> None:
    watcher("ack", SU)
    watcher("mute", "revised", "--for", "7d")
    (found,) = [
        json.loads(watcher("status", "--json", code=1).partition("} ")[0].rstrip())
    ]
    assert found["notes"] == [
        {"target": SU, "kind": "acknowledged", "until": None},
        {"target": "kind:revised", "kind": "muted", "until": "2024-11-19T18:00:00Z"},
    ]
    assert f"{SU}: dealt with since 2024-11-12 18:00Z" in watcher("status", code=1)
