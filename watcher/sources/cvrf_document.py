"""A CVRF 1.1 document, read from its XML or its JSON: a month of MSRC's security updates.

It has ten megabytes and a thousand vulnerabilities of which an installation watches a
few.  Of the others only their number and their revisions are counted, and the XML
parser is not given them.

Facts on the XML, measured on recordings: text fields hold escaped HTML; products are
given by ID and named twice; a byte order mark outranks the declaration (files re-saved
as UTF-16 still declare UTF-8).  In JSON texts are wrapped in ``{"Value": ...}``, and
enumerations are written as numbers.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lxml import etree
from msgspec import Struct

from watcher.errors import ParseError
from watcher.records import Page
from watcher.sources import markup
from watcher.sources.answer import unlike

WANTED = "a CVRF document"
_VULNERABILITY = re.compile(rb"<((?:\w+:)?)Vulnerability[\s>]")
_PRODUCT_ID = re.compile(rb"ProductID[^>]*>([^<]*)<")
_REVISION_END = re.compile(rb"/(?:\w+:)?Revision>")
# What MSRC's JSON writes as numbers (of remediations, 3 is derived from other tools'
# test documents, and 4 was never seen)
_NOTE_TYPES = {
    1: "Details",
    2: "Description",
    4: "FAQ",
    5: "Other",
    7: "Tag",
    8: "CNA",
}
_THREAT_TYPES = {0: "Impact", 1: "Exploit Status", 3: "Severity"}
_REMEDIATION_TYPES = {
    0: "Workaround",
    1: "Mitigation",
    2: "Vendor Fix",
    3: "Release Notes",
    5: "Known Issue",
}


class Product(Struct, frozen=True):
    """A product of the document's tree.

    ``esu``: it stands under the branch of extended security updates.
    """

    name: str
    esu: bool = False


class Note(Struct, frozen=True):
    """A piece of prose about a vulnerability, as HTML."""

    type: str
    html: str


class Threat(Struct, frozen=True):
    """A severity or an exploit status; without products it holds for all."""

    type: str
    text: str
    products: tuple[str, ...]


class Score(Struct, frozen=True):
    """A CVSS score as it is written; without products it holds for all."""

    base: str
    vector: str
    products: tuple[str, ...]


class Revision(Struct, frozen=True):
    """A line of a vulnerability's own history, as it is written."""

    number: str
    date: str
    html: str


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
    notes: tuple[Note, ...]
    affected: tuple[str, ...]
    threats: tuple[Threat, ...]
    scores: tuple[Score, ...]
    remediations: tuple[Remediation, ...]
    revisions: tuple[Revision, ...]

    @property
    def products(self) -> set[str]:
        """The IDs of all products that it names.

        Those that are affected, and those that a remediation is for: the two need not
        be the same.
        """
        named = set(self.affected)
        for fix in self.remediations:
            named.update(fix.products)
        return named

    @property
    def exploit_statuses(self) -> list[str]:
        """What its threats say of exploitation: "Publicly Disclosed:Yes;Exploited:No"."""
        return [
            threat.text for threat in self.threats if threat.type == "Exploit Status"
        ]


class Month(Struct):
    """A document read to its end.

    Its own name, how much is in it, and the vulnerabilities that were asked for.
    """

    identity: str = ""
    total: int = 0
    revisions: int = 0
    products: dict[str, Product] = {}
    # Canonical names by ID
    watched: dict[str, str] = {}
    vulnerabilities: list[Vulnerability] = []
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
    month = Month()
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
        raise unlike(page, WANTED) from error
    if _local(root) != "cvrfdoc":
        raise unlike(page, WANTED)
    return month


def _pieces(body: bytes) -> Iterator[bytes]:
    """Cut a document after its head and after each vulnerability.

    One with comments, CDATA or the like, in which a tag may be none, stays whole.
    """
    first = _VULNERABILITY.search(body)
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
    named = set(map(bytes.strip, set(_PRODUCT_ID.findall(piece)))) - {b""}
    if not named or not named <= month.unwatched:
        return False
    if not _VULNERABILITY.match(piece.lstrip()):
        return False
    month.total += 1
    month.revisions += len(_REVISION_END.findall(piece, piece.find(b"RevisionHistory")))
    return True


def _take(element: etree._Element, month: Month, choose: Choose) -> None:
    """Take what an element that was read to its end tells, and let go of it."""
    name = _local(element)
    if name == "Vulnerability":
        month.total += 1
        month.revisions += sum(1 for _ in element.iter("{*}Revision"))
        if _is_wanted(element, month.watched):
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
    unmarked = markup.utf8(body)
    return unmarked, None if unmarked is body else "utf-8"


def _is_wanted(element: etree._Element, watched: Mapping[str, str]) -> bool:
    """Say whether a vulnerability names a watched product, or none at all.

    A rejected CVE and an early announcement list no product; their title may name one.
    """
    products = [product.text for product in element.iter("{*}ProductID")]
    return not products or any(product in watched for product in products)


def _tree(element: etree._Element) -> Iterator[tuple[str, Product]]:
    """Give the products by ID.

    Each is named twice, in the branches and in the flat list; only the branches tell
    of extended security updates.
    """
    extended = {
        product.get("ProductID")
        for branch in element.iter("{*}Branch")
        if branch.get("Name") == "ESU"
        for product in branch.iter("{*}FullProductName")
    }
    for product in element.iter("{*}FullProductName"):
        number = product.get("ProductID", "")
        yield number, Product(product.text or "", esu=number in extended)


def _from_xml(element: etree._Element) -> Vulnerability:
    statuses = element.iterfind("{*}ProductStatuses/{*}Status/{*}ProductID")
    notes = element.iterfind("{*}Notes/{*}Note")
    threats = element.iterfind("{*}Threats/{*}Threat")
    scores = element.iterfind("{*}CVSSScoreSets/{*}ScoreSet")
    remediations = element.iterfind("{*}Remediations/{*}Remediation")
    revisions = element.iterfind("{*}RevisionHistory/{*}Revision")
    return Vulnerability(
        cve=_child(element, "CVE"),
        title=_child(element, "Title"),
        notes=tuple(map(_note, notes)),
        affected=tuple(status.text or "" for status in statuses),
        threats=tuple(map(_threat, threats)),
        scores=tuple(map(_score, scores)),
        remediations=tuple(map(_remediation, remediations)),
        revisions=tuple(map(_revision, revisions)),
    )


def _note(element: etree._Element) -> Note:
    return Note(element.get("Type", ""), element.text or "")


def _threat(element: etree._Element) -> Threat:
    return Threat(
        type=element.get("Type", ""),
        text=_child(element, "Description"),
        products=_products(element),
    )


def _score(element: etree._Element) -> Score:
    return Score(
        base=_child(element, "BaseScore"),
        vector=_child(element, "Vector"),
        products=_products(element),
    )


def _remediation(element: etree._Element) -> Remediation:
    return Remediation(
        type=element.get("Type", ""),
        description=_child(element, "Description"),
        url=_child(element, "URL"),
        supercedence=_child(element, "Supercedence"),
        subtype=_child(element, "SubType"),
        build=_child(element, "FixedBuild"),
        products=_products(element),
    )


def _revision(element: etree._Element) -> Revision:
    return Revision(
        number=_child(element, "Number"),
        date=_child(element, "Date"),
        html=_child(element, "Description"),
    )


def _child(element: etree._Element | None, name: str) -> str:
    if element is None:
        return ""
    return (element.findtext(f"{{*}}{name}") or "").strip()


def _products(element: etree._Element) -> tuple[str, ...]:
    return tuple(product.text or "" for product in element.iterfind("{*}ProductID"))


def read_json(value: Mapping[str, Any], choose: Choose) -> Month:
    """Read the JSON form of the same document, decoded; same choice as ``read_xml``.

    A key may be missing: in 2019 the months 2016-Oct and 2017-May-B had no
    ``Vulnerability``.
    """
    tracking = _mapping(value.get("DocumentTracking"))
    products = dict(_json_tree(_mapping(value.get("ProductTree"))))
    watched = choose(products)
    vulnerabilities = list(map(_from_json, mappings(value.get("Vulnerability"))))
    month = Month(
        identity=text_of(_mapping(tracking.get("Identification")).get("ID")),
        total=len(vulnerabilities),
        products=products,
        watched=watched,
    )
    for vulnerability in vulnerabilities:
        month.revisions += len(vulnerability.revisions)
        named = vulnerability.products
        if not named or not watched.keys().isdisjoint(named):
            month.vulnerabilities.append(vulnerability)
    return month


def _json_tree(tree: Mapping[str, Any]) -> Iterator[tuple[str, Product]]:
    """Walk the flat list and the branches (``Items`` within ``Items``).

    The branches come last, for only they tell of extended security updates.
    """
    for product in mappings(tree.get("FullProductName")):
        yield text_of(product.get("ProductID")), Product(text_of(product))
    waiting = [(branch, False) for branch in mappings(tree.get("Branch"))]
    while waiting:
        branch, is_extended = waiting.pop()
        esu = is_extended or branch.get("Name") == "ESU"
        if "ProductID" in branch:
            yield text_of(branch["ProductID"]), Product(text_of(branch), esu=esu)
        waiting.extend((child, esu) for child in mappings(branch.get("Items")))


def _from_json(item: Mapping[str, Any]) -> Vulnerability:
    statuses = mappings(item.get("ProductStatuses"))
    return Vulnerability(
        cve=text_of(item.get("CVE")),
        title=text_of(item.get("Title")),
        notes=tuple(map(_note_of, mappings(item.get("Notes")))),
        affected=tuple(
            number for status in statuses for number in _texts(status.get("ProductID"))
        ),
        threats=tuple(map(_threat_of, mappings(item.get("Threats")))),
        scores=tuple(map(_score_of, mappings(item.get("CVSSScoreSets")))),
        remediations=tuple(map(_remediation_of, mappings(item.get("Remediations")))),
        revisions=tuple(map(_revision_of, mappings(item.get("RevisionHistory")))),
    )


def _note_of(item: Mapping[str, Any]) -> Note:
    return Note(_type(item, _NOTE_TYPES), text_of(item))


def _threat_of(item: Mapping[str, Any]) -> Threat:
    return Threat(
        type=_type(item, _THREAT_TYPES),
        text=text_of(item.get("Description")),
        products=_texts(item.get("ProductID")),
    )


def _score_of(item: Mapping[str, Any]) -> Score:
    return Score(
        base=text_of(item.get("BaseScore")),
        vector=text_of(item.get("Vector")),
        products=_texts(item.get("ProductID")),
    )


def _remediation_of(item: Mapping[str, Any]) -> Remediation:
    return Remediation(
        type=_type(item, _REMEDIATION_TYPES),
        description=text_of(item.get("Description")),
        url=text_of(item.get("URL")),
        supercedence=text_of(item.get("Supercedence")),
        subtype=text_of(item.get("SubType")),
        build=text_of(item.get("FixedBuild")),
        products=_texts(item.get("ProductID")),
    )


def _revision_of(item: Mapping[str, Any]) -> Revision:
    return Revision(
        number=text_of(item.get("Number")),
        date=text_of(item.get("Date")),
        html=text_of(item.get("Description")),
    )


def _type(item: Mapping[str, Any], names: Mapping[int, str]) -> str:
    kind = item.get("Type")
    return names.get(kind, "") if isinstance(kind, int) else text_of(kind)


def text_of(value: object) -> str:
    """Return a text of such JSON, "" for none: it may be wrapped in ``{"Value": ...}``."""
    if isinstance(value, Mapping):
        value = value.get("Value")
    # To Python, True is a number
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(text_of, value)) if isinstance(value, list) else ()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """Return a list's members, as empty ones where they are none with names; else []."""
    return list(map(_mapping, value)) if isinstance(value, list) else []
