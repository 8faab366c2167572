"""The files of the site, one after the other: pages of updates and years, feeds, the front page last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from watcher.formats import atom, feed, glance, ics, json_feed, listing, opml, rss, update_page
from watcher.formats.feed import Feed, Item, Place
from watcher.formats.letter import Form, story
from watcher.formats.listing import Listing, Shelf
from watcher.formats.plain import line, link
from watcher.formats.words import Words
from watcher.records import Event, Kind, Source, Update

Render = Callable[[str, Mapping[str, Any]], str]
"""Renders a template of ``templates/``, by its name, with what it is given."""

FRONT = 100
"""Of so many newest events the front page shows all but news."""

OF_PRODUCT = 20
"""Events in a product's feed."""

TITLE = "Advisory Watcher"


@dataclass(frozen=True, slots=True)
class Life:
    """An update, and the events told of it, in order."""

    update: Update
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What the site shows.

    ``touched`` names the events that are new or have more evidence since it was published last, and ``lives``, ``moved``,
    ``years`` and ``products`` hold only what they concern; None: everything is there.
    ``events`` are the newest ones, in order: all of them when whole, else as far back as a feed or a touched event goes.
    """

    place: Place
    words: Words
    zone: tzinfo
    watched: tuple[str, ...]
    sources: tuple[Source, ...]
    shelf: Shelf
    lives: Iterable[Life]
    moved: tuple[tuple[str, str], ...]  # (id that went, id of the update that has it now)
    years: frozenset[int]
    events: tuple[Event, ...]
    products: Mapping[str, tuple[Event, ...]]  # the newest of each product, in order
    touched: frozenset[str] | None = None


def files(shown: Shown, render: Render) -> Iterator[tuple[str, bytes]]:
    """Give every file to be published: its name from the site's root, and its bytes."""
    desk = _Desk(shown, render)
    titles = {row.id: row for row in shown.shelf.updates}
    for life in shown.lives:
        page = update_page.page(life.update, life.events, desk.form)
        yield page.path, desk.page("update", "../", {"page": page, "title": page.title, "section": "updates"})
    for old, new in shown.moved:
        if new in titles and listing.page(old) != titles[new].page:
            yield listing.page(old), desk.page("moved", "../", {"row": titles[new], "title": line(old, 120), "section": ""})
    yield from _lists(shown, desk)
    yield from _feeds(shown, desk)
    yield from _front(shown, desk)


class _Desk:
    """What the pages of one publishing share: words, the base of every page, entries that are rendered once."""

    def __init__(self, shown: Shown, render: Render) -> None:
        self._shown = shown
        self._render = render
        self._items: dict[str, Item] = {}
        self.form = Form(shown.words, shown.zone, shown.place.base_url)
        self.shared: dict[str, Any] = {
            "site": TITLE,
            "words": shown.words,
            "day": lambda moment: shown.words.day(moment, shown.zone),
            "moment": lambda moment: shown.words.moment(moment, shown.zone),
            "watched": tuple(line(product, 100) for product in shown.watched),
            "place": shown.place,
        }

    def page(self, template: str, root: str, names: Mapping[str, Any]) -> bytes:
        return self._render(f"site/{template}.html", {**self.shared, "root": root, **names}).encode()

    def plain(self, name: str) -> bytes:
        return self._render(f"site/{name}", {}).encode()

    def item(self, event: Event) -> Item:
        """Give the entry of an event."""
        if event.id not in self._items:
            told = story(event, self.form)
            content = self._render("site/entry.html", {"story": told, "words": self._shown.words})
            self._items[event.id] = feed.item(event, told, content.strip(), self._shown.place)
        return self._items[event.id]


def _lists(shown: Shown, desk: _Desk) -> Iterator[tuple[str, bytes]]:
    """Give the pages of all updates, a year a page, and the list of years."""
    years: dict[int, list[Listing]] = {}
    for row in shown.shelf.updates:
        years.setdefault(row.dated.year, []).append(row)
    counts = tuple((year, len(rows)) for year, rows in years.items())
    for year, rows in years.items():
        if year in shown.years:
            yield f"years/{year}.html", desk.page("year", "../", _titled(f"Updates of {year}", year=year, rows=rows, years=tuple(years)))
    yield "updates.html", desk.page("updates", "", _titled("All updates", counts=counts, total=len(shown.shelf.updates)))
    yield "updates.json", listing.encode(shown.shelf)


def _titled(title: str, **names: Any) -> dict[str, Any]:  # noqa: ANN401 - what a template is given
    return {"title": title, "section": "updates", **names}


def _feeds(shown: Shown, desk: _Desk) -> Iterator[tuple[str, bytes]]:
    place, total = shown.place, shown.shelf.events
    for product, events in shown.products.items():
        path = f"products/{listing.name(product)}.atom"
        items = [desk.item(event) for event in events[-OF_PRODUCT:]]
        own = Feed(path, f"{TITLE}: {line(product, 100)}", feed.newest(items, OF_PRODUCT), feed.graves(events[-OF_PRODUCT:], place))
        yield path, atom.atom(own, place)
    yield from _archives(shown, desk)
    shown_now = shown.events[-feed.window(total) :] if total else ()
    items = [desk.item(event) for event in shown_now]
    previous = feed.archive_path(feed.archives(total) - 1) if feed.archives(total) else ""
    everything = Feed("events.atom", TITLE, feed.newest(items, len(items)), feed.graves(shown_now, place), previous)
    yield "events.atom", atom.atom(everything, place)
    yield "events.rss", rss.rss(_at(everything, "events.rss"), place)
    yield "events.json", json_feed.json_feed(_at(everything, "events.json"), place)


def _at(one: Feed, path: str) -> Feed:
    return Feed(path, one.title, one.items)


def _archives(shown: Shown, desk: _Desk) -> Iterator[tuple[str, bytes]]:
    """Give the archives that are new, or hold an event that was touched, as far as the events go back."""
    total, first = shown.shelf.events, shown.shelf.events - len(shown.events)
    count = feed.archives(total)
    for number in range(count):
        start = number * feed.PAGE - first
        events = shown.events[start : start + feed.PAGE] if start >= 0 else ()
        new = number == count - 1 and total % feed.PAGE == 0
        changed = shown.touched is None or new or any(event.id in shown.touched for event in events)
        neighbour = number == count - 2 and total % feed.PAGE < FRONT  # its link to the next one is new
        if events and (changed or neighbour):
            before = feed.archive_path(number - 1) if number else ""
            after = feed.archive_path(number + 1) if number + 1 < count else ""
            items = [desk.item(event) for event in events]
            title = f"{TITLE}, archive {number + 1}"
            graves = feed.graves(events, shown.place)
            one = Feed(feed.archive_path(number), title, feed.newest(items), graves, before, after, archive=True)
            yield one.path, atom.atom(one, shown.place)


def _front(shown: Shown, desk: _Desk) -> Iterator[tuple[str, bytes]]:
    """Give what the front page needs, and the front page itself, last."""
    shelf, place = shown.shelf, shown.place
    as_of = shelf.as_of or feed.NEVER
    stand = glance.products(shelf.updates, as_of)
    known = sorted({*(row.name for row in stand), *(product for row in shelf.updates for product in row.products)})
    followed = tuple((name, f"products/{listing.name(name)}.atom") for name in known)
    yield "updates.opml", opml.opml(TITLE, [(f"{TITLE}: all events", "events.atom"), *((f"{TITLE}: {n}", p) for n, p in followed)], place)
    yield "calendar.ics", ics.ics(as_of.year, place)
    for name in ("style.css", "site.js", "icon.svg"):
        yield name, desk.plain(name)
    sources = tuple((s, line(shown.words.name("source", s.name), 100), link(s.url)) for s in shown.sources if s.enabled)
    yield "sources.html", desk.page("sources", "", {"title": "Sources", "section": "sources", "sources": sources})
    recent = [event for event in shown.events[-FRONT:] if event.kind is not Kind.NEWS]
    told = tuple(update_page.brief(event, desk.form) for event in reversed(recent))
    names = {
        "title": TITLE,
        "section": "front",
        "stand": stand,
        "alarms": glance.alarms(shelf.updates, stand),
        "told": told,
        "more": shelf.events > FRONT,
        "kinds": tuple(dict.fromkeys((one.kind, shown.words.say("kind", one.kind)) for one in sorted(told, key=lambda one: one.rank))),
        "followed": followed,
        "as_of": shelf.as_of,
        "feed_of": listing.name,
    }
    yield "index.html", desk.page("index", "", names)
