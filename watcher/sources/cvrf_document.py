"""A month of MSRC's security updates as it is served, XML (CVRF 1.1) or JSON, read vulnerability by vulnerability.

The XML has ten megabytes and a thousand vulnerabilities of which an installation watches a few: it is read in a stream,
and of the others only their number and their revisions are counted.  Facts on the format, measured on recordings:
text fields hold escaped HTML; products are given by ID and named twice; a byte order mark outranks the declaration
(files re-saved as UTF-16 still declare UTF-8); JSON wraps texts in ``{"Value": ...}`` and writes enumerations as numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from lxml import etree

from watcher.errors import ParseError
from watcher.records import Page
from watcher.sources import markup

NOTE_TYPES = {1: "Details", 2: "Description", 4: "FAQ", 5: "Other", 7: "Tag", 8: "CNA"}
THREAT_TYPES = {0: "Impact", 1: "Exploit Status", 3: "Severity"}
REMEDIATION_TYPES = {0: "Workaround", 1: "Mitigation", 2: "Vendor Fix", 3: "Release Notes", 5: "Known Issue"}
WANTED = "a CVRF document"


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the document's tree; ``esu``: it stands under the branch of extended security updates."""

    name: str
    esu: bool = False


@dataclass(frozen=True, slots=True)
class Remediation:
    """A fix, a known issue, a workaround: texts as they stand, HTML unescaped once."""

    type: str
    description: str
    url: str
    supercedence: str  # the format's own spelling
    subtype: str
    build: str
    products: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One vulnerability with everything that an entry is made of; products by ID."""

    cve: str
    title: str
    notes: tuple[tuple[str, str, str], ...]  # type, title, HTML
    affected: tuple[str, ...]
    threats: tuple[tuple[str, str, tuple[str, ...]], ...]  # type, text, products
    scores: tuple[tuple[str, str, tuple[str, ...]], ...]  # base score, vector, products
    remediations: tuple[Remediation, ...]
    revisions: tuple[tuple[str, str, str], ...]  # number, date, HTML


@dataclass(slots=True)
class Month:
    """A document read to its end: its own name, how much is in it, and the vulnerabilities that were asked for."""

    identity: str
    total: int
    revisions: int
    products: dict[str, Product]
    watched: dict[str, str]  # canonical names by ID
    vulnerabilities: list[Vulnerability]


Choose = Callable[[Mapping[str, Product]], dict[str, str]]


def read_xml(page: Page, choose: Choose) -> Month:
    """Read the XML form.

    ``choose`` is given the products once they are known and returns the watched ones' canonical names by ID; a
    vulnerability is kept when it names one of them, or names no product at all.

    Raises:
        ParseError: not well-formed, cut off, with entities of its own, or no CVRF.

    """
    body = _encoded(page)
    if b"<!ENTITY" in body[: max(body.find(b"<cvrf"), 4096)]:
        raise ParseError("the document declares XML entities of its own, which no CVRF document needs: it is not read")
    month = Month("", 0, 0, {}, {}, [])
    events = etree.iterparse(
        BytesIO(body),
        events=("end",),
        tag=("{*}Vulnerability", "{*}ProductTree", "{*}DocumentTracking"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
    )
    try:
        for _, element in events:
            name = _local(element)
            if name == "Vulnerability":
                month.total += 1
                month.revisions += sum(1 for _ in element.iter("{*}Revision"))
                if _names_any(element, month.watched):
                    month.vulnerabilities.append(_from_xml(element))
            elif name == "ProductTree":
                month.products = dict(_tree(element))
                month.watched = choose(month.products)
            else:
                month.identity = _child(element.find("{*}Identification"), "ID")
            element.clear(keep_tail=False)
    except etree.XMLSyntaxError as error:
        if b"cvrfdoc" in body[:2000]:
            raise ParseError(f"the document is cut off or damaged: {error.msg}", "The next check tries again.") from error
        raise markup.unlike(page, WANTED) from error
    if events.root is None or _local(events.root) != "cvrfdoc":
        raise markup.unlike(page, WANTED)
    return month


def read_json(value: Mapping[str, Any], choose: Choose) -> Month:
    """Read the JSON form of the same document, decoded; same choice as ``read_xml``."""
    tracking = _mapping(value.get("DocumentTracking"))
    products = dict(_json_tree(_mapping(value.get("ProductTree"))))
    watched = choose(products)
    found = [_from_json(_mapping(item)) for item in _list(value.get("Vulnerability"))]
    return Month(
        identity=_text(_mapping(tracking.get("Identification")).get("ID")),
        total=len(found),
        revisions=sum(len(vulnerability.revisions) for vulnerability in found),
        products=products,
        watched=watched,
        vulnerabilities=[
            vulnerability for vulnerability in found if not (ids := _ids(vulnerability)) or not watched.keys().isdisjoint(ids)
        ],
    )


def _local(element: etree._Element) -> str:
    """Return a tag without its namespace, or without a prefix that the document forgot to declare."""
    return re.split(r"[}:]", str(element.tag))[-1]


def _encoded(page: Page) -> bytes:
    text = markup.unmarked(page.body)
    if text is None:
        return page.body
    return re.sub(r"\A\s*<\?xml[^>]*\?>", "", text).encode("utf-8", "replace")


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
        notes=tuple((note.get("Type") or "", note.get("Title") or "", note.text or "") for note in element.iterfind("{*}Notes/{*}Note")),
        affected=_products(element.iterfind("{*}ProductStatuses/{*}Status/{*}ProductID")),
        threats=tuple(
            (threat.get("Type") or "", _child(threat, "Description"), _products(threat.iterfind("{*}ProductID")))
            for threat in element.iterfind("{*}Threats/{*}Threat")
        ),
        scores=tuple(
            (_child(score, "BaseScore"), _child(score, "Vector"), _products(score.iterfind("{*}ProductID")))
            for score in element.iterfind("{*}CVSSScoreSets/{*}ScoreSet")
        ),
        remediations=tuple(_remediation(fix) for fix in element.iterfind("{*}Remediations/{*}Remediation")),
        revisions=tuple(
            (_child(revision, "Number"), _child(revision, "Date"), _child(revision, "Description"))
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


def _ids(vulnerability: Vulnerability) -> set[str]:
    return set(vulnerability.affected).union(*(fix.products for fix in vulnerability.remediations))


def _json_tree(tree: Mapping[str, Any], *, esu: bool = False) -> Iterator[tuple[str, Product]]:
    """Walk branches (``Items`` within ``Items``) and the flat list; the branch comes last, for only it tells of ESU."""
    for item in _list(tree.get("FullProductName")):
        yield _text(_mapping(item).get("ProductID")), Product(_text(item))
    pending = [(branch, esu) for branch in _list(tree.get("Branch"))]
    while pending:
        branch, extended = pending.pop()
        node = _mapping(branch)
        inside = extended or node.get("Name") == "ESU"
        if "ProductID" in node:
            yield _text(node["ProductID"]), Product(_text(node), esu=inside)
        pending.extend((child, inside) for child in _list(node.get("Items")))


def _from_json(item: Mapping[str, Any]) -> Vulnerability:
    statuses = map(_mapping, _list(item.get("ProductStatuses")))
    return Vulnerability(
        cve=_text(item.get("CVE")),
        title=_text(item.get("Title")),
        notes=tuple((_type(note, NOTE_TYPES), _text(note.get("Title")), _text(note)) for note in map(_mapping, _list(item.get("Notes")))),
        affected=tuple(number for status in statuses for number in _texts(status.get("ProductID"))),
        threats=tuple(
            (_type(threat, THREAT_TYPES), _text(threat.get("Description")), _texts(threat.get("ProductID")))
            for threat in map(_mapping, _list(item.get("Threats")))
        ),
        scores=tuple(
            (_text(score.get("BaseScore")), _text(score.get("Vector")), _texts(score.get("ProductID")))
            for score in map(_mapping, _list(item.get("CVSSScoreSets")))
        ),
        remediations=tuple(
            Remediation(
                type=_type(fix, REMEDIATION_TYPES),
                description=_text(fix.get("Description")),
                url=_text(fix.get("URL")),
                supercedence=_text(fix.get("Supercedence")),
                subtype=_text(fix.get("SubType")),
                build=_text(fix.get("FixedBuild")),
                products=_texts(fix.get("ProductID")),
            )
            for fix in map(_mapping, _list(item.get("Remediations")))
        ),
        revisions=tuple(
            (_text(revision.get("Number")), _text(revision.get("Date")), _text(revision.get("Description")))
            for revision in map(_mapping, _list(item.get("RevisionHistory")))
        ),
    )


def _type(item: Mapping[str, Any], names: Mapping[int, str]) -> str:
    kind = item.get("Type")
    return names.get(kind, "") if isinstance(kind, int) else _text(kind)


def _text(value: object) -> str:
    """Return a text that may be wrapped in ``{"Value": ...}``, or be a number, or be missing."""
    if isinstance(value, Mapping):
        value = value.get("Value")
    return str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(_text, _list(value)))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
