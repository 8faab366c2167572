"""Kind ``build-table``: pages of learn.microsoft.com that list builds with their release dates.

Exchange's page has a table a product, with the columns product name (linked to the KB
article or the download), release date, build in short and in long form; some tables
lack the long form, some rows the link.  Rows are kept through a pull; what the page
shows is new rows and new names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from bs4 import Tag
from msgspec import Struct
from msgspec.structs import replace

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Entry, Label, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import quoted, snapshot, unlike

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
    def line(self) -> tuple[int, ...]:
        """The first three numbers of its build, which name the product.

        15.2.1544 of 15.2.1544.13: Exchange Server 2019 CU14.
        """
        return normalize.build_key(self.build)[:3]


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
    rows = _distinct(rows)
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
    head = [_text(cell) for cell in lines[0]] if lines else []
    _refuse_others(head)
    columns = _columns(head)
    if not {"build", "date", "name"} <= columns.keys():
        _refuse_unread(lines)
        return []
    rows = []
    for line in lines[1:]:
        # A row may have fewer cells than its head
        cells = {
            name: line[number] for name, number in columns.items() if number < len(line)
        }
        row = _named_row(cells, base)
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
    if not lines:
        return
    rows = [[_text(cell) for cell in line] for line in lines]
    with_builds = sum(any(map(_is_build, row)) for row in rows)
    if with_builds * 2 >= len(rows):
        head = " | ".join(rows[0])
        raise ParseError(
            "a table of builds has a head without a column for names, builds "
            f"or dates: {quoted(head)}"
        )


def _is_build(text: str) -> bool:
    return bool(text) and normalize.build(text) == text


def _columns(titles: list[str]) -> dict[str, int]:
    """Return the number of the column of each kind, the first one where two fit."""
    columns: dict[str, int] = {}
    for number, title in enumerate(titles):
        for kind, pattern in _COLUMNS:
            if pattern.search(title):
                columns.setdefault(kind, number)
                break
    return columns


def _named_row(cells: dict[str, Tag], base: str) -> _Row | None:
    """Read a row that bears its product's name."""
    title = _text(cells.get("name"))
    written = _text(cells.get("build")), _text(cells.get("long"))
    if not title or not any(written):
        return None
    label = normalize.label(title)
    product = normalize.product(title)
    if label and label.product:
        product = label.product
    # A row of Exchange that names no update is the product as it was first released
    if label is None and normalize.family(product) == _EXCHANGE:
        label = Label(_EXCHANGE, product, "RTM")
    url = _href(cells.get("name"), base) or _href(cells.get("kb"), base)
    return _Row(
        key=_key(title, label),
        title=title,
        product=product,
        build=normalize.build(written[0]),
        long=normalize.build(written[1]),
        published=normalize.date(_text(cells.get("date"))),
        kb=normalize.kb(url) or normalize.kb(_text(cells.get("kb"))),
        url=url,
        label=label,
    )


def _with_short_builds(rows: list[_Row]) -> list[_Row]:
    """Decide on one build a row.

    The short form is the name; the long one stands in where the short one is
    malformed: absent, or of a major version that its table has nowhere else
    ("5.0.1497.44" among "15.0.1497...", seen for a week in November 2022).
    """
    majors = Counter(normalize.build_key(row.long or row.build)[:2] for row in rows)
    decided = []
    for row in rows:
        is_odd = normalize.build_key(row.build)[:2] not in majors
        if not row.build or (is_odd and row.long):
            decided.append(replace(row, build=row.long))
        else:
            decided.append(row)
    return decided


def _with_readable_products(rows: list[_Row]) -> list[_Row]:
    """Read a name that is mistyped beyond recognition ("Exchenge Server 2019") by its build.

    Else its row would seem to be gone.
    """
    products: dict[tuple[int, ...], str] = {}
    for row in rows:
        if _is_exchange(row):
            products[row.line] = row.product
    # A table of something else
    if len(products) * 2 < len({row.line for row in rows}):
        return rows
    # Of a line that no other row names, at least that it is Exchange
    versions = {line[:2]: _EXCHANGE for line in products}
    read = []
    for row in rows:
        if not _is_exchange(row):
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
    for row in rows:
        build = normalize.build_key(row.build)
        own = lowest.get(row.product)
        if build and (own is None or build < normalize.build_key(own.build)):
            lowest[row.product] = row
    read = []
    for row in rows:
        own = lowest.get(row.product, row)
        build, least = normalize.build_key(row.build), normalize.build_key(own.build)
        # The very name twice without an article is the product's second version
        is_other = bool(row.kb) or _bare(row.title) != _bare(own.title)
        is_named_as_product = row.label and row.label.type in {"CU", "RTM"}
        is_higher = build[:-1] == least[:-1] and build > least
        if is_named_as_product and is_other and is_higher:
            row = replace(row, label=None, key=normalize.fold(row.title))  # noqa: PLW2901
        read.append(row)
    return read


def _bare(title: str) -> str:
    """A name without "(2025H1)"."""
    return normalize.fold(_IN_BRACKETS.sub(" ", title))


def _is_exchange(row: _Row) -> bool:
    return normalize.family(row.product) == _EXCHANGE


def _distinct(rows: Iterable[_Row]) -> list[_Row]:
    """Drop repetitions.

    Number rows of one name from the lowest build up, so that a new one leaves the old
    one's key alone.

    A name that stands twice with one build is one row, of which the copy that has an
    article counts: when the vendor takes the other away, nothing is gone.
    """
    named: dict[str, dict[str, _Row]] = {}
    for row in sorted(rows, key=lambda row: not row.kb):
        named.setdefault(row.key, {}).setdefault(row.build, row)
    distinct: list[_Row] = []
    for same in named.values():
        distinct += _numbered(same.values())
    return distinct


def _numbered(same: Iterable[_Row]) -> Iterator[_Row]:
    ordered = sorted(same, key=lambda row: (normalize.build_key(row.build), row.title))
    for number, row in enumerate(ordered, start=1):
        yield row if number == 1 else replace(row, key=f"{row.key} #{number}")


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
        type=row.label.type if row.label else normalize.type_in(row.title),
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
        links=(row.url,) if row.url else (),
    )


def _text(cell: Tag | None) -> str:
    return normalize.fold(cell.get_text(" ")) if cell else ""


def _href(cell: Tag | None, base: str) -> str:
    anchor = cell.find("a", href=True) if cell else None
    return markup.absolute(str(anchor["href"]), base) if isinstance(anchor, Tag) else ""
