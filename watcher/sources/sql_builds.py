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
from watcher.sources.answer import first, quoted, snapshot, unique, unlike

_PRODUCT = re.compile(r"SQL Server 20\d\d(?: R2)?")
_CUMULATIVE = re.compile(r"(?:SP\d )?CU ?\d+")
_LATEST = re.compile(r"\s*\(latest\)", re.IGNORECASE)
_BUILDS = ("sql server build version", "build number or version")
_UPDATE, _PACK = "update", "service pack"
_ARTICLE = "knowledge base number"
_DATE = "release date"
_HEADINGS = ("h1", "h2", "h3", "h4")


class _Row(Struct, frozen=True):
    """A row's product, its name without its mark, and its cells by columns.

    ``kb`` is "" where the row names no article.
    """

    product: str
    name: str
    build: str
    kb: str
    cells: dict[str, Tag]


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the rows of both tables that have a KB article.

    A cumulative update is keyed by its name ("SQL Server 2022 CU11"), a GDR by its build.

    Raises:
        ParseError: the page has no such table, or its title names no SQL Server.

    """
    tree = markup.soup(page)
    tables = list(filter(_is_of_builds, markup.tables(tree)))
    if not tables:
        raise unlike(page, "a page with SQL Server's table of builds")
    rows = [row for table in tables for row in _rows(table, _product(table, tree))]
    entries: dict[str, Entry] = {}
    for row in rows:
        # A first release ("RTM") has no article, and is no update
        if row.kb and normalize.concerns(watch, row.product):
            entry = _entry(row, page.url)
            entries[entry.key] = entry
    return snapshot(
        page,
        total=len(rows),
        entries=sorted(entries.values(), key=lambda entry: entry.key),
    )


def _product(table: Tag, tree: BeautifulSoup) -> str:
    """Return the version of SQL Server that a table is of.

    The page's title says so, or the heading above the table.
    """
    title = " ".join(map(markup.text_in, tree.find_all(["h1", "title"])))
    heading = markup.text_in(table.find_previous(_HEADINGS))
    found = _PRODUCT.search(title) or _PRODUCT.search(heading)
    if found is None:
        raise ParseError(f"the page's title names no SQL Server: {quoted(title)}")
    return found[0]


def _is_of_builds(table: Tag) -> bool:
    columns = set(markup.titles(table))
    return columns.issuperset((_ARTICLE, _DATE)) and not columns.isdisjoint(_BUILDS)


def _rows(table: Tag, product: str) -> Iterator[_Row]:
    first_column = first(markup.titles(table))
    for cells in markup.rows(table):
        texts = {title: markup.text_in(cell) for title, cell in cells.items()}
        build = first(normalize.build(texts[name]) for name in _BUILDS if name in texts)
        name = _LATEST.sub("", _name(texts, first_column))
        if name and build:
            kb = normalize.kb(texts.get(_ARTICLE, ""))
            yield _Row(product, name, build, kb, cells)


def _name(texts: dict[str, str], first_column: str) -> str:
    """Return a row's name: "CU11", or "SP3 GDR" where the service pack stands apart."""
    if _UPDATE not in texts:
        return texts.get(first_column, "")
    words = (texts.get(_PACK, ""), texts[_UPDATE])
    return " ".join(word for word in words if word.lower() not in {"", "none", "n/a"})


def _entry(row: _Row, url: str) -> Entry:
    product, build = row.product, row.build
    name = f"{product} {row.name}"
    label, key = None, f"{name} {build}"
    if _CUMULATIVE.fullmatch(row.name):
        key = name
        label = Label("SQL Server", name, "CU")
    address = markup.address_in(row.cells[_ARTICLE], url)
    return Entry(
        key=key,
        title=name,
        url=url,
        published=normalize.date(markup.text_in(row.cells.get(_DATE))),
        products=(product,),
        packages=(Package(product, row.kb, build, address, type=row.name),),
        label=label,
        links=unique([address]),
    )
