"""The vendor's own words as letters and pages show them: paragraphs, tables, commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.judgement.advice import lay_out, stands_in
from watcher.records import Event, Table
from watcher.text.plain import line, link, paragraphs
from watcher.text.words import Form

if TYPE_CHECKING:
    from collections.abc import Iterable


# Of a hundred: the share of usual lengths from which on there are tables
ROOMY = 40
# Characters of a table
LONGEST_TABLE = 5000


class Saying(Struct, frozen=True):
    """A paragraph of the vendor's, or in its place a table: each cell in lines."""

    text: str = ""
    head: tuple[tuple[str, ...], ...] = ()
    rows: tuple[tuple[tuple[str, ...], ...], ...] = ()
    more_rows: int = 0
    # Where its words lead: pairs of words and address
    anchors: tuple[tuple[str, str], ...] = ()
    # A command, or code: not wrapped, in letters of one width
    code: bool = False


def sayings(event: Event, form: Form) -> tuple[Saying, ...]:
    """Give the vendor's own words, each of its tables where its first sentence stands.

    A letter that has to be short has the sentences instead: a table cannot be cut at
    any word.
    """
    left = form.most(3500)
    found: list[Saying] = []
    tables = event.tables if form.most(100) >= ROOMY else ()
    for piece in lay_out(event.guidance, tables):
        if isinstance(piece, Table):
            found.append(_grid(piece, form, event))
        elif left > 0:
            texts = paragraphs(piece, left)
            found += [
                Saying(
                    text,
                    anchors=_anchors_in(event, (text,), form),
                    code=text in event.codes,
                )
                for text in texts
            ]
            left -= sum(map(len, texts))
    return tuple(found)


def _anchors_in(
    event: Event, texts: Iterable[str], form: Form
) -> tuple[tuple[str, str], ...]:
    """Give the words in paragraphs that lead somewhere, with harmless addresses.

    None in a letter that has to be short: its update's page has them.
    """
    if form.most(100) < ROOMY:
        return ()
    found: dict[tuple[str, str], None] = {}
    for text in texts:
        for anchor in event.anchors:
            url = link(anchor.url)
            if url and stands_in(anchor, text):
                found[line(anchor.text, 200), url] = None
    return tuple(found)


def _grid(table: Table, form: Form, event: Event) -> Saying:
    left = form.most(LONGEST_TABLE)
    rows: list[tuple[tuple[str, ...], ...]] = []
    for row in table.rows[: form.most(30)]:
        cells = tuple(paragraphs(cell, form.most(800)) for cell in row)
        for cell in cells:
            left -= sum(map(len, cell))
        # The first row is shown, however long: a head alone says nothing
        if left < 0 and rows:
            break
        rows.append(cells)
    return Saying(
        head=tuple(paragraphs(cell, 200) for cell in table.head),
        rows=tuple(rows),
        more_rows=len(table.rows) - len(rows),
        anchors=_anchors_in(event, lines_of(rows), form),
    )


def lines_of(rows: Iterable[Iterable[Iterable[str]]]) -> list[str]:
    """Give the lines of all cells of a table's rows."""
    lines: list[str] = []
    for row in rows:
        for cell in row:
            lines += cell
    return lines
