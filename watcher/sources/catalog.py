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

from bs4 import Tag
from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Entry, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import (
    first,
    opening,
    quoted,
    snapshot,
    unique,
    watched_products,
)

# An update's GUID and its row, which was not always counted from 0
_ROW = re.compile(r"([0-9a-f-]{36})_R\d+", re.IGNORECASE)
_PAGES = re.compile(r"\(page \d+ of (\d+)\)")
# Ends of the ids that the site's elements have
_RESULTS, _NO_RESULTS = re.compile(r"updateMatches$"), re.compile(r"noResultText$")
_DURATION = re.compile(r"searchDuration$")
_SEARCH = re.compile(r"Search\.aspx\?", re.IGNORECASE)
_FOR_PRODUCT = re.compile(r"\bfor (?P<product>.+)", re.IGNORECASE)
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
    form = markup.find(soup, "form", action=_SEARCH)
    answered = _asked(str(form["action"])) if form else ""
    # A cache between us and the catalogue mixed two searches up
    if answered and answered != kb:
        raise ParseError(
            f"the catalogue answered the search for {answered}, asked was for {kb}",
            _UNKNOWN,
        )
    table = markup.find(soup, "table", id=_RESULTS)
    if table:
        rows = [row for row in _rows(table) if _is_about(row.title, kb)]
        pages = _PAGES.search(markup.text_in(soup.find(id=_DURATION)))
        is_whole = pages is None or pages[1] == "1"
        entry = _entry(page, kb, rows, watch, is_whole=is_whole)
        return snapshot(page, total=1, entries=(entry,))
    answer = markup.text_in(soup.find(id=_NO_RESULTS))
    if answer and _is_about(answer, kb):
        gone = Entry(key=kb, title=kb, url=page.url, kbs=(kb,), available=False)
        return snapshot(page, total=1, entries=(gone,))
    raise ParseError(
        f"the catalogue has lost the search for {kb}: it shows neither "
        f"results nor 'no results', but {opening(page.body)}",
        _UNKNOWN,
    )


def _is_about(text: str, kb: str) -> bool:
    """Say whether a text names the article, or none at all."""
    named = normalize.kbs_in(text)
    return not named or kb in named


def _asked(url: str) -> str:
    try:
        return normalize.kb(parse_qs(urlsplit(url).query).get("q", [""])[0])
    except ValueError:
        # Such as "http://["
        return ""


def _rows(table: Tag) -> Iterator[Row]:
    for line in table.find_all("tr", id=_ROW):
        update = str(line["id"])[:36]
        texts = map(markup.text_in, line.find_all("td"))
        # An icon, title, products, classification, last updated, version, size; a row
        # may be cut off
        _, title, products, _, last_updated, *_ = [*texts, "", "", "", "", ""]
        named = [_product_of_title(title), *products.split(",")]
        yield Row(
            update=update,
            title=title,
            products=unique(map(normalize.product, named)),
            updated=normalize.date(last_updated),
            size=_size(markup.text_in(line.find(id=f"{update}_originalSize"))),
        )


def _product_of_title(title: str) -> str:
    """Return the product that a title names, "" when it names none.

    "Security Update For Exchange Server 2019 CU12 (KB5025239)"
    """
    named = _FOR_PRODUCT.search(title)
    if named is None:
        return ""
    product = named["product"]
    # What stands in parentheses at its end, such as the article, is no part of it; cut
    # off one by one, for a pattern over several costs the square of their number
    while product.endswith(")"):
        start = product.find("(", product.rfind(")", 0, -1) + 1)
        if start < 1:
            break
        product = product[:start].removesuffix(" ")
    return product


def _size(hidden: str) -> int | None:
    """Return a size in bytes: shown is "401.5 MB", hidden beside it stands the number."""
    return int(hidden) if re.fullmatch(r"[0-9]{1,15}", hidden) else None


def _entry(
    page: Page, kb: str, rows: list[Row], watch: Watch, *, is_whole: bool
) -> Entry:
    """Describe the update by its rows.

    Of a list of several pages only that it is there, for the pages' cut moves.
    """
    packages = list(_packages(page, kb, rows, watch))
    ordered = sorted(packages, key=lambda package: (package.product, package.url))
    return Entry(
        key=kb,
        title=rows[0].title if rows else kb,
        url=page.url,
        updated=max(filter(None, (row.updated for row in rows)), default=None),
        kbs=(kb,),
        products=unique(package.product for package in packages),
        packages=tuple(ordered) if is_whole else (),
        available=bool(rows),
    )


def _packages(page: Page, kb: str, rows: list[Row], watch: Watch) -> Iterator[Package]:
    for row in rows:
        product = first(watched_products(row.products, watch))
        if product:
            url = urljoin(page.url, f"ScopedViewInline.aspx?updateid={row.update}")
            yield Package(product, kb, url=url, file=row.update, size=row.size)
