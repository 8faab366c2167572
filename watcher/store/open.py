"""Open a state: find the file or the server, hold it, bring its schema up to date.

One run at a time: a lock beside the SQLite file, or an advisory lock of PostgreSQL.  Both
are the operating system's or the server's, and end with the process that took them,
however it ends.
"""

from __future__ import annotations

import os
import shlex
import socket
import sqlite3
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractContextManager,
    ExitStack,
    contextmanager,
    nullcontext,
    suppress,
)
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from watcher import private
from watcher.errors import StateError, StateHeldError, StateRefusedError
from watcher.store.address import Address
from watcher.store.connection import Connection, Transactions
from watcher.store.migrations import NEWEST, migrate, schema_version

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
            stack.enter_context(hold_server(address, connection, shared=True))
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


def refuse_other_owner(address: Address, file: Path) -> None:
    """Refuse to write a state as another user than its owner.

    Case: root started a run in the watcher's folder, and left files that the watcher
    could write no more.  A file that another user put there as a link is refused, too.

    Raises:
        StateRefusedError: it names both users, and the command that mends it.

    """
    if sys.platform == "win32":
        return
    me = os.geteuid()
    link = _stat(file, follow=False)
    if link is not None and stat.S_ISLNK(link.st_mode) and link.st_uid not in (me, 0):
        msg = (
            f"The state {address} is a link that {_name(link.st_uid)} made. Nothing was "
            f"touched. Look where it leads, and take it away: rm {_quoted(file)}"
        )
        raise StateRefusedError(msg)
    found = _stat(file)
    if found is None:
        # Only root writes into everybody's folders
        found = _stat(file.parent) if me == 0 else None
        if found is not None and found.st_mode & stat.S_ISVTX:
            found = None
    if found is None or found.st_uid == me or _is_everybody_one(file, found.st_uid):
        return
    owner, mine = _name(found.st_uid), _name(me)
    folder = _quoted(file.parent)
    again = f"sudo -u {owner} watcher …"
    msg = (
        f"The state {address} belongs to {owner}, and this is {mine}: {owner} could not "
        f"write the files that {mine} leaves. Nothing was touched. Run it as {owner}: "
        f"{again}; or, if {mine} shall run it from now on: chown -R {mine} {folder}"
    )
    raise StateRefusedError(msg)


def _stat(path: Path, *, follow: bool = True) -> os.stat_result | None:
    try:
        return path.stat(follow_symlinks=follow)
    except OSError:
        # What cannot be looked at cannot be opened, and that says why
        return None


def _is_everybody_one(file: Path, uid: int) -> bool:
    """Say whether the disk shows every file as one user's (CIFS, vfat)."""
    try:
        with tempfile.TemporaryFile(dir=file.parent) as probe:
            return os.fstat(probe.fileno()).st_uid == uid
    except OSError:
        return False


def _name(uid: int) -> str:
    """Name a user, by number where there is no name (a container)."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path.absolute()))


# The first half of the advisory lock's key; the second is the schema's, so that two
# watchers may share a database.
PROGRAM = zlib.crc32(b"advisory-watcher") & 0x7FFFFFFF


def me() -> str:
    """Name this process to whoever finds the state held."""
    return f"process {os.getpid()} on {socket.gethostname()}"


@contextmanager
def hold_file(address: Address, file: Path) -> Iterator[None]:
    """Hold the lock file beside ``file`` while the context lasts.

    Raises:
        StateHeldError: another process has it; the error names that process.
        StateError: it cannot be locked; the error says why and what to do.
    """
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
def hold_server(
    address: Address, connection: Connection, *, shared: bool = False
) -> Iterator[None]:
    """Hold the schema's advisory lock while the context lasts.

    ``shared``: as one of several workers, beside whom a run is refused, and which are
    refused beside a run.

    Raises:
        StateHeldError: somebody has it; the error names the session.
    """
    sql = connection.sql
    take, release = sql.take_lock, sql.release_lock
    if shared:
        take, release = sql.take_shared_lock, sql.release_shared_lock
    if not take(program=PROGRAM):
        raise _held(address, _session(connection) or "another session")
    try:
        yield
    finally:
        # A session that is dead holds nothing any more
        if not connection.lost:
            with suppress(connection.errors):
                release(program=PROGRAM)


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
