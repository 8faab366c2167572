"""Open a state: find the file or the server, hold it, bring its schema up to date."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from watcher.errors import StateError
from watcher.store.base import Base, begin_sqlite
from watcher.store.hold import file_hold, me, server_hold
from watcher.store.schema import HEAD, migrate, version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

    from watcher.store.place import Place

BUSY = 15  # seconds to wait for another program's write to the SQLite file
CONNECT = 10  # seconds to wait for the PostgreSQL server


def connect(place: Place, stack: ExitStack, *, hold: bool, rehearse: bool) -> Connection:
    """Give a connection to an up-to-date state; what must be undone afterwards is put on ``stack``.

    StateHeldError when ``hold`` is wanted and another run has it; StateError when the state cannot be used.
    """
    if not place.is_sqlite:
        return _connect_server(place, stack, hold=hold, rehearse=rehearse)
    if place.file is None:
        return _connect_memory(place, stack, None)
    if rehearse or (not hold and not place.file.exists()):
        return _connect_memory(place, stack, place.file if place.file.exists() else None)
    return _connect_file(place, place.file, stack, hold=hold)


def _connect_file(place: Place, file: Path, stack: ExitStack, *, hold: bool) -> Connection:
    if hold:
        _prepare(place, file)
        stack.enter_context(file_hold(place, file))
        _create(place, file)
    connection = _connected(place, _sqlite_engine(place, file), stack)
    with _explained(place):
        if hold:
            with Base(connection, place).writing():
                migrate(connection, place)
        elif _version(place, connection) != HEAD:
            with file_hold(place, file), Base(connection, place).writing():
                migrate(connection, place)
    return connection


def _version(place: Place, connection: Connection) -> str:
    with Base(connection, place).reading():
        return version(connection)


def _prepare(place: Place, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise place.closed("written", error) from error


def _create(place: Place, file: Path) -> None:
    """Create the file for its owner only: it holds recipients' addresses.  SQLite gives its side files the same mode."""
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise place.closed("written", error) from error


def _connect_memory(place: Place, stack: ExitStack, original: Path | None) -> Connection:
    connection = _connected(place, _sqlite_engine(place, None), stack)
    with _explained(place):
        if original is not None:
            _copy(original, connection)
        with Base(connection, place).writing():
            migrate(connection, place)
    return connection


def _copy(original: Path, connection: Connection) -> None:
    memory = connection.connection.driver_connection
    # Who may write takes SQLite's side files away again; those that were there before belong to a run, or to one that was killed.
    mode = "ro" if original.with_name(f"{original.name}-wal").exists() else "rw"
    source = sqlite3.connect(f"file:{quote(str(original.resolve()))}?mode={mode}", uri=True, timeout=BUSY)
    try:
        source.backup(memory)  # type: ignore[arg-type]  # SQLAlchemy types every driver's connection as one
    finally:
        source.close()


def _sqlite_engine(place: Place, file: Path | None) -> Engine:
    pool = NullPool if file is not None else StaticPool
    address = place.url if file is not None else "sqlite://"
    engine = create_engine(address, poolclass=pool, connect_args={"check_same_thread": False, "timeout": BUSY})

    @event.listens_for(engine, "connect")
    def configure(driver: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        driver.isolation_level = None
        cursor = driver.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        if file is not None:
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.close()

    event.listen(engine, "begin", begin_sqlite)
    return engine


def _connect_server(place: Place, stack: ExitStack, *, hold: bool, rehearse: bool) -> Connection:
    arguments = {"connect_timeout": CONNECT, "application_name": f"advisory-watcher, {me()}"[:63]}
    # What several queries of one transaction read is one state; two writers of one row do not overwrite each other.
    engine = create_engine(place.url, poolclass=NullPool, connect_args=arguments, isolation_level="REPEATABLE READ")
    connection = _connected(place, engine, stack)
    with _explained(place):
        if rehearse:
            connection.begin()
            migrate(connection, place)
            return connection
        if hold:
            stack.enter_context(server_hold(place, connection))
            _refuse_read_only(place, connection)
            with Base(connection, place).writing():
                migrate(connection, place)
        elif _version(place, connection) != HEAD:
            with server_hold(place, connection), Base(connection, place).writing():
                migrate(connection, place)
    return connection


def _refuse_read_only(place: Place, connection: Connection) -> None:
    with connection.begin():
        read_only = connection.scalar(text("SHOW transaction_read_only")) == "on"
    if read_only:
        msg = f"The state {place} is read-only. Use the primary server, and an account that may write."
        raise StateError(msg)


def _connected(place: Place, engine: Engine, stack: ExitStack) -> Connection:
    stack.callback(engine.dispose)
    with _explained(place):
        return stack.enter_context(engine.connect())


@contextmanager
def _explained(place: Place) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise place.unwell(error) from error
