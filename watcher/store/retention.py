"""What need not be kept for ever.

Messages long settled, and documents that nothing leads to any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.records import Message
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.rows import chunks

if TYPE_CHECKING:
    from datetime import datetime

    from watcher.store.link import Link

# Whoever had one is not welcomed again
KEPT = ("welcome",)


class Pruned(Struct, frozen=True):
    """How much was deleted."""

    messages: int
    documents: int


class Retention(Base):
    """The verb of forgetting."""

    def prune(self, before: datetime) -> Pruned:
        """Delete the messages dated before ``before`` with all their deliveries settled,
        and the documents last tried before it.

        Updates and events stay: they are the ledger.  A message still on its way
        stays, and every welcome.  A document that is asked for again later is read as
        at first contact.
        """
        with self.writing() as link:
            return Pruned(_prune_messages(link, before), _prune_documents(link, before))


def _prune_messages(link: Link, before: datetime) -> int:
    waiting = "SELECT message FROM deliveries WHERE open"
    query = (
        "SELECT sequence, record FROM messages WHERE kind NOT IN :kept AND id "  # noqa: S608 - our own words
        f"NOT IN ({waiting}) ORDER BY sequence"
    )
    old = []
    for sequence, written in link.each(query, kept=list(KEPT)):
        if forms.record(Message, written).date >= before:
            # They were sealed in this order: all others are younger
            break
        old.append(sequence)
    for chunk in chunks(old):
        link.run("DELETE FROM messages WHERE sequence IN :old", old=chunk)
    return len(old)


def _prune_documents(link: Link, before: datetime) -> int:
    old = [
        {"source": s, "document": d}
        for s, d in link.rows(
            "SELECT source, document FROM times WHERE tried < :before", before=before
        )
    ]
    for table in ("documents", "times"):
        link.run_each(
            f"DELETE FROM {table} WHERE source = :source AND document = :document",  # noqa: S608 - our own words
            old,
        )
    return len(old)
