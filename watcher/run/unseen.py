"""Which patterns of the configuration see nothing, by what the state knows of products."""

from __future__ import annotations

import hashlib
import json

from watcher.config import Settings
from watcher.config.products import USUAL
from watcher.judgement import unseen
from watcher.judgement.unseen import Names
from watcher.kinds import SOURCE_KINDS
from watcher.records import UnseenPattern
from watcher.store import Store
from watcher.text import complaints

UNSEEN = "patterns unseen"
"""Note: what was said of patterns, and of which patterns and which state of updates."""


def patterns(settings: Settings, store: Store | None) -> tuple[UnseenPattern, ...]:
    """Give the patterns that see nothing; without a state, those that never will."""
    names = _names(settings, store, of_entries=False)
    found = unseen.unseen(settings.watch, settings.subscribers, names)
    if store is None or all(each.outside for each in found):
        return found
    # An entry may name a product of which no update is known: an issue, an exploited CVE
    names = _names(settings, store, of_entries=True)
    return unseen.unseen(settings.watch, settings.subscribers, names)


def warnings(settings: Settings, store: Store) -> tuple[str, ...]:
    """Say which patterns see nothing, for a run; looked at when something has changed."""
    basis = [_mark(settings), store.edition(), _unread(settings, store)]
    kept = json.loads(store.meta(UNSEEN) or "{}")
    if kept.get("basis") != basis:
        found = complaints.unseen(patterns(settings, store))
        kept = {"basis": basis, "lines": list(found)}
        store.set_meta(UNSEEN, json.dumps(kept))
    return tuple(kept["lines"])


def _names(settings: Settings, store: Store | None, *, of_entries: bool) -> Names:
    given: set[str] = set()
    if store is not None:
        for update in store.updates():
            given.update(update.products)
            given.update(package.product for package in update.packages)
        if of_entries:
            for document in store.documents().values():
                stored = store.entries(document.source, document.document)
                for each in stored.values():
                    given.update(each.entry.products)
    enabled = [source for source in settings.sources if source.enabled]
    return Names(
        given=tuple(sorted(filter(None, given))),
        usual=USUAL,
        open_ended=any(source.own for source in enabled),
        unread=store is None or _unread(settings, store),
    )


def _unread(settings: Settings, store: Store) -> bool:
    """Whether a source has not been read yet, whatever the reason."""
    documents = store.documents().values()
    read = {document.source for document in documents if document.accepted}
    for source in settings.sources:
        has_pages = not SOURCE_KINDS[source.kind].follows_updates
        if source.enabled and has_pages and source.name not in read:
            return True
    return False


def _mark(settings: Settings) -> str:
    texts = [*settings.watch.products]
    for subscriber in settings.subscribers:
        texts += [subscriber.name, *subscriber.watched, *subscriber.products]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
