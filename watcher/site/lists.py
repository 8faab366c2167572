"""All updates, a list for each year: what the lists, the front page and the search show.

``years/<name>.json`` holds a list, ``updates.json`` says which lists there are and what
the front page shows.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from watcher.judgement.names import slug, with_version
from watcher.judgement.packages import all_articles
from watcher.records import Confidence, Event, Kind, Package, State, Update
from watcher.text.plain import line

SCHEMA = 2
MOST = 200
"""Updates of a year on one page; a year of more is shown by months."""

EVENT_KINDS = (Kind.RE_RELEASED, Kind.PULLED, Kind.KNOWN_ISSUE)
"""What a list reads of an update's events."""

_SAFE = re.compile(r"[a-z0-9][a-z0-9-]{0,119}")
# Windows opens a device under these names, and "index" is a page of its own
_TAKEN = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|index)")
_encode = msgspec.json.Encoder().encode


class Offer(msgspec.Struct, frozen=True):
    """A package as far as a list shows it."""

    product: str
    build: str
    kb: str
    version: int
    # While other packages of its update are offered
    pulled: bool = False


class Listing(msgspec.Struct, frozen=True):
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
    # Known issues of the version that is current
    issues: int
    products: tuple[str, ...]
    packages: tuple[Offer, ...]
    kbs: tuple[str, ...]
    cves: tuple[str, ...]


class Overview(msgspec.Struct, frozen=True):
    """What the lists, the front page and ``updates.json`` say of all updates together.

    ``as_of`` is when anything was last established, ``events`` how many there are.
    ``lists`` are the lists of updates by name and length, the newest first;
    ``archives`` the times of the first event of each archive; ``current`` the updates
    that decide where a product stands, see ``front_page.current``.
    """

    as_of: datetime | None
    events: int
    lists: dict[str, int]
    archives: tuple[datetime, ...]
    products: tuple[str, ...]
    current: tuple[Listing, ...]


# --- names of files -------------------------------------------------------------------


def file_name(text: str) -> str:
    """Make a file name's part of an id or a product.

    ``[a-z0-9-]``, at most 120 characters, different for different slugs.
    """
    short = slug(text)
    if _SAFE.fullmatch(short) and not _TAKEN.fullmatch(short):
        return short
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{short[:80]}-{digest}".lstrip("-")


def page_path(update_id: str) -> str:
    """Give the path of an update's page from the site's root.

    ``updates/<id>.html``, in lower case and without signs that some file system does not
    take.
    """
    return f"updates/{file_name(update_id)}.html"


def feed_path(product: str) -> str:
    """Give the path of a product's feed from the site's root.

    A product's name is a source's word: it is made fit for a file name first.
    """
    return f"products/{file_name(line(product, 100))}.atom"


# --- an update in a list --------------------------------------------------------------


def listing_of(update: Update, events: Iterable[Event]) -> Listing:
    """Give what lists show of ``update``.

    ``events`` are its own; those of ``EVENT_KINDS`` are enough.
    """
    own_events = tuple(events)
    title = line(update.title or update.id, 160)
    if not title.lower().endswith(f"v{update.version}"):
        title = with_version(title, update.version)
    offers = [
        Offer(
            line(p.product, 100),
            line(p.build, 40),
            line(p.kb, 40),
            p.version,
            update.is_pulled_in_part and p.pulled,
        )
        for p in update.packages
    ]
    return Listing(
        id=line(update.id, 200),
        page=page_path(update.id),
        title=title,
        type=line(update.type, 40),
        version=update.version,
        state=update.state,
        dated=update.dated,
        released=update.released,
        current=_current_since(update, own_events),
        pulled=_pulled_since(update, own_events),
        changed=update.changed,
        suspected=bool(update.suspicions),
        exploited=any(advisory.exploited for advisory in update.advisories),
        issues=_count_issues(update, own_events),
        products=tuple(line(product, 100) for product in update.products),
        packages=tuple(dict.fromkeys(offers)),
        kbs=tuple(line(kb, 40) for kb in all_articles(update)),
        cves=tuple(line(advisory.id, 40) for advisory in update.advisories),
    )


def _current_since(update: Update, events: Iterable[Event]) -> datetime | None:
    """Say when the current version came."""
    again = [
        event.time
        for event in events
        if event.kind is Kind.RE_RELEASED and event.update.version == update.version
    ]
    return max(again, default=update.released)


def _pulled_since(update: Update, events: Iterable[Event]) -> datetime | None:
    """Say since when an update is pulled, None when it is not."""
    if not update.has_pulled_packages:
        return None
    pulls = [
        event.time
        for event in events
        if event.kind is Kind.PULLED and event.confidence is Confidence.CONFIRMED
    ]
    return max(pulls, default=update.changed)


def _count_issues(update: Update, events: Iterable[Event]) -> int:
    """Count the known issues of the current version."""
    return sum(
        event.kind is Kind.KNOWN_ISSUE and event.update.version == update.version
        for event in events
    )


def products(listing: Listing) -> tuple[str, ...]:
    """Name the products that an update concerns."""
    offered = (offer.product for offer in listing.packages)
    return tuple(dict.fromkeys(filter(None, (*listing.products, *offered))))


def as_update(listing: Listing) -> Update:
    """Give the update of a listing, as far as judging where products stand needs it.

    Its dates, packages and state; of its advisories and history a listing says nothing.
    """
    packages = tuple(
        Package(
            offer.product,
            offer.kb,
            offer.build,
            version=offer.version,
            pulled=offer.pulled,
        )
        for offer in listing.packages
    )
    return Update(
        listing.id,
        listing.title,
        "",
        listing.type,
        "",
        listing.version,
        listing.state,
        listing.dated,
        listing.released,
        listing.changed,
        listing.products,
        packages,
        kbs=listing.kbs,
    )


# --- the lists ------------------------------------------------------------------------


def in_order(listings: Iterable[Listing]) -> list[Listing]:
    """Set listings in order, newest first."""
    return sorted(listings, key=lambda one: (-one.dated.timestamp(), one.id))


def by_list(ordered: Iterable[Listing]) -> dict[str, tuple[Listing, ...]]:
    """Put listings, in order, on their lists: each list by its name.

    Lists are named ``2024``, and in years of more than ``MOST`` updates ``2024-11``.
    """
    listings = tuple(ordered)
    months = Counter(month_of(listing.dated) for listing in listings)
    names = list_names(months)
    found: dict[str, list[Listing]] = {}
    for listing in listings:
        found.setdefault(names[month_of(listing.dated)], []).append(listing)
    return {name: tuple(held) for name, held in found.items()}


def month_of(dated: datetime) -> str:
    """Name the month of an update of that date: ``2024-11``.

    By UTC, as file names must be the same whoever publishes.
    """
    day = dated.astimezone(UTC)
    return f"{day.year:04}-{day.month:02}"


def list_names(months: Mapping[str, int]) -> dict[str, str]:
    """Name the list of each month, given how many updates each has.

    A year of more than ``MOST`` has a list for each month, else all are on one.
    """
    years = Counter[str]()
    for month, count in months.items():
        years[month[:4]] += count
    return {month: month if years[month[:4]] > MOST else month[:4] for month in months}


def lengths(months: Mapping[str, int]) -> dict[str, int]:
    """Count the updates on each list, the newest first, given those of each month.

    Months in, lists out: the page of all years shows it.
    """
    names = list_names(months)
    found = Counter[str]()
    for month in sorted(months, reverse=True):
        found[names[month]] += months[month]
    return dict(found)


def year_of(name: str) -> str:
    """Give a list's year."""
    return name[:4]


def years_by_month(names: Iterable[str]) -> set[str]:
    """Give the years that are shown by months, given the names of all lists."""
    return {year_of(name) for name in names if "-" in name}


def years(lengths: Mapping[str, int]) -> dict[str, int]:
    """Count the updates of each year, the newest first."""
    found = Counter[str]()
    for name, count in lengths.items():
        found[year_of(name)] += count
    return dict(sorted(found.items(), reverse=True))


def list_files(names: Collection[str]) -> set[str]:
    """Name all files in ``years/``, from the site's root, given the names of all lists.

    What of the folder is none of these is left from before, and is taken away.
    """
    found = {f"years/{year}.html" for year in years_by_month(names)}
    for name in names:
        found |= {f"years/{name}.html", f"years/{name}.json"}
    return found


def encode_list(listings: Iterable[Listing]) -> bytes:
    """Write a list's file, an update a line.

    JSON, sorted keys, equal bytes for equal listings.
    """
    return b"[\n" + b",\n".join(map(_encode, listings)) + b"\n]\n"


def encode_overview(overview: Overview) -> bytes:
    """Write ``updates.json``.

    A list or an update a line, so that a difference of two versions is readable.
    """
    head = {"schema": SCHEMA, "as_of": overview.as_of, "events": overview.events}
    lengths = [
        _encode(name) + b":" + _encode(count) for name, count in overview.lists.items()
    ]
    sections = [
        _encode(head)[:-1],
        b',"shelves":{\n' + b",\n".join(lengths),
        b'\n},"archives":[\n' + b",\n".join(map(_encode, overview.archives)),
        b'\n],"products":[\n' + b",\n".join(map(_encode, overview.products)),
        b'\n],"current":[\n' + b",\n".join(map(_encode, overview.current)),
        b"\n]}\n",
    ]
    return b"".join(sections)
