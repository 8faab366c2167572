"""Messages to mailboxes and channels: what is due is sent, each receipt noted as it comes.

When grave mail does not go out, the reader's fallback channels are queued in the transaction that notes so, and are told
in the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from watcher import notifiers
from watcher.judgement import sending
from watcher.records import Delivery, DeliveryState, Message, Subscriber

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

MAIL, APPRISE = "mail", "apprise"  # ways: a delivery's channel; by Apprise its recipient is a channel's name


def ways(reader: Subscriber) -> list[tuple[str, str]]:
    """Say where a reader's messages go: recipient and way."""
    return [*((address, MAIL) for address in reader.to), *((name, APPRISE) for name in reader.channels)]


def due(settings: Settings, store: Store, now: datetime, say: Callable[[str], None]) -> tuple[int, tuple[str, ...]]:
    """Send what is due, mail first; how many deliveries were accepted, and what failed, in words."""
    sent = 0
    troubles: list[str] = []
    for way, kind in ((MAIL, ""), (APPRISE, APPRISE)):
        waiting = [(message, delivery) for message, delivery in store.due_deliveries(now) if delivery.channel == way]
        if not waiting:
            continue
        with notifiers.connect(settings, kind) as notifier:
            for message, settled in _sent(waiting, notifier, settings, store, now, say):
                sent += settled.state is DeliveryState.ACCEPTED
                if settled.state is not DeliveryState.ACCEPTED:
                    troubles.append(_trouble(message, settled))
    return sent, tuple(troubles)


def _sent(
    waiting: list[tuple[Message, Delivery]],
    notifier: notifiers.Notifier,
    settings: Settings,
    store: Store,
    now: datetime,
    say: Callable[[str], None],
) -> Iterator[tuple[Message, Delivery]]:
    """Send each message to all who wait for it; give every delivery as it was noted."""
    for message, deliveries in _by_message(waiting):
        say(f"sending {message.subject}")
        receipts = notifier.send(message, [delivery.recipient for delivery in deliveries])
        for delivery, receipt in zip(deliveries, receipts, strict=True):
            settled = sending.after(delivery, receipt.state, receipt.answer, now - message.date, settings.mail.give_up, now)
            store.mark(settled, *_instead(message, settled, settings, store, now))
            yield message, settled


def _by_message(waiting: list[tuple[Message, Delivery]]) -> list[tuple[Message, list[Delivery]]]:
    grouped: dict[str, tuple[Message, list[Delivery]]] = {}
    for message, delivery in waiting:
        grouped.setdefault(message.id, (message, []))[1].append(delivery)
    return list(grouped.values())


def _instead(message: Message, settled: Delivery, settings: Settings, store: Store, now: datetime) -> list[Delivery]:
    """Queue the reader's fallback channels, each once a message, when grave mail did not go out."""
    fallback = _fallback(message, settings) if settled.channel == MAIL and sending.lost(settled, now - message.date) else ()
    if not fallback:
        return []
    events = filter(None, (store.event(event) for event in message.events))
    if not sending.grave(message.kind, (event.kind for event in events)):
        return []
    known = {delivery.recipient for delivery in store.deliveries_of(message.id) if delivery.channel == APPRISE}
    return [Delivery(message.id, name, APPRISE) for name in fallback if name not in known]


def _fallback(message: Message, settings: Settings) -> tuple[str, ...]:
    """Name the channels that are told instead of whom the message is for."""
    if message.kind == "operator":
        return settings.operator.reader.fallback if settings.operator else ()
    return next((subscriber.fallback for subscriber in settings.subscribers if subscriber.name == message.subscriber), ())


def _trouble(message: Message, delivery: Delivery) -> str:
    again = "It is kept and tried again by the next run." if delivery.next_try else "It will not be tried again; see `watcher status`."
    to = f"mail to {delivery.recipient}" if delivery.channel == MAIL else f"the channel {delivery.recipient}"
    return f"{to} ({message.subject}): {delivery.state}: {delivery.answer}. {again}"
