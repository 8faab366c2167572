"""KB articles and advisories have one spelling; what is none is nothing."""

from __future__ import annotations

import pytest

from watcher.judgement import normalize


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
