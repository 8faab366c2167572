"""How the watcher itself is.

What its operator must hear, once when it begins and once when it is over.

Pure: check times, documents and given-up deliveries in, troubles out.  What was told
is kept by the caller, by ``key``.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, time, timedelta, tzinfo

from msgspec import Struct

from watcher.judgement import schedule
from watcher.kinds import SOURCE_KINDS, Rhythm
from watcher.records import Delivery, DeliveryState, Document, Message, Source, Times

FAILS, LAYOUT, SILENT, OVERDUE, MOVED, LOST, UNSURE = (
    "fails",
    "layout",
    "silent",
    "overdue",
    "moved",
    "lost",
    "unsure",
)
PATIENCE = timedelta(hours=6)
"""How long after Microsoft's hour the month's document may take to come."""

EARLY = timedelta(hours=1)
"""A document that changed so long before the hour, or later, is taken as the month's."""

WEEKLY = "weekly Mon 08:00"
# Pacific: https://www.microsoft.com/msrc/faqs-security-update-guide
_HOUR = time(10)


class Standing(Struct, frozen=True):
    """A source as its checks have left it."""

    source: Source
    times: tuple[Times, ...] = ()
    # With their last changes; only of sources that can be silent need they be given
    documents: tuple[Document, ...] = ()

    @property
    def succeeded(self) -> datetime | None:
        """When it last answered well."""
        return max(
            (each.succeeded for each in self.times if each.succeeded), default=None
        )

    @property
    def moved(self) -> str:
        """Where its address leads for good, "" when it stays."""
        return next((each.moved for each in self.times if each.moved), "")

    def asked_since(self, moment: datetime, documents: Collection[str]) -> bool:
        """Say whether its index, and those of its ``documents``, last answered well at
        ``moment`` or later.
        """
        asked = [
            each.succeeded for each in self.times if each.document in ("", *documents)
        ]
        return bool(asked) and all(
            each is not None and each >= moment for each in asked
        )


class Trouble(Struct, frozen=True):
    """Something that the operator must hear.

    ``name`` is a source's or a recipient's, ``detail`` the cause in somebody's words.
    """

    key: str
    kind: str
    name: str
    detail: str = ""
    # Failures in a row
    count: int = 0
    # The last success, or when something should have come, or the newest thing that
    # came
    since: datetime | None = None
    # Of failures: those of one cause are told as one
    cause: str = ""
    remedy: str = ""


class Turn(Struct, frozen=True):
    """What is to be told now, and the keys of all that has been told then and is not over."""

    new: tuple[Trouble, ...]
    over: tuple[str, ...]
    kept: tuple[str, ...]


def troubles(
    standings: Iterable[Standing],
    lost: Iterable[tuple[Message, Delivery]],
    failures: int,
) -> tuple[Trouble, ...]:
    """Name what is wrong.

    Sources that failed ``failures`` times in a row, are silent or have moved, and
    deliveries given up.

    A message to the operator that was given up is none: it would be told by one more
    of its kind.
    """
    found = [
        each
        for standing in standings
        for each in (_fails(standing, failures), silent(standing), moved(standing))
        if each
    ]
    found += [
        Trouble(
            f"{LOST} {message.id} {each.recipient}",
            _lost(each),
            each.recipient,
            f"{message.subject}: {each.answer}",
        )
        for message, each in lost
        if message.kind != "operator"
    ]
    return tuple(found)


def _lost(delivery: Delivery) -> str:
    return UNSURE if delivery.state is DeliveryState.UNKNOWN else LOST


def turn(
    wrong: Iterable[Trouble],
    told: Collection[str],
    watched: Collection[str],
    now: datetime,
) -> Turn:
    """Give the troubles not told yet, and the keys of told ones that are over and worth a word.

    A delivery given up is never over, a month that never came is followed by the next
    one, a source that moved on has not come back, and of a source that is not
    ``watched`` any more there is nothing to say.
    """
    open_now = {trouble.key: trouble for trouble in wrong}
    roaming = {trouble.name for trouble in open_now.values() if trouble.kind == MOVED}
    month = _month(patch_tuesday(now - PATIENCE))

    def worth_a_word(key: str) -> bool:
        kind, name, *rest = key.split(" ")
        past = (kind == SILENT and rest != [month]) or (
            kind == MOVED and name in roaming
        )
        return kind != LOST and name in watched and not past

    new = tuple(trouble for key, trouble in open_now.items() if key not in told)
    return Turn(
        new,
        tuple(sorted(key for key in told if key not in open_now and worth_a_word(key))),
        tuple(open_now),
    )


def _pacific() -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo("America/Los_Angeles")


def patch_tuesday(now: datetime) -> datetime:
    """Give the newest release hour of Microsoft's monthly updates not later than ``now``.

    The second Tuesday, 10:00 Pacific.
    """
    local = now.astimezone(_pacific())
    year, month = local.year, local.month
    released = release_hour(year, month)
    return (
        released
        if released <= now
        else release_hour(*((year, month - 1) if month > 1 else (year - 1, 12)))
    )


def release_hour(year: int, month: int) -> datetime:
    """Give the hour of a month's Patch Tuesday, in UTC."""
    day = 1 + (calendar.TUESDAY - calendar.weekday(year, month, 1)) % 7 + 7
    return datetime.combine(
        datetime(year, month, day, tzinfo=UTC).date(), _HOUR, _pacific()
    ).astimezone(UTC)


def _fails(standing: Standing, failures: int) -> Trouble | None:
    """Name the document that failed most often.

    One that came and could not be read or believed is a page that looks different.

    Both have one key: a page of an outage and an outage without a page are one story.
    """
    worst = max(standing.times, key=lambda each: each.failures, default=None)
    if worst is None or worst.failures < failures:
        return None
    name = standing.source.name
    return Trouble(
        f"{FAILS} {name}",
        LAYOUT if worst.suspect else FAILS,
        name,
        worst.failure,
        worst.failures,
        worst.succeeded,
        worst.cause,
        worst.remedy,
    )


def moved(standing: Standing) -> Trouble | None:
    """Say whether the source's own address leads for good to another one."""
    name, to = standing.source.name, standing.moved
    return Trouble(f"{MOVED} {name} {to}", MOVED, name, to) if to else None


def silent(standing: Standing) -> Trouble | None:
    """Say whether a source has shown nothing new for longer than its rhythm allows,
    though it answers.
    """
    source = standing.source
    if source.monthly:
        return (
            _without_the_month(standing)
            if SOURCE_KINDS[source.kind].rhythm is Rhythm.MONTH
            else _without_the_day(standing)
        )
    newest, documents = _newest(standing)
    if (
        source.silent is None
        or newest is None
        or not standing.asked_since(newest + source.silent, documents)
    ):
        return None
    return Trouble(f"{OVERDUE} {source.name}", OVERDUE, source.name, since=newest)


def _newest(standing: Standing) -> tuple[datetime | None, tuple[str, ...]]:
    """Give the newest date that the source's documents bear, and which of them bear dates.

    Without dates, when a copy last differed.
    """
    dated = [document for document in standing.documents if document.newest]
    if dated:
        return max(document.newest for document in dated if document.newest), tuple(
            document.document for document in dated
        )
    return max(
        (document.accepted for document in standing.documents if document.accepted),
        default=None,
    ), ()


def _without_the_day(standing: Standing) -> Trouble | None:
    """Say whether a source that is news on every Patch Tuesday has nothing of that day or
    later, hours after the hour.

    By the day, for Microsoft dates what is released at ten in the morning to the
    midnight before.
    """
    newest, documents = _newest(standing)
    last = max(
        (each.succeeded for each in standing.times if each.succeeded), default=None
    )
    if newest is None or last is None:
        return None
    released = patch_tuesday(last - PATIENCE)
    day = datetime.combine(released.date(), time(), UTC)
    return (
        _silent(standing, released)
        if newest < day and standing.asked_since(released + PATIENCE, documents)
        else None
    )


def _without_the_month(standing: Standing) -> Trouble | None:
    """Say whether a source of monthly documents has shown none of the month whose release
    hour passed hours ago.

    MSRC opens a month's document days before, for what is fixed earlier, so it counts
    only when it has changed since.
    """
    last = max(
        (each.succeeded for each in standing.times if each.succeeded), default=None
    )
    monthly = [
        document
        for document in standing.documents
        if document.accepted and schedule.month_end(document.document)
    ]
    if last is None:
        return None
    released = patch_tuesday(last - PATIENCE)
    known_before = any(
        document.accepted < released for document in monthly if document.accepted
    )
    this_month = [
        document for document in monthly if _is_of(document, _month(released))
    ]
    came = any(
        document.accepted >= released - EARLY
        for document in this_month
        if document.accepted
    )
    asked = standing.asked_since(
        released + PATIENCE, [document.document for document in this_month]
    )
    return _silent(standing, released) if known_before and asked and not came else None


def _silent(standing: Standing, released: datetime) -> Trouble:
    name, month = standing.source.name, _month(released)
    return Trouble(f"{SILENT} {name} {month}", SILENT, name, month, since=released)


def _is_of(document: Document, month: str) -> bool:
    end = schedule.month_end(document.document)
    return end is not None and _month(end - timedelta(seconds=1)) == month


def _month(moment: datetime) -> str:
    return f"{moment:%Y-%m}"


def unread(
    sources: Iterable[Source], times: Iterable[Times]
) -> tuple[tuple[str, str], ...]:
    """Name the sources that could not be read yet, with the cause.

    One that only follows updates may have had nothing to read.
    """
    of_source, found = defaultdict[str, list[Times]](list), []
    for one in times:
        of_source[one.source].append(one)
    for source in sources:
        mine = of_source[source.name]
        failed = next((one for one in mine if one.failures), None)
        if (
            source.enabled
            and failed is not None
            and not any(one.succeeded for one in mine)
        ):
            found.append((source.name, failed.cause or failed.failure))
    return tuple(found)
