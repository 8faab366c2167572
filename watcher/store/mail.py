"""Messages, fixed before they are sent, and what became of each delivery."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, or_, select, update

from watcher.records import Delivery, DeliveryState, Event, Message
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.marks import write_notes
from watcher.store.rows import chunks, next_sequence, upsert
from watcher.store.tables import ABSORBED, DELIVERIES, EVENTS, MESSAGES, TOLD
from watcher.store.words import DeliveryCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

LONGEST_WAIT = timedelta(days=1)
"""Longer than this no delivery waits for its next try."""

_MESSAGE = (MESSAGES.c.record.label("message_record"), MESSAGES.c.body)


class Mail(Base):
    """The verbs of messages and deliveries."""

    def seal(
        self,
        messages: Iterable[tuple[Message, Iterable[tuple[str, str]]]],
        events: Iterable[Event | str] = (),
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Store messages with a queued delivery for each (recipient, channel), and mark ``events`` (or their ids) as queued.

        One transaction, on the disk when this returns.  Events of which nobody is told are sealed by naming them, too.
        ``notes`` are single values (``meta``) that are written with them; "" takes one away.
        """
        sealed = [(message, tuple(to)) for message, to in messages]
        with self.writing(durable=True) as connection:
            first = next_sequence(connection, MESSAGES)
            for sequence, (message, to) in enumerate(sealed, first):
                write_message(connection, sequence, message)
                queued = [Delivery(message.id, recipient, channel) for recipient, channel in dict.fromkeys(to)]
                write_deliveries(connection, queued)
            ids = dict.fromkeys(event.id if isinstance(event, Event) else event for event in events)
            for chunk in chunks(ids):
                connection.execute(update(EVENTS).where(EVENTS.c.id.in_(chunk)).values(queued=True))
            write_notes(connection, notes or {})

    def due_deliveries(self, now: datetime | None) -> list[tuple[Message, Delivery]]:
        """Give what is to be sent at ``now``, in the order in which the messages were sealed.

        Due is what is queued, deferred or unknown, not settled, and whose next try, if it has one, has come;
        None gives all that is not settled.  A next try that is further away than any wait was set by a clock that has gone
        back since: it has come.
        """
        query = select(*_MESSAGE, DELIVERIES.c.record).join(DELIVERIES, DELIVERIES.c.message == MESSAGES.c.id).where(DELIVERIES.c.open)
        if now is not None:
            next_try = DELIVERIES.c.next_try
            query = query.where(or_(next_try.is_(None), next_try <= now, next_try > now + LONGEST_WAIT))
        query = query.order_by(MESSAGES.c.sequence, DELIVERIES.c.channel, DELIVERIES.c.recipient)
        with self.reading() as connection:
            return [(_message(row.message_record, row.body), forms.record(Delivery, row.record)) for row in connection.execute(query)]

    def waiting(self) -> list[tuple[Message, Delivery]]:
        """Give what is on its way, in the order in which the messages were sealed; the messages without their bodies."""
        return self._without_bodies(DELIVERIES.c.open, MESSAGES.c.sequence)

    def mark(self, *deliveries: Delivery) -> None:
        """Write what became of a delivery, and add deliveries (a fallback's channels) in the same transaction; on the disk afterwards."""
        with self.writing(durable=True) as connection:
            write_deliveries(connection, deliveries)

    def delivery_counts(self) -> DeliveryCounts:
        """Count the deliveries that wait, and those given up."""
        with self.reading() as connection:
            waiting = connection.scalar(select(func.count()).select_from(DELIVERIES).where(DELIVERIES.c.open))
            lost = connection.scalar(select(func.count()).select_from(DELIVERIES).where(DELIVERIES.c.given_up))
        return DeliveryCounts(int(waiting or 0), int(lost or 0))

    def given_up(self, limit: int = 20) -> list[tuple[Message, Delivery]]:
        """Give the deliveries that will never arrive, those of the newest messages first; the messages without their bodies."""
        return self._without_bodies(DELIVERIES.c.given_up, MESSAGES.c.sequence.desc(), limit)

    def _without_bodies(
        self, which: ColumnElement[bool], order: ColumnElement[int], limit: int | None = None
    ) -> list[tuple[Message, Delivery]]:
        query = select(MESSAGES.c.record.label("message_record"), DELIVERIES.c.record)
        query = query.join(DELIVERIES, DELIVERIES.c.message == MESSAGES.c.id).where(which)
        query = query.order_by(order, DELIVERIES.c.channel, DELIVERIES.c.recipient).limit(limit)
        with self.reading() as connection:
            return [(_message(row.message_record, b""), forms.record(Delivery, row.record)) for row in connection.execute(query)]

    def message(self, message_id: str) -> Message | None:
        """Give one message by its Message-ID, None when there is none."""
        found = self._messages(select(*_MESSAGE).where(MESSAGES.c.id == message_id))
        return found[0] if found else None

    def messages(self, *, kind: str | None = None) -> tuple[Message, ...]:
        """Give all messages in the order in which they were sealed; of one ``kind`` where it is named."""
        query = select(*_MESSAGE).order_by(MESSAGES.c.sequence)
        return self._messages(query if kind is None else query.where(MESSAGES.c.kind == kind))

    def messages_of(self, *, event: str | None = None, update: str | None = None) -> list[tuple[Message, tuple[Delivery, ...]]]:
        """Say who was told when: the messages about one event (digests too) or of one update, with their deliveries."""
        query = select(*_MESSAGE).order_by(MESSAGES.c.sequence)
        with self.reading() as connection:
            if event is not None:
                query = query.where(MESSAGES.c.id.in_(select(TOLD.c.message).where(TOLD.c.event == event)))
            if update is not None:
                owner = _owner(connection, update)
                in_events = select(TOLD.c.message).join(EVENTS, EVENTS.c.id == TOLD.c.event).where(EVENTS.c.update_id == owner)
                query = query.where(or_(MESSAGES.c.update_id == owner, MESSAGES.c.id.in_(in_events)))
            return [(message, self.deliveries_of(message.id)) for message in self._messages(query)]

    def deliveries_of(self, message_id: str) -> tuple[Delivery, ...]:
        """Give a message's deliveries, by channel and recipient."""
        query = select(DELIVERIES.c.record).where(DELIVERIES.c.message == message_id)
        with self.reading() as connection:
            rows = connection.scalars(query.order_by(DELIVERIES.c.channel, DELIVERIES.c.recipient))
            return tuple(forms.record(Delivery, row) for row in rows)

    def last_message_of(self, update: str, subscriber: str) -> Message | None:
        """Give the newest message of an update to a subscriber, None when there is none: its thread goes on from there."""
        with self.reading() as connection:
            query = select(*_MESSAGE).where(MESSAGES.c.update_id == _owner(connection, update), MESSAGES.c.subscriber == subscriber)
            found = self._messages(query.order_by(MESSAGES.c.sequence.desc()).limit(1))
        return found[0] if found else None

    def told(self, subscriber: str, events: Iterable[str]) -> frozenset[str]:
        """Say which of ``events`` (ids) a subscriber was told of, by a message that reached a recipient or is on its way to one."""
        found: set[str] = set()
        query = select(TOLD.c.event).join(MESSAGES, MESSAGES.c.id == TOLD.c.message).join(DELIVERIES, DELIVERIES.c.message == MESSAGES.c.id)
        query = query.where(MESSAGES.c.subscriber == subscriber, ~DELIVERIES.c.given_up)
        with self.reading() as connection:
            for chunk in chunks(dict.fromkeys(events)):
                found.update(connection.scalars(query.where(TOLD.c.event.in_(chunk))))
        return frozenset(found)

    def subscribers_told(self, kind: str) -> frozenset[str]:
        """Name the subscribers for whom a message of ``kind`` ("welcome") was ever sealed."""
        with self.reading() as connection:
            return frozenset(connection.scalars(select(MESSAGES.c.subscriber).distinct().where(MESSAGES.c.kind == kind)))

    def _messages(self, query: Select[tuple[str, bytes]]) -> tuple[Message, ...]:
        with self.reading() as connection:
            return tuple(_message(row.message_record, row.body) for row in connection.execute(query))


def _owner(connection: Connection, update_id: str) -> str:
    return connection.scalar(select(ABSORBED.c.update_id).where(ABSORBED.c.id == update_id)) or update_id


def _message(written: str, body: bytes) -> Message:
    return replace(forms.record(Message, written), body=bytes(body))


def write_message(connection: Connection, sequence: int, message: Message, owner: str | None = None) -> None:
    """Insert a message and the events it tells of; a Message-ID that is there already is an error of the database."""
    row = {
        "sequence": sequence,
        "id": message.id,
        "update_id": message.update if owner is None else owner,
        "subscriber": message.subscriber,
        "kind": message.kind,
        "record": forms.text(replace(message, body=b"")),
        "body": message.body,
    }
    connection.execute(insert(MESSAGES), [row])
    upsert(connection, TOLD, [{"event": event, "message": message.id} for event in dict.fromkeys(message.events)])


def write_deliveries(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Write deliveries, replacing those of the same message, channel and recipient."""
    upsert(connection, DELIVERIES, [_row(each) for each in deliveries])


def _row(each: Delivery) -> dict[str, object]:
    on_its_way = each.state in {DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.UNKNOWN} and each.settled is None
    ended = each.state in {DeliveryState.DEFERRED, DeliveryState.UNKNOWN} and each.settled is not None
    return {
        "message": each.message,
        "channel": each.channel,
        "recipient": each.recipient,
        "open": on_its_way,
        "given_up": each.state is DeliveryState.REFUSED or ended,
        "next_try": each.next_try,
        "record": forms.text(each),
    }
