"""Feeds: an event as an entry, the same in each form; OPML lists them all.

Atom, RSS, JSON Feed, and a calendar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from msgspec import Struct

from watcher.judgement.source_health import release_hour
from watcher.judgement.summary import PULLED_IN_PART
from watcher.records import Confidence, Event, Kind
from watcher.site.lists import page_path
from watcher.text import event_json
from watcher.text.event_json import time
from watcher.text.plain import line, link
from watcher.text.story import Story, kb_url

if TYPE_CHECKING:
    from lxml import etree
if TYPE_CHECKING:
    from icalendar import Timezone

ARCHIVE_SIZE = 50
"""Events of an archive; a feed holds the newest 50 to 99, or all while there are fewer."""

NOBODY = "localhost"
HOME = "http://localhost/"
"""An RSS channel must have an address, even when nobody said which."""

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
"""Of the names in tags, and so of a feed that holds nothing yet: no date of 1970."""
DESCRIPTION = (
    "What became of the updates that are watched: released, pulled, re-released."
)

ATOM = "http://www.w3.org/2005/Atom"
ATOM_TYPE = "application/atom+xml"
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
HISTORY = "http://purl.org/syndication/history/1.0"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
_ATOM_NAMES: Any = {None: ATOM, "at": TOMBSTONES, "fh": HISTORY}
_RSS_NAMES: Any = {"atom": ATOM, "content": CONTENT}


class SiteAddress(Struct, frozen=True):
    """Where the site is.

    ``base_url`` ends with a slash, or is "" when nobody said; ``authority`` is the
    name in tag URIs (RFC 4151), which stays when the site moves.
    """

    base_url: str
    authority: str

    def at(self, path: str) -> str:
        """Give the address of a file of the site.

        A relative one when the site's own is not known.
        """
        return f"{self.base_url}{path}"

    def tag(self, name: str, day: str = "2025") -> str:
        """Give a permanent name.  ``day`` is when it was given: a year or a date."""
        return f"tag:{self.authority},{day}:{name}"


def authority(base_url: str) -> str:
    """Name who gives the tags: the host that the site is at, else this machine."""
    host = urlsplit(base_url).hostname or NOBODY
    return host if host.isascii() else host.encode("idna").decode("ascii")


class FeedItem(Struct, frozen=True):
    """An event as an entry of a feed."""

    # Tag URI
    id: str
    # Of the update's page
    url: str
    title: str
    summary: str
    # HTML, complete and escaped
    content: str
    published: datetime
    updated: datetime
    # (kind, product or severity; its name)
    tags: tuple[tuple[str, str], ...]
    # The vendor's pages
    related: tuple[str, ...]
    # (address, source) of the evidence
    via: tuple[tuple[str, str], ...]
    # The public object
    event: dict[str, Any]


class Tombstone(Struct, frozen=True):
    """A tombstone (RFC 6721): the entry of a release that was pulled."""

    ref: str
    when: datetime
    comment: str


class Feed(Struct, frozen=True):
    """A feed, the newest entry first; ``path`` is from the site's root.

    ``updated`` is when one of its entries last was.  ``previous`` and ``following``
    lead to the archives before and after (RFC 5005).
    """

    path: str
    title: str
    items: tuple[FeedItem, ...]
    updated: datetime = BEGINNING
    tombstones: tuple[Tombstone, ...] = ()
    previous: str = ""
    following: str = ""
    archive: bool = False


# --- from events to entries -----------------------------------------------------------


def item(event: Event, story: Story, content: str, address: SiteAddress) -> FeedItem:
    """Make the entry of an event; ``content`` is its HTML."""
    tags = [("kind", event.kind.value)]
    tags += [("product", line(product, 100)) for product in event.update.products]
    tags += [("severity", flaw.severity) for flaw in story.flaws if flaw.severity]
    if event.confidence is Confidence.SUSPECTED:
        tags.append(("kind", "suspected"))
    related = [flaw.url for flaw in story.flaws]
    related += [kb_url(kb) for kb in story.kbs]
    related += [row.url for row in story.rows]
    sources = dict.fromkeys(
        (link(proof.url), line(proof.source, 80)) for proof in event.evidence
    )
    return FeedItem(
        id=event_tag(event.id, event.time, address),
        url=address.at(f"{page_path(event.update.id)}#{anchor(event.id)}"),
        title=f"[{story.tag}] {story.headline}",
        summary=story.summary,
        content=content,
        published=event.time,
        updated=_last_evidence(event),
        tags=tuple(dict.fromkeys(tags)),
        related=tuple(dict.fromkeys(filter(None, related)))[:20],
        via=tuple((url, source) for url, source in sources if url)[:20],
        event=event_json.public(event),
    )


def event_tag(event_id: str, time: datetime, address: SiteAddress) -> str:
    """Give an event's permanent name.

    By RFC 4151: it stays the same wherever the site moves.
    """
    name = line(event_id, 80).replace(" ", "-")
    return address.tag(f"event/{name}", f"{time.astimezone(UTC):%Y-%m-%d}")


def anchor(event_id: str) -> str:
    """Give the id that an event has on its update's page.

    Letters and digits only, so that no source's text can end the attribute.
    """
    return "e-" + re.sub("[^a-zA-Z0-9]", "", event_id[:80])


def updated(events: Iterable[Event]) -> datetime:
    """Say when any of the events was last written: recorded, or given more evidence.

    A reader that knows this moment has all of them.
    """
    return max(map(_last_evidence, events), default=BEGINNING)


def _last_evidence(event: Event) -> datetime:
    return max((event.time, *(proof.time for proof in event.evidence)))


def tombstones(events: Iterable[Event], address: SiteAddress) -> tuple[Tombstone, ...]:
    """Give a tombstone for the entry of each release that a later event among ``events``
    says is pulled.

    A release of which one package is pulled, and others are offered, stays.
    """
    offered: dict[tuple[str, int], Event] = {}
    pulled: dict[tuple[str, int], set[tuple[str, str]]] = {}
    found: list[Tombstone] = []
    for event in events:
        version = (event.update.id, event.update.version)
        if event.kind in (Kind.RELEASED, Kind.RE_RELEASED):
            offered[version] = event
            continue
        # A suspicion buries nothing: the entry may be good again tomorrow
        if event.kind is not Kind.PULLED or event.confidence is Confidence.SUSPECTED:
            continue
        gone = pulled.setdefault(version, set())
        gone |= _packages(event)
        release = offered.get(version)
        is_part = event.phrase in PULLED_IN_PART
        if release is not None and (not is_part or _packages(release) <= gone):
            del offered[version]
            tag = event_tag(release.id, release.time, address)
            found.append(Tombstone(tag, event.time, line(event.summary, 300)))
    return tuple(reversed(found))


def window(total: int) -> int:
    """Say how many of ``total`` events the feed holds.

    From 50 to 99, or all while there are fewer than 100.
    """
    return total - archives(total) * ARCHIVE_SIZE


def archives(total: int) -> int:
    """Say how many archives of 50 events there are before the feed's window.

    The window keeps the newest 50 to 99: an archive is written once, and stays as it is
    (RFC 5005).
    """
    return max(0, total // ARCHIVE_SIZE - 1)


def archive_path(number: int) -> str:
    """Give the path of an archive; the oldest events are in the first.

    So an archive never changes its address when newer ones come.
    """
    return f"archive/{number + 1}.atom"


def _packages(event: Event) -> set[tuple[str, str]]:
    return {(package.product, package.kb) for package in event.packages}


# --- Atom (RFC 4287), with tombstones (RFC 6721) and archives (RFC 5005) --------------


def atom(feed: Feed, address: SiteAddress) -> bytes:
    """Write a feed as Atom.  Equal feeds give equal bytes.

    By RFC 4287, with tombstones for what was withdrawn (RFC 6721).
    """
    root = _root(_atom("feed"), _ATOM_NAMES)
    root.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    _add(root, _atom("id"), address.tag(feed.path.removesuffix(".atom")))
    _add(root, _atom("title"), feed.title)
    _add(root, _atom("updated"), time(feed.updated))
    author = _add(root, _atom("author"))
    _add(author, _atom("name"), "Advisory Watcher")
    _add(root, _atom("generator"), "Advisory Watcher")
    _add_link(root, "self", address.at(feed.path), type=ATOM_TYPE)
    _add_link(root, "alternate", address.at("index.html"), type="text/html")
    if feed.archive:
        _add(root, f"{{{HISTORY}}}archive")
        _add_link(root, "current", address.at("events.atom"), type=ATOM_TYPE)
    if feed.previous:
        _add_link(root, "prev-archive", address.at(feed.previous), type=ATOM_TYPE)
    if feed.following:
        _add_link(root, "next-archive", address.at(feed.following), type=ATOM_TYPE)
    for stone in feed.tombstones:
        name = f"{{{TOMBSTONES}}}deleted-entry"
        deleted = _add(root, name, ref=stone.ref, when=time(stone.when))
        _add(deleted, f"{{{TOMBSTONES}}}comment", stone.comment)
    for item in feed.items:
        _add_entry(root, item, address)
    return _xml(root)


def _add_entry(root: etree._Element, item: FeedItem, address: SiteAddress) -> None:
    entry = _add(root, _atom("entry"))
    _add(entry, _atom("id"), item.id)
    _add(entry, _atom("title"), item.title)
    _add(entry, _atom("published"), time(item.published))
    _add(entry, _atom("updated"), time(item.updated))
    _add_link(entry, "alternate", item.url, type="text/html")
    for url in item.related:
        _add_link(entry, "related", url)
    for url, source in item.via:
        _add_link(entry, "via", url, title=source)
    for scheme, term in item.tags:
        _add(entry, _atom("category"), scheme=address.tag(scheme), term=term)
    _add(entry, _atom("summary"), item.summary)
    _add(entry, _atom("content"), item.content, type="html")


def _atom(name: str) -> str:
    return f"{{{ATOM}}}{name}"


def _add_link(parent: etree._Element, rel: str, href: str, **more: str) -> None:
    """Add a link; an attribute that is "" is left out."""
    attributes = {"rel": rel, "href": href} | more
    filled = {name: value for name, value in attributes.items() if value}
    _add(parent, _atom("link"), **filled)


# --- XML ------------------------------------------------------------------------------


def _root(name: str, namespaces: Any = None, /, **attributes: str) -> etree._Element:  # noqa: ANN401 - None is a key
    # A check that publishes nothing loads no XML
    from lxml import etree

    return etree.Element(name, attributes, nsmap=namespaces)


def _add(
    parent: etree._Element, name: str, text: str | None = None, /, **attributes: str
) -> etree._Element:
    from lxml import etree

    child = etree.SubElement(parent, name, attributes)
    child.text = text
    return child


def _xml(root: etree._Element) -> bytes:
    from lxml import etree

    etree.indent(root, " ")
    return etree.tostring(root, xml_declaration=True, encoding="utf-8") + b"\n"


# --- RSS 2.0, for readers that do not read Atom ---------------------------------------


def rss(feed: Feed, address: SiteAddress) -> bytes:
    """Write a feed as RSS.  Equal feeds give equal bytes."""
    root = _root("rss", _RSS_NAMES, version="2.0")
    channel = _add(root, "channel")
    _add(channel, "title", feed.title)
    _add(channel, "link", address.at("index.html") if address.base_url else HOME)
    _add(channel, "description", DESCRIPTION)
    _add(channel, "language", "en")
    if feed.items:
        _add(channel, "lastBuildDate", _rss_time(feed.updated))
    _add(channel, "generator", "Advisory Watcher")
    _add(channel, "ttl", "30")
    if address.base_url:
        url = address.at(feed.path)
        _add_link(channel, "self", url, type="application/rss+xml")
    for item in feed.items:
        _add_rss_item(channel, item, address)
    return _xml(root)


def _add_rss_item(
    channel: etree._Element, item: FeedItem, address: SiteAddress
) -> None:
    entry = _add(channel, "item")
    _add(entry, "title", item.title)
    # Without an address of the site's own, an item leads to the vendor's page
    _add(entry, "link", item.url if address.base_url else _outside(item) or HOME)
    _add(entry, "description", item.summary or item.title)
    _add(entry, f"{{{CONTENT}}}encoded", item.content)
    _add(entry, "guid", item.id, isPermaLink="false")
    _add(entry, "pubDate", _rss_time(item.published))
    for scheme, term in item.tags:
        _add(entry, "category", term, domain=address.tag(scheme))


def _rss_time(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _outside(item: FeedItem) -> str:
    """Give a page about the event that is not ours, "" when there is none."""
    pages = [*(url for url, _ in item.via), *item.related]
    return next(iter(pages), "")


# --- JSON Feed 1.1, each item with the event's public object as ``_advisory`` ---------


def json_feed(feed: Feed, address: SiteAddress) -> bytes:
    """Write a feed as JSON Feed.

    Equal feeds give equal bytes; only ASCII, so that no reader mistakes the encoding.
    """
    head: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "description": DESCRIPTION,
        "language": "en",
        "authors": [{"name": "Advisory Watcher"}],
    }
    if address.base_url:
        head["home_page_url"] = address.at("index.html")
        head["feed_url"] = address.at(feed.path)
    # An item a line, so that a difference is readable
    items = ",\n".join(json.dumps(_json_item(item, address)) for item in feed.items)
    return f'{json.dumps(head)[:-1]}, "items": [\n{items}\n]}}\n'.encode()


def _json_item(item: FeedItem, address: SiteAddress) -> dict[str, Any]:
    found: dict[str, Any] = {"id": item.id}
    if address.base_url:
        found["url"] = item.url
    outside = _outside(item)
    if outside:
        found["external_url"] = outside
    return found | {
        "title": item.title,
        "summary": item.summary,
        "content_html": item.content,
        "date_published": time(item.published),
        "date_modified": time(item.updated),
        "tags": [term for _, term in item.tags],
        "_advisory": item.event,
    }


# --- OPML 2.0: all feeds of the site in one file, for readers that import it ----------


def opml(title: str, feeds: Iterable[tuple[str, str]], address: SiteAddress) -> bytes:
    """Write an outline of ``feeds``: title and path from the site's root, in this order.

    OPML 2.0: one file that a feed reader takes all subscriptions from.
    """
    root = _root("opml", version="2.0")
    head = _add(root, "head")
    _add(head, "title", title)
    body = _add(root, "body")
    for text, path in feeds:
        _add(
            body,
            "outline",
            type="rss",
            text=text,
            title=text,
            xmlUrl=address.at(path),
            htmlUrl=address.at("index.html"),
        )
    return _xml(root)


REDMOND = "America/Los_Angeles"


# The rule of the United States since 2007, written out: a table of the system's may
# differ from machine to machine.
_ZONE = (
    (
        "DAYLIGHT",
        "PDT",
        timedelta(hours=-8),
        timedelta(hours=-7),
        datetime(2007, 3, 11, 2),  # noqa: DTZ001 - a zone's own rule is written in its own time
        {"freq": "YEARLY", "bymonth": 3, "byday": "2SU"},
    ),
    (
        "STANDARD",
        "PST",
        timedelta(hours=-7),
        timedelta(hours=-8),
        datetime(2007, 11, 4, 2),  # noqa: DTZ001 - likewise
        {"freq": "YEARLY", "bymonth": 11, "byday": "1SU"},
    ),
)


def load_calendar() -> None:
    """Load what writes the calendar, before it is needed."""
    import icalendar  # noqa: F401


def ics(year: int, address: SiteAddress) -> bytes:
    """Write the calendar.

    One event that recurs for ever, from the Patch Tuesday of January of ``year`` on.
    """
    from icalendar import Calendar, Event, vRecur

    first = release_hour(year, 1).astimezone(ZoneInfo(REDMOND))
    book = Calendar()
    book.add("prodid", "-//Advisory Watcher//EN")
    book.add("version", "2.0")
    book.add("method", "PUBLISH")
    book.add("x-wr-calname", "Patch Tuesday")
    book.add("refresh-interval", timedelta(days=7), parameters={"VALUE": "DURATION"})
    book.add_component(_zone())
    event = Event()
    event.add("uid", f"patch-tuesday@{address.authority}")
    event.add("dtstamp", first.astimezone(UTC))
    event.add("dtstart", first)
    event.add("dtend", first + timedelta(hours=1))
    event.add("rrule", vRecur({"freq": "MONTHLY", "byday": "2TU"}))
    event.add("summary", "Patch Tuesday")
    event.add(
        "description",
        (
            "Microsoft publishes the month's security updates. Wait for what "
            "Advisory Watcher says of them."
        ),
    )
    event.add("transp", "TRANSPARENT")
    if address.base_url:
        event.add("url", address.base_url)
    book.add_component(event)
    return bytes(book.to_ical())


def _zone() -> Timezone:
    from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

    zone = Timezone()
    zone.add("tzid", REDMOND)
    for kind, name, before, after, start, rule in _ZONE:
        part = TimezoneDaylight() if kind == "DAYLIGHT" else TimezoneStandard()
        part.add("dtstart", start)
        part.add("tzname", name)
        part.add("tzoffsetfrom", before)
        part.add("tzoffsetto", after)
        part.add("rrule", vRecur(rule))
        zone.add_component(part)
    return zone
