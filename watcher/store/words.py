"""What the store takes and gives beyond the records that all floors share."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Self

from msgspec import Struct

from watcher.records import Page, StoredEntry

__all__ = ["Copy", "DeliveryCounts", "EntryChanges", "StoredEntry"]


class EntryChanges(Struct, frozen=True):
    """What a check changes in the stored entries of one document.

    ``upserts`` replace the whole row.  ``missing`` keys are marked as gone at
    ``since`` (their entries stay; one that is marked already keeps its time), and as
    lost when ``lost``.  ``returned`` keys lose both marks; ``removed`` keys are
    deleted. ``of_copy``: these are the entries of the copy that was kept unread; it
    goes.
    """

    document: str
    upserts: tuple[StoredEntry, ...] = ()
    missing: tuple[str, ...] = ()
    since: datetime | None = None
    lost: bool = False
    returned: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    of_copy: bool = False


class Copy(Struct, frozen=True):
    """A document's first copy, kept as it came (compressed by zlib) until the document changes.

    Nothing in it had to be read.
    """

    source: str
    document: str
    url: str
    time: datetime
    content_type: str
    body: bytes

    @classmethod
    def of(cls, page: Page) -> Self:
        """Keep a page."""
        return cls(
            page.source,
            page.document,
            page.url,
            page.time,
            page.content_type,
            zlib.compress(page.body, 1),
        )

    @property
    def page(self) -> Page:
        """The page as it came."""
        return Page(
            self.source,
            self.document,
            self.url,
            self.time,
            200,
            zlib.decompress(self.body),
            self.content_type,
        )


class DeliveryCounts(Struct, frozen=True):
    """How many deliveries are on their way, and how many were given up for good."""

    waiting: int
    given_up: int
