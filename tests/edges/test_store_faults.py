"""What a state survives.

Death in the middle, errors at every statement, a full disk, a lost server.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.edges.ledger_samples import (
    HOUR,
    SU,
    T0,
    document,
    event,
    evidence,
    fill,
    message,
    stored,
    suspicion,
    update,
)
from tests.statements import heard
from watcher.errors import StateError
from watcher.records import (
    Absorption,
    EventEvidence,
    Kind,
    Outcome,
    Silence,
    State,
    Times,
)
from watcher.store import EntryChanges, Store

ROOT = Path(__file__).parents[2]


def one(store: Store, statement: str) -> Any:
    """Give the first value that the database answers."""
    row = store.connection.execute(statement).fetchone()
    return None if row is None else row[0]


def whole_check(store: Store) -> None:
    """One source's check that changes something in every table it may change."""
    store.record(
        "builds",
        documents=[document("2024-Dec"), document(total=9)],
        entries=[
            EntryChanges(
                "",
                (stored("row 9"),),
                missing=("row 1",),
                since=T0,
                returned=("row 2",),
                removed=("ROW 1",),
            )
        ],
        outcome=Outcome(
            events=(event("e8", Kind.PULLED), event("e9", Kind.RE_RELEASED)),
            evidence=(EventEvidence("e1", evidence("blog")),),
            updates=(
                update(
                    state=State.PULLED,
                    names=("kb:KB5049233",),
                    suspicions=(suspicion("x", "y"),),
                ),
            ),
            absorbed=(Absorption("windows-kb5046617", SU),),
            silent=(Silence("builds", "row 2", "it came back"),),
        ),
        times=[Times("builds", "", T0 + HOUR, T0 + HOUR)],
    )


def whole_sealing(store: Store) -> None:
    store.seal(
        [(message(8, ("e2",)), [("a@example.org", "mail"), ("teams", "teams")])], ["e2"]
    )


VERBS = {verb.__name__: verb for verb in (whole_check, whole_sealing)}


def text_of(store: Store, folder: Path) -> dict[str, bytes]:
    store.export(folder / "text")
    return {file.name: file.read_bytes() for file in (folder / "text").iterdir()}


def state_of(url: str, folder: Path) -> dict[str, bytes]:
    with Store.open(url, hold=False) as store:
        return text_of(store, folder)


class StumbleError(Exception):
    """Raised in the middle of a transaction."""


@contextmanager
def stumbling(at: int) -> Iterator[list[str]]:
    """Raise before the statement number ``at``; gives those executed."""
    seen: list[str] = []

    def count(statement: str) -> None:
        if statement != "ROLLBACK":
            seen.append(statement)
            if len(seen) == at:
                raise StumbleError

    with heard(count):
        yield seen


@pytest.mark.parametrize("verb", VERBS)
def test_an_error_at_any_statement_leaves_nothing_of_the_transaction(
    store: Store, tmp_path: Path, verb: str
) -> None:
    fill(store)
    before = text_of(store, tmp_path)
    for at in range(1, 100):
        try:
            with stumbling(at):
                VERBS[verb](store)
        except StumbleError:
            assert text_of(store, tmp_path) == before, at
        else:
            break
    assert text_of(store, tmp_path) != before
    assert at > 3


KILLED = """
import os, signal, sys
from tests.edges import test_store_faults as faults
from tests.statements import heard
from watcher.store import Store

url, verb, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store.open(url)
seen = 0

def count(_):
    global seen
    seen += 1
    if seen == at:
        os.kill(os.getpid(), signal.SIGKILL)

with heard(after=count):
    faults.VERBS[verb](store)
"""


@pytest.mark.posix
@pytest.mark.parametrize(
    ("verb", "at"), [("whole_check", 4), ("whole_check", 12), ("whole_sealing", 5)]
)
def test_a_kill_in_the_middle_of_a_transaction_leaves_nothing_of_it(
    database_url: str, tmp_path: Path, verb: str, at: int
) -> None:
    with Store.open(database_url) as store:
        fill(store)
    before = state_of(database_url, tmp_path)
    words = [sys.executable, "-c", KILLED, database_url, verb]
    killed = subprocess.run(
        [*words, str(at)], cwd=ROOT, check=False, capture_output=True, timeout=60
    )
    assert killed.returncode == -9, killed.stderr.decode()
    assert state_of(database_url, tmp_path) == before
    with Store.open(database_url, hold=False) as store:
        VERBS[verb](store)
        assert text_of(store, tmp_path) != before


@pytest.mark.posix
def test_what_was_sealed_survives_a_kill_and_is_sent_with_the_same_id_and_date(
    database_url: str,
) -> None:
    program = """
import os, signal, sys
from tests.edges.ledger_samples import fill
from watcher.store import Store
store = Store.open(sys.argv[1])
fill(store)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run(
        [sys.executable, "-c", program, database_url],
        cwd=ROOT,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -9, killed.stderr.decode()
    with Store.open(database_url, hold=False) as store:
        assert [each for each, _ in store.due_deliveries(T0)] == [
            message(1),
            message(1),
            message(2, ("e1", "e2"), kind="digest"),
        ]
        assert [each.id for each in store.unsealed_events()] == ["e2"]


def test_a_full_disk_is_named_and_loses_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    with Store.open(sqlite_url) as store:
        fill(store)
        before = text_of(store, tmp_path)
        pages = one(store, "PRAGMA page_count")
        store.connection.execute(f"PRAGMA max_page_count = {pages}")
        much = tuple(stored(f"row {number}") for number in range(2000))
        with pytest.raises(StateError, match=r"full.*Free some space"):
            store.record("builds", entries=[EntryChanges("", much)])
        assert text_of(store, tmp_path) == before


def test_a_lost_server_is_named_and_the_run_does_not_go_on_without_its_lock(
    postgres_url: str,
) -> None:
    with Store.open(postgres_url) as store:
        fill(store)
        with Store.open(postgres_url, hold=False) as other:
            other.connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                "datname = current_database() AND pid <> pg_backend_pid()"
            )
        with pytest.raises(StateError, match=r"does not work: .*terminat"):
            store.touch([Times("builds", "", T0)])
        for verb in VERBS.values():
            with pytest.raises(StateError, match="with it the lock"):
                verb(store)
    with Store.open(postgres_url) as store:
        assert [each.id for each in store.events()] == ["e1", "e2"]


def test_a_damaged_page_is_named_when_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "watcher.db"
    with Store.open(f"sqlite:///{file}") as store:
        fill(store)
        assert store.integrity() == ()
        page = one(store, "SELECT rootpage FROM sqlite_master WHERE name = 'events'")
        size = one(store, "PRAGMA page_size")
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    file.write_bytes(content)
    with Store.open(f"sqlite:///{file}") as store:
        with pytest.raises(StateError, match=r"damaged.*state import"):
            store.events()
        assert store.integrity() != ()


def test_a_well_state_has_no_complaint(store: Store) -> None:
    fill(store)
    assert store.integrity() == ()


def test_a_time_without_a_zone_is_a_bug_and_stores_nothing(store: Store) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        store.mute("a", T0.replace(tzinfo=None))
    assert store.mutes() == {}


def test_a_clock_that_jumps_back_confuses_no_order(store: Store) -> None:
    store.record(
        "msrc",
        outcome=Outcome(events=(event("later", time=T0 + HOUR),)),
        times=[Times("msrc", "", T0 + HOUR)],
    )
    store.record(
        "msrc",
        outcome=Outcome(events=(event("earlier", time=T0),)),
        times=[Times("msrc", "", T0)],
    )
    assert [each.id for each in store.events()] == ["later", "earlier"]
    assert store.last_check() == T0


@pytest.fixture(scope="module")
def memory() -> Iterator[Store]:
    with Store.open("sqlite://") as store:
        yield store


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_whatever_text_a_source_has_is_stored(
    memory: Store, words: str, name: str, names: list[str]
) -> None:
    odd = replace(update(names=tuple(names)), title=words)
    told = replace(event(f"{len(memory.events())} {name}"), summary=words)
    memory.record("s", outcome=Outcome(events=(told,), updates=(odd,)))
    assert memory.update(SU) == odd
    assert memory.event(told.id) == told
    assert all(memory.updates_for([one]) == (odd,) for one in names if one)
