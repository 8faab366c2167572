"""Connections that are kept open between jobs, each used by one thread at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from threading import Lock
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class _Idle(Struct, Generic[T]):
    """A connection that nobody uses, since when, and how it is closed."""

    connection: T
    stack: ExitStack
    since: float


class Pool(Generic[T]):
    """Opens a connection when none is idle, and keeps it for the next who needs one."""

    def __init__(
        self, connect: Callable[[], AbstractContextManager[T]], idle: timedelta
    ) -> None:
        """Open nothing yet; what was ``idle`` for longer is not used again."""
        self._connect = connect
        self._most = idle.total_seconds()
        self._idle: list[_Idle[T]] = []
        self._lock = Lock()

    @contextmanager
    def borrowed(self) -> Iterator[T]:
        """Give a connection; one at which something went wrong is closed afterwards."""
        found = self._take()
        if found is None:
            with ExitStack() as stack:
                connection = stack.enter_context(self._connect())
                found = _Idle(connection, stack.pop_all(), 0)
        with ExitStack() as at_once:
            at_once.push(found.stack)
            yield found.connection
            at_once.pop_all()
        found.since = time.monotonic()
        with self._lock:
            self._idle.append(found)

    def _take(self) -> _Idle[T] | None:
        oldest = time.monotonic() - self._most
        while True:
            with self._lock:
                if not self._idle:
                    return None
                found = self._idle.pop()
            if found.since >= oldest:
                return found
            found.stack.close()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.stack.close()
