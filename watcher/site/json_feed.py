"""JSON Feed 1.1, each item with the event's public object as ``_advisory``."""

from __future__ import annotations

import json
from typing import Any

from watcher.site.feed import Feed, Item, Place
from watcher.text.event_json import time

VERSION = "https://jsonfeed.org/version/1.1"
_ITEMS, _END, _ID = b', "items": [\n', b"\n]}\n", b'{"id": '


def json_feed(feed: Feed, place: Place) -> bytes:
    """Write a feed of items that are written.

    Equal feeds give equal bytes; only ASCII, so that no reader mistakes the encoding.
    """
    head: dict[str, Any] = {
        "version": VERSION,
        "title": feed.title,
        "description": (
            "What became of the updates that are watched: released, pulled, "
            "re-released."
        ),
        "language": "en",
        "authors": [{"name": "Advisory Watcher"}],
    }
    if place.base_url:
        head |= {
            "home_page_url": place.at("index.html"),
            "feed_url": place.at(feed.path),
        }
    # A line each: a difference is readable
    return json.dumps(head)[:-1].encode() + _ITEMS + b",\n".join(feed.entries) + _END


def entries(body: bytes) -> dict[str, bytes]:
    """Give the items of a written feed by their ids."""
    lines = body.partition(_ITEMS)[2].removesuffix(_END).split(b",\n")
    return {
        json.loads(line[len(_ID) :].partition(b", ")[0]): line
        for line in lines
        if line.startswith(_ID)
    }


def entry(item: Item, place: Place) -> bytes:
    """Write an item, as it stands in a feed."""
    return json.dumps(_item(item, place)).encode()


def _item(item: Item, place: Place) -> dict[str, Any]:
    links = {"url": item.url} if place.base_url else {}
    outside = next(iter([*(url for url, _ in item.via), *item.related]), "")
    return {
        "id": item.id,
        **links,
        **({"external_url": outside} if outside else {}),
        "title": item.title,
        "summary": item.summary,
        "content_html": item.content,
        "date_published": time(item.published),
        "date_modified": time(item.updated),
        "tags": [term for _, term in item.tags],
        "_advisory": item.event,
    }
