from __future__ import annotations

import json

import pytest

from tests.sources.reading import EXCHANGE, body, read
from watcher.errors import ParseError
from watcher.records import Coverage, Follow, Snapshot, Watch

HOME = "https://msrc.microsoft.com/csaf/provider-metadata.json"
WELL_KNOWN = "https://example.org/.well-known/csaf/"


def listed(
    case: str, url: str, document: str = "", watch: Watch = EXCHANGE
) -> Snapshot:
    return read("csaf", body("csaf", case), url, watch, document=document)


def test_metadata_leads_to_the_changes_of_each_directory() -> None:
    assert listed("provider-metadata.json", HOME).follow == (
        Follow(
            "advisories/changes.csv",
            "https://msrc.microsoft.com/csaf/advisories/changes.csv",
            instead="https://msrc.microsoft.com/csaf/advisories/index.txt",
        ),
    )


def test_microsofts_vex_directory_is_followed_only_when_linux_is_watched() -> None:
    names = [
        row.document
        for row in listed(
            "provider-metadata.json", HOME, watch=Watch(("*Azure Linux*",))
        ).follow
    ]
    assert names == ["advisories/changes.csv", "vex/changes.csv"]


def test_feeds_are_preferred_to_directories_and_those_that_need_credentials_are_left() -> (
    None
):
    feeds = [
        {"url": f"{WELL_KNOWN}feed-tlp-{label}.json", "tlp_label": label.upper()}
        for label in ("white", "amber")
    ]
    content = {
        "canonical_url": HOME,
        "distributions": [
            {"directory_url": f"{WELL_KNOWN}white"},
            {"rolie": {"feeds": feeds}},
        ],
    }
    snapshot = read(
        "csaf", json.dumps(content).encode(), WELL_KNOWN + "provider-metadata.json"
    )
    assert snapshot.follow == (
        Follow("feed-tlp-white.json", WELL_KNOWN + "feed-tlp-white.json"),
    )
    assert (snapshot.total, snapshot.entries, snapshot.coverage) == (
        2,
        (),
        Coverage.COMPLETE,
    )


@pytest.mark.parametrize(
    ("distributions", "said"),
    [
        ([], "none at all"),
        (
            [
                {
                    "rolie": {
                        "feeds": [
                            {"url": "https://example.org/red", "tlp_label": "RED"}
                        ]
                    }
                }
            ],
            "RED",
        ),
    ],
)
def test_a_provider_without_anything_public_is_a_failure(
    distributions: list[object], said: str
) -> None:
    content = {
        "canonical_url": HOME,
        "metadata_version": "2.0",
        "distributions": distributions,
    }
    with pytest.raises(
        ParseError, match=f"has no public distribution; its feeds are: {said}"
    ):
        read("csaf", json.dumps(content).encode(), HOME)


def test_metadata_without_its_own_address_is_refused() -> None:
    with pytest.raises(
        ParseError,
        match="CSAF provider metadata: Object missing required field `canonical_url`",
    ):
        read("csaf", b'{"metadata_version": "2.0"}', HOME)


def test_a_feed_leads_to_what_changed_in_ninety_days_and_to_its_next_page() -> None:
    snapshot = listed(
        "rolie.json", WELL_KNOWN + "feed-tlp-white.json", "feed-tlp-white.json"
    )
    assert snapshot.follow == (
        Follow(
            "2031/ex-2031-09.json",
            WELL_KNOWN + "2031/ex-2031-09.json",
            "2031-11-20T06:00:00.123456+00:00",
        ),
        Follow(
            "cdn.example.org/csaf/ex-2031-08.json",
            "https://cdn.example.org/csaf/ex-2031-08.json",
            "2031-11-19T06:00:00+00:00",
        ),
        Follow("feed-tlp-white-2.json", WELL_KNOWN + "feed-tlp-white-2.json"),
    )
    assert snapshot.total == 3


def test_a_documents_name_is_the_same_from_every_list() -> None:
    (row,) = [
        row
        for row in listed(
            "rolie.json",
            "https://cdn.example.org/csaf/feed.json",
            "cdn.example.org/csaf/feed.json",
        ).follow
        if "08" in row.document
    ]
    assert row.document == "cdn.example.org/csaf/ex-2031-08.json"


def test_a_feed_with_a_mistyped_date_names_the_place() -> None:
    content = body("csaf", "rolie.json").replace(b"2031-11-19T06:00:00Z", b"19 Nov")
    with pytest.raises(
        ParseError, match=r"this is not a ROLIE feed: .*`\$\.feed\.entry\[1\]\.updated`"
    ):
        read("csaf", content, WELL_KNOWN + "feed.json")


def test_changes_lead_to_documents_below_their_own_folder_only() -> None:
    folder = "https://msrc.microsoft.com/csaf/advisories/"
    snapshot = listed("changes.csv", folder + "changes.csv", "advisories/changes.csv")
    assert snapshot.follow == (
        Follow(
            "advisories/2031/esrc_cve-2031-40001.json",
            folder + "2031/esrc_cve-2031-40001.json",
            "2031-11-27T08:00:12+00:00",
        ),
        Follow(
            "advisories/2031/esrc_cve-2031-40000.json",
            folder + "2031/esrc_cve-2031-40000.json",
            "2031-11-25T08:00:12+00:00",
        ),
    )
    assert snapshot.total == 4


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b'"path","time"\r\n"x.json","never"', "no line of a path and a time"),
        (b'"' + b"x" * 140_000 + b'","2031-11-01T00:00:00Z"', "changes.csv is no CSV"),
    ],
)
def test_changes_of_another_form_are_refused(content: bytes, cause: str) -> None:
    with pytest.raises(ParseError, match=cause):
        read("csaf", content, "https://example.org/csaf/changes.csv")


def test_an_index_without_final_newline_leads_to_all_but_old_years() -> None:
    snapshot = listed(
        "index.txt", "https://example.org/csaf/index.txt", "csaf/index.txt"
    )
    assert [row.document for row in snapshot.follow] == [
        "csaf/2031/esrc_cve-2031-40001.json",
        "csaf/2030/esrc_cve-2030-2054.json",
        "csaf/esrc-undated.json",
    ]
    assert snapshot.total == 4
    assert {row.mark for row in snapshot.follow} == {""}


@pytest.mark.parametrize("content", [b"", b" \n", b"Service unavailable"])
def test_what_is_no_list_is_a_failure(content: bytes) -> None:
    with pytest.raises(ParseError, match=r"a CSAF document, feed or list"):
        read("csaf", content, "https://example.org/csaf/index.txt")


def test_a_directory_listing_leads_to_documents_and_young_folders() -> None:
    snapshot = listed("listing.html", "https://example.org/csaf/white/")
    assert [row.document for row in snapshot.follow] == [
        "ex-2031-09.json",
        "files.example.org/psirt/csaf_a-title.json",
        "2031/",
    ]
    assert snapshot.total == 5


@pytest.mark.parametrize("name", ["changes.csv", "index.txt"])
def test_a_listing_with_a_list_of_its_own_leads_there(name: str) -> None:
    page = f'<a href="2031/">2031</a><a href="index.txt">i</a><a href="{name}">list</a>'.encode()
    assert read("csaf", page, "https://example.org/csaf/").follow == (
        Follow(name, f"https://example.org/csaf/{name}"),
    )


def test_a_listing_never_leads_back_to_itself() -> None:
    page = (
        b'<a href="https://example.org/csaf/x.json">a</a><a '
        b'href="https://example.org/csaf/y.json">b</a>'
    )
    assert [
        row.document
        for row in read("csaf", page, "https://example.org/csaf/x.json").follow
    ] == ["y.json"]


def test_a_page_that_offers_cvrf_only_says_so() -> None:
    with pytest.raises(
        ParseError,
        match=r'it offers CVRF only, "https://example.org/psirt/cvrf/EX-1"\): it begins with the title "PSIRT"',
    ):
        read(
            "csaf",
            b'<html><title>PSIRT</title><a href="/psirt/cvrf/EX-1">CVRF</a>',
            "https://example.org/psirt/EX-1",
        )


def test_a_page_without_documents_is_refused_by_its_title() -> None:
    with pytest.raises(
        ParseError,
        match='this is not a page that links CSAF documents: it begins with the title "Sign in"',
    ):
        read(
            "csaf",
            b"<html><title>Sign in</title><a href='/login'>x</a>",
            "https://example.org/csaf/",
        )


def test_a_link_that_is_no_address_does_not_end_the_listing() -> None:
    page = (
        b'<a href="https://[::/x.json?csaf_url=https://[/y.json">bad</a><a '
        b'href="good.json#top">good</a>'
    )
    assert "good.json#top" in [
        row.document for row in read("csaf", page, "https://example.org/csaf/").follow
    ]


def test_a_security_txt_leads_to_the_providers_metadata() -> None:
    body = b"""# Security
Contact: mailto:psirt@example.org
CSAF: https://example.org/.well-known/csaf/provider-metadata.json
"""
    found = read("csaf", body, "https://example.org/.well-known/security.txt")
    (follow,) = found.follow
    assert follow.url == "https://example.org/.well-known/csaf/provider-metadata.json"


@pytest.mark.parametrize(
    "content",
    [
        b"CSAF: example.org/.well-known/csaf/provider-metadata.json\n",
        (
            b'{"canonical_url": "https://example.org/p.json", "metadata_version": "2.0",'
            b'"distributions": [{"directory_url": "example.org/csaf/"}]}'
        ),
        (
            b'{"feed": {"id": "f", "title": "f", "updated": "2031-11-30T00:00:00Z",'
            b'"entry": [{"id": "A", "title": "A", "updated": "2031-11-30T00:00:00Z",'
            b'"published": "2031-11-30T00:00:00Z",'
            b'"content": {"type": "application/json", "src": "example.org/a.json"}}]}}'
        ),
    ],
    ids=["security.txt", "provider metadata", "feed"],
)
def test_a_list_of_addresses_without_scheme_is_refused_by_name(content: bytes) -> None:
    """It would lead nowhere, and be silent for ever."""
    with pytest.raises(ParseError, match=r"without https://.*example\.org"):
        read("csaf", content, HOME)
