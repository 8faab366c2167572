"""Who is told what, and in which letter.

Pure: events and subscribers in, letters out.  Rendering and queueing come later.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import severity
from watcher.records import GRAVITY, Confidence, Event, Kind, Letter, Subscriber

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import tzinfo

    from watcher.records import Exposure

AT_ONCE = "at-once"
MOST_SINGLE = 5
"""More events than these for one subscriber in one run become one digest."""

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RHYTHM = re.compile(
    r"(?:(daily)|weekly +([a-z]{3})[a-z]*) +(\d{1,2}):(\d{2})", re.IGNORECASE
)


class Rhythm(Struct, frozen=True):
    """A subscriber's time of day for a digest; ``weekday`` 0 is Monday, None is every day."""

    weekday: int | None
    at: time


def rhythm(when: str) -> Rhythm | None:
    """Read ``at-once`` (None), ``daily 07:00`` or ``weekly Mon 07:00``.

    Raises ValueError that says what is meant.
    """
    if when.strip().lower() == AT_ONCE:
        return None
    found = _RHYTHM.fullmatch(when.strip())
    if found is not None:
        day, hour, minute = (found[2] or "").lower(), int(found[3]), int(found[4])
        if hour < 24 and minute < 60 and (found[1] or day in _WEEKDAYS):
            return Rhythm(_WEEKDAYS.index(day) if day else None, time(hour, minute))
    msg = f'"{when}" is no time for mail: write "at-once", "daily 07:00" or "weekly Mon 07:00"'
    raise ValueError(msg)


def due(when: str, timezone: tzinfo, last: datetime | None, now: datetime) -> bool:
    """Say whether a digest slot of ``when`` has passed since ``last`` (never: None).

    Slots are wall-clock times.  A time that the change to summer time skips comes an
    hour later by the clock, one that the change back repeats comes once, at the first
    of the two.
    """
    beat = rhythm(when)
    return beat is None or last is None or last < _slot(beat, timezone, now)


def owed(
    when: str,
    timezone: tzinfo,
    waiting: Iterable[datetime],
    last_run: datetime | None,
    now: datetime,
) -> bool:
    """Say whether a digest is to be sent now, given the times of the events that wait for it.

    It is when a slot has passed since one of them was established, and at the first
    run after a slot also for what that very run has established: a watcher that runs
    once a day, a little late, would keep it for a day otherwise. What was established
    later than now is owed at once: the clock has gone back, and nothing waits until it
    is there again.
    """
    first = min(waiting, default=None)
    return first is not None and any(
        since > now or due(when, timezone, since, now)
        for since in (first, last_run)
        if since is not None
    )


def _slot(beat: Rhythm, timezone: tzinfo, now: datetime) -> datetime:
    """Give the newest slot not later than ``now``, in UTC."""
    day = now.astimezone(timezone).date() + timedelta(days=1)
    while True:
        slot = datetime.combine(day, beat.at, timezone).astimezone(UTC)
        if slot <= now and beat.weekday in (None, day.weekday()):
            return slot
        day -= timedelta(days=1)


def concerns(
    subscriber: Subscriber,
    event: Event,
    told: Collection[str] | None = None,
    known: Iterable[Exposure] = (),
) -> bool:
    """Say whether ``subscriber`` is to be told of ``event``.

    ``told`` names the subscribers who were told of the event that a correction
    corrects; they, and only they, are told of the correction.  Where that is not known
    (None), everybody whose products it touches is. ``known`` are the administrator's
    servers, for a subscriber who hears of those of some owners only.
    """
    if event.kind is Kind.CORRECTED and told is not None:
        return subscriber.name in told
    if event.confidence is Confidence.SUSPECTED and not subscriber.suspected:
        return False
    if event.kind is not Kind.CORRECTED and event.kind not in subscriber.kinds:
        return False
    if not touches(subscriber.products, event.update.products) or severity.holds_back(
        subscriber.severity, event
    ):
        return False
    return not subscriber.owners or touches_servers(subscriber, event, known)


def touches_servers(
    subscriber: Subscriber, event: Event, known: Iterable[Exposure]
) -> bool:
    """Say whether ``event`` may concern the servers of a subscriber's owners.

    Without an inventory it may.
    """
    # Few have owners
    from watcher.judgement import server_status

    mine = server_status.owned(subscriber.owners, known)
    return not mine or server_status.may_concern(event, mine)


def touches(patterns: tuple[str, ...], products: tuple[str, ...]) -> bool:
    """Match shell patterns, case ignored; an event that names no product concerns everybody."""
    return not products or any(
        fnmatchcase(product.lower(), pattern.lower())
        for product in products
        for pattern in patterns
    )


def gravest_first(events: Iterable[Event]) -> tuple[Event, ...]:
    """Order events as they are told: by gravity, then by time."""
    return tuple(
        sorted(events, key=lambda event: (GRAVITY[event.kind], event.time, event.id))
    )


def as_it_stands(events: Sequence[Event]) -> tuple[Event, ...]:
    """Note on each event that its version was pulled later, where the same letter tells that.

    Nothing in it is to be installed.
    """
    denied = {event.corrects for event in events}
    pulls = [
        e
        for e in events
        if e.kind is Kind.PULLED
        and e.confidence is Confidence.CONFIRMED
        and e.id not in denied
    ]

    def pulled(event: Event) -> bool:
        return any(
            p.update.id == event.update.id
            and p.time >= event.time
            and p.update.version >= event.update.version
            for p in pulls
        )

    return tuple(
        replace(event, pulled=True) if pulled(event) else event for event in events
    )


def compose(
    events: Iterable[Event],
    subscribers: Iterable[Subscriber],
    now: datetime,
    told: Mapping[str, Collection[str]] | None = None,
    known: Collection[Exposure] = (),
) -> tuple[Letter, ...]:
    """Compose what goes out at once, the gravest letters first.

    ``told`` maps an event's id to the names of the subscribers who were told of it,
    ``known`` are the servers.  Events not later than ``now`` count; subscribers with a
    digest of their own rhythm get theirs from ``grouped``.
    """
    ready = tuple(event for event in events if event.time <= now)
    heard = told or {}
    letters = [
        letter
        for subscriber in subscribers
        if rhythm(subscriber.when) is None
        for letter in _at_once(
            subscriber,
            [
                event
                for event in ready
                if concerns(subscriber, event, heard.get(event.corrects), known)
            ],
        )
    ]
    return tuple(
        sorted(
            letters,
            key=lambda letter: (GRAVITY[letter.events[0].kind], letter.events[0].time),
        )
    )


def _at_once(subscriber: Subscriber, events: Iterable[Event]) -> list[Letter]:
    mine = gravest_first(events)
    if len(mine) > MOST_SINGLE:
        return [Letter("digest", subscriber, as_it_stands(mine))]
    return [single(subscriber, event) for event in mine]


def single(subscriber: Subscriber, event: Event) -> Letter:
    """Compose the letter about one event; it stands in its update's thread."""
    return Letter(
        event.kind.value,
        subscriber,
        (event,),
        event.update.id,
        event.thread or event.update.id,
    )


def grouped(
    subscriber: Subscriber,
    events: Iterable[Event],
    told: Mapping[str, Collection[str]] | None = None,
    known: Collection[Exposure] = (),
) -> tuple[Letter, ...]:
    """Compose a subscriber's digest of ``events``.

    Those that no digest of theirs has told of yet, in order.

    A correction of what stands in the same digest is told, too.  Nothing to tell gives
    no letter.
    """
    heard = {event: set(names) for event, names in (told or {}).items()}
    mine: list[Event] = []
    for event in events:
        if concerns(subscriber, event, heard.get(event.corrects), known):
            heard.setdefault(event.id, set()).add(subscriber.name)
            mine.append(event)
    return (
        (Letter("digest", subscriber, as_it_stands(gravest_first(mine))),)
        if mine
        else ()
    )
