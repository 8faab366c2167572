"""What a mail calls "what we told you before" was told to its very reader."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from watcher.judgement import audience
from watcher.mail import samples
from watcher.records import (
    Delivery,
    DeliveryState,
    Event,
    Kind,
    Letter,
    Message,
    Outcome,
    Subscriber,
)
from watcher.run import compose
from watcher.store import Store

ADMINS, LATE = (
    Subscriber(name, (f"{name}@example.org",)) for name in ("admins", "late")
)


def event(kind: Kind, days: int, **changes: object) -> Event:
    return replace(
        samples.event(kind),
        time=samples.NOW + timedelta(days=days),
        corrects="",
        **changes,
    )


RELEASED, ISSUE, PULLED = (
    event(Kind.RELEASED, 0),
    event(Kind.KNOWN_ISSUE, 1),
    event(Kind.PULLED, 2),
)


def told(store: Store, reader: Subscriber, *events: Event) -> Delivery:
    """Queue a message that tells ``reader`` of events."""
    name = f"<{reader.name}-{events[0].id}@example.org>"
    message = Message(
        name,
        events[0].time,
        "digest",
        reader.name,
        "",
        "A subject",
        tuple(one.id for one in events),
        b"",
    )
    store.seal([(message, [(reader.to[0], "mail")])], events)
    return Delivery(name, reader.to[0])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'state.db'}") as opened:
        opened.record("builds", outcome=Outcome(events=(RELEASED, ISSUE, PULLED)))
        yield opened


def before(
    store: Store, reader: Subscriber, about: Event = PULLED
) -> tuple[str, bool] | None:
    letter = compose.with_story(audience.single(reader, about), store)
    return (letter.before[0].event.id, letter.before[0].told) if letter.before else None


def test_a_reader_is_reminded_of_what_they_were_told_last(store: Store) -> None:
    told(store, ADMINS, RELEASED)
    assert (before(store, ADMINS), before(store, ADMINS, ISSUE)) == (
        ("sample-released", True),
        ("sample-released", True),
    )
    told(store, ADMINS, ISSUE)
    assert before(store, ADMINS) == ("sample-known-issue", True)


def test_who_was_told_nothing_hears_what_happened_before(store: Store) -> None:
    told(store, ADMINS, RELEASED, ISSUE)
    assert before(store, LATE) == ("sample-known-issue", False)


def test_a_message_that_never_arrived_told_nothing(store: Store) -> None:
    lost = told(store, ADMINS, RELEASED)
    store.mark(replace(lost, state=DeliveryState.REFUSED, settled=samples.NOW))
    assert before(store, ADMINS, ISSUE) == ("sample-released", False)


def test_a_correction_quotes_what_it_corrects_and_not_the_last_thing_said(
    store: Store,
) -> None:
    told(store, ADMINS, RELEASED, ISSUE)
    correction = replace(event(Kind.CORRECTED, 3), corrects=RELEASED.id)
    assert before(store, ADMINS, correction) == ("sample-released", True)
    assert before(store, ADMINS, replace(correction, corrects="gone")) is None


def test_before_the_first_event_there_was_nothing(store: Store) -> None:
    assert before(store, ADMINS, RELEASED) is None
    welcome = Letter("welcome", ADMINS)
    assert compose.with_story(welcome, store) == welcome
