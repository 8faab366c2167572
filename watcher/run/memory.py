"""What each reader was told before.

A mail that says "what we told you before" must have told it to this very reader.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watcher.records import Before, Event, Kind, Letter

if TYPE_CHECKING:
    from watcher.store import Store


def reminded(letters: Iterable[Letter], store: Store) -> list[Letter]:
    """Give each letter what happened before its events.

    That is the last thing that its reader was told of the same update; where they were
    told nothing of it (they joined later, or ask for other kinds), the last thing that
    happened.  Of a correction it is the event that it corrects.
    """
    return [
        replace(letter, before=tuple(_before(letter, store)))
        if letter.events
        else letter
        for letter in letters
    ]


def _before(letter: Letter, store: Store) -> Iterable[Before]:
    for event in letter.events:
        earlier = _earlier(event, store)
        told = store.told(letter.subscriber.name, (one.id for one in earlier))
        mine = [one for one in earlier if one.id in told]
        if earlier:
            yield Before(event.id, (mine or earlier)[-1], bool(mine))


def _earlier(event: Event, store: Store) -> list[Event]:
    """Give what happened to an event's update before it, in order."""
    if event.kind is Kind.CORRECTED and event.corrects:
        wrong = store.event(event.corrects)
        return [wrong] if wrong else []
    known = store.events_of(event.update.id)
    return [one for one in known if one.id != event.id and one.time < event.time]
