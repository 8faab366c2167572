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
from itertools import chain, repeat

from bs4 import Tag

from watcher.judgement import normalize
from watcher.records import Entry, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import snapshot, unique, unlike, watched_products

_LANGUAGE = re.compile(r"\s*(?:MUI)?/?\s*language (?:patch|pack)\s*$", re.IGNORECASE)
_NAME, _ARTICLE = "package name", "kb number"
_VERSION, _DATE = "version", "release date"
# Before July 2019 there was no column for the version
_NEEDED = {_NAME, _ARTICLE, _DATE}


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the watched rows of all tables, keyed by product and KB articles.

    The ``type`` of a language patch's package is "MUI".

    Raises:
        ParseError: the page has no table of packages, or only empty ones.

    """
    entries: dict[str, Entry] = {}
    for table in markup.tables(markup.soup(page)):
        for row in filter(_is_update, markup.rows(table, _NEEDED)):
            entry = _entry(row, page.url)
            entries.setdefault(entry.key, entry)
    if not entries:
        raise unlike(page, "a page with SharePoint's tables of updates")
    watched = [
        each for each in entries.values() if watched_products(each.products, watch)
    ]
    return snapshot(
        page,
        total=len(entries),
        entries=sorted(watched, key=lambda entry: entry.key),
    )


def _is_update(row: dict[str, Tag]) -> bool:
    """Say whether a row is whole, and names an article."""
    return row.keys() >= _NEEDED and bool(_articles(row))


def _articles(row: dict[str, Tag]) -> tuple[str, ...]:
    return normalize.kbs_in(markup.text_in(row[_ARTICLE]))


def _entry(row: dict[str, Tag], url: str) -> Entry:
    names = map(normalize.product, markup.plain(str(row[_NAME])).splitlines())
    kbs = _articles(row)
    date = markup.text_in(row[_DATE])
    build = normalize.build(markup.text_in(row.get(_VERSION)))
    links = markup.links(str(row[_ARTICLE]), url)
    link_of = {normalize.kb(link): link for link in reversed(links)}
    # One article for both, where there is one only
    articles = chain(kbs, repeat(kbs[-1]))
    packages = []
    for name, kb in zip(names, articles, strict=False):
        packages.append(_package(name, kb, build, link_of.get(kb, "")))
    products = unique(package.product for package in packages)
    return Entry(
        key=" ".join((*products, *kbs)),
        title=f"{' and '.join(products)} {date}",
        url=url,
        published=normalize.date(date),
        kbs=kbs,
        products=products,
        packages=tuple(packages),
        links=links,
    )


def _package(name: str, kb: str, build: str, url: str) -> Package:
    product = _LANGUAGE.sub("", name)
    kind = "MUI" if product != name else ""
    return Package(product, kb, build, url, type=kind)
