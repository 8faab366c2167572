"""A date is read in every form that was seen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watcher.judgement import normalize
from watcher.judgement.normalize.dates import addition_date


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("August 11, 2026", (2026, 8, 11)),
        ("May25, 2004", (2004, 5, 25)),
        ("December, 2015", (2015, 12, 1)),
        ("August 2006", (2006, 8, 1)),
        ("11 August 2026", (2026, 8, 11)),
        ("Sept. 3rd, 2024", (2024, 9, 3)),
        ("2026-08-11", (2026, 8, 11)),
        ("Updated on 5/11/2022", (2022, 5, 11)),
        ("Updated on 5/11/2022, not on March 3, 2020", (2022, 5, 11)),
        ("13/45/2024, and then 2024-01-02", (2024, 1, 2)),
    ],
)
def test_a_date_is_read_in_every_form_seen(
    text: str, day: tuple[int, int, int]
) -> None:
    assert normalize.date(text) == datetime(*day, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "-", "13/45/2024"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert normalize.date(text) is None


NOW = datetime(2024, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Update 11/27: the update is available again", (2024, 11, 27)),
        # The last one before now
        ("Update 12/20: the rollout is paused", (2023, 12, 20)),
        # No American date, and a day that no year has
        ("Update 27/11: the update is available again", None),
        ("Update 2/31: the rollout is paused", None),
        ("Update 11/27/2031: the rollout is paused", None),
        ("The update is available again", None),
    ],
)
def test_an_addition_bears_the_last_such_day_before_now(
    text: str, day: tuple[int, int, int] | None
) -> None:
    expected = None if day is None else datetime(*day, tzinfo=UTC)
    assert addition_date(text, NOW) == expected
