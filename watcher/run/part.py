"""What feeds and page show, as far as a check has changed it.

What grows with the years is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from watcher.records import Event
from watcher.run.shown import NEWS, as_of, made, path, shown
from watcher.site import feed, glance, listing, publish, shelves
from watcher.site.listing import Listing, Overview
from watcher.site.pages import OF_PRODUCT
from watcher.site.shown import Followed, Fresh, Life, Shown
from watcher.text.plain import line

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.run.servers import PublishedServers
    from watcher.run.site import Touched
    from watcher.store import Store


class _OtherwiseError(Exception):
    """It cannot be told what to add to what is published."""


def part(
    settings: Settings, store: Store, touched: Touched, concerned: PublishedServers
) -> Shown | None:
    """Show what a check has changed, beside what was published before.

    None when all is to be looked through.

    That is so when the site was lost or spoiled, when a product's name went, and when
    a year begins to be shown by months.
    """
    old = listing.decode(publish.read(settings.site, "updates.json"))
    if old is None or not publish.is_there(settings.site):
        return None
    try:
        # One transaction for all that is asked
        with store.reading():
            return _part(settings, store, touched, old, concerned)
    except _OtherwiseError:
        return None


def _part(
    settings: Settings,
    store: Store,
    touched: Touched,
    old: Overview,
    concerned: PublishedServers,
) -> Shown:
    total = old.events + len(touched.events)
    events = store.events(limit=feed.window(total))
    _agree(
        touched.events
        == {event.id for event in events[len(events) - len(touched.events) :]}
        and store.count_events() == total
    )
    told = [
        *(event for event in events if event.id in touched.events),
        *_told_more(store, touched),
    ]
    about = touched.updates | set(
        store.owners(touched.events | touched.evidence).values()
    )
    heirs = store.heirs(about)
    mine = sorted({heirs.get(name, name) for name in about})
    lives = tuple(_life(store, name, concerned) for name in mine)
    rows = {
        row.id: row
        for row in (listing.listing(life.update, life.events) for life in lives)
        if row.type != NEWS
    }
    library = _Library(settings, old)
    for gone in sorted(heirs.keys() & touched.updates):
        library.remove(listing.page(gone))
    for row in rows.values():
        library.put(row)
    products = _products(old, library.removed, rows.values())
    archives = _archives(store, touched, old, total)
    starts = {number: held[0].time for number, held in archives.items()}
    overview = Overview(
        listing.SCHEMA,
        as_of(store.newest_date(), events),
        total,
        library.counts(),
        tuple(
            starts.get(number) or old.archives[number]
            for number in range(feed.archives(total))
        ),
        products,
        _current(store, old, heirs, rows),
    )
    return shown(
        settings,
        store,
        overview=overview,
        lives=(
            *lives,
            *(
                _life(store, name, concerned)
                for name in sorted(concerned.changed - set(mine))
            ),
        ),
        moved=tuple(
            (name, rows[heir]) for name, heir in sorted(heirs.items()) if heir in rows
        ),
        shelves=library.changed(),
        events=events,
        archives=archives,
        followed=_followed(settings, store, products, told, rows.values()),
        fresh=Fresh(
            frozenset(map(_name, rows.values())), touched.events | touched.evidence
        ),
    )


def _agree(holds: bool) -> None:  # noqa: FBT001 - what must hold
    if not holds:
        raise _OtherwiseError


def _told_more(store: Store, touched: Touched) -> list[Event]:
    """Give the events that got more evidence."""
    return [
        event
        for event in map(store.event, sorted(touched.evidence))
        if event is not None
    ]


def _life(store: Store, name: str, concerned: PublishedServers | None = None) -> Life:
    """Give an update with its events.

    What is told without an update (news) has one made of its event.
    """
    events = store.events_of(name)
    update = store.update(name)
    servers = concerned.servers.get(name, ()) if concerned else ()
    return (
        Life(update, events, servers)
        if update is not None
        else Life(made(events[-1]), events)
    )


def _name(row: Listing) -> str:
    return row.page.removeprefix("updates/").removesuffix(".html")


class _Library:
    """The shelves that are published, those that change taken out."""

    def __init__(self, settings: Settings, old: Overview) -> None:
        self._site = settings.site
        self._old = old.shelves
        self._split = shelves.split(old.shelves)
        self._out: dict[str, list[bytes]] = {}
        self._changed: set[str] = set()
        self.removed: list[Listing] = []

    def remove(self, page: str, likely: str = "") -> None:
        """Take away the line of the update that has this page, wherever it is."""
        if not publish.has(self._site, page):
            return
        for name in sorted(self._old, key=lambda name: name != likely):
            lines = self._lines(name)
            place = shelves.find(lines, page)
            if place is not None:
                self.removed.append(shelves.read(lines.pop(place)))
                self._changed.add(name)
                return

    def put(self, row: Listing) -> None:
        """Set an update's line in order, in place of the one that it had."""
        name = shelves.name(row.dated, self._split)
        self.remove(row.page, name)
        lines = self._lines(name)
        lines.insert(shelves.place(lines, row), shelves.line(row))
        self._changed.add(name)

    def _lines(self, name: str) -> list[bytes]:
        if name not in self._out:
            lines = (
                shelves.decode(publish.read(self._site, f"years/{name}.json"))
                if name in self._old
                else []
            )
            _agree(lines is not None and len(lines) == self._old.get(name, 0))
            self._out[name] = lines or []
        return self._out[name]

    def counts(self) -> dict[str, int]:
        """Say how many updates are on each shelf now.  It must be the same shelves, or more."""
        counts = self._old | {
            name: len(lines)
            for name, lines in self._out.items()
            if lines or name in self._old
        }
        _agree(all(counts.values()))
        _agree(
            self._split
            == {
                year
                for year, count in shelves.years(counts).items()
                if count > shelves.MOST
            }
        )
        return dict(sorted(counts.items(), reverse=True))

    def changed(self) -> Mapping[str, tuple[bytes, ...]]:
        """Give the shelves that changed."""
        return {
            name: tuple(self._out[name]) for name in sorted(self._changed, reverse=True)
        }


def _products(
    old: Overview, removed: Iterable[Listing], rows: Iterable[Listing]
) -> tuple[str, ...]:
    """Name all products.

    Whether one that went from here is still named elsewhere is not known here.
    """
    now = {product for row in rows for product in listing.products(row)}
    _agree({product for row in removed for product in listing.products(row)} <= now)
    return tuple(sorted({*old.products, *now}))


def _current(
    store: Store, old: Overview, gone: Iterable[str], rows: Mapping[str, Listing]
) -> tuple[Listing, ...]:
    """Give the updates that decide where products stand.

    Where one that did is touched, its products' newest good builds are asked for;
    elsewhere a new one can only be better.
    """
    out = {*gone, *rows}
    pool = {row.id: row for row in old.current if row.id not in out} | dict(rows)
    lost = {
        product
        for row in old.current
        if row.id in out
        for product in listing.products(row)
    }
    for name in sorted(
        {store.best(product) for product in lost} - {None, *pool}, key=str
    ):
        life = _life(store, str(name))
        pool[life.update.id] = listing.listing(life.update, life.events)
    return glance.current(listing.order(pool.values()))


def _archives(
    store: Store, touched: Touched, old: Overview, total: int
) -> dict[int, tuple[Event, ...]]:
    """Give the archives that are new, the one before them, whose link to the next is new,
    and those of events with more evidence.
    """
    before, count = feed.archives(old.events), feed.archives(total)
    wanted = set(range(max(0, before - 1) if count > before else count, count))
    places = [store.place_of(name) for name in sorted(touched.evidence)]
    wanted |= {
        place // feed.PAGE
        for place in places
        if place is not None and place < count * feed.PAGE
    }
    return {
        number: store.events_from(number * feed.PAGE, feed.PAGE)
        for number in sorted(wanted)
    }


def _followed(
    settings: Settings,
    store: Store,
    products: Iterable[str],
    told: Iterable[Event],
    rows: Iterable[Listing],
) -> tuple[Followed, ...]:
    """Give the feeds of the products that touched events are about, and of those that are new."""
    names = {product for event in told for product in event.update.products if product}
    paths = {path(product) for product in names}
    paths |= {
        new
        for row in rows
        for product in listing.products(row)
        if not publish.has(settings.site, new := path(product))
    }
    of_path: dict[str, set[str]] = {where: set() for where in paths}
    for product in {*products, *names}:
        if (where := path(product)) in of_path:
            of_path[where].add(product)
    return tuple(
        Followed(
            where,
            min(line(name, 100) for name in mine),
            store.events_about(mine, OF_PRODUCT),
        )
        for where, mine in sorted(of_path.items())
    )
