"""Open a state: find the file or the server, hold it, bring its schema up to date."""

from __future__ import annotations

import os
import sqlite3
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from watcher import private
from watcher.errors import StateError
from watcher.store.address import Address
from watcher.store.connection import Connection, Transactions
from watcher.store.lock import hold_file, hold_server, me, share_server
from watcher.store.migrations import NEWEST, migrate, schema_version
from watcher.store.owner import refuse_other_owner

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager, ExitStack
    from pathlib import Path


# Seconds to wait for another program's write to the SQLite file
BUSY = 15
# Seconds to wait for the PostgreSQL server
CONNECT = 10


def connect(
    address: Address, stack: ExitStack, *, hold: bool, rehearse: bool, share: bool
) -> Connection:
    """Give a connection to an up-to-date state.

    What must be undone afterwards is put on ``stack``.

    StateHeldError when ``hold`` is wanted and another run has it, or when it is to be
    shared by workers; StateError when the state cannot be used.
    """
    if not address.is_sqlite:
        connection = _connect_server(address, stack, hold=hold, rehearse=rehearse)
        if share:
            stack.enter_context(share_server(address, connection))
            _refuse_read_only(address, connection)
        return connection
    if share:
        msg = (
            f"The state {address} is a file, which is for one machine. Workers need "
            "a PostgreSQL database: state in [watch]."
        )
        raise StateError(msg)
    if address.file is None:
        return _connect_memory(address, stack, None)
    if rehearse or (not hold and not address.file.exists()):
        return _connect_memory(
            address, stack, address.file if address.file.exists() else None
        )
    return _connect_file(address, address.file, stack, hold=hold)


def _connect_file(
    address: Address, file: Path, stack: ExitStack, *, hold: bool
) -> Connection:
    if hold:
        _prepare(address, file)
        stack.enter_context(hold_file(address, file))
        _create(address, file)
    connection = _connected(address, stack, lambda: Connection.to_file(file, BUSY))
    _bring_up(address, connection, nullcontext() if hold else hold_file(address, file))
    return connection


def _bring_up(
    address: Address, connection: Connection, lock: AbstractContextManager[None]
) -> None:
    """Bring the schema up to date, under ``lock``, where it is not."""
    with Transactions(connection, address).reading():
        found = schema_version(connection)
    if found != NEWEST:
        with lock, Transactions(connection, address).writing():
            migrate(connection, address)


def _prepare(address: Address, file: Path) -> None:
    try:
        refuse_other_owner(address, file)
        private.folder(file.parent)
    except OSError as error:
        raise address.refuse("written", error) from error


def _create(address: Address, file: Path) -> None:
    """Create the file for its owner only.

    It holds recipients' addresses.  SQLite gives its side files the same mode.
    """
    try:
        if not file.exists():
            # A link to nothing would make a file where it leads
            private.new_file(file).close()
        # What cannot be written is said so here, and not by SQLite
        os.close(os.open(file, os.O_RDWR))
        private.close_to_others(file)
        for side in ("-wal", "-shm", "-journal", ".lock"):
            with suppress(FileNotFoundError):
                private.close_to_others(file.with_name(f"{file.name}{side}"))
    except OSError as error:
        raise address.refuse("written", error) from error


def _connect_memory(
    address: Address, stack: ExitStack, original: Path | None
) -> Connection:
    connection = _connected(address, stack, lambda: Connection.to_file(None, BUSY))
    if original is not None:
        try:
            _copy(original, connection)
        except connection.errors as error:
            raise address.explain(error) from error
    with Transactions(connection, address).writing():
        migrate(connection, address)
    return connection


def _copy(original: Path, connection: Connection) -> None:
    # Who may write takes SQLite's side files away again; those that were there before
    # belong to a run, or to one that was killed.
    mode = "ro" if original.with_name(f"{original.name}-wal").exists() else "rw"
    source = sqlite3.connect(
        f"file:{quote(str(original.resolve()))}?mode={mode}", uri=True, timeout=BUSY
    )
    try:
        source.backup(connection.driver)
    finally:
        source.close()


def _connect_server(
    address: Address, stack: ExitStack, *, hold: bool, rehearse: bool
) -> Connection:
    connection = _connected(
        address,
        stack,
        lambda: Connection.to_server(
            address.server, f"advisory-watcher, {me()}"[:63], CONNECT
        ),
    )
    # In a transaction that ends with the connection
    if rehearse:
        try:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            migrate(connection, address)
        except connection.errors as error:
            raise address.explain(error) from error
        return connection
    if hold:
        stack.enter_context(hold_server(address, connection))
        _refuse_read_only(address, connection)
    _bring_up(
        address, connection, nullcontext() if hold else hold_server(address, connection)
    )
    return connection


def _refuse_read_only(address: Address, connection: Connection) -> None:
    with Transactions(connection, address).reading():
        answer = connection.execute("SHOW transaction_read_only").fetchone()
    if answer == ("on",):
        msg = (
            f"The state {address} is read-only. Use the primary server, and an "
            "account that may write."
        )
        raise StateError(msg)


def _connected(
    address: Address, stack: ExitStack, make: Callable[[], Connection]
) -> Connection:
    try:
        connection = make()
    except Exception as error:
        raise address.explain(error) from error
    stack.callback(connection.close)
    return connection
