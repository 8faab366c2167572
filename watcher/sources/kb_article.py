"""A KB article of support.microsoft.com.

One entry; what it says of known issues and of how to get the update as passages.

The layout has changed often and is not relied on: sections are told by the words of
their headings, tables by those of their columns.  The articles' bodies could not be
recorded (their titles, headings and redirects could).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from msgspec import Struct, field
from msgspec.structs import replace

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Coverage, Entry, Package, Page, Passage, Snapshot, Watch
from watcher.sources import grids, markup
from watcher.sources.concern import concerned
from watcher.sources.json_form import quoted

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
# A table's column counts as a heading below all others
_COLUMN = 7
_BLOCKS = [
    "p",
    "li",
    "td",
    "th",
    "div",
    "section",
    "pre",
    "dt",
    "dd",
    "blockquote",
    "summary",
]
_UNREAD = {
    *_HEADINGS,
    "nav",
    "footer",
    "aside",
    "form",
    "button",
    "noscript",
    "template",
    "s",
    "strike",
    "del",
}
_ASIDE = re.compile(
    r"breadcrumb|feedback|LeftNav|cookie|(?:^|[\s_-])(?:nav|navbar|navigation|footer|contentinfo|banner|related|sidebar|toc|rating|survey|share)(?=$|[\s_-])",
    re.IGNORECASE,
)
# What a heading or a column says its text is; the first that fits
_SUBJECTS = (
    (
        "",
        re.compile(
            r"feedback|helpful\?|need more help|more options|references|see also|third-party|in this article|^applies to|^table of",
            re.IGNORECASE,
        ),
    ),
    (
        "workaround",
        re.compile(
            r"workaround|resolution|mitigation|next steps?|how to (?:fix|work around|resolve)",
            re.IGNORECASE,
        ),
    ),
    ("cause", re.compile(r"\bcauses?\b", re.IGNORECASE)),
    ("issue", re.compile(r"known issue|symptom|issues? in this", re.IGNORECASE)),
    (
        "note",
        re.compile(
            r"how to|get this|install|obtain|download|microsoft update|method \d|notice|important|^notes?\b|availab",
            re.IGNORECASE,
        ),
    ),
)
_NO_ISSUES = re.compile(
    r"\b(?:not|no) (?:\w+ ){0,3}(?:aware of|known) (?:any )?(?:\w+ )?issues?\b|\bno (?:known )?issues\b",
    re.IGNORECASE,
)
_RELEASED = re.compile(
    r"^(?:release date|original publish date|published)\s*:?\s*([\s\S]{6,30})",
    re.IGNORECASE | re.MULTILINE,
)
_APPLIES_TO = re.compile(r"applies-?\s?to(?:section|list|item)?:?", re.IGNORECASE)
_EDITIONS = re.compile(r",? all editions$", re.IGNORECASE)
_LEADS_TO = re.compile(
    r"microsoft\.com/(?:[a-z]{2}-[a-z]{2}/)?downloads?/|catalog\.update\.microsoft\.com/",
    re.IGNORECASE,
)


class Section(Struct):
    """A heading with those above it, and its text in lines."""

    headings: tuple[tuple[int, str], ...]
    lines: list[str] = field(default_factory=list)

    @property
    def heading(self) -> str:
        """The nearest heading, "" when that is the article's title."""
        return next(
            (text for level, text in reversed(self.headings) if 1 < level < _COLUMN), ""
        )

    @property
    def text(self) -> str:
        """The lines, under their heading.

        A table's cell has its column's title instead, which says nothing more.
        """
        heading = (
            ""
            if self.headings[-1:] and self.headings[-1][0] == _COLUMN
            else self.heading
        )
        return "\n".join(filter(None, [heading, *map(normalize.fold, self.lines)]))

    @property
    def subject(self) -> str:
        """What the text is, by the nearest heading that says so.

        "content" when none does, "" when it is none of ours.
        """
        kinds = [
            kind
            for level, heading in reversed(self.headings)
            if level > 1 and (kind := _subject(heading)) is not None
        ]
        found = (
            "issue"
            if kinds[:1] == ["note"] and "issue" in kinds
            else next(iter(kinds), "content")
        )
        return "note" if found == "issue" and _NO_ISSUES.search(self.text) else found


def _subject(heading: str) -> str | None:
    return next((kind for kind, pattern in _SUBJECTS if pattern.search(heading)), None)


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read an article; 404 and 410 give an entry with ``available`` False.

    Raises:
        ParseError: the page is no article, or another one than was asked for.

    """
    asked = normalize.kb(page.document) or normalize.kb(page.url)
    if page.status in {404, 410}:
        key = asked or page.document or page.url
        return _snapshot(
            page,
            Entry(
                key=key,
                title=key,
                url=page.url,
                kbs=(asked,) if asked else (),
                available=False,
            ),
        )
    soup = markup.soup(page)
    title = _title(soup)
    kb = _article(page, soup, title, asked)
    links = tuple(
        dict.fromkeys(url for url in _links(soup, page.url) if _LEADS_TO.search(url))
    )
    sections = _sections(soup)
    names = tuple(
        dict.fromkeys((*normalize.products_in(title), *_applies_to(soup, sections)))
    )
    exact = [
        name
        for name in names
        if not any(other.startswith(f"{name} ") for other in names)
    ]
    wanted = tuple(name for name in exact if concerned(watch, (name,)))
    if names and not wanted:
        return _snapshot(page)
    passages = tuple(
        dict.fromkeys(
            Passage(section.subject, section.text)
            for section in sections
            if section.lines and section.subject
        )
    )
    tables = grids.read("\n".join(map(str, markup.tables(soup))))
    return _snapshot(
        page, replace(_entry(page, kb, title, wanted, passages, links), tables=tables)
    )


def _entry(
    page: Page,
    kb: str,
    title: str,
    products: tuple[str, ...],
    passages: tuple[Passage, ...],
    links: tuple[str, ...],
) -> Entry:
    text = "\n".join(passage.text for passage in passages)
    released = _RELEASED.search(text)
    builds = normalize.builds_in(title)
    known = len(builds) == 1 and len(products) == 1
    return Entry(
        key=kb,
        title=title,
        url=page.url,
        published=normalize.date(title)
        or (normalize.date(released[1]) if released else None),
        kbs=(kb,),
        products=products,
        packages=(Package(products[0], kb, builds[0]),) if known else (),
        label=normalize.label(title),
        passages=passages,
        available=True,
        links=links,
    )


def _snapshot(page: Page, *entries: Entry) -> Snapshot:
    return Snapshot(
        page.source,
        page.document,
        page.url,
        page.time,
        page.sha256,
        Coverage.COMPLETE,
        total=1,
        entries=entries,
    )


def _title(soup: BeautifulSoup) -> str:
    heading = soup.find("h1")
    return normalize.fold(heading.get_text(" ")) if isinstance(heading, Tag) else ""


def _article(page: Page, soup: BeautifulSoup, title: str, asked: str) -> str:
    """Return the article's number.

    The site answers for some articles with another page, which says nothing of them.
    """
    if not title:
        raise markup.unlike(
            page, "an article of support.microsoft.com", why="it has no heading"
        )
    canonical_link = soup.find("link", rel="canonical", href=True)
    address = str(canonical_link["href"]) if isinstance(canonical_link, Tag) else ""
    # The title of an article may name others; its own address names it alone
    number = normalize.kb(address)
    named = (number,) if number else normalize.kbs_in(title)
    if asked in named:
        return asked
    if named and not asked:
        return named[0]
    if asked and not named and asked in normalize.kbs_in(soup.get_text(" ")):
        return asked
    raise ParseError(
        f"this is another page than the article {asked or 'asked for'}: {quoted(title)}"
    )


def _links(soup: BeautifulSoup, base: str) -> Iterator[str]:
    for anchor in soup.find_all("a", href=True):
        yield markup.absolute(str(anchor["href"]), base)


def _applies_to(soup: BeautifulSoup, sections: list[Section]) -> tuple[str, ...]:
    """Return the products of the article's "Applies to", which is marked by an id or a
    class, or headed so.
    """
    marked = [
        element
        for name in ("class", "id")
        for element in soup.find_all(attrs={name: _APPLIES_TO})
    ]
    texts = [element.get_text("\n") for element in marked]
    texts.extend(
        "\n".join(section.lines)
        for section in sections
        if _APPLIES_TO.fullmatch(section.heading)
    )
    lines = (
        _APPLIES_TO.sub("", normalize.fold(line))
        for text in texts
        for line in text.splitlines()
    )
    names = (normalize.product(_EDITIONS.sub("", line)) for line in lines)
    return tuple(dict.fromkeys(name for name in names if re.search(r"\w", name)))


def _sections(soup: BeautifulSoup) -> list[Section]:
    """Cut the article at its headings and at its tables' cells.

    What stands beside it (navigation, feedback) is left out.
    """
    root = next(
        (
            found
            for found in map(soup.find, ("article", "main", "body"))
            if isinstance(found, Tag)
        ),
        soup,
    )
    headings: tuple[tuple[int, str], ...] = ()
    sections = [Section(headings)]
    # Block and cell of the text before
    place: tuple[Tag | None, Tag | None] = (None, None)
    for node in root.descendants:
        if isinstance(node, Tag) and node.name in _HEADINGS:
            headings = _under(
                headings, int(node.name[1]), normalize.fold(node.get_text(" "))
            )
            sections.append(Section(headings))
        elif isinstance(node, Tag) and node.name == "br":
            # What comes is another line
            place = None, place[1]
        elif (
            type(node) is NavigableString and node.strip() and not _is_aside(node, root)
        ):
            cell, column = _column(node)
            if cell and normalize.fold(cell.get_text(" ")) == column:
                # The column's title itself
                continue
            if cell is not place[1]:
                sections.append(
                    Section(_under(headings, _COLUMN, column) if column else headings)
                )
            block = node.find_parent(_BLOCKS)
            _append(sections[-1].lines, str(node), joined=block is place[0])
            place = block, cell
    return sections


def _append(lines: list[str], text: str, *, joined: bool) -> None:
    if joined and lines:
        lines[-1] += text
    else:
        lines.append(text)


def _under(
    headings: tuple[tuple[int, str], ...], level: int, text: str
) -> tuple[tuple[int, str], ...]:
    return (*(heading for heading in headings if heading[0] < level), (level, text))


def _column(node: NavigableString) -> tuple[Tag | None, str]:
    """Return the table cell that a text stands in and its column's title, where that says
    what the text is.
    """
    cell = node.find_parent(["td", "th"])
    row = cell.parent if cell else None
    table = cell.find_parent("table") if cell else None
    if not (isinstance(cell, Tag) and isinstance(row, Tag) and isinstance(table, Tag)):
        return None, ""
    first = table.find("tr")
    titles = first.find_all(["td", "th"]) if isinstance(first, Tag) else []
    number = next(
        place for place, other in enumerate(row.find_all(["td", "th"])) if other is cell
    )
    title = normalize.fold(titles[number].get_text(" ")) if number < len(titles) else ""
    return (cell, title) if _subject(title) is not None else (None, "")


def _is_aside(node: NavigableString, root: Tag) -> bool:
    return any(
        map(_stands_aside, takewhile(lambda parent: parent is not root, node.parents))
    )


def _stands_aside(element: Tag) -> bool:
    marks = [
        *(element.get_attribute_list("class") or ()),
        element.get("id"),
        element.get("role"),
    ]
    text = " ".join(str(mark) for mark in marks if mark)
    return element.name in _UNREAD or any(
        pattern.search(text) for pattern in (_ASIDE, _APPLIES_TO)
    )
