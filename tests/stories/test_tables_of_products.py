"""Tables of Windows, SQL Server and SharePoint: what their rows say, and what they never do."""

from __future__ import annotations

from msgspec.structs import replace

from tests.stories.learn import grid, page
from tests.stories.pages import Cve, Fix, month
from tests.stories.telling import World
from watcher.config.source_settings import BUILTIN
from watcher.records import Source

URL = "https://learn.microsoft.com/en-us/example"
WINDOWS = (
    "Servicing option",
    "Update type",
    "Availability date",
    "Build",
    "KB article",
)
SQL = (
    "{} name",
    "SQL Server build version",
    "SQL Server (sqlservr.exe) file version",
    "Knowledge Base number",
    "Release date",
)
SHAREPOINT = ("Package Name", "KB Number", "Version", "Release Date")
Row = tuple[str, ...]


def reads(world: World, kind: str, *products: str) -> World:
    """Have a world read one page of a kind."""
    source = Source("page", kind, URL)
    world.settings = replace(world.settings, sources=(source,))
    world.watches(*products)
    return world


def at(world: World, time: str, body: bytes) -> list[str]:
    said = world.at(time, pages={URL: body})
    assert world.failures == []
    return said


# -- Windows


def windows(*rows: Row, hotpatches: tuple[Row, ...] = ()) -> bytes:
    table = grid(WINDOWS, *[("General Availability Channel", *row) for row in rows])
    calendar = grid(("Month", "Type", *WINDOWS[1:]), *hotpatches)
    return page(
        "Windows 11 release information",
        "<details open=''><summary><strong>Version 24H2 (OS build 26100)</strong>"
        f"</summary>{table}</details>"
        "<h3>Windows 11, version 24H2 (OS build 26100) hotpatch calendar</h3>"
        f"{calendar}",
    )


FIRST = ("", "2030-10-01", "26100.1742", "")
FEB = ("2031-02 B", "2031-02-11", "26100.7840", "KB5970002")
OOB = ("2031-03 OOB", "2031-03-21", "26100.8039", "KB5970003")
LATE = ("2031-03 D", "2031-03-26", "26100.8116", "KB5970004")
INSTEAD = ("2031-03 OOB", "2031-03-31", "26100.8117", "KB5970005")


def test_a_row_of_a_release_is_released_and_its_replacement_pulls_nothing(
    world: World,
) -> None:
    """March 2026: KB5079391 was withdrawn for KB5086672, and its row says nothing of it."""
    reads(world, "release-information", "Windows 11*")
    assert at(world, "2031-03-20 18:00", windows(FEB, FIRST)) == []
    assert at(world, "2031-03-21 18:00", windows(OOB, FEB, FIRST)) == [
        "released windows-kb5970003 KB5970003"
    ]
    assert at(world, "2031-03-26 18:00", windows(LATE, OOB, FEB, FIRST)) == [
        "released windows-kb5970004 KB5970004"
    ]
    # Two updates of one type and month: neither renames the other
    every = windows(INSTEAD, LATE, OOB, FEB, FIRST)
    assert at(world, "2031-03-31 18:00", every) == [
        "released windows-kb5970005 KB5970005"
    ]
    assert world.pulled == []


def test_a_row_that_is_gone_is_never_a_pull(world: World) -> None:
    reads(world, "release-information", "Windows 11*")
    at(world, "2031-03-20 18:00", windows(FEB, FIRST))
    at(world, "2031-03-26 18:00", windows(LATE, OOB, FEB, FIRST))
    said = at(world, "2031-03-26 20:00", windows(OOB, FEB, FIRST))
    assert [each.split()[0] for each in said] == ["pulled?"]
    assert at(world, "2031-03-28 20:00", windows(OOB, FEB, FIRST)) == []
    assert world.pulled == []


def test_a_hotpatch_stands_apart_and_a_baseline_once(world: World) -> None:
    reads(world, "release-information", "Windows 11*")
    at(
        world,
        "2031-02-01 18:00",
        windows(FIRST, ("2031-01 B", "2031-01-14", "26100.7000", "KB5970001")),
    )
    baseline = ("February", "Baseline (Restart)", "2031.02 B", *FEB[1:])
    hotpatch = (
        "February",
        "Hotpatch",
        "2031.02 B",
        "2031-02-11",
        "26100.7781",
        "KB5970009",
    )
    said = at(
        world,
        "2031-02-11 18:00",
        windows(
            FEB,
            FIRST,
            ("2031-01 B", "2031-01-14", "26100.7000", "KB5970001"),
            hotpatches=(baseline, hotpatch),
        ),
    )
    assert sorted(said) == [
        "released windows-kb5970002 KB5970002",
        "released windows-kb5970009 KB5970009",
    ]
    (package,) = world.update("windows-kb5970009").packages
    assert (package.type, package.build) == ("Hotpatch", "10.0.26100.7781")


def test_a_table_that_tells_after_msrc_tells_of_no_further_product(
    world: World,
) -> None:
    reads(world, "release-information", "Windows 11*")
    msrc = next(source for source in BUILTIN if source.name == "msrc-cvrf")
    world.settings = replace(world.settings, sources=(*world.settings.sources, msrc))
    older = ("2031-02 B", "2031-02-11", "26100.7840", "KB5970002")
    at(world, "2031-03-01 18:00", windows(older))
    world.at("2031-03-02 18:00", month("2031-Feb", linux=1))

    system = "Windows 11 Version 24H2 for x64-based Systems"
    fix = Fix(system, "5970003", "10.0.26100.8039")
    published = (("1.0", "2031-03-21", "Information published."),)
    cve = Cve("CVE-2031-10001", (fix,), published)
    assert world.at("2031-03-21 18:00", month("2031-Mar", cve)) == [
        "released windows-kb5970003 KB5970003"
    ]
    said = at(world, "2031-03-21 20:00", windows(OOB, FEB, FIRST))
    assert [line for line in said if not line.startswith("revised")] == []


# -- SQL Server


def sql(*rows: Row, gdr: tuple[Row, ...] = ()) -> bytes:
    def lines(given: tuple[Row, ...]) -> list[Row]:
        return [
            (name, build, f"2025.{build}", kb, date) for name, build, kb, date in given
        ]

    heads = [
        tuple(head.format(name) for head in SQL)
        for name in ("Cumulative update", "GDR")
    ]
    return page(
        "KB5005684 - SQL Server 2025 build versions",
        grid(heads[0], *lines(rows)) + grid(heads[1], *lines(gdr)),
    )


CU1 = ("CU1", "17.0.4005.7", "KB5980001", "January 15, 2031")
CU1_AGAIN = ("CU1", "17.0.4006.2", "KB5980002", "January 29, 2031")
RTM = ("RTM", "17.0.1000.7", "release notes", "November 18, 2030")
GDR1 = ("GDR", "17.0.1050.2", "KB5980011", "December 9, 2030")
GDR2 = ("GDR", "17.0.1105.2", "KB5980012", "February 11, 2031")


def test_a_cumulative_update_whose_row_gets_another_article_is_re_released(
    world: World,
) -> None:
    """January 2026: of the pulled CU1 of SQL Server 2025 nothing was left."""
    reads(world, "sql-builds", "SQL Server 2025*")
    at(world, "2031-01-10 18:00", sql(RTM, gdr=(GDR1,)))
    assert at(world, "2031-01-15 18:00", sql(CU1, RTM, gdr=(GDR1,))) == [
        "released sql-server-2025-cu1 KB5980001"
    ]
    again = sql(CU1_AGAIN, RTM, gdr=(GDR1,))
    assert at(world, "2031-01-29 18:00", again) == [
        "re-released sql-server-2025-cu1 v2 KB5980002"
    ]
    assert world.last.update.builds == ("17.0.4006.2",)


def test_a_build_that_a_row_corrects_is_corrected_in_the_ledger(world: World) -> None:
    reads(world, "sql-builds", "SQL Server 2025*")
    at(world, "2031-01-15 18:00", sql(RTM))
    mistyped = ("CU1", "17.0.4050.7", *CU1[2:])
    at(world, "2031-01-16 18:00", sql(mistyped, RTM))
    at(world, "2031-01-17 18:00", sql(CU1, RTM))
    (update,) = [each for each in world.store.updates() if each.title.endswith("CU1")]
    assert [package.build for package in update.packages] == [CU1[1]]
    assert world.pulled == []


def test_latest_is_no_name_and_a_new_gdr_renames_none(world: World) -> None:
    reads(world, "sql-builds", "SQL Server 2025*")
    latest = ("CU1 (Latest)", *CU1[1:])
    at(world, "2031-01-20 18:00", sql(latest, RTM, gdr=(GDR1,)))
    said = at(world, "2031-02-11 18:00", sql(CU1, RTM, gdr=(GDR2, GDR1)))
    assert said == ["released sql-server-kb5980012 KB5980012"]


LATEST = (
    "Build number or version",
    "Service pack",
    "Update",
    "Knowledge Base number",
    "Release date",
)
CU24 = ("15.0.4345.5", "None", "CU24", "KB5980024", "December 14, 2030")
CU25 = ("15.0.4355.3", "None", "CU25", "KB5980025", "February 12, 2031")
SP3 = ("13.0.7029.3", "SP3", "GDR", "KB5980016", "February 11, 2031")
OF_2019, OF_2016 = "SQL Server 2019", "SQL Server 2016"


def latest(of_2019: tuple[Row, ...], of_2016: tuple[Row, ...] = ()) -> bytes:
    return page(
        "Latest updates and version history for SQL Server",
        f"<h3>{OF_2019}</h3>{grid(LATEST, *of_2019)}"
        f"<h3>{OF_2016}</h3>{grid(LATEST, *of_2016)}",
    )


def test_the_page_of_all_versions_is_read_by_its_headings(world: World) -> None:
    reads(world, "sql-builds", "SQL Server*")
    at(world, "2031-02-01 18:00", latest((CU24,)))
    said = at(world, "2031-02-12 18:00", latest((CU25, CU24), (SP3,)))
    assert said == [
        "released sql-server-2019-cu25 KB5980025",
        "released sql-server-kb5980016 KB5980016",
    ]
    (package,) = world.update("sql-server-kb5980016").packages
    assert (package.product, package.type) == (OF_2016, "SP3 GDR")


# -- SharePoint


def sharepoint(*rows: Row) -> bytes:
    return page(
        "SharePoint updates",
        "<h2>SharePoint 2019 update history</h2>" + grid(SHAREPOINT, *rows),
    )


def farm(first: str, second: str, build: str, month: str) -> Row:
    link = '<a href="/help/{0}">KB {0}</a>'
    return (
        "SharePoint Server 2019 <br> SharePoint Server 2019 MUI/language patch  <br>",
        f"{link.format(first)}<br>{link.format(second)}",
        build,
        month,
    )


JUNE = farm("5990001", "5990002", "16.0.10375.20000", "June 2031")
JULY = farm("5990003", "5990004", "16.0.10376.20001", "July 2031")


def test_both_packages_of_a_row_are_released(world: World) -> None:
    reads(world, "sharepoint-updates", "SharePoint Server 2019*")
    at(world, "2031-07-01 18:00", sharepoint(JUNE))
    assert at(world, "2031-07-13 18:00", sharepoint(JULY, JUNE)) == [
        "released sharepoint-kb5990003 KB5990003",
        "released sharepoint-kb5990004 KB5990004",
    ]


def test_a_table_that_a_line_break_ends_is_a_failure_and_no_pull(world: World) -> None:
    """July 2019: each row was broken over two lines, and the page showed none."""
    reads(world, "sharepoint-updates", "SharePoint Server 2019*")
    at(world, "2031-07-01 18:00", sharepoint(JUNE))
    at(world, "2031-07-13 18:00", sharepoint(JULY, JUNE))
    assert world.at("2031-07-14 18:00", pages={URL: sharepoint()}) == []
    assert "tables of updates" in world.failures[0]
    assert at(world, "2031-08-14 18:00", sharepoint(JULY, JUNE)) == []
    assert world.pulled == []
