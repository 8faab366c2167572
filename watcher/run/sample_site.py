"""The page made of samples, by which `watcher check` finds what is wrong in its templates."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from watcher.errors import ConfigurationError
from watcher.mail import samples
from watcher.records import Kind
from watcher.run import publish
from watcher.settings import Settings
from watcher.site import feeds
from watcher.site.feeds import SiteAddress
from watcher.site.lists import listing_of
from watcher.site.pages import Life, files
from watcher.text import templates


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
    listings = [listing_of(life.update, life.events) for life in lives]
    # Enough for an archive
    many = tuple(
        replace(events[number % len(events)], id=f"sample-{number}")
        for number in range(2 * feeds.ARCHIVE_SIZE)
    )
    try:
        contents = publish.contents_of(
            settings,
            SiteAddress(settings.base_url, feeds.authority(settings.base_url)),
            lives=lives,
            moved=(("cve-2030-10001", listings[0]),),
            **publish.of_all(listings, many),
        )
        for _ in files(contents, partial(templates.render, settings.templates)):
            pass
    except templates.TemplateMistakeError as error:
        return (str(error.problem),)
    except ConfigurationError as error:
        # Of the words; it names their file
        return (str(error),)
    return ()
