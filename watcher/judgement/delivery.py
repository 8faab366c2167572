"""What a try to deliver means: when the next is, when it is given up, who hears instead.

Pure: deliveries and answers in, deliveries out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from watcher.kinds import EVENT_KINDS
from watcher.records import Delivery, DeliveryState, Kind

MAIL, APPRISE = "mail", "apprise"
"""Channels of deliveries; by Apprise the recipient is the name of a ``[[channel]]``."""

WAITS = tuple(timedelta(minutes=minutes) for minutes in (0, 15, 60, 240, 480))
"""Before the next try after the first, second ... one that failed; the last one repeats."""

# Kinds of messages that go to the fallback channels: what the operator must hear, too
GRAVE = {"operator", *(row.kind.value for row in EVENT_KINDS.values() if row.fallback)}


class Attempt(Struct, frozen=True):
    """How one try ended.

    ``answer`` is the server's own, or the cause, for an administrator.  ``wait`` is how
    long the server wants to be left alone.  ``settings_wrong``: an address, a right or a
    secret is in the way, of the configuration or at the server.
    """

    state: DeliveryState
    answer: str
    wait: timedelta = timedelta()
    settings_wrong: bool = False


def after_try(
    delivery: Delivery, attempt: Attempt, give_up: timedelta, now: datetime
) -> Delivery:
    """Give a delivery after a try that ended as ``attempt``."""
    attempts = delivery.attempts + 1
    waited = delivery.waited + _waited_since(delivery.tried, now)
    tried = replace(
        delivery,
        state=attempt.state,
        attempts=attempts,
        answer=attempt.answer,
        next_try=None,
        settled=now,
        settings_wrong=attempt.settings_wrong,
        tried=now,
        waited=waited,
    )
    is_deferred = attempt.state is DeliveryState.DEFERRED
    # What a setting got wrong waits until it is put right, however long that takes
    if is_deferred and waited >= give_up and not attempt.settings_wrong:
        answer = f"given up after {_length(give_up)}: {attempt.answer}"
        # A server that nobody reached may be the wrong one
        return replace(
            tried, state=DeliveryState.REFUSED, answer=answer, settings_wrong=True
        )
    # The connection broke after the data: a second copy is better than none, a third
    # tells nobody more
    was_unknown = delivery.state is DeliveryState.UNKNOWN
    is_doubtful = attempt.state is DeliveryState.UNKNOWN and not was_unknown
    if not is_deferred and not is_doubtful:
        return tried
    pause = max(attempt.wait, WAITS[min(attempts, len(WAITS)) - 1])
    return replace(tried, next_try=now + pause, settled=None)


def _waited_since(tried: datetime | None, now: datetime) -> timedelta:
    """Say how much longer a delivery has waited since it was tried.

    Never longer than between two tries of a watcher that runs: a machine that was off
    for a week, or whose clock is a year ahead for one run, has tried no more for that.
    """
    if tried is None:
        return timedelta()
    return min(max(now - tried, timedelta()), WAITS[-1])


def tried_again(delivery: Delivery) -> Delivery:
    """Give a delivery that is to be tried as soon as can be.

    One that was settled begins anew; of what may have arrived one copy more is enough.
    """
    if delivery.settled is None:
        return replace(delivery, next_try=None)
    unknown = delivery.state is DeliveryState.UNKNOWN
    return replace(
        delivery,
        state=delivery.state if unknown else DeliveryState.DEFERRED,
        attempts=0,
        next_try=None,
        settled=None,
        waited=timedelta(),
        tried=None,
    )


def needs_fallback(delivery: Delivery) -> bool:
    """Say whether a delivery has gone so wrong that somebody must hear another way.

    It was refused or given up, its fate is unknown for good, a setting is wrong, or it
    is deferred for the second time.
    """
    if delivery.state is DeliveryState.DEFERRED:
        # Greylisting defers the first try of every message: that alone is no trouble
        return delivery.attempts > 1 or delivery.settings_wrong
    if delivery.state is DeliveryState.UNKNOWN:
        return delivery.settled is not None
    return delivery.state is DeliveryState.REFUSED


def is_grave(kind: str, events: Iterable[Kind]) -> bool:
    """Say whether a message of ``kind`` about ``events`` must reach its readers.

    A digest is as grave as what it holds.
    """
    if kind == "digest":
        return not GRAVE.isdisjoint(events)
    return kind in GRAVE


def _length(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    if hours >= 48:
        return f"{hours / 24:g} days"
    return f"{hours:g} {'hour' if hours == 1 else 'hours'}"
