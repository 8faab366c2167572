"""How the watcher itself is: what its operator must hear, once when it begins and once when it is over.

Pure: check times, documents and given-up deliveries in, troubles out.  What was told is kept by the caller, by ``key``.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from watcher.judgement import schedule
from watcher.records import Delivery, Document, Message, Source, Times

FAILS, SILENT, LOST = "fails", "silent", "lost"
PATIENCE = timedelta(hours=6)
"""How long after Microsoft's hour the month's document may take to come."""

WEEKLY = "weekly Mon 08:00"
_HOUR = time(10)  # Pacific: https://www.microsoft.com/msrc/faqs-security-update-guide
_PACIFIC = "America/Los_Angeles"


@dataclass(frozen=True, slots=True)
class Standing:
    """A source as its checks have left it."""

    source: Source
    times: tuple[Times, ...] = ()
    documents: tuple[Document, ...] = ()  # with their last changes; only of monthly documents need they be given

    @property
    def succeeded(self) -> datetime | None:
        """When it last answered well."""
        return max((each.succeeded for each in self.times if each.succeeded), default=None)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that the operator must hear: ``name`` is a source's or a recipient's, ``detail`` the cause in somebody's words."""

    key: str
    kind: str
    name: str
    detail: str = ""
    count: int = 0  # failures in a row
    since: datetime | None = None  # the last success, or when something should have come


def troubles(standings: Iterable[Standing], lost: Iterable[tuple[Message, Delivery]], failures: int, now: datetime) -> tuple[Trouble, ...]:
    """Name what is wrong now: sources that failed ``failures`` times in a row or are silent, and deliveries given up.

    A message to the operator that was given up is none: it would be told by one more of its kind.
    """
    found: list[Trouble] = []
    for standing in standings:
        fails = _fails(standing, failures)
        found += [each for each in (fails or _silent(standing, now),) if each]
    found += [
        Trouble(f"{LOST} {message.id} {delivery.recipient}", LOST, delivery.recipient, f"{message.subject}: {delivery.answer}")
        for message, delivery in lost
        if message.kind != "operator"
    ]
    return tuple(found)


def changes(wrong: Iterable[Trouble], told: Collection[str], now: datetime) -> tuple[tuple[Trouble, ...], tuple[str, ...]]:
    """Give the troubles not told yet, and the keys of told ones that are over and worth a word.

    A delivery given up is never over, and a month that never came is followed by the next one.
    """
    open_now = {trouble.key: trouble for trouble in wrong}
    month = _month(patch_tuesday(now))
    over = tuple(sorted(key for key in told if key not in open_now and (key.startswith(FAILS) or key.endswith(f" {month}"))))
    return tuple(trouble for key, trouble in open_now.items() if key not in told), over


def patch_tuesday(now: datetime) -> datetime:
    """Give the newest release hour of Microsoft's monthly updates not later than ``now``: the second Tuesday, 10:00 Pacific."""
    pacific = ZoneInfo(_PACIFIC)
    local = now.astimezone(pacific)
    year, month = local.year, local.month
    while True:
        first = calendar.weekday(year, month, 1)
        day = 1 + (calendar.TUESDAY - first) % 7 + 7
        released = datetime.combine(datetime(year, month, day, tzinfo=UTC).date(), _HOUR, pacific).astimezone(UTC)
        if released <= now:
            return released
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)


def _fails(standing: Standing, failures: int) -> Trouble | None:
    worst = max(standing.times, key=lambda each: each.failures, default=None)
    if worst is None or worst.failures < failures:
        return None
    name = standing.source.name
    return Trouble(f"{FAILS} {name}", FAILS, name, worst.failure, worst.failures, worst.succeeded)


def _silent(standing: Standing, now: datetime) -> Trouble | None:
    """Say whether a source of monthly documents has shown none of the month whose release hour passed hours ago.

    MSRC opens a month's document days before, for what is fixed earlier, so it counts only when it has changed since.
    """
    released = patch_tuesday(now)
    monthly = [document for document in standing.documents if document.accepted and schedule.month_end(document.document)]
    known_before = any(document.accepted < released for document in monthly if document.accepted)
    if now - released < PATIENCE or not known_before:
        return None
    this_month = [document for document in monthly if _is_of(document, _month(released))]
    if any(document.accepted >= released for document in this_month if document.accepted):
        return None
    name = standing.source.name
    return Trouble(f"{SILENT} {name} {_month(released)}", SILENT, name, _month(released), since=released)


def _is_of(document: Document, month: str) -> bool:
    end = schedule.month_end(document.document)
    return end is not None and _month(end - timedelta(seconds=1)) == month


def _month(moment: datetime) -> str:
    return f"{moment:%Y-%m}"
