"""What a try to deliver means: when the next is, when it is given up, who hears instead.

Pure: deliveries and answers in, deliveries out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from watcher.kinds import EVENT_KINDS
from watcher.records import Delivery, DeliveryState, Kind

MAIL, APPRISE = "mail", "apprise"
"""Channels of deliveries; by Apprise the recipient is the name of a ``[[channel]]``."""

WAITS = tuple(timedelta(minutes=minutes) for minutes in (0, 15, 60, 240, 480))
"""Before the next try after the first, second ... one that failed; the last one repeats."""

PATIENCE = timedelta(minutes=15)
"""How long grave mail may be deferred before the fallback channels hear of it."""

# Messages about no event that go to the fallback channels all the same
GRAVE = frozenset({"operator"})


def after_try(
    delivery: Delivery,
    state: DeliveryState,
    answer: str,
    age: timedelta,
    give_up: timedelta,
    now: datetime,
    wait: timedelta = timedelta(),
) -> Delivery:
    """Give a delivery after a try that ended as ``state``.

    ``age`` is the message's, ``wait`` what the server asked for.
    """
    attempts = delivery.attempts + 1
    tried = replace(
        delivery,
        state=state,
        attempts=attempts,
        answer=answer,
        next_try=None,
        settled=now,
    )
    if state is DeliveryState.DEFERRED:
        # Where no run was for longer than give_up, the first try is not the last: the
        # machine had been off, not the mail server
        if age >= give_up and attempts > 1:
            return replace(
                tried,
                state=DeliveryState.REFUSED,
                answer=f"given up after {_length(give_up)}: {answer}",
            )
        again = True
    else:
        # The connection broke after the data: a second copy is better than none, a
        # third tells nobody more
        again = (
            state is DeliveryState.UNKNOWN
            and delivery.state is not DeliveryState.UNKNOWN
        )
    if not again:
        return tried
    pause = max(wait, WAITS[min(attempts, len(WAITS)) - 1])
    return replace(tried, next_try=now + pause, settled=None)


def needs_fallback(delivery: Delivery, age: timedelta) -> bool:
    """Say whether a delivery has gone so wrong that somebody must hear another way.

    It was refused or given up, its fate is unknown for good, or it is deferred for the
    second time or for long.  ``age`` is the message's.
    """
    if delivery.state is DeliveryState.DEFERRED:
        # Greylisting defers the first try of every message: that alone is no trouble
        return delivery.attempts > 1 or age >= PATIENCE
    if delivery.state is DeliveryState.UNKNOWN:
        return delivery.settled is not None
    return delivery.state is DeliveryState.REFUSED


def is_grave(kind: str, events: Iterable[Kind]) -> bool:
    """Say whether a message of ``kind`` about ``events`` must reach its readers.

    A digest is as grave as what it holds.
    """
    if kind == "digest":
        return any(EVENT_KINDS[event].fallback for event in events)
    if kind in GRAVE:
        return True
    # Welcomes and reminders are about no kind of event
    is_of_event = kind in {event.value for event in EVENT_KINDS}
    return is_of_event and EVENT_KINDS[Kind(kind)].fallback


def _length(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if hours >= 48:
        return f"{hours / 24:g} days"
    return f"{hours:g} {'hour' if hours == 1 else 'hours'}"
