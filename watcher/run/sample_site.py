"""The page made of samples, by which `watcher check` finds what is wrong in its templates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watcher.errors import ConfigurationError
from watcher.mail import samples
from watcher.records import Kind
from watcher.run.shown import of_all
from watcher.site import feed, listing
from watcher.site.feed import Place
from watcher.site.pages import files
from watcher.site.shown import Life, Shown
from watcher.text import templates
from watcher.text.words import words_of

if TYPE_CHECKING:
    from watcher.config import Settings


def complaints(settings: Settings) -> tuple[str, ...]:
    """Render every page and feed of samples.

    What is wrong in the first template that cannot be rendered.
    """
    events = tuple(samples.event(kind) for kind in Kind)
    lives = [
        Life(
            update,
            tuple(event for event in events if event.update.id == update.id),
            samples.servers(),
        )
        for update in samples.welcome(pulled=True).standing
    ]
    rows = [listing.listing(life.update, life.events) for life in lives]
    place = Place(settings.base_url, feed.authority(settings.base_url))
    # Enough for an archive
    many = tuple(
        replace(events[number % len(events)], id=f"sample-{number}")
        for number in range(2 * feed.PAGE)
    )
    try:
        parts = of_all(rows, many)
        shown = Shown(
            place,
            words_of(settings.templates),
            settings.zone,
            settings.watch.products,
            settings.sources,
            lives=lives,
            moved=(("cve-2030-10001", rows[0]),),
            **parts,
        )
        for _ in files(
            shown, partial(templates.render, settings.templates), lambda _name: b""
        ):
            pass
    except templates.TemplateMistakeError as error:
        return (str(error.problem),)
    except ConfigurationError as error:
        # Of the words; it names their file
        return (str(error),)
    return ()
