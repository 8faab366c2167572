"""Letters to messages: who is owed what, composed and sealed in one transaction, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from watcher.judgement import digest
from watcher.records import Event, Letter, State

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store


def seal(events: tuple[Event, ...], settings: Settings, store: Store, now: datetime) -> None:
    """Compose the letters that are owed, fix them as messages and queue them, in one transaction with their events."""
    letters = [*_welcomes(settings, store), *digest.compose(events, settings.subscribers, now, _told(events, store))]
    if not letters and not events:
        return
    from watcher import render  # a check with nothing to tell loads no template engine

    messages = [(render.message(letter, settings, now), [(address, "mail") for address in letter.subscriber.to]) for letter in letters]
    store.seal(messages, events)


def _told(events: Iterable[Event], store: Store) -> dict[str, set[str]]:
    """Who was told of the events that corrections are about."""
    return {
        event.corrects: {message.subscriber for message, _ in store.messages_of(event=event.corrects)} for event in events if event.corrects
    }


def _welcomes(settings: Settings, store: Store) -> list[Letter]:
    """A welcome for every subscriber who has had none, as soon as a source has been read."""
    welcomed = store.subscribers_told("welcome")
    new = [subscriber for subscriber in settings.subscribers if subscriber.name not in welcomed]
    if not new or not any(document.accepted for document in store.documents().values()):
        return []
    standing = tuple(update for update in store.updates() if update.state is State.PULLED or update.packages)
    sources = tuple(source for source in settings.sources if source.enabled)
    return [
        Letter("welcome", subscriber, standing=standing, sources=sources, products=settings.watch.products, thread="welcome")
        for subscriber in new
    ]
