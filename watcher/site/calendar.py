"""iCalendar (RFC 5545).

Patch Tuesday, the second Tuesday of each month, at ten in the morning where Microsoft
is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from watcher.judgement.source_health import release_hour
from watcher.site.feeds import SiteAddress

if TYPE_CHECKING:
    from icalendar import Timezone

REDMOND = "America/Los_Angeles"


# The rule of the United States since 2007, written out: a table of the system's may
# differ from machine to machine.
_ZONE = (
    (
        "DAYLIGHT",
        "PDT",
        timedelta(hours=-8),
        timedelta(hours=-7),
        datetime(2007, 3, 11, 2),  # noqa: DTZ001 - a zone's own rule is written in its own time
        {"freq": "YEARLY", "bymonth": 3, "byday": "2SU"},
    ),
    (
        "STANDARD",
        "PST",
        timedelta(hours=-7),
        timedelta(hours=-8),
        datetime(2007, 11, 4, 2),  # noqa: DTZ001 - likewise
        {"freq": "YEARLY", "bymonth": 11, "byday": "1SU"},
    ),
)


def ics(year: int, address: SiteAddress) -> bytes:
    """Write the calendar.

    One event that recurs for ever, from the Patch Tuesday of January of ``year`` on.
    """
    from icalendar import Calendar, Event, vRecur

    first = release_hour(year, 1).astimezone(ZoneInfo(REDMOND))
    book = Calendar()
    book.add("prodid", "-//Advisory Watcher//EN")
    book.add("version", "2.0")
    book.add("method", "PUBLISH")
    book.add("x-wr-calname", "Patch Tuesday")
    book.add("refresh-interval", timedelta(days=7), parameters={"VALUE": "DURATION"})
    book.add_component(_zone())
    event = Event()
    event.add("uid", f"patch-tuesday@{address.authority}")
    event.add("dtstamp", first.astimezone(UTC))
    event.add("dtstart", first)
    event.add("dtend", first + timedelta(hours=1))
    event.add("rrule", vRecur({"freq": "MONTHLY", "byday": "2TU"}))
    event.add("summary", "Patch Tuesday")
    event.add(
        "description",
        (
            "Microsoft publishes the month's security updates. Wait for what "
            "Advisory Watcher says of them."
        ),
    )
    event.add("transp", "TRANSPARENT")
    if address.base_url:
        event.add("url", address.base_url)
    book.add_component(event)
    return bytes(book.to_ical())


def _zone() -> Timezone:
    from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

    zone = Timezone()
    zone.add("tzid", REDMOND)
    for kind, name, before, after, start, rule in _ZONE:
        part = TimezoneDaylight() if kind == "DAYLIGHT" else TimezoneStandard()
        part.add("dtstart", start)
        part.add("tzname", name)
        part.add("tzoffsetfrom", before)
        part.add("tzoffsetto", after)
        part.add("rrule", vRecur(rule))
        zone.add_component(part)
    return zone
