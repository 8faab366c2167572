"""Articles of SQL Server's cumulative updates: pulled, and back under another number."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.learn import page
from tests.stories.telling import GONE, World
from tests.stories.test_tables_of_products import CU1, GDR1, RTM, sql
from watcher.config.source_settings import BUILTIN
from watcher.records import Source

ADDRESS = (
    "https://learn.microsoft.com/en-us/troubleshoot/sql/releases/sqlserver-2025/"
    "cumulativeupdate1"
)
FOLLOWED = "https://support.microsoft.com/help/5980001"
CU = "sql-server-2025-cu1"
ALWAYS = (
    "<h3>Incorrect behavior of SESSION_CONTEXT in parallel plans</h3><p>Queries that use "
    "the built-in function might return incorrect results.</p>"
)
UNAVAILABLE = (
    '<div class="NOTE"><p>Note</p><p>This cumulative update is temporarily unavailable '
    "for download because of a known issue related to Database Mail.</p></div>"
)
AGAIN = (
    '<div class="IMPORTANT"><p>Important</p><p>If you downloaded the initial release of '
    "this update (KB5980001, 17.0.4005.7, January 15, 2031), don't install it. Download "
    "and install the currently available version of the update.</p></div>"
)


def article(kb: str, build: str, date: str, note: str = "", issue: str = "") -> bytes:
    return page(
        f"KB{kb} - Cumulative Update 1 for SQL Server 2025",
        f"<p><em>Release Date:</em> &nbsp; {date}<br><em>Version:</em> &nbsp; {build}</p>"
        f"<h2>Summary</h2>{note}<p>This article describes Cumulative Update package 1 "
        f"(CU1) for Microsoft SQL Server 2025.</p><h2>Known issues in this update</h2>"
        f"{issue}{ALWAYS}<h2>How to obtain this update</h2><p>Download it from the "
        "Microsoft Download Center.</p>",
    )


FIRST = article("5980001", "17.0.4005.7", "January 15, 2031")
PULLED = article("5980001", "17.0.4005.7", "January 15, 2031", UNAVAILABLE)
SECOND = article("5980002", "17.0.4006.2", "January 29, 2031", AGAIN)


@pytest.fixture(params=[ADDRESS, FOLLOWED], ids=["source of its own", "followed"])
def told(world: World, request: pytest.FixtureRequest) -> tuple[World, str]:
    """The table has told of CU1, and its article was read."""
    builds = next(source for source in BUILTIN if source.name == "sql-2025-builds")
    articles = next(source for source in BUILTIN if source.name == "kb-articles")
    own = Source("cu1", "article", ADDRESS)
    world.settings = replace(world.settings, sources=(builds, articles, own))
    world.watches("SQL Server 2025*")
    world.at("2031-01-10 18:00", pages={builds.url: sql(RTM, gdr=(GDR1,))})
    table = sql(CU1, RTM, gdr=(GDR1,))
    said = world.at("2031-01-15 18:00", pages={builds.url: table})
    assert said == [f"released {CU} KB5980001"]
    address = str(request.param)
    assert world.at("2031-01-15 20:00", pages={address: FIRST}) == []
    assert world.failures == []
    return world, address


def test_unavailable_is_pulled_and_another_article_at_the_address_is_back(
    told: tuple[World, str],
) -> None:
    """January 2026: CU23 of SQL Server 2022, and CU1 of 2025."""
    world, address = told
    said = world.at("2031-01-20 18:00", pages={address: PULLED})
    assert said == [f"pulled {CU} KB5980001"]
    assert world.at("2031-01-21 18:00") == []

    said = world.at("2031-01-29 18:00", pages={address: SECOND})
    assert world.failures == []
    assert said == [f"re-released {CU} v2 KB5980002"]
    assert world.last.update.builds == ("17.0.4006.2",)
    assert world.pulled == []


def test_another_article_that_is_read_first_is_not_pulled(world: World) -> None:
    own = Source("cu1", "article", ADDRESS)
    world.settings = replace(world.settings, sources=(own,))
    world.watches("SQL Server 2025*")
    assert world.at("2031-02-01 18:00", pages={ADDRESS: SECOND}) == []
    assert world.pulled == []


BEFORE_A_DAY = (
    "<p>There's a known issue that affects using database snapshots. This issue is fixed "
    "in SQL Server 2025 CU2.</p><ul><li>If you downloaded the CU1 package file before "
    "January 23, 2031, we recommend that you don't install it. Please move to CU2 or a "
    "later CU release.</li><li>If you have already applied CU1, please uninstall it.</li>"
    "</ul>"
)
CURED = (
    "<h3>Database Mail stops working after updating</h3><p>This issue is resolved in the "
    "currently available version of this cumulative update.</p><p>If you downloaded the "
    "initially released version of this update, {}don't install it.</p>"
)


def test_what_was_downloaded_before_a_day_is_not_to_be_installed_and_pulled(
    told: tuple[World, str],
) -> None:
    """September 2020: CU7 of SQL Server 2019."""
    world, address = told
    body = article("5980001", "17.0.4005.7", "January 15, 2031", issue=BEFORE_A_DAY)
    said = world.at("2031-01-24 18:00", pages={address: body})
    assert said == [f"pulled {CU} KB5980001"]
    assert world.pulled == [CU]


def test_an_issue_that_the_return_resolves_is_no_issue_of_it(
    told: tuple[World, str],
) -> None:
    """29 January 2026: how the resolved issue was told was edited twice that day."""
    world, address = told
    world.at("2031-01-20 18:00", pages={address: PULLED})

    def back(issue: str) -> list[str]:
        body = article("5980002", "17.0.4006.2", "January 29, 2031", AGAIN, issue)
        return world.at("2031-01-29 20:00", pages={address: body})

    assert back(CURED.format("")) == [f"re-released {CU} v2 KB5980002"]
    said = back(CURED.format("as it says above, "))
    assert [line for line in said if not line.startswith("revised")] == []


def test_a_release_is_told_though_its_article_was_read_before_the_tables_row(
    world: World,
) -> None:
    """An article's first reading tells nothing, and its address may be there before it."""
    builds = next(source for source in BUILTIN if source.name == "sql-2025-builds")
    own = Source("cu1", "article", ADDRESS)
    world.settings = replace(world.settings, sources=(builds, own))
    world.watches("SQL Server 2025*")
    table = {builds.url: sql(RTM, gdr=(GDR1,))}
    world.at("2031-01-10 18:00", pages=table | {ADDRESS: GONE})
    assert world.at("2031-01-15 18:00", pages={ADDRESS: FIRST}) == []

    table = {builds.url: sql(CU1, RTM, gdr=(GDR1,))}
    assert world.at("2031-01-15 20:00", pages=table) == [f"released {CU} KB5980001"]
    assert world.at("2031-01-15 22:00") == []


def test_an_article_of_days_ago_whose_row_comes_late_is_no_release(
    world: World,
) -> None:
    builds = next(source for source in BUILTIN if source.name == "sql-2025-builds")
    own = Source("cu1", "article", ADDRESS)
    world.settings = replace(world.settings, sources=(builds, own))
    world.watches("SQL Server 2025*")
    pages = {builds.url: sql(RTM, gdr=(GDR1,)), ADDRESS: FIRST}
    assert world.at("2031-01-19 18:00", pages=pages) == []

    table = {builds.url: sql(CU1, RTM, gdr=(GDR1,))}
    assert world.at("2031-01-20 18:00", pages=table) == []
