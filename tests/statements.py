"""What reaches the database.

Every statement of this process, noted or stopped, before or after it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from watcher.store.link import Link

Said = Callable[[str], None]


@contextmanager
def heard(before: Said | None = None, after: Said | None = None) -> Iterator[None]:
    """Call ``before`` and ``after`` with each statement.

    One that is run for many rows is said once for each.
    """
    real = Link._do

    def listening(link: Link, sql: str, values: Any) -> Any:
        times = len(values) if isinstance(values, list) else 1
        for _ in range(times if before else 0):
            before(sql)  # type: ignore[misc]  # there is one
        cursor = real(link, sql, values)
        for _ in range(times if after else 0):
            after(sql)  # type: ignore[misc]
        return cursor

    Link._do = listening  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Link._do = real  # type: ignore[method-assign]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements."""
    seen: list[str] = []
    with heard(seen.append):
        yield seen
