"""Messages fixed before they are sent, deliveries, and notes; on both databases."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.edges.ledger_samples import HOUR, SU, T0, event, message, update
from watcher.errors import StateError
from watcher.records import Absorption, Delivery, DeliveryState, Outcome
from watcher.store import DeliveryCounts, Store

TO = [("b@example.org", "mail"), ("a@example.org", "mail")]


@pytest.fixture
def store(store: Store) -> Store:
    store.record(
        "msrc",
        outcome=Outcome(
            events=(event("e1"), event("e2"), event("e3")), updates=(update(),)
        ),
    )
    return store


def test_a_sealed_message_is_kept_to_the_byte_and_its_events_are_told(
    store: Store,
) -> None:
    odd = replace(message(1), body=b"Subject: \xff\x00\r\n\r\nS\xc3\xa4umig\n")
    store.seal([(odd, TO)], [event("e1"), "e2"])
    assert store.message("<1@example.org>") == odd
    assert store.message("<9@example.org>") is None
    assert store.unsealed_events() == (event("e3"),)


def test_an_event_that_waits_keeps_the_later_ones_from_counting_as_queued(
    store: Store,
) -> None:
    assert store.last_sealed() == 0
    store.seal([], ["e1", "e3"])
    assert list(store.events_after(store.last_sealed()).values()) == [
        event("e2"),
        event("e3"),
    ]
    store.seal([], ["e2"])
    assert store.events_after(store.last_sealed()) == {}


def test_deliveries_are_due_in_the_order_in_which_messages_were_sealed(
    store: Store,
) -> None:
    store.seal(
        [
            (message(2), TO),
            (message(1), [("x@example.org", "mail"), ("x@example.org", "mail")]),
        ],
        [],
    )
    due = [
        (each.id, delivery.recipient, delivery.state)
        for each, delivery in store.due_deliveries(T0)
    ]
    queued = DeliveryState.QUEUED
    assert due == [
        ("<2@example.org>", "a@example.org", queued),
        ("<2@example.org>", "b@example.org", queued),
        ("<1@example.org>", "x@example.org", queued),
    ]


@pytest.mark.parametrize(
    ("state", "settled", "due", "counts"),
    [
        (DeliveryState.ACCEPTED, True, False, DeliveryCounts(0, 0)),
        (DeliveryState.REFUSED, True, False, DeliveryCounts(0, 1)),
        (DeliveryState.DEFERRED, False, True, DeliveryCounts(1, 0)),
        (DeliveryState.DEFERRED, True, False, DeliveryCounts(0, 1)),
        (DeliveryState.UNKNOWN, False, True, DeliveryCounts(1, 0)),
        (DeliveryState.UNKNOWN, True, False, DeliveryCounts(0, 1)),
    ],
)
def test_a_delivery_is_due_until_it_is_settled(
    store: Store, state: DeliveryState, settled: bool, due: bool, counts: DeliveryCounts
) -> None:
    store.seal([(message(), TO[:1])], [])
    marked = Delivery(
        "<1@example.org>",
        "b@example.org",
        state=state,
        attempts=1,
        answer="4.2.0 later",
        settled=T0 if settled else None,
    )
    store.mark(marked)
    assert bool(store.due_deliveries(T0)) is due
    assert store.delivery_counts() == counts
    assert store.deliveries_of("<1@example.org>") == (marked,)
    assert [delivery for _, delivery in store.given_up()] == (
        [marked] if counts.given_up else []
    )


def test_a_deferred_delivery_waits_for_its_next_try(store: Store) -> None:
    store.seal([(message(), TO[:1])], [])
    store.mark(
        Delivery(
            "<1@example.org>",
            "b@example.org",
            state=DeliveryState.DEFERRED,
            next_try=T0 + HOUR,
        )
    )
    assert store.due_deliveries(T0) == []
    assert len(store.due_deliveries(T0 + HOUR)) == 1


def test_a_fallback_is_one_more_delivery_of_the_same_message(store: Store) -> None:
    store.seal([(message(), TO[:1])], [])
    store.mark(Delivery("<1@example.org>", "teams", "teams"))
    assert [
        (each.recipient, each.channel)
        for each in store.deliveries_of("<1@example.org>")
    ] == [("b@example.org", "mail"), ("teams", "teams")]


def test_a_message_id_is_never_used_for_other_content(store: Store) -> None:
    store.seal([(message(1), TO)], ["e1"])
    with pytest.raises(StateError):
        store.seal([(message(2), TO), (replace(message(1), body=b"other"), TO)], ["e2"])
    assert store.messages() == (message(1),)
    assert store.unsealed_events() == (event("e2"), event("e3"))


def test_who_was_told_when_is_found_by_event_and_by_update(store: Store) -> None:
    own, digest, welcome = (
        message(1, ("e1",)),
        message(2, ("e1", "e2"), "", "digest"),
        message(3, (), "", "welcome"),
    )
    store.seal([(own, TO[:1]), (digest, []), (welcome, [])], ["e1", "e2"])
    assert store.messages_of(event="e1") == [
        (own, (Delivery(own.id, "b@example.org"),)),
        (digest, ()),
    ]
    assert store.messages_of(event="e2") == [(digest, ())]
    assert [each for each, _ in store.messages_of(update=SU)] == [own, digest]
    assert store.messages_of(event="e3") == []
    assert store.messages(kind="welcome") == (welcome,)
    assert store.subscribers_of("welcome") == frozenset({"admins"})
    assert store.subscribers_of("operator") == frozenset()


def test_the_last_message_of_an_update_is_each_subscribers_own(store: Store) -> None:
    first, second, other = message(1), message(2), message(3, subscriber="board")
    store.seal([(first, TO), (second, TO), (other, TO)], [])
    assert store.last_message_of(SU, "admins") == second
    assert store.last_message_of(SU, "board") == other
    assert store.last_message_of("none", "admins") is None


def test_an_acknowledgement_follows_its_update(store: Store) -> None:
    store.ack("cve-1", T0)
    store.ack("cve-1", T0 + HOUR)
    assert store.acks() == {"cve-1": T0 + HOUR}
    store.record("msrc", outcome=Outcome(absorbed=(Absorption("cve-1", SU),)))
    assert store.acks() == {SU: T0 + HOUR}


def test_a_mute_holds_for_good_or_until_its_time(store: Store) -> None:
    store.mute("a")
    store.mute("b", T0)
    assert store.mutes() == {"a": None, "b": T0}
    assert store.mutes(T0) == {"a": None}
    store.unmute("a")
    store.unmute("never muted")
    assert store.mutes(T0) == {}
