"""How the sources and the mail are: what the watcher's operator must hear; and which patterns
of products see nothing, with the names that may be meant.

Pure: check times, documents, names and deliveries given up in, problems out.  The operator
hears of each problem once when it begins and once when it is over; which ones are open
is kept by their keys.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from watcher.judgement import schedule
from watcher.kinds import SOURCE_KINDS, Rhythm
from watcher.records import (
    NEVER,
    Delivery,
    DeliveryState,
    Document,
    Message,
    Source,
    Subscriber,
    Times,
    Unread,
    UnseenPattern,
    Watch,
)
from watcher.records.source import beginning, fits_any, may_overlap

PATIENCE = timedelta(hours=6)
"""How long after Microsoft's hour the month's document may take to come."""

EARLY = timedelta(hours=1)
"""A document that changed so long before the hour, or later, is taken as the month's."""

WEEKLY = "weekly Mon 08:00"

# 10:00 Pacific: https://www.microsoft.com/msrc/faqs-security-update-guide
_HOUR = time(10)
_PACIFIC = "America/Los_Angeles"


class ProblemKind(StrEnum):
    """What is wrong; the operator's sentences have these keys."""

    FAILS = "fails"
    # It came, and could not be read or believed
    LAYOUT = "layout"
    # Nothing of the newest Patch Tuesday
    SILENT = "silent"
    # Nothing new for longer than its [[source]] allows
    OVERDUE = "overdue"
    MOVED = "moved"
    LOST = "lost"
    # Nobody knows whether it arrived
    UNSURE = "unsure"
    # A setting is wrong, and mail waits for it to be put right
    HELD = "held"
    # A pattern of products that sees nothing
    UNSEEN = "unseen"


class SourceHealth(Struct, frozen=True):
    """A source as its checks have left it."""

    source: Source
    times: tuple[Times, ...] = ()
    # With their last changes; only of sources that can be silent need they be given
    documents: tuple[Document, ...] = ()

    @property
    def succeeded(self) -> datetime | None:
        """When it last answered well."""
        answers = filter(None, (each.succeeded for each in self.times))
        return max(answers, default=None)

    @property
    def moved(self) -> str:
        """Where its address leads for good, "" when it stays."""
        return next((each.moved for each in self.times if each.moved), "")

    def answered_since(self, moment: datetime, documents: Collection[str]) -> bool:
        """Say whether its index, and those of its ``documents``, last answered well at
        ``moment`` or later.
        """
        # A month's document that fails while its index answers is a failure, not
        # silence
        looked_at = ("", *documents)
        asked = [each for each in self.times if each.document in looked_at]
        answers = [each.succeeded or NEVER for each in asked]
        return min(answers, default=NEVER) >= moment


class ProblemKey(Struct, frozen=True):
    """What makes two problems one and the same; written and read as one line."""

    kind: ProblemKind
    # A source's name, a message's id
    about: str
    # Month, address, recipient
    detail: str = ""

    def __str__(self) -> str:
        """Write it as it is kept."""
        return f"{self.kind} {self.about} {self.detail}".rstrip()

    @classmethod
    def read(cls, text: str) -> ProblemKey:
        """Read what was kept."""
        kind, about, *detail = text.split(" ", 2)
        return cls(ProblemKind(kind), about, *detail)


class Problem(Struct, frozen=True):
    """Something that the operator must hear.

    ``name`` is a source's or a recipient's, ``detail`` the cause in somebody's words.
    """

    key: ProblemKey
    kind: ProblemKind
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


class OperatorNews(Struct, frozen=True):
    """What the operator is to hear now, and every problem that is open then."""

    new: tuple[Problem, ...]
    over: tuple[ProblemKey, ...]
    open: tuple[ProblemKey, ...]


def problems(
    healths: Iterable[SourceHealth],
    given_up: Iterable[tuple[Message, Delivery]],
    failures: int,
    waiting: Iterable[tuple[Message, Delivery]] = (),
    unseen: Iterable[UnseenPattern] = (),
) -> tuple[Problem, ...]:
    """Name what is wrong.

    Sources that failed ``failures`` times in a row, are silent or have moved,
    deliveries given up, recipients for whom deliveries wait that a setting holds up,
    and patterns of products that see nothing.
    """
    found: list[Problem | None] = []
    for health in healths:
        found += [fails(health, failures), silent(health), moved(health)]
    for message, delivery in given_up:
        # Of a message to the operator one more of its kind would say so
        if message.kind != "operator":
            found.append(_given_up(message, delivery))
    held: dict[str, Problem] = {}
    for message, delivery in waiting:
        if delivery.settings_wrong and message.kind != "operator":
            held.setdefault(delivery.recipient, _held(delivery))
    return (*filter(None, found), *held.values(), *map(_unseen, unseen))


def news(
    problems: Iterable[Problem],
    open_before: Collection[ProblemKey],
    sources: Collection[str],
    now: datetime,
) -> OperatorNews:
    """Give the problems that are new, and those that are over and worth a word.

    ``open_before`` are the keys of those that the operator has heard of, ``sources``
    names those that are on.
    """
    open_now = {problem.key: problem for problem in problems}
    moved_on = {key.about for key in open_now if key.kind is ProblemKind.MOVED}
    month = _month(patch_tuesday(now - PATIENCE))
    gone = sorted(set(open_before) - open_now.keys(), key=str)
    # Of a source that was switched off, or is gone, nothing is to be said
    of_sources = [key for key in gone if key.about in sources]
    over = [key for key in of_sources if _is_worth_a_word(key, moved_on, month)]
    new = [open_now[key] for key in open_now if key not in open_before]
    return OperatorNews(tuple(new), tuple(over), tuple(open_now))


def _is_worth_a_word(key: ProblemKey, moved_on: Collection[str], month: str) -> bool:
    """Say whether it is news that a problem is over."""
    # A month that never came is followed by the next one
    if key.kind is ProblemKind.SILENT:
        return key.detail == month
    # A source that moved on to a third address has not come back
    if key.kind is ProblemKind.MOVED:
        return key.about not in moved_on
    # A delivery given up is never over, and one that was held up arrives by itself
    return key.kind not in {ProblemKind.LOST, ProblemKind.HELD}


def fails(health: SourceHealth, failures: int) -> Problem | None:
    """Name the document that failed most often, and at least ``failures`` times in a row."""
    worst = max(health.times, key=lambda each: each.failures, default=None)
    if worst is None or worst.failures < failures:
        return None
    name = health.source.name
    # A page that looks different, an outage in between: both have one key, and are told
    # as one story
    return Problem(
        ProblemKey(ProblemKind.FAILS, name),
        ProblemKind.LAYOUT if worst.suspect else ProblemKind.FAILS,
        name,
        worst.failure,
        worst.failures,
        worst.succeeded,
        worst.cause,
        worst.remedy,
    )


def moved(health: SourceHealth) -> Problem | None:
    """Say whether the source's own address leads for good to another one."""
    if not health.moved:
        return None
    name = health.source.name
    key = ProblemKey(ProblemKind.MOVED, name, health.moved)
    return Problem(key, ProblemKind.MOVED, name, health.moved)


def _unseen(each: UnseenPattern) -> Problem:
    whose = f"{each.subscriber}: {each.pattern}" if each.subscriber else each.pattern
    # Of no source: that a pattern sees something again needs no word
    key = ProblemKey(ProblemKind.UNSEEN, "products", whose)
    return Problem(key, ProblemKind.UNSEEN, each.pattern)


def _given_up(message: Message, delivery: Delivery) -> Problem:
    unsure = delivery.state is DeliveryState.UNKNOWN
    return Problem(
        ProblemKey(ProblemKind.LOST, message.id, delivery.recipient),
        ProblemKind.UNSURE if unsure else ProblemKind.LOST,
        delivery.recipient,
        f"{message.subject}: {delivery.answer}",
    )


def _held(delivery: Delivery) -> Problem:
    return Problem(
        ProblemKey(ProblemKind.HELD, delivery.recipient),
        ProblemKind.HELD,
        delivery.recipient,
        f"{delivery.answer[:1].upper()}{delivery.answer[1:]}.",
        delivery.attempts,
        cause=delivery.answer,
    )


def silent(health: SourceHealth) -> Problem | None:
    """Say whether a source has shown nothing new for longer than its rhythm allows,
    though it answers.
    """
    source = health.source
    if source.monthly:
        # MSRC has a document a month; its guide is one that must bear the day
        if SOURCE_KINDS[source.kind].rhythm is Rhythm.MONTH:
            return _lacks_month(health)
        return _lacks_day(health)
    if source.silent is None:
        return None
    newest, dated = _newest(health)
    # What was never read is a failure, not silence
    if newest is None or not health.answered_since(newest + source.silent, dated):
        return None
    key = ProblemKey(ProblemKind.OVERDUE, source.name)
    return Problem(key, ProblemKind.OVERDUE, source.name, since=newest)


def _lacks_day(health: SourceHealth) -> Problem | None:
    """Say whether a source that is news on every Patch Tuesday has nothing of that day or
    later, hours after the hour.
    """
    newest, dated = _newest(health)
    if newest is None or health.succeeded is None:
        return None
    released = patch_tuesday(health.succeeded - PATIENCE)
    # By the day: Microsoft dates what is released at ten in the morning to the midnight
    # before
    day = datetime.combine(released.date(), time(), UTC)
    if newest >= day or not health.answered_since(released + PATIENCE, dated):
        return None
    return _silent(health.source, released)


def _lacks_month(health: SourceHealth) -> Problem | None:
    """Say whether a source of monthly documents has shown none of the month whose release
    hour passed hours ago.
    """
    if health.succeeded is None:
        return None
    released = patch_tuesday(health.succeeded - PATIENCE)
    first, newest = released, NEVER
    names_of_month: list[str] = []
    for document in health.documents:
        end = schedule.month_end(document.document)
        if document.accepted is None or end is None:
            continue
        first = min(first, document.accepted)
        if _month(end - timedelta(seconds=1)) == _month(released):
            newest = max(newest, document.accepted)
            names_of_month.append(document.document)
    # A watcher that is new knows nothing of how the source was before
    is_new = first >= released
    # MSRC opens a month's document days before, for what is fixed earlier: it counts
    # only when it has changed since
    if is_new or newest >= released - EARLY:
        return None
    if not health.answered_since(released + PATIENCE, names_of_month):
        return None
    return _silent(health.source, released)


def _newest(health: SourceHealth) -> tuple[datetime | None, tuple[str, ...]]:
    """Give the newest date that the source's documents bear, and which of them bear dates.

    Without dates, when a copy last differed.
    """
    newest = {each.document: each.newest for each in health.documents if each.newest}
    if newest:
        return max(newest.values()), tuple(newest)
    accepted = filter(None, (each.accepted for each in health.documents))
    return max(accepted, default=None), ()


def _silent(source: Source, released: datetime) -> Problem:
    month = _month(released)
    key = ProblemKey(ProblemKind.SILENT, source.name, month)
    return Problem(key, ProblemKind.SILENT, source.name, month, since=released)


def _month(moment: datetime) -> str:
    return f"{moment:%Y-%m}"


def patch_tuesday(now: datetime) -> datetime:
    """Give the newest release hour of Microsoft's monthly updates not later than ``now``."""
    local = now.astimezone(ZoneInfo(_PACIFIC))
    released = release_hour(local.year, local.month)
    if released <= now:
        return released
    last_month = local.replace(day=1) - timedelta(days=1)
    return release_hour(last_month.year, last_month.month)


def release_hour(year: int, month: int) -> datetime:
    """Give the hour of a month's Patch Tuesday, the second one, in UTC."""
    first_weekday = calendar.weekday(year, month, 1)
    day = 1 + (calendar.TUESDAY - first_weekday) % 7 + 7
    local = datetime(year, month, day, _HOUR.hour, tzinfo=ZoneInfo(_PACIFIC))
    return local.astimezone(UTC)


def unread_since(
    healths: Iterable[SourceHealth], released: datetime
) -> tuple[str, ...]:
    """Name the sources that should have something of a release, where none shows any.

    They could not be read since, or answer and are silent.  One that was read is
    enough: they all have the same.
    """
    monthly = [health for health in healths if health.source.monthly]
    for health in monthly:
        is_read = (health.succeeded or NEVER) >= released
        if is_read and not fails(health, 1) and not silent(health):
            return ()
    return tuple(health.source.name for health in monthly)


def unread(sources: Iterable[Source], times: Iterable[Times]) -> tuple[Unread, ...]:
    """Name the sources that could not be read yet."""
    read: set[str] = set()
    failed: dict[str, Times] = {}
    for each in times:
        if each.succeeded:
            read.add(each.source)
        if each.failures:
            failed.setdefault(each.source, each)
    found = []
    for source in sources:
        first = failed.get(source.name)
        # One that only follows updates may have had nothing to read, and has not failed
        if source.enabled and first is not None and source.name not in read:
            found.append(Unread(source.name, first.cause or first.failure))
    return tuple(found)


# How many names are offered in place of one that is unknown
NEAREST = 3
_LIKE = 0.6
# So like a name of another spelling that it is a typing error
_TYPING_ERROR = 0.85


class Names(Struct, frozen=True):
    """The names that are known of products.

    ``given`` by the sources, as far as they were read; ``usual`` are those that the
    built-in sources give; ``open_ended``: other sources are read as well, which may give
    any.  ``unread``: not all sources could be read yet.
    """

    given: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    open_ended: bool = False
    unread: bool = True


def unseen(
    watch: Watch, subscribers: Iterable[Subscriber], names: Names
) -> tuple[UnseenPattern, ...]:
    """Give the patterns that can see nothing, those of what is watched first."""
    found: list[UnseenPattern] = []
    for pattern in _different(watch.products):
        found += _unknown(pattern, "", names)
    blind = {each.pattern for each in found}
    for subscriber in subscribers:
        watched = [p for p in watch.products if _overlaps_any(p, subscriber.watched)]
        for pattern in _different(subscriber.products):
            if not _overlaps_any(pattern, watched):
                near = _different(watched)[:NEAREST]
                outside = UnseenPattern(pattern, subscriber.name, near, outside=True)
                found.append(outside)
            elif pattern not in blind:
                found += _unknown(pattern, subscriber.name, names)
    return tuple(found)


def sees_nothing(watch: Watch, found: Iterable[UnseenPattern]) -> bool:
    """Say whether none of the watched patterns sees anything."""
    blind = {each.pattern for each in found if not each.subscriber}
    return bool(blind) and set(_different(watch.products)) <= blind


def _unknown(pattern: str, subscriber: str, names: Names) -> list[UnseenPattern]:
    """Give a pattern that matches no name, nothing for one that does or may."""
    begins = beginning(pattern)
    if not begins or any(fits_any(name, (pattern,)) for name in names.given):
        return []
    if _begins_like(begins, names.usual):
        # What a source would say that was not read yet nobody knows
        may_match = names.unread
    else:
        every = (*names.usual, *names.given)
        may_match = names.open_ended and not _is_mistyped(begins, every)
    if may_match:
        return []
    near = nearest(begins, (*names.given, *names.usual))
    return [UnseenPattern(pattern, subscriber, near)]


def nearest(written: str, names: Iterable[str]) -> tuple[str, ...]:
    """Give the names that are most like what is written, three at most."""
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(written.lower(), by_lower, n=NEAREST, cutoff=_LIKE)
    return tuple(by_lower[name] for name in close)


def _is_mistyped(begins: str, names: Iterable[str]) -> bool:
    families = {" ".join(name.lower().split()[:2]) for name in names}
    every = [*families, *(name.lower() for name in names)]
    return bool(get_close_matches(begins, every, n=1, cutoff=_TYPING_ERROR))


def _begins_like(begins: str, names: Iterable[str]) -> bool:
    """Whether a name begins so, or is the beginning: "SQL Server 2022 for x64 ..."."""
    return any(
        name.lower().startswith(begins) or begins.startswith(f"{name.lower()} ")
        for name in names
    )


def _overlaps_any(pattern: str, others: Iterable[str]) -> bool:
    """Whether a name may match a pattern and one of the others, too."""
    return any(may_overlap(pattern, other) for other in others)


def _different(patterns: Collection[str]) -> tuple[str, ...]:
    """Give patterns without the second name of one product, and without "everything"."""
    kept = []
    for pattern in patterns:
        is_second = f"Microsoft {pattern}" in patterns or (
            pattern.endswith(" [!R]*") and pattern.removesuffix(" [!R]*") in patterns
        )
        if pattern != "*" and not is_second:
            kept.append(pattern)
    return tuple(kept)


def of_reader(
    found: Iterable[UnseenPattern], reader: Subscriber
) -> tuple[UnseenPattern, ...]:
    """Give the patterns that concern a reader: their own, and their organisation's."""
    everything = "*" in reader.watched
    return tuple(
        each
        for each in found
        if each.subscriber == reader.name
        or (not each.subscriber and (everything or each.pattern in reader.watched))
    )


def hears_nothing(
    reader: Subscriber, watch: Watch, found: Iterable[UnseenPattern]
) -> bool:
    """Say whether a reader can hear of nothing: no pattern of theirs sees anything."""
    concerning = of_reader(found, reader)
    mine = {each.pattern for each in concerning if each.subscriber}
    if mine and set(_different(reader.products)) <= mine:
        return True
    watched = watch if "*" in reader.watched else Watch(reader.watched)
    return sees_nothing(watched, concerning)
