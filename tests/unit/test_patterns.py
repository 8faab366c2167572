"""Names as people write them are the names that the watcher uses."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.config.source_settings import BUILTIN, USUAL
from watcher.judgement.normalize import product
from watcher.judgement.normalize.products import canonical, patterns_of
from watcher.records import Watch
from watcher.setup.interview import SETS

EXCHANGE = "Exchange Server 2019 CU15"
X64 = "Windows 11 Version 24H2 for x64-based Systems"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Exchange", EXCHANGE),
        ("Exchange*", EXCHANGE),
        ("Exchange Server", EXCHANGE),
        ("Exchange 2019", EXCHANGE),
        ("exchange 2019*", EXCHANGE),
        ("Microsoft Exchange Server 2019*", EXCHANGE),
        ("Microsoft Exchange Server 2019 Cumulative Update 15", EXCHANGE),
        ("Exchange Server 2019 Cumulative Update 15*", EXCHANGE),
        ("Exchange 2019 CU15", EXCHANGE),
        ("Exchange Server Subscription Edition*", "Exchange Server SE"),
        ("Microsoft Exchange Server Subscription Edition RTM", "Exchange Server SE"),
        ("Exchange SE", "Exchange Server SE"),
        ("SQL 2022", "SQL Server 2022 for x64-based Systems (GDR)"),
        ("Microsoft SQL Server 2022*", "SQL Server 2022"),
        ("SQL*", "SQL Server 2025"),
        ("MSSQL 2019", "SQL Server 2019"),
        ("Windows 11 24H2", X64),
        ("windows 11, version 24h2", X64),
        ("Win 11", X64),
        ("Windows 10 1809*", "Windows 10 Version 1809 for 32-bit Systems"),
        ("Windows 2022", "Windows Server 2022"),
        ("Server 2019", "Windows Server 2019 (Server Core installation)"),
        ("Windows Server 2012", "Windows Server 2012 (Server Core installation)"),
        ("Windows Server 2012 R2", "Windows Server 2012 R2"),
        ("Windows Server 23H2", "Windows Server, version 23H2"),
        ("SharePoint 2019", "SharePoint Server 2019"),
        ("SharePoint SE", "SharePoint Server Subscription Edition"),
        (
            "SharePoint Server Subscription Edition",
            "SharePoint Server Subscription Edition",
        ),
        (".NET 8", ".NET 8.0 SDK 8.0.4xx"),
        ("dotnet 10", ".NET 10.0"),
        ("Microsoft .NET Framework*", ".NET Framework 4.8"),
        ("Microsoft 365 Apps*", "Microsoft 365 Apps Current Channel"),
        ("Microsoft 365 Apps*", "365 Apps for Enterprise for 64-bit Systems"),
        ("M365 Apps", "Microsoft 365 Apps Monthly Enterprise Channel"),
        ("Microsoft Edge", "Edge (Chromium-based)"),
        ("Microsoft Edge*", "Edge"),
    ],
)
def test_what_people_write_matches_the_canonical_name(written: str, name: str) -> None:
    assert Watch(patterns_of(written)).wants(name)


@pytest.mark.parametrize(
    ("written", "other"),
    [
        ("Exchange Server 2019 CU1", "Exchange Server 2019 CU15"),
        ("Exchange 2016", EXCHANGE),
        ("Windows Server 2012", "Windows Server 2012 R2"),
        ("Windows Server 2012", "Windows Server 2012 R2 (Server Core installation)"),
        ("Windows 11 24H2", "Windows 11 Version 23H2 for x64-based Systems"),
        ("SQL 2022", "SQL Server 2019"),
        ("SharePoint 2019", "SharePoint Enterprise Server 2016"),
        (".NET 8", ".NET 9.0"),
        ("Edge", "Exchange Server 2019 CU15"),
    ],
)
def test_what_people_write_matches_no_other_product(written: str, other: str) -> None:
    assert not Watch(patterns_of(written)).wants(other)


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "Exchange Server*",
        "Exchange Server 201[69]*",
        "ESXi*",
        "QTS 5.2",
        "FortiOS",
    ],
)
def test_a_pattern_that_is_right_stays_as_it_is(pattern: str) -> None:
    assert patterns_of(pattern) == (pattern,)


@pytest.mark.parametrize("name", USUAL)
def test_a_canonical_name_is_its_own(name: str) -> None:
    assert Watch(patterns_of(name)).wants(name)
    assert Watch(patterns_of(f"{name}*")).wants(name)
    assert Watch(patterns_of(f"Microsoft {name}*")).wants(name)


@given(st.text(max_size=40))
def test_any_text_gives_a_pattern_and_the_pattern_itself(text: str) -> None:
    for pattern in patterns_of(text):
        fnmatchcase("anything", pattern)
        assert pattern in patterns_of(pattern)


def test_an_inventory_may_use_everyday_names() -> None:
    assert product(canonical("Exchange 2019 CU 14")) == "Exchange Server 2019 CU14"
    assert canonical("SQL 2022") == "SQL Server 2022"


def test_each_set_switches_sources_on_of_its_own() -> None:
    general = {source.name for source in BUILTIN if not source.products}
    for each in SETS:
        watch = Watch(tuple(p for text in each.patterns for p in patterns_of(text)))
        asked = {source.name for source in BUILTIN if source.asked_for(watch)}
        assert asked - general, each.name
