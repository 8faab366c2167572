"""Events in the order in which they were established."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watcher.records import Event, Evidence, Kind, Table
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.products import write_concerned
from watcher.store.rows import chunks, insert, next_sequence
from watcher.store.tables import EVENTS, clean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from watcher.store.link import Link


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
        asked = {"time >= :since": since, "kind = :kind": kind}
        where = (
            " AND ".join(
                condition for condition, value in asked.items() if value is not None
            )
            or "TRUE"
        )
        most = " LIMIT :most" if product is None and limit is not None else ""
        query = f"SELECT record FROM events WHERE {where} ORDER BY sequence DESC{most}"  # noqa: S608 - our own words
        with self.reading() as link:
            found = [
                forms.record(Event, row)
                for row in link.scalars(
                    query, since=since, kind=kind and kind.value, most=limit
                )
            ]
        if product is not None:
            found = [
                e
                for e in found
                if any(
                    fnmatchcase(p.lower(), product.lower()) for p in e.update.products
                )
            ]
        return tuple(reversed(found[:limit]))

    def event(self, event_id: str) -> Event | None:
        """Give one event, None when there is none."""
        with self.reading() as link:
            row = link.scalar("SELECT record FROM events WHERE id = :id", id=event_id)
        return None if row is None else forms.record(Event, row)

    def events_of(self, update_id: str) -> tuple[Event, ...]:
        """Give an update's events in order, those of updates it absorbed among them.

        An absorbed id serves, too.
        """
        with self.reading() as link:
            rows = link.scalars(
                "SELECT record FROM events WHERE update_id = :id ORDER BY sequence",
                id=owner(link, update_id),
            )
            return tuple(forms.record(Event, row) for row in rows)

    def events_after(self, sequence: int) -> dict[int, Event]:
        """Give the events whose place in the order is beyond ``sequence``, by place (from
        1), in order.
        """
        query = "SELECT sequence, record FROM events WHERE sequence > :place ORDER BY sequence"
        with self.reading() as link:
            return {
                place: forms.record(Event, row)
                for place, row in link.rows(query, place=sequence)
            }

    def last_sealed(self) -> int:
        """Give the place of the newest event before which all are queued, 0 when there is none."""
        with self.reading() as link:
            first = link.scalar(
                "SELECT MIN(sequence) FROM events WHERE queued = :queued", queued=False
            )
            last = (
                link.scalar("SELECT MAX(sequence) FROM events")
                if first is None
                else first - 1
            )
        return int(last or 0)

    def unsealed_events(self) -> tuple[Event, ...]:
        """Give the events of which no message has been made yet, in order."""
        with self.reading() as link:
            rows = link.scalars(
                "SELECT record FROM events WHERE queued = :queued ORDER BY sequence",
                queued=False,
            )
        return tuple(forms.record(Event, row) for row in rows)


def owner(link: Link, update_id: str) -> str:
    """Give the id of the update that has what was ``update_id``'s.

    Its own, unless it was absorbed.
    """
    return (
        link.scalar("SELECT update_id FROM absorbed WHERE id = :id", id=update_id)
        or update_id
    )


def add_events(link: Link, events: Iterable[Event]) -> bool:
    """Append new events in order, unqueued; say whether there were any.

    One whose id is stored already is the same fact, and stays as it was.
    """
    new: dict[str, Event] = {}
    for event in events:
        new.setdefault(clean(event.id), event)
    for chunk in chunks(tuple(new)):
        for known in link.scalars("SELECT id FROM events WHERE id IN :ids", ids=chunk):
            del new[known]
    if new:
        placed = list(enumerate(new.values(), next_sequence(link, EVENTS)))
        insert(link, EVENTS, [event_row(sequence, event) for sequence, event in placed])
        write_concerned(link, placed)
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


def add_evidence(link: Link, more: Iterable[tuple[str, Evidence]]) -> bool:
    """Append evidence to stored events; say whether any was new.

    What an event has already (source, address, body, words) is not added again.

    Evidence for an event that is no longer kept is dropped.
    """
    grouped: dict[str, list[Evidence]] = {}
    for event_id, evidence in more:
        grouped.setdefault(event_id, []).append(evidence)
    changed = False
    for event_id, additions in grouped.items():
        row = link.scalar("SELECT record FROM events WHERE id = :id", id=event_id)
        if row is None:
            continue
        event = forms.record(Event, row)
        known = {_mark(e) for e in event.evidence}
        fresh = {_mark(e): e for e in additions if _mark(e) not in known}
        if fresh:
            written = forms.text(
                replace(event, evidence=(*event.evidence, *fresh.values()))
            )
            link.run(
                "UPDATE events SET record = :record WHERE id = :id",
                record=written,
                id=event_id,
            )
            changed = True
    return changed


def add_guidance(
    link: Link, more: Iterable[tuple[str, tuple[str, ...], Table]]
) -> bool:
    """Add a further source's tables, with their sentences, to events of which no message
    has been made yet; say whether any was new.

    What was told stays as it was told.
    """
    changed = False
    for event_id, said, table in more:
        row = link.scalar(
            "SELECT record FROM events WHERE id = :id AND queued = :queued",
            id=event_id,
            queued=False,
        )
        event = None if row is None else forms.record(Event, row)
        if event is not None and table not in event.tables:
            guidance = tuple(dict.fromkeys((*event.guidance, *said)))
            written = forms.text(
                replace(event, guidance=guidance, tables=(*event.tables, table))
            )
            link.run(
                "UPDATE events SET record = :record WHERE id = :id",
                record=written,
                id=event_id,
            )
            changed = True
    return changed


def _mark(evidence: Evidence) -> tuple[str, str, str, str]:
    return evidence.source, evidence.url, evidence.sha256, evidence.after
