"""Messages, fixed before they are sent, and what became of each delivery."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from watcher.records import Delivery, DeliveryState, Event, Message
from watcher.store.connection import Queries, Transactions, record_from, record_text
from watcher.store.events import owner_of
from watcher.store.notes import write_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime


LONGEST_WAIT = timedelta(days=1)
"""Longer than this no delivery waits for its next try."""

_UNSETTLED = {DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.UNKNOWN}


class DeliveryCounts(Struct, frozen=True):
    """How many deliveries are on their way, and how many were given up for good."""

    waiting: int
    given_up: int


class Messages(Transactions):
    """The verbs of messages and deliveries."""

    @contextmanager
    def sealing(self) -> Iterator[Queries]:
        """Write in one transaction in which nobody else seals: messages are numbered.

        It must begin with this: what was read before it in the transaction would be of
        the time before others had sealed.
        """
        with self.writing(durable=True) as sql:
            if not self.connection.is_sqlite:
                sql.lock_messages()
            yield sql

    def seal(
        self,
        messages: Iterable[tuple[Message, Iterable[tuple[str, str]]]],
        events: Iterable[Event | str] = (),
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Store messages with a queued delivery for each (recipient, channel), and mark
        ``events`` (or their ids) as queued.

        One transaction, on the disk when this returns.  Events of which nobody hears
        are sealed by naming them, too. ``notes`` are single values (``meta``) that are
        written with them; "" takes one away.
        """
        sealed = [(message, tuple(to)) for message, to in messages]
        ids = [event.id if isinstance(event, Event) else event for event in events]
        # Synced before anything is sent: after a power cut the run that follows must find
        # the same Message-ID, or a reader gets two messages
        with self.sealing() as sql:
            # Not the database's own counter: equal histories have equal numbers.
            first = int(sql.last_message()) + 1
            for sequence, (message, to) in enumerate(sealed, first):
                write_message(sql, sequence, message)
                # A subscriber may name one address twice; it gets one message
                queued = [
                    Delivery(message.id, recipient, channel)
                    for recipient, channel in dict.fromkeys(to)
                ]
                write_deliveries(sql, queued)
            if ids:
                sql.seal_events(ids=ids)
            write_values(sql, notes or {})

    def due_deliveries(self, now: datetime | None) -> list[tuple[Message, Delivery]]:
        """Give what is to be sent at ``now``, in the order in which the messages were sealed.

        Due is what is queued, deferred or unknown, not settled, and whose next try, if
        it has one, has come; None gives all that is not settled.  A next try that is
        further away than any wait was set by a clock that has gone back since: it has
        come.
        """
        far = None if now is None else now + LONGEST_WAIT
        with self.reading() as sql:
            return [
                (_message(message, body), record_from(Delivery, delivery))
                for message, body, delivery in sql.due_deliveries(now=now, far=far)
            ]

    def waiting(self) -> list[tuple[Message, Delivery]]:
        """Give what is on its way, in the order in which the messages were sealed.

        The messages without their bodies.
        """
        with self.reading() as sql:
            return _without_bodies(sql.open_deliveries())

    def mark(self, *deliveries: Delivery) -> None:
        """Write what became of a delivery, and add deliveries (a fallback's channels) in
        the same transaction; on the disk afterwards.
        """
        with self.writing(durable=True) as sql:
            write_deliveries(sql, deliveries)

    def exchange(self, delivery: Delivery, parts: Sequence[Delivery]) -> None:
        """Put ``parts`` in place of a delivery, in one transaction.

        One for a channel of several targets becomes one a target: a kill in between would lose
        or repeat the message.
        """
        with self.writing(durable=True) as sql:
            sql.delete_delivery(
                message=delivery.message,
                channel=delivery.channel,
                recipient=delivery.recipient,
            )
            write_deliveries(sql, parts)

    def delivery_counts(self) -> DeliveryCounts:
        """Count the deliveries that wait, and those given up.

        ``watcher status`` and the doctor show both.
        """
        with self.reading() as sql:
            return DeliveryCounts(int(sql.count_open()), int(sql.count_given_up()))

    def given_up(self, limit: int = 20) -> list[tuple[Message, Delivery]]:
        """Give the deliveries that will never arrive, those of the newest messages first.

        The messages without their bodies.
        """
        with self.reading() as sql:
            return _without_bodies(sql.given_up_deliveries(most=limit))

    def message(self, message_id: str) -> Message | None:
        """Give one message by its Message-ID, None when there is none."""
        with self.reading() as sql:
            row = sql.message(id=message_id)
        return None if row is None else _message(*row)

    def messages(self, *, kind: str | None = None) -> tuple[Message, ...]:
        """Give all messages in the order in which they were sealed.

        Of one ``kind`` where it is named.
        """
        with self.reading() as sql:
            rows = sql.messages() if kind is None else sql.messages_of_kind(kind=kind)
            return tuple(_message(*row) for row in rows)

    def messages_of(
        self, *, event: str | None = None, update: str | None = None
    ) -> list[tuple[Message, tuple[Delivery, ...]]]:
        """Say who was sent what and when.

        The messages about one event (digests too) or of one update, with their
        deliveries.
        """
        with self.reading() as sql:
            # Read to the end before the next query, which the same connection runs
            if event is not None:
                rows = list(sql.messages_of_event(event=event))
            else:
                owner = owner_of(sql, update or "")
                rows = list(sql.messages_of_update(update_id=owner))
            messages = [_message(*row) for row in rows]
            return [(each, self.deliveries_of(each.id)) for each in messages]

    def messages_to(
        self, subscribers: Iterable[str], *, update: str
    ) -> tuple[Message, ...]:
        """Give the welcomes of some subscribers, and what they were written of an update
        (digests too); without bodies.

        A service provider's other thousand organisations are not read for it.
        """
        with self.reading() as sql:
            records = sql.column(
                "messages_to",
                subscribers=list(subscribers),
                update_id=owner_of(sql, update),
            )
        return tuple(record_from(Message, record) for record in records)

    def deliveries_of(self, message_id: str) -> tuple[Delivery, ...]:
        """Give a message's deliveries, by channel and recipient.

        The answer of each server stands in its delivery, as it was given.
        """
        with self.reading() as sql:
            records = sql.column("deliveries_of", message=message_id)
        return tuple(record_from(Delivery, record) for record in records)

    def last_message_of(self, update: str, subscriber: str) -> Message | None:
        """Give the newest message of an update to a subscriber, None when there is none.

        Its thread goes on from there.
        """
        with self.reading() as sql:
            row = sql.last_message_of(
                update_id=owner_of(sql, update), subscriber=subscriber
            )
        return None if row is None else _message(*row)

    def events_sent(self, subscriber: str, events: Iterable[str]) -> frozenset[str]:
        """Say of which of ``events`` (ids) a subscriber has a message that reached a
        recipient or is on its way to one.
        """
        with self.reading() as sql:
            found = sql.column(
                "events_sent", subscriber=subscriber, events=list(events)
            )
        return frozenset(found)

    def subscribers_of(self, kind: str) -> frozenset[str]:
        """Name the subscribers for whom a message of ``kind`` ("welcome") was ever sealed.

        A subscriber is welcomed once, whatever is pruned later.
        """
        with self.reading() as sql:
            return frozenset(sql.column("subscribers_of_kind", kind=kind))


def _message(record: str, body: bytes) -> Message:
    return replace(record_from(Message, record), body=bytes(body))


def _without_bodies(rows: Iterable[tuple[str, str]]) -> list[tuple[Message, Delivery]]:
    return [
        (record_from(Message, message), record_from(Delivery, delivery))
        for message, delivery in rows
    ]


def write_message(
    sql: Queries, sequence: int, message: Message, owner: str | None = None
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
        # Lists of messages are read without their bodies, of up to 100 kB each
        "record": record_text(replace(message, body=b"")),
        "body": message.body,
    }
    sql.add_messages([row])
    sql.add_events_of_messages(
        [
            {"event": event, "message": message.id}
            for event in dict.fromkeys(message.events)
        ]
    )


def write_deliveries(sql: Queries, deliveries: Sequence[Delivery]) -> None:
    """Write deliveries, replacing those of the same message, channel and recipient."""
    sql.write_deliveries([_row(each) for each in deliveries])


def _row(each: Delivery) -> dict[str, object]:
    settled = each.settled is not None
    # Tried, and settled without anybody's acceptance: given up
    tried = each.state in {DeliveryState.DEFERRED, DeliveryState.UNKNOWN}
    refused = each.state is DeliveryState.REFUSED
    return {
        "message": each.message,
        "channel": each.channel,
        "recipient": each.recipient,
        "open": each.state in _UNSETTLED and not settled,
        "given_up": (refused or (tried and settled)) and not each.replaced,
        "next_try": each.next_try,
        "record": record_text(each),
    }


def prune_messages(sql: Queries, before: datetime) -> int:
    """Forget the messages dated before ``before`` with all deliveries settled; say how many.

    One of which a delivery is still open stays, however old it is, and so does every
    welcome: nobody is welcomed twice.
    """
    old = []
    for sequence, record in sql.settled_messages():
        if record_from(Message, record).date >= before:
            # They were sealed in this order: all others are younger
            break
        old.append({"sequence": sequence})
    sql.delete_messages(old)
    return len(old)
