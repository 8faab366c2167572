"""The page made of samples, by which `watcher check` finds what is wrong in its templates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from watcher import render
from watcher.errors import ConfigurationError
from watcher.formats import feed, listing, samples
from watcher.formats.feed import Place
from watcher.publish.pages import Life, Shown, files
from watcher.records import Kind

if TYPE_CHECKING:
    from watcher.config import Settings


def complaints(settings: Settings) -> tuple[str, ...]:
    """Render every page and feed of samples; what is wrong in the first template that cannot be rendered."""
    events = tuple(samples.event(kind) for kind in Kind)
    lives = [
        Life(update, tuple(event for event in events if event.update.id == update.id)) for update in samples.welcome(pulled=True).standing
    ]
    rows = [listing.listing(life.update, life.events) for life in lives]
    try:
        shown = Shown(
            Place(settings.base_url, feed.authority(settings.base_url)),
            render.words(settings),
            settings.zone,
            settings.watch.products,
            settings.sources,
            listing.shelf(rows, len(events)),
            lives,
            (("cve-2030-10001", rows[0].id),),
            frozenset(row.dated.year for row in rows),
            events,
            {events[0].update.products[0]: events},
        )
        for _ in files(shown, partial(render.page, settings)):
            pass
    except render.TemplateMistakeError as error:
        return (str(error.problem),)
    except ConfigurationError as error:  # of the words; it names their file
        return (str(error),)
    return ()
