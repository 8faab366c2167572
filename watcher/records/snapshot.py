"""One fetch of one document: what the web answered, what was read of it, and what is kept of
the document between fetches.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from watcher.records.entry import Entry


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
