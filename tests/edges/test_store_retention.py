"""What is forgotten in the end, and what never is; on both databases."""

from __future__ import annotations

from tests.edges.ledger_samples import (
    HOUR,
    SU,
    T0,
    document,
    event,
    message,
    stored,
    update,
)
from watcher.records import Delivery, DeliveryState, Outcome, Times
from watcher.store import EntryChanges, Pruned, Store

DAY = 24 * HOUR


def test_old_messages_go_and_the_ledger_stays(store: Store) -> None:
    store.record("msrc", outcome=Outcome(events=(event("e1"),), updates=(update(),)))
    old, welcome, waiting, late = (
        message(1),
        message(2, kind="welcome"),
        message(3),
        message(500),
    )
    to = [("a@example.org", "mail")]
    store.seal([(old, to), (welcome, to), (waiting, to), (late, to)], ["e1"])
    for each in (old, welcome, late):
        store.mark(
            Delivery(each.id, "a@example.org", state=DeliveryState.ACCEPTED, settled=T0)
        )
    assert store.prune(T0 + DAY) == Pruned(messages=1, documents=0)
    assert store.messages() == (welcome, waiting, late)
    assert store.deliveries_of(old.id) == ()
    assert [each for each, _ in store.messages_of(event="e1")] == [
        welcome,
        waiting,
        late,
    ]
    assert store.subscribers_of("welcome") == frozenset({"admins"})
    assert store.events() == (event("e1"),)
    assert store.update(SU) == update()
    assert store.integrity() == ()


def test_a_document_that_nothing_leads_to_any_more_goes_with_its_entries(
    store: Store,
) -> None:
    many = [document(f"KB{number}") for number in range(700)]
    times = [Times("builds", each.document, T0) for each in many]
    store.record(
        "builds",
        documents=[*many, document()],
        entries=[EntryChanges("KB1", (stored(),)), EntryChanges("", (stored(),))],
        times=times,
    )
    store.touch([Times("builds", "", T0 + 2 * DAY)])
    assert store.prune(T0 + DAY) == Pruned(messages=0, documents=700)
    assert store.documents("builds") == {"": document()}
    assert store.entries("builds", "KB1") == {}
    assert store.entries("builds") != {}
    assert store.all_times() == (Times("builds", "", T0 + 2 * DAY),)
    assert store.prune(T0 + DAY) == Pruned(0, 0)
