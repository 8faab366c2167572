"""Which update is meant."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from tests.unit.builders import (
    CU14,
    NOV,
    SU,
    advisory,
    days,
    issue,
    package,
    page,
    row,
    update,
)
from watcher.judgement import normalize
from watcher.judgement.names import (
    Identity,
    advisory_identity,
    base_product,
    entry_names,
    label_names,
    link_name,
    lone_identity,
    made_identity,
    month_of,
    monthly_identity,
    slug,
    update_names,
    with_version,
)
from watcher.records import Advisory, Label, Package


def test_an_id_is_fit_for_an_address() -> None:
    assert slug("Exchange Server 2010 SP3 RU32") == "exchange-server-2010-sp3-ru32"
    assert monthly_identity("Exchange Server", "2030-11", "SU") == Identity(
        SU,
        "Exchange Server November 2030 SU",
    )
    assert made_identity("Exchange Server 2019 CU15") == Identity(
        "exchange-server-2019-cu15",
        "Exchange Server 2019 CU15",
    )
    assert advisory_identity("CVE-2030-0001") == Identity(
        "cve-2030-0001", "CVE-2030-0001"
    )


def test_an_update_of_no_label_is_its_article_or_its_build() -> None:
    assert lone_identity(Package("Windows Server 2019", "KB5990617")) == Identity(
        "windows-kb5990617",
        "Windows KB5990617",
    )
    assert lone_identity(
        Package("Windows Server 2019", "", "10.0.17763.1")
    ) == Identity(
        "windows-10-0-17763-1",
        "Windows 10.0.17763.1",
    )


def test_a_version_is_said_from_the_second_on() -> None:
    assert [with_version("November SU", version) for version in (1, 2)] == [
        "November SU",
        "November SU v2",
    ]


@pytest.mark.parametrize(
    ("label", "names"),
    [
        (None, ()),
        (Label("Exchange Server", CU14, ""), ()),
        (
            Label("Exchange Server", CU14, "SU", "2030-11", 2),
            ("label:exchange server/2030-11/su",),
        ),
        (Label("Exchange Server", CU14, "SU"), ()),
        (Label("Exchange Server", CU14, "CU"), ("made:exchange server 2019 cu14",)),
        (
            Label("Exchange Server", "", "CU", "2030-09"),
            ("label:exchange server/2030-09/cu",),
        ),
        (Label("Exchange Server", "", "RU"), ()),
    ],
)
def test_v2_is_the_same_update_and_a_cumulative_update_is_its_product(
    label: Label | None, names: tuple[str, ...]
) -> None:
    assert label_names(label) == names


def test_names_come_strongest_first() -> None:
    entry = replace(
        row(f"{CU14} Nov30SU", "15.2.1544.13", "KB9000001"),
        cves=("CVE-2030-0001",),
        kbs=("KB9000009",),
    )
    names = entry_names(entry)
    assert names[:4] == (
        "kb:KB9000001",
        "build:exchange server:15.2.1544.13",
        "kb:KB9000009",
        "label:exchange server/2030-11/su",
    )
    assert names[-1] == "cve:CVE-2030-0001"


def test_a_record_is_sought_under_the_months_of_its_dates_where_updates_bear_months() -> (
    None
):
    entry = advisory("CVE-2030-0001", package(), published=NOV, updated=NOV + days(30))
    assert {
        f"label:exchange server/2030-{month}/{kind}"
        for month in (11, 12)
        for kind in ("su", "hu")
    } <= set(entry_names(entry))
    windows = advisory("CVE-2030-0001", Package("Windows Server 2019", "KB5990617"))
    assert entry_names(windows) == ("kb:KB5990617", "cve:CVE-2030-0001")


def test_a_package_page_is_sought_by_its_link_too_and_an_issue_by_article_and_label() -> (
    None
):
    assert "link:https://www.microsoft.com/download/details.aspx?id=7" in [
        name.replace(
            normalize.link("https://www.microsoft.com/download/details.aspx?id=7"),
            "https://www.microsoft.com/download/details.aspx?id=7",
        )
        for name in entry_names(page("7", available=True))
    ]
    assert entry_names(
        issue("1", kbs=["KB9000001"], label="Exchange Server Nov30SU")
    ) == ("kb:KB9000001", "label:exchange server/2030-11/su", "open:exchange server")


def test_a_ledger_row_is_found_by_all_that_it_holds() -> None:
    url = "https://www.microsoft.com/download/details.aspx?id=7"
    held = update(
        SU,
        package(build="15.2.1544.13", url=url),
        kbs=("KB9000009",),
        advisories=(Advisory("CVE-2030-0001"),),
        names=("x",),
    )
    assert update_names(held) == tuple(
        sorted(
            [
                "x",
                "kb:KB9000001",
                "build:exchange server:15.2.1544.13",
                link_name(url),
                "kb:KB9000009",
                "cve:CVE-2030-0001",
            ]
        )
    )


def test_what_sources_disagree_about_is_no_part_of_a_product() -> None:
    assert [
        base_product(name)
        for name in ("Exchange Server SE RTM", "Exchange Server 2010 SP3 RU31", CU14)
    ] == ["Exchange Server SE", "Exchange Server 2010 SP3", CU14]
    assert month_of(datetime(2030, 1, 2, tzinfo=NOV.tzinfo)) == "2030-01"
