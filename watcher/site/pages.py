"""The files of the site, one after the other.

Pages of updates and lists of them, feeds, the front page last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from watcher.kinds import EVENT_KINDS
from watcher.site import (
    atom,
    feed,
    glance,
    ics,
    json_feed,
    listing,
    opml,
    rss,
    shelves,
    update_page,
)
from watcher.site.desk import TITLE, Desk, Published, Render
from watcher.site.feed import Feed
from watcher.site.shown import Shown
from watcher.text.plain import line, link

OF_PRODUCT = 20
"""Events in a product's feed."""


def files(
    shown: Shown, render: Render, published: Published
) -> Iterator[tuple[str, bytes]]:
    """Give every file to be published: its name from the site's root, and its bytes.

    What is ``published`` is asked only where there is a part to add to it.
    """
    desk = Desk(shown, render, published)
    for life in shown.lives:
        page = update_page.page(life.update, life.events, desk.form, life.servers)
        yield (
            page.path,
            desk.page(
                "update",
                "../",
                {"page": page, "title": page.title, "section": "updates"},
            ),
        )
    for old, row in shown.moved:
        if listing.page(old) != row.page:
            yield (
                listing.page(old),
                desk.page(
                    "moved", "../", {"row": row, "title": line(old, 120), "section": ""}
                ),
            )
    yield from _lists(shown, desk)
    yield from _feeds(shown, desk)
    yield from _archives(shown, desk)
    yield from _front(shown, desk)


def _lists(shown: Shown, desk: Desk) -> Iterator[tuple[str, bytes]]:
    """Give the lists of updates, the years that are shown by months, and the list of all years."""
    counts, split = shown.overview.shelves, shelves.split(shown.overview.shelves)
    for name, lines in shown.shelves.items():
        path, title = f"years/{name}.html", f"Updates of {_month(shown, name)}"
        up = shelves.year_of(name) if "-" in name else None
        yield (
            path,
            desk.page(
                "year", "../", _titled(title, rows=desk.rows(path, lines), up=up)
            ),
        )
        yield f"years/{name}.json", shelves.encode(lines)
    for year in sorted(
        {shelves.year_of(name) for name in shown.shelves} & split, reverse=True
    ):
        months = tuple(
            (name, _month(shown, name), count)
            for name, count in counts.items()
            if shelves.year_of(name) == year
        )
        yield (
            f"years/{year:04}.html",
            desk.page("months", "../", _titled(f"Updates of {year}", months=months)),
        )
    years = tuple(
        (f"{year:04}", count) for year, count in shelves.years(counts).items()
    )
    yield (
        "updates.html",
        desk.page(
            "updates",
            "",
            _titled("All updates", counts=years, total=sum(counts.values())),
        ),
    )
    yield "updates.json", listing.encode(shown.overview)


def _month(shown: Shown, name: str) -> str:
    """Say a shelf's name in words."""
    year, _, month = name.partition("-")
    return f"{shown.words.say('months', str(int(month)))} {year}" if month else year


def _titled(title: str, **names: Any) -> dict[str, Any]:  # noqa: ANN401 - what a template is given
    return {"title": title, "section": "updates", **names}


def _feeds(shown: Shown, desk: Desk) -> Iterator[tuple[str, bytes]]:
    place, events = shown.place, shown.events
    for one in shown.followed:
        graves = feed.graves(one.events, place)
        entries = desk.entries(atom, one.events, one.path)
        yield (
            one.path,
            atom.atom(
                Feed(
                    one.path,
                    f"{TITLE}: {one.product}",
                    entries,
                    feed.updated(one.events),
                    graves,
                ),
                place,
            ),
        )
    count, updated = feed.archives(shown.overview.events), feed.updated(events)
    previous = feed.archive_path(count - 1) if count else ""
    graves = feed.graves(events, place)
    entries = desk.entries(atom, events, "events.atom")
    yield (
        "events.atom",
        atom.atom(
            Feed("events.atom", TITLE, entries, updated, graves, previous), place
        ),
    )
    yield (
        "events.rss",
        rss.rss(
            Feed("events.rss", TITLE, desk.entries(rss, events, "events.rss"), updated),
            place,
        ),
    )
    entries = desk.entries(json_feed, events, "events.json")
    yield (
        "events.json",
        json_feed.json_feed(Feed("events.json", TITLE, entries, updated), place),
    )


def _archives(shown: Shown, desk: Desk) -> Iterator[tuple[str, bytes]]:
    """Give the archives, each as a feed (RFC 5005) and as a page, and the list of them."""
    count, place = feed.archives(shown.overview.events), shown.place
    for number, events in shown.archives.items():
        path, page = feed.archive_path(number), f"archive/{number + 1}.html"
        before = feed.archive_path(number - 1) if number else ""
        after = feed.archive_path(number + 1) if number + 1 < count else ""
        entries = desk.entries(atom, events, "events.atom", path)
        title = f"{TITLE}, archive {number + 1}"
        yield (
            path,
            atom.atom(
                Feed(
                    path,
                    title,
                    entries,
                    feed.updated(events),
                    feed.graves(events, place),
                    before,
                    after,
                    archive=True,
                ),
                place,
            ),
        )
        names = {
            "number": number + 1,
            "last": count,
            "first": events[0].time,
            "until": events[-1].time,
            "section": "events",
        }
        yield (
            page,
            desk.page(
                "archive",
                "../",
                {"title": title, "told": desk.told(page, "../", events), **names},
            ),
        )
    if shown.fresh is None or count - 1 in shown.archives:
        starts = shown.overview.archives
        ends = (*starts[1:], *(event.time for event in shown.events[:1]))
        rows = (
            tuple(
                (number, *span)
                for number, span in reversed(
                    [*enumerate(zip(starts, ends, strict=True), 1)]
                )
            )
            if count
            else ()
        )
        yield (
            "archive/index.html",
            desk.page(
                "archives",
                "../",
                {"title": "Earlier events", "section": "events", "rows": rows},
            ),
        )


def _front(shown: Shown, desk: Desk) -> Iterator[tuple[str, bytes]]:
    """Give what the front page needs, and the front page itself, last."""
    overview, place = shown.overview, shown.place
    as_of = overview.as_of or feed.NEVER
    followed = tuple(
        (name, f"products/{listing.name(name)}.atom") for name in overview.products
    )
    yield (
        "updates.opml",
        opml.opml(
            TITLE,
            [
                (f"{TITLE}: all events", "events.atom"),
                *((f"{TITLE}: {n}", p) for n, p in followed),
            ],
            place,
        ),
    )
    if not desk.has("calendar.ics", f":{as_of.year:04}01"):
        yield "calendar.ics", ics.ics(as_of.year, place)
    if shown.fresh is None:
        for name in ("style.css", "site.js", "icon.svg"):
            yield name, desk.plain(name)
        sources = tuple(
            (s, line(shown.words.name("source", s.name), 100), link(s.url))
            for s in shown.sources
            if s.enabled
        )
        yield (
            "sources.html",
            desk.page(
                "sources",
                "",
                {"title": "Sources", "section": "sources", "sources": sources},
            ),
        )
    recent = [event for event in shown.events if EVENT_KINDS[event.kind].on_front]
    kinds = sorted(
        {event.kind for event in recent}, key=lambda kind: EVENT_KINDS[kind].gravity
    )
    stand = glance.products(overview.current, as_of)
    names = {
        "title": TITLE,
        "section": "front",
        "stand": stand,
        "alarms": glance.alarms(overview.current, stand),
        "told": desk.told("index.html", "", recent),
        "count": len(recent),
        "archives": feed.archives(overview.events),
        "kinds": tuple(
            (kind.value, shown.words.say("kind", kind.value)) for kind in kinds
        ),
        "followed": followed,
        "as_of": overview.as_of,
        "unread": tuple(
            line(shown.words.name("source", name), 100) for name in shown.unread
        ),
        "feed_of": listing.name,
    }
    yield "index.html", desk.page("index", "", names)
