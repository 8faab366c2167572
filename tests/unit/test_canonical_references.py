"""Builds, articles, CVEs, links and dates have one spelling; what is none is nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.judgement import normalize


@pytest.mark.parametrize(
    ("written", "build"),
    [
        ("15.02.1544.004", "15.2.1544.4"),
        ("15.2.1544.04", "15.2.1544.4"),
        ("15.2.1544.4", "15.2.1544.4"),
        (" 15.00.847.064\N{NO-BREAK SPACE}", "15.0.847.64"),
        ("Build 15.1.2507.43", "15.1.2507.43"),
        ("6.5.7683", "6.5.7683"),
        ("10.0.26100.1742", "10.0.26100.1742"),
        ("https://aka.example.org/builds", ""),
        ("1.2.3-4", ""),
        ("15.2", ""),
        ("", ""),
    ],
)
def test_a_build_has_one_spelling(written: str, build: str) -> None:
    assert normalize.build(written) == build


@given(st.lists(st.integers(0, 99999), min_size=3, max_size=4), st.integers(0, 5))
def test_padding_never_changes_a_build(parts: list[int], width: int) -> None:
    padded = ".".join(f"{part:0{width + 1}d}" for part in parts)
    assert normalize.build(padded) == ".".join(map(str, parts)) or any(
        len(part) > 6 for part in padded.split(".")
    )
    assert normalize.build_key(normalize.build(padded)) in {tuple(parts), ()}


def test_builds_compare_as_numbers() -> None:
    assert normalize.build_key("15.2.1544.13") > normalize.build_key("15.02.1544.004")
    assert normalize.build_key("none") == ()


def test_prose_names_builds_and_addresses_are_none() -> None:
    prose = (
        "E12IIS, 15.01.2375.024, from 192.168.100.10 or 10.0.0.1; 15.2.986.5. "
        "Twice: 15.1.2375.24, not 1.2.3.4.5 nor 15.2.986.5-rc1"
    )
    assert normalize.builds_in(prose) == ("15.1.2375.24", "15.2.986.5")


@pytest.mark.parametrize(
    "written",
    [
        "5044062",
        "KB5044062",
        "kb 5044062",
        "KB-5044062",
        "KB article 5044062",
        "https://support.microsoft.com/help/5044062",
        "https://support.microsoft.com/en-us/servicing/exchange/server/update/2026/5044062",
        "https://support.microsoft.com/hotfix/2026/5044062",
        "https://support.microsoft.com/en-us/help/5044062",
        "https://support.microsoft.com/KB/5044062",
        "https://support.microsoft.com/topic/5044062",
        "https://support.microsoft.com/en-us/topic/description-kb5044062-851b3005-6d39",
        "https://catalog.example.org/c/exchange2019-kb5044062-x64-en_1a2b.cab",
    ],
)
def test_an_article_has_one_spelling(written: str) -> None:
    assert normalize.kb(written) == "KB5044062"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "Release Notes",
        "1234567",
        "https://support.microsoft.com/help/1234567",
        "0000000",
        "12345",
        "12345678",
    ],
)
def test_what_is_no_article_is_none(written: str) -> None:
    assert normalize.kb(written) == ""


def test_prose_names_articles_with_and_without_kb() -> None:
    prose = (
        "Security update 5044062 (KB5049233), Monthly Rollups 4022719, 4022724; "
        "KB 5044062 again; not 2201010001, 1544062.5 or post/4341892"
    )
    assert normalize.kbs_in(prose) == (
        "KB5044062",
        "KB5049233",
        "KB4022719",
        "KB4022724",
    )


def test_prose_names_vulnerabilities_and_advisories() -> None:
    assert normalize.cves_in(
        "CVE\N{NON-BREAKING HYPHEN}2024\N{NON-BREAKING HYPHEN}49040, "
        "cve-2024-49040, ADV190007; XCVE-2024-1 CVE-2024-123"
    ) == ("CVE-2024-49040", "ADV190007")


@pytest.mark.parametrize(
    ("spellings", "link"),
    [
        (
            (
                "http://www.microsoft.com/download/details.aspx?familyid=9FBD842E-828a-408a-b562-5632a8a827ab",
                "https://www.microsoft.com/en-us/downloads/details.aspx?familyID=9fbd842e-828a-408a-b562-5632a8a827ab&displaylang=en",
                "https://microsoft.com/download/details.aspx?id=%7B9fbd842e-828a-408a-b562-5632a8a827ab%7D&utm_source=x",
            ),
            "https://www.microsoft.com/download/details.aspx?familyid=9fbd842e-828a-408a-b562-5632a8a827ab",
        ),
        (
            (
                "https://www.microsoft.com/en-us/download/details.aspx?id=106402",
                "https://www.microsoft.com/download/confirmation.aspx?id=106402#top",
            ),
            "https://www.microsoft.com/download/details.aspx?id=106402",
        ),
        (
            ("https://www.microsoft.com/download/?x=1",),
            "https://www.microsoft.com/download?x=1",
        ),
        (
            ("https://www.microsoft.com/download/details.aspx?x=1",),
            "https://www.microsoft.com/download/details.aspx?x=1",
        ),
        (
            (
                "https://techcommunity.microsoft.com/t5/exchange-team-blog/slug/ba-p/4561718",
                "https://techcommunity.microsoft.com/blog/exchange/another-slug/4561718?WT.mc_id=x",
                "https://techcommunity.microsoft.com/blog/Exchange/slug/4561718/",
            ),
            "https://techcommunity.microsoft.com/blog/4561718",
        ),
        (
            (
                "https://techcommunity.microsoft.com/t5/exchange-team-blog/slug/bc-p/3356108",
            ),
            "https://techcommunity.microsoft.com/t5/exchange-team-blog/slug/bc-p/3356108",
        ),
        (
            (
                "https://support.microsoft.com/en-us/topic/a-title-kb5049233-1a2b",
                "http://support.microsoft.com/kb/5049233",
            ),
            "https://support.microsoft.com/help/5049233",
        ),
        (
            (
                "https://docs.microsoft.com/en-us/exchange/page?view=b&a=1",
                "https://learn.microsoft.com/de-de/exchange/page?a=1&view=b",
            ),
            "https://learn.microsoft.com/exchange/page?a=1&view=b",
        ),
        (
            ("HTTP://Example.org:80/a//b/?b=2&a=1#f", "http://example.org/a/b?a=1&b=2"),
            "http://example.org/a/b?a=1&b=2",
        ),
        (("https://example.org:8443/en-us/a",), "https://example.org:8443/en-us/a"),
        (("(https://example.org/)",), "https://example.org/"),
        (("http://[",), "http://["),
        (("http://example.org:port/",), "http://example.org:port/"),
        (("mailto:a@example.org",), "mailto:a@example.org"),
        (("/relative",), "/relative"),
        (("",), ""),
    ],
)
def test_a_link_has_one_spelling(spellings: tuple[str, ...], link: str) -> None:
    assert {normalize.link(url) for url in spellings} == {link}


@given(st.text())
def test_any_text_survives_as_a_link(text: str) -> None:
    assert normalize.link(normalize.link(text)) is not None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("August 11, 2026", (2026, 8, 11)),
        ("May25, 2004", (2004, 5, 25)),
        ("December, 2015", (2015, 12, 1)),
        ("August 2006", (2006, 8, 1)),
        ("11 August 2026", (2026, 8, 11)),
        ("Sept. 3rd, 2024", (2024, 9, 3)),
        ("2026-08-11", (2026, 8, 11)),
        ("Updated on 5/11/2022", (2022, 5, 11)),
        ("Updated on 5/11/2022, not on March 3, 2020", (2022, 5, 11)),
        ("13/45/2024, and then 2024-01-02", (2024, 1, 2)),
    ],
)
def test_a_date_is_read_in_every_form_seen(
    text: str, day: tuple[int, int, int]
) -> None:
    assert normalize.date(text) == datetime(*day, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "-", "13/45/2024"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert normalize.date(text) is None


def test_folding_leaves_one_kind_of_space_hyphen_and_quote() -> None:
    text = "\ufeff\u00a0Can\u2019t\u200b  \u201cre\u2013open\u201d\n\u2026 A"
    assert normalize.fold(text) == 'Can\'t "re-open" ... A'


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert normalize.fold(normalize.fold(text)) == normalize.fold(text)
