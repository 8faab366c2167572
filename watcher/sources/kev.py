"""CISA's catalogue of known exploited vulnerabilities.

JSON, the newest first, every CVE an entry.

Left out is ``notes``, which is edited in place in most publications and says nothing
of the vulnerability.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Entry, Page, Passage, Snapshot, Watch
from watcher.sources.answer import decode, snapshot, unique

_PAGE = (
    "https://www.cisa.gov/known-exploited-vulnerabilities-catalog?search_api_fulltext="
)


class Exploited(Struct, frozen=True, rename="camel"):
    """One vulnerability of the catalogue, under its schema's names."""

    cve: Annotated[str, Meta(pattern=r"^CVE-[0-9]{4}-[0-9]{4,19}$")] = msgspec.field(
        name="cveID"
    )
    vendor_project: str
    product: str
    vulnerability_name: str
    date_added: date
    short_description: str
    required_action: str
    due_date: date
    known_ransomware_campaign_use: str = "Unknown"

    @property
    def added(self) -> datetime:
        """The beginning of the day on which it was added."""
        return datetime.combine(self.date_added, time.min, UTC)


class Catalogue(Struct, frozen=True, rename="camel"):
    """The whole file."""

    catalog_version: str
    count: int
    vulnerabilities: tuple[Exploited, ...]


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read the catalogue; an entry is watched when one of the products it names is.

    Raises:
        ParseError: it was cut short (as that of 2025-02-25 was for an hour), misses
            what its schema requires, or counts itself otherwise.

    """
    catalogue = decode(page.body, Catalogue, "CISA's KEV catalogue")
    listed = len(catalogue.vulnerabilities)
    if listed != catalogue.count:
        raise ParseError(
            f"KEV catalogue {catalogue.catalog_version} says that it has "
            f"{catalogue.count} vulnerabilities, but lists {listed}"
        )
    entries: dict[str, Entry] = {}
    added: list[datetime | None] = []
    for item in catalogue.vulnerabilities:
        added.append(normalize.possible(item.added, page.time))
        products = unique(_products(item, watch))
        if products:
            entries[item.cve] = _entry(item, products)
    return snapshot(
        page,
        total=listed,
        identity="kev",
        entries=entries.values(),
        newest=max(filter(None, added), default=None),
    )


def _products(item: Exploited, watch: Watch) -> Iterator[str]:
    """Yield the watched ones of an entry's products, with their vendor or without.

    It may name several, as in "Edge and Internet Explorer".
    """
    for name in re.split(r", | and ", normalize.fold(item.product)):
        bare = normalize.product(name)
        whole = bare
        # "Cisco" makes "Cisco IOS", but "Microsoft" makes no "Microsoft Microsoft 365"
        if not bare.lower().startswith(item.vendor_project.lower()):
            whole = normalize.product(f"{item.vendor_project} {name}")
        if normalize.concerns(watch, whole):
            yield whole
        elif normalize.concerns(watch, bare):
            yield bare


def _entry(item: Exploited, products: tuple[str, ...]) -> Entry:
    passages = [
        Passage("description", normalize.fold(item.short_description)),
        Passage(
            "note",
            f"Due {item.due_date.isoformat()}: {normalize.fold(item.required_action)}",
        ),
    ]
    if item.known_ransomware_campaign_use.lower() == "known":
        passages.append(Passage("note", "Known to be used in ransomware campaigns."))
    return Entry(
        key=item.cve,
        title=normalize.fold(item.vulnerability_name),
        url=_PAGE + item.cve,
        published=item.added,
        cves=(item.cve,),
        products=products,
        passages=tuple(passages),
        exploited=True,
    )
