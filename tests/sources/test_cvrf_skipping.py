"""Vulnerabilities of products that nobody watches are counted without being parsed, and
nothing is different for it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.sources.reading import DATA, read
from watcher.errors import ParseError
from watcher.records import Snapshot

HEAD = b"""<cvrf:cvrfdoc xmlns:cvrf="urn:c" xmlns:prod="urn:p" xmlns:vuln="urn:v">
<cvrf:DocumentTracking><cvrf:Identification><cvrf:ID>2031-Nov</cvrf:ID></cvrf:Identification></cvrf:DocumentTracking>
<prod:ProductTree>
<prod:FullProductName ProductID="1">Microsoft Exchange Server 2019 Cumulative Update 14</prod:FullProductName>
<prod:FullProductName ProductID="2">Windows 11</prod:FullProductName>
<prod:FullProductName ProductID="3">Microsoft Excel 2016</prod:FullProductName>
</prod:ProductTree>
"""
END = b"</cvrf:cvrfdoc>"
HISTORY = b"<vuln:RevisionHistory><vuln:Revision><vuln:Number>1</vuln:Number></vuln:Revision></vuln:RevisionHistory>"


def vulnerability(cve: str, *products: str, more: bytes = HISTORY) -> bytes:
    named = "".join(
        f"<vuln:ProductID>{product}</vuln:ProductID>" for product in products
    )
    about = f"<vuln:CVE>{cve}</vuln:CVE><vuln:ProductStatuses><vuln:Status>{named}</vuln:Status></vuln:ProductStatuses>"
    return f"<vuln:Vulnerability>{about}".encode() + more + b"</vuln:Vulnerability>\n"


WATCHED = vulnerability("CVE-2031-0001", "2", "1")
OTHER = vulnerability("CVE-2031-0002", "2", "3")
# Only who parses it notices
DAMAGED = vulnerability(
    "CVE-2031-0003", "2", more=b"<vuln:Note></vuln:Title>" + HISTORY
)


def month(*vulnerabilities: bytes) -> bytes:
    return HEAD + b"".join(vulnerabilities) + END


def snapshot(body: bytes) -> Snapshot:
    return replace(
        read("cvrf", body, "https://vendor.example/2031-Nov", document="2031-Nov"),
        sha256="",
    )


@pytest.mark.parametrize(
    "path", sorted((DATA / "cvrf").glob("*2031*.xml")), ids=lambda path: path.stem
)
def test_a_document_is_read_the_same_with_a_comment_for_which_all_of_it_is_parsed(
    path: Path,
) -> None:
    body = path.read_bytes()
    try:
        whole = snapshot(body + b"<!-- parsed from end to end -->")
    except ParseError:
        with pytest.raises(ParseError):
            snapshot(body)
    else:
        assert snapshot(body) == whole


def test_what_nobody_watches_is_counted_and_not_parsed() -> None:
    read = snapshot(month(OTHER, WATCHED, DAMAGED))
    assert (read.total, read.revisions, [entry.key for entry in read.entries]) == (
        3,
        3,
        ["CVE-2031-0001"],
    )


@pytest.mark.parametrize(
    "odd",
    [
        DAMAGED.replace(b">2<", b">&#50;<"),
        DAMAGED.replace(b">2<", b'>2</vuln:ProductID><vuln:ProductID note="x">1<'),
        DAMAGED.replace(b">2<", b">unlisted<"),
        DAMAGED.replace(b">2<", b"><"),
        b"<cvrf:Aside/>" + DAMAGED,
        DAMAGED.replace(
            b"<vuln:Note>", b"<vuln:Note><![CDATA[</vuln:Vulnerability>]]>"
        ),
        DAMAGED.replace(b"<vuln:Note>", b"<vuln:Note><?note </vuln:Vulnerability>?>"),
    ],
    ids=[
        "reference",
        "attribute",
        "unlisted",
        "no product",
        "something before it",
        "CDATA",
        "instruction",
    ],
)
def test_what_is_odd_is_parsed(odd: bytes) -> None:
    with pytest.raises(ParseError, match="damaged"):
        snapshot(month(OTHER, odd))
    mended = snapshot(month(OTHER, odd.replace(b"</vuln:Title>", b"</vuln:Note>")))
    assert (mended.total, mended.revisions) == (2, 2)


@pytest.mark.parametrize(
    "cut", [1, len(END), len(END) + 1, len(END) + 40, len(END) + len(OTHER) + 3]
)
def test_a_document_cut_off_among_what_nobody_watches_is_refused(cut: int) -> None:
    body = month(WATCHED, OTHER, OTHER)
    with pytest.raises(ParseError, match="cut off or damaged"):
        snapshot(body[:-cut])


@pytest.mark.parametrize("prefix", [b"v:", b""], ids=["another", "none"])
def test_prefixes_make_no_difference(prefix: bytes) -> None:
    body = (
        month(WATCHED, DAMAGED)
        .replace(b"xmlns:vuln=", b"xmlns:v=")
        .replace(b"vuln:", prefix)
    )
    assert snapshot(body) == snapshot(month(WATCHED, DAMAGED))
