"""Thirty servers of five products: each is offered what its track gets, and nothing else.

Exchange Server, Windows Server (hotpatched and not, and after its last day), SQL Server
(GDRs and cumulative updates), SharePoint and .NET, as the sources' tables have them.
"""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from msgspec.structs import replace

from tests.stories.learn import grid, page
from tests.stories.pages import Cve, Fix, month
from tests.stories.pages import table as exchange_table
from tests.stories.telling import World, text
from tests.stories.test_dotnet import CHANNEL, INDEX, channel, index, release
from watcher.cli.build import server_objects
from watcher.config.source_settings import BUILTIN
from watcher.run import servers
from watcher.text.words import words_of

URLS = {source.name: source.url for source in BUILTIN}
ROWS = ("Servicing option", "Update type", "Availability date", "Build", "KB article")
HEAD_SQL = (
    "{} name",
    "SQL Server build version",
    "Knowledge Base number",
    "Release date",
)
SHAREPOINT = ("Package Name", "KB Number", "Version", "Release Date")

# Name, product as people write it, build, enrolled: and what is to be done there
NOTHING = "nothing to do"
EXTENDED = "only offered to customers of extended security updates"
BASELINE = "install the baseline Windows KB5971001 to get hotpatches again"
ON_TRACK = "Windows KB5971012 (hotpatch)"
SERVERS: tuple[tuple[str, str, str, str, str], ...] = (
    ("EX01", "Exchange 2019 CU14", "15.2.1544.11", "", "install"),
    ("EX02", "Exchange Server 2019 CU14", "15.2.1544.13", "", NOTHING),
    ("EX03", "Exchange SE", "15.2.2562.17", "", NOTHING),
    # Enrolled: hotpatches between two baselines
    ("HP01", "Windows Server 2025", "10.0.26100.32000", "True", ON_TRACK),
    ("HP02", "Windows Server 2025", "10.0.26100.32090", "True", NOTHING),
    ("HP03", "Server 2025", "10.0.26100.31000", "True", BASELINE),
    (
        "HP04",
        "Windows Server 2025",
        "10.0.26100.32050",
        "True",
        "enrolled in hotpatching",
    ),
    # The same builds, not enrolled
    ("WS01", "Windows Server 2025", "10.0.26100.32000", "", "KB5971011"),
    ("WS02", "Windows Server 2025", "10.0.26100.32100", "", NOTHING),
    ("WS03", "Windows Server 2025", "10.0.26100.32050", "False", "KB5971011"),
    # Windows 11 shares the first numbers of its builds, and gets none of the server's
    ("PC01", "Windows 11 24H2", "10.0.26100.8037", "", NOTHING),
    ("PC02", "Windows 11, version 24H2", "10.0.26100.7840", "", "KB5972011"),
    ("WS04", "Windows 2022", "10.0.20348.4000", "", "KB5973011"),
    ("WS05", "Windows Server 2022", "10.0.20348.4100", "", NOTHING),
    # After its last day: for customers of extended security updates
    ("ES01", "Windows Server 2012 R2", "6.3.9600.22000", "", EXTENDED),
    ("ES02", "Windows Server 2012 R2", "6.3.9600.22100", "", NOTHING),
    # A cumulative update does not lead off the GDRs, nor a GDR to a cumulative update
    ("SQ01", "SQL 2022", "16.0.4215.2", "", "SQL Server 2022 CU24"),
    ("SQ02", "SQL Server 2022", "16.0.4225.2", "", NOTHING),
    ("SQ03", "Microsoft SQL Server 2022", "16.0.1150.1", "", "KB5980112"),
    ("SQ04", "SQL Server 2022", "16.0.1160.1", "", NOTHING),
    ("SQ05", "SQL Server 2025", "17.0.4015.4", "", NOTHING),
    ("SQ06", "SQL Server 2025", "17.0.4006.2", "", "SQL Server 2025 CU2"),
    # Versions of SharePoint are all 16.0
    ("SP01", "SharePoint SE", "16.0.18526.20508", "", "KB5990011"),
    ("SP02", "SharePoint Server Subscription Edition", "16.0.18726.20000", "", NOTHING),
    ("SP03", "SharePoint 2019", "16.0.10417.20037", "", "KB5990021"),
    ("SP04", "SharePoint Server 2019", "16.0.10418.20000", "", NOTHING),
    ("SP05", "SharePoint 2016", "16.0.5513.1001", "", NOTHING),
    ("NT01", ".NET 10", "10.0.3", "", ".NET 10.0.4"),
    ("NT02", "dotnet 10", "10.0.4", "", NOTHING),
    ("NT03", ".NET 10.0", "10.0.2", "", ".NET 10.0.4"),
)


def windows(
    title: str, *releases: tuple[str, str, tuple[tuple[str, ...], ...]]
) -> bytes:
    """Write a page of builds; a release is its heading, the OS build and rows."""
    body = ""
    for name, build, rows in releases:
        lines = [("LTSC", *row) for row in rows]
        body += f"<strong>{name} (OS build {build})</strong>{grid(ROWS, *lines)}"
    return page(title, body)


def calendar(*rows: tuple[str, ...]) -> bytes:
    head = ("Month", "Update type", "Type", "Availability date", "Build", "KB article")
    lines = [("Month", *row) for row in rows]
    return f"<h2>Hotpatch calendar</h2>{grid(head, *lines)}".encode()


def servers_page(
    *more: tuple[str, ...], hotpatches: tuple[tuple[str, ...], ...] = ()
) -> bytes:
    of_2025 = (
        *more,
        ("2031-02 OOB", "2031-02-20", "26100.32050", "KB5971010"),
        ("2031-01 B", "2031-01-14", "26100.32000", "KB5971001"),
        ("2030-12 B", "2030-12-09", "26100.31000", "KB5971000"),
    )
    of_2022 = (
        ("2031-03 B", "2031-03-11", "20348.4100", "KB5973011"),
        ("2031-02 B", "2031-02-11", "20348.4000", "KB5973001"),
    )
    body = windows(
        "Windows Server release information",
        ("Windows Server 2025", "26100", of_2025),
        ("Windows Server 2022", "20348", of_2022),
    )
    baseline = (
        "2031.01 B",
        "Baseline (Restart)",
        "2031-01-14",
        "26100.32000",
        "KB5971001",
    )
    rows = calendar(baseline, *hotpatches)
    return body.replace(b"</main>", rows + b"</main>")


MARCH = ("2031-03 B", "2031-03-11", "26100.32100", "KB5971011")
HOTPATCH = ("2031.03 B", "Hotpatch", "2031-03-11", "26100.32090", "KB5971012")


def sql(
    version: str,
    cumulative: tuple[tuple[str, ...], ...],
    gdr: tuple[tuple[str, ...], ...] = (),
) -> bytes:
    heads = [
        tuple(each.format(name) for each in HEAD_SQL)
        for name in ("Cumulative update", "GDR")
    ]
    tables = grid(heads[0], *cumulative) + grid(heads[1], *gdr)
    return page(f"KB5005684 - SQL Server {version} build versions", tables)


def pages(*, march: bool) -> dict[str, bytes]:
    clients = (
        ("2031-03 B", "2031-03-11", "26100.8037", "KB5972011"),
        ("2031-02 B", "2031-02-11", "26100.7840", "KB5972001"),
    )
    farm = "{0} <br> {0} MUI/language patch"
    return {
        URLS["exchange-builds"]: exchange_table(
            (
                "Exchange Server SE RTM Oct25SU",
                "October 14, 2030",
                "15.2.2562.17",
                "KB5066366",
            ),
            (
                "Exchange Server 2019 CU14 Nov24SU",
                "November 12, 2030",
                "15.2.1544.13",
                "KB5044062",
            ),
            (
                "Exchange Server 2019 CU14 Apr24HU",
                "April 23, 2030",
                "15.2.1544.11",
                "KB5037224",
            ),
        ),
        URLS["windows-server-releases"]: servers_page(
            *([MARCH] if march else []), hotpatches=(HOTPATCH,) if march else ()
        ),
        URLS["windows-11-releases"]: windows(
            "Windows 11 release information", ("Version 24H2", "26100", clients)
        ),
        URLS["sql-2022-builds"]: sql(
            "2022",
            (
                ("CU24 (Latest)", "16.0.4225.2", "KB5980101", "March 6, 2031"),
                ("CU23", "16.0.4215.2", "KB5980100", "January 15, 2031"),
            ),
            (
                ("CU23 + GDR", "16.0.4220.1", "KB5980113", "March 11, 2031"),
                ("GDR", "16.0.1160.1", "KB5980112", "March 11, 2031"),
                ("GDR", "16.0.1150.1", "KB5980111", "January 13, 2031"),
            ),
        ),
        URLS["sql-2025-builds"]: sql(
            "2025",
            (
                ("CU2", "17.0.4015.4", "KB5980201", "February 12, 2031"),
                ("CU1", "17.0.4006.2", "KB5980200", "January 29, 2031"),
            ),
        ),
        URLS["sharepoint-updates"]: page(
            "SharePoint updates",
            grid(
                SHAREPOINT,
                (
                    farm.format("SharePoint Server Subscription Edition"),
                    "KB 5990011",
                    "16.0.18726.20000",
                    "March 2031",
                ),
                (
                    farm.format("SharePoint Server Subscription Edition"),
                    "KB 5990001",
                    "16.0.18526.20508",
                    "January 2031",
                ),
                (
                    farm.format("SharePoint Server 2019"),
                    "KB 5990021 <br> KB 5990022",
                    "16.0.10418.20000",
                    "March 2031",
                ),
                (
                    farm.format("SharePoint Server 2019"),
                    "KB 5990023",
                    "16.0.10417.20037",
                    "January 2031",
                ),
                (
                    "SharePoint Server 2016",
                    "KB 5990031",
                    "16.0.5513.1001",
                    "March 2031",
                ),
            ),
        ),
        INDEX: index(),
        CHANNEL: channel(
            release("10.0.4", "2031-03-10", "10.0.104"),
            release("10.0.3", "2031-02-10", "10.0.103"),
            release("10.0.2", "2031-01-13", "10.0.102"),
        ),
    }


def records() -> Cve:
    """What MSRC's records have of Windows Server 2012 R2: two tracks, one build."""
    product = "Windows Server 2012 R2"
    fixes = (
        Fix(product, "5974012", "6.3.9600.22100", subtype="Security Only"),
        Fix(product, "5974011", "6.3.9600.22100", subtype="Monthly Rollup"),
    )
    published = (("1.0", "2031-03-11", "Information published."),)
    return Cve("CVE-2031-20001", fixes, published, title="Windows Vulnerability")


def older() -> Cve:
    product = "Windows Server 2012 R2"
    fixes = (Fix(product, "5974001", "6.3.9600.22000", subtype="Monthly Rollup"),)
    published = (("1.0", "2031-02-11", "Information published."),)
    return Cve("CVE-2031-10001", fixes, published, title="Windows Vulnerability")


@pytest.fixture
def estate(world: World) -> World:
    """Everything of March 2031 but Windows Server 2025's updates was read."""
    world.watches("Exchange Server*", "Windows*", "SQL Server*", "SharePoint*", ".NET*")
    rows = [
        ",".join((name, product.replace(",", ""), build, hot))
        for name, product, build, hot, _ in SERVERS
    ]
    path = world.folder / "inventory.csv"
    path.write_text(
        "\n".join(("server,product,build,hotpatch", *rows)) + "\n", encoding="utf-8"
    )
    world.settings = replace(world.settings, inventory=path)
    world.at("2031-03-01 06:00", month("2031-Feb", older()), pages=pages(march=False))
    assert [each for each in world.failures if "msrc-cvrf" not in each] == []
    return world


def test_each_of_thirty_servers_is_offered_what_its_track_gets(
    estate: World,
) -> None:
    estate.at("2031-03-11 19:00", month("2031-Mar", records()), pages=pages(march=True))
    assert len(SERVERS) == 30
    # What ``watcher build --json`` prints
    judged = servers.exposures(estate.settings, estate.store)
    rows = server_objects(judged, estate.settings)
    found = {row["server"]: row for row in rows}
    wrong = {
        name: (found[name]["state"], found[name]["todo"])
        for name, _, _, _, todo in SERVERS
        if todo not in found[name]["todo"]
    }
    assert wrong == {}
    assert {row["state"] for row in found.values()} == {"good", "newer-available"}


def mail_of(world: World, kb: str) -> EmailMessage:
    """Give the mail that tells of an article's release."""
    (found,) = (mail for mail in world.mails if kb in str(mail["Subject"]))
    return found


def test_mail_of_a_hotpatch_speaks_of_those_enrolled_and_of_nobody_else(
    estate: World,
) -> None:
    estate.at("2031-03-11 19:00", pages=pages(march=True))
    hotpatch = mail_of(estate, "KB5971012")
    assert "(hotpatch)" in str(hotpatch["Subject"])
    said = text(hotpatch)
    assert "hotpatch, for enrolled servers" in " ".join(said.split())
    assert "HP01" in said
    assert "WS01" not in said
    ordinary = text(mail_of(estate, "KB5971011"))
    assert "WS01" in ordinary
    assert "HP01" not in ordinary


def test_an_update_that_ends_hotpatching_warns_those_enrolled(estate: World) -> None:
    """October 2025: KB5070881, out of band, was offered to enrolled servers."""
    oob = ("2031-03 OOB", "2031-03-24", "26100.32200", "KB5971020")
    estate.at("2031-03-11 19:00", pages=pages(march=True))
    body = servers_page(oob, MARCH, hotpatches=(HOTPATCH,))
    estate.at("2031-03-24 19:00", pages={URLS["windows-server-releases"]: body})
    said = " ".join(text(mail_of(estate, "KB5971020")).split())
    warning = words_of(None).say("step", "ends-hotpatching")
    assert said.count(warning) == 4
    assert "WS01" in said
    assert "PC01" not in said
