"""What the store takes and gives beyond the records that all floors share."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from watcher.records import StoredEntry

__all__ = ["DeliveryCounts", "EntryChanges", "StoredEntry"]


class EntryChanges(Struct, frozen=True):
    """What a check changes in the stored entries of one document.

    ``upserts`` replace the whole row.  ``missing`` keys are marked as gone at
    ``since`` (their entries stay; one that is marked already keeps its time), and as
    lost when ``lost``.  ``returned`` keys lose both marks; ``removed`` keys are
    deleted.
    """

    document: str
    upserts: tuple[StoredEntry, ...] = ()
    missing: tuple[str, ...] = ()
    since: datetime | None = None
    lost: bool = False
    returned: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class DeliveryCounts(Struct, frozen=True):
    """How many deliveries are on their way, and how many were given up for good."""

    waiting: int
    given_up: int
