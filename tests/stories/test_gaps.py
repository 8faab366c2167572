"""What is away for a while, all at once, or by a fault of form, is no pull of it.

One source is one witness: absence there is at most a suspicion, told once and taken back
once, of the packages that are gone.
"""

from __future__ import annotations

import pytest

from tests.stories.pages import CU14, Cve, Month, month, table
from tests.stories.telling import GONE, World, text
from tests.stories.test_absence import (
    ALL,
    FIXES,
    PAGES,
    offered,
    url,
)
from tests.stories.test_table import NEW, NOV, NOV13, NOV16, OLD, SU
from watcher.records import State

MONTHS = ("Mar", "May", "Jun", "Jul", "Aug", "Sep", "Oct")
EARLIER = tuple(
    (
        f"Exchange Server 2016 CU23 {month}24SU",
        f"{month} 10, 2024",
        f"15.1.2507.{30 + number}",
        f"KB50300{number:02d}",
    )
    for number, month in enumerate(MONTHS)
)
CU14_NAME = "Exchange Server 2019 CU14"


@pytest.fixture
def listed(world: World) -> World:
    """November's three rows have been told, above the rows of older months."""
    world.at("2024-11-08 06:00", table=table(*OLD, *EARLIER))
    told = world.at("2024-11-13 06:00", table=table(*NEW, *OLD, *EARLIER))
    assert told == [f"released {SU} KB5044062"]
    return world


def shows(world: World, time: str, *rows: tuple[str, ...]) -> list[str]:
    # In a spelling of its own each, so that no copy is one that was read before
    spaced = ("Exchange Server" + " " * (1 + int(time[8:10]) + int(time[11:13])),)
    first, *rest = rows
    first = (first[0].replace("Exchange Server", spaced[0], 1), *first[1:])
    return world.at(time, table=table(first, *rest))


def test_one_row_that_is_away_for_70_minutes_is_suspected_of_its_package_alone(
    listed: World,
) -> None:
    assert shows(listed, "2024-11-14 06:00", NOV13, NOV16, *OLD, *EARLIER) == [
        f"pulled? {SU} KB5044062"
    ]
    assert listed.last.update.products == (CU14_NAME,)
    assert [each.build for each in listed.last.packages] == ["15.2.1544.13"]
    (said,) = shows(listed, "2024-11-14 07:10", *NEW, *OLD, *EARLIER)
    assert said.startswith(f"corrected {SU}")
    assert listed.last.update.products == (CU14_NAME,)
    assert listed.pulled == []
    # The next gap, of whatever row, repeats neither
    assert shows(listed, "2024-11-15 06:00", NOV, NOV16, *OLD, *EARLIER) == []
    assert shows(listed, "2024-11-15 07:10", *NEW, *OLD, *EARLIER) == []


def test_an_old_table_that_a_cache_serves_for_two_hours_changes_nothing(
    listed: World,
) -> None:
    for time in ("2024-11-14 06:00", "2024-11-14 07:00", "2024-11-14 08:00"):
        assert listed.at(time, table=table(*OLD, *EARLIER)) == []
    assert listed.at("2024-11-14 08:20", table=table(*NEW, *OLD, *EARLIER)) == []
    assert (listed.failures, listed.pulled) == ([], [])


@pytest.mark.parametrize("cut", range(2, 5))
def test_a_table_cut_at_a_row_is_no_pull(listed: World, cut: int) -> None:
    """Its newest rows stand last, and older ones go with them."""
    whole = (*OLD, *EARLIER, *NEW)
    told = shows(listed, "2024-11-14 06:00", *whole[: -cut - len(NEW)])
    assert told == []
    assert shows(listed, "2024-11-14 06:40", *whole) == []
    assert listed.pulled == []


def test_rows_that_move_to_another_page_are_no_pull(listed: World) -> None:
    """A vendor's archive: for good, and of several months at once."""
    for day in (14, 15, 17):
        assert shows(listed, f"2024-11-{day} 06:00", *NEW, *OLD, *EARLIER[:4]) == []
    assert listed.pulled == []


@pytest.mark.parametrize(
    "broken",
    [
        ("Exchange Server 2019 CU14<br>Nov24SU", *NOV[1:]),
        ("Exchange Server 2019\nCU14\nNov24SU", *NOV[1:]),
        ("Exchange Server 2019 CU14 Nov24<br/>SU", *NOV[1:]),
        (NOV[0], "November<br>12, 2024", *NOV[2:]),
        (NOV[0], NOV[1], "15.2.<br>1544.13", NOV[3], "15.02.1544.013"),
    ],
    ids=["name", "lines", "label", "date", "build"],
)
def test_a_cell_that_a_line_break_parts_is_the_cell_that_it_was(
    listed: World, broken: tuple[str, ...]
) -> None:
    assert shows(listed, "2024-11-14 06:00", broken, NOV13, NOV16, *OLD, *EARLIER) == []
    assert shows(listed, "2024-11-14 07:00", *NEW, *OLD, *EARLIER) == []
    assert (listed.failures, listed.pulled) == ([], [])


def test_a_line_break_that_hides_five_rows_is_no_pull(listed: World) -> None:
    hidden = (*OLD, *EARLIER[:2])
    assert shows(listed, "2024-11-14 06:00", *NEW, *OLD[:2], *EARLIER[3:]) == []
    assert shows(listed, "2024-11-14 07:00", *NEW, *hidden, *EARLIER[2:]) == []
    assert listed.pulled == []


def test_a_clean_up_of_most_rows_is_believed_in_silence_when_it_stays(
    listed: World,
) -> None:
    for time in ("2024-11-14 06:00", "2024-11-15 06:00", "2024-11-16 06:30"):
        assert listed.at(time, table=table(*NEW, EARLIER[-1])) == []
    assert (listed.failures, listed.pulled) == ([], [])


def test_a_clock_that_is_put_forward_a_month_and_back_passes_no_time(
    listed: World,
) -> None:
    stale = table(*OLD, *EARLIER)
    assert listed.at("2024-11-13 07:00", table=stale) == []
    for time in ("2024-12-13 07:30", "2024-11-13 08:00", "2024-11-14 06:00"):
        assert listed.at(time) == []
        assert len(listed.failures) == 1
    assert listed.at("2024-11-14 07:00", table=table(*NEW, *OLD, *EARLIER)) == []
    assert (listed.failures, listed.pulled) == ([], [])


def test_a_row_that_is_away_while_the_clock_is_wrong_is_suspected_and_taken_back_once(
    listed: World,
) -> None:
    told = shows(listed, "2024-12-13 06:00", NOV13, NOV16, *OLD, *EARLIER)
    told += listed.at("2024-11-13 08:00")
    told += listed.at("2024-12-13 07:00")
    told += shows(listed, "2024-11-13 09:00", *NEW, *OLD, *EARLIER)
    assert [said.split()[0] for said in told] == ["pulled?", "corrected"]
    assert listed.pulled == []


# -- two sources that lack one package of several


@pytest.fixture
def offered_everywhere(world: World) -> World:
    """November's pages and rows are followed, and are there."""
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3), table=table(*OLD))
    world.at(
        "2024-11-12 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", FIXES)),
        pages=ALL,
        table=table(*NEW, *OLD),
    )
    assert world.at("2024-11-12 20:00") == []
    return world


def test_one_package_that_two_sources_lack_is_pulled_alone(
    offered_everywhere: World,
) -> None:
    world = offered_everywhere
    assert world.at("2024-11-14 16:00", pages={url(PAGES[CU14]): GONE}) == [
        f"pulled? {SU} KB5044062"
    ]
    assert world.last.update.products == (CU14_NAME,)
    assert world.at("2024-11-14 16:20", table=table(NOV13, NOV16, *OLD)) == [
        f"pulled {SU} KB5044062"
    ]
    assert world.last.update.products == (CU14_NAME,)
    assert "The other packages are still offered" in " ".join(
        text(world.mails[-1]).split()
    )
    assert world.update(SU).state is State.PULLED_IN_PART

    # It is there again within the day
    (said,) = world.at("2024-11-14 18:00", pages={url(PAGES[CU14]): offered(CU14)})
    assert said.startswith(f"corrected {SU}")
    assert world.last.update.products == (CU14_NAME,)
    assert world.update(SU).state is State.RELEASED


def _paused(*revisions: tuple[str, str, str]) -> Month:
    return month("2024-Nov", Cve("CVE-2024-49040", FIXES, revisions))


def test_a_pull_of_one_product_is_not_that_of_the_next_under_one_article(
    world: World,
) -> None:
    """November 2024 is one article for three products."""
    published = ("1.0", "2024-11-12", "Information published.")
    first = ("2.0", "2024-11-14", f"The update for {CU14_NAME} has been paused.")
    second = (
        "3.0",
        "2024-11-15",
        "The update for Exchange Server 2016 CU23 has been paused.",
    )
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))
    world.at("2024-11-12 18:00", month("2024-Nov", Cve("CVE-2024-49040", FIXES)))
    told = [
        world.at("2024-11-14 18:00", _paused(published, first)),
        world.at("2024-11-15 18:00", _paused(published, first, second)),
    ]
    assert told == [[f"pulled {SU} KB5044062"], [f"pulled {SU} KB5044062"]]
    assert world.last.update.products == ("Exchange Server 2016 CU23",)
