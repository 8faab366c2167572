"""Tables in prose, such as a vendor's "If you ..." and "Then ...", cell by cell.

Of a table's words nothing is lost without this: ``markup`` reads them, too, row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.records import Table
from watcher.sources import markup

if TYPE_CHECKING:
    from lxml.etree import _Element

# What a mail on a phone can show
COLUMNS = range(2, 5)
ROWS = range(2, 41)
# Characters
LONGEST = 8000


def read(html: str) -> tuple[Table, ...]:
    """Return the tables of HTML that are for reading.

    Of two to four columns, no frames of a layout, none that is struck out.
    """
    if "<table" not in html.lower():
        return ()
    root = markup.tree(html)
    found = () if root is None else tuple(root.iter("table"))
    inner = (
        table
        for table in found
        if next(table.iterdescendants("table"), None) is None and markup.is_read(table)
    )
    return tuple(
        dict.fromkeys(table for table in map(_table, inner) if table is not None)
    )


def _table(element: _Element) -> Table | None:
    cells = [
        [cell for cell in row if cell.tag in ("td", "th")]
        for row in element.iter("tr")
        if markup.is_read(row)
    ]
    if len(cells) > 2 * ROWS.stop or max(map(len, cells), default=0) not in COLUMNS:
        return None
    rows = _aligned(cells)
    width = max(map(len, rows), default=0)
    texts = tuple(tuple(row + [""] * (width - len(row))) for row in rows if any(row))
    said = [cell for row in texts for cell in row]
    if len(texts) not in ROWS or width not in COLUMNS or sum(map(len, said)) > LONGEST:
        return None
    # A column for looks
    if any(not any(column) for column in zip(*texts, strict=True)):
        return None
    headed = all(texts[0]) and all(_is_heading(cell) for cell in cells[0])
    return Table(texts[0], texts[1:]) if headed else Table((), texts)


def _aligned(cells: list[list[_Element]]) -> list[list[str]]:
    """Return the rows' texts, with "" where a cell of a row above or before reaches."""
    rows: list[list[str]] = []
    # Column: rows still to go
    reaching: dict[int, int] = {}
    for row in cells:
        texts: list[str] = []
        for cell in row:
            while reaching.get(len(texts), 0) > 0:
                texts.append("")
            down, across = _span(cell, "rowspan"), _span(cell, "colspan")
            reaching |= {len(texts) + place: down for place in range(across)}
            texts += [markup.text_of(cell), *[""] * (across - 1)]
        while reaching.get(len(texts), 0) > 0:
            texts.append("")
        reaching = {column: left - 1 for column, left in reaching.items()}
        rows.append(texts)
    return rows


def _span(cell: _Element, name: str) -> int:
    written = (cell.get(name) or "").strip()
    return (
        min(max(int(written), 1), ROWS.stop)
        if written.isascii() and written.isdigit() and len(written) < 4
        else 1
    )


def _is_heading(cell: _Element) -> bool:
    """Say whether a cell is one of headings: it says so, or all its text is bold."""
    bold = " ".join(markup.text_of(part) for part in cell.iter("b", "strong"))
    return cell.tag == "th" or bold.split() == markup.text_of(cell).split()
