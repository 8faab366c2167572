"""The vendor's own words on what to do, and the tables that hold them.

A table's words stand in the text, too, row by row: judgement reads them there, and a
reader is better served by the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from watcher.judgement import normalize
from watcher.judgement.advice import is_workaround
from watcher.judgement.change_reading import ChangeReading
from watcher.judgement.reading import words
from watcher.records import Passage, Table

# Sentences beside those in tables
MOST_SENTENCES = 12
# Sentences in tables
MOST_IN_TABLES = 60
# Words by which a sentence is known to be a table's
ENOUGH_WORDS = 4
MOST_TABLES = 4
# Of a known issue
MOST_LINKS = 5
# What tells nobody what to do
_NO_GUIDANCE = ("title", "cause", "note")
# Every one of MSRC's records begins with these
_SAYS_NOTHING = re.compile(
    r"^(?:information published|initial release)\.?$|^why (?:are|is|did)\b.*\?$",
    re.IGNORECASE,
)


class TableOfCases(Struct, frozen=True):
    """A table ("If you ...", "Then ..."), and the new sentences that it holds."""

    sentences: tuple[str, ...]
    table: Table


def new_guidance(readings: Sequence[ChangeReading]) -> tuple[str, ...]:
    """Give the vendor's own new words, as paragraphs.

    What every record says is left out.
    """
    tables = new_tables(readings)
    in_tables, beside = [], []
    paragraphs = _new_paragraphs(readings)
    for text in paragraphs:
        if any(table_holds(table, text) for table in tables):
            in_tables.append(text)
        else:
            beside.append(text)
    # The re-release of November 2024 came with a table of cases: its many rows must
    # leave room for the sentences around it
    kept = {*in_tables[:MOST_IN_TABLES], *beside[:MOST_SENTENCES]}
    return tuple(text for text in paragraphs if text in kept)


def _new_paragraphs(readings: Sequence[ChangeReading]) -> list[str]:
    paragraphs: dict[str, None] = {}
    for passage in _new_passages(readings):
        if passage.name in _NO_GUIDANCE:
            continue
        folded = map(normalize.fold, passage.text.splitlines())
        paragraphs |= dict.fromkeys(filter(None, folded))
    return [text for text in paragraphs if not _SAYS_NOTHING.match(text)]


def _new_passages(readings: Iterable[ChangeReading]) -> list[Passage]:
    passages: list[Passage] = []
    for reading in readings:
        passages += reading.new_passages
    return passages


def new_tables(readings: Sequence[ChangeReading]) -> tuple[Table, ...]:
    """Give the vendor's own tables that hold what is new, whole.

    Half of one would say something else.
    """
    tables: dict[Table, None] = {}
    for reading in readings:
        new_text = "\n".join(passage.text for passage in reading.new_passages)
        held = tables_with(reading.entry.tables, new_text.splitlines())
        tables |= dict.fromkeys(held)
    return tuple(tables)[:MOST_TABLES]


def tables_of_cases(reading: ChangeReading) -> tuple[TableOfCases, ...]:
    """Give the tables of one change with the sentences that they hold.

    They are what a further source adds to an event that there is already.
    """
    guidance = new_guidance([reading])
    found = []
    for table in new_tables([reading]):
        held = tuple(text for text in guidance if table_holds(table, text))
        found.append(TableOfCases(held, table))
    return tuple(found)


def has_workaround(readings: Sequence[ChangeReading]) -> bool:
    """Say whether a change names a workaround that is one."""
    passages = _new_passages(readings)
    texts = [passage.text for passage in passages if passage.name == "workaround"]
    # "We are investigating" stands in the column of workarounds, too
    return any(map(is_workaround, texts))


def issue_links(readings: Sequence[ChangeReading]) -> tuple[str, ...]:
    """Give the links of known issues: their workarounds often stand elsewhere."""
    links: dict[str, None] = {}
    for reading in readings:
        names = {passage.name for passage in reading.entry.passages}
        if "issue" in names:
            links |= dict.fromkeys(reading.entry.links)
    return tuple(links)[:MOST_LINKS]


def words_in_a_row(text: str) -> str:
    """Give a text's words in a row, to be looked for in another's."""
    return f" {' '.join(words(text))} "


def table_holds(table: Table, text: str) -> bool:
    """Say whether the words of ``text`` stand in ``table``, one after the other.

    Across its cells: a row's text is "have installed it Uninstall it."
    """
    rows = (table.head, *table.rows)
    cells = "\n".join("\n".join(row) for row in rows)
    return words_in_a_row(text) in words_in_a_row(cells)


def tables_with(tables: Iterable[Table], texts: Iterable[str]) -> tuple[Table, ...]:
    """Give those of the tables that hold one of the sentences ``texts``.

    Only sentences long enough to be nobody else's count.
    """
    # "Restart the services." stands in many a table
    long = [text for text in texts if len(words(text)) >= ENOUGH_WORDS]
    unique = dict.fromkeys(tables)
    found = [each for each in unique if any(table_holds(each, text) for text in long)]
    return tuple(found)[:MOST_TABLES]


def lay_out(
    paragraphs: Iterable[str], tables: Iterable[Table]
) -> tuple[str | Table, ...]:
    """Give paragraphs with each table in the place of the first of those that it holds.

    The others of these are left out.
    """
    tables = tuple(tables)
    laid_out: dict[str | Table, None] = {}
    for paragraph in paragraphs:
        holding = [table for table in tables if table_holds(table, paragraph)]
        laid_out[holding[0] if holding else paragraph] = None
    return tuple(laid_out)
