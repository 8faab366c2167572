"""What was last seen: documents, check times, entries; on both databases."""

from __future__ import annotations

import pytest

from tests.edges.ledger_samples import (
    HOUR,
    SU,
    T0,
    document,
    entry,
    event,
    evidence,
    fill,
    stored,
    update,
)
from tests.statements import statements
from watcher.records import EventEvidence, Outcome, Silence, Times
from watcher.store import EntryChanges, Store, StoredEntry


def test_a_new_state_is_empty(store: Store) -> None:
    assert store.documents("builds") == {}
    assert store.entries("builds") == {}
    assert store.updates() == ()
    assert store.events() == ()
    assert store.due_deliveries(T0) == []
    assert store.last_check() is None
    assert store.edition() == 0


def test_a_document_is_found_again_as_it_was_written(store: Store) -> None:
    month = document("2024-Nov", total=1023, suspect_since=T0)
    store.record("builds", documents=[document(), month])
    store.record("other", documents=[document(source="other")])
    assert store.documents("builds") == {"": document(), "2024-Nov": month}
    assert set(store.documents()) == {"builds ", "builds 2024-Nov", "other "}


def test_the_documents_of_many_sources_come_at_once(store: Store) -> None:
    store.record("a", documents=[document(source="a"), document("x", source="a")])
    store.record("b", documents=[document(source="b")])
    assert store.documents_of(["a", "none"]) == {
        "a": {"": document(source="a"), "x": document("x", source="a")},
        "none": {},
    }
    with statements() as seen:
        store.documents_of(f"s{number}" for number in range(400))
    assert sum("documents" in statement for statement in seen) == 1


def test_an_entry_is_found_again_as_it_was_written_and_only_in_its_document(
    store: Store,
) -> None:
    store.record(
        "builds",
        documents=[document(), document("b")],
        entries=[EntryChanges("", (stored("a"),)), EntryChanges("b", (stored("c"),))],
    )
    assert store.entries("builds") == {"a": stored("a")}
    assert store.entries("builds", "b") == {"c": stored("c")}
    assert store.entries("builds", "b", keys=["a", "x"]) == {}
    assert store.entries("other") == {}


def test_more_keys_than_one_statement_takes_are_found(store: Store) -> None:
    many = tuple(stored(f"row {number}") for number in range(1203))
    store.record("builds", documents=[document()], entries=[EntryChanges("", many)])
    assert (
        len(store.entries("builds", keys=[f"row {number}" for number in range(1203)]))
        == 1203
    )


def test_an_entry_goes_missing_returns_and_ages_out(store: Store) -> None:
    store.record(
        "builds",
        documents=[document()],
        entries=[EntryChanges("", (stored("a"), stored("b")))],
    )
    store.record("builds", entries=[EntryChanges("", missing=("a",), since=T0)])
    store.record("builds", entries=[EntryChanges("", missing=("a",), since=T0 + HOUR)])
    assert store.entries("builds")["a"] == stored("a", missing_since=T0)
    assert store.fingerprints("builds") == {"a": "", "b": "f1"}
    store.record("builds", entries=[EntryChanges("", returned=("a",), removed=("b",))])
    assert store.entries("builds") == {"a": stored("a")}


def test_what_an_accepted_shrunken_copy_lost_is_marked_as_lost_until_it_returns(
    store: Store,
) -> None:
    store.record(
        "builds", documents=[document()], entries=[EntryChanges("", (stored("a"),))]
    )
    store.record(
        "builds", entries=[EntryChanges("", missing=("a",), since=T0, lost=True)]
    )
    assert store.entries("builds")["a"].lost
    store.record("builds", entries=[EntryChanges("", returned=("a",))])
    assert not store.entries("builds")["a"].lost


def test_why_a_change_was_not_told_is_kept_beside_its_entry(store: Store) -> None:
    quiet = Outcome(
        silent=(
            Silence("builds", "a", "another link"),
            Silence("builds", "b", "aged"),
            Silence("other", "b", "not this source"),
        )
    )
    store.record(
        "builds", documents=[document()], entries=[EntryChanges("", (stored("b"),))]
    )
    store.record(
        "builds",
        entries=[EntryChanges("", (stored("a"),), missing=("b",), since=T0)],
        outcome=quiet,
    )
    assert {key: row.silent for key, row in store.entries("builds").items()} == {
        "a": "another link",
        "b": "aged",
    }
    store.record("builds", entries=[EntryChanges("", (stored("a", "f2"),))])
    assert store.entries("builds")["a"].silent == ""


@pytest.mark.parametrize(
    "key", ["Ä", "a\0b", "\ud800", "x" * 5000, "'; DROP TABLE entries; --", "🛑"]
)
def test_a_source_may_call_its_entries_what_it_likes(store: Store, key: str) -> None:
    row = StoredEntry(entry(key), "f1")
    store.record("builds", documents=[document()], entries=[EntryChanges("", (row,))])
    (found,) = store.entries("builds").values()
    assert found.fingerprint == "f1"
    store.record("builds", entries=[EntryChanges("", removed=(key,))])
    assert store.entries("builds") == {}


def test_check_times_lie_apart_from_documents(store: Store) -> None:
    store.record("builds", documents=[document()], times=[Times("builds", "", T0, T0)])
    later = Times("builds", "", T0 + HOUR, T0, failures=1, failure="refused")
    store.touch([later, Times("new", "", T0)])
    assert store.times("builds") == later
    assert store.times("never") == Times("never", "")
    assert store.all_times() == (later, Times("new", "", T0))
    assert store.last_check() == T0 + HOUR
    assert store.documents("builds") == {"": document()}
    assert store.documents("new") == {}


def test_a_check_without_change_costs_the_same_however_much_is_stored(
    store: Store,
) -> None:
    times = [Times("builds", str(number), T0) for number in range(5)]
    with statements() as when_empty:
        store.touch(times)
    rows = tuple(stored(f"row {number}") for number in range(300))
    updates = tuple(
        update(f"u{number}", names=(f"kb:{number}",)) for number in range(300)
    )
    store.record(
        "builds",
        documents=[document()],
        entries=[EntryChanges("", rows)],
        outcome=Outcome(updates=updates),
    )
    with statements() as when_full:
        store.touch(times)
    assert when_full == when_empty
    assert {
        word
        for statement in when_full
        for word in ("documents", "entries", "updates", "events", "meta")
        if word in statement
    } == set()
    assert sum("times" in statement for statement in when_full) == 5


def test_the_cost_of_a_change_follows_the_change_not_what_is_stored(
    store: Store,
) -> None:
    def change(number: int) -> list[str]:
        with statements() as seen:
            store.record(
                "builds",
                documents=[document()],
                entries=[EntryChanges("", (stored("row 1", f"f{number}"),))],
                outcome=Outcome(
                    events=(event(f"e{number}"),),
                    updates=(update(version=number),),
                    evidence=(EventEvidence(f"e{number}", evidence()),),
                ),
                times=[Times("builds", "", T0)],
            )
        return seen

    change(1)
    few = change(2)
    updates = tuple(
        update(f"u{number}", names=(f"kb:{number}",)) for number in range(300)
    )
    store.record(
        "builds",
        outcome=Outcome(
            updates=updates,
            events=tuple(event(f"x{number}", update_id=SU) for number in range(300)),
        ),
    )
    assert change(3) == few


def test_a_thread_of_the_fetching_may_read_while_another_writes(store: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    fill(store)
    with ThreadPoolExecutor(4) as threads:
        touched = [
            threads.submit(store.touch, [Times("builds", str(number), T0)])
            for number in range(20)
        ]
        read = [threads.submit(store.fingerprints, "builds") for _ in range(20)]
        assert {len(future.result()) for future in read} == {4}
        assert [future.result() for future in touched] == [None] * 20
    assert len(store.all_times()) == 22


def test_what_has_left_a_document_is_remembered_the_newest_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.store.documents.REMEMBERED", 3)
    store.record("builds", documents=[document(), document("b")])
    for hours, left in ((0, ("a", "b")), (1, ("a", "c")), (2, ("d",))):
        changes = EntryChanges("", since=T0 + hours * HOUR, left=left)
        store.record("builds", entries=[changes])
    assert store.remembered("builds") == {"a", "c", "d"}
    assert store.remembered("builds", "b") == frozenset()
