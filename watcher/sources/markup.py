"""HTML and Markdown as plain text, the links in them, and their tables.

Struck-out text is what the author has taken back: it is left out, with its links.
A table's words stand in the plain text, row by row; ``readable_tables`` gives those
that are for reading, such as a vendor's "If you ..." and "Then ...", cell by cell.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sized
from functools import cache
from html import unescape
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urljoin

from lxml import etree
from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Anchor, Page, Table

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from bs4.element import PageElement
    from markdown_it import MarkdownIt

Value = TypeVar("Value")

_BLOCK_NAMES = """
address article aside blockquote br caption dd div dl dt figcaption figure footer form
h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section
table tbody tfoot thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
# What a browser does not show, and what is struck out
_UNREAD_NAMES = """
script style template noscript head iframe svg s strike del
"""
_UNREAD = frozenset(_UNREAD_NAMES.split())
# Tags of a page or of a post, and levels of its elements: some hundred times, and some
# fifteen times, what the largest real pages have
_MOST_TAGS = 200_000
_DEEPEST = 256
# What a mail on a phone can show of a table
_COLUMNS = range(2, 5)
_ROWS = range(2, 41)
# Characters
_LONGEST_TABLE = 8000
# Of a post: anchors, and lines of code
_MOST_MARKED = 80
# Characters of an anchor, and of the line around it
_ANCHOR_LETTERS = range(2, 201)
_AROUND = 300
_CODE_LETTERS = range(8, 2001)
# What stands around an anchor
_FRAMES = frozenset(
    ("p", "li", "td", "th", "dd", "div", "body", "blockquote", "h2", "h3", "h4")
)
_XSL = "http://www.w3.org/1999/XSL/Transform"
_STRUCK = "contains(translate(@style, 'LINETHROUG', 'linethroug'), 'line-through')"
# For private use: no text has it
_BREAK = "\ue000"
# FAQ notes of MSRC mix Markdown into their HTML
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.{1,300}?)(?<=\S)\1")
_LINK = re.compile(r"\[([^\[\]]*)\]\((https?://[^\s()]+)\)")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHARSET = re.compile(r"charset=[\"']?([\w-]+)", re.IGNORECASE)
# Python knows them as encodings; no page is in them, and to read one costs the square of
# its length
_NO_CHARSETS = {"punycode", "idna"}
_XML = re.compile(r"<\?xml[^>]*>?", re.IGNORECASE)
# Lone surrogates
_UNREADABLE = re.compile(
    r"&#0*(?:x0*d[89a-f][0-9a-f]{2}|5(?:529[6-9]|5[3-9]\d\d|[67]\d{3}));?",
    re.IGNORECASE,
)
_CONTROLS = bytes((*range(9), 11, 12, *range(14, 32), 127))
_ABSOLUTE = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?/[A-Za-z0-9/._~%-]*")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(html: str) -> str:
    """Return HTML (or text) as plain text.

    Paragraphs, list items and lines are separated by newlines.
    """
    return _read(html)[0]


def links(html: str, base: str = "") -> tuple[str, ...]:
    """Return the http addresses that HTML links to, absolute, each once, in its order.

    ``base`` is the address of the page, for relative ones.
    """
    return joined(_read(html)[1], base)


def plain_and_links(html: str) -> tuple[str, list[str]]:
    """Return both at once: the plain text, and the addresses as they are written."""
    return _read(html)


def joined(hrefs: Iterable[str], base: str = "") -> tuple[str, ...]:
    """Return the http addresses among ``hrefs``, absolute, each once, in their order.

    ``mailto:``, ``javascript:`` and what cannot be read at all are left out.
    """
    found = (absolute(href, base) for href in hrefs)
    return tuple(dict.fromkeys(filter(None, found)))


def from_markdown(text: str) -> str:
    """Return Markdown as HTML; HTML in it is kept.

    MSRC's Update Guide writes its descriptions so.
    """
    return str(_markdown().render(text))


@cache
def _markdown() -> MarkdownIt:
    # Most pages hold none
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def absolute(href: str, base: str = "") -> str:
    """Return an absolute http address, "" for anything else.

    What cannot be printed is taken out before: it would hide where the link leads.
    """
    # Most are: nothing to join
    if _ABSOLUTE.fullmatch(href):
        return href
    try:
        url = urljoin(base, UNPRINTABLE.sub("", href).strip().strip("()"))
    except ValueError:
        # Such as "http://["
        return ""
    return url if url.lower().startswith(("http://", "https://")) else ""


def soup(page: Page) -> BeautifulSoup:
    """Return an HTML page as a tree.

    A byte order mark decides the encoding, then the header, then the page.

    Raises:
        ParseError: it has more elements, or deeper ones, than any page has.

    """
    # A feed has no use for it
    from bs4 import BeautifulSoup

    marked_text = unmarked(page.body)
    text = _decoded(page) if marked_text is None else marked_text
    # bs4 warns of text without markup and of XML: neither is a page
    if "<" not in text:
        return BeautifulSoup("", "lxml")
    _refuse_huge(text)
    # Read by lxml first: bs4 takes seconds for a few thousand elements in each other
    tree(text)
    return BeautifulSoup(_XML.sub("", clean(text)), "lxml")


def _refuse_huge(text: str) -> None:
    """Raise ParseError for more elements than any page has.

    60 MiB of "<p>a" took 7 GB to read; the largest page seen has 1,700 elements.
    """
    if text.count("<") > _MOST_TAGS:
        raise ParseError(f"the page has more than {_MOST_TAGS} tags: it is not read")


def _refuse_deep(root: etree._Element) -> None:
    """Raise ParseError for elements that stand deeper in each other than any page's.

    20 kB of nested "<div>" took 13 s to read; the deepest page seen has 17 levels.
    """
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > _DEEPEST:
            raise ParseError(
                f"elements stand more than {_DEEPEST} deep in each other: the page is "
                "not read"
            )


def tables(tree: BeautifulSoup) -> list[Tag]:
    """Return a page's tables; those that hold others lay out the page and are left out."""
    found = tree.find_all("table")
    # By identity: bs4 compares tags by their content
    around = {id(table.find_parent("table")) for table in found}
    return [table for table in found if id(table) not in around]


def cells(table: Tag) -> list[list[Tag]]:
    """Return a table's cells, row by row.

    Without those of a table that stands in a cell.
    """
    return [row.find_all(["td", "th"], recursive=False) for row in table.find_all("tr")]


def find(node: Tag, name: str, **attributes: object) -> Tag | None:
    """Return the first tag of a name in another, None when there is none.

    With attributes, one that has them: a value, a pattern, or True for any value.
    """
    return cast("Tag | None", node.find(name, attrs=attributes))


def text_in(node: PageElement | None) -> str:
    """Return the words in a tag on one line, "" when there is no tag."""
    return normalize.fold(node.get_text(" ")) if node else ""


def address_in(node: Tag | None, base: str) -> str:
    """Return the absolute address of the first link in a tag, "" when there is none."""
    anchor = find(node, "a", href=True) if node else None
    return absolute(str(anchor["href"]), base) if anchor else ""


def titles(table: Tag) -> list[str]:
    """Return what stands in a table's first row, in small letters; [] for an empty one."""
    head = next(iter(cells(table)), [])
    return [text_in(cell).lower() for cell in head]


def rows(table: Tag, needed: Iterable[str] = ()) -> list[dict[str, Tag]]:
    """Return the rows below a table's head: their cells by the titles of the columns.

    None where the head lacks a ``needed`` title: that table is about something else.  A
    row may have fewer cells than its head.
    """
    head = titles(table)
    if not set(head).issuperset(needed):
        return []
    return [dict(zip(head, row, strict=False)) for row in cells(table)[1:]]


def clean(text: str) -> str:
    """Return a text without the characters, written out or as references, that no XML
    library takes.
    """
    printable = _printable(text)
    return _UNREADABLE.sub("?", printable) if "&#" in printable else printable


def _printable(text: str) -> str:
    if text.isascii():
        raw = text.encode()
        # As most text: quicker than to look for each of them
        if len(raw.translate(None, _CONTROLS)) == len(raw):
            return text
    return UNPRINTABLE.sub(" ", text)


def _decoded(page: Page) -> str:
    named = _CHARSET.search(page.content_type)
    if named is None:
        named = _CHARSET.search(page.body[:1024].decode("ascii", "replace"))
    encoding = named[1].lower() if named else "utf-8"
    if encoding in _NO_CHARSETS:
        encoding = "utf-8"
    try:
        return page.body.decode(encoding, "replace")
    except (LookupError, UnicodeError):
        # An encoding that does not exist
        return page.body.decode("utf-8", "replace")


def unmarked(body: bytes) -> str | None:
    """Return the text of a body that begins with a byte order mark, without it.

    None where there is none.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding, "replace")
    return None


def utf8(body: bytes) -> bytes:
    """Return a body that begins with a byte order mark as UTF-8 without it, any other one
    as it is.
    """
    text = unmarked(body)
    return body if text is None else text.encode()


def utf8_text(body: bytes) -> str:
    """Return the text of a body by its byte order mark, else of UTF-8.

    What cannot be decoded is replaced.
    """
    return utf8(body).decode("utf-8", "replace")


def _read(html: str) -> tuple[str, list[str]]:
    """Return text and the addresses linked.

    In markup a line's end is a space, as a browser has it, but in ``pre``.
    """
    if "<" not in html:
        text = unescape(clean(html)) if "&" in html else html
        return _tidy(text), _markdown_links(text)
    root = tree(html)
    lower = html.lower()
    written = str(_text(whole="<pre" in lower or "line-through" in lower)(root))
    # Only a reference can have brought in what was not there before
    if "&#" in html:
        written = UNPRINTABLE.sub(" ", written)
    text = _lined(written.split(_BREAK))
    hrefs = [str(href) for href in _hrefs()(root)] if "href" in lower else []  # type: ignore[union-attr]  # a list, of this path
    return _unmarked(text), hrefs + _markdown_links(written)


def _markdown_links(text: str) -> list[str]:
    return [match[2] for match in _LINK.finditer(text)]


def tree(html: str) -> etree._Element:
    """Return markup as lxml's tree, an empty element where there is nothing in it.

    Raises:
        ParseError: it has more tags, or is deeper, than any page that was ever seen:
            lxml would take memory and time without end.

    """
    parser = etree.HTMLParser(
        encoding="utf-8",
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        huge_tree=True,
    )
    _refuse_huge(html)
    root: etree._Element | None = etree.fromstring(
        clean(html.replace(_BREAK, " ")).encode() + b"\n", parser
    )
    if root is None:
        return etree.Element("html")
    if html.count("<") > _DEEPEST:
        _refuse_deep(root)
    return root


def text_of(element: etree._Element) -> str:
    """Return what stands in an element of such a tree, as plain text.

    As ``plain`` gives it: a paragraph a line, spaces in one form.
    """
    return _unmarked(
        _lined(UNPRINTABLE.sub(" ", str(_text(whole=True)(element))).split(_BREAK))
    )


def is_read(element: etree._Element) -> bool:
    """Say whether an element is part of the text.

    Neither struck out nor inside what is not shown.
    """
    around = (element, *element.iterancestors())
    return not any(
        each.tag in _UNREAD or "line-through" in each.get("style", "").lower()
        for each in around
    )


@cache
def _text(*, whole: bool) -> etree.XSLT:
    """Return what makes text of a tree, a mark where a line ends.

    Libxslt walks it many times faster than Python could.

    ``whole``: it knows of ``pre``, whose lines are kept, and of what is struck out by
    its style; few pages have either.
    """
    end, gap = f"<xsl:text>{_BREAK}</xsl:text>", "<xsl:text> </xsl:text>"
    inside, cells = "<xsl:apply-templates/>", ("td", "th")
    rules = [
        (1, _BLOCKS, end + inside + end),
        (1, cells, inside + gap),
        (4, _UNREAD, ""),
    ]
    if whole:
        kept = f"translate(., '&#10;&#13;&#133;&#8232;&#8233;', '{_BREAK * 5}')"
        rules += [
            (2, ("pre//text()",), f'<xsl:value-of select="{kept}"/>'),
            (2, (f"*[{_STRUCK}]",), ""),
            (3, [f"{name}[{_STRUCK}]" for name in _BLOCKS], end),
            (3, [f"{name}[{_STRUCK}]" for name in cells], gap),
        ]
    templates = "".join(
        f'<xsl:template match="{"|".join(names)}" priority="{rank}">{form}</xsl:template>'
        for rank, names, form in rules
    )
    return etree.XSLT(
        etree.XML(
            f'<xsl:stylesheet version="1.0" xmlns:xsl="{_XSL}"><xsl:output '
            f'method="text"/>{templates}</xsl:stylesheet>'
        )
    )


@cache
def _hrefs() -> etree.XPath:
    """Return what finds the addresses that anchors lead to."""
    unread = " or ".join(f"self::{name}" for name in sorted(_UNREAD))
    return etree.XPath(
        f"//a[not(ancestor-or-self::*[{unread} or {_STRUCK}])]/@href[. != '']",
        smart_strings=False,
    )


def _tidy(text: str) -> str:
    """Return text a line a paragraph, without Markdown's marks and surplus spaces."""
    return _unmarked(_lined(_printable(text).splitlines()))


def _lined(lines: Iterable[str]) -> str:
    return "\n".join([line for words in lines if (line := " ".join(words.split()))])


def _unmarked(text: str) -> str:
    if "**" not in text and "__" not in text and "](" not in text:
        return text
    return _lined(_LINK.sub(r"\1", _EMPHASIS.sub(r"\2", text)).splitlines())


class Marked(Struct, frozen=True):
    """What prose has beside its words: where some of them lead, and which are code."""

    anchors: tuple[Anchor, ...] = ()
    codes: tuple[str, ...] = ()


def marked(html: str, base: str = "") -> Marked:
    """Return the first anchors and lines of code of HTML or Markdown, in its order."""
    lower = html.lower()
    anchors = _markdown_anchors(html) if "](http" in lower else []
    code_lines: list[str] = []
    if any(name in lower for name in ("<a ", "<code", "<pre")):
        root = tree(html)
        anchors += _anchors(root, base)
        for element in islice(root.iter("pre", "code"), _MOST_MARKED):
            code_lines += _folded(text_of(element))
    codes = [line for line in code_lines if len(line) in _CODE_LETTERS]
    readable = filter(_is_readable, anchors)
    return Marked(_first_ones(readable), _first_ones(codes))


def _first_ones(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return the first of what a post is marked with, each once."""
    return tuple(dict.fromkeys(values))[:_MOST_MARKED]


def _markdown_anchors(text: str) -> list[Anchor]:
    """Return the first links of Markdown, each with the line that it stands in."""
    lines = _folded(plain(text))
    found = []
    for match in islice(_LINK.finditer(text), _MOST_MARKED):
        words = normalize.fold(match[1])
        found.append(Anchor(words, match[2], _line_of(lines, words)))
    return found


def _anchors(root: etree._Element, base: str) -> list[Anchor]:
    """Return the first anchors of a tree, each with the line that it stands in."""
    # A page in one frame is read once, however many anchors it has
    lines_of: dict[etree._Element, list[str]] = {}
    found = []
    for element in islice(root.iter("a"), _MOST_MARKED):
        href = element.get("href")
        if not href or not is_read(element):
            continue
        text = normalize.fold(text_of(element))
        frame = next(element.iterancestors(*_FRAMES), element)
        if frame not in lines_of:
            lines_of[frame] = _folded(text_of(frame))
        around = _line_of(lines_of[frame], text)
        found.append(Anchor(text, absolute(href, base), around))
    return found


def _folded(text: str) -> list[str]:
    return [normalize.fold(line) for line in text.splitlines()]


def _is_readable(anchor: Anchor) -> bool:
    """Say whether an anchor leads on from words: an address is followed as it stands."""
    has_words = len(anchor.text) in _ANCHOR_LETTERS and "://" not in anchor.text
    return has_words and anchor.url != ""


def _line_of(lines: Iterable[str], words: str) -> str:
    """Return the line that holds words, or what is around them of a long one."""
    for line in lines:
        start = line.find(words)
        if start >= 0:
            return line[max(0, start - _AROUND) : start + len(words) + _AROUND]
    return ""


def readable_tables(html: str) -> tuple[Table, ...]:
    """Return the tables of HTML that are for reading.

    Of two to four columns, no frames of a layout, none that is struck out.
    """
    if "<table" not in html.lower():
        return ()
    found = []
    for element in tree(html).iter("table"):
        # A table around others is a frame of the page
        is_frame = next(element.iterdescendants("table"), None) is not None
        if not is_frame and is_read(element):
            found.append(_readable(element))
    return tuple(dict.fromkeys(filter(None, found)))


def _readable(element: etree._Element) -> Table | None:
    """Return a table's texts, None when a mail had better not show them as a table."""
    read = filter(is_read, element.iter("tr"))
    rows = [list(row.iterchildren("td", "th")) for row in read]
    if len(rows) > 2 * _ROWS.stop or _widest(rows) not in _COLUMNS:
        return None
    aligned = _aligned(rows)
    width = _widest(aligned)
    texts = tuple((*row, *[""] * (width - len(row))) for row in filter(any, aligned))
    if len(texts) not in _ROWS or width not in _COLUMNS:
        return None
    letters = sum(map(len, chain.from_iterable(texts)))
    # A column without a word is there for looks
    has_words_in_each = all(map(any, zip(*texts, strict=True)))
    if letters > _LONGEST_TABLE or not has_words_in_each:
        return None
    if all(texts[0]) and all(map(_is_heading, rows[0])):
        return Table(texts[0], texts[1:])
    return Table((), texts)


def _widest(rows: Iterable[Sized]) -> int:
    return max(map(len, rows), default=0)


def _aligned(rows: list[list[etree._Element]]) -> list[list[str]]:
    """Return the rows' texts, with "" where a cell of a row above or before reaches."""
    aligned: list[list[str]] = []
    # By column: how many of the next rows a cell above still covers
    covered: dict[int, int] = {}
    for row in rows:
        texts: list[str] = []
        for cell in row:
            _pass_covered(texts, covered)
            down, across = _span(cell, "rowspan"), _span(cell, "colspan")
            covered |= dict.fromkeys(range(len(texts), len(texts) + across), down)
            texts += [text_of(cell), *[""] * (across - 1)]
        _pass_covered(texts, covered)
        covered = {column: rows_left - 1 for column, rows_left in covered.items()}
        aligned.append(texts)
    return aligned


def _pass_covered(texts: list[str], covered: dict[int, int]) -> None:
    """Leave the columns empty that a cell of a row above covers."""
    while covered.get(len(texts), 0) > 0:
        texts.append("")


def _span(cell: etree._Element, name: str) -> int:
    """Read ``rowspan`` or ``colspan``; a number that is none, or a huge one, is harmless."""
    written = cell.get(name, "").strip()
    if re.fullmatch(r"[0-9]{1,3}", written):
        return min(max(int(written), 1), _ROWS.stop)
    return 1


def _is_heading(cell: etree._Element) -> bool:
    """Say whether a cell is one of headings: it says so, or all its text is bold."""
    if cell.tag == "th":
        return True
    bold = " ".join(text_of(element) for element in cell.iter("b", "strong"))
    return bold.split() == text_of(cell).split()
