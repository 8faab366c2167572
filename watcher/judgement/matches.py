"""What one check says of each update: its changes, matched, while the ledger is worked on."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from watcher.judgement.change_reading import ChangeReading, UpdateChanges
from watcher.judgement.ledger import Ledger
from watcher.records import Update


class Matches:
    """The changes of each update by its id, in the order in which they were matched."""

    def __init__(self, ledger: Ledger, now: datetime) -> None:
        """Work on a ledger's copy; ``now`` is the time of the check."""
        self.ledger = ledger
        self.now = now
        self.cases: dict[str, UpdateChanges] = {}
        self.unplaced: list[ChangeReading] = []

    def case(self, update: Update) -> UpdateChanges:
        """The changes of an update."""
        return self.cases.setdefault(update.id, UpdateChanges(update.id))

    def found(self, update: Update, released: datetime) -> Update:
        """Put a new update into the ledger; an id that is taken gets a number."""
        update_id, number = update.id, 2
        while update_id in self.ledger:
            update_id, number = f"{update.id}-{number}", number + 1
        self.ledger.put(
            replace(update, id=update_id, released=released, thread=update_id)
        )
        return self.ledger[update_id]


def dated(fact: ChangeReading, now: datetime) -> datetime:
    """The vendor's date of what a change offers.

    An altered entry's newest revision, else its publication, else ``now``.
    """
    entry = fact.entry
    if fact.change.before is not None:
        return entry.updated or entry.published or now
    return entry.published or entry.updated or now
