"""Events in the order in which they were established."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from watcher.records import Event, Evidence, Kind, Table
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.products import write_concerned
from watcher.store.rows import chunks, next_sequence
from watcher.store.tables import ABSORBED, EVENTS, clean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection


class Events(Base):
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
        query = select(EVENTS.c.record).order_by(EVENTS.c.sequence.desc())
        if since is not None:
            query = query.where(EVENTS.c.time >= since)
        if kind is not None:
            query = query.where(EVENTS.c.kind == kind.value)
        if product is None and limit is not None:
            query = query.limit(limit)
        with self.reading() as connection:
            found = [forms.record(Event, row) for row in connection.scalars(query)]
        if product is not None:
            found = [e for e in found if any(fnmatchcase(p.lower(), product.lower()) for p in e.update.products)]
        return tuple(reversed(found[:limit]))

    def event(self, event_id: str) -> Event | None:
        """Give one event, None when there is none."""
        with self.reading() as connection:
            row = connection.scalar(select(EVENTS.c.record).where(EVENTS.c.id == event_id))
        return None if row is None else forms.record(Event, row)

    def events_of(self, update_id: str) -> tuple[Event, ...]:
        """Give an update's events in order, those of updates it absorbed among them; an absorbed id serves, too."""
        with self.reading() as connection:
            owner = connection.scalar(select(ABSORBED.c.update_id).where(ABSORBED.c.id == update_id)) or update_id
            rows = connection.scalars(select(EVENTS.c.record).where(EVENTS.c.update_id == owner).order_by(EVENTS.c.sequence))
            return tuple(forms.record(Event, row) for row in rows)

    def events_after(self, sequence: int) -> dict[int, Event]:
        """Give the events whose place in the order is beyond ``sequence``, by place (from 1), in order."""
        query = select(EVENTS.c.sequence, EVENTS.c.record).where(EVENTS.c.sequence > sequence).order_by(EVENTS.c.sequence)
        with self.reading() as connection:
            return {row.sequence: forms.record(Event, row.record) for row in connection.execute(query)}

    def last_sealed(self) -> int:
        """Give the place of the newest event before which all are queued, 0 when there is none."""
        with self.reading() as connection:
            first = connection.scalar(select(func.min(EVENTS.c.sequence)).where(EVENTS.c.queued.is_(False)))
            last = connection.scalar(select(func.max(EVENTS.c.sequence))) if first is None else first - 1
        return int(last or 0)

    def unsealed_events(self) -> tuple[Event, ...]:
        """Give the events of which no message has been made yet, in order."""
        with self.reading() as connection:
            query = select(EVENTS.c.record).where(EVENTS.c.queued.is_(False)).order_by(EVENTS.c.sequence)
            return tuple(forms.record(Event, row) for row in connection.scalars(query))


def add_events(connection: Connection, events: Iterable[Event]) -> bool:
    """Append new events in order, unqueued; say whether there were any.

    One whose id is stored already is the same fact, and stays as it was.
    """
    new: dict[str, Event] = {}
    for event in events:
        new.setdefault(clean(event.id), event)
    for chunk in chunks(tuple(new)):
        for known in connection.scalars(select(EVENTS.c.id).where(EVENTS.c.id.in_(chunk))):
            del new[known]
    if new:
        first = next_sequence(connection, EVENTS)
        placed = list(enumerate(new.values(), first))
        connection.execute(insert(EVENTS), [event_row(sequence, event) for sequence, event in placed])
        write_concerned(connection, placed)
    return bool(new)


def event_row(sequence: int, event: Event) -> dict[str, object]:
    """Give the row of a new event."""
    return {
        "sequence": sequence,
        "id": event.id,
        "update_id": event.update.id,
        "kind": event.kind.value,
        "time": event.time,
        "queued": False,
        "record": forms.text(event),
    }


def add_evidence(connection: Connection, more: Iterable[tuple[str, Evidence]]) -> bool:
    """Append evidence to stored events; say whether any was new.

    What an event has already (source, address, body, words) is not added again.

    Evidence for an event that is no longer kept is dropped.
    """
    grouped: dict[str, list[Evidence]] = {}
    for event_id, evidence in more:
        grouped.setdefault(event_id, []).append(evidence)
    changed = False
    for event_id, additions in grouped.items():
        row = connection.scalar(select(EVENTS.c.record).where(EVENTS.c.id == event_id))
        if row is None:
            continue
        event = forms.record(Event, row)
        known = {_mark(e) for e in event.evidence}
        fresh = {_mark(e): e for e in additions if _mark(e) not in known}
        if fresh:
            written = forms.text(replace(event, evidence=(*event.evidence, *fresh.values())))
            connection.execute(update(EVENTS).where(EVENTS.c.id == event_id).values(record=written))
            changed = True
    return changed


def add_guidance(connection: Connection, more: Iterable[tuple[str, tuple[str, ...], Table]]) -> bool:
    """Add a further source's tables, with their sentences, to events of which no message has been made yet; say whether any was new.

    What was told stays as it was told.
    """
    changed = False
    for event_id, said, table in more:
        row = connection.scalar(select(EVENTS.c.record).where(EVENTS.c.id == event_id, EVENTS.c.queued.is_(False)))
        event = None if row is None else forms.record(Event, row)
        if event is not None and table not in event.tables:
            guidance = tuple(dict.fromkeys((*event.guidance, *said)))
            written = forms.text(replace(event, guidance=guidance, tables=(*event.tables, table)))
            connection.execute(update(EVENTS).where(EVENTS.c.id == event_id).values(record=written))
            changed = True
    return changed


def _mark(evidence: Evidence) -> tuple[str, str, str, str]:
    return evidence.source, evidence.url, evidence.sha256, evidence.after
