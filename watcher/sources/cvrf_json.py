"""A month of MSRC's security updates as it is served in JSON, the same document as
``cvrf_document`` reads in XML.

Texts are wrapped in ``{"Value": ...}``, and enumerations are written as numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from watcher.sources.cvrf_document import (
    Choose,
    Month,
    Product,
    Remediation,
    Vulnerability,
)

NOTE_TYPES = {1: "Details", 2: "Description", 4: "FAQ", 5: "Other", 7: "Tag", 8: "CNA"}
THREAT_TYPES = {0: "Impact", 1: "Exploit Status", 3: "Severity"}
REMEDIATION_TYPES = {
    0: "Workaround",
    1: "Mitigation",
    2: "Vendor Fix",
    3: "Release Notes",
    5: "Known Issue",
}


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
            vulnerability
            for vulnerability in found
            if not (ids := _ids(vulnerability)) or not watched.keys().isdisjoint(ids)
        ],
    )


def _ids(vulnerability: Vulnerability) -> set[str]:
    return set(vulnerability.affected).union(
        *(fix.products for fix in vulnerability.remediations)
    )


def _json_tree(
    tree: Mapping[str, Any], *, esu: bool = False
) -> Iterator[tuple[str, Product]]:
    """Walk branches (``Items`` within ``Items``) and the flat list.

    The branch comes last, for only it tells of ESU.
    """
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
        notes=tuple(
            (_type(note, NOTE_TYPES), _text(note.get("Title")), _text(note))
            for note in map(_mapping, _list(item.get("Notes")))
        ),
        affected=tuple(
            number for status in statuses for number in _texts(status.get("ProductID"))
        ),
        threats=tuple(
            (
                _type(threat, THREAT_TYPES),
                _text(threat.get("Description")),
                _texts(threat.get("ProductID")),
            )
            for threat in map(_mapping, _list(item.get("Threats")))
        ),
        scores=tuple(
            (
                _text(score.get("BaseScore")),
                _text(score.get("Vector")),
                _texts(score.get("ProductID")),
            )
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
            (
                _text(revision.get("Number")),
                _text(revision.get("Date")),
                _text(revision.get("Description")),
            )
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
    return (
        str(value).strip()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
        else ""
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(_text, _list(value)))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
