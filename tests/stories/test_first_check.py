"""The first check.

Nothing is told but the welcome, and every update's state is right from the start.
"""

from __future__ import annotations

import pytest

from tests.stories.pages import (
    CU13,
    CU14,
    CU23,
    Cve,
    Fix,
    address,
    blog,
    issues,
    kev,
    month,
    post,
    table,
)
from tests.stories.telling import DOWN, Shown, World, text

SU = "exchange-server-2024-11-su"
CU = (
    "Exchange Server 2019 CU14 (2024H1)",
    "February 13, 2024",
    "15.2.1544.4",
    "https://www.microsoft.com/download/details.aspx?id=105878",
)
APR = (
    "Exchange Server 2019 CU14 Apr24HU",
    "April 23, 2024",
    "15.2.1544.11",
    "KB5037224",
)
NOV = (
    "Exchange Server 2019 CU14 Nov24SU",
    "November 12, 2024",
    "15.2.1544.13",
    "KB5044062",
)
NOV2 = (
    "Exchange Server 2019 CU14 Nov24SUv2",
    "November 27, 2024",
    "15.2.1544.14",
    "KB5049233",
)
FIRST = ("1.0", "2024-11-12", "Information published.")
PAUSED = ("2.0", "2024-11-14", "We have temporarily paused the rollout of this update.")
BACK = ("3.0", "2024-11-27", "The update has been re-released as KB5049233.")
V1 = (Fix(CU14, "5044062", "15.02.1544.013"),)
V2 = (Fix(CU14, "5049233", "15.02.1544.014"),)


def november(*revisions: tuple[str, str, str], fixes: tuple[Fix, ...] = V1) -> Cve:
    return Cve("CVE-2024-49040", fixes, (FIRST, *revisions))


def test_an_installed_watcher_says_where_each_product_stands(world: World) -> None:
    assert (
        world.at("2024-10-20 06:00", month("2024-Oct", linux=1), table=table(APR, CU))
        == []
    )
    welcome = text(world.mail("welcome"))
    assert "Exchange Server 2019 CU14" in welcome
    assert "15.2.1544.11" in welcome
    assert "exchange-builds" in welcome or "build-numbers-and-release-dates" in welcome


@pytest.mark.parametrize(
    ("revisions", "fixes", "rows", "pulled", "version"),
    [
        ((), V1, (NOV, APR, CU), [], 1),
        ((PAUSED,), V1, (NOV, APR, CU), [SU], 1),
        ((PAUSED, BACK), V2, (NOV, APR, CU), [], 2),
        ((PAUSED, BACK), V2, (NOV2, NOV, APR, CU), [], 2),
    ],
    ids=["released", "pulled", "back, as the records say", "back, as all say"],
)
def test_the_state_is_read_from_the_histories(
    world: World,
    revisions: tuple[tuple[str, str, str], ...],
    fixes: tuple[Fix, ...],
    rows: tuple[tuple[str, ...], ...],
    pulled: list[str],
    version: int,
) -> None:
    assert (
        world.at(
            "2024-12-01 06:00",
            month("2024-Nov", november(*revisions, fixes=fixes)),
            table=table(*rows),
        )
        == []
    )
    assert (world.pulled, world.update(SU).version) == (pulled, version)
    assert (
        "pulled" in text(world.mail("welcome")).lower().partition("where ")[0]
    ) is bool(pulled) or not pulled
    assert ("KB5044062" in text(world.mail("welcome"))) or version == 2


def test_a_package_that_only_the_records_know_belongs_to_the_months_update_however_late_it_is_read(
    world: World,
) -> None:
    # Not in the table: extended support
    both = Cve(
        "CVE-2024-49040", (*V1, Fix(CU23, "5044063", "15.01.2507.044")), (FIRST,)
    )
    assert (
        world.at("2024-12-24 06:00", month("2024-Nov", both), table=table(NOV, APR, CU))
        == []
    )
    assert world.update(SU).products == (
        "Exchange Server 2016 CU23",
        "Exchange Server 2019 CU14",
    )
    assert [
        update.id
        for update in world.store.updates()
        if "KB5044063" in update.id.upper()
    ] == []


def test_a_recalled_row_is_a_pull_that_is_known(world: World) -> None:
    recalled = (
        "Update Rollup 8 v1 for Exchange Server 2010 SP3 (recalled)",
        "December 9, 2014",
        "14.3.224.1",
        "KB2986475",
    )

    assert world.at("2014-12-11 06:00", table=table(recalled)) == []
    assert world.pulled == ["exchange-server-2010-sp3-ru8"]


def test_a_pulled_version_that_the_table_has_replaced_is_no_longer_pulled(
    world: World,
) -> None:
    recalled = (
        "Update Rollup 8 v1 for Exchange Server 2010 SP3 (recalled)",
        "December 9, 2014",
        "14.3.224.1",
        "KB2986475",
    )
    second = (
        "Update Rollup 8 v2 for Exchange Server 2010 SP3",
        "December 12, 2014",
        "14.3.224.2",
        "KB2986475",
    )

    assert world.at("2015-01-11 06:00", table=table(second, recalled)) == []
    assert (world.pulled, world.update("exchange-server-2010-sp3-ru8").version) == (
        [],
        2,
    )


def test_a_blog_that_is_first_read_with_the_pull_in_it_makes_it_known(
    world: World,
) -> None:
    words = (
        "<p>The update (KB5044062) is available.</p><p>11/14: We have paused the "
        "rollout of the November 2024 SU.</p>"
    )

    assert (
        world.at(
            "2024-11-20 06:00",
            table=table(NOV, APR, CU),
            blog=blog(
                post(
                    4293125,
                    "Released: November 2024 Exchange Server Security Updates",
                    "2024-11-12",
                    words,
                )
            ),
        )
        == []
    )
    assert world.pulled == [SU]


def test_a_source_that_fails_at_first_is_welcomed_when_it_comes(world: World) -> None:
    assert (
        world.at("2024-11-20 06:00", month("2024-Nov", november(PAUSED)), table=DOWN)
        == []
    )
    assert world.failures == ["exchange-builds: the connection was refused"]
    assert world.at("2024-11-20 08:00", table=table(NOV, APR, CU)) == []
    assert world.pulled == [SU]


def test_nothing_that_can_be_read_welcomes_nobody_yet(world: World) -> None:
    world.at("2024-11-20 06:00", msrc=DOWN, table=DOWN)
    assert world.mails == []
    world.at("2024-11-20 08:00", month("2024-Nov", november(PAUSED)))
    assert [mail["X-Watcher-Event"] for mail in world.mails] == ["welcome"]


def test_known_issues_exploited_ones_and_posts_of_the_past_are_no_news(
    world: World,
) -> None:
    issue = (
        "11/14/2024",
        (
            '<a href="https://support.microsoft.com/help/5044062">November 2024 '
            "Security Update for Exchange 2019</a>"
        ),
        "Rules stop",
        "Uninstall",
    )
    calendars = post(4250001, "Calendars", "2024-10-20", "<p>Calendars.</p>")
    told = world.at(
        "2024-11-20 06:00",
        month("2024-Nov", november()),
        issues=issues(issue),
        kev=kev("CVE-2024-49040"),
        blog=blog(calendars),
    )

    assert told == []
    assert world.update(SU).advisories[0].exploited
    assert world.at("2024-11-20 08:00") == []


def test_a_wider_watch_takes_what_it_finds_as_known(world: World) -> None:
    world.watches("Exchange Server 2016*")
    both = (*V1, Fix(CU23, "5044062", "15.01.2507.043"))
    world.at("2024-11-08 06:00", month("2024-Oct", linux=1), table=table(APR, CU))
    world.at("2024-11-12 18:00", month("2024-Nov", november(fixes=both)))

    world.watches("Exchange Server*")
    assert world.at("2024-11-13 18:00") == []
    assert set(world.update(SU).products) == {
        "Exchange Server 2016 CU23",
        "Exchange Server 2019 CU14",
    }
    assert world.at(
        "2024-11-14 18:00", month("2024-Nov", november(PAUSED, fixes=both))
    ) == [f"pulled {SU} KB5044062"]


def test_a_pull_seen_at_the_very_check_that_watches_more_is_told(world: World) -> None:
    world.watches("Exchange Server 2016*")
    both = (*V1, Fix(CU23, "5044062", "15.01.2507.043"))
    world.at("2024-11-08 06:00", month("2024-Oct", linux=1))
    world.at("2024-11-12 18:00", month("2024-Nov", november(fixes=both)))

    world.watches("Exchange Server*")
    assert world.at(
        "2024-11-14 18:00", month("2024-Nov", november(PAUSED, fixes=both))
    ) == [f"pulled {SU} KB5044062"]
    assert world.last.update.products == (
        "Exchange Server 2016 CU23",
        "Exchange Server 2019 CU14",
    )


def test_a_narrower_watch_makes_nothing_missing(world: World) -> None:
    both = (*V1, Fix(CU23, "5044062", "15.01.2507.043"))
    rows = (
        NOV,
        (
            "Exchange Server 2016 CU23 Nov24SU",
            "November 12, 2024",
            "15.1.2507.43",
            "KB5044062",
        ),
        APR,
        CU,
    )
    world.at(
        "2024-11-13 06:00", month("2024-Nov", november(fixes=both)), table=table(*rows)
    )

    world.watches("Exchange Server 2016*")
    assert world.at("2024-11-14 06:00") == []
    assert world.at("2024-11-14 08:00") == []
    assert world.pulled == []


def test_a_further_product_of_a_known_update_is_released(world: World) -> None:
    world.at("2024-11-08 06:00", month("2024-Oct", linux=1))
    world.at("2024-11-12 18:00", month("2024-Nov", november()))
    more = (*V1, Fix(CU13, "5044062", "15.02.1258.038"))

    (said,) = world.at(
        "2024-11-15 18:00",
        month(
            "2024-Nov",
            november(
                ("1.1", "2024-11-15", "Added Exchange Server 2019 CU13."), fixes=more
            ),
        ),
    )
    assert said == f"released {SU} KB5044062"
    assert world.last.update.products == ("Exchange Server 2019 CU13",)


@pytest.mark.parametrize("shown", [b"<html>down</html>", DOWN])
def test_a_month_that_could_not_be_read_at_first_is_no_news_when_it_can(
    world: World, shown: Shown
) -> None:
    world.shows(month("2024-Nov", november()))
    november_url = address("2024-Nov")
    assert world.at("2024-11-13 06:00", pages={november_url: shown}) == []
    assert len(world.failures) == 1
    assert world.at("2024-11-13 07:00", month("2024-Nov", november())) == []
    assert world.update(SU).id == SU
