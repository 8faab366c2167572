"""Kind ``release-information``: the tables of builds of Windows and Windows Server.

A table a release, under a heading that names it: "Version 24H2 (OS build 26100)" on
Windows 11's page, "Windows Server 2025 (OS build 26100)" on the servers'.  Columns are
servicing option, update type, availability date, build and KB article; a hotpatch
calendar has month and type besides, and its baselines stand in both.

Release and build are a row's key.  Nothing else is one: one article is in the tables of
two releases, one month has two updates of one type (``2026-01 OOB``: 17 and 24 January).
No pull is ever told here: KB5079391 was withdrawn in March 2026, and its row stayed.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.records import Entry, Package, Page, Snapshot, Watch
from watcher.sources import markup, windows
from watcher.sources.answer import snapshot, unique, unlike

_HEADING = re.compile(
    r"(?P<name>[\w ,]+?)\W*\(OS build (?P<build>\d{5})\)", re.IGNORECASE
)
_VERSION = re.compile(r"version (\d\d(?:\d\d|H\d))", re.IGNORECASE)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6", "strong", "summary", "caption")
_BUILD = re.compile(r"(\d{5})\.\d+")
_NEEDED = {"update type", "availability date", "build", "kb article"}
HOTPATCH, BASELINE = "Hotpatch", "Baseline"


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the watched rows of all releases, keyed by release and build.

    A package's ``build`` has the form of a server's, ``10.0.26100.8116``; its ``type``
    is the update type without its month ("B", "OOB"), or "Hotpatch" or "Baseline".

    Raises:
        ParseError: the page has no table of Windows' builds.

    """
    tree = markup.soup(page)
    releases = _releases(tree)
    entries: dict[str, Entry] = {}
    for table in markup.tables(tree):
        for row in markup.rows(table, _NEEDED):
            entry = _entry(row, page.url, releases)
            # A baseline stands in the release's own table, and again in the calendar
            if entry is None:
                continue
            first_entry = entries.setdefault(entry.key, entry)
            if entry.packages[0].type == BASELINE:
                entries[entry.key] = replace(first_entry, packages=entry.packages)
    if not entries:
        raise unlike(page, "a page with Windows' tables of builds")
    watched = [
        each for each in entries.values() if windows.watched(each.products, watch)
    ]
    return snapshot(
        page,
        total=len(entries),
        entries=sorted(watched, key=lambda entry: entry.key),
    )


def _releases(tree: BeautifulSoup) -> dict[str, str]:
    """Return the releases of a page by the first part of their builds.

    "Version 25H2" names no system: the page's title does.
    """
    title = " ".join(map(markup.text_in, tree.find_all(["title", "h1"])))
    # Windows 10's page was the first one, and its title may bear no number
    system = "Windows 11" if "Windows 11" in title else "Windows 10"
    found: dict[str, str] = {}
    for node in tree.find_all(_HEADINGS):
        heading = _HEADING.search(markup.text_in(node))
        if heading is None:
            continue
        named = windows.names_in(heading["name"])
        version = _VERSION.search(heading["name"])
        if not named and version:
            named = (f"{system} Version {version[1].upper()}",)
        for name in named:
            found.setdefault(heading["build"], name)
    return found


def _entry(row: dict[str, Tag], url: str, releases: dict[str, str]) -> Entry | None:
    """Read a row; None for one without a build, or of a release without a heading.

    The first row of a release has no update type and no article: it is the release.
    """
    number = _BUILD.fullmatch(markup.text_in(row.get("build")))
    kb = normalize.kb(markup.text_in(row.get("kb article")))
    if number is None or not kb or number[1] not in releases:
        return None
    release = releases[number[1]]
    # A star stands behind it where a note follows
    written = markup.text_in(row.get("update type"))
    update = windows.update_name(written).strip(" *")
    kind = update.rpartition(" ")[2]
    of_calendar = markup.text_in(row.get("type")).lower()
    for name in (HOTPATCH, BASELINE):
        if of_calendar.startswith(name.lower()):
            kind = name
    address = markup.address_in(row["kb article"], url)
    package = Package(
        product=release,
        kb=kb,
        build=normalize.build(f"10.0.{number[0]}"),
        url=address,
        type=kind,
    )
    suffix = f" {HOTPATCH}" if kind == HOTPATCH else ""
    return Entry(
        key=f"{release} {number[0]}",
        title=f"{release} {update}{suffix}".strip(),
        url=url,
        published=normalize.date(markup.text_in(row.get("availability date"))),
        products=(release,),
        packages=(package,),
        links=unique([address]),
    )
