"""One entry of a document, and one fetch of it: what the web answered, what was read of it, and
what is kept of the document between fetches.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

# Before any day that a source may name: what bears no date is older than all that does
NEVER = datetime.min.replace(tzinfo=UTC)


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
    def is_record(self) -> bool:
        """Whether it is an advisory's record, which names CVEs or has revisions."""
        return bool(self.cves or self.revision)

    @property
    def is_recalled(self) -> bool:
        """Whether its own name says that it was taken back: "Nov24SU (recalled)"."""
        return self.label is not None and self.label.pulled


# What is compared with an entry that was not there before, or is no longer there
NO_ENTRY = Entry("", "")


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
    def entry_before(self) -> Entry:
        """The entry as it was; one that says nothing where it was not there."""
        return self.before or NO_ENTRY

    @property
    def entry_after(self) -> Entry:
        """The entry as it is; one that says nothing where it is no longer there."""
        return self.after or NO_ENTRY

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


class Validators(Struct, frozen=True):
    """What makes the next request conditional (RFC 9110 section 13)."""

    etag: str = ""
    last_modified: str = ""


class Page(Struct, frozen=True):
    """A response as it came, decompressed.

    ``document`` says which of the source's documents it is.

    A source of one URL has the document "".  Others have "" as index and a name for
    each document it leads to (``2024-Nov``, ``KB5044062``).
    """

    source: str
    document: str
    url: str
    time: datetime
    status: int
    body: bytes
    content_type: str = ""
    validators: Validators = Validators()
    # Of the body, where it is known already: a recording is asked for one body many
    # times
    known_sha256: str = ""
    # Where the address leads for good (301, 308)
    moved: str = ""

    @property
    def sha256(self) -> str:
        """SHA-256 of the body, in hex.

        Of the bytes as they were served, decompressed.
        """
        return self.known_sha256 or hashlib.sha256(self.body).hexdigest()


class NotModified(Struct, frozen=True):
    """The server says that the copy we know is still the newest (304)."""

    source: str
    document: str
    url: str
    time: datetime
    # Where the address leads for good (301, 308)
    moved: str = ""


class Failure(Struct, frozen=True):
    """A source's document could not be had or believed; written for an administrator."""

    source: str
    document: str
    url: str
    time: datetime
    cause: str
    remedy: str
    # A copy came, but is not credible: its validators are dropped
    suspect: bool = False
    # False: another document had just found the host not to answer
    asked: bool = True
    # The time was up before it was asked: the next check asks
    late: bool = False
    # How long the server asked to be left alone
    rest: timedelta = timedelta()
    # The server says that there is no such page
    gone: bool = False

    @property
    def name(self) -> str:
        """The source, and which of its documents."""
        return f"{self.source} {self.document}".strip()

    def __str__(self) -> str:
        """Name source, cause and remedy in one line."""
        unasked = "" if self.asked else "; not asked, for its host had just failed"
        if self.late:
            unasked = "; not asked any more"
        return f"{self.name}: {self.cause} ({self.url}{unasked}). {self.remedy}"


class Coverage(StrEnum):
    """How much of its history a document shows."""

    # Everything it ever had: a missing entry means something
    COMPLETE = "complete"
    # The newest few: an entry that leaves below the oldest one has aged out
    WINDOW = "window"


class Follow(Struct, frozen=True):
    """A further document that a snapshot leads to.

    ``mark`` changes when the index says that the document has changed ("" when it
    never says).
    """

    document: str
    url: str
    mark: str = ""
    # What stands in its place where there is no such page
    instead: str = ""
    # That there is no such page is nothing wrong
    optional: bool = False


class Snapshot(Struct, frozen=True):
    """All watched entries of one fetch of one document.

    ``total`` and ``revisions`` count the whole copy, watched or not.  ``identity`` is
    the name that the document gives itself.  ``oldest`` is the oldest entry's date
    where coverage is WINDOW, ``newest`` the newest date that anything in the copy
    bears, watched or not.
    """

    source: str
    document: str
    url: str
    time: datetime
    sha256: str
    coverage: Coverage
    total: int
    revisions: int = 0
    identity: str = ""
    entries: tuple[Entry, ...] = ()
    oldest: datetime | None = None
    newest: datetime | None = None
    follow: tuple[Follow, ...] = ()


class StoredEntry(Struct, frozen=True):
    """An entry as last seen.

    ``missing_since`` is when a healthy copy first lacked it; None while it is there.
    ``lost``: it went with a copy that was accepted only because it stayed so, which is
    never a pull.
    """

    entry: Entry
    fingerprint: str
    missing_since: datetime | None = None
    lost: bool = False
    # Why its last change was not told
    silent: str = ""


class Document(Struct, frozen=True):
    """What the state knows of one document of a source.

    The history that a new copy is judged by.

    ``accepted`` is the time of the last copy that was believed and differed; None
    before the first one.
    """

    source: str
    document: str
    url: str
    validators: Validators = Validators()
    sha256: str = ""
    identity: str = ""
    total: int = 0
    revisions: int = 0
    watch: str = ""
    # The Follow.mark at the last fetch
    mark: str = ""
    accepted: datetime | None = None
    suspect_since: datetime | None = None
    # When its copy was last doubted, and for how many seconds of checks it has been
    suspect_at: datetime | None = None
    suspect_for: float = 0.0
    # It was listed at the source's first check: its first reading is no news
    known: bool = False
    # The newest date in its last copy that was believed
    newest: datetime | None = None
    # Of the bodies that were believed before the last, newest first: the beginnings of
    # their SHA-256
    bodies: tuple[str, ...] = ()


class Times(Struct, frozen=True):
    """When a document was last asked and how that went.

    Kept apart from what is worth committing.
    """

    source: str
    document: str
    tried: datetime | None = None
    succeeded: datetime | None = None
    # In a row
    failures: int = 0
    # The last one's text, "" when well
    failure: str = ""
    # Of the last failure
    cause: str = ""
    remedy: str = ""
    # Something came, and could not be read or believed
    suspect: bool = False
    # Where the source's address led for good when it last answered well
    moved: str = ""
    # Until when the server asked to be left alone
    rests_until: datetime | None = None
