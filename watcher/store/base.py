"""One connection to the state and its transactions; the tables' verbs build on it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from watcher.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from watcher.store.place import Place


class Base:
    """Holds the one connection.  Threads may share it: their transactions follow one another."""

    def __init__(self, connection: Connection, place: Place, *, rehearsal: bool = False) -> None:
        """Take over ``connection``; in a ``rehearsal`` it is in an outer transaction that is never committed."""
        self._connection = connection
        self._rehearsal = rehearsal
        self._turn = threading.RLock()
        self.place = place

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read in one transaction, so that several queries see one state.  StateError when the database fails."""
        with self._turn, self._explained():
            if self._connection.in_transaction():
                yield self._connection
            else:
                self._connection.info["begin"] = "BEGIN"
                with self._connection.begin():
                    yield self._connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Connection]:
        """Write in one transaction: all of it or nothing.  StateError when the database fails.

        ``durable`` waits until the disk has it, for what the world has been or is about to be told.  Without it a power
        cut (not a kill) may take the last transactions of SQLite, whole and in order: the next check finds them again.
        """
        with self._turn, self._explained():
            if self._rehearsal:
                with self._connection.begin_nested():
                    yield self._connection
                return
            self._connection.info["begin"] = "BEGIN IMMEDIATE"
            self._connection.info["synchronous"] = "FULL" if durable else "NORMAL"
            with self._connection.begin():
                yield self._connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        if self._connection.invalidated:  # SQLAlchemy would connect again, and write without the lock
            msg = f"The connection to the state {self.place} was lost, and with it the lock. Run again: nothing that was recorded is lost."
            raise StateError(msg)
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self.place.unwell(error) from error


def begin_sqlite(connection: Connection) -> None:
    """Begin as the transaction's use demands: the driver's own way leaves reads and DDL outside of transactions."""
    driver = connection.connection.driver_connection
    if driver is None:  # pragma: no cover  # only after a disconnect, which SQLite does not know
        return
    wanted = connection.info.get("synchronous", "NORMAL")
    if connection.info.get("begin", "BEGIN") == "BEGIN IMMEDIATE":
        driver.execute(f"PRAGMA synchronous = {wanted}")  # has no effect inside a transaction, so before it
    connection.exec_driver_sql(connection.info.get("begin", "BEGIN"))
