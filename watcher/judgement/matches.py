"""What one check says of each update: its changes, matched, while the ledger is worked on."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from watcher.judgement.change_reading import ChangeReading, UpdateChanges
from watcher.judgement.ledger import Ledger, precedes_label
from watcher.judgement.names import Identity
from watcher.records import Package, State, Update


class Relabelled(Struct, frozen=True):
    """A package whose row stood under the name of the update ``wrong``; ids of updates."""

    wrong: str
    right: str
    package: Package
    reading: ChangeReading


class Matches(Struct):
    """The changes of each update by its id, in the order in which they were matched.

    ``unmatched`` are the changes that name no update.  ``made_together`` are the
    products that cumulative updates of one family and date make, by each of them.
    ``corrected`` are the updates that a table's rows took packages from, with those that
    got them, ``relabelled`` the packages that stood under the name of another update.
    ``now`` is the time of the check.
    """

    ledger: Ledger
    now: datetime
    by_update: dict[str, UpdateChanges] = field(default_factory=dict)
    unmatched: list[ChangeReading] = field(default_factory=list)
    made_together: dict[str, tuple[str, ...]] = field(default_factory=dict)
    corrected: dict[str, list[str]] = field(default_factory=dict)
    relabelled: list[Relabelled] = field(default_factory=list)

    def changes_of(self, update: Update) -> UpdateChanges:
        """Give the changes of an update, to be added to."""
        return self.by_update.setdefault(update.id, UpdateChanges(update.id))


def new_update(
    identity: Identity, family: str, kind: str, now: datetime, released: datetime
) -> Update:
    """Give an update as it is founded, without its names."""
    return Update(
        identity.id,
        identity.title,
        family,
        kind,
        month="",
        version=1,
        state=State.RELEASED,
        first_seen=now,
        released=released,
    )


def vendors_date(reading: ChangeReading, now: datetime) -> datetime:
    """Give the vendor's date of what a change offers.

    An altered entry's newest revision, else its publication, else ``now``: also where the
    date is older than the month in the entry's own label.  Case: in January a row
    "Jan27SU" is dated January 12, 2026, for the hand still writes last year's number.
    """
    entry = reading.entry
    if not reading.is_first:
        found = entry.updated or entry.published
    else:
        found = entry.published or entry.updated
    if found is None or precedes_label(found, entry.label):
        return now
    return found
