"""A KB article of support.microsoft.com.

One entry; what it says of known issues and of how to get the update as passages.

The layout has changed often and is not relied on: sections are told by the words of
their headings, tables by those of their columns.  The articles' bodies could not be
recorded (their titles, headings and redirects could).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from msgspec import Struct, field
from msgspec.structs import replace

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Entry, Label, Package, Page, Passage, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import (
    first,
    first_fitting,
    quoted,
    snapshot,
    unique,
    unlike,
    watched_products,
)

_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
# A table's column counts as a heading below all others
_COLUMN = 7
_BLOCK_NAMES = "p li td th div section pre dt dd blockquote summary"
_BLOCKS = _BLOCK_NAMES.split()
_CELLS = ["td", "th"]
_UNREAD_NAMES = "nav footer aside form button noscript template s strike del"
_UNREAD = {*_HEADINGS, *_UNREAD_NAMES.split()}
# Classes, ids and roles of what stands beside an article
_ASIDE = re.compile(
    r"breadcrumb|feedback|LeftNav|cookie"
    r"|(?:^|[\s_-])(?:nav|navbar|navigation|footer|contentinfo|banner|related|sidebar"
    r"|toc|rating|survey|share)(?=$|[\s_-])",
    re.IGNORECASE,
)
# What a heading or a column says its text is; the first that fits
_SUBJECTS = (
    (
        "",
        re.compile(
            r"feedback|helpful\?|need more help|more options|references|see also"
            r"|third-party|in this article|^applies to|^table of",
            re.IGNORECASE,
        ),
    ),
    (
        "workaround",
        re.compile(
            r"workaround|resolution|mitigation|next steps?"
            r"|how to (?:fix|work around|resolve)",
            re.IGNORECASE,
        ),
    ),
    ("cause", re.compile(r"\bcauses?\b", re.IGNORECASE)),
    ("issue", re.compile(r"known issue|symptom|issues? in this", re.IGNORECASE)),
    (
        "note",
        re.compile(
            r"how to|get this|install|obtain|download|microsoft update|method \d|notice"
            r"|important|^notes?\b|availab",
            re.IGNORECASE,
        ),
    ),
)
# "Microsoft is not currently aware of any issues with this update"; and "This issue is
# resolved in the currently available version of this cumulative update": what the
# version before had is told of its return, in sentences of its own
_NO_ISSUE_OF_THIS_ONE = re.compile(
    r"\b(?:not|no) (?:\w+ ){0,3}(?:aware of|known) (?:any )?(?:\w+ )?issues?\b"
    r"|\bno (?:known )?issues\b"
    r"|\bissue (?:is|was|has been) (?:resolved|fixed|addressed) in (?:the|this) "
    r"(?:\w+ ){0,3}(?:version|release|package|update)\b",
    re.IGNORECASE,
)
_RELEASED = re.compile(
    r"^(?:release date|original publish date|published)\s*:?\s*([\s\S]{6,30})",
    re.IGNORECASE | re.MULTILINE,
)
_APPLIES_TO = re.compile(r"applies-?\s?to(?:section|list|item)?:?", re.IGNORECASE)
_EDITIONS = re.compile(r",? all editions$", re.IGNORECASE)
_LEADS_TO = re.compile(
    r"microsoft\.com/(?:[a-z]{2}-[a-z]{2}/)?downloads?/"
    r"|catalog\.update\.microsoft\.com/",
    re.IGNORECASE,
)


class Heading(Struct, frozen=True):
    """A heading with its level; the title of a table's column is one, too."""

    level: int
    text: str

    @property
    def is_column(self) -> bool:
        """Whether it is the title of a table's column."""
        return self.level == _COLUMN


class Section(Struct):
    """A heading with those above it, and its text in lines."""

    headings: tuple[Heading, ...] = ()
    # The pieces of each line
    blocks: list[list[str]] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The text, a line a block.

        A block is what a paragraph, an item or a cell holds.
        """
        return list(map("".join, self.blocks))

    @property
    def heading(self) -> str:
        """The nearest heading, "" when that is the article's title."""
        return first(
            heading.text for heading in self.below_title if not heading.is_column
        )

    @property
    def below_title(self) -> list[Heading]:
        """The headings below the article's title, the nearest first."""
        return [each for each in reversed(self.headings) if each.level > 1]

    @property
    def text(self) -> str:
        """The lines, under their heading.

        A table's cell has its column's title instead, which says nothing more.
        """
        is_cell = any(heading.is_column for heading in self.headings[-1:])
        heading = "" if is_cell else self.heading
        return "\n".join(filter(None, [heading, *map(normalize.fold, self.lines)]))

    @property
    def subject(self) -> str:
        """What the text is, by the nearest heading that says so.

        "content" when none does, "" when it is none of ours.
        """
        found = (first_fitting(each.text, _SUBJECTS) for each in self.below_title)
        subjects = [subject for subject in found if subject is not None]
        nearest = first([*subjects, "content"])
        # "How to get this update" under "Known issues in this update" is about the issue
        if nearest == "note" and "issue" in subjects:
            nearest = "issue"
        if nearest == "issue" and _NO_ISSUE_OF_THIS_ONE.search(self.text):
            return "note"
        return nearest

    def under(self, level: int, text: str) -> Section:
        """Return a new section below this one's headings of lower levels.

        A heading ends the sections of its own level, and of those below it.
        """
        above = (heading for heading in self.headings if heading.level < level)
        return Section((*above, Heading(level, text)))


# "KB5074901 - Cumulative Update 1 for SQL Server 2025"
_CUMULATIVE = re.compile(
    r"KB\d{6,7} - Cumulative Update (?P<number>\d+) for (?P<product>SQL Server 20\d\d)"
)
_VERSION = re.compile(r"^\W*Version:\W*(\d+(?:\.\d+){3})\b", re.MULTILINE)


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read an article; 404 and 410 give an entry with ``available`` False.

    Raises:
        ParseError: the page is no article, or another one than was asked for.

    """
    asked = normalize.kb(page.document) or normalize.kb(page.url)
    if page.status in {404, 410}:
        return snapshot(page, total=1, entries=(_gone(page, asked),))
    soup = markup.soup(page)
    title = _title(soup)
    kb = _article(page, soup, title, asked)
    sections = _Reader(soup).sections
    names = unique([*normalize.products_in(title), *_applies_to(soup, sections)])
    watched = watched_products(_exact(names), watch)
    # It is about products that nobody watches
    if names and not watched:
        return snapshot(page, total=1)
    entry = _entry(page, kb, title, watched, sections)
    cumulative = _CUMULATIVE.match(title)
    if cumulative:
        entry = _as_cumulative(entry, cumulative, asked or normalize.link(page.url))
    marked = markup.marked(str(soup), page.url)
    entry = replace(
        entry,
        anchors=marked.anchors,
        codes=marked.codes,
        links=unique(filter(_LEADS_TO.search, _links(soup, page.url))),
        tables=markup.readable_tables("\n".join(map(str, markup.tables(soup)))),
    )
    return snapshot(page, total=1, entries=(entry,))


def _gone(page: Page, asked: str) -> Entry:
    key = asked or page.document or page.url
    return Entry(
        key=key,
        title=key,
        url=page.url,
        kbs=unique([asked]),
        available=False,
    )


def _exact(names: tuple[str, ...]) -> list[str]:
    """Leave out a name that another one completes ("Windows 10" beside "Windows 10 Version
    1809").
    """
    # What completes a name follows it in their order
    vague = {
        name
        for name, next_name in pairwise(sorted(names))
        if next_name.startswith(f"{name} ")
    }
    return [name for name in names if name not in vague]


def _entry(
    page: Page, kb: str, title: str, products: tuple[str, ...], sections: list[Section]
) -> Entry:
    passages = unique(
        Passage(section.subject, section.text)
        for section in sections
        if section.lines and section.subject
    )
    date = normalize.date(title)
    released = _RELEASED.search("\n".join(passage.text for passage in passages))
    if date is None and released:
        date = normalize.date(released[1])
    builds = normalize.builds_in(title)
    # Which of several builds is which product's, a title does not say
    is_one_package = len(builds) == 1 and len(products) == 1
    return Entry(
        key=kb,
        title=title,
        url=page.url,
        published=date,
        kbs=(kb,),
        products=products,
        packages=(Package(products[0], kb, builds[0]),) if is_one_package else (),
        label=normalize.label(title),
        passages=passages,
        available=True,
    )


def _as_cumulative(entry: Entry, title: re.Match[str], key: str) -> Entry:
    """Read the article of a cumulative update of SQL Server, whose address outlives it.

    January 2026: at the address of 2025's CU1 stood KB5078298 and another build, where
    KB5074901 had been until it was pulled.  ``key`` is what the page was asked for as.
    """
    product = title["product"]
    text = "\n".join(passage.text for passage in entry.passages)
    version = _VERSION.search(text)
    kb = normalize.kb(title[0])
    package = Package(product, kb, version[1] if version else "")
    return replace(
        entry,
        key=key,
        kbs=unique([kb, *entry.kbs]),
        # "SQL Server 2025 on Linux" is no product of its own here
        products=(product,),
        packages=(package,),
        label=Label("SQL Server", f"{product} CU{title['number']}", "CU"),
    )


def _title(soup: BeautifulSoup) -> str:
    return markup.text_in(soup.find("h1"))


def _article(page: Page, soup: BeautifulSoup, title: str, asked: str) -> str:
    """Return the article's number.

    The site answers for some articles with another page, which says nothing of them.
    """
    if not title:
        wanted = "an article of support.microsoft.com"
        raise unlike(page, wanted, why="it has no heading")
    canonical = markup.find(soup, "link", rel="canonical", href=True)
    number = normalize.kb(str(canonical["href"])) if canonical else ""
    # The title of an article may name others; its own address names it alone
    named = unique([number]) or normalize.kbs_in(title)
    if named and not asked:
        return named[0]
    # A title without a number: then the text must name it.  An article of SQL Server
    # names the one that it replaces at the same address
    may_be_in_text = not named or _CUMULATIVE.match(title)
    named_in_text = normalize.kbs_in(soup.get_text(" ")) if may_be_in_text else ()
    if asked in named or asked in named_in_text:
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
    marked = soup.find_all(attrs={"class": _APPLIES_TO})
    marked += soup.find_all(attrs={"id": _APPLIES_TO})
    lines: list[str] = []
    for element in marked:
        lines += element.get_text("\n").splitlines()
    for section in sections:
        if _APPLIES_TO.fullmatch(section.heading):
            lines += "\n".join(section.lines).splitlines()
    names = []
    for line in lines:
        name = _EDITIONS.sub("", _APPLIES_TO.sub("", normalize.fold(line)))
        if re.search(r"\w", name):
            names.append(normalize.product(name))
    return unique(names)


class _Around(Struct, frozen=True):
    """What stands around a text.

    ``column``: the title of the table's column, where that says what the text is; only
    then there is a ``cell``.
    """

    block: Tag | None
    cell: Tag | None = None
    column: str = ""
    is_title: bool = False
    is_aside: bool = False


class _Reader:
    """Cuts an article at its headings and at its tables' cells, in one walk.

    What stands beside it (navigation, feedback) is left out.
    """

    def __init__(self, soup: BeautifulSoup) -> None:
        self.sections = [Section()]
        # The newest section that has a heading of its own
        self._headed = self.sections[0]
        # Block and cell of the text before
        self._block: Tag | None = None
        self._cell: Tag | None = None
        # By the identity of a row and of a table, for each of which they are made once
        self._numbers: dict[int, dict[int, int]] = {}
        self._titles: dict[int, list[str]] = {}
        root = soup.find("article") or soup.find("main") or soup.find("body") or soup
        if isinstance(root, Tag):
            self._read(root, _Around(root.find_parent(_BLOCKS)))

    def _read(self, element: Tag, around: _Around) -> None:
        for node in element.children:
            if isinstance(node, Tag):
                self._enter(node, around)
            # A comment is one, too, of a class of its own
            elif type(node) is NavigableString and node.strip():
                self._take(str(node), around)

    def _enter(self, element: Tag, around: _Around) -> None:
        if element.name == "br":
            # What comes is another line
            self._block = None
            return
        if element.name in _HEADINGS:
            text = markup.text_in(element)
            self._headed = self._headed.under(int(element.name[1]), text)
            self.sections.append(self._headed)
        if element.name in _BLOCKS:
            around = replace(around, block=element)
        if element.name in _CELLS:
            around = self._in_cell(element, around)
        if _stands_aside(element):
            around = replace(around, is_aside=True)
        self._read(element, around)

    def _take(self, text: str, around: _Around) -> None:
        """Put a text under its headings, in a line with the text before it in its block."""
        if around.is_aside or around.is_title:
            return
        if around.cell is not self._cell:
            section = Section(self._headed.headings)
            if around.cell:
                section = self._headed.under(_COLUMN, around.column)
            self.sections.append(section)
        blocks = self.sections[-1].blocks
        if around.block is self._block and blocks:
            blocks[-1].append(text)
        else:
            blocks.append([text])
        self._block, self._cell = around.block, around.cell

    def _in_cell(self, cell: Tag, around: _Around) -> _Around:
        column = self._column(cell)
        if first_fitting(column, _SUBJECTS) is None:
            return replace(around, cell=None, column="", is_title=False)
        is_title = markup.text_in(cell) == column
        return replace(around, cell=cell, column=column, is_title=is_title)

    def _column(self, cell: Tag) -> str:
        """Return the title of a cell's column, "" when it has none."""
        row, table = cell.parent, cell.find_parent("table")
        if not isinstance(row, Tag) or not isinstance(table, Tag):
            return ""
        if id(table) not in self._titles:
            head = markup.find(table, "tr")
            cells = head.find_all(_CELLS) if head else []
            self._titles[id(table)] = list(map(markup.text_in, cells))
        if id(row) not in self._numbers:
            cells = row.find_all(_CELLS)
            self._numbers[id(row)] = {id(each): i for i, each in enumerate(cells)}
        number, titles = self._numbers[id(row)][id(cell)], self._titles[id(table)]
        return titles[number] if number < len(titles) else ""


def _stands_aside(element: Tag) -> bool:
    """Say whether an element is no part of the article's text."""
    if element.name in _UNREAD:
        return True
    classes = element.get_attribute_list("class")
    values = [*classes, element.get("id"), element.get("role")]
    text = " ".join(map(str, filter(None, values)))
    return bool(_ASIDE.search(text) or _APPLIES_TO.search(text))
