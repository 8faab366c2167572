"""The text part's lines: wrapped paragraphs and tables in columns."""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH = 72
"""Columns of the text part."""

INDENT = "  "
"""Before what a source says: only our own headings and steps begin a line."""


def wrap(text: str, indent: str = "", first: str | None = None) -> str:
    """Wrap a line of text.

    ``first`` starts it, ``indent`` each further line.  Addresses stay whole.
    """
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(head: Sequence[str], rows: Iterable[Any], names: Sequence[str]) -> str:
    """Set the attributes ``names`` of ``rows`` as columns under ``head``, one below the
    other where that is too wide.
    """
    cells = [[str(getattr(row, name)) for name in names] for row in rows]
    columns = zip(head, *cells, strict=True)
    widths = [max(map(len, column)) for column in columns]
    if sum(widths) + 2 * len(widths) > WIDTH:
        return "\n".join(_stacked(head, row) for row in cells)
    rule = ["-" * width for width in widths]
    return "\n".join(_columns(row, widths) for row in (head, rule, *cells))


def _columns(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
    return INDENT + "  ".join(padded).rstrip()


def grid(
    head: Sequence[Sequence[str]],
    rows: Sequence[Sequence[Sequence[str]]],
    indent: str = "",
) -> str:
    """Set a table whose cells are lines of text.

    Columns side by side, wrapped, a rule below each row.
    """
    every = [row for row in (head, *rows) if row]
    wanted = [1] * len(every[0])
    for row in every:
        for number, cell in enumerate(row):
            wanted[number] = max([wanted[number], *map(len, cell)])
    widths = _widths(wanted, len(indent))
    rule = indent + "-+-".join("-" * width for width in widths)
    return f"\n{rule}\n".join(_row(row, widths, indent) for row in every)


def _widths(wanted: list[int], taken: int) -> list[int]:
    """Give each column what it wants where that is less than its share, and the others
    what is left.
    """
    # " | " stands between two columns
    left = WIDTH - taken - 3 * (len(wanted) - 1)
    given = [0] * len(wanted)
    narrowest_first = sorted(range(len(wanted)), key=lambda number: wanted[number])
    # What a narrow column ("Yes", "No") leaves of its share goes to those with sentences
    for done, number in enumerate(narrowest_first):
        share = left // (len(wanted) - done)
        given[number] = max(1, min(wanted[number], share))
        left -= given[number]
    return given


def _row(row: Sequence[Sequence[str]], widths: Sequence[int], indent: str) -> str:
    cells = []
    for cell, width in zip(row, widths, strict=True):
        pieces: list[str] = []
        for line in cell:
            pieces += _pieces(line, width)
        cells.append(pieces)
    lines = []
    for texts in zip_longest(*cells, fillvalue=""):
        padded = map(str.ljust, texts, widths)
        lines.append(f"{indent}{' | '.join(padded)}".rstrip())
    return "\n".join(lines) or indent.rstrip()


def _pieces(line: str, width: int) -> list[str]:
    """Wrap a cell's line; a long word is broken, an address stays whole."""
    # An address in two pieces leads nowhere when it is clicked
    has_address = "://" in line
    return textwrap.wrap(
        line, width, break_long_words=not has_address, break_on_hyphens=False
    )


def _stacked(head: Sequence[str], row: Sequence[str]) -> str:
    details = []
    for name, cell in zip(head[1:], row[1:], strict=True):
        if cell:
            details.append(f"{name} {cell}")
    first = wrap(row[0], INDENT)
    second = wrap(", ".join(details), INDENT * 2)
    return "\n".join(filter(None, (first, second)))


def pairs(rows: Iterable[Any], name: str, address: str) -> list[tuple[str, str]]:
    """Give each different (name, address) of ``rows`` that has an address."""
    found: dict[tuple[str, str], None] = {}
    for row in rows:
        url = str(getattr(row, address))
        if url:
            found[str(getattr(row, name)), url] = None
    return list(found)
