"""The vendor's own words for a letter, its tables as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.judgement.guidance import lay_out
from watcher.records import Event, Table
from watcher.text.plain import paragraphs

if TYPE_CHECKING:
    from collections.abc import Callable


# Of a hundred: the share of usual lengths from which on there are tables
ROOMY = 40


# Characters of a table
LONGEST = 5000


class Saying(Struct, frozen=True):
    """A paragraph of the vendor's, or in its place a table: each cell in lines."""

    text: str = ""
    head: tuple[tuple[str, ...], ...] = ()
    rows: tuple[tuple[tuple[str, ...], ...], ...] = ()
    more_rows: int = 0


def sayings(event: Event, most: Callable[[int], int]) -> tuple[Saying, ...]:
    """Give the guidance with each of its tables where the first of its sentences stands.

    ``most`` gives shares of usual lengths.

    A letter that has to be short has the sentences instead: a table cannot be cut at
    any word.
    """
    left = most(3500)
    found: list[Saying] = []
    tables = event.tables if most(100) >= ROOMY else ()
    for piece in lay_out(event.guidance, tables):
        if isinstance(piece, str):
            said = paragraphs(piece, left) if left > 0 else ()
            found += [Saying(text) for text in said]
            left -= sum(map(len, said))
        else:
            found.append(_grid(piece, most))
    return tuple(found)


def _grid(table: Table, most: Callable[[int], int]) -> Saying:
    left = most(LONGEST)
    shown: list[tuple[tuple[str, ...], ...]] = []
    for row in table.rows[: most(30)]:
        cells = tuple(paragraphs(cell, most(800)) for cell in row)
        for cell in cells:
            left -= sum(map(len, cell))
        # The first row is shown, however long: a head alone says nothing
        if left < 0 and shown:
            break
        shown.append(cells)
    return Saying(
        "",
        tuple(paragraphs(cell, 200) for cell in table.head),
        tuple(shown),
        len(table.rows) - len(shown),
    )
