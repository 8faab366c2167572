"""Dates and names of months, as prose and tables write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from watcher.judgement.normalize.characters import fold

_NAMES_OF_MONTHS = (
    ("january", "jan"),
    ("february", "feb"),
    ("march", "mar"),
    ("april", "apr"),
    ("may",),
    ("june", "jun"),
    ("july", "jul"),
    ("august", "aug"),
    ("september", "sep", "sept"),
    ("october", "oct"),
    ("november", "nov"),
    ("december", "dec"),
)
MONTHS = {
    name: number
    for number, names in enumerate(_NAMES_OF_MONTHS, start=1)
    for name in names
}
# The longest first: "Sept" is not "Sep" and a "t"
MONTH = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + ")"

_YEAR = r"(?P<year>(?:19|20)\d\d)"
_NAMED_MONTH = rf"(?P<month>{MONTH})"
_DAY = r"(?P<day>\d{1,2})"
_DATES = (
    # "August 11, 2026", "May25, 2004", "December, 2015", "August 2006"
    re.compile(
        rf"{_NAMED_MONTH}\.?,? *(?:{_DAY}(?:st|nd|rd|th)?,? +)?{_YEAR}", re.IGNORECASE
    ),
    # "11 August 2026"
    re.compile(rf"{_DAY} +{_NAMED_MONTH}\.?,? +{_YEAR}", re.IGNORECASE),
    # "2026-08-11"
    re.compile(rf"{_YEAR}-(?P<month>\d{{1,2}})(?:-{_DAY})?"),
    # "Updated on 5/11/2022" is American, the eleventh of May
    re.compile(rf"(?P<month>\d{{1,2}})/{_DAY}/{_YEAR}"),
)


# What an editor writes before an addition: "Update 11/27:", "[11/27/2024 update]", the
# German "Aktualisierung 27.11.:"
_SHORT_YEAR = r"(?P<year>(?:20)?\d\d)"
_WORD = r"[^\W\d_]{4,16}"
_BEFORE_DAY = rf"[\[(*_ ]*(?:{_WORD}(?:,? +(?:on|vom|am))?,? *[\[(]?)?"
_AFTER_DAY = rf"(?: +{_WORD})? *(?:[:\])]| [-\u2013\u2014] )"
_ADDITIONS = tuple(
    re.compile(_BEFORE_DAY + day + _AFTER_DAY, re.IGNORECASE)
    for day in (
        rf"(?P<month>\d{{1,2}})/{_DAY}(?:/{_SHORT_YEAR})?",
        rf"{_DAY}\.(?P<month>\d{{1,2}})\.{_SHORT_YEAR}?",
        rf"{_YEAR}-(?P<month>\d\d)-{_DAY}",
        rf"{_NAMED_MONTH}\.? +{_DAY}(?:st|nd|rd|th)?(?:,? +{_YEAR})?",
        rf"{_DAY}\.? +{_NAMED_MONTH}\.?(?:,? +{_YEAR})?",
    )
)
# A clock or a zone apart; what is dated later than this is not dated so
_TOMORROW = timedelta(days=2)

# The oldest month of MSRC's is of 1999
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
# A table announces what comes next; nobody announces what comes in years
_AHEAD = timedelta(days=2 * 366)


def possible(moment: datetime | None, now: datetime) -> datetime | None:
    """Return ``moment``, or None when no source can mean it.

    Case: 9999-12-31 in a feed, and the year 1 in a catalogue, made pages and feeds fail
    for ever.
    """
    if moment is None or not _OLDEST <= moment <= now + _AHEAD:
        return None
    return moment


def date(text: str) -> datetime | None:
    """Return the first date of ``text`` at 00:00 UTC, None when there is none.

    A date without a day is the month's first.

    Read are "August 11, 2026", "May25, 2004", "December, 2015", "August 2006", "11
    August 2026", ISO dates and the American 8/11/2026.
    """
    folded = fold(text)
    matches = filter(None, [form.search(folded) for form in _DATES])
    # Of two forms that begin at one place the longer is meant
    in_order = sorted(matches, key=lambda match: (match.start(), -match.end()))
    return next(filter(None, map(_moment, in_order)), None)


def _moment(match: re.Match[str]) -> datetime | None:
    """Return the midnight of a date, None when the calendar has no such day."""
    try:
        return datetime(
            int(match["year"]), _month(match), int(match["day"] or 1), tzinfo=UTC
        )
    except ValueError:
        # 13/45/2024
        return None


def _month(match: re.Match[str]) -> int:
    """Return a month's number, which is written as a name or as a number."""
    written = match["month"].lower()
    return MONTHS.get(written) or int(written)


def addition_date(text: str, now: datetime) -> datetime | None:
    """Return the day that an addition to a text begins with, at 00:00 UTC, None without one.

    "Update 11/27: the update is available again" was added to a post of the twelfth; its
    feed gives the post's date for ever.  A day without a year is the last one before
    ``now``.
    """
    matches = filter(None, [form.match(text) for form in _ADDITIONS])
    match = next(matches, None)
    if match is None:
        return None
    year = now.year
    if match["year"]:
        year = int(match["year"]) % 100 + 2000
    try:
        day = datetime(year, _month(match), int(match["day"]), tzinfo=UTC)
        if not match["year"] and day > now + _TOMORROW:
            day = day.replace(year=year - 1)
    except ValueError:
        # 14/11 is no American date
        return None
    return day if day <= now + _TOMORROW else None
