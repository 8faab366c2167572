"""Digests: what each reader's next one is to hold, and how far the ones before have told.

For each subscriber with a rhythm the store keeps the place of the last event that
their digests took in (``digest NAME``). It is moved in the transaction that seals the
digest, so that a killed run neither loses nor repeats an event.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from watcher.judgement import audience
from watcher.records import Event, Exposure, Letter
from watcher.run import servers

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

NOTE = "digest "


def owed(
    settings: Settings,
    store: Store,
    last_run: datetime | None,
    now: datetime,
    known: tuple[Exposure, ...] = (),
) -> tuple[list[Letter], dict[str, str]]:
    """Compose the digests that are to go out now.

    Give them with the notes that are to be sealed with them.

    ``known`` are the administrator's servers. Whoever is new begins with the events
    that this run seals.  Who changed to ``at-once`` gets what had waited until then.
    """
    told_until = store.metas(NOTE)
    letters: list[Letter] = []
    notes = {
        f"{NOTE}{name}": ""
        for name in told_until
        if name not in {subscriber.name for subscriber in settings.subscribers}
    }
    for subscriber in settings.subscribers:
        at_once = audience.rhythm(subscriber.when) is None
        if at_once and subscriber.name not in told_until:
            continue
        sealed = store.last_sealed()
        begun = int(told_until.get(subscriber.name, sealed))
        waiting = {
            place: event
            for place, event in store.events_after(begun).items()
            if not at_once or place <= sealed
        }
        if audience.owed(
            subscriber.when,
            settings.zone_of(subscriber),
            (event.time for event in waiting.values()),
            last_run,
            now,
        ):
            events = servers.unmuted(waiting.values(), store, now)
            letters += audience.grouped(
                subscriber, events, told(waiting.values(), store), known
            )
            begun = max(waiting)
        notes[NOTE + subscriber.name] = "" if at_once else str(begun)
    kept = {f"{NOTE}{name}": place for name, place in told_until.items()}
    return letters, {
        key: value for key, value in notes.items() if value != kept.get(key)
    }


def told(events: Iterable[Event], store: Store) -> dict[str, set[str]]:
    """Say who was told of the events that corrections are about."""
    return {
        event.corrects: {
            message.subscriber for message, _ in store.messages_of(event=event.corrects)
        }
        for event in events
        if event.corrects
    }
