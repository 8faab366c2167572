"""One item of a source, with what it says and what it offers; and what is mechanically
different about it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Passage(Struct, frozen=True):
    """A piece of a source's prose, named by where it stands.

    ``name`` is ``title``, ``revision 2.0``, ``faq``, ``issue``, ``cause``,
    ``workaround``, ``note``, ``description``, ``reason`` or ``content``. ``text`` is plain;
    paragraphs and list items are separated by newlines.
    """

    name: str
    text: str
    time: datetime | None = None


class Table(Struct, frozen=True):
    """A table in a source's prose ("If you ...", "Then ...").

    Plain text, lines of a cell separated by newlines; all rows are as long.
    """

    # () without one
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Label(Struct, frozen=True):
    """A release label, as in "Exchange Server 2019 CU14 Nov24SUv2".

    ``type`` is SU, HU, CU, RU (update rollup), SP, RTM or Preview; ``month`` is
    ``2024-11`` for SU and HU, else "". ``product`` is what the row is for: the product
    an SU is installed on, or the product that a CU makes.
    """

    # "Exchange Server"
    family: str
    # "Exchange Server 2019 CU14"; "" when the text names none
    product: str
    type: str
    month: str = ""
    version: int = 1
    # The name itself says so: "(recalled)"
    pulled: bool = False


class Package(Struct, frozen=True):
    """An update's file for one product."""

    product: str
    kb: str = ""
    build: str = ""
    url: str = ""
    file: str = ""
    # Bytes
    size: int | None = None
    # KB articles
    supersedes: tuple[str, ...] = ()
    # Only offered to customers of extended security updates
    esu: bool = False
    # Of the update, filled in by judgement
    version: int = 1
    # SU, HU, CU, RU... when the source says so
    type: str = ""
    # Another build that the same row gives in its other form: one of the two is a
    # typing error
    disputed: str = ""
    # The vendor no longer offers it; filled in by judgement
    pulled: bool = False
    # A table's row says that it is of its update and version; filled in by judgement
    stated: bool = False
    # The date of that row
    released: datetime | None = None
    # The id of the first event that told of it; filled in by judgement
    told: str = ""


class Anchor(Struct, frozen=True):
    """Words of a source's prose that lead to an address."""

    text: str
    url: str
    # The line that they stand in, or what is around them of a long one
    around: str = ""


class Entry(Struct, frozen=True):
    """One item of a source: an advisory, a table's row, a known issue, a post, a package page.

    ``key`` identifies it inside its document through every edit.  ``exploited`` and
    ``disclosed`` are None when the source says nothing of it; ``available`` is False
    for a page that says its download is gone, None where that is no statement of the
    source's.  ``withdrawn``: the source marks the whole entry as taken back (CSAF 2.1's
    category ``csaf_withdrawn``).
    """

    key: str
    title: str
    url: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    revision: str = ""
    cves: tuple[str, ...] = ()
    # Articles it is about, beyond those of its packages
    kbs: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    packages: tuple[Package, ...] = ()
    label: Label | None = None
    passages: tuple[Passage, ...] = ()
    exploited: bool | None = None
    disclosed: bool | None = None
    severity: str = ""
    cvss: float | None = None
    vector: str = ""
    available: bool | None = None
    withdrawn: bool = False
    links: tuple[str, ...] = ()
    # In the prose of its passages, which has their words, too
    tables: tuple[Table, ...] = ()
    # Where words of its passages lead; no difference of these is a change
    anchors: tuple[Anchor, ...] = ()
    # The vendor holds it likely that it will be exploited; None where it does not say.
    # No difference of this alone is a change
    likely: bool | None = None
    # Lines of its passages that stand there as code
    codes: tuple[str, ...] = ()

    @property
    def dated(self) -> datetime | None:
        """The day on which it was published, where it says; else that of its last edit."""
        return self.published or self.updated

    @property
    def is_recalled(self) -> bool:
        """Whether its own name says that it was taken back: "Nov24SU (recalled)"."""
        return self.label is not None and self.label.pulled


class ChangeKind(StrEnum):
    """A mechanical difference between two snapshots of one document."""

    APPEARED = "appeared"
    ALTERED = "altered"
    MISSING = "missing"
    RETURNED = "returned"
    AGED_OUT = "aged-out"


class Change(Struct, frozen=True):
    """A mechanical difference of one entry.

    ``said`` are the sentences of ``after`` that the document has said of this entry
    before its last copy, ``offered`` the packages that it has offered there.  ``since``
    is from when on it was as it was before this change: gone, say.
    """

    kind: ChangeKind
    source: str
    document: str
    url: str
    time: datetime
    sha256: str
    before: Entry | None
    after: Entry | None
    said: tuple[str, ...] = ()
    offered: tuple[Package, ...] = ()
    # The kinds of statements that it has made there, in whatever language, with their days
    kinds: tuple[str, ...] = ()
    since: datetime | None = None

    @property
    def entry(self) -> Entry:
        """The newest form known.

        ValueError where there is neither, which no comparison makes.
        """
        entry = self.after or self.before
        if entry is None:
            msg = "a change has a before or an after"
            raise ValueError(msg)
        return entry


class Evidence(Struct, frozen=True):
    """Why we say so: a quoted, linked reason."""

    source: str
    url: str
    time: datetime
    sha256: str
    # Added, modified, removed
    change: str
    before: str
    after: str
