"""Which of a source's tables hold what is new in its text, and where they stand in it.

A table's words stand in the text, too, row by row: judgement reads them there, and a
reader is better served by the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.judgement import sentences

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watcher.records import Table

# Words by which a sentence is known to be a table's
ENOUGH = 4
# Tables
MOST = 4


def words(text: str) -> str:
    """Give a text's words in a row, to be looked for in another's."""
    return f" {' '.join(sentences.words(text))} "


def holds(table: Table, text: str) -> bool:
    """Say whether the words of ``text`` stand in ``table``, one after the other."""
    return words(text) in words(
        "\n".join(cell for row in (table.head, *table.rows) for cell in row)
    )


def new(tables: Iterable[Table], said: Iterable[str]) -> tuple[Table, ...]:
    """Give those of the tables that hold one of the sentences ``said``, long enough to be
    nobody else's.
    """
    long = [text for text in said if len(sentences.words(text)) >= ENOUGH]
    return tuple(
        dict.fromkeys(
            table for table in tables if any(holds(table, text) for text in long)
        )
    )[:MOST]


def laid(paragraphs: Iterable[str], tables: Iterable[Table]) -> tuple[str | Table, ...]:
    """Give paragraphs with each table in the place of the first of those that it holds.

    The others of these are left out.
    """
    known = tuple(tables)
    found = (
        next((table for table in known if holds(table, paragraph)), paragraph)
        for paragraph in paragraphs
    )
    return tuple(dict.fromkeys(found))
