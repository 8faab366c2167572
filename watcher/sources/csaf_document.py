"""What a CSAF document must have to be read, under the standard's own names (CSAF 2.0,
section 3.2), and which watched products it speaks of; and the forms of the lists that
lead to documents.

Only what is judged is typed: a vendor's surplus or misspelt field
(``environmentalsScore`` in Microsoft's scores) costs nothing, a missing or mistyped
one that we rely on is an error.  ``tracking.generator`` is left out on purpose: its
date is new at every regeneration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from watcher.judgement import normalize
from watcher.records import Watch
from watcher.sources.answer import first, unique

# Categories of branches that name a product
_NAMING = {"product_name", "product_family", "service_name", "host_name"}
_LINUX = re.compile(
    r"\blinux\b|\bmariner\b|\bopeneuler\b|\b(?:azl|cbl)\d", re.IGNORECASE
)
# TLP labels of what needs no credentials
_PUBLIC = {"", "WHITE", "CLEAR", "UNLABELED"}
_COMPONENT = re.compile(r"^[<>=]*\s*|\s+as (?:a )?component of\s+")
_BOUND = re.compile(r"^[<>=]+\s*")

Named = Annotated[str, Meta(min_length=1)]
Version = Annotated[
    str,
    Meta(
        pattern=r"^((0|[1-9]\d{0,17})|(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?)$"
    ),
]


class Revision(Struct, frozen=True):
    """An item of ``revision_history``; the list is in no order."""

    date: datetime
    number: Version
    summary: str
    legacy_version: str = ""


class Tracking(Struct, frozen=True):
    """What names the document and dates it."""

    id: Annotated[str, Meta(pattern=r"^\S(.*\S)?$")]
    current_release_date: datetime
    initial_release_date: datetime
    revision_history: Annotated[tuple[Revision, ...], Meta(min_length=1)]
    status: Literal["draft", "interim", "final"]
    version: Version


class Note(Struct, frozen=True):
    """A piece of prose: summary, description, details, faq, general, legal_disclaimer, other."""

    category: str
    text: str
    title: str = ""


class Reference(Struct, frozen=True):
    """A link; ``self`` ones show this document, in this form or as a page."""

    url: str
    category: str = "external"


class AggregateSeverity(Struct, frozen=True):
    """The publisher's own word for the gravity of the whole."""

    text: str


class Publisher(Struct, frozen=True):
    """Who speaks."""

    name: str


class Head(Struct, frozen=True):
    """The member ``document``.  Version 2.1 is read as well: some publish 2.0's form under it."""

    category: Named
    csaf_version: Literal["2.0", "2.1"]
    publisher: Publisher
    title: Named
    tracking: Tracking
    aggregate_severity: AggregateSeverity | None = None
    notes: tuple[Note, ...] = ()
    references: tuple[Reference, ...] = ()


class FullProductName(Struct, frozen=True):
    """A product that the rest of the document refers to by its id."""

    name: Named
    product_id: Named


class Branch(Struct, frozen=True):
    """A level of the product tree.

    Vendor, product_family, product_name, product_version, product_version_range, …
    """

    category: str
    name: Named
    branches: tuple[Branch, ...] = ()
    product: FullProductName | None = None


class Relationship(Struct, frozen=True):
    """A product made of two: a component of a platform."""

    full_product_name: FullProductName
    product_reference: str
    relates_to_product_reference: str


class ProductGroup(Struct, frozen=True):
    """Several products under one id."""

    group_id: str
    product_ids: tuple[str, ...]


class ProductPath(Struct, frozen=True):
    """CSAF 2.1's product made of several: what 2.0 calls a relationship."""

    full_product_name: FullProductName


class ProductTree(Struct, frozen=True):
    """All products that the document speaks of."""

    branches: tuple[Branch, ...] = ()
    full_product_names: tuple[FullProductName, ...] = ()
    product_groups: tuple[ProductGroup, ...] = ()
    product_paths: tuple[ProductPath, ...] = ()
    relationships: tuple[Relationship, ...] = ()


class ProductStatus(Struct, frozen=True):
    """Product ids by standing.  ``known_not_affected`` concerns nobody and is not read."""

    first_affected: tuple[str, ...] = ()
    first_fixed: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    known_affected: tuple[str, ...] = ()
    last_affected: tuple[str, ...] = ()
    recommended: tuple[str, ...] = ()
    under_investigation: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them, the affected ones first.

        Those that are recommended come last: they are what to go to, not what is
        affected.
        """
        affected = (
            self.known_affected
            + self.first_affected
            + self.last_affected
            + self.under_investigation
        )
        return affected + self.fixed + self.first_fixed + self.recommended


class Remediation(Struct, frozen=True):
    """What to do: vendor_fix, workaround, mitigation, no_fix_planned, none_available."""

    category: str
    details: str
    group_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    url: str = ""


class Threat(Struct, frozen=True):
    """Impact, exploit_status or target_set; Palo Alto leaves the details out."""

    category: str
    details: str = ""


class Cvss(Struct, frozen=True, rename="camel"):
    """A score of any CVSS version: they share these names."""

    base_score: float | None = None
    base_severity: str = ""
    vector_string: str = ""


class Score(Struct, frozen=True):
    """One vulnerability's scores for some products."""

    # Not in 2.0, but seen
    cvss_v4: Cvss | None = None
    cvss_v3: Cvss | None = None
    cvss_v2: Cvss | None = None

    @property
    def newest(self) -> Cvss | None:
        """The score of the newest CVSS version that there is."""
        return self.cvss_v4 or self.cvss_v3 or self.cvss_v2


class Metric(Struct, frozen=True):
    """CSAF 2.1's score: the scores of 2.0, a level deeper."""

    content: Score = msgspec.field(default_factory=Score)


class ExploitationDate(Struct, frozen=True):
    """Since when a vulnerability is known to be exploited (CSAF 2.1, section 3.2.3.8)."""

    exploitation_date: datetime | None = None


class Vulnerability(Struct, frozen=True):
    """One of the document's vulnerabilities.

    ``metrics`` and ``first_known_exploitation_dates`` are of CSAF 2.1, ``scores`` of 2.0.
    """

    cve: str = ""
    first_known_exploitation_dates: tuple[ExploitationDate, ...] = ()
    metrics: tuple[Metric, ...] = ()
    notes: tuple[Note, ...] = ()
    product_status: ProductStatus = msgspec.field(default_factory=ProductStatus)
    remediations: tuple[Remediation, ...] = ()
    scores: tuple[Score, ...] = ()
    threats: tuple[Threat, ...] = ()
    title: str = ""

    @property
    def all_scores(self) -> tuple[Score, ...]:
        """Its scores, of either version of CSAF."""
        return (*self.scores, *(metric.content for metric in self.metrics))

    @property
    def exploit_statuses(self) -> tuple[str, ...]:
        """What its threats say of exploitation."""
        return tuple(
            threat.details
            for threat in self.threats
            if threat.category == "exploit_status"
        )


class Document(Struct, frozen=True):
    """The whole file."""

    document: Head
    product_tree: ProductTree = msgspec.field(default_factory=ProductTree)
    vulnerabilities: tuple[Vulnerability, ...] = ()

    @property
    def remediations(self) -> tuple[Remediation, ...]:
        """The remediations of all its vulnerabilities."""
        each = (vulnerability.remediations for vulnerability in self.vulnerabilities)
        return tuple(chain.from_iterable(each))


class RolieFeed(Struct, frozen=True):
    """A ROLIE feed that the metadata names."""

    url: str
    tlp_label: str = ""

    @property
    def is_public(self) -> bool:
        """Whether it needs no credentials, by its label of the Traffic Light Protocol."""
        return self.tlp_label.upper() in _PUBLIC


class Rolie(Struct, frozen=True):
    """The feeds of one distribution."""

    feeds: tuple[RolieFeed, ...] = ()


class Distribution(Struct, frozen=True):
    """One way to the provider's documents."""

    directory_url: str = ""
    rolie: Rolie = msgspec.field(default_factory=Rolie)


class Metadata(Struct, frozen=True):
    """A provider-metadata.json."""

    canonical_url: str
    distributions: tuple[Distribution, ...] = ()

    @property
    def feeds(self) -> tuple[RolieFeed, ...]:
        """The ROLIE feeds of all its distributions."""
        each = (distribution.rolie.feeds for distribution in self.distributions)
        return tuple(chain.from_iterable(each))

    @property
    def directories(self) -> tuple[str, ...]:
        """The addresses of its folders of documents, without a slash at their end."""
        addresses = (each.directory_url.rstrip("/") for each in self.distributions)
        return tuple(filter(None, addresses))


class Link(Struct, frozen=True):
    """A link of a feed or of its entry."""

    href: str
    rel: str = ""


class Content(Struct, frozen=True):
    """Where an entry's document lies."""

    src: str = ""


class FeedEntry(Struct, frozen=True):
    """One document of a ROLIE feed."""

    id: str
    updated: datetime
    content: Content = msgspec.field(default_factory=Content)
    link: tuple[Link, ...] = ()

    @property
    def address(self) -> str:
        """The document's URL, "" when the entry names none."""
        own = (link.href for link in self.link if link.rel == "self")
        return self.content.src or first(own)


class Feed(Struct, frozen=True):
    """The member ``feed``."""

    id: str
    entry: tuple[FeedEntry, ...] = ()
    link: tuple[Link, ...] = ()


class FeedDocument(Struct, frozen=True):
    """A ROLIE feed (RFC 8322) in CSAF's JSON form."""

    feed: Feed


class Products(Struct, frozen=True):
    """The watched products of a document: id -> canonical name, and group id -> product ids."""

    names: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]

    def of(self, ids: Iterable[str], groups: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the watched names behind product and group ids, each once, in their order.

        Unknown ids are passed over.
        """
        wanted = list(ids)
        for group in groups:
            wanted.extend(self.groups.get(group, ()))
        return unique(self.names.get(product, "") for product in wanted)


def watched(document: Document, watch: Watch) -> Products:
    """Return the document's products that ``watch`` wants.

    Packages of Linux distributions in VEX documents count as Linux for ``watch``:
    Microsoft publishes them by the thousand.
    """
    candidates = dict(_candidates(document.product_tree))
    is_vex = document.document.category.lower() == "csaf_vex"
    all_names = chain.from_iterable(candidates.values())
    is_linux = is_vex and any(map(_LINUX.search, all_names))
    names: dict[str, str] = {}
    for product, candidate_names in candidates.items():
        for name in candidate_names:
            if watch.wants(name, linux=is_linux):
                names[product] = name
                break
    groups = {
        group.group_id: group.product_ids
        for group in document.product_tree.product_groups
    }
    return Products(names, groups)


def _candidates(tree: ProductTree) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each product id with the names it may be watched under.

    The bare one, and the one with its vendor before it.
    """
    for full in tree.full_product_names:
        yield full.product_id, (normalize.product(full.name),)
    for path in _paths(tree.branches):
        leaf = path[-1].product
        if leaf is not None:
            yield leaf.product_id, _names(path, leaf.name)
    for path_of_products in tree.product_paths:
        yield _combined(path_of_products.full_product_name)
    for relationship in tree.relationships:
        yield _combined(relationship.full_product_name)


def _paths(branches: tuple[Branch, ...]) -> Iterator[tuple[Branch, ...]]:
    """Yield every branch with those above it; not recursive, for a tree may be deep."""
    waiting: list[tuple[Branch, ...]] = [(branch,) for branch in reversed(branches)]
    while waiting:
        path = waiting.pop()
        yield path
        waiting.extend((*path, branch) for branch in reversed(path[-1].branches))


def _names(path: tuple[Branch, ...], full: str) -> tuple[str, ...]:
    """Name a product by its nearest naming branch.

    Versions are no part of a product's name, and Siemens repeats it for each.
    """
    bare, vendor = _BOUND.sub("", full), ""
    for branch in path:
        if branch.category in _NAMING:
            bare = branch.name
        if branch.category == "vendor" and not vendor:
            vendor = branch.name
    name = normalize.product(bare)
    # Cisco's product names begin with "Cisco", SICK's do not
    if not vendor or bare.lower().startswith(vendor.lower()):
        return (name,)
    return unique((name, normalize.product(f"{vendor} {bare}")))


def _combined(full: FullProductName) -> tuple[str, tuple[str, ...]]:
    """Name a component of a platform as MSRC's other documents do.

    "azl3 openssh 9.8p1-4 on Azure Linux 3.0".
    """

    def joined(found: re.Match[str]) -> str:
        return " on " if found[0].strip(" <>=") else ""

    name = normalize.product(_COMPONENT.sub(joined, full.name))
    return full.product_id, (name,)
