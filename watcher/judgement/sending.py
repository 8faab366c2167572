"""What a try to deliver means.

When the next one is, when it is given up, and when somebody is told another way.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from watcher.records import Delivery, DeliveryState, Kind

WAITS = tuple(timedelta(minutes=minutes) for minutes in (0, 15, 60, 240, 480))
"""Before the next try after the first, second ... one that failed; the last one repeats."""

PATIENCE = timedelta(minutes=15)
"""How long grave mail may be deferred before the fallback channels are told."""

GRAVE = frozenset(
    {Kind.PULLED.value, Kind.EXPLOITED.value, Kind.RE_RELEASED.value, "operator"}
)
"""Kinds of messages that are told another way when mail does not go out."""


def after(
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

    Deferred is tried again after growing waits until ``give_up``, and at least once:
    where no run was for longer than that, the first try is not the last.  Unknown is
    tried once more.
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
    again = state is DeliveryState.DEFERRED or (
        state is DeliveryState.UNKNOWN and delivery.state is not DeliveryState.UNKNOWN
    )
    if not again:
        return tried
    if state is DeliveryState.DEFERRED and age >= give_up and attempts > 1:
        return replace(
            tried,
            state=DeliveryState.REFUSED,
            answer=f"given up after {_length(give_up)}: {answer}",
        )
    return replace(
        tried,
        next_try=now + max(wait, WAITS[min(attempts, len(WAITS)) - 1]),
        settled=None,
    )


def lost(delivery: Delivery, age: timedelta) -> bool:
    """Say whether a delivery has gone so wrong that somebody should be told another way.

    It was refused or given up, its fate is unknown for good, or it is deferred for the
    second time or for long.
    """
    if delivery.state is DeliveryState.DEFERRED:
        return delivery.attempts > 1 or age >= PATIENCE
    return delivery.state is DeliveryState.REFUSED or (
        delivery.state is DeliveryState.UNKNOWN and delivery.settled is not None
    )


def grave(kind: str, events: Iterable[Kind]) -> bool:
    """Say whether a message of ``kind`` about ``events`` must reach its readers.

    A digest is as grave as what it tells.
    """
    return kind in GRAVE or (
        kind == "digest" and any(event.value in GRAVE for event in events)
    )


def _length(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if hours >= 48:
        return f"{hours / 24:g} days"
    return f"{hours:g} {'hour' if hours == 1 else 'hours'}"
