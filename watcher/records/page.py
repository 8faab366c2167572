"""What the web answered: a page, the same as before, or a failure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from msgspec import Struct


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
