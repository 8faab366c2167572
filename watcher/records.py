"""The words of the trade as frozen records: what floors hand to each other.

Every time is an aware datetime in UTC.  Every record can be written and read back by
msgspec. Products are canonical names ("Exchange Server 2019 CU14"), KB articles are
written ``KB5044062``, builds in the short form ``15.2.1544.13``.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from msgspec import Struct, field


class Coverage(StrEnum):
    """How much of its history a document shows."""

    # Everything it ever had: a missing entry means something
    COMPLETE = "complete"
    # The newest few: an entry that leaves below the oldest one has aged out
    WINDOW = "window"


class Kind(StrEnum):
    """What an event means; gravest first, the order in which mail is sent."""

    PULLED = "pulled"
    EXPLOITED = "exploited"
    RE_RELEASED = "re-released"
    CORRECTED = "corrected"
    KNOWN_ISSUE = "known-issue"
    RELEASED = "released"
    ANNOUNCED = "announced"
    REVISED = "revised"
    NEWS = "news"


GRAVITY: dict[Kind, int] = {kind: rank for rank, kind in enumerate(Kind)}


class Confidence(StrEnum):
    """Whether the vendor (or two sources) said so, or one absence hints at it."""

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"


class State(StrEnum):
    """Where an update stands in its life."""

    # An advisory without an update
    ANNOUNCED = "announced"
    RELEASED = "released"
    PULLED = "pulled"


class ChangeKind(StrEnum):
    """A mechanical difference between two snapshots of one document."""

    APPEARED = "appeared"
    ALTERED = "altered"
    MISSING = "missing"
    RETURNED = "returned"
    AGED_OUT = "aged-out"


class Watch(Struct, frozen=True):
    """Which products concern this installation.

    ``products`` are shell patterns, case ignored, against canonical product names.
    Linux packages that MSRC lists by the thousand are left out unless a pattern other
    than ``*`` names them.
    """

    products: tuple[str, ...] = ("Exchange Server*",)

    def wants(self, product: str, *, linux: bool = False) -> bool:
        """Say whether the canonical ``product`` is watched."""
        name = product.lower()
        patterns = (p for p in self.products if not (linux and p.strip() == "*"))
        return any(fnmatchcase(name, pattern.lower()) for pattern in patterns)

    @property
    def mark(self) -> str:
        """A short text that changes when the patterns do."""
        return hashlib.sha256("\n".join(sorted(self.products)).encode()).hexdigest()[
            :16
        ]


class Source(Struct, frozen=True):
    """One configured place to read, of a kind that ``watcher.sources`` knows."""

    name: str
    kind: str
    url: str
    every: timedelta = timedelta(hours=1)
    enabled: bool = True
    # How long it may show nothing new; None: as long as it likes
    silent: timedelta | None = None
    # It has something new on every Patch Tuesday
    monthly: bool = False
    # The configuration gives its address: that may be mistyped
    own: bool = False


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
        """SHA-256 of the body, in hex."""
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

    @property
    def name(self) -> str:
        """The source, and which of its documents."""
        return f"{self.source} {self.document}".strip()

    def __str__(self) -> str:
        """Name source, cause and remedy in one line."""
        unasked = "" if self.asked else "; not asked, for its host had just failed"
        return f"{self.name}: {self.cause} ({self.url}{unasked}). {self.remedy}"


class Passage(Struct, frozen=True):
    """A piece of a source's prose, named by where it stands.

    ``name`` is ``title``, ``revision 2.0``, ``faq``, ``issue``, ``cause``,
    ``workaround``, ``note``, ``description`` or ``content``. ``text`` is plain;
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


class Entry(Struct, frozen=True):
    """One item of a source: an advisory, a table's row, a known issue, a post, a package page.

    ``key`` identifies it inside its document through every edit.  ``exploited`` and
    ``disclosed`` are None when the source says nothing of it; ``available`` is False
    for a page that says its download is gone, None where that is no statement of the
    source's.
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
    links: tuple[str, ...] = ()
    # In the prose of its passages, which has their words, too
    tables: tuple[Table, ...] = ()


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


class Follow(Struct, frozen=True):
    """A further document that a snapshot leads to.

    ``mark`` changes when the index says that the document has changed ("" when it
    never says).
    """

    document: str
    url: str
    mark: str = ""


class Snapshot(Struct, frozen=True):
    """All watched entries of one fetch of one document.

    ``total`` and ``revisions`` count the whole copy, watched or not.  ``identity`` is
    the name that the document gives itself.  ``oldest`` is the oldest entry's date
    where coverage is WINDOW, ``newest`` the newest date that anything in the copy
    bears, watched or not.  An ``unread`` one has no entries: they are read when the
    document changes.
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
    unread: bool = False


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
    # It was listed at the source's first check: its first reading is no news
    known: bool = False
    # The newest date in its last copy that was believed
    newest: datetime | None = None
    # Its first copy is kept as it came: no entry of it has been read yet
    unread: bool = False


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


class Change(Struct, frozen=True):
    """A mechanical difference of one entry."""

    kind: ChangeKind
    source: str
    document: str
    url: str
    time: datetime
    sha256: str
    before: Entry | None
    after: Entry | None

    @property
    def entry(self) -> Entry:
        """The newest form known."""
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


class Advisory(Struct, frozen=True):
    """What an event's reader needs to know of one CVE."""

    id: str
    title: str = ""
    severity: str = ""
    cvss: float | None = None
    vector: str = ""
    exploited: bool = False
    disclosed: bool = False
    url: str = ""


class Suspicion(Struct, frozen=True):
    """An absence that is not yet a verdict."""

    source: str
    document: str
    keys: tuple[str, ...]
    since: datetime
    # Id of the suspected event
    event: str
    # All of the update's packages are gone there, not one of several
    whole: bool
    lost: tuple[Package, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    # The source's kind
    kind: str = ""


class Update(Struct, frozen=True):
    """One update of the ledger, or an advisory that has none yet.

    ``told`` holds a key for each fact established ("pulled 1", "re-released 2",
    "known-issue <hash>"), with the event that told it; the same fact from a later
    source adds evidence to that event. ``names`` are the references by which it is
    found again; see ``watcher.judgement.identify``.
    """

    id: str
    title: str
    family: str
    # SU, HU, CU, RU, SP, RTM, update, advisory
    type: str
    month: str
    version: int
    state: State
    first_seen: datetime
    # The vendor's date
    released: datetime | None = None
    # When we last established something
    changed: datetime | None = None
    products: tuple[str, ...] = ()
    packages: tuple[Package, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    # Articles beyond those of the packages
    kbs: tuple[str, ...] = ()
    # Articles of the versions before one of which words alone have told, naming others
    former: tuple[str, ...] = ()
    # The root of its mail thread: the id it was first told under
    thread: str = ""
    told: tuple[tuple[str, str], ...] = ()
    # What was last said of it, with kind and day, for the next mail
    last: str = ""
    suspicions: tuple[Suspicion, ...] = ()
    # (source, state, version) as each source has it
    standings: tuple[tuple[str, str, str], ...] = ()
    names: tuple[str, ...] = ()
    # Pages about it, for following
    links: tuple[str, ...] = ()


class UpdateRef(Struct, frozen=True):
    """An update as an event shows it (CONTRACT: the field ``update``)."""

    id: str
    title: str
    version: int
    products: tuple[str, ...] = ()
    kbs: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()


class Event(Struct, frozen=True):
    """What a change means, with its evidence.

    Self-contained, so that mail and page need no more.

    The fields up to ``evidence`` are the public ones of schema 1; those after it were
    added for readers.
    """

    id: str
    time: datetime
    kind: Kind
    confidence: Confidence
    update: UpdateRef
    summary: str
    scope: tuple[str, ...] = ()
    corrects: str = ""
    evidence: tuple[Evidence, ...] = ()
    thread: str = ""
    packages: tuple[Package, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    # The vendor's own words on what to do, paragraph by paragraph
    guidance: tuple[str, ...] = ()
    # Rule and words that decided
    because: str = ""
    # What was said of it last: the summary of the event before
    previous: str = ""
    # The update that the event is about stands pulled, whatever the event's kind
    pulled: bool = False
    # Which of the fixed sentences ``summary`` is, by its key, for other languages; ""
    # for none of them
    phrase: str = ""
    # What fills it in beside the fields above
    places: tuple[tuple[str, str], ...] = ()
    # ``guidance`` names one
    workaround: bool = False
    # Where the guidance leads ("see this article")
    links: tuple[str, ...] = ()
    # Of the guidance
    tables: tuple[Table, ...] = ()


class Subscriber(Struct, frozen=True):
    """Who is told what, when, where."""

    name: str
    to: tuple[str, ...]
    products: tuple[str, ...] = ("*",)
    kinds: tuple[Kind, ...] = (
        Kind.PULLED,
        Kind.EXPLOITED,
        Kind.RE_RELEASED,
        Kind.CORRECTED,
        Kind.KNOWN_ISSUE,
        Kind.RELEASED,
        Kind.ANNOUNCED,
    )
    when: str = "at-once"
    fallback: tuple[str, ...] = ()
    suspected: bool = True
    language: str = "en"
    # Told the same in short
    channels: tuple[str, ...] = ()
    # What is new and less severe is not told; "" for everything
    severity: str = ""
    # Patterns: only what concerns the servers of these owners is told
    owners: tuple[str, ...] = ()
    # IANA name; "" for the one that all have
    timezone: str = ""


class Fitness(StrEnum):
    """Whether the build that a server runs is good at this moment."""

    GOOD = "good"
    NEWER = "newer-available"
    # The same update was released again, and this is the version before
    REPLACED = "replaced"
    PULLED = "pulled"
    SUSPECTED = "suspected-pulled"
    UNKNOWN = "unknown"


class Server(Struct, frozen=True):
    """One of the administrator's servers, as the inventory has it.

    Published only where the operator says so.
    """

    name: str
    # In the short form
    build: str
    # "" where the inventory names none
    product: str = ""
    owners: tuple[str, ...] = ()


class Offer(Struct, frozen=True):
    """A package with the update that it is of; ``latest`` is that update's version now."""

    # Id
    update: str
    # Without its version
    title: str
    type: str
    version: int
    latest: int
    package: Package
    released: datetime | None = None


class Exposure(Struct, frozen=True):
    """What a server's build means at this moment, and what there is to install instead."""

    server: Server
    fitness: Fitness
    # The server's, as the sources name it
    product: str = ""
    # What its build is
    installed: Offer | None = None
    # The newest good build of its branch, where that is newer
    newest: Offer | None = None
    # Where the newest is for customers of extended security updates: the newest for
    # everybody
    unrestricted: Offer | None = None
    # The newest good build of its product in another branch, where that is newer
    ahead: Offer | None = None
    # Later updates are for that other branch only
    overtaken: bool = False
    # A later security update that is for newer products only
    left: Offer | None = None


class Before(Struct, frozen=True):
    """What happened before an event of a letter.

    To the same update; of a correction, the event that it corrects.
    """

    # Id of the letter's event
    of: str
    event: Event
    # This very subscriber was told of it, or is to be by a message that is queued
    told: bool


class Letter(Struct, frozen=True):
    """A message to be rendered: who is written to, of what kind, about which events."""

    # An event's kind, "digest", "welcome", "reminder" or "operator"
    kind: str
    subscriber: Subscriber
    events: tuple[Event, ...] = ()
    # Id of the one update it is about
    update: str = ""
    thread: str = ""
    # Welcome: every watched update that still matters; reminder: the one it is about
    standing: tuple[Update, ...] = ()
    # Welcome: what is watched
    sources: tuple[Source, ...] = ()
    # Welcome: which products
    products: tuple[str, ...] = ()
    # Operator: what it is about
    subject: str = ""
    # Operator: what happened, what to do
    lines: tuple[str, ...] = ()
    # The administrator's servers, all of them; empty without an inventory
    servers: tuple[Exposure, ...] = ()
    # What happened before its events
    before: tuple[Before, ...] = ()
    # Welcome: sources that could not be read yet, and why
    unread: tuple[tuple[str, str], ...] = ()


class DeliveryState(StrEnum):
    """How far a message has come on its way to one recipient."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    # The connection was lost after the message's data was sent
    UNKNOWN = "unknown"


class Message(Struct, frozen=True):
    """A message, whole and fixed before anything is sent."""

    # The Message-ID, with its angle brackets
    id: str
    date: datetime
    kind: str
    subscriber: str
    update: str
    subject: str
    events: tuple[str, ...]
    # RFC 5322, CRLF
    body: bytes
    # The same in short, for channels beside mail
    chat: str = ""


class Delivery(Struct, frozen=True):
    """One message to one recipient over one channel."""

    message: str
    recipient: str
    channel: str = "mail"
    state: DeliveryState = DeliveryState.QUEUED
    attempts: int = 0
    next_try: datetime | None = None
    # The last answer, as the server gave it
    answer: str = ""
    settled: datetime | None = None


class Outcome(Struct, frozen=True):
    """What interpretation made of changes.

    The events, the evidence added to old ones, the ledger's new rows.
    """

    events: tuple[Event, ...] = ()
    # (event id, more evidence)
    evidence: tuple[tuple[str, Evidence], ...] = ()
    updates: tuple[Update, ...] = ()
    # (id that went, id that took it over)
    absorbed: tuple[tuple[str, str], ...] = ()
    # (source, entry key, why nothing was told)
    silent: tuple[tuple[str, str, str], ...] = field(default=())
    # (event id, a further source's sentences, the table they stand in)
    guidance: tuple[tuple[str, tuple[str, ...], Table], ...] = ()
