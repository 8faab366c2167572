"""Kind ``build-table``: pages of learn.microsoft.com that list builds with their release dates.

Exchange's page has a table a product, with the columns product name (linked to the KB
article or the download), release date, build in short and in long form; some tables
lack the long form, some rows the link.  Rows are kept through a pull; what the page
shows is new rows and new names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from bs4 import Tag
from msgspec import Struct
from msgspec.structs import replace

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Entry, Label, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import (
    first_fitting,
    numbered,
    quoted,
    snapshot,
    unique,
    unlike,
)

# The first that fits names a column
_COLUMNS = (
    ("long", re.compile(r"build.*long", re.IGNORECASE)),
    ("build", re.compile(r"build|version number", re.IGNORECASE)),
    ("date", re.compile(r"\bdate|\breleased", re.IGNORECASE)),
    ("kb", re.compile(r"\bKB\b|article", re.IGNORECASE)),
    ("name", re.compile(r"name|product|version", re.IGNORECASE)),
)
# Heads of Microsoft's tables that have kinds of their own
_OTHERS = {
    "servicing option": "release-information",
    "sql server build version": "sql-builds",
    "version supported until": "office-history",
}
_EXCHANGE = "Exchange Server"
_IN_BRACKETS = re.compile(r"\([^)]*\)")


class _Row(Struct, frozen=True, kw_only=True):
    """A table's row as far as it can be read.

    ``title`` is what the page calls it, ``key`` its name without drift.
    """

    key: str
    title: str
    product: str
    build: str
    long: str = ""
    published: datetime | None
    kb: str
    url: str
    label: Label | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """Its build's numbers, which order rows; none without a build."""
        return normalize.build_key(self.build)

    @property
    def line(self) -> tuple[int, ...]:
        """The first three numbers of its build, which name the product.

        15.2.1544 of 15.2.1544.13: Exchange Server 2019 CU14.
        """
        return self.numbers[:3]

    @property
    def type(self) -> str:
        """What kind of update its label or its title says that it is: "SU", "CU"."""
        return self.label.type if self.label else normalize.type_in(self.title)

    @property
    def is_exchange(self) -> bool:
        """Whether its name says so."""
        return normalize.family(self.product) == _EXCHANGE


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the watched rows of all tables of builds on a page, keyed by canonical name.

    Raises:
        ParseError: the page has no table of builds, or only empty ones, or one whose
            head cannot be read.

    """
    tree = markup.soup(page)
    rows: list[_Row] = []
    for table in markup.tables(tree):
        rows += _table(table, page.url)
    rows = list(_distinct(rows))
    if not rows:
        raise unlike(page, "a page with a table of builds and release dates")
    entries = [_entry(row, page.url) for row in rows if watch.wants(row.product)]
    return snapshot(
        page,
        total=len(rows),
        entries=sorted(entries, key=lambda entry: entry.key),
    )


def _table(table: Tag, base: str) -> list[_Row]:
    lines = markup.cells(table)
    if not lines:
        return []
    head = list(map(markup.text_in, lines[0]))
    _refuse_others(head)
    columns = [first_fitting(title, _COLUMNS) for title in head]
    if not {"build", "date", "name"}.issubset(columns):
        _refuse_unread(lines)
        return []
    rows = []
    for line in lines[1:]:
        # Where two columns are of one kind, the first counts; a row may have fewer cells
        # than its head
        named = [*zip(columns, line, strict=False)]
        row = _named_row(dict(reversed(named)), base)
        rows.extend([row] if row else [])
    return _with_unknown_forms(_with_readable_products(_with_short_builds(rows)))


def _refuse_others(head: list[str]) -> None:
    """Raise ParseError for a table of another kind.

    Read as one of Exchange's, Windows' rows shared a key ("Windows 2026-03 OOB"), and
    SQL Server's product was "CU11 (Latest)".
    """
    for title in head:
        kind = _OTHERS.get(title.lower())
        if kind:
            raise ParseError(
                f"this is a table of another kind: {quoted(' | '.join(head))}",
                f'Give the source kind = "{kind}".',
            )


def _refuse_unread(lines: list[list[Tag]]) -> None:
    """Raise ParseError for a table that holds builds under a head that cannot be read.

    Skipped, its rows would seem to be gone.
    """
    rows = [list(map(markup.text_in, line)) for line in lines]
    with_builds = sum(any(map(_is_build, row)) for row in rows)
    if with_builds * 2 >= len(rows):
        head = " | ".join(rows[0])
        raise ParseError(
            "a table of builds has a head without a column for names, builds "
            f"or dates: {quoted(head)}"
        )


def _is_build(text: str) -> bool:
    return text != "" and normalize.build(text) == text


def _named_row(cells: dict[str | None, Tag], base: str) -> _Row | None:
    """Read a row; None for one without its product's name, or without any build."""
    title = markup.text_in(cells.get("name"))
    short = markup.text_in(cells.get("build"))
    long = markup.text_in(cells.get("long"))
    if not title or not (short or long):
        return None
    label = normalize.label(title)
    product = normalize.product(title)
    if label and label.product:
        product = label.product
    # A row of Exchange that names no update is the product as it was first released
    if label is None and normalize.family(product) == _EXCHANGE:
        label = Label(_EXCHANGE, product, "RTM")
    article = cells.get("kb")
    url = markup.address_in(cells.get("name"), base) or markup.address_in(article, base)
    return _Row(
        key=_key(title, label),
        title=title,
        product=product,
        build=normalize.build(short),
        long=normalize.build(long),
        published=normalize.date(markup.text_in(cells.get("date"))),
        kb=normalize.kb(url) or normalize.kb(markup.text_in(article)),
        url=url,
        label=label,
    )


def _with_short_builds(rows: list[_Row]) -> list[_Row]:
    """Decide on one build a row.

    The short form is the name; the long one stands in where the short one is
    malformed: absent, or of a major version that its table has nowhere else
    ("5.0.1497.44" among "15.0.1497...", seen for a week in November 2022).
    """
    majors = {normalize.build_key(row.long or row.build)[:2] for row in rows}
    decided = []
    for row in rows:
        is_malformed = not row.build or row.numbers[:2] not in majors
        if row.long and is_malformed:
            row = replace(row, build=row.long)  # noqa: PLW2901
        decided.append(row)
    return decided


def _with_readable_products(rows: list[_Row]) -> list[_Row]:
    """Read a name that is mistyped beyond recognition ("Exchenge Server 2019") by its build.

    Else its row would seem to be gone.
    """
    products = {row.line: row.product for row in rows if row.is_exchange}
    # A table of something else
    if len(products) * 2 < len({row.line for row in rows}):
        return rows
    # Of a line that no other row names, at least that it is Exchange
    versions = {line[:2]: _EXCHANGE for line in products}
    read = []
    for row in rows:
        if not row.is_exchange:
            product = versions.get(row.line[:2], row.product)
            row = replace(row, product=products.get(row.line, product))  # noqa: PLW2901
        read.append(row)
    return read


def _with_unknown_forms(rows: list[_Row]) -> list[_Row]:
    """Take a product's own label from the rows above it that are its updates.

    The row of a product has its lowest build.  Another one without a month in its name
    ("... CU15 SU2", "... CU15 8 v2") is an update, whatever the form of its name: it is
    named by its title, its article and its build.
    """
    lowest: dict[str, _Row] = {}
    for row in sorted(rows, key=_numbers):
        if row.build:
            lowest.setdefault(row.product, row)
    read = []
    for row in rows:
        if _is_update_of(row, lowest.get(row.product, row)):
            row = replace(row, label=None, key=normalize.fold(row.title))  # noqa: PLW2901
        read.append(row)
    return read


def _is_update_of(row: _Row, product: _Row) -> bool:
    """Say whether a row that is named as a product is one of its updates."""
    if row.type not in {"CU", "RTM"} or row.numbers <= product.numbers:
        return False
    # The very name twice without an article is the product's second version
    is_other = row.kb != "" or _bare(row.title) != _bare(product.title)
    return is_other and row.numbers[:-1] == product.numbers[:-1]


def _numbers(row: _Row) -> tuple[int, ...]:
    return row.numbers


def _bare(title: str) -> str:
    """A name without "(2025H1)"."""
    return normalize.fold(_IN_BRACKETS.sub(" ", title))


def _distinct(rows: Iterable[_Row]) -> Iterator[_Row]:
    """Drop repetitions.

    Number rows of one name from the lowest build up, so that a new one leaves the old
    one's key alone.

    A name that stands twice with one build is one row, of which the copy that has an
    article counts: when the vendor takes the other away, nothing is gone.
    """
    distinct: dict[tuple[str, str], _Row] = {}
    for row in sorted(rows, key=lambda row: not row.kb):
        distinct.setdefault((row.key, row.build), row)
    return numbered(sorted(distinct.values(), key=lambda row: (row.numbers, row.title)))


def _key(title: str, label: Label | None) -> str:
    """Name a row without the drift of its title ("Nov24SU", "November 2024 SU")."""
    if label is None or not label.product:
        return normalize.fold(title)
    version = f"v{label.version}" if label.version > 1 else ""
    if label.month:
        month = datetime.fromisoformat(f"{label.month}-01")
        return f"{label.product} {month:%b%y}{label.type}{version}"
    release = "RTM" if label.type == "RTM" else ""
    return " ".join(filter(None, (label.product, release, version)))


def _entry(row: _Row, url: str) -> Entry:
    package = Package(
        product=row.product,
        kb=row.kb,
        build=row.build,
        url=row.url,
        type=row.type,
        disputed=row.long if row.long != row.build else "",
    )
    return Entry(
        key=row.key,
        title=row.title,
        url=url,
        published=row.published,
        products=(row.product,),
        packages=(package,),
        label=row.label,
        links=unique([row.url]),
    )
