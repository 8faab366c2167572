"""What feeds and page show, taken from the ledger: all of it, or only what a check has changed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from watcher import __version__, publish, render
from watcher.formats import feed, listing, status_json
from watcher.formats.feed import Place
from watcher.formats.listing import Listing
from watcher.publish import Life, Shown
from watcher.publish.pages import OF_PRODUCT
from watcher.records import Event, Outcome, State, Times, Update

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

PUBLISHED, AUTHORITY = "published", "tag_authority"
NEWS = "news"
NEWEST = 150
"""Events that are read first: what a feed, a front page and a fresh archive need."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What a check has changed in the ledger, by ids: updates, new events, events that got more evidence."""

    updates: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    evidence: frozenset[str] = frozenset()

    @classmethod
    def by(cls, outcomes: Iterable[Outcome]) -> Touched:
        """Give what several outcomes have changed."""
        known = tuple(outcomes)
        updates = {update.id for outcome in known for update in outcome.updates}
        updates |= {name for outcome in known for pair in outcome.absorbed for name in pair}
        events = frozenset(event.id for outcome in known for event in outcome.events)
        evidence = frozenset(name for outcome in known for name, _ in outcome.evidence)
        return cls(frozenset(updates), events, evidence - events)


def mark(settings: Settings, store: Store) -> str:
    """Say what a site made now would show: it changes with events, updates, settings and templates."""
    form = hashlib.sha256()
    shown = (settings.base_url, settings.timezone, settings.watch.mark, [(s.name, s.kind, s.url) for s in settings.sources if s.enabled])
    form.update(repr((__version__, shown, str(settings.site.absolute()))).encode())
    for folder in filter(None, (render.shipped(), settings.templates)):
        for path in sorted((folder / "site").rglob("*")) + sorted((folder / "mail" / "words").glob("*.toml")):
            if path.is_file():
                form.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{store.edition()} {form.hexdigest()[:32]}"


def write(settings: Settings, store: Store, now: datetime, before: str = "", touched: Touched | None = None, *, once: bool = False) -> int:
    """Publish what has changed; give how many files that were, ``status.json`` left out.

    ``before`` is the mark of before this check, and ``touched`` what it changed; without them, or when something else was published
    last, all is looked through.  ``once``: a relived site, which nothing follows.

    Raises PublishError, ConfigurationError when a template is wrong.
    """
    status = _status(settings, store, now)
    published, after = store.meta(PUBLISHED), mark(settings, store)
    if published == after and touched is not None and publish.is_there(settings.site):
        publish.status(settings.site, status)
        return 0
    shown = None
    if touched is not None and published == before and before.partition(" ")[2] == after.partition(" ")[2]:
        shown = _part(settings, store, touched)
    changed = publish.write(settings.site, shown or _whole(settings, store), _renderer(settings), status, once=once)
    if published != after:
        store.set_meta(PUBLISHED, after)
    return len(changed)


def _renderer(settings: Settings) -> publish.Render:
    environment = render.templates(settings)

    def made(name: str, names: Mapping[str, Any]) -> str:
        return environment.get_template(name).render(names)

    return made


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


def _whole(settings: Settings, store: Store) -> Shown:
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


def _part(settings: Settings, store: Store, touched: Touched) -> Shown | None:
    """What a check has changed, beside what was published before; None when that cannot be told, and all is to be looked through."""
    old = listing.decode(publish.read(settings.site, "updates.json"))
    if old is None or not publish.is_there(settings.site):
        return None
    heirs = {name: heir for name, heir in store.absorbed().items() if name in touched.updates}
    lives = tuple(_life(store, name) for name in sorted({heirs.get(name, name) for name in touched.updates | _owners(store, touched)}))
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


def _status(settings: Settings, store: Store, now: datetime) -> bytes:
    """How the sources fare, and what is pulled or doubted at this moment."""
    times: dict[str, list[Times]] = defaultdict(list)
    for one in store.all_times():
        times[one.source].append(one)
    enabled = [source for source in settings.sources if source.enabled]
    changed: dict[str, datetime | None] = {}
    for name, documents in store.documents_of(source.name for source in enabled).items():
        changed[name] = max((document.accepted for document in documents.values() if document.accepted), default=None)
    healths = [status_json.Health(source, tuple(times[source.name]), changed[source.name]) for source in enabled]
    doubted = {update.id: update for update in (*store.updates(state=State.PULLED), *store.suspicions())}
    standing = [(update.id, update.state, update.title) for _, update in sorted(doubted.items())]
    titles = dict(render.words(settings).tables.get("source", {}))
    return status_json.status(healths, now, status_json.valid_until(enabled, now, settings.stale_after), standing, titles)
