"""Tries to deliver.

When the next is, when it is given up, and when somebody hears another way.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from watcher.judgement.delivery import (
    WAITS,
    Attempt,
    after_try,
    is_grave,
    needs_fallback,
    tried_again,
)
from watcher.records import Delivery, DeliveryState, Kind

NOW = datetime(2030, 5, 14, 18, tzinfo=UTC)
FIRST = Delivery("<1@example.org>", "admins@example.org")
FIVE_DAYS = timedelta(days=5)
DEFERRED, UNKNOWN, REFUSED = (
    DeliveryState.DEFERRED,
    DeliveryState.UNKNOWN,
    DeliveryState.REFUSED,
)


def after(
    delivery: Delivery,
    state: DeliveryState,
    now: datetime = NOW,
    wait: timedelta = timedelta(),
    *,
    settings_wrong: bool = False,
) -> Delivery:
    attempt = Attempt(state, "said", wait, settings_wrong)
    return after_try(delivery, attempt, FIVE_DAYS, now)


def tried_for(
    span: timedelta, give_up: timedelta = FIVE_DAYS, *, settings_wrong: bool = False
) -> Delivery:
    """Try whenever it is due for so long, in vain."""
    delivery, now = FIRST, NOW
    attempt = Attempt(DEFERRED, "said", settings_wrong=settings_wrong)
    while delivery.settled is None and now <= NOW + span:
        delivery = after_try(delivery, attempt, give_up, now)
        now = max(delivery.next_try or now, now + timedelta(minutes=30))
    return delivery


@pytest.mark.parametrize("state", [DeliveryState.ACCEPTED, REFUSED])
def test_an_answer_settles_a_delivery(state: DeliveryState) -> None:
    assert after(FIRST, state) == replace(
        FIRST, state=state, attempts=1, answer="said", settled=NOW, tried=NOW
    )


def test_deferred_is_tried_again_after_growing_waits() -> None:
    delivery, waits = FIRST, []
    for _ in range(7):
        delivery = after(delivery, DEFERRED)
        assert delivery.next_try is not None
        assert delivery.settled is None
        waits.append((delivery.next_try - NOW) // timedelta(minutes=1))
    assert waits == [0, 15, 60, 240, 480, 480, 480]


@pytest.mark.parametrize(
    ("give_up", "said"),
    [
        (FIVE_DAYS, "given up after 5 days: said"),
        (timedelta(hours=12), "given up after 12 hours: said"),
    ],
)
def test_deferred_is_given_up_in_the_end_and_the_last_answer_kept(
    give_up: timedelta, said: str
) -> None:
    assert tried_for(give_up - timedelta(hours=8), give_up).state is DEFERRED
    given_up = tried_for(give_up + timedelta(hours=8), give_up)
    assert (given_up.state, given_up.answer) == (REFUSED, said)
    assert given_up.settled is not None


def test_what_a_setting_got_wrong_is_never_given_up() -> None:
    waiting = tried_for(timedelta(days=300), settings_wrong=True)
    assert (waiting.state, waiting.settled) == (DEFERRED, None)


@pytest.mark.parametrize("gap", [timedelta(days=7), timedelta(days=365)])
def test_what_lies_between_two_tries_that_a_watcher_did_not_run_is_no_waiting(
    gap: timedelta,
) -> None:
    once = after(FIRST, DEFERRED)
    later = after(once, DEFERRED, NOW + gap)
    assert later.state is DEFERRED
    # And the clock goes back
    back = after(later, DEFERRED, NOW + timedelta(hours=1))
    assert (back.state, back.waited) == (DEFERRED, WAITS[-1])


def test_a_first_try_that_comes_after_days_without_a_run_is_not_the_last() -> None:
    assert after(FIRST, DEFERRED, NOW + FIVE_DAYS).next_try == NOW + FIVE_DAYS


def test_a_server_that_wants_to_be_left_alone_is_asked_no_sooner_and_no_later_than_otherwise() -> (
    None
):
    hour = timedelta(hours=1)
    first = after(FIRST, DEFERRED, wait=hour)
    assert first.next_try == NOW + hour
    fifth = after(replace(first, attempts=4), DEFERRED, wait=hour)
    assert fifth.next_try == NOW + 8 * hour


def test_unknown_is_tried_once_more_and_then_left() -> None:
    once = after(FIRST, UNKNOWN)
    assert (once.next_try, once.settled) == (NOW, None)
    twice = after(once, UNKNOWN)
    assert (twice.state, twice.next_try, twice.settled) == (UNKNOWN, None, NOW)


def test_unknown_after_deferred_is_tried_once_more() -> None:
    assert after(after(FIRST, DEFERRED), UNKNOWN).settled is None


@pytest.mark.parametrize(
    ("tries", "expected"),
    [
        ([], False),
        ([DeliveryState.ACCEPTED], False),
        ([REFUSED], True),
        ([DEFERRED], False),
        ([DEFERRED, DEFERRED], True),
        ([UNKNOWN], False),
        ([UNKNOWN, UNKNOWN], True),
    ],
)
def test_somebody_is_told_another_way_when_mail_is_refused_or_keeps_failing(
    tries: list[DeliveryState], expected: bool
) -> None:
    delivery = FIRST
    for state in tries:
        delivery = after(delivery, state)
    assert needs_fallback(delivery) is expected


def test_somebody_is_told_another_way_at_once_when_a_setting_is_wrong() -> None:
    assert needs_fallback(after(FIRST, DEFERRED, settings_wrong=True))


@pytest.mark.parametrize(
    ("kind", "events", "expected"),
    [
        ("pulled", [], True),
        ("exploited", [], True),
        ("re-released", [], True),
        ("operator", [], True),
        ("released", [Kind.RELEASED], False),
        ("welcome", [], False),
        ("digest", [Kind.RELEASED, Kind.PULLED], True),
        ("digest", [Kind.RELEASED], False),
    ],
)
def test_what_is_pulled_exploited_or_re_released_must_arrive(
    kind: str, events: list[Kind], expected: bool
) -> None:
    assert is_grave(kind, events) is expected


@pytest.mark.parametrize(
    ("settled_as", "again"),
    [
        (DeliveryState.REFUSED, DeliveryState.DEFERRED),
        # Of what may have arrived, one copy more is enough
        (DeliveryState.UNKNOWN, DeliveryState.UNKNOWN),
    ],
)
def test_what_was_settled_begins_anew_when_it_is_asked_for(
    settled_as: DeliveryState, again: DeliveryState
) -> None:
    settled = replace(FIRST, state=settled_as, attempts=4, settled=NOW, next_try=None)
    begun = tried_again(settled)
    assert begun.state is again
    assert begun.attempts == 0
    assert (begun.settled, begun.next_try) == (None, None)


def test_what_waits_is_tried_at_once_when_it_is_asked_for() -> None:
    waiting = replace(FIRST, state=DEFERRED, attempts=2, next_try=NOW)
    assert tried_again(waiting) == replace(waiting, next_try=None)
