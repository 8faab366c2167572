"""The state: what was seen, what was established, who was told.

    with Store.open("sqlite:///state/watcher.db") as store:
        store.record("exchange-builds", documents=..., entries=..., outcome=..., times=...)
        store.seal(messages, store.unsealed_events())
        for message, delivery in store.due_deliveries(now): ...; store.mark(...)

Every verb is one transaction; from its return on, a killed run loses nothing of it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from watcher.errors import StateError
from watcher.records import Delivery, Document, Outcome, Times
from watcher.store import archive
from watcher.store.address import Address, address_of
from watcher.store.connection import Connection, Queries, Transactions, record_from
from watcher.store.documents import (
    Documents,
    EntryChanges,
    prune_documents,
    write_documents,
    write_entries,
    write_times,
)
from watcher.store.events import (
    Events,
    add_events,
    add_evidence,
    add_further,
    add_guidance,
)
from watcher.store.ledger import Ledger, Lists, absorb, write_updates
from watcher.store.messages import Messages, prune_messages
from watcher.store.notes import Notes, next_edition, write_values
from watcher.store.open import PROGRAM, connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType
if TYPE_CHECKING:
    from collections.abc import Callable


class WorkHealth(Struct, frozen=True):
    """How the workers of a database are."""

    # Heard of lately
    workers: int
    # Begun by workers of whom nothing is heard any more
    stalled: int
    # Whose time has come, and how many seconds the first of them has waited
    waiting: int
    longest_wait: float
    # That end with an error again and again
    failing: int


class Work(Transactions):
    """The verbs of workers."""

    def keep_answers(self, key: str, source: str, record: bytes) -> None:
        """Keep what a source answered, under ``key``, until it is judged."""
        with self.writing() as sql:
            sql.add_answers(id=key, source=source, record=record)

    def take_answers(self, key: str) -> bytes | None:
        """Take out what was kept under ``key``; None when it has been judged already."""
        with self.writing() as sql:
            record = sql.take_answers(id=key)
        return None if record is None else bytes(record)

    def waiting_answers(self) -> list[bytes]:
        """Give all that waits to be judged."""
        with self.reading() as sql:
            return [bytes(record) for record in sql.column("waiting_answers")]

    def answered_sources(self) -> frozenset[str]:
        """Name the sources whose answers wait to be judged."""
        with self.reading() as sql:
            return frozenset(sql.column("answered_sources"))

    def claim_deliveries(self, message_id: str) -> tuple[Delivery, ...]:
        """Give the deliveries of a message that are on their way, and keep others from
        them until the transaction ends.

        Belongs into ``writing``.  StateError when another worker is sending them.
        """
        with self.writing() as sql:
            records = sql.column("claim_deliveries", message=message_id)
        return tuple(record_from(Delivery, record) for record in records)

    def make_queue(self, schema: Callable[[], str]) -> None:
        """Make the tables of workers, the job queue's by the SQL of ``schema``, where there
        are none.

        No step of the schema of the state makes them: a single machine has none.
        """
        with self.writing() as sql:
            # Workers that start together make them once
            sql.take_queue_lock(program=PROGRAM)
            sql.make_answers()
            if not sql.queue_is_there():
                self.connection.driver.execute(schema())

    def queued_messages(self) -> frozenset[str]:
        """Name the messages for which there is a job that delivers them."""
        with self.reading() as sql:
            return frozenset(sql.column("delivery_jobs"))

    def work_health(self, patience: float) -> WorkHealth | None:
        """Say how the workers are; None when none has ever worked here.

        ``patience``: after how many seconds one that is not heard of is dead.
        """
        with self.reading() as sql:
            if not sql.queue_is_there():
                return None
            waiting, longest = sql.late_jobs()
            return WorkHealth(
                int(sql.count_workers(seconds=patience)),
                int(sql.count_stalled_jobs(seconds=patience)),
                int(waiting),
                float(longest or 0),
                int(sql.count_failing_jobs(attempts=5)),
            )


class Pruned(Struct, frozen=True):
    """How much was deleted."""

    messages: int
    documents: int


class Store(Documents, Ledger, Events, Lists, Messages, Notes, Work):
    """An open state; a context manager that closes it and lets it go."""

    def __init__(
        self,
        connection: Connection,
        address: Address,
        stack: ExitStack,
        *,
        rehearsal: bool,
    ) -> None:
        """Use ``open``; this keeps what is to be undone at the end."""
        super().__init__(connection, address, rehearsal=rehearsal)
        self._stack = stack

    @classmethod
    def open(
        cls,
        url: str,
        *,
        hold: bool = True,
        rehearse: bool = False,
        share: bool = False,
    ) -> Self:
        """Open the state at a database URL, and create it or bring it up to date where need be.

        ``hold``: be the only run on it (StateHeldError when there is another).
        Without it one may read beside a run, and write single notes; a file that is
        not there yet is then not created: the state is empty, and forgotten at the
        end. ``rehearse``: everything works, and nothing of it stays; nobody is locked
        out. ``share`` (with ``hold=False``, on PostgreSQL): be one of the workers on
        it, beside whom there is no run.

        StateError with cause and remedy when the state is damaged, read-only, newer
        than this program or unreachable.
        """
        address = address_of(url)
        with ExitStack() as stack:
            connection = connect(
                address,
                stack,
                hold=hold and not rehearse,
                rehearse=rehearse,
                share=share,
            )
            # A rehearsal on SQLite has a copy of its own in memory
            in_transaction = rehearse and not address.is_sqlite
            return cls(connection, address, stack.pop_all(), rehearsal=in_transaction)

    def close(self) -> None:
        """Close the connection and let the state go; what was rehearsed is gone."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Give the store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def record(
        self,
        source: str,
        *,
        documents: Iterable[Document] = (),
        entries: Iterable[EntryChanges] = (),
        outcome: Outcome | None = None,
        times: Iterable[Times] = (),
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Write everything of one source's check in one transaction.

        New events are appended in order, unqueued.  Evidence goes to the events it
        names.  Updates are written whole; one that was absorbed goes, and its events,
        messages and id belong to the update that took it over.
        """
        outcome = outcome or Outcome()
        silent = {
            each.key: each.why for each in outcome.silent if each.source == source
        }
        with self.writing() as sql:
            write_documents(sql, documents)
            for changes in entries:
                write_entries(sql, source, changes, silent)
            write_times(sql, times)
            _write_outcome(sql, outcome)
            write_values(sql, notes or {})

    def prune(self, before: datetime) -> Pruned:
        """Delete the messages dated before ``before`` with all their deliveries settled,
        and the documents last tried before it.

        Updates and events stay: they are the ledger.  A message still on its way
        stays, and every welcome.  A document that is asked for again later is read as
        at first contact.
        """
        with self.writing() as sql:
            return Pruned(prune_messages(sql, before), prune_documents(sql, before))

    def integrity(self) -> tuple[str, ...]:
        """Let the database check itself, which reads all of it.

        Its complaints, none when it is well.
        """
        try:
            with self.reading():
                if not self.address.is_sqlite:
                    # PostgreSQL checks its pages as it reads them
                    return ()
                pages = self.connection.execute("PRAGMA quick_check").fetchall()
                orphans = self.connection.execute("PRAGMA foreign_key_check").fetchall()
        except StateError as error:
            return (str(error),)
        complaints = [str(row[0]) for row in pages if row[0] != "ok"]
        for table, _, missing, _ in orphans:
            complaints.append(f"{table}: a row refers to no {missing}")
        return tuple(complaints)

    def export(self, folder: Path) -> None:
        """Write the state into ``folder`` as sorted text.

        StateError when a file cannot be written.
        """
        archive.export(self, folder)

    def import_(self, folder: Path) -> None:
        """Fill this state, which must be empty, from an export.

        StateRefusedError, and nothing imported, when it cannot be read.
        """
        archive.import_(self, folder)


def _write_outcome(sql: Queries, outcome: Outcome) -> None:
    """Write events, evidence and updates; a new edition when that changed anything."""
    changed = [bool(outcome.absorbed), add_events(sql, outcome.events)]
    for each in outcome.absorbed:
        absorb(sql, each.gone, each.heir)
    changed.append(write_updates(sql, outcome.updates))
    changed.append(add_evidence(sql, outcome.evidence))
    changed.append(add_guidance(sql, outcome.guidance))
    changed.append(add_further(sql, outcome.further))
    if any(changed):
        next_edition(sql)
