"""An event as an entry of a feed: the same in Atom, RSS and JSON Feed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from watcher.records import Confidence, Event, Kind
from watcher.site.listing import page
from watcher.text import event_json
from watcher.text.plain import line, link
from watcher.text.story import Story, kb_url

PAGE = 50
"""Events of an archive; a feed holds the newest 50 to 99, or all while there are fewer."""

NOBODY = "localhost"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Place(Struct, frozen=True):
    """Where the site is.

    ``base_url`` ends with a slash, or is "" when nobody said; ``authority`` is the
    name in tag URIs (RFC 4151), which stays when the site moves.
    """

    base_url: str
    authority: str

    def at(self, path: str) -> str:
        """Give the address of a file of the site.

        A relative one when the site's own is not known.
        """
        return f"{self.base_url}{path}"

    def tag(self, name: str, day: str = "2025") -> str:
        """Give a permanent name.  ``day`` is when it was given: a year or a date."""
        return f"tag:{self.authority},{day}:{name}"


def authority(base_url: str) -> str:
    """Name who gives the tags: the host that the site is at, else this machine."""
    host = urlsplit(base_url).hostname or NOBODY
    return host if host.isascii() else host.encode("idna").decode("ascii")


class Item(Struct, frozen=True):
    """An entry of a feed."""

    # Tag URI
    id: str
    # Of the update's page
    url: str
    title: str
    summary: str
    # HTML, complete and escaped
    content: str
    published: datetime
    updated: datetime
    # (kind, product or severity; its name)
    tags: tuple[tuple[str, str], ...]
    # The vendor's pages
    related: tuple[str, ...]
    # (address, source) that told it
    via: tuple[tuple[str, str], ...]
    # The public object
    event: dict[str, Any]


class Grave(Struct, frozen=True):
    """A tombstone (RFC 6721): the entry of a release that was pulled."""

    ref: str
    when: datetime
    comment: str


class Feed(Struct, frozen=True):
    """A feed: newest entry first; ``path`` from the site's root; ``previous`` leads to
    the archive before (RFC 5005).

    ``entries`` are written in the feed's own form; ``updated`` is when one of them
    last was.
    """

    path: str
    title: str
    entries: tuple[bytes, ...]
    updated: datetime = NEVER
    graves: tuple[Grave, ...] = ()
    previous: str = ""
    # Of an archive: the next one
    following: str = ""
    archive: bool = False


def updated(events: Iterable[Event]) -> datetime:
    """Say when any of the events was last written: told, or given more evidence."""
    return max((_updated(event) for event in events), default=NEVER)


def _updated(event: Event) -> datetime:
    return max((event.time, *(proof.time for proof in event.evidence)))


def event_tag(event_id: str, time: datetime, place: Place) -> str:
    """Give an event's permanent name."""
    return place.tag(
        f"event/{line(event_id, 80).replace(' ', '-')}",
        f"{time.astimezone(UTC):%Y-%m-%d}",
    )


def item(event: Event, story: Story, content: str, place: Place) -> Item:
    """Make the entry of an event; ``content`` is its HTML."""
    severities = dict.fromkeys(flaw.severity for flaw in story.flaws if flaw.severity)
    tags = [
        ("kind", event.kind.value),
        *(("product", line(product, 100)) for product in event.update.products),
    ]
    tags += [("severity", severity) for severity in severities]
    if event.confidence is Confidence.SUSPECTED:
        tags.append(("kind", "suspected"))
    vendor = (
        [flaw.url for flaw in story.flaws]
        + [kb_url(kb) for kb in story.kbs]
        + [row.url for row in story.rows]
    )
    sources = dict.fromkeys(
        (link(proof.url), line(proof.source, 80)) for proof in event.evidence
    )
    return Item(
        id=event_tag(event.id, event.time, place),
        url=place.at(f"{page(event.update.id)}#{anchor(event.id)}"),
        title=f"[{story.tag}] {story.headline}",
        summary=story.summary,
        content=content,
        published=event.time,
        updated=_updated(event),
        tags=tuple(dict.fromkeys(tags)),
        related=tuple(dict.fromkeys(url for url in vendor if url))[:20],
        via=tuple((url, source) for url, source in sources if url)[:20],
        event=event_json.public(event),
    )


def anchor(event_id: str) -> str:
    """Give the id that an event has on its update's page."""
    return "e-" + "".join(
        sign for sign in event_id[:80] if sign.isascii() and sign.isalnum()
    )


def graves(events: Iterable[Event], place: Place) -> tuple[Grave, ...]:
    """Give a tombstone for the entry of each release that a later event among ``events``
    says is pulled.
    """
    offered: dict[tuple[str, int], Event] = {}
    found: list[Grave] = []
    for event in events:
        key = (event.update.id, event.update.version)
        if event.kind in (Kind.RELEASED, Kind.RE_RELEASED):
            offered[key] = event
        elif (
            event.kind is Kind.PULLED
            and event.confidence is Confidence.CONFIRMED
            and key in offered
        ):
            release = offered.pop(key)
            comment = line(event.summary, 300)
            found.append(
                Grave(event_tag(release.id, release.time, place), event.time, comment)
            )
    return tuple(reversed(found))


def window(total: int) -> int:
    """Say how many of ``total`` events the feed holds.

    From 50 to 99, or all while there are fewer than 100.
    """
    return total - archives(total) * PAGE


def archives(total: int) -> int:
    """Say how many archives of 50 events there are before the feed's window."""
    return max(0, total // PAGE - 1)


def archive_path(number: int) -> str:
    """Give the path of an archive; the oldest events are in the first."""
    return f"archive/{number + 1}.atom"
