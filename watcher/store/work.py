"""What workers on one PostgreSQL database leave to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.records import Delivery
from watcher.store.connection import Transactions, record_from
from watcher.store.open import PROGRAM

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
