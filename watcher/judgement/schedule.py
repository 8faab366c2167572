"""What to ask now: which sources are due, and which of the documents that they lead to."""

from __future__ import annotations

import calendar
import re
from collections.abc import Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.packages import (
    current_packages,
    kb_articles,
    stated_articles,
)
from watcher.kinds import SOURCE_KINDS, Follows
from watcher.records import NEVER, Document, Follow, Source, Times, Update

# How long a month or an update is followed whatever the index says
YOUNG = timedelta(days=90)
# Months that are read at first contact
FIRST_MONTHS = 12
# A job that starts a little early is meant to ask, not to skip a turn: cron and
# systemd start hourly runs some seconds apart from one hour after the last
SLACK = timedelta(minutes=5)
# No server's word keeps a source unasked for longer; nor does a clock that was ahead
LONGEST_REST = timedelta(days=1)
# A source that failed is asked again by workers after so long
AFTER_FAILURE = timedelta(minutes=10)
# Documents of one index that one check reads: a server is asked politely
AT_ONCE = 200
NONE_FAILED: Mapping[str, datetime] = {}
_NEVER_TRIED = Times("", "")
_MONTHS = [name.lower() for name in calendar.month_abbr[1:]]
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, start=1)}
_MONTH = re.compile(rf"(\d{{4}})-({'|'.join(_MONTHS)})", re.IGNORECASE)


def due(
    sources: Iterable[Source],
    times: Mapping[str, Times],
    now: datetime,
    *,
    force: bool = False,
) -> tuple[Source, ...]:
    """The enabled sources whose interval has passed; a failed one is due at every run.

    ``times`` has one row a source; ``force`` asks before the time.
    """
    enabled = [source for source in sources if source.enabled]
    if force:
        return tuple(enabled)
    last = {each.name: times.get(each.name, _NEVER_TRIED) for each in enabled}
    return tuple(each for each in enabled if _is_due(each, last[each.name], now))


def _is_due(source: Source, last: Times, now: datetime) -> bool:
    # A server asked for 120 s of rest, and the next run came after 1 s
    rests_until = last.rests_until or now
    if now < rests_until <= now + LONGEST_REST:
        return False
    # A clock that was ahead has gone back: it kept sources unasked for months
    if last.succeeded is None or last.succeeded > now:
        return True
    slack = min(SLACK, source.every / 10)
    is_time = now - last.succeeded >= source.every - slack
    return is_time or last.failures > 0


def set_back(times: Iterable[Times], now: datetime) -> list[Times]:
    """Give the times that are yet to come as if they were now: a clock that was ahead has
    gone back.

    Of documents that are asked no more they would stay: for a year each run then came
    after a gap, and sent digests at once that were to wait for seven.
    """
    found = []
    for row in times:
        tried = row.tried and min(row.tried, now)
        succeeded = row.succeeded and min(row.succeeded, now)
        if (tried, succeeded) != (row.tried, row.succeeded):
            row_now = replace(row, tried=tried, succeeded=succeeded, rests_until=None)
            found.append(row_now)
    return found


def source_times(times: Iterable[Times]) -> dict[str, Times]:
    """Give one row a source: its latest success, and the failures of all its documents.

    Its first row, the index's, says when the source was last tried.
    """
    found: dict[str, Times] = {}
    for row in times:
        earlier = found.get(row.source)
        if earlier is None:
            found[row.source] = row
            continue
        successes = filter(None, (earlier.succeeded, row.succeeded))
        rests = filter(None, (earlier.rests_until, row.rests_until))
        found[row.source] = Times(
            row.source,
            "",
            earlier.tried,
            max(successes, default=None),
            max(earlier.failures, row.failures),
            rests_until=max(rests, default=None),
        )
    return found


def judging_stages(
    sources: Iterable[Source], read: Container[str]
) -> tuple[list[Source], list[Source]]:
    """Order sources for judging: those asked at once, then those that follow updates.

    What follows updates waits until the ledger has this check's updates.  A table that
    founds updates comes before all else until it is ``read`` once: it has the names of
    what the records only number.
    """

    def turn(source: Source) -> tuple[bool, int, str]:
        rank = SOURCE_KINDS[source.kind].rank
        return not _founds_now(source, read), rank, source.name

    at_once: list[Source] = []
    later: list[Source] = []
    for source in sorted(sources, key=turn):
        follows = SOURCE_KINDS[source.kind].follows_updates
        (later if follows else at_once).append(source)
    return at_once, later


def _founds_now(source: Source, read: Container[str]) -> bool:
    """Whether it is a table that founds updates, and was not read yet."""
    return SOURCE_KINDS[source.kind].founds and source.name not in read


def asked_now(
    due: Iterable[Source],
    read: Container[str],
    times: Mapping[str, Times],
    now: datetime,
) -> list[Source]:
    """Give those of the due sources that workers ask at this minute, side by side.

    At first contact a table that founds updates is alone until it was tried once, as
    ``judging_stages`` has it.  A run begins when somebody's schedule says so, workers
    look every minute: one that failed is left alone for a while.
    """
    rested = [each for each in due if not _has_just_failed(each, times, now)]
    at_once, later = judging_stages(rested, read)
    untried = [source for source in at_once if source.name not in times]
    founding = [source for source in untried if _founds_now(source, read)]
    return founding or [*at_once, *later]


def _has_just_failed(source: Source, times: Mapping[str, Times], now: datetime) -> bool:
    last = times.get(source.name, _NEVER_TRIED)
    if last.tried is None or not last.failures:
        return False
    return now - min(source.every, AFTER_FAILURE) < last.tried <= now


def are_all_tried(sources: Iterable[Source], times: Container[str]) -> bool:
    """Say whether each source that is on was tried once, but for those that follow updates."""
    return all(
        source.name in times
        for source in sources
        if source.enabled and not SOURCE_KINDS[source.kind].follows_updates
    )


def turn_has_come(turn: float, last: datetime | None, now: datetime) -> bool:
    """Say whether a daily turn, as a part of the day, was passed since ``last``."""
    if last is None or now - last >= timedelta(days=1):
        return True
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight + turn * timedelta(days=1)
    return last < moment <= now or last < moment - timedelta(days=1)


def month_end(document: str) -> datetime | None:
    """When a monthly document's month is over.

    None for a document that is none.  ``2017-May-B`` counts as May.
    """
    match = _MONTH.match(document)
    if match is None:
        return None
    year, number = int(match[1]), _MONTH_NUMBERS[match[2].lower()]
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def young(document: str, now: datetime) -> bool:
    """Say whether a month is young enough to be asked at every check."""
    end = month_end(document)
    return end is not None and now - end < YOUNG


def followed(
    kind: str,
    rows: Iterable[Follow],
    previous: Mapping[str, Document],
    now: datetime,
    failed: Mapping[str, datetime] = NONE_FAILED,
) -> tuple[Follow, ...]:
    """Choose the documents of an index that are asked now, as its kind has it.

    Those that ``failed`` when they were last tried come last, the one tried longest ago
    first among them: a source's time may be up before all are asked, and some that do
    not answer would keep the others unread for ever.
    """
    follows = SOURCE_KINDS[kind].follows
    if follows is Follows.MONTHS:
        return tuple(_failed_last(months(rows, previous, now), failed))
    # A list that has become shorter has no such page any more, and an address of it is
    # good for one reading
    if follows is Follows.GRAPH:
        return tuple(rows)
    return moved(rows, previous, failed)


def _failed_last(
    rows: Iterable[Follow], failed: Mapping[str, datetime]
) -> list[Follow]:
    return sorted(rows, key=lambda row: failed.get(row.document, NEVER))


def months(
    rows: Iterable[Follow], previous: Mapping[str, Document], now: datetime
) -> tuple[Follow, ...]:
    """Which months of MSRC's index to ask now.

    At first contact the newest ``FIRST_MONTHS``; afterwards those not read yet of
    these, every young one, and an older one whose row has moved.  Months that the
    index drops for hours are asked all the same.
    """
    listed = _listed_by_now(rows, previous)
    ends = {row.document: month_end(row.document) or NEVER for row in listed.values()}
    newest_first = sorted(ends, key=lambda name: (ends[name], name), reverse=True)
    newest = [name for name in newest_first[:FIRST_MONTHS] if ends[name] > NEVER]
    chosen = []
    for name in sorted(listed):
        row, before = listed[name], previous.get(name)
        if before is None:
            # A month that is listed only now is news, however old it is
            is_due = bool(previous) or name in newest
        else:
            is_unread = before.accepted is None and name in newest
            is_due = is_unread or row.mark not in ("", before.mark)
        if is_due or young(name, now):
            chosen.append(row)
    return tuple(chosen)


def _listed_by_now(
    rows: Iterable[Follow], previous: Mapping[str, Document]
) -> dict[str, Follow]:
    """What an index lists, and what it has listed: MSRC's has dropped months for hours."""
    listed = {}
    for name, document in previous.items():
        listed[name] = Follow(name, document.url, document.mark)
    # The index itself
    listed.pop("", None)
    listed.update({row.document: row for row in rows})
    return listed


def moved(
    rows: Iterable[Follow],
    previous: Mapping[str, Document],
    failed: Mapping[str, datetime] = NONE_FAILED,
) -> tuple[Follow, ...]:
    """Which documents to ask of an index that says when each changed (CSAF).

    Lists and documents without a mark are asked every time, others when their mark has
    moved: at most ``AT_ONCE``, the newest first.  What is left is read by the next
    checks.
    """
    listed = _listed_by_now(rows, previous)
    always, changed = [], []
    for name in sorted(listed):
        row, before = listed[name], previous.get(name)
        if not row.mark:
            always.append(row)
        elif before is None or before.accepted is None or before.mark != row.mark:
            changed.append(row)
    changed.sort(key=lambda row: (row.mark, row.document), reverse=True)
    return (
        *_failed_last(always, failed),
        *_failed_last(changed, failed)[:AT_ONCE],
    )


def pages(update: Update, kind: str) -> dict[str, str]:
    """The pages of an update that a following source asks: document name -> URL.

    ``kind`` is the source's kind: its pages are those that the packages link to, or the
    one that it has for each KB article.  Only what follows updates asks any.  An update
    that only a post told of has the articles that the post names: CU23 of SQL Server
    2022 was withdrawn in its article.
    """
    row = SOURCE_KINDS[kind]
    if not row.follows_updates:
        return {}
    packages = current_packages(update)
    if row.page:
        articles = kb_articles(packages) or stated_articles(update) or update.kbs
        return {kb: row.page.format(number=kb.removeprefix("KB")) for kb in articles}
    found: dict[str, str] = {}
    for package in packages:
        page = normalize.download_page(package.url)
        if page:
            found[page.rpartition("=")[2] or page] = package.url
    return found


def pages_of(updates: Iterable[Update], kind: str) -> list[Follow]:
    """The pages of several updates that a following source asks, by name."""
    found: dict[str, str] = {}
    for update in updates:
        found.update(pages(update, kind))
    return [Follow(name, found[name]) for name in sorted(found)]


def longest_waiting(tried: Mapping[Follow, datetime | None]) -> list[Follow]:
    """Choose the pages that have waited longest, of more than one check asks.

    The next checks ask the others.
    """

    def waiting_since(page: Follow) -> tuple[datetime, str]:
        return tried[page] or NEVER, page.document

    return sorted(tried, key=waiting_since)[:AT_ONCE]
