"""One connection to the state, its named queries and its transactions.

The SQL stands in ``queries/*.sql``, one text for SQLite and PostgreSQL:

    with self.reading() as sql:
        record = sql.update(id="exchange-2024-11")

Parameters are ``:name``; a list goes in as JSON (``parameter``).
"""

from __future__ import annotations

import re
import sqlite3
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import aiosql
import msgspec
from aiosql.adapters.generic import GenericAdapter
from aiosql.adapters.pyformat import PyFormatAdapter

from watcher.errors import StateError
from watcher.store.address import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODERS: dict[type, Callable[[str], object]] = {}


def clean(text: str) -> str:
    """Replace what a database's text cannot hold: NUL (PostgreSQL) and lone surrogates (both).

    Feeds have held both.  Each is replaced by a sign (U+FFFD, "?") and the rest of the
    text stays as the source wrote it.
    """
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def time_text(time: datetime) -> str:
    """Write ``time`` so that text order is time order.

    ``2024-11-14T18:00:00.000000+00:00``.  A naive time is a bug: ValueError.
    """
    if time.tzinfo is None:
        msg = f"a time without a zone cannot be stored: {time.isoformat()}"
        raise ValueError(msg)
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def time_from(text: str) -> datetime:
    """Read a time as it is stored, in UTC."""
    return datetime.fromisoformat(text)


def optional_time_from(text: str | None) -> datetime | None:
    """Read a time that may be missing.

    ``text`` is an aware time by RFC 3339, or what SQL's NULL is read as.
    """
    return None if text is None else time_from(text)


def parameter(value: object) -> object:
    """Write a value as both drivers take it.

    A list becomes JSON text, for ``IN (SELECT value FROM json_each(:name))``.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, list):
        # As the values that it is compared with were cleaned when they were stored
        return record_text([parameter(item) for item in value])
    return value


def record_text(record: object) -> str:
    """Write a record as JSON with sorted keys.

    Text that no database holds is cleaned, so any record of ``watcher.records`` can be
    written.  Equal records give equal text: an export is compared byte by byte.
    """
    try:
        return _ENCODER.encode(record).decode()
    except UnicodeEncodeError:
        # A source's lone surrogate is no reason to lose the rest of what it says.
        return _ENCODER.encode(_cleaned(msgspec.to_builtins(record))).decode()


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def record_from(form: type[T], text: str) -> T:
    """Read a record of ``form`` from JSON; StateError where it does not have that form."""
    # Making a decoder takes longer than reading a record with it
    decode = _DECODERS.get(form)
    if decode is None:
        decode = _DECODERS[form] = msgspec.json.Decoder(form).decode
    try:
        return decode(text)  # type: ignore[return-value]  # the dictionary cannot say that key and value belong together
    except msgspec.MsgspecError as error:
        msg = (
            f"The state holds a record ({form.__name__}) that cannot be read, "
            f"{error}: {text[:80]!r}. "
            "Restore the state from a backup, or import its last export into "
            "a new one with 'watcher state import'."
        )
        raise StateError(msg) from error


# For LIMIT, where there is none: SQLite takes no NULL there.
ALL = 2**63 - 1

# What several queries of one transaction read is one state; two writers of one row do
# not overwrite each other.
_BEGIN_ON_SERVER = "BEGIN ISOLATION LEVEL REPEATABLE READ"

_LIST = re.compile(r"json_each\(:(\w+)\)")


# SQLite has no arrays, and PostgreSQL's json_each is for objects: a list is JSON text to
# both, so that one query takes any number of values.  Written out as (:a0, :a1, ...) it
# met the limits on parameters, and was another statement for each length.
_UNFOLDED = r"json_array_elements_text(CAST(:\1 AS json)) AS list(value)"


class _ServerAdapter(PyFormatAdapter):
    """Turns the queries' SQL into PostgreSQL's, where the two say it differently."""

    def process_sql(self, query_name: str, op_type: Any, sql: str) -> str:  # noqa: ANN401 - aiosql's
        """Unfold lists, and write parameters as psycopg wants them."""
        sql = _LIST.sub(_UNFOLDED, sql)
        written: str = super().process_sql(query_name, op_type, sql)  # type: ignore[no-untyped-call]  # aiosql's
        return written


@cache
def _queries(*, is_sqlite: bool) -> Any:  # noqa: ANN401 - aiosql makes a method of each query
    folder = Path(__file__).with_name("queries")
    adapter = GenericAdapter if is_sqlite else _ServerAdapter
    return aiosql.from_path(folder, adapter, encoding="utf-8")


class Connection:
    """One connection.

    Its errors are the driver's: ``errors``, and ``conflicts`` of a row that does not fit
    the others.
    """

    def __init__(self, driver: Any, *, is_sqlite: bool) -> None:  # noqa: ANN401 - sqlite3's or psycopg's
        """Use ``to_file`` or ``to_server``."""
        self.driver = driver
        self.is_sqlite = is_sqlite
        self.queries = _queries(is_sqlite=is_sqlite)
        self.sql = Queries(self)
        if is_sqlite:
            self.errors: type[Exception] = sqlite3.Error
            self.conflicts: type[Exception] = sqlite3.IntegrityError
        else:
            import psycopg

            self.errors = psycopg.Error
            self.conflicts = psycopg.IntegrityError

    @classmethod
    def to_file(cls, file: Path | None, busy: float) -> Connection:
        """Connect to a file of SQLite's, or to one in memory.

        ``busy``: seconds to wait for another program's write.
        """
        driver = sqlite3.connect(
            str(file or ":memory:"),
            timeout=busy,
            # Our own BEGIN: Python's would begin only at the first change
            isolation_level=None,
            # The fetching threads read, one after the other (Transactions)
            check_same_thread=False,
        )
        try:
            driver.execute("PRAGMA foreign_keys = ON")
            if file is not None:
                driver.execute("PRAGMA journal_mode = WAL")
        except sqlite3.Error:
            driver.close()
            raise
        return cls(driver, is_sqlite=True)

    @classmethod
    def to_server(cls, server: str, name: str, patience: int) -> Connection:
        """Connect to a PostgreSQL server (libpq's form of address), under a ``name``.

        ``patience`` is in seconds.
        """
        # Whose state is a file needs none
        import psycopg

        driver = psycopg.Connection.connect(
            server, autocommit=True, connect_timeout=patience, application_name=name
        )
        return cls(driver, is_sqlite=False)

    def cursor(self) -> Cursor:
        """Give what runs one statement; each of aiosql's queries asks for one."""
        return Cursor(self.driver.cursor())

    def execute(self, statement: str, **values: object) -> Cursor:
        """Run a statement that is no named query: a transaction's, or a migration's."""
        adapter = self.queries.driver_adapter
        cursor = self.cursor()
        cursor.execute(adapter.process_sql("", None, statement), values)
        return cursor

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open.

        On PostgreSQL also one that has failed and waits for its ROLLBACK.
        """
        if self.is_sqlite:
            return bool(self.driver.in_transaction)
        return self.driver.info.transaction_status.name in {"INTRANS", "INERROR"}

    @property
    def lost(self) -> bool:
        """Whether the server's end is gone, and with it all that was held there.

        SQLite's end cannot go.  Advisory locks go with the connection: whoever held the
        state holds it no more.
        """
        return not self.is_sqlite and bool(self.driver.closed)

    @contextmanager
    def transaction(self, begin: str) -> Iterator[None]:
        """Do all of it or nothing.

        ``begin`` is the statement that opens it.  Whatever is raised within, a kill's
        KeyboardInterrupt too, rolls it back and is raised again.
        """
        self.execute(begin)
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # What failed may have ended it already
            with suppress(self.errors):
                if self.in_transaction:
                    self.execute("ROLLBACK")
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Do all of it or nothing, within a transaction.

        Whatever is raised within undoes this step alone, and is raised again: the
        transaction around it goes on.
        """
        self.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            with suppress(self.errors):
                self.execute("ROLLBACK TO SAVEPOINT step")
            raise
        self.execute("RELEASE SAVEPOINT step")

    def close(self) -> None:
        """Close; what was not committed is gone."""
        self.driver.close()


class Queries:
    """The named queries of ``queries/*.sql``, on one connection."""

    def __init__(self, connection: Connection) -> None:
        """Belong to ``connection``."""
        self.connection = connection

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the query gives
        """Find a query by its name."""
        query = partial(getattr(self.connection.queries, name), self.connection)
        setattr(self, name, query)
        return query

    def column(self, name: str, **values: object) -> list[Any]:
        """Give the first column of each row of a query.

        ``name`` is a query of a .sql file, ``values`` its parameters.  Rows come in the
        query's order.
        """
        return [row[0] for row in getattr(self, name)(**values)]


class Cursor:
    """A driver's cursor that takes values as the program has them."""

    def __init__(self, driver: Any) -> None:  # noqa: ANN401 - sqlite3's or psycopg's
        """Wrap a driver's cursor."""
        self._driver = driver

    def execute(self, statement: str, values: Mapping[str, object]) -> None:
        """Run a statement."""
        fit = {name: parameter(value) for name, value in values.items()}
        self._driver.execute(statement, fit)

    def executemany(self, statement: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement for each of ``rows``.

        Nothing is asked for no rows: drivers refuse an empty list.
        """
        fit = [{name: parameter(value) for name, value in row.items()} for row in rows]
        if fit:
            self._driver.executemany(statement, fit)

    def fetchone(self) -> tuple[Any, ...] | None:
        """Give the next row, None when there is none."""
        row: tuple[Any, ...] | None = self._driver.fetchone()
        return row

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Give all rows that are left."""
        rows: list[tuple[Any, ...]] = self._driver.fetchall()
        return rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Give the rows, one after the other: more than memory should hold."""
        return iter(self._driver)

    def close(self) -> None:
        """Let the rows go."""
        self._driver.close()


class Transactions:
    """Holds the one connection.  Threads may share it: their transactions follow one another."""

    def __init__(
        self, connection: Connection, address: Address, *, rehearsal: bool = False
    ) -> None:
        """Take over ``connection``.

        In a ``rehearsal`` it is in an outer transaction that is never committed.
        """
        self.connection = connection
        self.address = address
        self._rehearsal = rehearsal
        self._lock = threading.RLock()

    @contextmanager
    def reading(self) -> Iterator[Queries]:
        """Read in one transaction, so that several queries see one state.

        StateError when the database fails.
        """
        connection = self.connection
        with self._lock, self._explained():
            if connection.in_transaction:
                yield connection.sql
                return
            with connection.transaction(
                "BEGIN" if connection.is_sqlite else _BEGIN_ON_SERVER
            ):
                yield connection.sql

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Queries]:
        """Write in one transaction: all of it or nothing.  StateError when the database fails.

        ``durable`` waits until the disk has it, for what the world has been or is
        about to be told.  Without it a power cut (not a kill) may take the last
        transactions of SQLite, whole and in order: the next check finds them again.
        """
        connection = self.connection
        with self._lock, self._explained():
            if self._rehearsal:
                with connection.savepoint():
                    yield connection.sql
                return
            # A part of what the caller does in one transaction
            if connection.in_transaction:
                yield connection.sql
                return
            begin = _BEGIN_ON_SERVER
            if connection.is_sqlite:
                begin = "BEGIN IMMEDIATE"
                # Has no effect inside a transaction, so before it
                synchronous = "FULL" if durable else "NORMAL"
                connection.execute("PRAGMA synchronous = " + synchronous)
            with connection.transaction(begin):
                yield connection.sql

    @contextmanager
    def _explained(self) -> Iterator[None]:
        if self.connection.lost:
            msg = (
                f"The connection to the state {self.address} was lost, and with it "
                "the lock. Run again: nothing that was recorded is lost."
            )
            raise StateError(msg)
        try:
            yield
        except self.connection.errors as error:
            raise self.address.explain(error) from error
