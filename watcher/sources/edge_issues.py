"""Kind ``edge-issues``: the known issues of Microsoft Edge.

One table, "Version | Symptom | Workaround | Comment", newest version first; another
section has a "Channel" before them.  No row has an id or a date.  A symptom says since
which build ("Starting with Microsoft Edge Stable version 130.0.2849.46"), a workaround
to which one to roll back, and a comment which one brings the fix.

Rows are reworded: "When starting Microsoft Edge" became "When Microsoft Edge starts" in
August 2024, so that a row is known by its version and the longest words of its symptom.
That month a line break within a cell ended the table for some minutes, and five issues
were gone: such a copy is not believed, and what leaves is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import Tag
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.records import Entry, Label, Page, Passage, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import snapshot, unlike

_PRODUCT = "Edge"
_NEEDED = {"version", "symptom", "workaround"}
_SINCE = re.compile(
    r"\b(?:starting|beginning) (?:with|in) .{0,60}?\bversion (\d{2,3}(?:\.\d+){3})",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z][\w./:-]*\w")
# The longest words of a symptom name what fails, the short ones are its grammar
_WORDS = 4
_TITLE_LETTERS = 160


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the issues of all tables, keyed by their version and what fails.

    ``label`` names the build that an issue began with, else its version.

    Raises:
        ParseError: the page has no table of Edge's issues.

    """
    rows = [row for table in markup.tables(markup.soup(page)) for row in _rows(table)]
    if not rows:
        raise unlike(page, "a page with the table of Microsoft Edge's known issues")
    entries: dict[str, Entry] = {}
    # From the end, where the oldest stand: a new row renames none of them
    for row in reversed(rows):
        entry = _entry(row, page.url)
        key, number = entry.key, 2
        while key in entries:
            key, number = f"{entry.key} #{number}", number + 1
        entries[key] = replace(entry, key=key)
    is_watched = normalize.concerns(watch, _PRODUCT)
    return snapshot(
        page,
        total=len(entries),
        entries=[entries[key] for key in sorted(entries)] if is_watched else (),
    )


def _rows(table: Tag) -> Iterator[dict[str, str]]:
    """Yield the rows of a table of issues, as HTML by column."""
    lines = markup.cells(table)
    head = [_text(cell).lower() for cell in lines[0]] if lines else []
    if not set(head) >= _NEEDED:
        return
    for line in lines[1:]:
        cells = [cell.decode_contents() for cell in line]
        row = dict(zip(head, cells, strict=False))
        if markup.plain(row.get("symptom", "")).strip():
            yield row


def _entry(row: dict[str, str], url: str) -> Entry:
    symptom = markup.plain(row["symptom"])
    version = normalize.fold(markup.plain(row.get("version", "")))
    since = _SINCE.search(symptom)
    build = since[1] if since else version
    remedy = f"{row.get('workaround', '')}<br>{row.get('comment', '')}"
    passages = [Passage("issue", symptom)]
    if text := markup.plain(remedy).strip():
        passages.append(Passage("workaround", text))
    title = normalize.fold(symptom.splitlines()[0])
    marked = markup.marked(f"{row['symptom']}<br>{remedy}", url)
    return Entry(
        key=f"{version} {_what_fails(symptom)}".strip() or symptom,
        title=_shortened(title),
        url=url,
        products=(_PRODUCT,),
        label=Label(_PRODUCT, f"{_PRODUCT} {build}", "release") if build else None,
        passages=tuple(passages),
        links=markup.links(row["symptom"] + remedy, url),
        anchors=marked.anchors,
        codes=marked.codes,
    )


def _what_fails(symptom: str) -> str:
    words = sorted({word.lower() for word in _WORD.findall(normalize.fold(symptom))})
    longest = sorted(words, key=len, reverse=True)[:_WORDS]
    return " ".join(sorted(longest))


def _shortened(title: str) -> str:
    if len(title) <= _TITLE_LETTERS:
        return title
    return title[: title.rfind(" ", 0, _TITLE_LETTERS)] + " ..."


def _text(node: Tag) -> str:
    return normalize.fold(node.get_text(" "))
