"""Where a CSAF provider lists its documents.

Provider metadata, ROLIE feeds, changes.csv, index.txt, directory listings.

Sections 7.1.8 to 7.1.15 of CSAF 2.0.  A document is named by its path below the
provider's address, one on another host by host and path.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import quote, urljoin

import msgspec
from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement.schedule import YOUNG
from watcher.records import Follow, Page, Watch
from watcher.sources import markup
from watcher.sources.json_form import decode, in_utc, quoted

# TLP labels of what needs no credentials
_PUBLIC = {"", "WHITE", "CLEAR", "UNLABELED"}
_LINUX = re.compile(r"linux|mariner|azl|cbl", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


class RolieFeed(Struct, frozen=True):
    """A ROLIE feed that the metadata names."""

    url: str
    tlp_label: str = ""


class Rolie(Struct, frozen=True):
    """The feeds of one distribution."""

    feeds: tuple[RolieFeed, ...] = ()


class Distribution(Struct, frozen=True):
    """One way to the provider's documents."""

    directory_url: str = ""
    rolie: Rolie = msgspec.field(default_factory=Rolie)


class Metadata(Struct, frozen=True):
    """A provider-metadata.json."""

    canonical_url: str
    distributions: tuple[Distribution, ...] = ()


class Link(Struct, frozen=True):
    """A link of a feed or of its entry."""

    href: str
    rel: str = ""


class Content(Struct, frozen=True):
    """Where an entry's document lies."""

    src: str = ""


class FeedEntry(Struct, frozen=True):
    """One document of a ROLIE feed."""

    id: str
    updated: datetime
    content: Content = msgspec.field(default_factory=Content)
    link: tuple[Link, ...] = ()

    @property
    def address(self) -> str:
        """The document's URL, "" when the entry names none."""
        return self.content.src or next(
            (link.href for link in self.link if link.rel == "self"), ""
        )


class Feed(Struct, frozen=True):
    """The member ``feed``."""

    id: str
    entry: tuple[FeedEntry, ...] = ()
    link: tuple[Link, ...] = ()


class FeedDocument(Struct, frozen=True):
    """A ROLIE feed (RFC 8322) in CSAF's JSON form."""

    feed: Feed


def metadata(page: Page, watch: Watch) -> tuple[tuple[Follow, ...], int]:
    """Return what provider metadata leads to, and how many distributions it has.

    Feeds are preferred to directories, for both list the same documents.  Microsoft's
    directory of VEX documents, tens of thousands about Linux packages, is only
    followed when a watched pattern names Linux.
    """
    found = decode(page.body, Metadata, "CSAF provider metadata")
    feeds = [
        feed
        for distribution in found.distributions
        for feed in distribution.rolie.feeds
    ]
    public = [feed.url for feed in feeds if feed.tlp_label.upper() in _PUBLIC]
    linux = any(_LINUX.search(pattern) for pattern in watch.products)
    directories = [
        item.directory_url.rstrip("/") + "/changes.csv"
        for item in found.distributions
        if item.directory_url
    ]
    ours = [
        url
        for url in directories
        if linux or not url.endswith("//msrc.microsoft.com/csaf/vex/changes.csv")
    ]
    urls = public or ours
    if not urls:
        labels = ", ".join(sorted({feed.tlp_label for feed in feeds})) or "none at all"
        raise ParseError(
            f"the CSAF provider {quoted(found.canonical_url)} has no public "
            f"distribution; its feeds are: {labels}"
        )
    return _follows(page, ((url, "") for url in urls)), len(found.distributions)


def feed(page: Page) -> tuple[tuple[Follow, ...], int]:
    """Return the documents of a ROLIE feed that changed in the last 90 days, and how many
    it lists.
    """
    found = decode(page.body, FeedDocument, "a ROLIE feed").feed
    dated = [
        (entry.address, in_utc(entry.updated)) for entry in found.entry if entry.address
    ]
    further = [(link.href, "") for link in found.link if link.rel == "next"]
    return _follows(page, [*_recent(page, dated), *further]), len(dated)


def changes(page: Page, text: str) -> tuple[tuple[Follow, ...], int]:
    """Return the documents that changes.csv says have changed in the last 90 days, and
    how many it lists.

    The file (RFC 4180) has a path and a time in each line, the newest first, and no
    last line end.
    """
    dated = [(_below(page, path), moment) for path, moment in _rows(text)]
    if not dated:
        raise ParseError(
            "this has no line of a path and a time as changes.csv has them; "
            f"it begins with {quoted(text)}"
        )
    return _follows(page, _recent(page, dated)), len(dated)


def index(page: Page, text: str) -> tuple[tuple[Follow, ...], int]:
    """Return the documents that index.txt lists, but those of years long gone, and how
    many it lists: it tells no dates.
    """
    paths = [
        line.strip() for line in text.splitlines() if line.strip().endswith(".json")
    ]
    if not paths:
        raise markup.unlike(page, "a CSAF document, feed or list")
    return _follows(
        page, ((_below(page, path), "") for path in paths if _young(page, path))
    ), len(paths)


def listing(page: Page, links: Iterable[str]) -> tuple[tuple[Follow, ...], int]:
    """Return what a directory listing or a page leads to.

    Its changes.csv, else its index.txt, else documents and folders.

    ``links`` are the page's, absolute.
    """
    urls = tuple(dict.fromkeys(map(_shown, links)))
    here = page.url.rsplit("/", 1)[0] + "/"
    for name in ("changes.csv", "index.txt"):
        if here + name in urls:
            return _follows(page, ((here + name, ""),)), 1
    documents = [
        url for url in urls if re.split(r"[?#]", url, maxsplit=1)[0].endswith(".json")
    ]
    folders = [
        url
        for url in urls
        if url.startswith(here) and re.fullmatch(r"\d{4}/", url[len(here) :])
    ]
    chosen = [url for url in (*documents, *folders) if _young(page, url)]
    return _follows(page, ((url, "") for url in chosen)), len(documents) + len(folders)


def _rows(text: str) -> Iterator[tuple[str, datetime]]:
    try:
        rows = list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise ParseError(f"changes.csv is no CSV: {error}") from error
    for row in rows:
        if len(row) == 2 and row[0].endswith(".json"):
            try:
                yield row[0], in_utc(datetime.fromisoformat(row[1].strip()))
            except ValueError:
                # A heading, or a line that was cut
                continue


def _recent(
    page: Page, dated: Iterable[tuple[str, datetime]]
) -> Iterator[tuple[str, str]]:
    return (
        (url, moment.isoformat())
        for url, moment in dated
        if page.time - moment <= YOUNG
    )


def _young(page: Page, path: str) -> bool:
    """Say whether a document whose list has no dates may still change.

    Folder or file name bear this year, the last or none.
    """
    numbers = map(int, _YEAR.findall("/".join(path.rsplit("/", 2)[-2:])))
    # "su-2016_2054" has one year
    years = [number for number in numbers if number <= page.time.year]
    return not years or max(years) >= page.time.year - 1


def _below(page: Page, path: str) -> str:
    """Return the URL of a path below the list's own folder; "" for one that leaves it."""
    here = page.url.rsplit("/", 1)[0] + "/"
    url = urljoin(here, quote(path.lstrip("/"), safe="/%:"))
    return url if url.startswith(here) else ""


def _shown(url: str) -> str:
    """Return the document that a link leads to.

    Of Fortinet's viewer (``?csaf_url=``) the one it shows.
    """
    shown = re.search(r"[?&]csaf_url=(https://[^&]+)", url)
    return shown[1] if shown else url


def _base(page: Page) -> str:
    """Return the address that documents are named from: the source's own folder."""
    if page.document and page.url.endswith(page.document):
        return page.url.removesuffix(page.document)
    return page.url.rsplit("/", 1)[0] + "/"


def _follows(page: Page, marked: Iterable[tuple[str, str]]) -> tuple[Follow, ...]:
    base = _base(page)
    found: dict[str, Follow] = {}
    for url, mark in marked:
        name = (
            url.removeprefix(base) if url.startswith(base) else url.split("://", 1)[-1]
        )
        if url.startswith(("https://", "http://")) and url != page.url and name:
            found.setdefault(name, Follow(name, url, mark))
    return tuple(found.values())
