"""Kind ``sql-builds``: the build versions of one version of SQL Server.

Two tables, of cumulative updates and of GDRs, with the columns "Cumulative update name"
(or "GDR name"), "SQL Server build version", "Knowledge Base number" and "Release date",
and the builds of Analysis Services between them.  The product stands in the title only.
"(Latest)" wanders from row to row; many rows are named "GDR", and several "CU8 + GDR".

A cumulative update that is pulled and back under another article keeps its name: in
January 2026 the row CU1 of SQL Server 2025 got another article, build and date, and of
the pulled one nothing was left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag
from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Entry, Label, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import quoted, snapshot, unlike

_PRODUCT = re.compile(r"SQL Server 20\d\d(?: R2)?")
_CUMULATIVE = re.compile(r"(?:SP\d )?CU ?\d+")
_LATEST = re.compile(r"\s*\(latest\)", re.IGNORECASE)
_BUILD = "sql server build version"
_ARTICLE = "knowledge base number"
_DATE = "release date"


class _Row(Struct, frozen=True):
    """A row's name without its mark, and its cells by their columns."""

    name: str
    cells: dict[str, Tag]


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the rows of both tables that have a KB article.

    A cumulative update is keyed by its name ("SQL Server 2022 CU11"), a GDR by its build.

    Raises:
        ParseError: the page has no such table, or its title names no SQL Server.

    """
    tree = markup.soup(page)
    rows = [row for table in markup.tables(tree) for row in _rows(table)]
    if not rows:
        raise unlike(page, "a page with SQL Server's table of builds")
    product = _product(tree)
    entries: dict[str, Entry] = {}
    for row in rows:
        entry = _entry(row, product, page.url)
        # A first release ("RTM") has no article, and is no update
        if entry is not None:
            entries[entry.key] = entry
    watched = entries.values() if normalize.concerns(watch, product) else ()
    return snapshot(
        page, total=len(rows), entries=sorted(watched, key=lambda entry: entry.key)
    )


def _product(tree: BeautifulSoup) -> str:
    title = " ".join(_text(node) for node in tree.find_all(["h1", "title"]))
    found = _PRODUCT.search(title)
    if found is None:
        raise ParseError(f"the page's title names no SQL Server: {quoted(title)}")
    return found[0]


def _rows(table: Tag) -> Iterator[_Row]:
    lines = markup.cells(table)
    head = [_text(cell).lower() for cell in lines[0]] if lines else []
    if not {_BUILD, _ARTICLE, _DATE} <= set(head):
        return
    for line in lines[1:]:
        cells = dict(zip(head, line, strict=False))
        name = _LATEST.sub("", _text(line[0])) if line else ""
        if name and normalize.build(_text(cells.get(_BUILD))):
            yield _Row(name, cells)


def _entry(row: _Row, product: str, url: str) -> Entry | None:
    kb = normalize.kb(_text(row.cells.get(_ARTICLE)))
    if not kb:
        return None
    build = normalize.build(_text(row.cells.get(_BUILD)))
    name = f"{product} {row.name}"
    label, key = None, f"{name} {build}"
    if _CUMULATIVE.fullmatch(row.name):
        key = name
        label = Label("SQL Server", name, "CU")
    link = row.cells[_ARTICLE].find("a", href=True)
    address = markup.absolute(str(link["href"]), url) if isinstance(link, Tag) else ""
    return Entry(
        key=key,
        title=name,
        url=url,
        published=normalize.date(_text(row.cells.get(_DATE))),
        products=(product,),
        packages=(Package(product, kb, build, address, type=row.name),),
        label=label,
        links=(address,) if address else (),
    )


def _text(node: Tag | None) -> str:
    return normalize.fold(node.get_text(" ")) if node else ""
