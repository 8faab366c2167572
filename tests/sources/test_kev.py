from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.sources.reading import EVERYTHING, EXCHANGE, body, read
from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Coverage, Snapshot, Watch

URL = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"


def catalogue(watch: Watch = EXCHANGE, content: bytes | None = None) -> Snapshot:
    return read(
        "kev", body("kev", "catalogue.json") if content is None else content, URL, watch
    )


def test_each_cve_of_a_watched_product_is_an_exploited_entry() -> None:
    entry = catalogue().entries[0]
    assert (entry.key, entry.cves, entry.exploited, entry.products) == (
        "CVE-2031-40001",
        ("CVE-2031-40001",),
        True,
        ("Exchange Server",),
    )
    assert (entry.title, entry.published) == (
        "Microsoft Exchange Server Spoofing Vulnerability",
        datetime(2031, 6, 9, tzinfo=UTC),
    )
    assert [passage.text for passage in entry.passages] == [
        "Microsoft Exchange Server contains a vulnerability.",
        "Due 2031-06-30: Apply mitigations per vendor instructions.",
        "Known to be used in ransomware campaigns.",
    ]


def test_the_whole_catalogue_is_counted_watched_or_not() -> None:
    snapshot = catalogue()
    assert (snapshot.total, snapshot.identity, snapshot.coverage) == (
        5,
        "kev",
        Coverage.COMPLETE,
    )


@pytest.mark.parametrize(
    ("pattern", "products"),
    [
        (
            "*",
            [
                ("Exchange Server",),
                ("Edge", "Exchange Server"),
                ("Example Meter",),
                ("Roundcube Webmail",),
                ("Windows",),
            ],
        ),
        ("Exchange Server*", [("Exchange Server",), ("Exchange Server",)]),
        ("Exchange Server 2019 CU1?", [("Exchange Server",), ("Exchange Server",)]),
        ("webmail", [("Webmail",)]),
        ("Windows Server 2019", [("Windows",)]),
        ("SharePoint*", []),
    ],
)
def test_products_are_those_watched_of_the_ones_an_entry_names(
    pattern: str, products: list[tuple[str, ...]]
) -> None:
    assert [
        entry.products for entry in catalogue(Watch((pattern,))).entries
    ] == products


def test_notes_edited_in_place_are_no_news() -> None:
    edited = body("kev", "catalogue.json").replace(
        b"example.org\\/b", b"example.org\\/c"
    )
    assert edited != body("kev", "catalogue.json")
    assert list(map(normalize.fingerprint, catalogue(content=edited).entries)) == list(
        map(normalize.fingerprint, catalogue().entries)
    )


@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_a_truncated_catalogue_is_a_failure(part: float) -> None:
    content = body("kev", "catalogue.json")
    with pytest.raises(
        ParseError, match="this is not CISA's KEV catalogue, for it is no whole JSON"
    ):
        catalogue(content=content[: int(len(content) * part)])


def test_a_catalogue_that_counts_itself_otherwise_is_a_failure() -> None:
    with pytest.raises(
        ParseError,
        match=r"KEV catalogue 2031\.06\.09 says that it has 9 vulnerabilities, but lists 5",
    ):
        catalogue(
            content=body("kev", "catalogue.json").replace(b'"count": 5', b'"count": 9')
        )


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (
            b'"cveID": "CVE-2031-40002"',
            b'"cveID": "40002"',
            r"vulnerabilities\[1\]\.cveID",
        ),
        (
            b'"dateAdded": "2031-06-08"',
            b'"dateAdded": "June 8"',
            r"vulnerabilities\[1\]\.dateAdded",
        ),
        (b'"product": "Edge and Exchange", ', b"", r"vulnerabilities\[1\]"),
        (b'"catalogVersion": "2031.06.09",', b"", r"catalogVersion"),
    ],
)
def test_what_breaks_the_schema_names_the_place(
    old: bytes, new: bytes, place: str
) -> None:
    with pytest.raises(ParseError, match=place):
        catalogue(EVERYTHING, body("kev", "catalogue.json").replace(old, new))


def test_a_number_of_too_many_digits_is_refused() -> None:
    with pytest.raises(ParseError, match="Number out of range"):
        catalogue(content=b"9" * 5000)
