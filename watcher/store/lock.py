"""One run at a time: a lock beside the SQLite file, or an advisory lock of PostgreSQL.

Both locks are the operating system's or the server's, and end with the process that
took them, however it ends.
"""

from __future__ import annotations

import os
import socket
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from watcher import private
from watcher.errors import StateError, StateHeldError
from watcher.store.address import Address
from watcher.store.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# The first half of the advisory lock's key; the second is the schema's, so that two
# watchers may share a database.
PROGRAM = zlib.crc32(b"advisory-watcher") & 0x7FFFFFFF


def me() -> str:
    """Name this process to whoever finds the state held."""
    return f"process {os.getpid()} on {socket.gethostname()}"


@contextmanager
def hold_file(address: Address, file: Path) -> Iterator[None]:
    """Hold the lock file beside ``file``; StateHeldError names the process that has it."""
    # Windows lets nobody read a locked file: the name of the holder lies beside it
    holder = file.with_name(f"{file.name}.holder")
    lock = FileLock(file.with_name(f"{file.name}.lock"), timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        who = ""
        with suppress(OSError):
            who = holder.read_text("utf-8").strip()
        raise _held(address, who or "another process") from error
    except OSError as error:
        raise address.refuse("locked", error) from error
    except NotImplementedError as error:
        # So filelock says that this disk knows no locks
        msg = f"The state {address} cannot be locked: {error}. Keep it on a local disk."
        raise StateError(msg) from error
    try:
        # Only for the words of the error above
        with suppress(OSError), private.new_file(holder) as written:
            written.write(f"{me()}\n".encode())
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


@contextmanager
def hold_server(address: Address, connection: Connection) -> Iterator[None]:
    """Hold the schema's advisory lock; StateHeldError names the session that has it."""
    sql = connection.sql
    if not sql.take_lock(program=PROGRAM):
        raise _held(address, _session(connection) or "another session")
    try:
        yield
    finally:
        # A session that is dead holds nothing any more
        if not connection.lost:
            with suppress(connection.errors):
                sql.release_lock(program=PROGRAM)


@contextmanager
def share_server(address: Address, connection: Connection) -> Iterator[None]:
    """Be one of several workers on the schema: a run is refused beside them.

    StateHeldError names the run that has it.
    """
    sql = connection.sql
    if not sql.take_shared_lock(program=PROGRAM):
        raise _held(address, _session(connection) or "another session")
    try:
        yield
    finally:
        if not connection.lost:
            with suppress(connection.errors):
                sql.release_shared_lock(program=PROGRAM)


def _session(connection: Connection) -> str:
    row = connection.sql.lock_holder(program=PROGRAM)
    if row is None:
        return ""
    name, client = row
    return f"{name} ({client})" if client else str(name)


def _held(address: Address, who: str) -> StateHeldError:
    return StateHeldError(
        f"The state {address} is held by {who}. Nothing was touched; run again "
        "when that one has ended."
    )
