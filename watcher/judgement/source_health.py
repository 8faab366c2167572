"""How the sources and the mail are: what the watcher's operator must hear.

Pure: check times, documents and deliveries given up in, problems out.  Each problem is
told once when it begins and once when it is over; what was told is kept by its key.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from watcher.judgement import schedule
from watcher.kinds import SOURCE_KINDS, Rhythm
from watcher.records import (
    Delivery,
    DeliveryState,
    Document,
    Message,
    Source,
    Times,
    Unread,
)

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


class SourceHealth(Struct, frozen=True):
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

    def answered_since(self, moment: datetime, documents: Collection[str]) -> bool:
        """Say whether its index, and those of its ``documents``, last answered well at
        ``moment`` or later.
        """
        # A month's document that fails while its index answers is a failure, not
        # silence
        asked = [each for each in self.times if each.document in ("", *documents)]
        for each in asked:
            if each.succeeded is None or each.succeeded < moment:
                return False
        return bool(asked)


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
) -> tuple[Problem, ...]:
    """Name what is wrong.

    Sources that failed ``failures`` times in a row, are silent or have moved, and
    deliveries given up.
    """
    found: list[Problem | None] = []
    for health in healths:
        found += [fails(health, failures), silent(health), moved(health)]
    # A message to the operator that was given up is none: it would be told by one more
    # of its kind
    found += [
        _given_up(message, delivery)
        for message, delivery in given_up
        if message.kind != "operator"
    ]
    return tuple(problem for problem in found if problem)


def news(
    problems: Iterable[Problem],
    told: Collection[ProblemKey],
    sources: Collection[str],
    now: datetime,
) -> OperatorNews:
    """Give the problems that are new, and those told before that are over and worth a word.

    ``told`` are the keys of what was open before, ``sources`` names those that are on.
    """
    open_now = {problem.key: problem for problem in problems}
    moved_on = {
        problem.name
        for problem in open_now.values()
        if problem.kind is ProblemKind.MOVED
    }
    month = _month(patch_tuesday(now - PATIENCE))
    over = []
    for key in told:
        # Of a source that was switched off, or is gone, nothing is to be said
        if key in open_now or key.about not in sources:
            continue
        if _is_worth_a_word(key, moved_on, month):
            over.append(key)
    new = [problem for key, problem in open_now.items() if key not in told]
    return OperatorNews(tuple(new), tuple(sorted(over, key=str)), tuple(open_now))


def _is_worth_a_word(key: ProblemKey, moved_on: Collection[str], month: str) -> bool:
    """Say whether it is news that a problem is over."""
    # A month that never came is followed by the next one; a source that moved on to a
    # third address has not come back; a delivery given up is never over
    if key.kind is ProblemKind.SILENT:
        return key.detail == month
    if key.kind is ProblemKind.MOVED:
        return key.about not in moved_on
    return key.kind is not ProblemKind.LOST


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


def _given_up(message: Message, delivery: Delivery) -> Problem:
    unsure = delivery.state is DeliveryState.UNKNOWN
    return Problem(
        ProblemKey(ProblemKind.LOST, message.id, delivery.recipient),
        ProblemKind.UNSURE if unsure else ProblemKind.LOST,
        delivery.recipient,
        f"{message.subject}: {delivery.answer}",
    )


def silent(health: SourceHealth) -> Problem | None:
    """Say whether a source has shown nothing new for longer than its rhythm allows,
    though it answers.
    """
    source = health.source
    if source.monthly:
        if SOURCE_KINDS[source.kind].rhythm is Rhythm.MONTH:
            return _lacks_month(health)
        return _lacks_day(health)
    if source.silent is None:
        return None
    newest, dated = _newest(health)
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
    monthly = {
        document.document: document.accepted
        for document in health.documents
        if document.accepted and schedule.month_end(document.document)
    }
    # A watcher that is new knows nothing of how the source was before
    known_before = any(accepted < released for accepted in monthly.values())
    month = _month(released)
    this_month = {
        name: accepted for name, accepted in monthly.items() if _is_of(name, month)
    }
    # MSRC opens a month's document days before, for what is fixed earlier: it counts
    # only when it has changed since
    came = any(accepted >= released - EARLY for accepted in this_month.values())
    answered = health.answered_since(released + PATIENCE, this_month)
    if came or not known_before or not answered:
        return None
    return _silent(health.source, released)


def _newest(health: SourceHealth) -> tuple[datetime | None, tuple[str, ...]]:
    """Give the newest date that the source's documents bear, and which of them bear dates.

    Without dates, when a copy last differed.
    """
    dated = {
        document.document: document.newest
        for document in health.documents
        if document.newest
    }
    if dated:
        return max(dated.values()), tuple(dated)
    accepted = [document.accepted for document in health.documents if document.accepted]
    return max(accepted, default=None), ()


def _silent(source: Source, released: datetime) -> Problem:
    month = _month(released)
    key = ProblemKey(ProblemKind.SILENT, source.name, month)
    return Problem(key, ProblemKind.SILENT, source.name, month, since=released)


def _is_of(document: str, month: str) -> bool:
    end = schedule.month_end(document)
    return end is not None and _month(end - timedelta(seconds=1)) == month


def _month(moment: datetime) -> str:
    return f"{moment:%Y-%m}"


def patch_tuesday(now: datetime) -> datetime:
    """Give the newest release hour of Microsoft's monthly updates not later than ``now``."""
    local = now.astimezone(ZoneInfo(_PACIFIC))
    released = release_hour(local.year, local.month)
    if released <= now:
        return released
    if local.month == 1:
        return release_hour(local.year - 1, 12)
    return release_hour(local.year, local.month - 1)


def release_hour(year: int, month: int) -> datetime:
    """Give the hour of a month's Patch Tuesday, the second one, in UTC."""
    first_weekday = calendar.weekday(year, month, 1)
    day = 1 + (calendar.TUESDAY - first_weekday) % 7 + 7
    local = datetime(year, month, day, _HOUR.hour, tzinfo=ZoneInfo(_PACIFIC))
    return local.astimezone(UTC)


def unread(sources: Iterable[Source], times: Iterable[Times]) -> tuple[Unread, ...]:
    """Name the sources that could not be read yet."""
    of_source: dict[str, list[Times]] = defaultdict(list)
    for each in times:
        of_source[each.source].append(each)
    found = [
        _unread(source, of_source[source.name]) for source in sources if source.enabled
    ]
    return tuple(each for each in found if each)


def _unread(source: Source, asked: Iterable[Times]) -> Unread | None:
    """Say why a source could not be read yet; ``asked`` are its documents' times."""
    failed: Times | None = None
    for each in asked:
        if each.succeeded:
            return None
        if each.failures and failed is None:
            failed = each
    # One that only follows updates may have had nothing to read, and has not failed
    if failed is None:
        return None
    return Unread(source.name, failed.cause or failed.failure)
