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
from watcher.records import Entry, Label, Page, Passage, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import snapshot, unique, unlike

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
        text = normalize.fold(node.get_text(" "))
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
    issues = _distinct([_entry(row, page.url, subject) for row in rows])
    watched = [entry for issue in issues if (entry := _watched(issue, watch)).products]
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
            yield from _piped_rows(piped, above)
        else:
            above.read(node)


def _table_rows(table: Tag, above: _Above) -> Iterator[_Row]:
    lines = [[cell.decode_contents() for cell in line] for line in markup.cells(table)]
    return _rows_of(lines, above)


def _piped_rows(lines: list[str], above: _Above) -> Iterator[_Row]:
    """Read a table in Markdown: a line a row, its cells between pipes."""
    return _rows_of([_cells(line) for line in lines], above)


def _cells(line: str) -> list[str]:
    # The outer pipes are optional
    return line.strip().removeprefix("|").removesuffix("|").split("|")


def _rows_of(lines: list[list[str]], above: _Above) -> Iterator[_Row]:
    """Yield a row for each line below the head, when this is a table of issues."""
    titles = [normalize.fold(markup.plain(cell)) for cell in lines[0]] if lines else []
    columns = _columns(titles)
    # Any other table has no row with an issue
    if not columns:
        return
    text = above.text
    for line in lines[1:]:
        cells = {
            kind: line[number] for number, kind in columns.items() if number < len(line)
        }
        date = normalize.date(markup.plain(cells.get("date", "")))
        yield _Row(cells, date or above.updated, text)


def _piped(lines: list[str]) -> list[str]:
    """Return the table that was left as Markdown among lines.

    From its head on, without the rule below it.
    """
    for number, (head, rule) in enumerate(pairwise(lines)):
        if "|" in head and "--" in rule and _RULE.issuperset(rule):
            return [head, *lines[number + 2 :]]
    return []


def _columns(titles: list[str]) -> dict[int, str]:
    """Return the columns' kinds by number; none when this is no table of issues."""
    columns: dict[int, str] = {}
    for number, title in enumerate(titles):
        for kind, pattern in _COLUMNS:
            if pattern.search(title):
                columns[number] = kind
                break
    is_of_issues = {"issue", "workaround"} <= set(columns.values())
    return columns if is_of_issues else {}


def _subject(tree: BeautifulSoup, watch: Watch) -> str:
    """Return what the page is about.

    The first product that its title, headings or first paragraph name; of another vendor
    the one that a watched pattern names.
    """
    for node in tree.find_all(["title", "h1", "p"]):
        named = normalize.products_in(normalize.fold(node.get_text(" ")))
        if named:
            return normalize.family(named[0])
    opening = " ".join(
        normalize.fold(node.get_text(" ")) for node in tree.find_all(["title", "h1"])
    )
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
    texts = {name: row.text(name) for name in ("issue", "cause", "workaround")}
    html = row.html(*row.cells)
    marked = markup.marked(html, url)
    return Entry(
        key=_key(label, issue),
        title=_title(issue),
        url=url,
        updated=row.updated,
        cves=normalize.cves_in(f"{update}\n{issue}"),
        kbs=unique(articles),
        products=products or (subject,),
        label=label,
        passages=tuple(Passage(name, text) for name, text in texts.items() if text),
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


def _title(issue: str) -> str:
    line = issue.splitlines()[0]
    if len(line) <= _TITLE_LETTERS:
        return line
    return line[: line.rfind(" ", 0, _TITLE_LETTERS)] + " ..."


def _distinct(issues: list[Entry]) -> list[Entry]:
    """Drop repetitions; number issues of one key from the page's end, where the oldest stand."""
    contents: set[Entry] = set()
    count: dict[str, int] = {}
    distinct: list[Entry] = []
    for entry in reversed(issues):
        content = replace(entry, key="")
        if content in contents:
            continue
        contents.add(content)
        number = count[entry.key] = count.get(entry.key, 0) + 1
        key = entry.key if number == 1 else f"{entry.key} #{number}"
        distinct.append(replace(entry, key=key))
    return distinct


def _watched(entry: Entry, watch: Watch) -> Entry:
    products = [name for name in entry.products if normalize.concerns(watch, name)]
    return replace(entry, products=tuple(products))
