"""Messages, fixed before they are sent, and what became of each delivery."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watcher.records import Delivery, DeliveryState, Event, Message
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.events import owner
from watcher.store.marks import write_notes
from watcher.store.rows import chunks, insert, next_sequence, upsert
from watcher.store.tables import DELIVERIES, MESSAGES, TOLD
from watcher.store.words import DeliveryCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from watcher.store.link import Link

LONGEST_WAIT = timedelta(days=1)
"""Longer than this no delivery waits for its next try."""

_DELIVERED = "FROM messages m JOIN deliveries d ON d.message = m.id"


class Mail(Base):
    """The verbs of messages and deliveries."""

    def seal(
        self,
        messages: Iterable[tuple[Message, Iterable[tuple[str, str]]]],
        events: Iterable[Event | str] = (),
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Store messages with a queued delivery for each (recipient, channel), and mark
        ``events`` (or their ids) as queued.

        One transaction, on the disk when this returns.  Events of which nobody is told
        are sealed by naming them, too. ``notes`` are single values (``meta``) that are
        written with them; "" takes one away.
        """
        sealed = [(message, tuple(to)) for message, to in messages]
        with self.writing(durable=True) as link:
            first = next_sequence(link, MESSAGES)
            for sequence, (message, to) in enumerate(sealed, first):
                write_message(link, sequence, message)
                queued = [
                    Delivery(message.id, recipient, channel)
                    for recipient, channel in dict.fromkeys(to)
                ]
                write_deliveries(link, queued)
            ids = dict.fromkeys(
                event.id if isinstance(event, Event) else event for event in events
            )
            for chunk in chunks(ids):
                link.run(
                    "UPDATE events SET queued = :queued WHERE id IN :ids",
                    queued=True,
                    ids=chunk,
                )
            write_notes(link, notes or {})

    def due_deliveries(self, now: datetime | None) -> list[tuple[Message, Delivery]]:
        """Give what is to be sent at ``now``, in the order in which the messages were sealed.

        Due is what is queued, deferred or unknown, not settled, and whose next try, if
        it has one, has come; None gives all that is not settled.  A next try that is
        further away than any wait was set by a clock that has gone back since: it has
        come.
        """
        come = (
            ""
            if now is None
            else "AND (d.next_try IS NULL OR d.next_try <= :now OR d.next_try > :far)"
        )
        query = (
            f"SELECT m.record, m.body, d.record {_DELIVERED} WHERE d.open {come} "
            "ORDER BY m.sequence, d.channel, d.recipient"
        )
        with self.reading() as link:
            rows = link.rows(query, now=now, far=now and now + LONGEST_WAIT)
            return [
                (_message(message, body), forms.record(Delivery, delivery))
                for message, body, delivery in rows
            ]

    def waiting(self) -> list[tuple[Message, Delivery]]:
        """Give what is on its way, in the order in which the messages were sealed.

        The messages without their bodies.
        """
        return self._without_bodies(
            "WHERE d.open ORDER BY m.sequence, d.channel, d.recipient"
        )

    def mark(self, *deliveries: Delivery) -> None:
        """Write what became of a delivery, and add deliveries (a fallback's channels) in
        the same transaction; on the disk afterwards.
        """
        with self.writing(durable=True) as link:
            write_deliveries(link, deliveries)

    def delivery_counts(self) -> DeliveryCounts:
        """Count the deliveries that wait, and those given up."""
        with self.reading() as link:
            waiting = link.scalar("SELECT COUNT(*) FROM deliveries WHERE open")
            lost = link.scalar("SELECT COUNT(*) FROM deliveries WHERE given_up")
        return DeliveryCounts(int(waiting), int(lost))

    def given_up(self, limit: int = 20) -> list[tuple[Message, Delivery]]:
        """Give the deliveries that will never arrive, those of the newest messages first.

        The messages without their bodies.
        """
        return self._without_bodies(
            "WHERE d.given_up ORDER BY m.sequence DESC, d.channel, d.recipient LIMIT :most",
            most=limit,
        )

    def _without_bodies(
        self, which: str, **values: object
    ) -> list[tuple[Message, Delivery]]:
        with self.reading() as link:
            rows = link.rows(
                f"SELECT m.record, d.record {_DELIVERED} {which}", **values
            )
            return [
                (_message(message, b""), forms.record(Delivery, delivery))
                for message, delivery in rows
            ]

    def message(self, message_id: str) -> Message | None:
        """Give one message by its Message-ID, None when there is none."""
        found = self._messages("WHERE id = :id", id=message_id)
        return found[0] if found else None

    def messages(self, *, kind: str | None = None) -> tuple[Message, ...]:
        """Give all messages in the order in which they were sealed.

        Of one ``kind`` where it is named.
        """
        where = "" if kind is None else "WHERE kind = :kind"
        return self._messages(f"{where} ORDER BY sequence", kind=kind)

    def messages_of(
        self, *, event: str | None = None, update: str | None = None
    ) -> list[tuple[Message, tuple[Delivery, ...]]]:
        """Say who was told when.

        The messages about one event (digests too) or of one update, with their
        deliveries.
        """
        in_events = (
            "SELECT t.message FROM told t JOIN events e ON e.id = t.event WHERE "
            "e.update_id = :owner"
        )
        asked = {
            "id IN (SELECT message FROM told WHERE event = :event)": event,
            f"(update_id = :owner OR id IN ({in_events}))": update,
        }
        where = (
            " AND ".join(
                condition for condition, value in asked.items() if value is not None
            )
            or "TRUE"
        )
        with self.reading() as link:
            mine = None if update is None else owner(link, update)
            found = self._messages(
                f"WHERE {where} ORDER BY sequence", event=event, owner=mine
            )
            return [(message, self.deliveries_of(message.id)) for message in found]

    def deliveries_of(self, message_id: str) -> tuple[Delivery, ...]:
        """Give a message's deliveries, by channel and recipient."""
        with self.reading() as link:
            rows = link.scalars(
                "SELECT record FROM deliveries WHERE message = :id ORDER BY channel, recipient",
                id=message_id,
            )
            return tuple(forms.record(Delivery, row) for row in rows)

    def last_message_of(self, update: str, subscriber: str) -> Message | None:
        """Give the newest message of an update to a subscriber, None when there is none.

        Its thread goes on from there.
        """
        with self.reading() as link:
            newest = (
                "WHERE update_id = :id AND subscriber = :subscriber ORDER BY "
                "sequence DESC LIMIT 1"
            )
            found = self._messages(
                newest, id=owner(link, update), subscriber=subscriber
            )
        return found[0] if found else None

    def told(self, subscriber: str, events: Iterable[str]) -> frozenset[str]:
        """Say which of ``events`` (ids) a subscriber was told of, by a message that
        reached a recipient or is on its way to one.
        """
        found: set[str] = set()
        query = (
            f"SELECT t.event {_DELIVERED} JOIN told t ON t.message = m.id WHERE "
            "m.subscriber = :subscriber AND NOT d.given_up"
        )
        with self.reading() as link:
            for chunk in chunks(dict.fromkeys(events)):
                found.update(
                    link.scalars(
                        f"{query} AND t.event IN :events",
                        subscriber=subscriber,
                        events=chunk,
                    )
                )
        return frozenset(found)

    def subscribers_told(self, kind: str) -> frozenset[str]:
        """Name the subscribers for whom a message of ``kind`` ("welcome") was ever sealed."""
        with self.reading() as link:
            return frozenset(
                link.scalars(
                    "SELECT DISTINCT subscriber FROM messages WHERE kind = :kind",
                    kind=kind,
                )
            )

    def _messages(self, which: str, **values: object) -> tuple[Message, ...]:
        with self.reading() as link:
            return tuple(
                _message(*row)
                for row in link.rows(
                    f"SELECT record, body FROM messages {which}",  # noqa: S608 - our own words
                    **values,
                )
            )


def _message(written: str, body: bytes) -> Message:
    return replace(forms.record(Message, written), body=bytes(body))


def write_message(
    link: Link, sequence: int, message: Message, owner: str | None = None
) -> None:
    """Insert a message and the events it tells of.

    A Message-ID that is there already is an error of the database.
    """
    row = {
        "sequence": sequence,
        "id": message.id,
        "update_id": message.update if owner is None else owner,
        "subscriber": message.subscriber,
        "kind": message.kind,
        "record": forms.text(replace(message, body=b"")),
        "body": message.body,
    }
    insert(link, MESSAGES, [row])
    upsert(
        link,
        TOLD,
        [
            {"event": event, "message": message.id}
            for event in dict.fromkeys(message.events)
        ],
    )


def write_deliveries(link: Link, deliveries: Sequence[Delivery]) -> None:
    """Write deliveries, replacing those of the same message, channel and recipient."""
    upsert(link, DELIVERIES, [_row(each) for each in deliveries])


def _row(each: Delivery) -> dict[str, object]:
    on_its_way = (
        each.state
        in {DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.UNKNOWN}
        and each.settled is None
    )
    ended = (
        each.state in {DeliveryState.DEFERRED, DeliveryState.UNKNOWN}
        and each.settled is not None
    )
    return {
        "message": each.message,
        "channel": each.channel,
        "recipient": each.recipient,
        "open": on_its_way,
        "given_up": each.state is DeliveryState.REFUSED or ended,
        "next_try": each.next_try,
        "record": forms.text(each),
    }
