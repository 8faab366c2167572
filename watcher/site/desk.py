"""Where pages are made.

The words and the base that they share, and the pieces of them that are published
already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from markupsafe import Markup

from watcher.records import Event
from watcher.site import blocks, feed, shelves, update_page
from watcher.site.feed import Item, Place
from watcher.site.shown import Shown
from watcher.text.plain import line
from watcher.text.story import Form, story

Render = Callable[[str, Mapping[str, Any]], str]
"""Renders a template of ``templates/``, by its name, with what it is given."""

Published = Callable[[str], bytes]
"""Gives a file that is published, by its name from the site's root; b"" when there is none."""

TITLE = "Advisory Watcher"


class Entries(Protocol):
    """A form of feeds: writes one entry, and finds the entries of a feed that is written."""

    def entry(self, item: Item, place: Place, /) -> bytes:
        """Write an entry."""

    def entries(self, body: bytes, /) -> dict[str, bytes]:
        """Give the entries of a feed, by their ids."""


class Desk:
    """What the pages of one publishing share."""

    def __init__(self, shown: Shown, render: Render, published: Published) -> None:
        """Keep what is ``published`` only where there is a part to add to it."""
        self._shown = shown
        self._render = render
        self._published = published if shown.fresh else lambda _name: b""
        self._items: dict[str, Item] = {}
        self.form = Form(shown.words, shown.zone, shown.place.base_url)
        self.shared: dict[str, Any] = {
            "site": TITLE,
            "words": shown.words,
            "day": lambda moment: shown.words.day(moment, shown.zone),
            "moment": lambda moment: shown.words.moment(moment, shown.zone),
            "watched": tuple(line(product, 100) for product in shown.watched),
            "place": shown.place,
        }

    def page(self, template: str, root: str, names: Mapping[str, Any]) -> bytes:
        """Make a page; ``root`` leads from it to the site's root."""
        return self._render(
            f"site/{template}.html", {**self.shared, "root": root, **names}
        ).encode()

    def plain(self, name: str) -> bytes:
        """Give a file that shows nothing of the ledger."""
        return self._render(f"site/{name}", {}).encode()

    def has(self, path: str, words: str) -> bool:
        """Say whether a published file holds certain words."""
        return words.encode() in self._published(path)

    def rows(self, path: str, lines: Sequence[bytes]) -> Markup:
        """Give a shelf's lines as rows of its page at ``path``."""
        known, fresh = blocks.read(self._published(path)), self._shown.fresh
        new = fresh.pages if fresh else frozenset[str]()
        made = []
        for row in lines:
            name = shelves.key(row)
            html = known.get(name) if name not in new else None
            made.append(
                html or self._block("row", name, "../", {"row": shelves.read(row)})
            )
        return Markup("\n".join(made))  # noqa: S704 - of our own templates, which escape

    def told(self, path: str, root: str, events: Iterable[Event]) -> Markup:
        """Give events, the newest first, as they are listed on the page at ``path``."""
        known, new = blocks.read(self._published(path)), self._new_events()
        made = []
        for event in reversed(tuple(events)):
            name = feed.anchor(event.id)
            html = known.get(name) if event.id not in new else None
            made.append(
                html
                or self._block(
                    "event", name, root, {"one": update_page.brief(event, self.form)}
                )
            )
        return Markup("\n".join(made))  # noqa: S704 - of our own templates, which escape

    def _block(
        self, template: str, name: str, root: str, names: Mapping[str, Any]
    ) -> str:
        return blocks.block(
            name,
            self._render(
                f"site/{template}.html", {**self.shared, "root": root, **names}
            ),
        )

    def entries(
        self, form: Entries, events: Iterable[Event], *paths: str
    ) -> tuple[bytes, ...]:
        """Give events, the newest first, as entries of a feed.

        ``paths`` are published feeds that may hold them already.
        """
        known: dict[str, bytes] = {}
        for path in paths:
            known |= form.entries(self._published(path))
        new, place = self._new_events(), self._shown.place
        made = []
        for event in reversed(tuple(events)):
            written = (
                known.get(feed.event_tag(event.id, event.time, place))
                if event.id not in new
                else None
            )
            made.append(written or form.entry(self._item(event), place))
        return tuple(made)

    def _new_events(self) -> frozenset[str]:
        return self._shown.fresh.events if self._shown.fresh else frozenset()

    def _item(self, event: Event) -> Item:
        if event.id not in self._items:
            told = story(event, self.form)
            content = self._render(
                "site/entry.html", {"story": told, "words": self._shown.words}
            )
            self._items[event.id] = feed.item(
                event, told, content.strip(), self._shown.place
            )
        return self._items[event.id]
