"""Real successive versions of Microsoft's pages, relived: what is told at which step, once.

They are not part of this tree; without them these tests are skipped.  A story in the same
shape, written for the tests, stands beside each of them in ``test_tables_of_products``,
``test_windows_health``, ``test_sql_articles``, ``test_dotnet``, ``test_office`` and
``test_edge``.
"""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from tests.stories.samples import rendered, sample, source_text
from tests.stories.telling import World
from watcher.judgement import advice
from watcher.records import Event, Source

LEARN = "https://learn.microsoft.com/en-us/"
HEALTH = f"{LEARN}windows/release-health/"
SQL = f"{LEARN}troubleshoot/sql/releases/"
DOTNET = "https://builds.dotnet.microsoft.com/dotnet/release-metadata/"
CENTER_OF_MAY = "windows-release-health/windows-message-center@2020-05-12.yml"
CENTER_OF_DECEMBER = "windows-release-health/windows-message-center@2020-12-09.md"
STATUS = "windows-release-health/status-windows-10-1909@2020-03-{}.yml"
CU1 = "sql-cu-article/sqlserver-2025-cumulativeupdate1@2026-01-20.{}.md"
CU7 = "sql-cu-article/sqlserver-2019-cumulativeupdate7@2023-06-30.md"
MAIL_STOPS = "sql-cu-article/includes-database-mail-stops@2026-01-29.{}.md"
BUILDS = "sql-build-versions/sqlserver-2025-build-versions@2026-05-20.md"
RELEASES = "windows-release-information/windows11-release-information.rendered@{}.html"
INSIDER = "m365-apps/update-history-office-insider@{}.md"
NEWS = ("news", "revised")


def reads(world: World, kind: str, address: str, *products: str) -> None:
    """Have a world read one page of a kind."""
    world.settings = replace(world.settings, sources=(Source("page", kind, address),))
    world.watches(*products)


def told(world: World, time: str, address: str, body: bytes) -> list[str]:
    """Show a page, and give what an administrator hears of it."""
    said = world.at(time, pages={address: body})
    assert world.failures == []
    # Nothing of what stands there is told again, whenever it is read
    assert world.at(f"{time[:-2]}59") == []
    return [line for line in said if not line.startswith(NEWS)]


def newest(world: World) -> Event:
    """Give the event that was told last."""
    return max(world.store.events(), key=lambda event: event.time)


def without(name: str, *numbers: str) -> bytes:
    """Render a page of Windows' release health without rows of these numbers."""
    text = sample(name).decode()
    for number in numbers:
        mark = (
            rf"<tr><td(?: id='{number}'>|[^>]*><div id='{number}msg(?:desc)?'>).*?</tr>"
        )
        shorter = re.sub(mark, "", text, flags=re.DOTALL)
        assert shorter != text
        text = shorter
    return text.encode()


# -- Windows


def test_a_removed_update_is_pulled_once_and_an_issue_resolved(world: World) -> None:
    """KB4524244 in February 2020, KB4535996 and KB4554364 in March."""
    page = f"{HEALTH}status-windows-10-1909"
    reads(world, "release-health", page, "Windows 10*")
    before = without(STATUS.format("26"), "406", "393", "392")
    assert told(world, "2020-02-12 10:00", page, before) == []

    removed = without(STATUS.format("26"), "406")
    said = told(world, "2020-02-15 10:00", page, removed)
    assert said == ["pulled windows-kb4524244 KB4524244"]
    products = [package.product for package in world.event("pulled").packages]
    assert products == ["Windows 10 Version 1909"]

    said = told(world, "2020-03-26 20:00", page, sample(STATUS.format("26")))
    assert said == ["known-issue issue-kb4535996 KB4535996"]
    said = told(world, "2020-03-30 22:00", page, sample(STATUS.format("30")))
    assert said == ["known-issue issue-kb4535996 KB4535996"]
    assert "KB4554364" in " ".join(newest(world).guidance)
    assert world.pulled == ["windows-kb4524244"]


def test_what_stands_pulled_at_the_first_check_is_so_and_its_issue_goes_on(
    world: World,
) -> None:
    page = f"{HEALTH}status-windows-10-1909"
    reads(world, "release-health", page, "Windows*")
    assert told(world, "2020-03-26 20:00", page, sample(STATUS.format("26"))) == []
    assert world.pulled == ["windows-kb4524244"]
    said = told(world, "2020-03-30 22:00", page, sample(STATUS.format("30")))
    assert said == ["known-issue issue-kb4535996 KB4535996"]


def test_messages_release_out_of_band_and_pausing_previews_pulls_nothing(
    world: World,
) -> None:
    """March 2020: KB4551762, "pausing all optional releases", five KBs for proxies."""
    page = f"{HEALTH}windows-message-center"
    reads(world, "release-health", page, "Windows*")
    first = without(CENTER_OF_DECEMBER, "1529", "1530")
    first = first.replace(b"1524", b"390").replace(b"November 19, 2020", b"May 1, 2019")
    assert told(world, "2020-03-02 10:00", page, first) == []

    of_smb = without(CENTER_OF_MAY, "414", "407", "405")
    said = told(world, "2020-03-12 20:00", page, of_smb)
    assert said == ["released windows-kb4551762 KB4551762"]
    pausing = without(CENTER_OF_MAY, "414", "407")
    assert told(world, "2020-03-24 20:00", page, pausing) == []
    of_proxies = without(CENTER_OF_MAY, "414")
    assert told(world, "2020-03-30 22:00", page, of_proxies) == [
        "released windows-kb4554342 KB4554342",
        "released windows-kb4554349 KB4554349",
        "released windows-kb4554354 KB4554354",
        "released windows-kb4554364 KB4554364",
    ]
    assert told(world, "2020-05-12 20:00", page, sample(CENTER_OF_MAY)) == []
    assert world.pulled == []


def test_articles_that_are_added_to_a_message_are_released_and_none_is_back(
    world: World,
) -> None:
    """November 2020: Kerberos, filled up on the 19th."""
    page = f"{HEALTH}windows-message-center"
    reads(world, "release-health", page, "Windows Server*")
    notice = without(CENTER_OF_MAY, "414", "407", "401")
    assert told(world, "2020-11-10 10:00", page, notice) == []

    full = without(CENTER_OF_DECEMBER, "1529", "1530").decode()
    late = re.compile(r"<li>[^<]*\(<a [^>]*><u>KB45944(?:40|43|41)</u></a>\) \*</li>")
    part, count = late.subn("", full)
    assert count == 3
    said = told(world, "2020-11-17 20:00", page, part.encode())
    assert said == [
        f"released windows-kb45944{n} KB45944{n}" for n in ("38", "39", "42")
    ]
    said = told(world, "2020-11-19 20:00", page, full.encode())
    assert said == [
        f"released windows-kb45944{n} KB45944{n}" for n in ("40", "41", "43")
    ]


def test_rows_are_released_by_their_builds_and_none_is_ever_pulled(
    world: World,
) -> None:
    """January and March 2026: KB5079391 was withdrawn, and its row stayed."""
    page = f"{HEALTH}windows11-release-information"
    reads(world, "release-information", page, "Windows 11*")
    assert (
        told(world, "2026-01-13 20:00", page, sample(RELEASES.format("2026-01-13")))
        == []
    )
    for day, kbs in (
        ("2026-01-17", ("5077744", "5077797")),
        ("2026-01-24", ("5078127", "5078132")),
    ):
        said = told(world, f"{day} 20:00", page, sample(RELEASES.format(day)))
        assert said == [f"released windows-kb{kb} KB{kb}" for kb in kbs]
    said = told(world, "2026-03-10 20:00", page, sample(RELEASES.format("2026-03-10")))
    assert "released windows-kb5079473 KB5079473" in said
    told(world, "2026-05-31 23:00", page, sample(RELEASES.format("2026-05-31")))
    assert world.pulled == []
    builds = {each.build for each in world.update("windows-kb5079391").packages}
    assert builds == {"10.0.26100.8116", "10.0.26200.8116"}


# -- SQL Server


UNAVAILABLE = (
    "> [!NOTE]  \n> This cumulative update is temporarily unavailable for download "
    "because of a [known issue related to Database Mail]"
    "(#database-mail-stops-working-after-updating).\n"
)
HEADING = "### Database Mail stops working after updating"
# The page of the return was seen, and not kept: these are its words
RETURN = {
    "5074901": "5078298",
    "17.0.4005.7": "17.0.4006.2",
    "January 15, 2026": "January 29, 2026",
    UNAVAILABLE.replace("NOTE", "IMPORTANT").replace(
        "cumulative update is", "update is"
    ): (
        "> [!IMPORTANT]  \n> If you downloaded the initial release of this update "
        "(KB5074901, 17.0.4005.7, January 15, 2026), don't install it. Download and "
        "install the currently available version of the update.\n"
    ),
}
ISSUE = {"database-mail-stops": "If this update is installed, Database Mail stops."}


def builds_of_january(cu1: str) -> bytes:
    """Render the table of builds of 2025 as it was in January, with a row for CU1."""
    row = next(line for line in source_text(BUILDS).splitlines() if "| CU1 " in line)
    first = row
    for new, old in (
        ("5078298", "5074901"),
        ("4006.2", "4005.7"),
        ("January 29", "January 15"),
    ):
        first = first.replace(new, old)
    rows = {"": [], "first": [first], "second": [row]}
    later = re.compile(r"\| CU[2-5]|\| GDR .*KB50(?:91223|84814|77468)")
    kept: list[str] = []
    for line in source_text(BUILDS).splitlines():
        if line == row:
            kept += rows[cu1]
        elif not later.match(line):
            kept.append(line)
    return rendered("SQL Server 2025 build versions (KB5005684)", "\n".join(kept))


@pytest.mark.parametrize("first", ["table", "article"])
def test_cu1_of_2025_is_pulled_and_back_once_whichever_page_tells_first(
    world: World, first: str
) -> None:
    """January 2026: the same address became KB5078298, 17.0.4006.2."""
    table, article = (
        f"{SQL}sqlserver-2025/build-versions",
        f"{SQL}sqlserver-2025/cumulativeupdate1",
    )
    sources = (Source("table", "sql-builds", table), Source("cu1", "article", article))
    world.settings = replace(world.settings, sources=sources)
    world.watches("SQL Server 2025*")

    def at(time: str, **pages: bytes) -> list[str]:
        shown = {table if name == "table" else article: pages[name] for name in pages}
        said = world.at(time, pages=shown)
        assert world.failures == []
        return [line for line in said if not line.startswith(NEWS)]

    assert at("2026-01-14 10:00", table=builds_of_january("")) == []
    said = at("2026-01-15 20:00", table=builds_of_january("first"))
    assert said == ["released sql-server-2025-cu1 KB5074901"]
    bare = sample(CU1.format("a"), {UNAVAILABLE: "", HEADING: ""})
    assert at("2026-01-15 22:00", article=bare) == []
    unavailable = sample(CU1.format("a"), includes=ISSUE)
    said = at("2026-01-20 10:00", article=unavailable)
    assert said == ["pulled sql-server-2025-cu1 KB5074901"]
    assert at("2026-01-20 15:00", article=sample(CU1.format("b"), includes=ISSUE)) == []

    def back(letter: str) -> bytes:
        note = {"database-mail-stops": source_text(MAIL_STOPS.format(letter))}
        return sample(CU1.format("b"), RETURN, note)

    steps = [("table", builds_of_january("second")), ("article", back("a"))]
    if first == "article":
        steps.reverse()
    (name, body), (later, other) = steps
    said = at("2026-01-29 18:00", **{name: body})
    assert said == ["re-released sql-server-2025-cu1 v2 KB5078298"]
    assert at("2026-01-29 20:00", **{later: other}) == []
    # How the issue that is resolved is told was edited twice that day
    assert at("2026-01-29 21:00", article=back("b")) == []
    assert at("2026-01-29 22:00", article=back("c")) == []
    assert at("2026-01-31 22:00") == []
    assert world.pulled == []
    assert world.update("sql-server-2025-cu1").version == 2


def test_cu7_of_2019_is_pulled_by_prose(world: World) -> None:
    """September 2020: "if you downloaded the CU7 package before September 23"."""
    page = f"{SQL}sqlserver-2019/cumulativeupdate7"
    reads(world, "article", page, "SQL Server 2019*")
    text = source_text(CU7)
    told_later = text[
        text.index("There's a known issue") : text.index("## Improvements")
    ]
    assert told(world, "2020-09-03 10:00", page, sample(CU7, {told_later: ""})) == []
    said = told(world, "2020-09-24 10:00", page, sample(CU7))
    assert said == ["pulled sql-server-2019-cu7 KB4570012"]


def test_builds_are_read_from_the_table_of_a_version_and_of_all(world: World) -> None:
    """SQL Server 2019's CU7 and CU2 stood there without a word in January 2024."""
    page = f"{SQL}download-and-install-latest-updates"
    reads(world, "sql-builds", page, "SQL Server*")
    name = "sql-build-versions/download-and-install-latest-updates@2024-01-11.md"
    newest = next(row for row in source_text(name).splitlines() if "CU11  " in row)
    assert (
        told(world, "2024-01-10 10:00", page, sample(name, {newest + "\n": ""})) == []
    )
    said = told(world, "2024-01-11 20:00", page, sample(name))
    assert said == ["released sql-server-2022-cu11 KB5032679"]
    assert world.update("sql-server-2019-cu7").packages[0].build == "15.0.4063.15"


# -- SharePoint, Microsoft 365 Apps, .NET, Edge


def test_no_version_of_sharepoints_page_pulls_or_replaces_anything(
    world: World,
) -> None:
    page = f"{LEARN}officeupdates/sharepoint-updates"
    reads(world, "sharepoint-updates", page, "SharePoint*")
    kinds: set[str] = set()
    said: list[str] = []
    days = [
        "2018-09-05",
        "2018-09-14",
        "2019-04-15",
        "2019-07-11",
        "2019-08-14",
        "2020-09-11",
        "2020-09-22",
        "2021-04-15",
        "2021-05-12",
        "2021-06-10",
        "2021-07-17",
    ]
    for day in days:
        body = sample(f"sharepoint-updates/sharepoint-updates@{day}.md")
        said = told(world, f"{day} 20:00", page, body)
        kinds.update(line.split()[0] for line in said)
    assert kinds == {"released"}
    # Of July 2021 both packages of 2019 and of 2016, and one of each 2013
    assert len(said) == 6
    assert world.pulled == []


def test_builds_that_are_marked_rolled_back_are_pulled_at_that_step(
    world: World,
) -> None:
    page = f"{LEARN}officeupdates/update-history-office-insider"
    reads(world, "office-history", page, "Microsoft 365 Apps*")
    told(world, "2019-12-03 20:00", page, sample(INSIDER.format("2019-12-03")))
    pulled = {}
    for day in ("2019-12-05", "2020-03-25", "2020-04-09", "2020-04-17", "2020-04-25"):
        said = told(world, f"{day} 20:00", page, sample(INSIDER.format(day)))
        pulled[day] = [line for line in said if line.startswith("pulled")]
    build = "pulled microsoft-365-apps-version-{}"
    assert pulled == {
        "2019-12-05": [],
        "2020-03-25": [build.format("1912-build-12312-20002")],
        "2020-04-09": [build.format("2004-build-12725-20006")],
        "2020-04-17": [],
        "2020-04-25": [build.format("2005-build-12816-20000")],
    }


def test_the_history_by_date_pulls_nothing(world: World) -> None:
    page = f"{LEARN}officeupdates/update-history-microsoft365-apps-by-date"
    reads(world, "office-history", page, "Microsoft 365 Apps*")
    first = "m365-apps/update-history-office365-proplus-by-date@2020-04-13.md"
    said = told(world, "2020-04-13 20:00", page, sample(first))
    assert said == []
    for day in ("2021-06-10", "2021-06-19", "2021-06-30", "2021-07-14"):
        body = sample(f"m365-apps/update-history-by-date@{day}.md")
        said = told(world, f"{day} 20:00", page, body)
        assert said
        assert {line.split()[0] for line in said} == {"released"}
    # A version of four channels, one build a line
    assert len(said) == 6


def test_a_release_of_dotnet_that_is_gone_for_an_hour_is_not_pulled(
    world: World,
) -> None:
    page = f"{DOTNET}10.0/releases.json"
    reads(world, "dotnet-releases", page, ".NET 10*")
    steps = {}
    for stamp in [
        "2026-03-10T1739",
        "2026-03-12T1716",
        "2026-03-12T1827",
        "2026-03-12T1923",
        "2026-04-14T1856",
        "2026-04-21T1749",
    ]:
        body = sample(f"dotnet-releases/10.0-releases@{stamp}Z.json")
        time = f"{stamp[:10]} {stamp[11:13]}:{stamp[13:]}"
        said = world.at(time, pages={page: body})
        steps[stamp[5:]] = [line for line in said if not line.startswith(NEWS)]
    assert steps == {
        "03-10T1739": [],
        "03-12T1716": ["released net-10-0-5"],
        "03-12T1827": [],
        "03-12T1923": [],
        "04-14T1856": ["released net-10-0-6"],
        "04-21T1749": ["released net-10-0-7"],
    }
    assert world.at("2026-04-23 20:00") == []
    assert world.pulled == []


def test_a_release_of_dotnet_for_macos_alone_says_so_first(world: World) -> None:
    """March 2026: "You will only need to install this patch if you are on macOS"."""
    page = f"{DOTNET}10.0/releases.json"
    reads(world, "dotnet-releases", page, ".NET 10*")
    raw = "https://raw.githubusercontent.com/dotnet/core/main/release-notes/10.0"
    notes = f"{raw}/10.0.{{0}}/10.0.{{0}}.md"
    # As they are written, not rendered
    before, known, of_four, of_five = (
        source_text(f"dotnet-releases/{name}.md").encode()
        for name in (
            "10.0-known-issues@2026-03-10",
            "10.0-known-issues@2026-03-11",
            "10.0.4@2026-03-10",
            "10.0.5@2026-03-12",
        )
    )
    first = {
        page: sample("dotnet-releases/10.0-releases@2026-03-10T1739Z.json"),
        notes.format(4): of_four,
        f"{raw}/known-issues.md": before,
    }
    assert world.at("2026-03-10 17:39", pages=first) == []
    said = world.at("2026-03-11 16:48", pages={f"{raw}/known-issues.md": known})
    assert said == ["known-issue net-10-0-4"]
    assert world.failures == []

    later = {
        page: sample("dotnet-releases/10.0-releases@2026-03-12T1827Z.json"),
        notes.format(5): of_five,
    }
    assert world.at("2026-03-12 18:27", pages=later) == ["released net-10-0-5"]
    assert world.failures == []
    assert advice.keys(world.last) == ("only-if-affected",)
    assert world.pulled == []


def test_duplicates_and_broken_files_of_dotnet_are_no_news(world: World) -> None:
    page = f"{DOTNET}8.0/releases.json"
    reads(world, "dotnet-releases", page, ".NET 8*")
    for letter in "ab":
        body = sample(f"dotnet-releases/8.0-releases@2023-10-10.{letter}.json")
        assert told(world, f"2023-10-10 1{'ab'.index(letter)}:00", page, body) == []
    broken = sample("dotnet-releases/8.0-releases.broken@2024-05-21T1529Z.json")
    assert world.at("2024-05-21 15:29", pages={page: broken}) == []
    assert "no whole JSON" in world.failures[0]
    twice = sample("dotnet-releases/8.0-releases@2025-05-22T1754Z.json")
    assert told(world, "2025-05-22 17:54", page, twice) == ["released net-8-0-16"]
    once = sample("dotnet-releases/8.0-releases@2025-05-22T1816Z.json")
    assert told(world, "2025-05-22 18:16", page, once) == []
    assert world.pulled == []


def test_edges_issues_are_told_once_and_their_fixes(world: World) -> None:
    page = f"{LEARN}deployedge/microsoft-edge-known-issues"
    reads(world, "edge-issues", page, "Edge*")
    steps = {}
    for day in [
        "2024-08-26",
        "2024-08-27",
        "2024-08-29",
        "2024-09-03",
        "2024-10-22",
        "2024-10-23",
        "2024-10-24",
    ]:
        body = sample(f"edge/microsoft-edge-known-issues@{day}.md")
        steps[day] = told(world, f"{day} 20:00", page, body)
    issue = "known-issue edge-{}"
    assert steps == {
        "2024-08-26": [],
        "2024-08-27": [issue.format("128-0-2739-42")],
        "2024-08-29": [issue.format("128-0-2739-42")],
        "2024-09-03": [issue.format("128-0-2739-42")],
        "2024-10-22": [],
        "2024-10-23": [issue.format("130-0-2849-46")],
        "2024-10-24": [issue.format("130-0-2849-46")],
    }
    assert "130.0.2849.56" in " ".join(newest(world).guidance)
