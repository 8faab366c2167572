"""Letters to messages.

Who is owed what, composed and sealed in one transaction, before anything is sent.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from watcher.judgement import audience, source_health
from watcher.records import Event, Letter, Message, State
from watcher.run import deliver, digests, memory, operator, servers, told

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store


def seal(
    events: tuple[Event, ...],
    settings: Settings,
    store: Store,
    last_run: datetime | None,
    now: datetime,
) -> None:
    """Compose the letters that are owed, fix them as messages and queue them, in one
    transaction with their events.

    ``events`` are those that no message has been made of yet; ``last_run`` is when the
    run before was that sealed its own.
    """
    # A clock that has gone back keeps no event from being told
    latest = max((now, *(event.time for event in events)))
    known = servers.exposures(settings, store)
    letters = [
        *_welcomes(settings, store),
        *audience.compose(
            servers.unmuted(events, store, now),
            settings.subscribers,
            latest,
            digests.told(events, store),
            known,
        ),
    ]
    grouped, notes = digests.owed(settings, store, last_run, now, known)
    to_operator, settled = operator.letters(settings, store, now)
    letters = [
        *memory.reminded(
            servers.aware([*letters, *grouped], known, settings, store, now), store
        ),
        *to_operator,
    ]
    notes |= settled | ({told.UNTIL: ""} if events else {})
    if not letters and not events and not notes:
        return
    store.seal(_messages(letters, settings, now), events, notes)


def _messages(
    letters: list[Letter], settings: Settings, now: datetime
) -> list[tuple[Message, list[tuple[str, str]]]]:
    """Render each letter, and say to whom it goes."""
    if not letters:
        return []
    # A check with nothing to tell loads no template engine
    from watcher.mail import render

    return [
        (render.message(letter, settings, now), deliver.ways(letter.subscriber))
        for letter in letters
    ]


def _welcomes(settings: Settings, store: Store) -> list[Letter]:
    """A welcome for every subscriber who has had none, as soon as a source has been read."""
    welcomed = store.subscribers_told("welcome")
    new = [
        subscriber
        for subscriber in settings.subscribers
        if subscriber.name not in welcomed
    ]
    if not new or not any(document.accepted for document in store.documents().values()):
        return []
    standing = tuple(
        update
        for update in store.updates()
        if update.state is State.PULLED or update.packages
    )
    sources = tuple(source for source in settings.sources if source.enabled)
    products, unread = (
        settings.watch.products,
        source_health.unread(settings.sources, store.all_times()),
    )
    return [
        Letter(
            "welcome",
            subscriber,
            standing=standing,
            sources=sources,
            products=products,
            thread="welcome",
            unread=unread,
        )
        for subscriber in new
    ]
