"""Letters to messages to mailboxes: composed and sealed in one transaction, then sent, each receipt noted as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from watcher import notifiers
from watcher.judgement import digest
from watcher.records import Delivery, DeliveryState, Event, Letter, Message, State

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

WAITS = tuple(timedelta(minutes=minutes) for minutes in (0, 15, 60, 240, 480))  # before the next try; the last one repeats
GIVE_UP = timedelta(days=5)


def seal(events: tuple[Event, ...], settings: Settings, store: Store, now: datetime) -> None:
    """Compose the letters that are owed, fix them as messages and queue them, in one transaction with their events."""
    letters = [*_welcomes(settings, store), *digest.compose(events, settings.subscribers, now, _told(events, store))]
    if not letters and not events:
        return
    from watcher import render  # a check with nothing to tell loads no template engine

    messages = [(render.message(letter, settings, now), [(address, "mail") for address in letter.subscriber.to]) for letter in letters]
    store.seal(messages, events)


def _told(events: Iterable[Event], store: Store) -> dict[str, set[str]]:
    """Who was told of the events that corrections are about."""
    return {
        event.corrects: {message.subscriber for message, _ in store.messages_of(event=event.corrects)} for event in events if event.corrects
    }


def _welcomes(settings: Settings, store: Store) -> list[Letter]:
    """A welcome for every subscriber who has had none, as soon as a source has been read."""
    welcomed = store.subscribers_told("welcome")
    new = [subscriber for subscriber in settings.subscribers if subscriber.name not in welcomed]
    if not new or not any(document.accepted for document in store.documents().values()):
        return []
    standing = tuple(update for update in store.updates() if update.state is State.PULLED or update.packages)
    sources = tuple(source for source in settings.sources if source.enabled)
    return [
        Letter("welcome", subscriber, standing=standing, sources=sources, products=settings.watch.products, thread="welcome")
        for subscriber in new
    ]


def deliver(settings: Settings, store: Store, now: datetime, say: Callable[[str], None]) -> tuple[int, tuple[str, ...]]:
    """Send what is due over one connection; how many were accepted, and what failed, in words."""
    due = store.due_deliveries(now)
    if not due:
        return 0, ()
    sent, troubles = 0, []
    with notifiers.connect(settings) as notifier:
        for message, deliveries in _by_message(due):
            say(f"sending {message.subject}")
            receipts = notifier.send(message, [delivery.recipient for delivery in deliveries])
            for delivery, receipt in zip(deliveries, receipts, strict=True):
                settled = _settled(delivery, receipt.state, receipt.answer, message, now)
                store.mark(settled)
                sent += settled.state is DeliveryState.ACCEPTED
                if settled.state is not DeliveryState.ACCEPTED:
                    troubles.append(_trouble(message, settled))
    return sent, tuple(troubles)


def _by_message(due: list[tuple[Message, Delivery]]) -> list[tuple[Message, list[Delivery]]]:
    grouped: dict[str, tuple[Message, list[Delivery]]] = {}
    for message, delivery in due:
        grouped.setdefault(message.id, (message, []))[1].append(delivery)
    return list(grouped.values())


def _settled(delivery: Delivery, state: DeliveryState, answer: str, message: Message, now: datetime) -> Delivery:
    """The delivery after a try: deferred with a growing wait and in the end given up, unknown tried once more."""
    attempts = delivery.attempts + 1
    if state is DeliveryState.UNKNOWN and delivery.state is DeliveryState.UNKNOWN:
        return replace(delivery, attempts=attempts, next_try=None, answer=answer, settled=now)
    if state is DeliveryState.DEFERRED and now - message.date >= GIVE_UP:
        given_up = f"given up after {GIVE_UP.days} days: {answer}"
        return replace(delivery, state=DeliveryState.REFUSED, attempts=attempts, next_try=None, answer=given_up, settled=now)
    if state in (DeliveryState.DEFERRED, DeliveryState.UNKNOWN):
        wait = WAITS[min(attempts, len(WAITS)) - 1]
        return replace(delivery, state=state, attempts=attempts, next_try=now + wait, answer=answer)
    return replace(delivery, state=state, attempts=attempts, next_try=None, answer=answer, settled=now)


def _trouble(message: Message, delivery: Delivery) -> str:
    again = "It is kept and tried again by the next run." if delivery.next_try else "It will not be tried again; see `watcher status`."
    return f"mail to {delivery.recipient} ({message.subject}): {delivery.state}: {delivery.answer}. {again}"
