"""A month of MSRC's security updates as it is served in XML (CVRF 1.1), read
vulnerability by vulnerability.

It has ten megabytes and a thousand vulnerabilities of which an installation watches a
few: of the others only their number and their revisions are counted, and the parser is
not given them.  Facts on the format, measured on recordings: text fields hold escaped
HTML; products are given by ID and named twice; a byte order mark outranks the
declaration (files re-saved as UTF-16 still declare UTF-8).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping

from lxml import etree
from msgspec import Struct

from watcher.errors import ParseError
from watcher.records import Page
from watcher.sources import markup

WANTED = "a CVRF document"
_OPENING = re.compile(rb"<((?:\w+:)?)Vulnerability[\s>]")
_NAMED = re.compile(rb"ProductID[^>]*>([^<]*)<")
_REVISION = re.compile(rb"/(?:\w+:)?Revision>")


class Product(Struct, frozen=True):
    """A product of the document's tree.

    ``esu``: it stands under the branch of extended security updates.
    """

    name: str
    esu: bool = False


class Remediation(Struct, frozen=True):
    """A fix, a known issue, a workaround: texts as they stand, HTML unescaped once."""

    type: str
    description: str
    url: str
    # The format's own spelling
    supercedence: str
    subtype: str
    build: str
    products: tuple[str, ...]


class Vulnerability(Struct, frozen=True):
    """One vulnerability with everything that an entry is made of; products by ID."""

    cve: str
    title: str
    # Type, title, HTML
    notes: tuple[tuple[str, str, str], ...]
    affected: tuple[str, ...]
    # Type, text, products
    threats: tuple[tuple[str, str, tuple[str, ...]], ...]
    # Base score, vector, products
    scores: tuple[tuple[str, str, tuple[str, ...]], ...]
    remediations: tuple[Remediation, ...]
    # Number, date, HTML
    revisions: tuple[tuple[str, str, str], ...]


class Month(Struct):
    """A document read to its end.

    Its own name, how much is in it, and the vulnerabilities that were asked for.
    """

    identity: str
    total: int
    revisions: int
    products: dict[str, Product]
    # Canonical names by ID
    watched: dict[str, str]
    vulnerabilities: list[Vulnerability]
    # IDs of the document's other products
    unwatched: frozenset[bytes] = frozenset()


Choose = Callable[[Mapping[str, Product]], dict[str, str]]


def read_xml(page: Page, choose: Choose) -> Month:
    """Read the XML form.

    ``choose`` is given the products once they are known and returns the watched ones'
    canonical names by ID; a vulnerability is kept when it names one of them, or names
    no product at all.

    Raises:
        ParseError: not well-formed, cut off, with entities of its own, or no CVRF.

    """
    body, encoding = _encoded(page.body)
    if b"<!ENTITY" in body[: max(body.find(b"<cvrf"), 4096)]:
        raise ParseError(
            "the document declares XML entities of its own, which no CVRF "
            "document needs: it is not read"
        )
    month = Month("", 0, 0, {}, {}, [])
    parser = etree.XMLPullParser(
        events=("end",),
        tag=("{*}Vulnerability", "{*}ProductTree", "{*}DocumentTracking"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        encoding=encoding,
    )
    try:
        for piece in _pieces(body):
            if _skipped(piece, month):
                continue
            parser.feed(piece)
            for _, element in parser.read_events():
                _take(element, month, choose)  # type: ignore[arg-type]  # events other than these ends are not asked for
        root = parser.close()
    except etree.XMLSyntaxError as error:
        if b"cvrfdoc" in body[:2000]:
            raise ParseError(
                f"the document is cut off or damaged: {error.msg}",
                "The next check tries again.",
            ) from error
        raise markup.unlike(page, WANTED) from error
    if _local(root) != "cvrfdoc":
        raise markup.unlike(page, WANTED)
    return month


def _pieces(body: bytes) -> Iterator[bytes]:
    """Cut a document after its head and after each vulnerability.

    One with comments, CDATA or the like, in which a tag may be none, stays whole.
    """
    first = _OPENING.search(body)
    if first is None or b"<!" in body or body.find(b"<?", first.start()) >= 0:
        yield body
        return
    yield body[: first.start()]
    start, close = first.start(), b"</" + first[1] + b"Vulnerability>"
    while (found := body.find(close, start)) >= 0:
        end = found + len(close)
        yield body[start:end]
        start = end
    yield body[start:]


def _skipped(piece: bytes, month: Month) -> bool:
    """Count a vulnerability that names only products of the document that nobody watches.

    Whatever else comes, the parser reads.
    """
    named = {name.strip() for name in set(_NAMED.findall(piece))} - {b""}
    if not named or not named <= month.unwatched or not _OPENING.match(piece.lstrip()):
        return False
    month.total += 1
    month.revisions += len(_REVISION.findall(piece, piece.find(b"RevisionHistory")))
    return True


def _take(element: etree._Element, month: Month, choose: Choose) -> None:
    """Take what an element that was read to its end tells, and let go of it."""
    name = _local(element)
    if name == "Vulnerability":
        month.total += 1
        month.revisions += sum(1 for _ in element.iter("{*}Revision"))
        if _names_any(element, month.watched):
            month.vulnerabilities.append(_from_xml(element))
    elif name == "ProductTree":
        month.products = dict(_tree(element))
        month.watched = choose(month.products)
        month.unwatched = frozenset(
            number.encode() for number in month.products if number not in month.watched
        )
    else:
        month.identity = _child(element.find("{*}Identification"), "ID")
    element.clear()


def _local(element: etree._Element) -> str:
    """Return a tag without its namespace, or without a prefix that the document forgot to
    declare.
    """
    return re.split(r"[}:]", str(element.tag))[-1]


def _encoded(body: bytes) -> tuple[bytes, str | None]:
    """Return a body without its byte order mark, and the encoding that this stood for."""
    if body.startswith(codecs.BOM_UTF8):
        return body[len(codecs.BOM_UTF8) :], "utf-8"
    text = markup.unmarked(body)
    return (body, None) if text is None else (text.encode("utf-8", "replace"), "utf-8")


def _names_any(element: etree._Element, watched: Mapping[str, str]) -> bool:
    named = False
    for product in element.iter("{*}ProductID"):
        if product.text in watched:
            return True
        named = True
    return not named


def _tree(element: etree._Element) -> Iterator[tuple[str, Product]]:
    extended = {
        product.get("ProductID")
        for branch in element.iter("{*}Branch")
        if branch.get("Name") == "ESU"
        for product in branch.iter("{*}FullProductName")
    }
    for product in element.iter("{*}FullProductName"):
        number = product.get("ProductID") or ""
        yield number, Product(product.text or "", esu=number in extended)


def _from_xml(element: etree._Element) -> Vulnerability:
    return Vulnerability(
        cve=_child(element, "CVE"),
        title=_child(element, "Title"),
        notes=tuple(
            (note.get("Type") or "", note.get("Title") or "", note.text or "")
            for note in element.iterfind("{*}Notes/{*}Note")
        ),
        affected=_products(
            element.iterfind("{*}ProductStatuses/{*}Status/{*}ProductID")
        ),
        threats=tuple(
            (
                threat.get("Type") or "",
                _child(threat, "Description"),
                _products(threat.iterfind("{*}ProductID")),
            )
            for threat in element.iterfind("{*}Threats/{*}Threat")
        ),
        scores=tuple(
            (
                _child(score, "BaseScore"),
                _child(score, "Vector"),
                _products(score.iterfind("{*}ProductID")),
            )
            for score in element.iterfind("{*}CVSSScoreSets/{*}ScoreSet")
        ),
        remediations=tuple(
            _remediation(fix)
            for fix in element.iterfind("{*}Remediations/{*}Remediation")
        ),
        revisions=tuple(
            (
                _child(revision, "Number"),
                _child(revision, "Date"),
                _child(revision, "Description"),
            )
            for revision in element.iterfind("{*}RevisionHistory/{*}Revision")
        ),
    )


def _remediation(element: etree._Element) -> Remediation:
    return Remediation(
        type=element.get("Type") or "",
        description=_child(element, "Description"),
        url=_child(element, "URL"),
        supercedence=_child(element, "Supercedence"),
        subtype=_child(element, "SubType"),
        build=_child(element, "FixedBuild"),
        products=_products(element.iterfind("{*}ProductID")),
    )


def _child(element: etree._Element | None, name: str) -> str:
    return "" if element is None else (element.findtext(f"{{*}}{name}") or "").strip()


def _products(elements: Iterator[etree._Element]) -> tuple[str, ...]:
    return tuple(element.text or "" for element in elements)
