"""What a CSAF document must have to be read, under the standard's own names (CSAF 2.0,
section 3.2).

Only what is judged is typed: a vendor's surplus or misspelt field
(``environmentalsScore`` in Microsoft's scores) costs nothing, a missing or mistyped
one that we rely on is an error.  ``tracking.generator`` is left out on purpose: its
date is new at every regeneration.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

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
        """All of them, the affected ones first."""
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


class Document(Struct, frozen=True):
    """The whole file."""

    document: Head
    product_tree: ProductTree = msgspec.field(default_factory=ProductTree)
    vulnerabilities: tuple[Vulnerability, ...] = ()
