"""One connection to the state and its transactions; the tables' verbs build on it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from watcher.errors import StateError
from watcher.store.link import SQLITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher.store.link import Link
    from watcher.store.place import Place


class Base:
    """Holds the one connection.  Threads may share it: their transactions follow one another."""

    def __init__(self, link: Link, place: Place, *, rehearsal: bool = False) -> None:
        """Take over ``link``.

        In a ``rehearsal`` it is in an outer transaction that is never committed.
        """
        self._link = link
        self._rehearsal = rehearsal
        self._turn = threading.RLock()
        self.place = place

    @property
    def conflicts(self) -> type[Exception]:
        """What the database raises when a row does not fit the others."""
        return self._link.conflicts

    @contextmanager
    def reading(self) -> Iterator[Link]:
        """Read in one transaction, so that several queries see one state.

        StateError when the database fails.
        """
        with self._turn, self._explained():
            if self._link.in_transaction:
                yield self._link
            else:
                with self._link.transaction(
                    "BEGIN" if self._link.dialect == SQLITE else _OF_SERVER
                ):
                    yield self._link

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Link]:
        """Write in one transaction: all of it or nothing.  StateError when the database fails.

        ``durable`` waits until the disk has it, for what the world has been or is
        about to be told.  Without it a power cut (not a kill) may take the last
        transactions of SQLite, whole and in order: the next check finds them again.
        """
        with self._turn, self._explained():
            if self._rehearsal:
                with self._link.part():
                    yield self._link
                return
            # Has no effect inside a transaction, so before it
            if self._link.dialect == SQLITE:
                self._link.run(
                    f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}"
                )
            with self._link.transaction(
                "BEGIN IMMEDIATE" if self._link.dialect == SQLITE else _OF_SERVER
            ):
                yield self._link

    @contextmanager
    def _explained(self) -> Iterator[None]:
        if self._link.lost:
            msg = (
                f"The connection to the state {self.place} was lost, and with it "
                "the lock. Run again: nothing that was recorded is lost."
            )
            raise StateError(msg)
        try:
            yield
        except self._link.errors as error:
            raise self.place.unwell(error) from error


_OF_SERVER = "BEGIN ISOLATION LEVEL REPEATABLE READ"
"""What several queries of one transaction read is one state; two writers of one row do not overwrite each other."""
