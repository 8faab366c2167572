"""What feeds and page show when all of it is taken from the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from watcher.judgement import source_health
from watcher.records import Event, Exposure, State, Update
from watcher.site import feed, glance, listing, shelves
from watcher.site.feed import Place
from watcher.site.listing import Listing, Overview
from watcher.site.pages import OF_PRODUCT
from watcher.site.shown import Followed, Life, Shown
from watcher.text.plain import line
from watcher.text.words import words_of

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

AUTHORITY = "tag_authority"
NEWS = "news"


def _place(settings: Settings, store: Store) -> Place:
    """Give the site's place.

    The name in its tags is kept for ever, so that a site that moves is not news.
    """
    kept = store.meta(AUTHORITY)
    if not kept:
        kept = feed.authority(settings.base_url)
        if settings.base_url:
            store.set_meta(AUTHORITY, kept)
    return Place(settings.base_url, kept)


def shown(settings: Settings, store: Store, **what: Any) -> Shown:  # noqa: ANN401 - the parts that differ
    """Show ``what`` as the settings say."""
    watched = settings.watch.products
    unread = tuple(
        name for name, _ in source_health.unread(settings.sources, store.all_times())
    )
    return Shown(
        _place(settings, store),
        words_of(settings.templates),
        settings.zone,
        watched,
        settings.sources,
        **what,
        unread=unread,
    )


def whole(
    settings: Settings, store: Store, servers: Mapping[str, tuple[Exposure, ...]]
) -> Shown:
    """Show everything that the ledger holds.

    ``servers`` are the published ones, by the updates that concern them.
    """
    events = store.events()
    heirs, owners = store.absorbed(), store.owners()
    of_update: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        of_update[owners[event.id]].append(event)
    updates = {update.id: update for update in store.updates()}
    others = {
        name: made(told[-1])
        for name, told in sorted(of_update.items())
        if told and name not in updates
    }
    rows = {
        name: listing.listing(update, of_update[name])
        for name, update in updates.items()
    }
    return shown(
        settings,
        store,
        lives=(
            Life(update, tuple(of_update[name]), servers.get(name, ()))
            for name, update in (updates | others).items()
        ),
        moved=tuple(
            (name, rows[heir]) for name, heir in sorted(heirs.items()) if heir in rows
        ),
        **of_all(rows.values(), events),
    )


def of_all(rows: Iterable[Listing], events: tuple[Event, ...]) -> Mapping[str, Any]:
    """Give what is shown of all updates and all events together."""
    ordered = listing.order(rows)
    kept = shelves.stand(ordered)
    count = feed.archives(len(events))
    archives = {
        number: events[number * feed.PAGE : (number + 1) * feed.PAGE]
        for number in range(count)
    }
    products = {product for row in ordered for product in listing.products(row)}
    overview = Overview(
        listing.SCHEMA,
        as_of(ordered[0].dated if ordered else None, events),
        len(events),
        {name: len(lines) for name, lines in kept.items()},
        tuple(told[0].time for told in archives.values()),
        tuple(sorted(products)),
        glance.current(ordered),
    )
    window = events[count * feed.PAGE :]
    return {
        "overview": overview,
        "shelves": kept,
        "events": window,
        "archives": archives,
        "followed": _followed(products, events),
    }


def as_of(newest: datetime | None, events: tuple[Event, ...]) -> datetime | None:
    """Say when anything was last established.

    An update was dated, or an event told; None before anything was read.
    """
    return newest and max([newest, *(event.time for event in events[-1:])])


def _followed(products: Iterable[str], events: Iterable[Event]) -> tuple[Followed, ...]:
    names: dict[str, set[str]] = defaultdict(set)
    told: dict[str, list[Event]] = defaultdict(list)
    for product in products:
        names[path(product)].add(product)
    paths: dict[str, str] = {}
    for event in events:
        mine = {
            paths.setdefault(product, path(product)): line(product, 100)
            for product in event.update.products
            if product
        }
        for where, product in mine.items():
            names[where].add(product)
            told[where].append(event)
    return tuple(
        Followed(where, min(names[where]), tuple(told[where][-OF_PRODUCT:]))
        for where in sorted(names)
    )


def path(product: str) -> str:
    """Give the path of a product's feed from the site's root."""
    return f"products/{listing.name(line(product, 100))}.atom"


def made(event: Event) -> Update:
    """Give what is told without an update (news) one that is made of its event."""
    ref = event.update
    return Update(
        ref.id,
        ref.title,
        "",
        NEWS,
        "",
        ref.version,
        State.RELEASED,
        event.time,
        products=ref.products,
        kbs=ref.kbs,
    )
