"""Small statements that several tables share."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import func, select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Insert, Table

T = TypeVar("T")

CHUNK = 500  # values in one IN (...): well below the limits of both databases


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``; where the primary key is there already, the row's other columns take the new values."""
    if not rows:
        return
    connection.execute(_upserting(connection.dialect.name, table, tuple(rows[0])), list(rows))


@cache
def _upserting(dialect: str, table: Table, names: tuple[str, ...]) -> Insert:
    statement = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)  # the other one is not worth its time
    keys = [column.name for column in table.primary_key]
    rest = {name: statement.excluded[name] for name in names if name not in keys}
    done = statement.on_conflict_do_update(index_elements=keys, set_=rest) if rest else statement.on_conflict_do_nothing()
    return cast("Insert", done)


def next_sequence(connection: Connection, table: Table) -> int:
    """Say the number after the highest.

    Not the database's own counter: that one leaves gaps after a rollback, and equal histories must have equal numbers.
    """
    return int(connection.scalar(select(func.coalesce(func.max(table.c.sequence), 0))) or 0) + 1


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Cut ``values`` into lists of at most ``size``."""
    left = iter(values)
    while chunk := list(islice(left, size)):
        yield chunk
