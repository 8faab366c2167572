"""Kind ``release-health``: Windows' known issues, resolved issues and message center.

A status page has a table of issues (summary, originating update, status, last updated)
and below it their details; a page of resolved issues has the same.  Two layouts of the
details were seen: until the middle of 2020 one table a month, its rows of four cells;
since then one table an issue, one of its rows without its opening tag.  Their heads are
``td`` as often as ``th``.

An issue's number (``<div id='406msg'>``) outlives every edit, and is the same on the
pages of all releases.  That an update was pulled stands in the sentences of the details
alone: the status of KB4524244's issue stayed "Mitigated" for months.

The message center is the first document: it is one for all releases, and which of the
others are asked follows from what is watched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag
from msgspec import Struct
from msgspec.structs import replace

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import (
    Coverage,
    Entry,
    Follow,
    Package,
    Page,
    Passage,
    Snapshot,
    Watch,
)
from watcher.sources import markup, windows
from watcher.sources.answer import (
    first,
    numbered,
    passages,
    quoted,
    snapshot,
    unlike,
)

# As they were live on 2026-09-26.  Their spelling is not regular: "26H1" is written in
# capitals once, and Windows Server 2016 shares one of its two pages only.
_PAGES = (
    "status-windows-11-26h1",
    "status-windows-11-25h2",
    "status-windows-11-24h2",
    "status-windows-11-23h2",
    "status-windows-10-22h2",
    "status-windows-server-2025",
    "status-windows-server-2022",
    "status-windows-10-1809-and-windows-server-2019",
    "status-windows-10-1607-and-windows-server-2016",
    "resolved-issues-windows-11-26H1",
    "resolved-issues-windows-11-25h2",
    "resolved-issues-windows-11-24h2",
    "resolved-issues-windows-11-23h2",
    "resolved-issues-windows-10-22h2",
    "resolved-issues-windows-server-2025",
    "resolved-issues-windows-server-2022",
    "resolved-issues-windows-10-1809-and-windows-server-2019",
    "resolved-issues-windows-10-1607",
)
# A page of a release that is younger than this list
_PAGE = re.compile(r"/release-health/((?:status|resolved-issues)-windows-[\w-]+)$")
_NUMBER = re.compile(r"(\d+)msg(?:desc)?$")
_DETAILS = re.compile(r"^\d+msgdesc$")
_NONE = re.compile(
    r"\bno (?:known|current|active|resolved|open) issues\b", re.IGNORECASE
)
_OUT_OF_BAND = re.compile(r"\bout[- ]of[- ]band\b", re.IGNORECASE)
_ALL = re.compile(
    r"\ball (?:supported |affected )?versions of windows\b", re.IGNORECASE
)
_OPENED = re.compile(r"opened:?(.*)", re.IGNORECASE | re.DOTALL)


class _Details(Struct, frozen=True):
    """What the details say of one issue, cell by cell."""

    text: str = ""
    html: str = ""
    opened: datetime | None = None


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return a page's watched issues, or the message center's messages, by their numbers.

    An issue's ``kbs`` are its originating update's.  The message center leads to the
    pages of the watched releases.

    Raises:
        ParseError: the page has no table of issues and none of messages.

    """
    tree = markup.soup(page)
    for table in tree.find_all("table"):
        head = markup.titles(table)
        if head[:2] == ["message", "date"]:
            return _message_center(page, tree, table, watch)
        if head[:3] == ["summary", "originating update", "status"]:
            return _status_page(page, tree, table, watch)
    # "There are no known issues at this time" is an answer, a page of an outage is none
    if windows.names_in(_title(tree)) and _NONE.search(tree.get_text(" ")):
        return snapshot(page, total=0)
    raise unlike(page, "a page of Windows' release health")


# -- known and resolved issues


def _status_page(page: Page, tree: BeautifulSoup, table: Tag, watch: Watch) -> Snapshot:
    releases = windows.names_in(_title(tree))
    if not releases:
        raise ParseError(
            f"the page's title names no release of Windows: {quoted(_title(tree))}"
        )
    details = _details(tree)
    issues: dict[str, Entry] = {}
    for row in markup.cells(table)[1:]:
        number = _number(row)
        if number and len(row) >= 4:
            said = details.get(number, _Details())
            issues[number] = _issue(page, number, row, said, releases)
    watched = []
    for number in sorted(issues):
        products = windows.watched(issues[number].products, watch)
        watched += [replace(issues[number], products=products)] if products else []
    return snapshot(page, total=len(issues), entries=watched)


def _title(tree: BeautifulSoup) -> str:
    return " ".join(map(markup.text_in, tree.find_all(["title", "h1"], limit=2)))


def _number(row: Iterable[Tag]) -> str:
    """Return an issue's number: it is the id of an element, and in a link to its details."""
    for cell in row:
        for node in cell.find_all(["div", "a"]):
            found = _NUMBER.search(str(node.get("id") or node.get("href") or ""))
            if found:
                return found[1]
    return ""


def _details(tree: BeautifulSoup) -> dict[str, _Details]:
    """Return the details of a page's issues by their numbers, of either layout."""
    found = {}
    for mark in tree.find_all(id=_DETAILS):
        cell, table = mark.find_parent("td"), mark.find_parent("table")
        if not isinstance(cell, Tag) or not isinstance(table, Tag):
            continue
        number = str(mark["id"]).removesuffix("msgdesc")
        row = cell.find_parent("tr")
        cells = row.find_all("td", recursive=False) if isinstance(row, Tag) else []
        history, text = cells[3:4], cell
        if not history:
            # One table an issue: title, heads, their values, then the text
            cells = table.find_all(["td", "th"])
            history, text = cells[4:-1], cells[-1]
        found[number] = _Details(
            markup.plain(str(text)), text.decode_contents(), _opened(history)
        )
    return found


def _opened(history: Iterable[Tag]) -> datetime | None:
    """Return the day on which an issue was opened, by the first cell that has the word.

    The hours beside it are of no use: "PT" without its offset, and in 2020 in twelve
    hours without AM or PM.
    """
    texts = map(markup.text_in, history)
    found = next(filter(None, map(_OPENED.search, texts)), None)
    return normalize.date(found[1]) if found else None


def _issue(
    page: Page,
    number: str,
    row: list[Tag],
    details: _Details,
    releases: tuple[str, ...],
) -> Entry:
    summary, origin, status, updated = row[:4]
    name = _title_in(summary)
    said, platforms, remedy = windows.parted(details.text or markup.plain(str(summary)))
    # Above the text stands the title once more
    headings = {name, "See details >"}
    said = [line for line in said if normalize.fold(line) not in headings]
    affected = windows.names_in("; ".join(platforms))
    # One page is for a client's and a server's release: an issue may be of one of them
    products = [release for release in releases if release in affected]
    marked = markup.marked(details.html, page.url)
    return Entry(
        key=number,
        title=name,
        url=f"{page.url}#{number}msgdesc",
        published=details.opened,
        updated=normalize.date(markup.text_in(updated)),
        kbs=normalize.kbs_in(markup.plain(str(origin))),
        products=tuple(products or releases),
        passages=(
            *passages("issue", "\n".join(said)),
            *passages("workaround", "\n".join(remedy)),
            _status(status),
        ),
        links=_links(details.html, page.url),
        anchors=marked.anchors,
        codes=marked.codes,
    )


def _title_in(cell: Tag) -> str:
    """Return what is bold in a cell, else all of it."""
    return markup.text_in(cell.find("b")) or markup.text_in(cell)


def _status(cell: Tag) -> Passage:
    """Return the passage of an issue's state; the resolving update stands behind it."""
    state = first(markup.plain(str(cell)).splitlines())
    state = re.sub(r"\s*KB ?\d+.*", "", state)
    return windows.status(state, normalize.kbs_in(markup.text_in(cell)))


# -- the message center


def _message_center(
    page: Page, tree: BeautifulSoup, table: Tag, watch: Watch
) -> Snapshot:
    listed = [
        _message(page, row[0], markup.text_in(row[1]), watch)
        for row in markup.cells(table)[1:]
        if len(row) >= 2 and row[0].get("id")
    ]
    if not listed:
        raise unlike(page, "a message center with messages")
    # Each once, numbered from the last one up: a new one above renames none of them
    messages = list(numbered(dict.fromkeys(reversed(listed))))
    dates = list(filter(None, (message.published for message in messages)))
    return snapshot(
        page,
        total=len(messages),
        coverage=Coverage.WINDOW,
        entries=[message for message in reversed(messages) if message.products],
        oldest=min(dates, default=None),
        newest=max(dates, default=None),
        follow=_follow(page, tree, watch),
    )


def _message(page: Page, cell: Tag, date: str, watch: Watch) -> Entry:
    """Read a message; one that names no release is about all that are watched."""
    title = _title_in(cell)
    text = markup.plain(str(cell))
    named = windows.names_in(text)
    if not named or _ALL.search(text):
        named = ("Windows",)
    lines = [line for line in text.splitlines() if line != title]
    marked = markup.marked(cell.decode_contents(), page.url)
    return Entry(
        key=str(cell["id"]),
        title=title,
        url=f"{page.url}#{cell['id']}",
        # Edited in place, a message keeps its date: "Updated November 19, 2020"
        published=normalize.date(date),
        kbs=normalize.kbs_in(text),
        products=windows.watched(named, watch),
        packages=tuple(_packages(cell, watch) or _alone(title, text, watch)),
        passages=passages("content", "\n".join(lines)),
        links=_links(cell.decode_contents(), page.url),
        anchors=marked.anchors,
        codes=marked.codes,
    )


def _packages(cell: Tag, watch: Watch) -> list[Package]:
    """Return what the list of an out-of-band update offers: a line a release.

    November 2020's for Kerberos was filled up day by day, six articles in all.
    """
    packages = []
    for item in cell.find_all("li"):
        packages += _of_one_article(markup.text_in(item), watch)
    return packages


def _alone(title: str, text: str, watch: Watch) -> list[Package]:
    """Return what a message offers whose title is of an out-of-band update of one article.

    March 2020: KB4551762, needed beside that month's update, for four releases.
    """
    return _of_one_article(text, watch) if _OUT_OF_BAND.search(title) else []


def _of_one_article(text: str, watch: Watch) -> list[Package]:
    kbs = normalize.kbs_in(text)
    if len(kbs) != 1:
        return []
    names = windows.watched(windows.names_in(text), watch)
    return [Package(name, kbs[0], type="OOB") for name in names]


def _follow(page: Page, tree: BeautifulSoup, watch: Watch) -> tuple[Follow, ...]:
    """Return the pages of the watched releases; none where one page alone is a source."""
    if page.document:
        return ()
    names = dict.fromkeys(_PAGES)
    for anchor in tree.find_all("a", href=True):
        found = _PAGE.search(str(anchor["href"]).partition("#")[0])
        if found:
            names.setdefault(found[1])
    rows: dict[str, Follow] = {}
    for name in names:
        if windows.watched(windows.names_in(name), watch):
            rows.setdefault(name.lower(), Follow(name, urljoin(page.url, name)))
    return tuple(rows.values())


def _links(html: str, url: str) -> tuple[str, ...]:
    """Return what a text links to, without "Back to top"."""
    found = markup.links(html, url)
    return tuple(link for link in found if not link.startswith(f"{url}#"))
