"""What feeds and page show, taken from the ledger: all of it, or only what a check has changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from watcher import publish, render
from watcher.formats import feed, listing
from watcher.formats.feed import Place
from watcher.formats.listing import Listing
from watcher.publish.pages import OF_PRODUCT, Life, Shown
from watcher.records import Event, State, Update
from watcher.run.site import Touched

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

AUTHORITY = "tag_authority"
NEWS = "news"
NEWEST = 150
"""Events that are read first: what a feed, a front page and a fresh archive need."""


def _place(settings: Settings, store: Store) -> Place:
    """Give the site's place; the name in its tags is kept for ever, so that a site that moves is not news."""
    kept = store.meta(AUTHORITY)
    if not kept:
        kept = feed.authority(settings.base_url)
        if settings.base_url:
            store.set_meta(AUTHORITY, kept)
    return Place(settings.base_url, kept)


def _shown(settings: Settings, store: Store, **what: Any) -> Shown:  # noqa: ANN401 - the parts that differ
    watched = settings.watch.products
    return Shown(_place(settings, store), render.words(settings), settings.zone, watched, settings.sources, **what)


def whole(settings: Settings, store: Store) -> Shown:
    """Everything that the ledger holds."""
    events = store.events()
    heirs = store.absorbed()
    of_update: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        of_update[heirs.get(event.update.id, event.update.id)].append(event)
    updates = {update.id: update for update in store.updates()}
    rows = [listing.listing(update, of_update[update.id]) for update in updates.values()]
    others = {name: _made(told[-1]) for name, told in sorted(of_update.items()) if told and name not in updates}
    return _shown(
        settings,
        store,
        shelf=listing.shelf(rows, len(events)),
        lives=(Life(update, tuple(of_update[name])) for name, update in (updates | others).items()),
        moved=tuple(sorted(heirs.items())),
        years=frozenset(row.dated.year for row in rows),
        events=events,
        products=_by_product(events, {product for row in rows for product in _products(row)}),
    )


def _products(row: Listing) -> set[str]:
    return {*row.products, *(offer.product for offer in row.packages)} - {""}


def _by_product(events: Iterable[Event], wanted: set[str]) -> dict[str, tuple[Event, ...]]:
    found: dict[str, list[Event]] = {product: [] for product in wanted}
    for event in events:
        for product in event.update.products:
            found.setdefault(product, []).append(event)
    return {product: tuple(found[product]) for product in sorted(found)}


def part(settings: Settings, store: Store, touched: Touched) -> Shown | None:
    """What a check has changed, beside what was published before; None when that cannot be told, and all is to be looked through."""
    old = listing.decode(publish.read(settings.site, "updates.json"))
    if old is None or not publish.is_there(settings.site):
        return None
    about = touched.updates | _owners(store, touched)
    heirs = {name: heir for name, heir in store.absorbed().items() if name in touched.updates or heir in about}
    lives = tuple(_life(store, name) for name in sorted({heirs.get(name, name) for name in about}))
    known = {row.id: row for row in old.updates}
    new = {row.id: row for row in (listing.listing(life.update, life.events) for life in lives) if row.type != NEWS}
    rows = {name: row for name, row in (known | new).items() if name not in heirs}
    if {row.dated.year for row in rows.values()} != {row.dated.year for row in old.updates}:
        return None  # a year more, or less: every page of a year lists them
    total = old.events + len(touched.events)
    events = _reaching(store, touched, total)
    if events is None:
        return None
    moved_rows = [known[name] for name in (*new, *heirs) if name in known]
    products = {product for row in new.values() for product in _products(row)}
    products |= {product for life in lives for event in life.events for product in event.update.products}
    return _shown(
        settings,
        store,
        shelf=listing.shelf(rows.values(), total),
        lives=lives,
        moved=tuple(sorted(heirs.items())),
        years=frozenset(row.dated.year for row in (*moved_rows, *new.values())),
        events=events,
        products=_newest_of(store, products, events, total),
        touched=touched.events | touched.evidence,
    )


def _owners(store: Store, touched: Touched) -> set[str]:
    """Name the updates of touched events."""
    found = (store.event(name) for name in sorted(touched.events | touched.evidence))
    return {event.update.id for event in found if event is not None}


def _life(store: Store, name: str) -> Life:
    """Give an update with its events; what is told without an update (news) has one made of its event."""
    events = store.events_of(name)
    update = store.update(name)
    return Life(update, events) if update is not None else Life(_made(events[-1]), events)


def _made(event: Event) -> Update:
    ref = event.update
    return Update(ref.id, ref.title, "", NEWS, "", ref.version, State.RELEASED, event.time, products=ref.products, kbs=ref.kbs)


def _reaching(store: Store, touched: Touched, total: int) -> tuple[Event, ...] | None:
    """Give the newest events, as far back as a touched one lies; None when they are not those that were counted."""
    events = store.events(limit=NEWEST)
    ids = [event.id for event in events]
    if (touched.events and set(ids[-len(touched.events) :]) != touched.events) or (len(ids) < NEWEST and len(ids) != total):
        return None
    if touched.evidence <= set(ids):
        return events
    events = store.events()
    return events if len(events) == total else None


def _newest_of(store: Store, wanted: set[str], events: tuple[Event, ...], total: int) -> dict[str, tuple[Event, ...]]:
    """Give the newest events of each product; where these are too few, of all events."""
    found = _by_product(events, wanted)
    if len(events) < total and any(len(found[product]) < OF_PRODUCT for product in wanted):
        found = _by_product(store.events(), wanted)
    return {product: found[product] for product in sorted(wanted)}
