"""A mechanical difference of one entry, and the evidence that it makes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from watcher.records.entry import Entry, Package


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
    # The kinds of statements that it has made there, in whatever language
    kinds: tuple[str, ...] = ()
    since: datetime | None = None

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
