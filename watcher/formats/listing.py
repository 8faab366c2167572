"""Every update in a line: what the front page, the pages of years and the search need of it, kept as ``updates.json``.

The file is read back by the next publishing, so that one new event does not mean reading every update of the state.  Its records
are msgspec's own, which are read three times as fast as dataclasses: there are thousands of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime

import msgspec

from watcher.formats.plain import line
from watcher.judgement import identify
from watcher.records import Confidence, Event, Kind, Package, State, Update

SCHEMA = 1
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

    id: str
    page: str
    title: str  # with its version
    type: str
    version: int
    state: State
    dated: datetime  # the vendor's date, else when it was first seen
    released: datetime | None
    current: datetime | None  # when the version that is current came
    pulled: datetime | None  # since when it is, where it is
    changed: datetime | None
    suspected: bool  # an absence that is not yet a verdict
    exploited: bool
    issues: int  # known issues told of the version that is current
    products: tuple[str, ...]
    packages: tuple[Offer, ...]
    kbs: tuple[str, ...]
    cves: tuple[str, ...]


class Shelf(msgspec.Struct, frozen=True, gc=False):
    """All updates, newest first; ``as_of`` is when anything was last established, ``events`` how many were told."""

    schema: int
    as_of: datetime | None
    events: int
    updates: tuple[Listing, ...]


def name(text: str) -> str:
    """Make a file name's part of an id or a product: ``[a-z0-9-]``, at most 120 characters, different for different slugs."""
    slug = identify.slug(text)
    if _SAFE.fullmatch(slug) and not _DEVICES.fullmatch(slug):
        return slug
    return f"{slug[:80]}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}".lstrip("-")


def page(update_id: str) -> str:
    """Give the path of an update's page from the site's root."""
    return f"updates/{name(update_id)}.html"


def listing(update: Update, events: Iterable[Event]) -> Listing:
    """Give the line of ``update``; ``events`` are those told of it."""
    told = tuple(events)
    issues = sum(event.kind is Kind.KNOWN_ISSUE and event.update.version == update.version for event in told)
    title = line(update.title or update.id, 160)
    offers = tuple(Offer(line(p.product, 100), line(p.build, 40), line(p.kb, 40), p.version) for p in update.packages)
    return Listing(
        id=line(update.id, 200),
        page=page(update.id),
        title=title if title.lower().endswith(f"v{update.version}") else identify.with_version(title, update.version),
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
        kbs=tuple(dict.fromkeys([*(offer.kb for offer in offers if offer.kb), *(line(kb, 40) for kb in update.kbs)])),
        cves=tuple(line(advisory.id, 40) for advisory in update.advisories),
    )


def _current(update: Update, told: Iterable[Event]) -> datetime | None:
    again = [event.time for event in told if event.kind is Kind.RE_RELEASED and event.update.version == update.version]
    return max(again, default=update.released)


def _pulled(update: Update, told: Iterable[Event]) -> datetime | None:
    gone = [event.time for event in told if event.kind is Kind.PULLED and event.confidence is Confidence.CONFIRMED]
    return max(gone, default=update.changed) if update.state is State.PULLED else None


def shelf(listings: Iterable[Listing], events: int) -> Shelf:
    """Set listings in order, newest first."""
    ordered = sorted(listings, key=lambda row: row.id)
    ordered.sort(key=lambda row: row.dated, reverse=True)
    moments = [row.changed or row.dated for row in ordered]
    return Shelf(SCHEMA, max(moments, default=None), events, tuple(ordered))


def bare(row: Listing) -> Update:
    """Give the update of a listing, as far as judging where products stand needs it."""
    packages = tuple(Package(offer.product, offer.kb, offer.build, version=offer.version) for offer in row.packages)
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


def encode(rows: Shelf) -> bytes:
    """Write the file: one update a line, so that a difference of two versions is readable."""
    encoder = msgspec.json.Encoder()
    head = encoder.encode({"schema": rows.schema, "as_of": rows.as_of, "events": rows.events})
    body = b",\n".join(map(encoder.encode, rows.updates))
    return head[:-1] + b',"updates":[\n' + body + b"\n]}\n"


def decode(body: bytes) -> Shelf | None:
    """Read the file back; None when it is none of ours."""
    try:
        rows = msgspec.json.decode(body, type=Shelf)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return rows if rows.schema == SCHEMA else None
