"""Which patterns of the configuration see nothing, by what the state knows of products."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from watcher.config import Settings
from watcher.config.source_settings import USUAL
from watcher.judgement import source_health
from watcher.judgement.source_health import Names
from watcher.kinds import SOURCE_KINDS
from watcher.records import UnseenPattern
from watcher.store import Store

UNSEEN = "patterns unseen"
"""Note: which patterns see nothing, and by which patterns and which state of updates."""


class Basis(Struct, frozen=True):
    """What a look was made by: the patterns, the ledger, whether a source was unread."""

    mark: str
    edition: int
    unread: bool


class Look(Struct, frozen=True):
    """What a run has found of the patterns."""

    basis: Basis
    found: tuple[UnseenPattern, ...]


def patterns(settings: Settings, store: Store | None) -> tuple[UnseenPattern, ...]:
    """Give the patterns that see nothing; without a state, those that never will."""
    if set(settings.watch.products) == {"*"} and not any(
        set(each.products) - {"*"} for each in settings.subscribers
    ):
        return ()
    names = _names(settings, store, of_entries=False)
    found = source_health.unseen(settings.watch, settings.subscribers, names)
    if store is None or all(each.outside for each in found):
        return found
    # An entry may name a product of which no update is known: an issue, an exploited CVE
    names = _names(settings, store, of_entries=True)
    return source_health.unseen(settings.watch, settings.subscribers, names)


def look(settings: Settings, store: Store) -> tuple[UnseenPattern, ...]:
    """Give the patterns that see nothing, for a run; looked at when something has changed.

    What is found is kept for whoever shows it.
    """
    basis = Basis(_mark(settings), store.edition(), _unread(settings, store))
    last = _last_look(store)
    if last is None or last.basis != basis:
        last = Look(basis, patterns(settings, store))
        store.set_meta(UNSEEN, msgspec.json.encode(last).decode())
    return last.found


def last_seen(settings: Settings, store: Store) -> tuple[UnseenPattern, ...]:
    """Give the patterns that saw nothing when a run last looked; none of another
    configuration.
    """
    last = _last_look(store)
    if last is None or last.basis.mark != _mark(settings):
        return ()
    return last.found


def _last_look(store: Store) -> Look | None:
    kept = store.meta(UNSEEN)
    try:
        return msgspec.json.decode(kept, type=Look) if kept else None
    except msgspec.DecodeError:
        # Of a version that kept the lines alone
        return None


def _names(settings: Settings, store: Store | None, *, of_entries: bool) -> Names:
    given: set[str] = set()
    if store is not None:
        given = _products_of_updates(store)
        if of_entries:
            given |= _products_of_entries(store)
    return Names(
        given=tuple(sorted(filter(None, given))),
        usual=USUAL,
        open_ended=any(source.own for source in settings.enabled_sources),
        unread=store is None or _unread(settings, store),
    )


def _products_of_updates(store: Store) -> set[str]:
    found: set[str] = set()
    for update in store.updates():
        found.update(update.products)
        found.update(package.product for package in update.packages)
    return found


def _products_of_entries(store: Store) -> set[str]:
    """Name the products of all entries: this reads the whole state, so it comes last."""
    found: set[str] = set()
    for document in store.documents().values():
        stored = store.entries(document.source, document.document)
        for each in stored.values():
            found.update(each.entry.products)
    return found


def _unread(settings: Settings, store: Store) -> bool:
    """Whether a source has not been read yet, whatever the reason."""
    documents = store.documents().values()
    read = {document.source for document in documents if document.accepted}
    for source in settings.enabled_sources:
        has_pages = not SOURCE_KINDS[source.kind].follows_updates
        if has_pages and source.name not in read:
            return True
    return False


def _mark(settings: Settings) -> str:
    texts = [*settings.watch.products]
    for subscriber in settings.subscribers:
        texts += [subscriber.name, *subscriber.watched, *subscriber.products]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
