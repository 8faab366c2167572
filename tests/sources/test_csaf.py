from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.sources.reading import EVERYTHING, EXCHANGE, body, only, read
from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Entry, Package, Snapshot, Watch

URL = "https://msrc.microsoft.com/csaf/advisories/2031/esrc_cve-2031-40001.json"
NAME = "advisories/2031/esrc_cve-2031-40001.json"


def advisory() -> Any:
    return json.loads(body("csaf", "exchange-paused-and-back.json"))


def of(document: Any, watch: Watch = EXCHANGE, name: str = NAME) -> Snapshot:
    return read("csaf", json.dumps(document).encode(), URL, watch, document=name)


def exchange() -> Entry:
    return only(of(advisory()))


def test_a_document_is_one_entry_under_its_tracking_id_in_capitals() -> None:
    entry = exchange()
    assert (entry.key, entry.cves, entry.revision) == (
        "ESRC_CVE-2031-40001",
        ("CVE-2031-40001",),
        "3",
    )


def test_packages_are_reduced_to_watched_products_and_read_from_microsofts_details() -> (
    None
):
    assert exchange().packages == (
        Package(
            "Exchange Server 2019 CU14",
            "KB5999233",
            "15.2.1544.14",
            "https://support.microsoft.com/help/5999233",
            type="SU",
        ),
        Package(
            "Exchange Server 2016 CU23", "", "15.1.2507.44", "", esu=True, type="SU"
        ),
    )


def test_everything_watched_includes_the_other_products() -> None:
    assert only(of(advisory(), EVERYTHING)).products == (
        "Exchange Server 2019 CU14",
        "Exchange Server 2016 CU23",
        "SharePoint Server 2019",
    )


def test_revisions_stand_in_the_order_of_their_numbers_whatever_the_order_in_the_document() -> (
    None
):
    revisions = [
        passage
        for passage in exchange().passages
        if passage.name.startswith("revision")
    ]
    assert [passage.name for passage in revisions] == [
        "revision 1",
        "revision 2",
        "revision 3",
    ]
    assert (
        revisions[1].text
        == "Added an FAQ: we have temporarily paused the rollout of this update."
    )
    assert revisions[1].time == datetime(2031, 11, 14, 8, tzinfo=UTC)


def test_version_numbers_are_compared_as_numbers() -> None:
    entry = only(
        read(
            "csaf",
            body("csaf", "everything-groups-and-prose.json"),
            "https://example.org/csaf/ex-2031_07.json",
            EVERYTHING,
        )
    )
    names = [
        passage.name
        for passage in entry.passages
        if passage.name.startswith("revision")
    ]
    assert names == ["revision 1.0.0", "revision 1.9.0", "revision 1.10.0"]


def test_a_time_without_zone_is_utc_and_one_with_six_decimals_is_kept() -> None:
    entry = only(
        read(
            "csaf",
            body("csaf", "everything-groups-and-prose.json"),
            "https://example.org/csaf/ex-2031_07.json",
            EVERYTHING,
        )
    )
    assert entry.published == datetime(2031, 7, 1, 7, tzinfo=UTC)
    assert entry.updated == datetime(2031, 7, 3, 7, 43, 27, 75341, tzinfo=UTC)
    assert entry.passages[1].time == datetime(2031, 7, 2, tzinfo=UTC)


def test_disclosure_and_exploitation_come_from_the_exploit_status() -> None:
    assert (exchange().disclosed, exchange().exploited) == (True, False)


def test_one_exploited_vulnerability_of_several_makes_the_document_exploited() -> None:
    document = advisory()
    second = json.loads(
        json.dumps(document["vulnerabilities"][0]).replace(
            "Exploited:No", "Exploited:Yes"
        )
    )
    document["vulnerabilities"] = [second, document["vulnerabilities"][0]]
    assert only(of(document)).exploited is True


def test_nothing_said_of_exploitation_is_neither_yes_nor_no() -> None:
    entry = only(
        read(
            "csaf",
            body("csaf", "everything-groups-and-prose.json"),
            "https://example.org/csaf/ex-2031_07.json",
            EVERYTHING,
        )
    )
    assert (entry.disclosed, entry.exploited) == (None, None)
    assert "No public exploits are known." in [
        passage.text for passage in entry.passages
    ]


def test_boilerplate_is_no_passage_and_a_description_keeps_its_name() -> None:
    texts = {passage.name: passage.text for passage in exchange().passages}
    assert texts["description"] == "Description\nSomebody could spoof a sender."
    assert (
        texts["faq"]
        == "How do I protect myself?\nInstall the update and read the guidance."
    )
    assert not any(
        "warranty" in text or "lifecycle" in text or "Assigning" in text
        for text in texts.values()
    )


def test_a_regeneration_changes_no_fingerprint() -> None:
    document = advisory()
    document["document"]["tracking"]["generator"]["date"] = "2032-02-02T00:00:00Z"
    document["document"]["acknowledgments"] = []
    document["document"]["tracking"]["current_release_date"] = "2031-11-20T00:00:00Z"
    document["document"]["tracking"]["revision_history"].reverse()
    assert normalize.fingerprint(only(of(document))) == normalize.fingerprint(
        exchange()
    )


def test_the_page_for_readers_is_preferred_to_the_json() -> None:
    assert (
        exchange().url
        == "https://example.org/update-guide/vulnerability/CVE-2031-40001"
    )
    document = advisory()
    document["document"]["references"] = []
    assert only(of(document)).url == URL


def test_groups_relationships_and_branches_name_products() -> None:
    entry = only(
        read(
            "csaf",
            body("csaf", "everything-groups-and-prose.json"),
            "https://example.org/csaf/ex-2031_07.json",
            EVERYTHING,
        )
    )
    assert entry.products == (
        "Meter",
        "Example Instruments Gauge",
        "Meter Reader on Gauge",
        "Relay 7",
    )
    assert entry.packages == tuple(
        Package(name, url="https://example.org/meter/2")
        for name in ("Meter", "Example Instruments Gauge")
    )


def test_a_product_is_watched_under_its_vendors_name_too() -> None:
    content = body("csaf", "everything-groups-and-prose.json")
    entry = only(
        read(
            "csaf",
            content,
            "https://example.org/csaf/ex-2031_07.json",
            Watch(("Example Instruments Meter*",)),
        )
    )
    assert entry.products == ("Example Instruments Meter",)


def test_a_product_that_is_known_not_to_be_affected_is_no_entry() -> None:
    snapshot = read(
        "csaf",
        body("csaf", "everything-groups-and-prose.json"),
        "https://example.org/csaf/ex-2031_07.json",
        Watch(("Meter Reader",)),
    )
    assert (snapshot.total, snapshot.revisions, snapshot.entries) == (1, 3, ())


def test_a_document_that_tells_no_standing_speaks_of_its_whole_tree() -> None:
    document = advisory()
    document["vulnerabilities"] = []
    entry = only(of(document))
    assert entry.products == ("Exchange Server 2019 CU14", "Exchange Server 2016 CU23")
    assert entry.cves == ("CVE-2031-40001",)
    assert (entry.cvss, entry.vector, entry.severity) == (None, "", "Important")


def test_the_highest_score_and_its_severity_stand_for_the_document() -> None:
    entry = only(
        read(
            "csaf",
            body("csaf", "everything-groups-and-prose.json"),
            "https://example.org/csaf/ex-2031_07.json",
            EVERYTHING,
        )
    )
    assert (entry.cvss, entry.vector, entry.severity) == (
        7.8,
        "AV:N/AC:L/Au:N/C:N/I:N/A:C",
        "",
    )


def test_a_cumulative_update_is_told_from_a_security_update() -> None:
    document = json.loads(
        json.dumps(advisory()).replace(
            "014:Security Update:", "014:Monthly Cumulative:"
        )
    )
    assert only(of(document)).packages[0].type == "CU"


def test_an_article_in_the_title_counts_unless_a_package_has_it() -> None:
    document = advisory()
    document["document"]["title"] = "KB5999233 and KB5999001 for Exchange"
    assert only(of(document)).kbs == ("KB5999001",)


@pytest.mark.parametrize(
    ("patterns", "entries"),
    [
        (("*",), 0),
        (("Exchange Server*",), 0),
        (("*Azure Linux*",), 1),
        (("azl3 ruby*", "*"), 1),
    ],
)
def test_linux_packages_of_vex_documents_are_watched_only_when_named(
    patterns: tuple[str, ...], entries: int
) -> None:
    snapshot = read(
        "csaf",
        body("csaf", "vex-of-linux-packages.json"),
        "https://example.org/csaf/vex/2031/x.json",
        Watch(patterns),
    )
    assert len(snapshot.entries) == entries
    assert all(
        entry.products == ("azl3 ruby 3.3.5-2 on Azure Linux 3.0",)
        for entry in snapshot.entries
    )


def test_a_document_calls_itself_by_its_path_unless_it_bears_another_documents_id() -> (
    None
):
    assert of(advisory()).identity == NAME
    assert of(advisory(), name="").identity == "esrc_CVE-2031-40001"
    assert (
        of(advisory(), name="advisories/2031/esrc_cve-2031-40002.json").identity
        == "esrc_CVE-2031-40001"
    )
    assert (
        of(advisory(), name="psirt/csaf_spoofing-vulnerability.json").identity
        == "psirt/csaf_spoofing-vulnerability.json"
    )


BREACHES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no id": (
        lambda document: document["document"]["tracking"].pop("id"),
        "`$.document.tracking`",
    ),
    "a version that is a number": (
        lambda document: document["document"]["tracking"].update(version=3),
        "`$.document.tracking.version`",
    ),
    "a version of another form": (
        lambda document: document["document"]["tracking"].update(version="v3"),
        "`$.document.tracking.version`",
    ),
    "no revision": (
        lambda document: document["document"]["tracking"].update(revision_history=[]),
        "`$.document.tracking.revision_history`",
    ),
    "a status of another version": (
        lambda document: document["document"]["tracking"].update(status="gone"),
        "`$.document.tracking.status`",
    ),
    "a date in words": (
        lambda document: document["document"]["tracking"]["revision_history"][1].update(
            date="12 November"
        ),
        "`$.document.tracking.revision_history[1].date`",
    ),
    "another standard": (
        lambda document: document["document"].update(csaf_version="1.2"),
        "`$.document.csaf_version`",
    ),
    "a list in a list": (
        lambda document: document.update(vulnerabilities=[document["vulnerabilities"]]),
        "`$.vulnerabilities[0]`",
    ),
    "null branches": (
        lambda document: document["product_tree"]["branches"][0].update(branches=None),
        "`$.product_tree.branches[0].branches`",
    ),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_document_that_breaks_the_standard_is_a_failure_that_names_the_place(
    breach: str,
) -> None:
    change, path = BREACHES[breach]
    document = advisory()
    change(document)
    with pytest.raises(ParseError, match=r"this is not a CSAF 2.0 document") as caught:
        of(document)
    assert path in caught.value.cause


def test_a_deep_tree_is_read_or_refused_but_never_ends_the_run() -> None:
    levels: dict[str, Any] = {
        "category": "product_name",
        "name": "Exchange Server 2019",
        "product": {"name": "x", "product_id": "deep"},
    }
    for depth in range(200):
        levels = {"category": "vendor", "name": f"level {depth}", "branches": [levels]}
    document = advisory()
    document["product_tree"]["branches"].append(levels)
    assert of(document).entries
    content = (
        json.dumps(document)
        .encode()
        .replace(
            b'"product_tree": {"branches": [',
            b'"product_tree": {"branches": [' + b'{"branches":[' * 100_000,
        )
    )
    with pytest.raises(ParseError, match="no whole JSON"):
        read("csaf", content, URL)


def test_control_characters_become_spaces_and_escaped_backslashes_stay() -> None:
    document = advisory()
    document["document"]["tracking"]["id"] = "esrc\u0000_CVE\\u0000"
    assert only(of(document, name="")).key == "ESRC _CVE\\U0000"


def test_a_document_in_utf_16_is_read() -> None:
    assert read(
        "csaf", b"\xff\xfe" + json.dumps(advisory()).encode("utf-16-le"), URL
    ).entries


def test_cvrf_under_csaf_is_called_so() -> None:
    with pytest.raises(ParseError, match="this is a CVRF document") as caught:
        read("csaf", b'<?xml version="1.0"?>\n<cvrf:cvrfdoc xmlns:cvrf="x"/>', URL)
    assert 'kind = "cvrf"' in caught.value.remedy


def test_other_json_is_refused_by_its_members() -> None:
    with pytest.raises(ParseError, match='it has the members "error, code"'):
        read("csaf", b'{"error": "busy", "code": 5}', URL)


def test_a_date_at_the_edge_of_the_calendar_is_none() -> None:
    document = advisory()
    document["document"]["tracking"]["initial_release_date"] = (
        "0001-01-01T00:00:00+10:00"
    )
    assert only(of(document)).published is None
