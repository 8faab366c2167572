"""What one check says of each update: its changes, matched, while the ledger is worked on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

from watcher.judgement.change_reading import ChangeReading, UpdateChanges
from watcher.judgement.ledger import Ledger
from watcher.judgement.names import Identity
from watcher.records import Label, State, Update

# How long before its month an update may come: "early" ones of a few days are known
BEFORE_ITS_MONTH = timedelta(days=15)


class Matches(Struct):
    """The changes of each update by its id, in the order in which they were matched.

    ``unmatched`` are the changes that name no update.  ``made_together`` are the
    products that cumulative updates of one family and date make, by each of them.
    ``now`` is the time of the check.
    """

    ledger: Ledger
    now: datetime
    by_update: dict[str, UpdateChanges] = field(default_factory=dict)
    unmatched: list[ChangeReading] = field(default_factory=list)
    made_together: dict[str, tuple[str, ...]] = field(default_factory=dict)

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
    if found is None or _precedes_label(found, entry.label):
        return now
    return found


def _precedes_label(date: datetime, label: Label | None) -> bool:
    if label is None or not label.month:
        return False
    year, month = map(int, label.month.split("-"))
    return date < datetime(year, month, 1, tzinfo=UTC) - BEFORE_ITS_MONTH
