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
from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.records import Entry, Label, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import (
    first_fitting,
    numbered,
    passages,
    shortened,
    snapshot,
    unique,
    unlike,
    watched_products,
)

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
# Of the paragraphs above a table; the update is named in the first of them, and each
# row of each table below reads them
_ABOVE_LETTERS = 4000


class _Row(Struct, frozen=True):
    """A row's cells by column, as HTML, and what stands above its table."""

    cells: dict[str, str]
    updated: datetime | None
    above: str

    def html(self, *columns: str) -> str:
        """Return the HTML of several cells, one after the other."""
        return " ".join(self.cells.get(column, "") for column in columns)

    def text(self, column: str) -> str:
        """Return a cell's plain text; one that only holds a dash is empty."""
        text = markup.plain(self.cells.get(column, ""))
        if text.upper() in {"NA", "N/A"} or not re.search(r"\w", text):
            return ""
        return text


class _Above(Struct):
    """What stands above the next table: the date, the heading and the paragraphs."""

    updated: datetime | None = None
    heading: str = ""
    paragraphs: str = ""

    @property
    def text(self) -> str:
        """The heading and the first of the paragraphs."""
        return f"{self.heading}\n{self.paragraphs}"

    def read(self, node: Tag) -> None:
        """Take in a heading, a paragraph or a line "Updated on 5/11/2022"."""
        text = markup.text_in(node)
        if _UPDATED_ON.match(text):
            self.updated, self.paragraphs = normalize.date(text), ""
        elif node.name == "p":
            self.paragraphs = f"{self.paragraphs}\n{text}"[:_ABOVE_LETTERS]
        else:
            self.updated, self.heading, self.paragraphs = None, text, ""


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
        raise unlike(page, "a page with a table of known issues")
    subject = _subject(tree, watch)
    entries = [_entry(row, page.url, subject) for row in rows]
    # Each once, numbered from the page's end, where the oldest stand
    issues = list(numbered(dict.fromkeys(reversed(entries))))
    watched = []
    for issue in issues:
        products = watched_products(issue.products, watch)
        watched += [replace(issue, products=products)] if products else []
    return snapshot(
        page,
        total=len(issues),
        entries=sorted(watched, key=lambda entry: entry.key),
    )


def _rows(tree: BeautifulSoup) -> Iterator[_Row]:
    """Yield the rows of all tables, in the page's order."""
    above = _Above()
    tables = {id(table) for table in markup.tables(tree)}
    for node in tree.find_all(["h1", "h2", "h3", "h4", "p", "table"]):
        if id(node) in tables:
            yield from _table_rows(node, above)
            continue
        # A frame of the page, or what stands in a cell
        if node.name == "table" or node.find_parent("table"):
            continue
        # Seen on some early pages: the table's Markdown, in a paragraph
        piped = _piped(node.decode_contents().splitlines()) if node.name == "p" else []
        if piped:
            yield from _rows_of(piped, above)
        else:
            above.read(node)


def _table_rows(table: Tag, above: _Above) -> Iterator[_Row]:
    lines = [[cell.decode_contents() for cell in line] for line in markup.cells(table)]
    return _rows_of(lines, above)


def _cells(line: str) -> list[str]:
    # The outer pipes are optional
    return line.strip().removeprefix("|").removesuffix("|").split("|")


def _rows_of(lines: list[list[str]], above: _Above) -> Iterator[_Row]:
    """Yield a row for each line below the head, when this is a table of issues."""
    head = next(iter(lines), [])
    titles = map(normalize.fold, map(markup.plain, head))
    columns = [first_fitting(title, _COLUMNS) or "" for title in titles]
    # Any other table has no row with an issue
    if not {"issue", "workaround"}.issubset(columns):
        return
    text = above.text
    for line in lines[1:]:
        # A row may have fewer cells than its head
        cells = dict(zip(columns, line, strict=False))
        cells.pop("", None)
        date = normalize.date(markup.plain(cells.get("date", "")))
        yield _Row(cells, date or above.updated, text)


def _piped(lines: list[str]) -> list[list[str]]:
    """Return the cells of a table that was left as Markdown among lines, row by row.

    From its head on, without the rule below it.
    """
    for number, (head, rule) in enumerate(pairwise(lines)):
        if "|" in head and "--" in rule and _RULE.issuperset(rule):
            return list(map(_cells, [head, *lines[number + 2 :]]))
    return []


def _subject(tree: BeautifulSoup, watch: Watch) -> str:
    """Return what the page is about.

    The first product that its title, headings or first paragraph name; of another vendor
    the one that a watched pattern names.
    """
    for text in map(markup.text_in, tree.find_all(["title", "h1", "p"])):
        named = normalize.products_in(text)
        if named:
            return normalize.family(named[0])
    opening = " ".join(map(markup.text_in, tree.find_all(["title", "h1"])))
    for pattern in watch.products:
        name = re.split(r"[*?\[]", pattern, maxsplit=1)[0].strip()
        if name and name.lower() in opening.lower():
            return name
    return "Exchange Server"


def _entry(row: _Row, url: str, subject: str) -> Entry:
    issue, update = row.text("issue"), row.text("update")
    label = _label(row, subject)
    named = normalize.products_in(f"{update}\n{issue}")
    products = tuple(name for name in named if normalize.family(name) == subject)
    # The workaround may name the update that brings the fix, which is not to blame
    about = row.html("update", "issue", "cause")
    addresses = " ".join(markup.links(about, url))
    articles = normalize.kbs_in(markup.plain(about)) + normalize.kbs_in(addresses)
    html = row.html(*row.cells)
    marked = markup.marked(html, url)
    return Entry(
        key=_key(label, issue),
        title=shortened(issue.splitlines()[0]),
        url=url,
        updated=row.updated,
        cves=normalize.cves_in(f"{update}\n{issue}"),
        kbs=unique(articles),
        products=products or (subject,),
        label=label,
        passages=(
            *passages("issue", issue),
            *passages("cause", row.text("cause")),
            *passages("workaround", row.text("workaround")),
        ),
        links=markup.links(html, url),
        anchors=marked.anchors,
        codes=marked.codes,
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
