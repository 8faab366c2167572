"""Open a state: find the file or the server, hold it, bring its schema up to date."""

from __future__ import annotations

import os
import sqlite3
from contextlib import nullcontext
from typing import TYPE_CHECKING
from urllib.parse import quote

from watcher.errors import StateError
from watcher.store.base import Base
from watcher.store.hold import file_hold, me, server_hold
from watcher.store.link import Link
from watcher.store.schema import HEAD, migrate, version

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager, ExitStack
    from pathlib import Path

    from watcher.store.place import Place

# Seconds to wait for another program's write to the SQLite file
BUSY = 15
# Seconds to wait for the PostgreSQL server
CONNECT = 10


def connect(place: Place, stack: ExitStack, *, hold: bool, rehearse: bool) -> Link:
    """Give a connection to an up-to-date state.

    What must be undone afterwards is put on ``stack``.

    StateHeldError when ``hold`` is wanted and another run has it; StateError when the
    state cannot be used.
    """
    if not place.is_sqlite:
        return _connect_server(place, stack, hold=hold, rehearse=rehearse)
    if place.file is None:
        return _connect_memory(place, stack, None)
    if rehearse or (not hold and not place.file.exists()):
        return _connect_memory(
            place, stack, place.file if place.file.exists() else None
        )
    return _connect_file(place, place.file, stack, hold=hold)


def _connect_file(place: Place, file: Path, stack: ExitStack, *, hold: bool) -> Link:
    if hold:
        _prepare(place, file)
        stack.enter_context(file_hold(place, file))
        _create(place, file)
    link = _connected(place, stack, lambda: Link.to_file(file, BUSY))
    _bring_up(place, link, nullcontext() if hold else file_hold(place, file))
    return link


def _bring_up(place: Place, link: Link, lock: AbstractContextManager[None]) -> None:
    """Bring the schema up to date, under ``lock``, where it is not."""
    with Base(link, place).reading():
        found = version(link)
    if found != HEAD:
        with lock, Base(link, place).writing():
            migrate(link, place)


def _prepare(place: Place, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise place.closed("written", error) from error


def _create(place: Place, file: Path) -> None:
    """Create the file for its owner only.

    It holds recipients' addresses.  SQLite gives its side files the same mode.
    """
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise place.closed("written", error) from error


def _connect_memory(place: Place, stack: ExitStack, original: Path | None) -> Link:
    link = _connected(place, stack, lambda: Link.to_file(None, BUSY))
    if original is not None:
        try:
            _copy(original, link)
        except link.errors as error:
            raise place.unwell(error) from error
    with Base(link, place).writing():
        migrate(link, place)
    return link


def _copy(original: Path, link: Link) -> None:
    # Who may write takes SQLite's side files away again; those that were there before
    # belong to a run, or to one that was killed.
    mode = "ro" if original.with_name(f"{original.name}-wal").exists() else "rw"
    source = sqlite3.connect(
        f"file:{quote(str(original.resolve()))}?mode={mode}", uri=True, timeout=BUSY
    )
    try:
        source.backup(link.driver)  # type: ignore[arg-type]  # it is one of SQLite's
    finally:
        source.close()


def _connect_server(
    place: Place, stack: ExitStack, *, hold: bool, rehearse: bool
) -> Link:
    link = _connected(
        place,
        stack,
        lambda: Link.to_server(place.server, f"advisory-watcher, {me()}"[:63], CONNECT),
    )
    # In a transaction that ends with the connection
    if rehearse:
        try:
            link.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
            migrate(link, place)
        except link.errors as error:
            raise place.unwell(error) from error
        return link
    if hold:
        stack.enter_context(server_hold(place, link))
        _refuse_read_only(place, link)
    _bring_up(place, link, nullcontext() if hold else server_hold(place, link))
    return link


def _refuse_read_only(place: Place, link: Link) -> None:
    with Base(link, place).reading():
        read_only = link.scalar("SHOW transaction_read_only") == "on"
    if read_only:
        msg = (
            f"The state {place} is read-only. Use the primary server, and an "
            "account that may write."
        )
        raise StateError(msg)


def _connected(place: Place, stack: ExitStack, connect: Callable[[], Link]) -> Link:
    try:
        link = connect()
    except Exception as error:
        raise place.unwell(error) from error
    stack.callback(link.close)
    return link
