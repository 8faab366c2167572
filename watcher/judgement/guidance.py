"""The vendor's own words on what to do, and the tables that hold them.

A table's words stand in the text, too, row by row: judgement reads them there, and a
reader is better served by the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from watcher.judgement import normalize, sentences
from watcher.judgement.change_reading import ChangeReading
from watcher.records import (
    Table,
)

# Sentences beside those in tables
MOST_SENTENCES = 12


# Sentences in tables
MOST_IN_TABLES = 60


_SAYS_NOTHING = re.compile(
    r"^(?:information published|initial release)\.?$|^why (?:are|is|did)\b.*\?$",
    re.IGNORECASE,
)


def new_guidance(facts: Sequence[ChangeReading]) -> tuple[str, ...]:
    """The vendor's own new words, as paragraphs; what every record says is left out."""
    told: list[str] = []
    for fact in facts:
        for passage, text in fact.sentences:
            if passage in ("title", "cause", "note"):
                continue
            for paragraph in text.splitlines():
                folded = normalize.fold(paragraph)
                if folded and folded not in told and not _SAYS_NOTHING.match(folded):
                    told.append(folded)
    known = new_tables(facts)
    inside = [
        text for text in told if any(table_holds(table, text) for table in known)
    ][:MOST_IN_TABLES]
    beside = (
        [text for text in told if text not in inside][:MOST_SENTENCES]
        if inside
        else told[:MOST_SENTENCES]
    )
    return tuple(text for text in told if text in inside or text in beside)


def new_tables(facts: Sequence[ChangeReading]) -> tuple[Table, ...]:
    """The vendor's own tables that hold what is new, whole.

    Half of one would say something else.
    """
    found = (
        table
        for fact in facts
        for table in tables_with(
            fact.entry.tables,
            (line for _, text in fact.sentences for line in text.splitlines()),
        )
    )
    return tuple(dict.fromkeys(found))[:MOST_TABLES]


def tables_of_cases(fact: ChangeReading) -> tuple[tuple[tuple[str, ...], Table], ...]:
    """The tables of one change with the sentences that they hold.

    What a further source adds to what is told already.
    """
    said = new_guidance([fact])
    return tuple(
        (tuple(text for text in said if table_holds(table, text)), table)
        for table in new_tables([fact])
    )


# Words by which a sentence is known to be a table's
ENOUGH_WORDS = 4


# Tables
MOST_TABLES = 4


def words_in_a_row(text: str) -> str:
    """Give a text's words in a row, to be looked for in another's."""
    return f" {' '.join(sentences.words(text))} "


def table_holds(table: Table, text: str) -> bool:
    """Say whether the words of ``text`` stand in ``table``, one after the other."""
    return words_in_a_row(text) in words_in_a_row(
        "\n".join(cell for row in (table.head, *table.rows) for cell in row)
    )


def tables_with(tables: Iterable[Table], said: Iterable[str]) -> tuple[Table, ...]:
    """Give those of the tables that hold one of the sentences ``said``, long enough to be
    nobody else's.
    """
    long = [text for text in said if len(sentences.words(text)) >= ENOUGH_WORDS]
    return tuple(
        dict.fromkeys(
            table for table in tables if any(table_holds(table, text) for text in long)
        )
    )[:MOST_TABLES]


def lay_out(
    paragraphs: Iterable[str], tables: Iterable[Table]
) -> tuple[str | Table, ...]:
    """Give paragraphs with each table in the place of the first of those that it holds.

    The others of these are left out.
    """
    known = tuple(tables)
    found = (
        next((table for table in known if table_holds(table, paragraph)), paragraph)
        for paragraph in paragraphs
    )
    return tuple(dict.fromkeys(found))
