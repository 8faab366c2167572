"""What need not be kept for ever: messages long settled, and documents that nothing leads to any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, tuple_

from watcher.records import Message
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.rows import chunks
from watcher.store.tables import DELIVERIES, DOCUMENTS, MESSAGES, TIMES

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

KEPT = ("welcome",)  # whoever had one is not welcomed again


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was deleted."""

    messages: int
    documents: int


class Retention(Base):
    """The verb of forgetting."""

    def prune(self, before: datetime) -> Pruned:
        """Delete the messages dated before ``before`` with all their deliveries settled, and the documents last tried before it.

        Updates and events stay: they are the ledger.  A message still on its way stays, and every welcome.  A document that is
        asked for again later is read as at first contact.
        """
        with self.writing() as connection:
            return Pruned(_prune_messages(connection, before), _prune_documents(connection, before))


def _prune_messages(connection: Connection, before: datetime) -> int:
    waiting = select(DELIVERIES.c.message).where(DELIVERIES.c.open)
    query = select(MESSAGES.c.sequence, MESSAGES.c.record).where(MESSAGES.c.kind.not_in(KEPT), MESSAGES.c.id.not_in(waiting))
    old = []
    for sequence, written in connection.execute(query.order_by(MESSAGES.c.sequence)):
        if forms.record(Message, written).date >= before:
            break  # they were sealed in this order: all others are younger
        old.append(sequence)
    for chunk in chunks(old):
        connection.execute(delete(MESSAGES).where(MESSAGES.c.sequence.in_(chunk)))
    return len(old)


def _prune_documents(connection: Connection, before: datetime) -> int:
    old = [tuple(row) for row in connection.execute(select(TIMES.c.source, TIMES.c.document).where(TIMES.c.tried < before))]
    for chunk in chunks(old):
        for table in (DOCUMENTS, TIMES):
            connection.execute(delete(table).where(tuple_(table.c.source, table.c.document).in_(chunk)))
    return len(old)
