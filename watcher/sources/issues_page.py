"""Kind ``issues-page``.

A page of known issues, one a row, as the Exchange team's "Emerging Issues".

Two layouts were seen: tables with "Updated on | Update causing the issue | Issue |
Workaround/Solution", and tables with "Issue | Possible reason | Workaround/Solution"
under a line "Updated on 5/11/2022" or a heading that names the update. Some early
pages hold the table unrendered, as lines with pipes.  Rows are edited in place, their
date with or without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from bs4 import BeautifulSoup, Tag
from msgspec import Struct, field
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.records import Coverage, Entry, Label, Page, Passage, Snapshot, Watch
from watcher.sources import markup

# The first that fits names a column
_COLUMNS = (
    ("date", re.compile(r"\bupdated on|\bdate", re.IGNORECASE)),
    ("update", re.compile(r"update", re.IGNORECASE)),
    ("cause", re.compile(r"reason|cause", re.IGNORECASE)),
    ("workaround", re.compile(r"workaround|solution|resolution", re.IGNORECASE)),
    ("issue", re.compile(r"issue|problem|symptom", re.IGNORECASE)),
)
_UPDATED_ON = re.compile(r"updated on", re.IGNORECASE)
# What the line between a Markdown table's head and body consists of
_RULE = frozenset(" |:-")
_KEY_LETTERS = 100
_TITLE_LETTERS = 160


class _Row(Struct, frozen=True):
    """A row's cells by column, as HTML, and what stands above its table."""

    cells: dict[str, str]
    updated: datetime | None
    above: str

    def text(self, column: str) -> str:
        """Return a cell's plain text; one that only holds a dash is empty."""
        text = markup.plain(self.cells.get(column, ""))
        return (
            text if re.search(r"\w", text) and text.upper() not in {"NA", "N/A"} else ""
        )


class _Place(Struct):
    """Where on the page a reader stands: the date and the headings above."""

    updated: datetime | None = None
    heading: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def above(self) -> str:
        """Return heading and lines above a table."""
        return "\n".join((self.heading, *self.lines))


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the known issues of a page.

    An issue's ``updated`` is the date in its row, its ``label`` the update that causes
    it.  ``kbs`` are the articles of that update and those that the issue's own text
    names; what the workaround links to is in ``links``.

    Raises:
        ParseError: the page has no table of issues.

    """
    tree = markup.soup(page)
    rows = [row for row in _rows(tree) if row.text("issue")]
    if not rows:
        raise markup.unlike(page, "a page with a table of known issues")
    subject = _subject(tree)
    issues = _distinct([_entry(row, page.url, subject) for row in rows])
    watched = [_watched(entry, watch) for entry in issues]
    return Snapshot(
        source=page.source,
        document=page.document,
        url=page.url,
        time=page.time,
        sha256=page.sha256,
        coverage=Coverage.COMPLETE,
        total=len(issues),
        entries=tuple(
            sorted(
                (entry for entry in watched if entry.products),
                key=lambda entry: entry.key,
            )
        ),
    )


def _rows(tree: BeautifulSoup) -> Iterator[_Row]:
    place = _Place()
    tables = {id(table) for table in markup.tables(tree)}
    for node in tree.find_all(["h1", "h2", "h3", "h4", "p", "table"]):
        if id(node) in tables:
            yield from _table_rows(node, place)
        elif node.name == "table" or node.find_parent("table"):
            continue
        elif node.name == "p" and (
            piped := _piped(node.decode_contents().splitlines())
        ):
            yield from _piped_rows(piped, place)
        else:
            _move(place, node)


def _move(place: _Place, node: Tag) -> None:
    text = normalize.fold(node.get_text(" "))
    if _UPDATED_ON.match(text):
        place.updated, place.lines = normalize.date(text), []
    elif node.name == "p":
        place.lines.append(text)
    else:
        place.updated, place.heading, place.lines = None, text, []


def _table_rows(table: Tag, place: _Place) -> Iterator[_Row]:
    lines = markup.cells(table)
    columns = _columns([cell.get_text(" ") for cell in lines[0]] if lines else [])
    for line in lines[1:]:
        yield _row(
            {
                name: line[number].decode_contents()
                for number, name in columns.items()
                if number < len(line)
            },
            place,
        )


def _piped(lines: list[str]) -> list[str]:
    """Return the table that was left as Markdown among lines.

    From its head on, without the rule below it.
    """
    for number, (head, rule) in enumerate(pairwise(lines)):
        if "|" in head and "--" in rule and _RULE.issuperset(rule):
            return [head, *lines[number + 2 :]]
    return []


def _piped_rows(lines: list[str], place: _Place) -> Iterator[_Row]:
    """Read such a table: a line a row, its cells between pipes, the outer pipes optional."""
    columns = _columns([markup.plain(cell) for cell in _cells(lines[0])])
    for cells in map(_cells, lines[1:]):
        yield _row(
            {
                name: cells[number]
                for number, name in columns.items()
                if number < len(cells)
            },
            place,
        )


def _cells(line: str) -> list[str]:
    return line.strip().removeprefix("|").removesuffix("|").split("|")


def _columns(names: list[str]) -> dict[int, str]:
    """Return the columns' kinds by place; none when this is no table of issues."""
    kinds = [
        next((kind for kind, pattern in _COLUMNS if pattern.search(name)), "")
        for name in names
    ]
    return (
        {number: kind for number, kind in enumerate(kinds) if kind}
        if {"issue", "workaround"} <= set(kinds)
        else {}
    )


def _row(cells: dict[str, str], place: _Place) -> _Row:
    return _Row(
        cells,
        normalize.date(markup.plain(cells.get("date", ""))) or place.updated,
        place.above,
    )


def _subject(tree: BeautifulSoup) -> str:
    """Return what the page is about.

    The first product that its title, headings or first paragraph name.
    """
    texts = (
        normalize.fold(node.get_text(" "))
        for node in tree.find_all(["title", "h1", "p"])
    )
    named = (name for text in texts for name in normalize.products_in(text))
    return normalize.family(next(named, "Exchange Server"))


def _entry(row: _Row, url: str, subject: str) -> Entry:
    issue, update = row.text("issue"), row.text("update")
    about = (
        f"{row.cells.get('update', '')} {row.cells.get('issue', '')} "
        f"{row.cells.get('cause', '')}"
    )
    label = _label(row, subject)
    products = tuple(
        name
        for name in normalize.products_in(f"{update}\n{issue}")
        if normalize.family(name) == subject
    )
    named = normalize.kbs_in(markup.plain(about)) + normalize.kbs_in(
        " ".join(markup.links(about, url))
    )
    everything = " ".join(row.cells.values())
    return Entry(
        key=_key(label, issue),
        title=_title(issue),
        url=url,
        updated=row.updated,
        cves=normalize.cves_in(f"{update}\n{issue}"),
        kbs=tuple(dict.fromkeys(named)),
        products=products or (subject,),
        label=label,
        passages=tuple(
            Passage(name, row.text(name))
            for name in ("issue", "cause", "workaround")
            if row.text(name)
        ),
        links=markup.links(everything, url),
    )


def _label(row: _Row, subject: str) -> Label | None:
    """Return the update that a row blames.

    Its own column says so, else its issue's text, else what stands above the table.
    """
    for text in (row.text("update"), row.text("issue"), row.above):
        label = normalize.label(text, row.updated, assumed=subject)
        if label:
            return label
    return None


def _key(label: Label | None, issue: str) -> str:
    """Name an issue by the update's month and its own first words, which stay when
    workaround, date or version change.
    """
    words = " ".join(re.findall(r"\w+", normalize.fold(issue).lower()))
    update = f"{label.month or label.product} {label.type}: " if label else ""
    return (update + words)[:_KEY_LETTERS].strip()


def _title(issue: str) -> str:
    line = issue.splitlines()[0]
    return (
        line
        if len(line) <= _TITLE_LETTERS
        else line[: line.rfind(" ", 0, _TITLE_LETTERS)] + " ..."
    )


def _distinct(issues: list[Entry]) -> list[Entry]:
    """Drop repetitions; number issues of one key from the page's end, where the oldest stand."""
    keys: dict[str, int] = {}
    kept: list[Entry] = []
    for entry in reversed(issues):
        if any(replace(entry, key=other.key) == other for other in kept):
            continue
        number = keys[entry.key] = keys.get(entry.key, 0) + 1
        kept.append(
            entry if number == 1 else replace(entry, key=f"{entry.key} #{number}")
        )
    return kept


def _watched(entry: Entry, watch: Watch) -> Entry:
    return replace(
        entry,
        products=tuple(
            name for name in entry.products if normalize.concerns(watch, name)
        ),
    )
