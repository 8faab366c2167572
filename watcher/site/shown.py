"""What the site shows: what its files are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo

from msgspec import Struct

from watcher.records import Event, Exposure, Source, Update
from watcher.site.feed import Place
from watcher.site.listing import Listing, Overview
from watcher.text.words import Words


class Life(Struct, frozen=True):
    """An update, and the events told of it, in order."""

    update: Update
    events: tuple[Event, ...]
    # The administrator's that it concerns, where they are published
    servers: tuple[Exposure, ...] = ()


class Followed(Struct, frozen=True):
    """A product's feed.

    Its path from the site's root, the product, and the newest events told of it, in
    order.
    """

    path: str
    product: str
    events: tuple[Event, ...]


class Fresh(Struct, frozen=True):
    """What is new since the site was published.

    Names of updates' pages, and ids of events that are new or have more evidence.
    """

    pages: frozenset[str]
    events: frozenset[str]


class Shown(Struct, frozen=True):
    """What the site shows.

    ``events`` are those of the feeds and the front page, in order; ``archives`` the
    older ones by the number of their archive. ``fresh`` is None when everything is
    there; else ``lives``, ``moved``, ``shelves``, ``followed`` and ``archives`` hold
    only what concerns it, and pieces of pages that are not fresh are taken over as
    they are published.
    """

    place: Place
    words: Words
    zone: tzinfo
    watched: tuple[str, ...]
    sources: tuple[Source, ...]
    overview: Overview
    lives: Iterable[Life]
    # (id that went, the update that has it now)
    moved: tuple[tuple[str, Listing], ...]
    shelves: Mapping[str, tuple[bytes, ...]]
    events: tuple[Event, ...]
    archives: Mapping[int, tuple[Event, ...]]
    followed: tuple[Followed, ...]
    fresh: Fresh | None = None
    # Sources that could not be read yet
    unread: tuple[str, ...] = ()
