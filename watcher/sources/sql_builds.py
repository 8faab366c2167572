"""Kind ``sql-builds``: the build versions of one version of SQL Server.

Two tables, of cumulative updates and of GDRs, with the columns "Cumulative update name"
(or "GDR name"), "SQL Server build version", "Knowledge Base number" and "Release date",
and the builds of Analysis Services between them.  The product stands in the title only.
"(Latest)" wanders from row to row; many rows are named "GDR", and several "CU8 + GDR".

The page "Latest updates" has a table for each version of SQL Server below its heading,
with the columns "Build number or version", "Service pack" and "Update" instead.

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
_BUILDS = ("sql server build version", "build number or version")
_UPDATE, _PACK = "update", "service pack"
_ARTICLE = "knowledge base number"
_DATE = "release date"
_HEADINGS = ("h1", "h2", "h3", "h4")


class _Row(Struct, frozen=True):
    """A row's product, its name without its mark, its build, and its cells by columns."""

    product: str
    name: str
    build: str
    cells: dict[str, Tag]


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the rows of both tables that have a KB article.

    A cumulative update is keyed by its name ("SQL Server 2022 CU11"), a GDR by its build.

    Raises:
        ParseError: the page has no such table, or its title names no SQL Server.

    """
    tree = markup.soup(page)
    tables = [table for table in markup.tables(tree) if _columns(table)]
    if not tables:
        raise unlike(page, "a page with SQL Server's table of builds")
    rows = [row for table in tables for row in _rows(table, _product(table, tree))]
    entries: dict[str, Entry] = {}
    for row in rows:
        entry = _entry(row, page.url)
        # A first release ("RTM") has no article, and is no update
        if entry is not None:
            entries[entry.key] = entry
    watched = [
        entry
        for entry in entries.values()
        if normalize.concerns(watch, entry.products[0])
    ]
    return snapshot(
        page, total=len(rows), entries=sorted(watched, key=lambda entry: entry.key)
    )


def _product(table: Tag, tree: BeautifulSoup) -> str:
    """Return the version of SQL Server that a table is of.

    The page's title says so, or the heading above the table.
    """
    title = " ".join(_text(node) for node in tree.find_all(["h1", "title"]))
    found = _PRODUCT.search(title)
    heading = table.find_previous(_HEADINGS)
    if found is None and isinstance(heading, Tag):
        found = _PRODUCT.search(_text(heading))
    if found is None:
        raise ParseError(f"the page's title names no SQL Server: {quoted(title)}")
    return found[0]


def _columns(table: Tag) -> list[str]:
    """Return the columns of a table of builds; none of any other table."""
    lines = markup.cells(table)
    head = [_text(cell).lower() for cell in lines[0]] if lines else []
    is_of_builds = not set(head).isdisjoint(_BUILDS)
    return head if is_of_builds and {_ARTICLE, _DATE} <= set(head) else []


def _rows(table: Tag, product: str) -> Iterator[_Row]:
    head = _columns(table)
    for line in markup.cells(table)[1:]:
        cells = dict(zip(head, line, strict=False))
        build = normalize.build(_text(cells.get(_BUILDS[0]) or cells.get(_BUILDS[1])))
        name = _LATEST.sub("", _name(line, cells))
        if name and build:
            yield _Row(product, name, build, cells)


def _name(line: list[Tag], cells: dict[str, Tag]) -> str:
    """Return a row's name: "CU11", or "SP3 GDR" where the service pack stands apart."""
    if _UPDATE not in cells:
        return _text(line[0]) if line else ""
    pack = _text(cells.get(_PACK))
    words = [pack, _text(cells[_UPDATE])]
    return " ".join(word for word in words if word.lower() not in {"", "none", "n/a"})


def _entry(row: _Row, url: str) -> Entry | None:
    kb = normalize.kb(_text(row.cells.get(_ARTICLE)))
    if not kb:
        return None
    product, build = row.product, row.build
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
