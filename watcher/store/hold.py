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

from watcher.errors import StateError, StateHeldError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watcher.store.link import Link
    from watcher.store.place import Place

# The first half of the advisory lock's key; the second is the schema's, so that two
# watchers may share a database.
PROGRAM = zlib.crc32(b"advisory-watcher") & 0x7FFFFFFF
_TAKE = "SELECT pg_try_advisory_lock(:program, hashtext(current_schema()))"
_LET_GO = "SELECT pg_advisory_unlock(:program, hashtext(current_schema()))"
_WHO = (
    "SELECT a.application_name, a.client_addr FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = "
    "current_database() AND l.classid = :program "
    "AND l.objid::bigint = (hashtext(current_schema())::bigint & 4294967295)"
)


def me() -> str:
    """Name this process to whoever finds the state held."""
    return f"process {os.getpid()} on {socket.gethostname()}"


@contextmanager
def file_hold(place: Place, file: Path) -> Iterator[None]:
    """Hold the lock file beside ``file``; StateHeldError names the process that has it."""
    holder = file.with_name(f"{file.name}.holder")
    lock = FileLock(file.with_name(f"{file.name}.lock"), timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        who = ""
        with suppress(OSError):
            who = holder.read_text("utf-8").strip()
        raise _held(place, who or "another process") from error
    except OSError as error:
        raise place.closed("locked", error) from error
    except NotImplementedError as error:
        # So filelock says that this disk knows no locks
        msg = f"The state {place} cannot be locked: {error}. Keep it on a local disk."
        raise StateError(msg) from error
    try:
        # Only for the words of the error above
        with suppress(OSError):
            holder.write_text(f"{me()}\n", "utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink()
        lock.release()


@contextmanager
def server_hold(place: Place, link: Link) -> Iterator[None]:
    """Hold the schema's advisory lock on ``link``; StateHeldError names the session that has it."""
    taken = link.scalar(_TAKE, program=PROGRAM)
    who = "" if taken else _session(link)
    if not taken:
        raise _held(place, who or "another session")
    try:
        yield
    finally:
        # A session that is dead holds nothing any more
        if not link.lost:
            with suppress(link.errors):
                link.run(_LET_GO, program=PROGRAM)


def _session(link: Link) -> str:
    for name, address in link.rows(_WHO, program=PROGRAM):
        return f"{name} ({address})" if address else str(name)
    return ""


def _held(place: Place, who: str) -> StateHeldError:
    return StateHeldError(
        f"The state {place} is held by {who}. Nothing was touched; run again "
        "when that one has ended."
    )
