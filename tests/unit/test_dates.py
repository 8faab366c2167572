"""A date is read in every form that was seen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watcher.judgement import normalize


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
