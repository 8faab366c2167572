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
from watcher.records import Coverage, Entry, Page, Passage, Snapshot, Watch
from watcher.sources.concern import concerned
from watcher.sources.json_form import decode

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


class Catalogue(Struct, frozen=True, rename="camel"):
    """The whole file."""

    catalog_version: str
    count: int
    vulnerabilities: tuple[Exploited, ...]


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read the catalogue; an entry is watched when one of the products it names is.

    Raises:
        ParseError: it was cut short (seen on 2025-02-25), misses what its schema requires, or counts itself otherwise.

    """
    catalogue = decode(page.body, Catalogue, "CISA's KEV catalogue")
    listed = len(catalogue.vulnerabilities)
    if listed != catalogue.count:
        raise ParseError(
            f"KEV catalogue {catalogue.catalog_version} says that it has "
            f"{catalogue.count} vulnerabilities, but lists {listed}"
        )
    entries = {
        item.cve: _entry(item, products)
        for item in catalogue.vulnerabilities
        if (products := tuple(_products(item, watch)))
    }
    return Snapshot(
        source=page.source,
        document=page.document,
        url=page.url,
        time=page.time,
        sha256=page.sha256,
        coverage=Coverage.COMPLETE,
        total=listed,
        identity="kev",
        entries=tuple(entries.values()),
        newest=max(
            (_day(item.date_added) for item in catalogue.vulnerabilities), default=None
        ),
    )


def _products(item: Exploited, watch: Watch) -> Iterator[str]:
    """Yield the watched ones of an entry's products.

    It may name several, as in "Edge and Internet Explorer".
    """
    for part in re.split(r", | and ", normalize.fold(item.product)):
        bare = normalize.product(part)
        whole = (
            bare
            if bare.lower().startswith(item.vendor_project.lower())
            else normalize.product(f"{item.vendor_project} {part}")
        )
        name = concerned(watch, (whole, bare))
        if name:
            yield name


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
        published=_day(item.date_added),
        cves=(item.cve,),
        products=tuple(dict.fromkeys(products)),
        passages=tuple(passages),
        exploited=True,
    )


def _day(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
