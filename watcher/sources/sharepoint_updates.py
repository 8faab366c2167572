"""Kind ``sharepoint-updates``: the update history of SharePoint's versions.

A table a product: package name, KB number, version, release date.  One row holds two
packages, the server's and its language patch, each with an article of its own, written
``KB 5001975``; both belong on a farm.  Dates name the month only.

A row is known by product and articles: in September 2018 the whole table was reordered.
In July 2019 a line break within each row ended the table after it for a month, so that
absence is no statement here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import Tag

from watcher.judgement import normalize
from watcher.records import Entry, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import snapshot, unique, unlike

_LANGUAGE = re.compile(r"\s*(?:MUI)?/?\s*language (?:patch|pack)\s*$", re.IGNORECASE)
_NAME, _ARTICLE = "package name", "kb number"
_VERSION, _DATE = "version", "release date"


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the watched rows of all tables, keyed by product and KB articles.

    The ``type`` of a language patch's package is "MUI".

    Raises:
        ParseError: the page has no table of packages, or only empty ones.

    """
    entries: dict[str, Entry] = {}
    for table in markup.tables(markup.soup(page)):
        for row in _rows(table):
            entry = _entry(row, page.url)
            entries.setdefault(entry.key, entry)
    if not entries:
        raise unlike(page, "a page with SharePoint's tables of updates")
    watched = [
        entry
        for entry in entries.values()
        if any(normalize.concerns(watch, name) for name in entry.products)
    ]
    return snapshot(
        page,
        total=len(entries),
        entries=sorted(watched, key=lambda entry: entry.key),
    )


def _rows(table: Tag) -> Iterator[dict[str, Tag]]:
    lines = markup.cells(table)
    head = [_text(cell).lower() for cell in lines[0]] if lines else []
    # Before July 2019 there was no column for the version
    if not {_NAME, _ARTICLE, _DATE} <= set(head):
        return
    for line in lines[1:]:
        cells = dict(zip(head, line, strict=False))
        if _DATE in cells and normalize.kbs_in(_text(cells[_ARTICLE])):
            yield cells


def _entry(row: dict[str, Tag], url: str) -> Entry:
    names = [normalize.product(line) for line in _lines(row[_NAME])]
    kbs = normalize.kbs_in(_text(row[_ARTICLE]))
    build = normalize.build(_text(row.get(_VERSION)))
    links = markup.links(str(row[_ARTICLE]), url)
    packages = []
    for number, name in enumerate(names):
        # One article for both, where there is one only
        kb = kbs[min(number, len(kbs) - 1)]
        address = next((link for link in links if normalize.kb(link) == kb), "")
        packages.append(_package(name, kb, build, address))
    products = unique(package.product for package in packages)
    return Entry(
        key=" ".join((*products, *kbs)),
        title=f"{' and '.join(products)} {_text(row[_DATE])}",
        url=url,
        published=normalize.date(_text(row[_DATE])),
        kbs=kbs,
        products=products,
        packages=tuple(packages),
        links=links,
    )


def _package(name: str, kb: str, build: str, url: str) -> Package:
    product = _LANGUAGE.sub("", name)
    kind = "MUI" if product != name else ""
    return Package(product, kb, build, url, type=kind)


def _lines(cell: Tag) -> list[str]:
    return [normalize.fold(line) for line in markup.plain(str(cell)).splitlines()]


def _text(node: Tag | None) -> str:
    return normalize.fold(node.get_text(" ")) if node else ""
