"""What reaches the database.

Every statement of this process, noted or stopped, before or after it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from watcher.store.connection import Connection, Cursor

Said = Callable[[str], None]


@contextmanager
def heard(before: Said | None = None, after: Said | None = None) -> Iterator[None]:
    """Call ``before`` and ``after`` with each statement.

    One that is run for many rows is said once for each.
    """
    execute, executemany = Cursor.execute, Cursor.executemany

    def listen(run: Callable[[], None], statement: str, times: int) -> None:
        for _ in range(times if before else 0):
            before(statement)  # type: ignore[misc]  # there is one
        run()
        for _ in range(times if after else 0):
            after(statement)  # type: ignore[misc]

    def one(self: Cursor, statement: str, values: Mapping[str, object]) -> None:
        listen(lambda: execute(self, statement, values), statement, 1)

    def many(
        self: Cursor, statement: str, rows: Sequence[Mapping[str, object]]
    ) -> None:
        listen(lambda: executemany(self, statement, rows), statement, len(rows))

    Cursor.execute = one  # type: ignore[method-assign]
    Cursor.executemany = many  # type: ignore[method-assign]
    try:
        yield
    finally:
        Cursor.execute = execute  # type: ignore[method-assign]
        Cursor.executemany = executemany  # type: ignore[method-assign]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements."""
    seen: list[str] = []
    with heard(seen.append):
        yield seen


# Rows that refer to these go with them.
EMPTY = (
    "DELETE FROM documents",
    "DELETE FROM times",
    "DELETE FROM updates",
    "DELETE FROM absorbed",
    "DELETE FROM events",
    "DELETE FROM messages",
    "DELETE FROM acks",
    "DELETE FROM mutes",
    "DELETE FROM meta",
)


def empty(connection: Connection) -> None:
    """Delete every row of a state."""
    for statement in EMPTY:
        connection.execute(statement)
