"""Tries to deliver.

When the next is, when it is given up, and when somebody hears another way.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from watcher.judgement.delivery import after_try, is_grave, needs_fallback
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
    delivery: Delivery, state: DeliveryState, age: timedelta = timedelta()
) -> Delivery:
    return after_try(delivery, state, "said", age, FIVE_DAYS, NOW)


@pytest.mark.parametrize("state", [DeliveryState.ACCEPTED, REFUSED])
def test_an_answer_settles_a_delivery(state: DeliveryState) -> None:
    assert after(FIRST, state) == replace(
        FIRST, state=state, attempts=1, answer="said", settled=NOW
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
    given_up = after_try(
        after(FIRST, DEFERRED), DEFERRED, "said", give_up, give_up, NOW
    )
    assert given_up == replace(
        FIRST, state=REFUSED, attempts=2, answer=said, settled=NOW
    )
    assert (
        after(after(FIRST, DEFERRED), DEFERRED, FIVE_DAYS - timedelta(minutes=1)).state
        is DEFERRED
    )


def test_a_first_try_that_comes_after_days_without_a_run_is_not_the_last() -> None:
    assert after(FIRST, DEFERRED, FIVE_DAYS).next_try == NOW


def test_a_server_that_wants_to_be_left_alone_is_asked_no_sooner_and_no_later_than_otherwise() -> (
    None
):
    hour = timedelta(hours=1)
    first = after_try(FIRST, DEFERRED, "said", timedelta(), FIVE_DAYS, NOW, hour)
    assert first.next_try == NOW + hour
    assert (
        after_try(
            replace(first, attempts=4),
            DEFERRED,
            "said",
            timedelta(),
            FIVE_DAYS,
            NOW,
            hour,
        ).next_try
        == NOW + 8 * hour
    )


def test_unknown_is_tried_once_more_and_then_left() -> None:
    once = after(FIRST, UNKNOWN)
    assert (once.next_try, once.settled) == (NOW, None)
    twice = after(once, UNKNOWN)
    assert (twice.state, twice.next_try, twice.settled) == (UNKNOWN, None, NOW)


def test_unknown_after_deferred_is_tried_once_more() -> None:
    assert after(after(FIRST, DEFERRED), UNKNOWN).settled is None


@pytest.mark.parametrize(
    ("tries", "age", "expected"),
    [
        ([], timedelta(), False),
        ([DeliveryState.ACCEPTED], timedelta(days=1), False),
        ([REFUSED], timedelta(), True),
        ([DEFERRED], timedelta(minutes=14), False),
        ([DEFERRED], timedelta(minutes=15), True),
        ([DEFERRED, DEFERRED], timedelta(), True),
        ([DEFERRED], FIVE_DAYS, True),
        ([UNKNOWN], timedelta(), False),
        ([UNKNOWN, UNKNOWN], timedelta(), True),
    ],
)
def test_somebody_is_told_another_way_when_mail_is_refused_or_keeps_failing(
    tries: list[DeliveryState], age: timedelta, expected: bool
) -> None:
    delivery = FIRST
    for state in tries:
        delivery = after(delivery, state, age)
    assert needs_fallback(delivery, age) is expected


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
