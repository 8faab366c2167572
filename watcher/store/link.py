"""The connection to a database: SQL with named parameters, the same for SQLite and PostgreSQL.

    link.rows("SELECT id, record FROM updates WHERE id IN :ids AND dated >= :since", ids=["a", "b"], since=now)

Parameters are ``:name``; one that is a list is written out, for ``IN``.  Times go in
as text of one width, so that text order is time order, and come out as that text
(``tables.moment``); text goes in as both databases can hold it. The drivers are used
as they are: SQLAlchemy, which only migrations need, takes as long to load as all else
of a run that finds nothing due.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from watcher.store.tables import clean, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import psycopg

    Row = tuple[Any, ...]

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


class Lent:
    """A driver's connection that can be lent.

    Then its transaction and its end are its owner's alone.
    """

    lent = False

    def commit(self) -> None:
        """Commit, unless it is lent."""
        if not self.lent:
            super().commit()  # type: ignore[misc]  # the driver's

    def rollback(self) -> None:
        """Take back, unless it is lent."""
        if not self.lent:
            super().rollback()  # type: ignore[misc]

    def close(self) -> None:
        """Close, unless it is lent."""
        if not self.lent:
            super().close()  # type: ignore[misc]


class _File(Lent, sqlite3.Connection):
    """SQLite's connection."""


class Link:
    """One connection.  Its errors are the driver's: ``errors``, and ``conflicts`` of a
    row that does not fit the others.
    """

    def __init__(
        self,
        driver: _File | psycopg.Connection[Row],
        dialect: str,
        errors: type[Exception],
        conflicts: type[Exception],
    ) -> None:
        """Use ``to_file`` or ``to_server``."""
        self.driver = driver
        self.dialect = dialect
        self.errors = errors
        self.conflicts = conflicts

    @classmethod
    def to_file(cls, file: Path | None, busy: float) -> Link:
        """Connect to a file of SQLite's, or to one in memory.

        ``busy``: seconds to wait for another program's write.
        """
        driver: Any = sqlite3.connect(
            str(file or ":memory:"),
            timeout=busy,
            isolation_level=None,
            check_same_thread=False,
            factory=_File,
        )
        link = cls(driver, SQLITE, sqlite3.Error, sqlite3.IntegrityError)
        try:
            link.run("PRAGMA foreign_keys = ON")
            if file is not None:
                link.run("PRAGMA journal_mode = WAL")
        except sqlite3.Error:
            link.close()
            raise
        return link

    @classmethod
    def to_server(cls, address: str, name: str, patience: int) -> Link:
        """Connect to a PostgreSQL server (address of libpq's form), under a ``name``.

        ``patience`` is in seconds.
        """
        # Whose state is a file needs none
        import psycopg

        class Server(Lent, psycopg.Connection[Any]):
            """PostgreSQL's connection."""

        driver = Server.connect(
            address, autocommit=True, connect_timeout=patience, application_name=name
        )
        return cls(driver, POSTGRESQL, psycopg.Error, psycopg.IntegrityError)

    def rows(self, sql: str, **values: object) -> list[Row]:
        """Ask for rows."""
        found: list[Row] = self._do(sql, values).fetchall()
        return found

    def each(self, sql: str, **values: object) -> Iterator[Row]:
        """Ask for rows, one after the other: more than memory should hold."""
        return iter(self._do(sql, values))

    def scalars(self, sql: str, **values: object) -> list[Any]:
        """Ask for the first column of each row."""
        return [row[0] for row in self._do(sql, values).fetchall()]

    def scalar(self, sql: str, **values: object) -> Any:  # noqa: ANN401 - whatever the column holds
        """Ask for the first column of the first row; None when there is no row."""
        row = self._do(sql, values).fetchone()
        return None if row is None else row[0]

    def run(self, sql: str, **values: object) -> None:
        """Run a statement."""
        self._do(sql, values)

    def run_each(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement for each of ``rows``."""
        if rows:
            self._do(
                sql,
                [{name: _fit(value) for name, value in row.items()} for row in rows],
            )

    def _do(
        self, sql: str, values: Mapping[str, object] | list[dict[str, object]]
    ) -> Any:  # noqa: ANN401 - a driver's cursor
        cursor: Any = self.driver.cursor()
        if isinstance(values, list):
            cursor.executemany(_phrased(sql, (), self.dialect), values)
            return cursor
        lengths: list[tuple[str, int]] = []
        fit: dict[str, object] = {}
        for name, value in values.items():
            if isinstance(value, list):
                lengths.append((name, len(value)))
                fit.update(
                    (f"{name}{number}", _fit(each)) for number, each in enumerate(value)
                )
            else:
                fit[name] = _fit(value)
        cursor.execute(_phrased(sql, tuple(lengths), self.dialect), fit)
        return cursor

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        if self.dialect == SQLITE:
            return bool(cast("_File", self.driver).in_transaction)
        return cast(
            "psycopg.Connection[Row]", self.driver
        ).info.transaction_status.name in {"INTRANS", "INERROR"}

    @property
    def lost(self) -> bool:
        """Whether the server's end is gone, and with it all that was held there."""
        return (
            self.dialect == POSTGRESQL
            and cast("psycopg.Connection[Row]", self.driver).closed
        )

    @contextmanager
    def transaction(self, begin: str = "BEGIN") -> Iterator[None]:
        """Do all of it or nothing."""
        self.run(begin)
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            # What failed may have ended it already
            with suppress(self.errors):
                if self.in_transaction:
                    self.run("ROLLBACK")
            raise

    @contextmanager
    def part(self) -> Iterator[None]:
        """Do all of it or nothing, within a transaction."""
        self.run("SAVEPOINT part")
        try:
            yield
        except BaseException:
            with suppress(self.errors):
                self.run("ROLLBACK TO SAVEPOINT part")
            raise
        self.run("RELEASE SAVEPOINT part")

    @contextmanager
    def lending(self) -> Iterator[Any]:
        """Lend the driver's connection to whoever would commit or close it."""
        self.driver.lent = True  # type: ignore[union-attr]  # both are Lent
        try:
            yield self.driver
        finally:
            self.driver.lent = False  # type: ignore[union-attr]

    def close(self) -> None:
        """Close; what was not committed is gone."""
        self.driver.close()


@lru_cache(maxsize=512)
def _phrased(sql: str, lengths: tuple[tuple[str, int], ...], dialect: str) -> str:
    """Write a statement as its driver wants it."""
    many = dict(lengths)
    form = ":{}" if dialect == SQLITE else "%({})s"

    def named(match: re.Match[str]) -> str:
        name = match[1]
        if name not in many:
            return form.format(name)
        return f"({', '.join(form.format(f'{name}{number}') for number in range(many[name])) or 'NULL'})"

    return _PARAMETER.sub(named, sql)


def _fit(value: object) -> object:
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else clean(value)
    return written(value) if isinstance(value, datetime) else value
