"""What to ask now: which sources are due, and which of the documents that they lead to."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from watcher.kinds import SOURCE_KINDS
from watcher.records import Document, Follow, Source, Times, Update

# How long a month or an update is followed whatever the index says
YOUNG = timedelta(days=90)
# Read at first contact
FIRST_MONTHS = 12
SLACK = timedelta(minutes=5)
# Documents of one index that one check reads: a server is asked politely
AT_ONCE = 200
_MONTH = re.compile(r"(\d{4})-([A-Za-z]{3})")
_NAMES = {
    name.lower(): number for number, name in enumerate(calendar.month_abbr) if name
}


def due(
    sources: Iterable[Source],
    times: Mapping[str, Times],
    now: datetime,
    *,
    force: bool = False,
) -> tuple[Source, ...]:
    """The enabled sources whose interval has passed; a failed one is due at every run.

    A job that starts a little earlier than an interval after the last one (``SLACK``)
    is meant to ask, not to skip a turn.
    """
    chosen = []
    for source in sources:
        last = times.get(source.name)
        waiting = (
            last is not None
            and last.succeeded is not None
            and not last.failures
            and now - last.succeeded < source.every - min(SLACK, source.every / 10)
        )
        # The clock has gone back
        ahead = last is not None and last.succeeded is not None and last.succeeded > now
        if source.enabled and (force or not waiting or ahead):
            chosen.append(source)
    return tuple(chosen)


def month_end(document: str) -> datetime | None:
    """When a monthly document's month is over.

    None for a document that is none.  ``2017-May-B`` counts as May.
    """
    match = _MONTH.match(document)
    number = _NAMES.get(match[2].lower()) if match else None
    if match is None or number is None:
        return None
    year = int(match[1])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def young(document: str, now: datetime) -> bool:
    """Say whether a month is young enough to be asked at every check."""
    end = month_end(document)
    return end is not None and now - end < YOUNG


def months(
    rows: Iterable[Follow], known: Mapping[str, Document], now: datetime
) -> tuple[Follow, ...]:
    """Which months of MSRC's index to ask now.

    At first contact the newest ``FIRST_MONTHS``; afterwards those not read yet of
    these, every young one, and an older one whose row has moved.  Months that the
    index drops for hours are asked all the same.
    """
    listed = {row.document: row for row in rows}
    for name, document in known.items():
        if name and name not in listed:
            listed[name] = Follow(name, document.url, document.mark)
    dated = sorted(
        (row for row in listed.values() if month_end(row.document)),
        key=lambda row: (_sort(row), row.document),
        reverse=True,
    )
    first = {row.document for row in dated[:FIRST_MONTHS]}
    chosen = []
    for row in listed.values():
        before = known.get(row.document)
        unread = before is None or before.accepted is None
        moved = before is not None and bool(row.mark) and before.mark != row.mark
        if (
            young(row.document, now)
            or moved
            or (unread and (row.document in first or (before is None and bool(known))))
        ):
            chosen.append(row)
    return tuple(sorted(chosen, key=lambda row: row.document))


def _sort(row: Follow) -> datetime:
    end = month_end(row.document)
    return end or datetime.min.replace(tzinfo=UTC)


def moved(
    rows: Iterable[Follow], known: Mapping[str, Document], _now: datetime
) -> tuple[Follow, ...]:
    """For indexes that say when a document changed (CSAF).

    Lists, documents not read yet, and those whose mark moved.

    Lists and documents without a mark are asked every time; of the others at most
    ``AT_ONCE``, the newest first: what is left is read by the next checks.
    """
    listed = {
        document.document: Follow(document.document, document.url, document.mark)
        for document in known.values()
        if document.document
    }
    listed.update({row.document: row for row in rows})
    always = [row for row in listed.values() if not row.mark]
    marked = []
    for row in listed.values():
        before = known.get(row.document)
        if row.mark and (
            before is None or before.accepted is None or before.mark != row.mark
        ):
            marked.append(row)
    newest = sorted(marked, key=lambda row: (row.mark, row.document), reverse=True)[
        :AT_ONCE
    ]
    return (*sorted(always, key=lambda row: row.document), *newest)


def pages(update: Update, kind: str) -> dict[str, str]:
    """The pages of an update that a following source asks: document name -> URL.

    ``kind`` is the source's kind: its pages are those that the packages link to, or the
    one that it has for each KB article.  Only what follows updates asks any.
    """
    # A check with nothing due needs neither
    from watcher.judgement import normalize
    from watcher.judgement.packages import current_packages

    found: dict[str, str] = {}
    if not SOURCE_KINDS[kind].follows_updates:
        return found
    address = SOURCE_KINDS[kind].page
    for package in current_packages(update):
        if address and package.kb:
            number = package.kb.removeprefix("KB")
            found[package.kb] = address.format(number=number)
        page = "" if address else normalize.download_page(package.url)
        if page:
            found[page.rpartition("=")[2] or page] = package.url
    return found
