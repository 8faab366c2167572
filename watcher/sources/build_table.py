"""Kind ``build-table``: pages of learn.microsoft.com that list builds with their release dates.

Exchange's page has a table a product, with the columns product name (linked to the KB
article or the download), release date, build in short and in long form; some tables
lack the long form, some rows the link.  Windows Server's page has a table a release
under a heading that names it, with servicing option, update type, availability date,
build and KB article. Rows are kept through a pull; what the page shows is new rows and
new names.
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
from watcher.records import Coverage, Entry, Label, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.json_form import quoted

# The first that fits names a column
_COLUMNS = (
    ("long", re.compile(r"build.*long", re.IGNORECASE)),
    ("build", re.compile(r"build|version number", re.IGNORECASE)),
    ("date", re.compile(r"\bdate|\breleased", re.IGNORECASE)),
    ("update", re.compile(r"update type", re.IGNORECASE)),
    ("kb", re.compile(r"\bKB\b|article", re.IGNORECASE)),
    ("type", re.compile(r"type", re.IGNORECASE)),
    ("name", re.compile(r"name|product|version", re.IGNORECASE)),
)
_RELEASE = re.compile(
    r"(?P<product>Windows(?: Server)?,?(?: (?:version )?\d\w*| R2)*) \(OS build (?P<build>\d{5})\)",
    re.IGNORECASE,
)
_EXCHANGE = "Exchange Server"
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6", "strong", "summary", "caption")


class _Row(Struct, frozen=True):
    """A table's row as far as it can be read.

    ``title`` is what the page calls it, ``key`` its name without drift.
    """

    key: str
    title: str
    product: str
    build: str
    long: str
    published: datetime | None
    kb: str
    url: str
    label: Label | None


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the watched rows of all tables of builds on a page, keyed by their canonical name.

    Raises:
        ParseError: the page has no table of builds, or only empty ones, or one whose head cannot be read.

    """
    tree = markup.soup(page)
    releases = {
        found["build"]: found["product"]
        for found in _RELEASE.finditer(normalize.fold(tree.get_text(" ")))
    }
    rows = _distinct(
        row
        for table in markup.tables(tree)
        for row in _table(table, page.url, releases)
    )
    if not rows:
        raise markup.unlike(page, "a page with a table of builds and release dates")
    entries = (_entry(row, page.url) for row in rows if watch.wants(row.product))
    return Snapshot(
        source=page.source,
        document=page.document,
        url=page.url,
        time=page.time,
        sha256=page.sha256,
        coverage=Coverage.COMPLETE,
        total=len(rows),
        entries=tuple(sorted(entries, key=lambda entry: entry.key)),
    )


def _table(table: Tag, base: str, releases: dict[str, str]) -> list[_Row]:
    lines = markup.cells(table)
    columns = _columns([_text(cell) for cell in lines[0]] if lines else [])
    read = _windows_row if {"update", "kb"} <= columns.keys() else _named_row
    needed = {"build", "date"} if read is _windows_row else {"build", "date", "name"}
    if not needed <= columns.keys():
        _refuse_unread(lines)
        return []
    heading = _release_above(table)
    rows = []
    for line in lines[1:]:
        cells = {
            name: line[place] for name, place in columns.items() if place < len(line)
        }
        row = read(cells, base, {**releases, "": heading})
        rows.extend([row] if row else [])
    return _with_unknown_forms(_with_readable_products(_with_short_builds(rows)))


def _refuse_unread(lines: list[list[Tag]]) -> None:
    """Raise ParseError for a table that holds builds under a head that cannot be read.

    Skipped, its rows would seem to be gone.
    """
    rows = [[_text(cell) for cell in line] for line in lines]
    builds = [
        row
        for row in rows
        if any(normalize.build(text) == text and text for text in row)
    ]
    if len(builds) * 2 >= len(rows) > 0:
        head = " | ".join(rows[0])
        raise ParseError(
            "a table of builds has a head without a column for names, builds "
            f"or dates: {quoted(head)}"
        )


def _columns(names: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        kind = next((kind for kind, pattern in _COLUMNS if pattern.search(name)), "")
        if kind:
            places.setdefault(kind, place)
    return places


def _named_row(
    cells: dict[str, Tag], base: str, releases: dict[str, str]
) -> _Row | None:
    """Read a row that bears its product's name."""
    title = _text(cells.get("name"))
    builds = [_text(cells.get(column)) for column in ("build", "long")]
    short, long = map(normalize.build, builds)
    if not title or not any(builds):
        return None
    label = normalize.label(title)
    product = label.product if label and label.product else normalize.product(title)
    if label is None and normalize.family(product) == _EXCHANGE:
        label = Label(normalize.family(product), product, "RTM")
    url = _href(cells.get("name"), base) or _href(cells.get("kb"), base)
    article = normalize.kb(url) or normalize.kb(_text(cells.get("kb")))
    published = normalize.date(_text(cells.get("date")))
    return _Row(
        _key(title, label), title, product, short, long, published, article, url, label
    )


def _windows_row(
    cells: dict[str, Tag], base: str, releases: dict[str, str]
) -> _Row | None:
    """Read a row of a Windows release.

    Its heading names the product, or the first part of its build does.
    """
    number = re.fullmatch(r"(\d{5})\.\d+", _text(cells.get("build")))
    if number is None:
        return None
    product = normalize.product(releases.get(number[1]) or releases[""] or "Windows")
    update = re.sub(r"^(\d{4})[.-](\d\d)", r"\1-\2", _text(cells.get("update"))).strip(
        " *"
    )
    hotpatch = " Hotpatch" if "hotpatch" in _text(cells.get("type")).lower() else ""
    title = f"{product} {update}{hotpatch}"
    url = _href(cells.get("kb"), base)
    article = normalize.kb(_text(cells.get("kb"))) or normalize.kb(url)
    build = normalize.build(f"10.0.{number[0]}")
    return _Row(
        title,
        title,
        product,
        build,
        "",
        normalize.date(_text(cells.get("date"))),
        article,
        url,
        None,
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
        odd = (
            row.build and row.long and normalize.build_key(row.build)[:2] not in majors
        )
        decided.append(
            replace(row, build=row.long if odd or not row.build else row.build)
        )
    return decided


def _with_readable_products(rows: list[_Row]) -> list[_Row]:
    """Read a name that is mistyped beyond recognition ("Exchenge Server 2019") by its build.

    Else its row would seem to be gone.
    """
    known = {
        normalize.build_key(row.build)[:3]: row.product
        for row in rows
        if normalize.family(row.product) == _EXCHANGE
    }
    if len(known) * 2 < len({normalize.build_key(row.build)[:3] for row in rows}):
        return rows
    versions = {line[:2]: _EXCHANGE for line in known}
    read = []
    for row in rows:
        line = normalize.build_key(row.build)[:3]
        product = known.get(line) or versions.get(line[:2], row.product)
        read.append(
            row
            if normalize.family(row.product) == _EXCHANGE
            else replace(row, product=product)
        )
    return read


def _with_unknown_forms(rows: list[_Row]) -> list[_Row]:
    """Take a product's own label from the rows above it that are its updates.

    The row of a product has its lowest build.  Another one without a month in its name
    ("... CU15 SU2", "... CU15 8 v2") is an update, whatever the form of its name: it is
    named by its title, its article and its build.
    """
    lowest: dict[str, tuple[int, ...]] = {}
    for row in rows:
        build = normalize.build_key(row.build)
        if build and build < lowest.get(row.product, (*build, 0)):
            lowest[row.product] = build
    read = []
    for row in rows:
        own = row.label is not None and row.label.type in {"CU", "RTM"}
        first = lowest.get(row.product, ())
        build = normalize.build_key(row.build)
        is_update = own and row.kb and build[:-1] == first[:-1] and build > first
        key = normalize.fold(row.title)
        read.append(replace(row, label=None, key=key) if is_update else row)
    return read


def _distinct(rows: Iterable[_Row]) -> list[_Row]:
    """Drop repetitions.

    Number rows of one name from the lowest build up, so that a new one leaves the old
    one's key alone.

    A name that stands twice with one build is one row, of which the copy that has an
    article counts: when the vendor takes the other away, nothing is gone.
    """
    named: dict[str, list[_Row]] = {}
    for row in sorted(rows, key=lambda row: not row.kb):
        same = named.setdefault(row.key, [])
        if row.build not in {other.build for other in same}:
            same.append(row)
    return [row for same in named.values() for row in _numbered(same)]


def _numbered(same: list[_Row]) -> Iterator[_Row]:
    ordered = sorted(same, key=lambda row: (normalize.build_key(row.build), row.title))
    for number, row in enumerate(ordered, start=1):
        yield row if number == 1 else replace(row, key=f"{row.key} #{number}")


def _key(title: str, label: Label | None) -> str:
    if label is None or not label.product:
        return normalize.fold(title)
    version = f"v{label.version}" if label.version > 1 else ""
    if label.month:
        return f"{label.product} {_short_month(label.month)}{label.type}{version}"
    return " ".join(
        filter(None, (label.product, "RTM" if label.type == "RTM" else "", version))
    )


def _short_month(month: str) -> str:
    return f"{datetime.fromisoformat(f'{month}-01'):%b%y}"


def _entry(row: _Row, url: str) -> Entry:
    kind = row.label.type if row.label else ""
    disputed = row.long if row.long != row.build else ""
    package = Package(
        product=row.product,
        kb=row.kb,
        build=row.build,
        url=row.url,
        type=kind,
        disputed=disputed,
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


def _release_above(table: Tag) -> str:
    heading = table.find_previous(_HEADINGS)
    found = _RELEASE.search(_text(heading)) if isinstance(heading, Tag) else None
    return found["product"] if found else ""


def _text(cell: Tag | None) -> str:
    return normalize.fold(cell.get_text(" ")) if cell else ""


def _href(cell: Tag | None, base: str) -> str:
    anchor = cell.find("a", href=True) if cell else None
    return markup.absolute(str(anchor["href"]), base) if isinstance(anchor, Tag) else ""
