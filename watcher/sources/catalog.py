"""Microsoft's Update Catalog.

The answer to a search for one KB article, as one entry with a package for each update.

A package's ``file`` is the catalogue's own id of it, a GUID: one that is replaced gets
a new one.

Told apart are results, the catalogue's own "no results", and a search that the site
has lost (it then shows the search page with neither): only the first two say something
of the update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import parse_qs, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Coverage, Entry, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.concern import concerned
from watcher.sources.json_form import quoted

_ROW = re.compile(r"([0-9a-f-]{36})_R\d+", re.IGNORECASE)
_PAGES = re.compile(r"\(page \d+ of (\d+)\)")
_FOR_PRODUCT = re.compile(r"\bfor (?P<product>.+?)(?: ?\([^)]*\))*$", re.IGNORECASE)
_UNKNOWN = "Whether it offers the update is not known; the next check asks again."


class Row(Struct, frozen=True):
    """A line of the results."""

    # A GUID
    update: str
    title: str
    # Canonical, the most exact first
    products: tuple[str, ...]
    updated: datetime | None
    # Bytes
    size: int | None


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read the answer to a search for a KB article.

    ``available`` is False when the catalogue answers that it has nothing, or only
    updates of other articles.

    Raises:
        ParseError: the page is no answer to the search, and so nothing is known.

    """
    kb = normalize.kb(page.document) or _asked(page.url)
    if page.status != 200 or not kb:
        raise ParseError(
            f"the catalogue answered {page.status} to a search for {quoted(kb or page.url)}",
            _UNKNOWN,
        )
    soup = markup.soup(page)
    table = soup.find("table", id=re.compile(r"updateMatches$"))
    if isinstance(table, Tag):
        rows = [
            row for row in _rows(table) if kb in (normalize.kbs_in(row.title) or (kb,))
        ]
        whole = all(
            found[1] == "1" for found in _PAGES.finditer(_text(soup, "searchDuration"))
        )
        return _snapshot(page, _entry(page, kb, rows, watch, whole=whole))
    answer = _text(soup, "noResultText")
    if answer and kb in (normalize.kbs_in(answer) or (kb,)):
        return _snapshot(
            page, Entry(key=kb, title=kb, url=page.url, kbs=(kb,), available=False)
        )
    raise ParseError(
        (
            f"the catalogue has lost the search for {kb}: it shows neither "
            f"results nor 'no results', but {markup.opening(page.body)}"
        ),
        _UNKNOWN,
    )


def _asked(url: str) -> str:
    try:
        return normalize.kb(parse_qs(urlsplit(url).query).get("q", [""])[0])
    except ValueError:
        # Such as "http://["
        return ""


def _text(soup: BeautifulSoup, name: str) -> str:
    found = soup.find(id=re.compile(rf"{name}$"))
    return normalize.fold(found.get_text(" ")) if isinstance(found, Tag) else ""


def _rows(table: Tag) -> Iterator[Row]:
    for line in table.find_all("tr", id=_ROW):
        update = str(line["id"])[:36]
        cells = [normalize.fold(cell.get_text(" ")) for cell in line.find_all("td")]
        # An icon, title, products, classification, last updated, version, size
        cells += [""] * (7 - len(cells))
        named = _FOR_PRODUCT.search(cells[1])
        exact = (normalize.product(named["product"]),) if named else ()
        products = (
            *exact,
            *(normalize.product(name) for name in cells[2].split(",") if name.strip()),
        )
        size = line.find(id=f"{update}_originalSize")
        digits = size.get_text().strip() if isinstance(size, Tag) else ""
        yield Row(
            update,
            cells[1],
            products,
            normalize.date(cells[4]),
            int(digits) if re.fullmatch(r"[0-9]{1,15}", digits) else None,
        )


def _entry(page: Page, kb: str, rows: list[Row], watch: Watch, *, whole: bool) -> Entry:
    """Describe the update by its rows.

    Of a list of several pages only that it is there, for the pages' cut moves.
    """
    packages = tuple(_packages(page, kb, rows, watch))
    return Entry(
        key=kb,
        title=rows[0].title if rows else kb,
        url=page.url,
        updated=max((row.updated for row in rows if row.updated), default=None),
        kbs=(kb,),
        products=tuple(dict.fromkeys(package.product for package in packages)),
        packages=tuple(
            sorted(packages, key=lambda package: (package.product, package.url))
        )
        if whole
        else (),
        available=bool(rows),
    )


def _packages(page: Page, kb: str, rows: list[Row], watch: Watch) -> Iterator[Package]:
    for row in rows:
        product = concerned(watch, row.products)
        if product:
            url = urljoin(page.url, f"ScopedViewInline.aspx?updateid={row.update}")
            yield Package(product, kb, url=url, file=row.update, size=row.size)


def _snapshot(page: Page, entry: Entry) -> Snapshot:
    return Snapshot(
        page.source,
        page.document,
        page.url,
        page.time,
        page.sha256,
        Coverage.COMPLETE,
        total=1,
        entries=(entry,),
    )
