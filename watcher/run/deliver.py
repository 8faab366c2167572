"""Messages to mailboxes: what is due is sent, each receipt noted as it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from watcher import notifiers
from watcher.records import Delivery, DeliveryState, Message

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

WAITS = tuple(timedelta(minutes=minutes) for minutes in (0, 15, 60, 240, 480))  # before the next try; the last one repeats
GIVE_UP = timedelta(days=5)


def due(settings: Settings, store: Store, now: datetime, say: Callable[[str], None]) -> tuple[int, tuple[str, ...]]:
    """Send what is due over one connection; how many were accepted, and what failed, in words."""
    waiting = store.due_deliveries(now)
    if not waiting:
        return 0, ()
    sent, troubles = 0, []
    with notifiers.connect(settings) as notifier:
        for message, deliveries in _by_message(waiting):
            say(f"sending {message.subject}")
            receipts = notifier.send(message, [delivery.recipient for delivery in deliveries])
            for delivery, receipt in zip(deliveries, receipts, strict=True):
                settled = _settled(delivery, receipt.state, receipt.answer, message, now)
                store.mark(settled)
                sent += settled.state is DeliveryState.ACCEPTED
                if settled.state is not DeliveryState.ACCEPTED:
                    troubles.append(_trouble(message, settled))
    return sent, tuple(troubles)


def _by_message(waiting: list[tuple[Message, Delivery]]) -> list[tuple[Message, list[Delivery]]]:
    grouped: dict[str, tuple[Message, list[Delivery]]] = {}
    for message, delivery in waiting:
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
