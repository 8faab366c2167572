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

from bs4 import Tag

from watcher.judgement import normalize
from watcher.records import Entry, Label, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import numbered, passages, shortened, snapshot, unlike

_PRODUCT = "Edge"
_NEEDED = {"version", "symptom", "workaround"}
_SINCE = re.compile(
    r"\b(?:starting|beginning) (?:with|in) .{0,60}?\bversion (\d{2,3}(?:\.\d+){3})",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z][\w./:-]*\w")
# The longest words of a symptom name what fails, the short ones are its grammar
_WORDS = 4


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the issues of all tables, keyed by their version and what fails.

    ``label`` names the build that an issue began with, else its version.

    Raises:
        ParseError: the page has no table of Edge's issues.

    """
    entries: list[Entry] = []
    for table in markup.tables(markup.soup(page)):
        for row in markup.rows(table, _NEEDED):
            entry = _entry(row, page.url)
            entries += [entry] if entry.title else []
    if not entries:
        raise unlike(page, "a page with the table of Microsoft Edge's known issues")
    # From the end, where the oldest stand: a new row renames none of them
    numbered_entries = numbered(reversed(entries))
    is_watched = normalize.concerns(watch, _PRODUCT)
    return snapshot(
        page,
        total=len(entries),
        entries=sorted(numbered_entries, key=lambda entry: entry.key)
        if is_watched
        else (),
    )


def _entry(row: dict[str, Tag], url: str) -> Entry:
    """Read a row; without a symptom it has no title."""
    symptom_html = _html(row, "symptom")
    remedy_html = f"{_html(row, 'workaround')}<br>{_html(row, 'comment')}"
    symptom = markup.plain(symptom_html)
    version = normalize.fold(markup.plain(_html(row, "version")))
    since = _SINCE.search(symptom)
    build = since[1] if since else version
    title = normalize.fold(symptom.partition("\n")[0])
    marked = markup.marked(f"{symptom_html}<br>{remedy_html}", url)
    return Entry(
        key=f"{version} {_what_fails(symptom)}".strip() or symptom,
        title=shortened(title),
        url=url,
        products=(_PRODUCT,),
        label=Label(_PRODUCT, f"{_PRODUCT} {build}", "release") if build else None,
        passages=passages("issue", symptom)
        + passages("workaround", markup.plain(remedy_html)),
        links=markup.links(symptom_html + remedy_html, url),
        anchors=marked.anchors,
        codes=marked.codes,
    )


def _what_fails(symptom: str) -> str:
    words = sorted({word.lower() for word in _WORD.findall(normalize.fold(symptom))})
    longest = sorted(words, key=len, reverse=True)[:_WORDS]
    return " ".join(sorted(longest))


def _html(row: dict[str, Tag], column: str) -> str:
    return row[column].decode_contents() if column in row else ""
