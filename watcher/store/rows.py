"""Small statements that several tables share."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from watcher.store.tables import TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from watcher.store.link import Link

T = TypeVar("T")

# Values in one IN (...): well below the limits of both databases
CHUNK = 500


def insert(link: Link, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``; one whose key is there already is an error of the database."""
    if rows:
        link.run_each(_inserting(table.name, tuple(rows[0])), rows)


def upsert(link: Link, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``.

    Where the primary key is there already, the row's other columns take the new
    values.
    """
    if rows:
        link.run_each(_upserting(table.name, tuple(rows[0])), rows)


@cache
def _inserting(table: str, names: tuple[str, ...]) -> str:
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES "  # noqa: S608 - our own names
        f"({', '.join(f':{name}' for name in names)})"
    )


@cache
def _upserting(table: str, names: tuple[str, ...]) -> str:
    keys = next(each.key for each in TABLES if each.name == table)
    rest = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    return (
        f"{_inserting(table, names)} ON CONFLICT ({', '.join(keys)}) DO "
        f"{f'UPDATE SET {rest}' if rest else 'NOTHING'}"
    )


def next_sequence(link: Link, table: Table) -> int:
    """Say the number after the highest.

    Not the database's own counter: that one leaves gaps after a rollback, and equal
    histories must have equal numbers.
    """
    return int(link.scalar(f"SELECT COALESCE(MAX(sequence), 0) FROM {table.name}")) + 1  # noqa: S608 - one of our own names


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut ``values`` into lists of at most ``size``."""
    left = iter(values)
    while chunk := list(islice(left, size)):
        yield chunk
