"""Every update in a line: what the front page, the lists of years and the search need of it.

``years/<year>.json`` holds a year's lines, ``updates.json`` says which of these files
there are, and what the front page shows. Both are read back by the next publishing, so
that one new event does not mean reading every update of the state.  Their records are
msgspec's own, which are read three times as fast as dataclasses: there are thousands
of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime

import msgspec

from watcher.judgement.names import slug, with_version
from watcher.judgement.packages import all_articles
from watcher.records import Confidence, Event, Kind, Package, State, Update
from watcher.text.plain import line

SCHEMA = 2
_SAFE = re.compile(r"[a-z0-9][a-z0-9-]{0,119}")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|index)")


class Offer(msgspec.Struct, frozen=True, gc=False):
    """A package as far as a list shows it."""

    product: str
    build: str
    kb: str
    version: int


class Listing(msgspec.Struct, frozen=True, gc=False):
    """An update as far as a list shows it; ``page`` is its page's path from the site's root."""

    # First, so that a line is found by it
    page: str
    id: str
    # With its version
    title: str
    type: str
    version: int
    state: State
    # The vendor's date, else when it was first seen
    dated: datetime
    released: datetime | None
    # When the version that is current came
    current: datetime | None
    # Since when it is, where it is
    pulled: datetime | None
    changed: datetime | None
    # An absence that is not yet a verdict
    suspected: bool
    exploited: bool
    # Known issues told of the version that is current
    issues: int
    products: tuple[str, ...]
    packages: tuple[Offer, ...]
    kbs: tuple[str, ...]
    cves: tuple[str, ...]


class Overview(msgspec.Struct, frozen=True, gc=False):
    """What is known of all updates without reading them.

    ``as_of`` is when anything was last established, ``events`` how many were told.
    ``shelves`` are the lists of updates by name and length, the newest first;
    ``archives`` the times of the first event of each archive; ``current`` the updates
    that decide where a product stands, see ``glance.current``.
    """

    schema: int
    as_of: datetime | None
    events: int
    shelves: dict[str, int]
    archives: tuple[datetime, ...]
    products: tuple[str, ...]
    current: tuple[Listing, ...]


def name(text: str) -> str:
    """Make a file name's part of an id or a product.

    ``[a-z0-9-]``, at most 120 characters, different for different slugs.
    """
    short = slug(text)
    if _SAFE.fullmatch(short) and not _DEVICES.fullmatch(short):
        return short
    return f"{short[:80]}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}".lstrip(
        "-"
    )


def page(update_id: str) -> str:
    """Give the path of an update's page from the site's root."""
    return f"updates/{name(update_id)}.html"


def listing(update: Update, events: Iterable[Event]) -> Listing:
    """Give the line of ``update``; ``events`` are those told of it."""
    told = tuple(events)
    issues = sum(
        event.kind is Kind.KNOWN_ISSUE and event.update.version == update.version
        for event in told
    )
    title = line(update.title or update.id, 160)
    offers = tuple(
        Offer(line(p.product, 100), line(p.build, 40), line(p.kb, 40), p.version)
        for p in update.packages
    )
    return Listing(
        id=line(update.id, 200),
        page=page(update.id),
        title=title
        if title.lower().endswith(f"v{update.version}")
        else with_version(title, update.version),
        type=line(update.type, 40),
        version=update.version,
        state=update.state,
        dated=update.released or update.first_seen,
        released=update.released,
        current=_current(update, told),
        pulled=_pulled(update, told),
        changed=update.changed,
        suspected=bool(update.suspicions),
        exploited=any(advisory.exploited for advisory in update.advisories),
        issues=issues,
        products=tuple(line(product, 100) for product in update.products),
        packages=tuple(dict.fromkeys(offers)),
        kbs=tuple(line(kb, 40) for kb in all_articles(update)),
        cves=tuple(line(advisory.id, 40) for advisory in update.advisories),
    )


def _current(update: Update, told: Iterable[Event]) -> datetime | None:
    again = [
        event.time
        for event in told
        if event.kind is Kind.RE_RELEASED and event.update.version == update.version
    ]
    return max(again, default=update.released)


def _pulled(update: Update, told: Iterable[Event]) -> datetime | None:
    gone = [
        event.time
        for event in told
        if event.kind is Kind.PULLED and event.confidence is Confidence.CONFIRMED
    ]
    return max(gone, default=update.changed) if update.state is State.PULLED else None


def order(rows: Iterable[Listing]) -> list[Listing]:
    """Set listings in order, newest first."""
    return sorted(rows, key=lambda row: (-row.dated.timestamp(), row.id))


def products(row: Listing) -> tuple[str, ...]:
    """Name the products that a listing concerns."""
    return tuple(
        dict.fromkeys(
            filter(None, (*row.products, *(offer.product for offer in row.packages)))
        )
    )


def bare(row: Listing) -> Update:
    """Give the update of a listing, as far as judging where products stand needs it."""
    packages = tuple(
        Package(offer.product, offer.kb, offer.build, version=offer.version)
        for offer in row.packages
    )
    return Update(
        row.id,
        row.title,
        "",
        row.type,
        "",
        row.version,
        row.state,
        row.dated,
        row.released,
        row.changed,
        row.products,
        packages,
        kbs=row.kbs,
    )


def encode(overview: Overview) -> bytes:
    """Write ``updates.json``.

    A list or an update a line, so that a difference of two versions is readable.
    """
    encode_one = msgspec.json.Encoder().encode
    head = encode_one(
        {"schema": overview.schema, "as_of": overview.as_of, "events": overview.events}
    )
    shelves = b",\n".join(
        encode_one(name) + b":" + encode_one(count)
        for name, count in overview.shelves.items()
    )
    archives = b",\n".join(map(encode_one, overview.archives))
    products = b",\n".join(map(encode_one, overview.products))
    current = b",\n".join(map(encode_one, overview.current))
    body = (
        b',"shelves":{\n'
        + shelves
        + b'\n},"archives":[\n'
        + archives
        + b'\n],"products":[\n'
        + products
        + b'\n],"current":[\n'
        + current
        + b"\n]}\n"
    )
    return head[:-1] + body


def decode(body: bytes) -> Overview | None:
    """Read ``updates.json`` back; None when it is none of ours."""
    try:
        overview = msgspec.json.decode(body, type=Overview)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return overview if overview.schema == SCHEMA else None
