"""Events in the order in which they were established."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watcher.judgement.further import OWED_FOR, Widened, with_further
from watcher.records import (
    Event,
    EventEvidence,
    EventFurther,
    EventGuidance,
    Evidence,
    Kind,
)
from watcher.store.connection import (
    ALL,
    Queries,
    Transactions,
    clean,
    record_from,
    record_text,
)
from watcher.store.notes import write_values

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

WIDENED = "further "
"""Note, with an event's id: since when it names more products, and which it named before."""


class Events(Transactions):
    """The verbs of events."""

    def events(
        self,
        *,
        since: datetime | None = None,
        kind: Kind | None = None,
        product: str | None = None,
        limit: int | None = None,
    ) -> tuple[Event, ...]:
        """Give events in order; of more than ``limit`` the newest.

        ``product`` is a shell pattern, case ignored, against the update's products.
        """
        # The database knows no shell patterns: the limit counts what is left of them.
        most = limit if limit is not None and product is None else ALL
        with self.reading() as sql:
            if kind is None:
                records = sql.column("events", since=since, most=most)
            else:
                records = sql.column(
                    "events_of_kind", kind=kind.value, since=since, most=most
                )
        newest_first = _events(records)
        if product is not None:
            newest_first = [
                event
                for event in newest_first
                if any_matches(event.update.products, product)
            ]
        return tuple(reversed(newest_first[:limit]))

    def event(self, event_id: str) -> Event | None:
        """Give one event, None when there is none.

        ``event_id`` is as events.jsonl has it.
        """
        with self.reading() as sql:
            record = sql.event(id=event_id)
        return None if record is None else record_from(Event, record)

    def events_of(self, update_id: str) -> tuple[Event, ...]:
        """Give an update's events in order, those of updates it absorbed among them.

        An absorbed id serves, too.
        """
        with self.reading() as sql:
            owner = owner_of(sql, update_id)
            return tuple(_events(sql.column("events_of_update", update_id=owner)))

    def events_after(self, sequence: int) -> dict[int, Event]:
        """Give the events whose number in the order is beyond ``sequence``, by number
        (from 1), in order.
        """
        with self.reading() as sql:
            return {
                number: record_from(Event, record)
                for number, record in sql.events_after(sequence=sequence)
            }

    def events_from(self, position: int, limit: int) -> tuple[Event, ...]:
        """Give ``limit`` events in order, from the one before which ``position`` others are.

        The archives of a feed are read so, one after the other.
        """
        with self.reading() as sql:
            records = sql.column("events_from", position=position, most=limit)
        return tuple(_events(records))

    def events_about(self, products: Iterable[str], limit: int) -> tuple[Event, ...]:
        """Give the newest ``limit`` events that are about one of ``products``, in order."""
        found: dict[int, str] = {}
        # An event of two of the products is found twice, and counts once
        with self.reading() as sql:
            for product in dict.fromkeys(products):
                found.update(sql.events_about(product=product, most=limit))
        newest = sorted(found)[-limit:]
        return tuple(_events(found[sequence] for sequence in newest))

    def widened_events(self) -> dict[str, Widened]:
        """Give what events had named before later sources named more, by their ids."""
        with self.reading() as sql:
            rows = sql.values_of_prefix(prefix=WIDENED, length=len(WIDENED))
            return {
                key.removeprefix(WIDENED): record_from(Widened, text)
                for key, text in rows
            }

    def unsealed_events(self) -> tuple[Event, ...]:
        """Give the events of which no message has been made yet, in order.

        They are what a killed run left behind, or what a digest waits for.
        """
        with self.reading() as sql:
            return tuple(_events(sql.column("unsealed_events")))

    def last_sealed(self) -> int:
        """Give the number of the newest event before which all are queued, 0 when there is none."""
        with self.reading() as sql:
            first_unsealed = sql.first_unsealed()
            if first_unsealed is None:
                return int(sql.last_event())
            return int(first_unsealed) - 1

    def position_of(self, event_id: str) -> int | None:
        """Say how many events there are before this one; None when there is no such event.

        So an archive of a feed is found that a changed event stands in.
        """
        with self.reading() as sql:
            position = sql.position_of_event(id=event_id)
        return None if position is None else int(position)

    def count_events(self) -> int:
        """Count the stored events."""
        with self.reading() as sql:
            return int(sql.count_events())

    def owners(self, ids: Iterable[str] | None = None) -> dict[str, str]:
        """Give the update that has each event now, by the ids of all events or of these.

        When an update takes another one over, the events of that are its own from then on.
        """
        with self.reading() as sql:
            if ids is None:
                return dict(sql.owners())
            return dict(sql.owners_of(ids=list(ids)))


def any_matches(products: Iterable[str], pattern: str) -> bool:
    """Say whether one of ``products`` matches a shell pattern, case ignored.

    Patterns have ``*``, ``?`` and ``[...]``: "Exchange Server 2019*".
    """
    pattern = pattern.lower()
    return any(fnmatchcase(product.lower(), pattern) for product in products)


def _events(records: Iterable[str]) -> list[Event]:
    return [record_from(Event, record) for record in records]


def owner_of(sql: Queries, update_id: str) -> str:
    """Give the id of the update that has what was ``update_id``'s.

    Its own, unless it was absorbed.
    """
    return sql.absorbed_by(id=update_id) or update_id


def add_events(sql: Queries, events: Iterable[Event]) -> bool:
    """Append new events in order, unqueued; say whether there were any.

    One whose id is stored already is the same fact, and stays as it was.
    """
    new: dict[str, Event] = {}
    for event in events:
        new.setdefault(clean(event.id), event)
    if not new:
        return False
    for stored in sql.column("stored_event_ids", ids=list(new)):
        del new[stored]
    # Not the database's own counter: that one leaves gaps after a rollback, and equal
    # histories must have equal numbers.
    first = int(sql.last_event()) + 1
    numbered = list(enumerate(new.values(), first))
    sql.add_events([event_row(sequence, event) for sequence, event in numbered])
    add_products(sql, numbered)
    return bool(new)


def event_row(sequence: int, event: Event) -> dict[str, object]:
    """Give the row of a new event.

    ``sequence`` is its place in the order in which events were recorded, from 1.
    """
    return {
        "sequence": sequence,
        "id": event.id,
        "update_id": event.update.id,
        "kind": event.kind.value,
        "time": event.time,
        "queued": False,
        "record": record_text(event),
    }


def add_products(sql: Queries, numbered: Iterable[tuple[int, Event]]) -> None:
    """Write which products new events, by their numbers in the order, are about.

    An index for the feeds of products; the names themselves stand in the event.
    """
    rows = []
    for sequence, event in numbered:
        products = [clean(product) for product in event.update.products if product]
        rows += [
            {"product": product, "sequence": sequence}
            for product in dict.fromkeys(products)
        ]
    sql.add_products_of_events(rows)


def add_evidence(sql: Queries, more: Iterable[EventEvidence]) -> bool:
    """Append evidence to stored events; say whether any was new.

    What an event has already (source, address, body, words) is not added again.

    Evidence for an event that is no longer kept is dropped.
    """
    by_event: dict[str, list[Evidence]] = {}
    for each in more:
        by_event.setdefault(each.event, []).append(each.evidence)
    changed = False
    for event_id, additions in by_event.items():
        record = sql.event(id=event_id)
        if record is None:
            continue
        event = record_from(Event, record)
        present = {_identity(each) for each in event.evidence}
        new = {_identity(each): each for each in additions}
        new = {key: each for key, each in new.items() if key not in present}
        if new:
            both = (*event.evidence, *new.values())
            record = record_text(replace(event, evidence=both))
            sql.rewrite_event(id=event_id, record=record)
            changed = True
    return changed


def _identity(evidence: Evidence) -> tuple[str, str, str, str]:
    # Without its time: the next check reads the same words again
    return evidence.source, evidence.url, evidence.sha256, evidence.after


def add_guidance(sql: Queries, more: Iterable[EventGuidance]) -> bool:
    """Add a further source's tables, with their sentences, to events of which no message
    has been made yet; say whether any was new.

    What readers were sent stays as it was sent.
    """
    changed = False
    for each in more:
        record = sql.unsealed_event(id=each.event)
        if record is None:
            continue
        event = record_from(Event, record)
        if each.table in event.tables:
            continue
        guidance = tuple(dict.fromkeys((*event.guidance, *each.sentences)))
        event = replace(event, guidance=guidance, tables=(*event.tables, each.table))
        sql.rewrite_event(id=each.event, record=record_text(event))
        changed = True
    return changed


def add_further(sql: Queries, more: Iterable[EventFurther]) -> bool:
    """Let events list the packages that later sources name; say whether any was new.

    Where messages have been made of an event, it is noted since when it names more, and
    which products it named before: who asks for the others only has not heard of it.
    """
    changed = False
    for each in more:
        record = sql.event(id=each.event)
        if record is None:
            continue
        event = record_from(Event, record)
        wider = with_further(event, each.packages)
        if wider == event:
            continue
        sql.rewrite_event(id=each.event, record=record_text(wider))
        sequence = int(sql.position_of_event(id=each.event)) + 1
        _add_further_products(sql, sequence, event, wider)
        if sql.unsealed_event(id=each.event) is None:
            _note_wider(sql, event, each.time)
        changed = True
    return changed


def _add_further_products(
    sql: Queries, sequence: int, event: Event, wider: Event
) -> None:
    named = event.update.products
    products = [each for each in wider.update.products if each not in named]
    rows = [{"product": clean(each), "sequence": sequence} for each in products]
    sql.add_products_of_events(rows)


def _note_wider(sql: Queries, event: Event, since: datetime) -> None:
    """Note what an event named before; notes of long ago go."""
    notes = {}
    for key, text in sql.values_of_prefix(prefix=WIDENED, length=len(WIDENED)):
        if since - record_from(Widened, text).since > OWED_FOR:
            notes[key] = ""
    key = f"{WIDENED}{event.id}"
    stored = sql.value(key=key)
    if stored and key not in notes:
        before = record_from(Widened, stored).products
    else:
        before = event.update.products
    notes[key] = record_text(Widened(since, before))
    write_values(sql, notes)
