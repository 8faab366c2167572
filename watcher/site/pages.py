"""The files of the site, one after the other.

Pages of updates and lists of them, feeds, ``status.json``, the front page last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from watcher.judgement import lifecycle
from watcher.judgement.source_health import sees_nothing
from watcher.kinds import EVENT_KINDS
from watcher.records import (
    Event,
    Exposure,
    Source,
    State,
    Times,
    UnseenPattern,
    Update,
    Watch,
)
from watcher.site import feeds, front_page, lists, update_page
from watcher.site.feeds import Feed, FeedItem, SiteAddress
from watcher.site.lists import Listing, Overview
from watcher.text.event_json import time
from watcher.text.plain import line, link
from watcher.text.story import story
from watcher.text.words import Form, Words

Render = Callable[[str, Mapping[str, Any]], str]
"""Renders a template of ``templates/``, by its name, with what it is given."""

File = tuple[str, bytes]
"""A file to be published: its name from the site's root, and its bytes."""

TITLE = "Advisory Watcher"
EVENTS_OF_PRODUCT = 20
"""Events in a product's feed."""


class Life(Struct, frozen=True):
    """An update, and its events in order."""

    update: Update
    events: tuple[Event, ...]
    # The administrator's that it concerns, where they are published
    servers: tuple[Exposure, ...] = ()


class ProductFeed(Struct, frozen=True):
    """A product's feed.

    Its path from the site's root, the product, and its newest events, in order.
    """

    path: str
    product: str
    events: tuple[Event, ...]


class Contents(Struct, frozen=True):
    """What the site shows.

    ``events`` are those of the feeds and the front page, in order; ``archives`` the
    older ones by the number of their archive.  When it is not ``whole``, ``lives``,
    ``moved``, ``lists``, ``archives`` and ``product_feeds`` hold only what has changed
    since the site was published.
    """

    address: SiteAddress
    words: Words
    zone: tzinfo
    watched: tuple[str, ...]
    sources: tuple[Source, ...]
    overview: Overview
    lives: Iterable[Life]
    # (id that went, the update that has it now)
    moved: tuple[tuple[str, Listing], ...]
    lists: Mapping[str, tuple[Listing, ...]]
    events: tuple[Event, ...]
    archives: Mapping[int, tuple[Event, ...]]
    product_feeds: tuple[ProductFeed, ...]
    # Sources that could not be read yet
    unread: tuple[str, ...] = ()
    # On which products are near the end of their support, or past it
    today: date = date.min
    # Watched patterns that see nothing
    unseen: tuple[UnseenPattern, ...] = ()
    whole: bool = True


def files(contents: Contents, render: Render) -> Iterator[File]:
    """Give every file to be published.

    Raises ConfigurationError when a template is wrong.
    """
    pages = _Pages(contents, render)
    yield from pages.updates()
    yield from pages.moved()
    yield from pages.lists()
    yield from pages.months()
    yield from pages.feeds()
    yield from pages.archives()
    yield from pages.unchanging()
    yield from pages.front()


class _Pages:
    """Makes the files, with what they share."""

    def __init__(self, contents: Contents, render: Render) -> None:
        words, zone = contents.words, contents.zone
        self._contents = contents
        self._render = render
        self._form = Form(words, zone, contents.address.base_url)
        self._items: dict[str, FeedItem] = {}
        self._shared: dict[str, Any] = {
            "site": TITLE,
            "words": words,
            "day": lambda moment: words.day(moment, zone),
            "moment": lambda moment: words.moment(moment, zone),
            "watched": tuple(line(product, 100) for product in contents.watched),
            "place": contents.address,
        }

    # --- updates ----------------------------------------------------------------------

    def updates(self) -> Iterator[File]:
        """Give the pages of updates.

        One file an update that has changed, ``updates/<id>.html``.
        """
        for life in self._contents.lives:
            page = update_page.page(life.update, life.events, self._form, life.servers)
            names = {"page": page, "title": page.title, "section": "updates"}
            yield page.path, self._page("update", "../", names)

    def moved(self) -> Iterator[File]:
        """Give the pages that lead from an id that went to the update that has it now.

        Links in old mails lead there.
        """
        for old, listing in self._contents.moved:
            path = lists.page_path(old)
            if path != listing.page:
                names = {"row": listing, "title": line(old, 120), "section": ""}
                yield path, self._page("moved", "../", names)

    def lists(self) -> Iterator[File]:
        """Give the lists of updates, each as a page and as data, and the list of all lists.

        ``years/<name>.html`` and ``.json``, then ``updates.html`` and ``updates.json``.
        """
        overview = self._contents.overview
        for name, listings in self._contents.lists.items():
            path = f"years/{name}.html"
            rows = self._pieces("row", "../", [{"row": one} for one in listings])
            up = int(lists.year_of(name)) if "-" in name else None
            title = f"Updates of {self._in_words(name)}"
            names = _of_updates(title, rows=rows, up=up)
            yield path, self._page("year", "../", names)
            yield f"years/{name}.json", lists.encode_list(listings)
        names = _of_updates(
            "All updates",
            counts=tuple(lists.years(overview.lists).items()),
            total=sum(overview.lists.values()),
        )
        yield "updates.html", self._page("updates", "", names)
        yield "updates.json", lists.encode_overview(overview)

    def months(self) -> Iterator[File]:
        """Give the pages of the years that are shown by months.

        Only years whose lists have changed.
        """
        lengths = self._contents.overview.lists
        changed = {lists.year_of(name) for name in self._contents.lists}
        for year in sorted(changed & lists.years_by_month(lengths), reverse=True):
            months = tuple(
                (name, self._in_words(name), count)
                for name, count in lengths.items()
                if lists.year_of(name) == year
            )
            names = _of_updates(f"Updates of {int(year)}", months=months)
            yield f"years/{year}.html", self._page("months", "../", names)

    def _in_words(self, list_name: str) -> str:
        year, _, month = list_name.partition("-")
        if not month:
            return year
        return f"{self._contents.words.say('months', str(int(month)))} {year}"

    # --- feeds ------------------------------------------------------------------------

    def feeds(self) -> Iterator[File]:
        """Give the feeds of products, and those of all events.

        Atom for each product; Atom, RSS and JSON Feed for all events.
        """
        address, events = self._contents.address, self._contents.events
        for one in self._contents.product_feeds:
            feed = self._feed(one.path, f"{TITLE}: {one.product}", one.events)
            yield one.path, feeds.atom(feed, address)
        count = feeds.archives(self._contents.overview.events)
        previous = feeds.archive_path(count - 1) if count else ""
        feed = self._feed("events.atom", TITLE, events, previous=previous)
        yield feed.path, feeds.atom(feed, address)
        feed = self._feed("events.rss", TITLE, events)
        yield feed.path, feeds.rss(feed, address)
        feed = self._feed("events.json", TITLE, events)
        yield feed.path, feeds.json_feed(feed, address)

    def archives(self) -> Iterator[File]:
        """Give the archives, each as a feed (RFC 5005) and as a page, and the list of them."""
        contents = self._contents
        count = feeds.archives(contents.overview.events)
        for number, events in contents.archives.items():
            last = number + 1 == count
            feed = self._feed(
                feeds.archive_path(number),
                f"{TITLE}, archive {number + 1}",
                events,
                previous=feeds.archive_path(number - 1) if number else "",
                following="" if last else feeds.archive_path(number + 1),
                archive=True,
            )
            yield feed.path, feeds.atom(feed, contents.address)
            names = {
                "title": feed.title,
                "section": "events",
                "told": self._events("../", events),
                "number": number + 1,
                "last": count,
                "first": events[0].time,
                "until": events[-1].time,
            }
            yield f"archive/{number + 1}.html", self._page("archive", "../", names)
        if contents.whole or count - 1 in contents.archives:
            rows = tuple(reversed(list(self._spans_of_archives())))
            names = {"title": "Earlier events", "section": "events", "rows": rows}
            yield "archive/index.html", self._page("archives", "../", names)

    def _spans_of_archives(self) -> Iterator[tuple[int, Any, Any]]:
        """Give each archive's number, and from when to when it reaches."""
        starts = self._contents.overview.archives
        first_events = (event.time for event in self._contents.events[:1])
        ends = [*starts[1:], *first_events]
        for number, start in enumerate(starts):
            yield number + 1, start, ends[number]

    def _feed(
        self,
        path: str,
        title: str,
        events: tuple[Event, ...],
        **more: Any,  # noqa: ANN401 - as of Feed
    ) -> Feed:
        return Feed(
            path,
            title,
            tuple(map(self._item, reversed(events))),
            feeds.updated(events),
            feeds.tombstones(events, self._contents.address),
            **more,
        )

    def _item(self, event: Event) -> FeedItem:
        # An event stands in three feeds, and in those of its products
        if event.id not in self._items:
            words, address = self._contents.words, self._contents.address
            one = story(event, self._form)
            content = self._render("site/entry.html", {"story": one, "words": words})
            item = feeds.item(event, one, content.strip(), address)
            self._items[event.id] = item
        return self._items[event.id]

    # --- the front page, and what stands beside it ------------------------------------

    def unchanging(self) -> Iterator[File]:
        """Give what follows the configuration and the year, not the ledger.

        Style, script, icon, calendar and the list of sources: nothing when only events have
        changed.
        """
        if not self._contents.whole:
            return
        as_of = self._contents.overview.as_of or feeds.BEGINNING
        yield "calendar.ics", feeds.ics(as_of.year, self._contents.address)
        for name in ("style.css", "site.js", "icon.svg"):
            yield name, self._render(f"site/{name}", {}).encode()
        sources = tuple(
            (source, self._source_title(source.name), link(source.url))
            for source in self._contents.sources
            if source.enabled
        )
        names = {"title": "Sources", "section": "sources", "sources": sources}
        yield "sources.html", self._page("sources", "", names)

    def front(self) -> Iterator[File]:
        """Give the list of feeds, and the front page, last.

        Last, for whoever reads it follows links to the others.
        """
        contents, overview = self._contents, self._contents.overview
        as_of = overview.as_of or feeds.BEGINNING
        followed = tuple((name, lists.feed_path(name)) for name in overview.products)
        outline = [(f"{TITLE}: {name}", path) for name, path in followed]
        outline.insert(0, (f"{TITLE}: all events", "events.atom"))
        yield "updates.opml", feeds.opml(TITLE, outline, contents.address)

        recent = [
            event for event in contents.events if EVENT_KINDS[event.kind].on_front
        ]
        kinds = sorted(
            {event.kind for event in recent}, key=lambda kind: EVENT_KINDS[kind].gravity
        )
        products = front_page.products(overview.current, as_of)
        left = lifecycle.left_levels({one.name: one.build for one in products})
        names = {
            "title": TITLE,
            "section": "front",
            "stand": products,
            "alarms": front_page.alarms(overview.current, products),
            "told": self._events("", recent),
            "count": len(recent),
            "archives": feeds.archives(overview.events),
            "kinds": tuple(
                (kind.value, contents.words.say("kind", kind.value)) for kind in kinds
            ),
            "followed": followed,
            "as_of": overview.as_of,
            "unread": tuple(map(self._source_title, contents.unread)),
            "unseen": tuple(map(_unseen, contents.unseen)),
            "blind": sees_nothing(Watch(contents.watched), contents.unseen),
            "feed_of": lists.file_name,
            "support": {one.name: lifecycle.support_of(one.name) for one in products},
            "left": {one.name: left.get(one.name) for one in products},
            "today": contents.today,
        }
        yield "index.html", self._page("index", "", names)

    def _source_title(self, name: str) -> str:
        return line(self._contents.words.name("source", name), 100)

    # --- what pages are made of -------------------------------------------------------

    def _page(self, template: str, root: str, names: Mapping[str, Any]) -> bytes:
        """Make a page; ``root`` leads from it to the site's root."""
        shown = {**self._shared, "root": root, **names}
        return self._render(f"site/{template}.html", shown).encode()

    def _events(self, root: str, events: Iterable[Event]) -> Markup:
        """Give events, the newest first, as they are listed on a page."""
        briefs = (update_page.brief(one, self._form) for one in reversed(tuple(events)))
        return self._pieces("event", root, [{"one": brief} for brief in briefs])

    def _pieces(
        self, template: str, root: str, each: Iterable[Mapping[str, Any]]
    ) -> Markup:
        made = [self._page(template, root, names).decode().strip() for names in each]
        return Markup("\n".join(made))  # noqa: S704 - of our own templates, which escape


def _unseen(each: UnseenPattern) -> tuple[str, tuple[str, ...]]:
    """Give a pattern that sees nothing, and the names that may be meant."""
    return line(each.pattern, 80), tuple(line(name, 80) for name in each.nearest)


def _of_updates(title: str, **names: Any) -> dict[str, Any]:  # noqa: ANN401 - what a template is given
    return {"title": title, "section": "updates", **names}


SCHEMA = 1
SHORTEST = timedelta(hours=6)
"""A schedule may be late, or a run be dropped, without the page calling itself stale."""


class Health(Struct, frozen=True):
    """A source and how it fares.

    ``times`` of all its documents, ``changed`` when a copy last differed.
    """

    source: Source
    times: tuple[Times, ...]
    changed: datetime | None


def valid_until(
    sources: Iterable[Source], now: datetime, stale_after: timedelta | None = None
) -> datetime:
    """Say until when the page may be believed.

    Three times the shortest interval, six hours at least, or as configured.
    """
    shortest = min(
        (source.every for source in sources if source.enabled), default=timedelta()
    )
    return now + (stale_after or max(SHORTEST, 3 * shortest))


def status(
    healths: Sequence[Health],
    now: datetime,
    until: datetime,
    standing: Iterable[tuple[str, State, str]],
    titles: dict[str, str],
    unseen: Sequence[str] = (),
) -> bytes:
    """Write the file; ``standing`` are the updates that are pulled or doubted: id, state, title.

    ``unseen`` are the watched patterns that see nothing: of what they mean nothing is
    known to be well.

    What a failure says stays in the log and in ``watcher status``: it may name
    machines that are nobody's business.
    """
    rows = [_source(health, titles) for health in healths]
    pulled = [
        {"id": line(i, 200), "title": line(title, 200), "state": state.value}
        for i, state, title in standing
    ]
    status_object = {
        "schema": SCHEMA,
        "checked": time(now),
        "valid_until": time(until),
        "well": not unseen and all(row["failures"] == 0 for row in rows),
        "unseen": [line(pattern, 200) for pattern in unseen],
        "pulled": pulled,
        "sources": rows,
    }
    return (json.dumps(status_object, indent=1) + "\n").encode()


def _source(health: Health, titles: dict[str, str]) -> dict[str, object]:
    source = health.source
    succeeded = max((t.succeeded for t in health.times if t.succeeded), default=None)
    return {
        "name": line(source.name, 80),
        "title": line(titles.get(source.name, source.name), 100),
        "kind": source.kind,
        "url": link(source.url),
        "every_minutes": round(source.every.total_seconds() / 60),
        "documents": len(health.times),
        "succeeded": time(succeeded) if succeeded else None,
        "changed": time(health.changed) if health.changed else None,
        "failures": max((t.failures for t in health.times), default=0),
    }
