"""Kind ``office-history``: the update histories of Microsoft 365 Apps.

One page has a table with a row a day (year, release date, a column a channel), whose
cells list "Version 2106 (Build 14131.20320)"; the Insiders' page has lines: a date, then
the versions of that day.  A pull is told by a mark behind the line, "(Rolled back)" or
"(Rolled Back)".

A build is what identifies a row: one version has many, and one build is in several
channels.  Old rows are dropped in bulk (67 builds on 2021-01-05), which says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bs4 import Tag
from msgspec import Struct

from watcher.judgement import normalize
from watcher.records import Coverage, Entry, Label, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import snapshot, unique, unlike

_PRODUCT = "Microsoft 365 Apps"
_VERSION = re.compile(
    r"Version (?P<version>\d{4}) \(Build (?P<build>\d{4,6}\.\d{4,6})\)"
    r"(?P<back>\s*\(rolled back\))?",
    re.IGNORECASE,
)
_DAY = re.compile(r"[A-Z][a-z]+ \d{1,2}, 20\d\d")
_YEAR = re.compile(r"20\d\d")


class _Line(Struct, frozen=True):
    """A build as one channel lists it on one day."""

    version: str
    build: str
    is_rolled_back: bool
    channel: str
    published: datetime | None


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the builds of a history, each with a package for each channel.

    Raises:
        ParseError: the page has neither the table of a history nor its lines.

    """
    tree = markup.soup(page)
    lines = [line for table in markup.tables(tree) for line in _table(table)]
    if not lines:
        lines = list(_lines(markup.plain(str(tree.find("main") or tree))))
    if not lines:
        raise unlike(page, "an update history of Microsoft 365 Apps")
    builds: dict[str, list[_Line]] = {}
    for line in lines:
        builds.setdefault(line.build, []).append(line)
    is_watched = normalize.concerns(watch, _PRODUCT)
    entries = [_entry(builds[build], page.url) for build in sorted(builds)]
    return snapshot(
        page,
        total=len(builds),
        coverage=Coverage.WINDOW,
        entries=entries if is_watched else (),
        oldest=min(_days(lines), default=None),
        newest=max(_days(lines), default=None),
    )


def _table(table: Tag) -> Iterator[_Line]:
    """Yield the builds of a history's table; its dates have their year in another cell."""
    if markup.titles(table)[:2] != ["year", "release date"]:
        return
    head, *rows = [list(map(markup.text_in, row)) for row in markup.cells(table)]
    year = ""
    for row in rows:
        if len(row) < 2:
            continue
        year_cell, date_cell, *channel_cells = row
        found = _YEAR.search(year_cell)
        year = found[0] if found else year
        day = normalize.date(f"{date_cell}, {year}")
        for channel, cell in zip(head[2:], channel_cells, strict=False):
            for version in _VERSION.finditer(cell):
                yield _line(version, channel, day)


def _lines(text: str) -> Iterator[_Line]:
    """Yield the builds of the Insiders' list, below their dates."""
    day = None
    for line in text.splitlines():
        folded = normalize.fold(line)
        if _DAY.fullmatch(folded):
            day = normalize.date(folded)
        version = _VERSION.search(folded)
        if version and day:
            yield _line(version, "", day)


def _line(found: re.Match[str], channel: str, day: datetime | None) -> _Line:
    return _Line(found["version"], found["build"], bool(found["back"]), channel, day)


def _entry(same: list[_Line], url: str) -> Entry:
    one = same[0]
    name = f"{_PRODUCT} Version {one.version} (Build {one.build})"
    channels = unique(f"{_PRODUCT} {line.channel}".strip() for line in same)
    # What programs show of themselves begins with 16.0
    build = normalize.build(f"16.0.{one.build}")
    return Entry(
        key=one.build,
        title=name,
        url=url,
        published=min(_days(same), default=None),
        updated=max(_days(same), default=None),
        products=channels,
        packages=tuple(Package(channel, build=build) for channel in channels),
        label=Label(
            "Office",
            name,
            "release",
            pulled=any(line.is_rolled_back for line in same),
        ),
    )


def _days(lines: list[_Line]) -> Iterator[datetime]:
    """Return the days of lines; a date that cannot be read is none."""
    return filter(None, (line.published for line in lines))
