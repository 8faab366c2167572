"""The note some hours after Microsoft's monthly release: what came, or that nothing did.

For subscribers who ask for it.  Silence would say the same as a watcher that is dead.
"""

from __future__ import annotations

from datetime import UTC, datetime, time

from watcher.config import Settings
from watcher.judgement import audience, source_health
from watcher.judgement.source_health import PATIENCE, patch_tuesday
from watcher.records import Event, Exposure, Letter, Subscriber, Unread
from watcher.run import operator
from watcher.run import unseen as unseen_patterns
from watcher.store import Store
from watcher.text.words import words_of

KIND = "patch-tuesday"
LAST_MONTH_OF = "patch-tuesday "
"""Note, with a subscriber's name: the month that their last note was of."""


def letters(
    events: tuple[Event, ...],
    settings: Settings,
    store: Store,
    exposures: tuple[Exposure, ...],
    last_run: datetime | None,
    now: datetime,
) -> tuple[list[Letter], dict[str, str]]:
    """Compose the notes that are due, with the notes of the state that are sealed with them.

    ``events`` are those since the release that are not muted.  Who asks for the first
    time begins with the next month.
    """
    readers = [each for each in settings.subscribers if each.patch_tuesday]
    if not readers:
        return [], {}
    released = patch_tuesday(now - PATIENCE)
    month = f"{released:%Y-%m}"
    last_months = store.metas(LAST_MONTH_OF)
    found, notes = [], {}
    for reader in readers:
        before = last_months.get(reader.name)
        if before is None:
            notes[LAST_MONTH_OF + reader.name] = month
        # A clock that was ahead noted a month that is yet to come: each is noted once
        elif before < month and _is_time(reader, settings, last_run, now):
            theirs = [
                each
                for each in events
                if audience.concerns(reader, each, None, exposures)
            ]
            found.append(_letter(reader, theirs, released, settings, store))
            notes[LAST_MONTH_OF + reader.name] = month
    return found, notes


def since(now: datetime) -> datetime:
    """Say from when on something belongs to the newest release.

    By the day: Microsoft dates what is released at ten in the morning to the midnight
    before.
    """
    return datetime.combine(patch_tuesday(now - PATIENCE).date(), time(), UTC)


def _is_time(
    reader: Subscriber, settings: Settings, last_run: datetime | None, now: datetime
) -> bool:
    return audience.is_scheduled(reader.when, settings.zone_of(reader), last_run, now)


def _letter(
    reader: Subscriber,
    events: list[Event],
    released: datetime,
    settings: Settings,
    store: Store,
) -> Letter:
    healths = operator.source_healths(settings, store)
    words = words_of(settings.templates, reader.language)
    blind = unseen_patterns.patterns(settings, store)
    return Letter(
        KIND,
        reader,
        audience.as_it_stands(audience.gravest_first(events)),
        subject=words.day(released, settings.zone_of(reader)),
        # "Nothing for you" from sources that nobody could read would be a lie
        unread=tuple(
            Unread(name, "") for name in source_health.unread_since(healths, released)
        ),
        # Nor is silence about products that no source names an all-clear
        unseen=source_health.of_reader(blind, reader),
        hears_nothing=source_health.hears_nothing(reader, settings.watch, blind),
    )
