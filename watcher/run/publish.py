"""The site after a check: what it shows, made from the ledger.

A check makes anew what its outcomes changed: the pages of their updates, the lists that
these stand on, the feeds of their products, and what is about everything (the front
page, the feeds of all events).  Where nothing can be concluded from the outcomes (a
first publishing, other settings or templates, a run that was killed in between)
everything is made.  Either way only files that differ are written.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from watcher import __version__
from watcher.judgement import lifecycle, source_health
from watcher.records import Event, Outcome, State, Times, UnseenPattern, Update
from watcher.run import servers as inventory
from watcher.run import unseen
from watcher.run.servers import PublishedServers
from watcher.settings import Settings
from watcher.site import feeds, folder, front_page, lists, pages
from watcher.site.feeds import SiteAddress
from watcher.site.lists import Listing, Overview
from watcher.site.pages import EVENTS_OF_PRODUCT, Contents, Life, ProductFeed
from watcher.store import Store
from watcher.text.plain import line
from watcher.text.templates import render, shipped_folder
from watcher.text.words import words_of

# Keys of single values in the state
PUBLISHED = "published"
AUTHORITY = "tag_authority"

NEWS = "news"
"""The type of an update that is made of a post's event: no list shows it."""


class Touched(Struct, frozen=True):
    """What a check has changed in the ledger, by ids.

    Updates, new events, events that got more evidence.
    """

    updates: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    evidence: frozenset[str] = frozenset()

    @classmethod
    def by(cls, outcomes: Iterable[Outcome]) -> Touched:
        """Give what several outcomes have changed."""
        updates: set[str] = set()
        events: set[str] = set()
        evidence: set[str] = set()
        for outcome in outcomes:
            updates.update(update.id for update in outcome.updates)
            for absorption in outcome.absorbed:
                updates |= {absorption.gone, absorption.heir}
            events.update(event.id for event in outcome.events)
            evidence.update(more.event for more in outcome.evidence)
        return cls(frozenset(updates), frozenset(events), frozenset(evidence - events))


class Basis(Struct, frozen=True):
    """What a site is made of: equal ones give equal sites.

    ``edition`` changes with events and updates, ``form`` with settings, templates, words
    and the year, ``inventory`` with the servers to be published.
    """

    edition: int
    form: str
    inventory: str


class Published(Struct, frozen=True):
    """What is kept of the last publishing."""

    basis: Basis
    # The length of each list
    lists: dict[str, int]
    archives: int


def basis(settings: Settings, store: Store, now: datetime) -> Basis:
    """Say what a site made now would be made of.

    Where it is as it was, nothing needs to be made: the state's edition, what pages
    take from the configuration and the templates, the inventory's mark.
    """
    unread = source_health.unread(settings.sources, store.all_times())
    as_of = _as_of(store.newest_date(), store.events(limit=1))
    form = hashlib.sha256()
    made_of = (
        __version__,
        settings.base_url,
        settings.timezone,
        settings.watch.mark,
        [(each.name, each.kind, each.url) for each in settings.enabled_sources],
        [each.source for each in unread],
        _unseen(settings, store),
        # Of the calendar
        as_of.year if as_of else 0,
        str(settings.site.absolute()),
        # Of a product the page says that its end is near, and that it has come
        lifecycle.stages(now.date()),
    )
    form.update(repr(made_of).encode())
    # The words of mail stand on pages, too
    for folder_of_templates in filter(None, (shipped_folder(), settings.templates)):
        paths = sorted((folder_of_templates / "site").rglob("*"))
        paths += sorted((folder_of_templates / "mail" / "words").glob("*.toml"))
        for path in paths:
            if path.is_file():
                form.update(path.name.encode() + b"\0" + path.read_bytes())
    mark = inventory.inventory_mark(settings)
    return Basis(store.edition(), form.hexdigest()[:32], mark)


def publish_site(
    settings: Settings,
    store: Store,
    now: datetime,
    before: Basis | None = None,
    touched: Touched | None = None,
    *,
    once: bool = False,
) -> int:
    """Publish what has changed; give how many files that were, ``pages.json`` left out.

    ``before`` is the basis of before this check, and ``touched`` what it changed;
    without them, or when something else was published last, all is made.  ``once``: a
    relived site, which nothing follows.

    Raises PublishError, ConfigurationError when a template is wrong.
    """
    with store.reading():
        status_body = _status(settings, store, now)
        after = basis(settings, store, now)
        last = _last_published(store)
    if touched is None or not folder.is_there(settings.site):
        last = None
    if last is not None and last.basis == after:
        folder.publish(settings.site, (), status_body)
        return 0

    address = _address(settings, store)
    servers = inventory.published(settings, store)
    # One transaction for all that is asked: what one part says holds for the next
    with store.reading():
        if touched is not None and last is not None and _follows(last, before, after):
            contents = _changed(settings, store, address, touched, servers, last, now)
            complete = _complete(store, contents.overview)
        else:
            contents = _everything(settings, store, address, servers, now)
            complete = folder.WHOLE
    changed = folder.publish(
        settings.site,
        pages.files(contents, partial(render, settings.templates)),
        status_body,
        complete,
        once=once,
    )
    inventory.keep_published(store, servers)
    overview = contents.overview
    published = Published(after, overview.lists, len(overview.archives))
    if published != last:
        store.set_meta(PUBLISHED, msgspec.json.encode(published).decode())
    return len(changed)


def _last_published(store: Store) -> Published | None:
    """Give what was published last, None when it is not known."""
    kept = store.meta(PUBLISHED)
    try:
        return msgspec.json.decode(kept, type=Published) if kept else None
    except msgspec.DecodeError:
        # Of version 0.1.0, which kept it in another form
        return None


def _follows(last: Published, before: Basis | None, after: Basis) -> bool:
    """Say whether what is published is the ledger of before the check in the same form.

    Which servers it shows is looked at apart.
    """
    if before is None or last.basis.edition != before.edition:
        return False
    return last.basis.form == before.form == after.form


# --- everything -----------------------------------------------------------------------


def _everything(
    settings: Settings,
    store: Store,
    address: SiteAddress,
    servers: PublishedServers,
    now: datetime,
) -> Contents:
    """Show everything that the ledger holds."""
    events = store.events()
    owners, heirs = store.owners(), store.absorbed()
    of_update: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        of_update[owners[event.id]].append(event)
    updates = {update.id: update for update in store.updates()}
    listings = {
        name: lists.listing_of(update, of_update[name])
        for name, update in updates.items()
    }
    for name, own_events in sorted(of_update.items()):
        if own_events and name not in updates:
            updates[name] = made_of(own_events[-1])
    lives = (
        Life(update, tuple(of_update[name]), servers.servers.get(name, ()))
        for name, update in updates.items()
    )
    return contents_of(
        settings,
        address,
        lives=lives,
        moved=_moved(heirs, listings),
        unread=_unread(settings, store),
        today=now.date(),
        unseen=_unseen(settings, store),
        **of_all(listings.values(), events),
    )


def _moved(
    heirs: Mapping[str, str], listings: Mapping[str, Listing]
) -> tuple[tuple[str, Listing], ...]:
    """Give the updates that others have taken over, in order, each with its heir.

    Their addresses were sent in mail, so a page stays there that leads on.
    """
    moved = []
    for gone, heir in sorted(heirs.items()):
        if heir in listings:
            moved.append((gone, listings[heir]))
    return tuple(moved)


def made_of(event: Event) -> Update:
    """Give an event without an update (news) one that is made of it.

    Pages are made of updates; such news has none in the ledger.
    """
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


def contents_of(settings: Settings, address: SiteAddress, **what: Any) -> Contents:  # noqa: ANN401 - as of Contents
    """Show ``what`` as the settings say."""
    return Contents(
        address,
        words_of(settings.templates),
        settings.zone,
        settings.watch.products,
        settings.sources,
        **what,
    )


def _address(settings: Settings, store: Store) -> SiteAddress:
    """Give the site's address.

    The name in its tags is kept for ever, so that a site that moves is not news.
    """
    kept = store.meta(AUTHORITY)
    if not kept:
        kept = feeds.authority(settings.base_url)
        if settings.base_url:
            store.set_meta(AUTHORITY, kept)
    return SiteAddress(settings.base_url, kept)


def _unread(settings: Settings, store: Store) -> tuple[str, ...]:
    """Name the sources that could not be read yet."""
    unread = source_health.unread(settings.sources, store.all_times())
    return tuple(each.source for each in unread)


def _unseen(settings: Settings, store: Store) -> tuple[UnseenPattern, ...]:
    """Give the watched patterns that see nothing; readers' own are for nobody else."""
    found = unseen.last_seen(settings, store)
    return tuple(each for each in found if not each.subscriber)


def of_all(listings: Iterable[Listing], events: tuple[Event, ...]) -> dict[str, Any]:
    """Give what is shown of all updates and all events together, as of Contents."""
    ordered = lists.in_order(listings)
    by_list = lists.by_list(ordered)
    count = feeds.archives(len(events))
    size = feeds.ARCHIVE_SIZE
    archives = {}
    for number in range(count):
        archives[number] = events[number * size : (number + 1) * size]
    products: set[str] = set()
    for listing in ordered:
        products.update(lists.products(listing))
    overview = Overview(
        _as_of(ordered[0].dated if ordered else None, events),
        len(events),
        {name: len(listings) for name, listings in by_list.items()},
        tuple(held[0].time for held in archives.values()),
        tuple(sorted(products)),
        front_page.current(ordered),
    )
    return {
        "overview": overview,
        "lists": by_list,
        "events": events[count * size :],
        "archives": archives,
        "product_feeds": tuple(_all_product_feeds(products, events)),
    }


def _as_of(newest: datetime | None, events: tuple[Event, ...]) -> datetime | None:
    """Say when anything was last established.

    An update was dated, or an event recorded; None before anything was read.
    """
    if newest is None:
        return None
    return max([newest, *(event.time for event in events[-1:])])


def _all_product_feeds(
    products: Iterable[str], events: Iterable[Event]
) -> Iterable[ProductFeed]:
    names: dict[str, set[str]] = defaultdict(set)
    for product in products:
        names[lists.feed_path(product)].add(product)
    about: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        # Two names of one product may share a feed
        paths = set()
        for product in filter(None, event.update.products):
            path = lists.feed_path(product)
            names[path].add(line(product, 100))
            paths.add(path)
        for path in paths:
            about[path].append(event)
    for path in sorted(names):
        newest = about[path][-EVENTS_OF_PRODUCT:]
        yield ProductFeed(path, min(names[path]), tuple(newest))


# --- what a check changed -------------------------------------------------------------


def _changed(
    settings: Settings,
    store: Store,
    address: SiteAddress,
    touched: Touched,
    servers: PublishedServers,
    last: Published,
    now: datetime,
) -> Contents:
    """Show what a check has changed, and what is about everything."""
    total = store.count_events()
    events = store.events(limit=feeds.window(total))
    owners = store.owners(touched.events | touched.evidence)
    about = touched.updates | set(owners.values())
    heirs = store.heirs(about)
    names = sorted({heirs.get(name, name) for name in about})
    lives = [_life(store, name, servers) for name in names]
    listings = {}
    for life in lives:
        update = life.update
        if update.type != NEWS:
            listings[update.id] = lists.listing_of(update, life.events)
    # A server stands by all updates of its product: one more may change other pages
    others = sorted(servers.changed - set(names))
    products, months = store.product_names(), store.count_by_month()
    overview = Overview(
        _as_of(store.newest_date(), events),
        total,
        lists.lengths(months),
        store.every_event_time(feeds.ARCHIVE_SIZE)[: feeds.archives(total)],
        tuple(sorted({line(product, 100) for product in products})),
        _current(store, products),
    )
    return contents_of(
        settings,
        address,
        overview=overview,
        lives=(*lives, *(_life(store, name, servers) for name in others)),
        moved=_moved(heirs, listings),
        lists=_changed_lists(store, months, listings.values(), last),
        events=events,
        archives=_changed_archives(store, touched, total, last),
        product_feeds=_changed_product_feeds(
            settings, store, touched, listings.values(), products
        ),
        unread=_unread(settings, store),
        today=now.date(),
        unseen=_unseen(settings, store),
        whole=False,
    )


def _life(store: Store, name: str, servers: PublishedServers) -> Life:
    events, update = store.events_of(name), store.update(name)
    if update is None:
        return Life(made_of(events[-1]), events)
    return Life(update, events, servers.servers.get(name, ()))


def _current(store: Store, products: Iterable[str]) -> tuple[Listing, ...]:
    """Give the updates that decide where products stand."""
    ids = {store.best(product) for product in products} - {None}
    deciding = [
        *store.updates_of_ids(map(str, ids)),
        *store.updates(state=State.PULLED),
        *store.updates(state=State.PULLED_IN_PART),
        *store.suspicions(),
    ]
    return front_page.current(_listings(store, deciding))


def _listings(store: Store, updates: Iterable[Update]) -> list[Listing]:
    """Give what lists show of updates, in order."""
    of_update = {update.id: update for update in updates}
    events = store.events_of_each(of_update, lists.EVENT_KINDS)
    return lists.in_order(
        lists.listing_of(update, events.get(name, ()))
        for name, update in of_update.items()
    )


def _changed_lists(
    store: Store,
    months: Mapping[str, int],
    listings: Iterable[Listing],
    last: Published,
) -> dict[str, tuple[Listing, ...]]:
    """Give the lists that changed, whole: a list holds a year or a month.

    Those on which touched updates stand, and those of another length: an update that
    was dated anew left one, and a year of many is shown by months from then on.
    """
    names = lists.list_names(months)
    changed = {names[lists.month_of(listing.dated)] for listing in listings}
    for name, count in lists.lengths(months).items():
        if last.lists.get(name) != count:
            changed.add(name)
    return {
        name: tuple(_listings(store, store.updates_dated(name)))
        for name in sorted(changed, reverse=True)
    }


def _changed_archives(
    store: Store, touched: Touched, total: int, last: Published
) -> dict[int, tuple[Event, ...]]:
    """Give the archives that are new, and those of events with more evidence."""
    count, size = feeds.archives(total), feeds.ARCHIVE_SIZE
    changed = set(range(last.archives, count))
    if changed and last.archives:
        # The one before them leads to the next from now on
        changed.add(last.archives - 1)
    for event_id in touched.evidence:
        earlier = store.position_of(event_id)
        if earlier is not None and earlier < count * size:
            changed.add(earlier // size)
    return {
        number: store.events_from(number * size, size) for number in sorted(changed)
    }


def _changed_product_feeds(
    settings: Settings,
    store: Store,
    touched: Touched,
    listings: Iterable[Listing],
    products: Iterable[str],
) -> tuple[ProductFeed, ...]:
    """Give the feeds of the products that touched events are about, and of new products."""
    paths = _paths_of_events(store, touched.events | touched.evidence)
    for listing in listings:
        for product in lists.products(listing):
            path = lists.feed_path(product)
            if not (settings.site / path).is_file():
                paths.add(path)
    # Two names of one product may share a feed
    names = defaultdict[str, set[str]](set)
    for product in {*products, *store.event_products()}:
        names[lists.feed_path(product)].add(product)
    found = []
    for path in sorted(paths):
        title = min(line(product, 100) for product in names[path])
        events = store.events_about(names[path], EVENTS_OF_PRODUCT)
        found.append(ProductFeed(path, title, events))
    return tuple(found)


def _paths_of_events(store: Store, event_ids: Iterable[str]) -> set[str]:
    """Give the feeds of the products that events are about."""
    paths: set[str] = set()
    for event_id in event_ids:
        event = store.event(event_id)
        products = event.update.products if event else ()
        paths.update(lists.feed_path(product) for product in products if product)
    return paths


def _complete(store: Store, overview: Overview) -> Mapping[str, Collection[str]]:
    """Name all files of the folders in which a check may leave one too many.

    The lists of a year that is shown by months from now on, the feed of a product that
    no update concerns any more.
    """
    products = {*overview.products, *store.event_products()}
    return {
        "years": lists.list_files(overview.lists),
        "products": {lists.feed_path(product) for product in products},
    }


# --- the status -----------------------------------------------------------------------


def _status(settings: Settings, store: Store, now: datetime) -> bytes:
    """Say how the sources fare, and what is pulled or doubted at this moment."""
    enabled = settings.enabled_sources
    times = defaultdict[str, list[Times]](list)
    for one in store.all_times():
        times[one.source].append(one)
    documents = store.documents_of([source.name for source in enabled])
    healths = []
    for source in enabled:
        read = documents.get(source.name, {}).values()
        # When a copy of any of its documents last differed
        accepted = filter(None, (document.accepted for document in read))
        changed = max(accepted, default=None)
        healths.append(pages.Health(source, tuple(times[source.name]), changed))
    pulled = store.updates(state=State.PULLED)
    in_part = store.updates(state=State.PULLED_IN_PART)
    # An update that is pulled in part may be suspected in another: it stands here once
    doubtful = (*pulled, *in_part, *store.suspicions())
    doubted = {update.id: update for update in doubtful}
    return pages.status(
        healths,
        now,
        pages.valid_until(enabled, now, settings.stale_after),
        [(name, one.state, one.title) for name, one in sorted(doubted.items())],
        dict(words_of(settings.templates).tables.get("source", {})),
        [each.pattern for each in _unseen(settings, store)],
    )
