"""Microsoft 365 Apps: a build that is rolled back is marked behind its line."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.learn import grid, page
from tests.stories.telling import World
from watcher.records import Source

BASE = "https://learn.microsoft.com/en-us/officeupdates"
HISTORY = f"{BASE}/update-history-microsoft365-apps-by-date"
INSIDERS = f"{BASE}/update-history-office-insider"
HEAD = ("Year", "Release date", "Current Channel", "Monthly Enterprise Channel")
OLD = ("2031", "June 8", "Version 2105 (Build 24026.20270) <br/>", "")
NEW = (
    "2031",
    "July 13",
    "<a href='current-channel#x'>Version 2106 (Build 24131.20320)</a><br/>",
    "<a href='monthly#x'>Version 2105 (Build 24026.20334)</a><br/>",
)
SUPPORTED = ("Channel", "Version", "Build", "Release date", "Version supported until")


def by_date(*rows: tuple[str, ...]) -> bytes:
    supported = grid(
        SUPPORTED, ("Current Channel", "2106", "24131.20320", "July 13", "-")
    )
    return page("Update history", supported + grid(HEAD, *rows))


def insiders(*days: tuple[str, str]) -> bytes:
    lines = "".join(
        f"<p><strong>{date}</strong><br/>\n{version} <br/></p>"
        for date, version in days
    )
    return page("Release history for Insiders", f"<p>What is new.</p>{lines}")


BEFORE = ("March 23, 2031", "Version 2004 (Build 22718.20010)")
OUT = ("March 30, 2031", "Version 2004 (Build 22725.20006)")
BACK = ("March 30, 2031", "Version 2004 (Build 22725.20006) (Rolled back)")
NEXT = ("April 5, 2031", "Version 2004 (Build 22730.20024)")
PULLED = "pulled microsoft-365-apps-version-2004-build-22725-20006"


@pytest.fixture
def office(world: World) -> World:
    """The Insiders' build of March 30 is out, and was told of."""
    sources = (
        Source("insiders", "office-history", INSIDERS),
        Source("office-history", "office-history", HISTORY),
    )
    world.settings = replace(world.settings, sources=sources)
    world.watches("Microsoft 365 Apps*")
    first = {INSIDERS: insiders(BEFORE), HISTORY: by_date(OLD)}
    assert world.at("2031-03-24 06:00", pages=first) == []
    said = world.at("2031-03-30 20:00", pages={INSIDERS: insiders(OUT, BEFORE)})
    assert said == ["released microsoft-365-apps-version-2004-build-22725-20006"]
    assert world.failures == []
    return world


def test_a_build_that_is_marked_rolled_back_is_pulled(office: World) -> None:
    """March 2020: build 12725.20006; the next one followed on April 5."""
    said = office.at("2031-04-02 20:00", pages={INSIDERS: insiders(BACK, BEFORE)})
    assert said == [PULLED]
    said = office.at("2031-04-05 20:00", pages={INSIDERS: insiders(NEXT, BACK, BEFORE)})
    assert said == ["released microsoft-365-apps-version-2004-build-22730-20024"]
    assert office.pulled == ["microsoft-365-apps-version-2004-build-22725-20006"]


def test_a_day_of_the_history_by_date_is_a_release_of_each_build(office: World) -> None:
    said = office.at("2031-07-13 20:00", pages={HISTORY: by_date(NEW, OLD)})
    assert sorted(said) == [
        "released microsoft-365-apps-version-2105-build-24026-20334",
        "released microsoft-365-apps-version-2106-build-24131-20320",
    ]


def test_old_lines_that_are_dropped_are_nothing(office: World) -> None:
    """January 2021: 67 builds left the history by date at once."""
    office.at("2031-04-05 20:00", pages={INSIDERS: insiders(NEXT, OUT, BEFORE)})
    assert office.at("2031-04-06 20:00", pages={INSIDERS: insiders(NEXT, OUT)}) == []
    assert office.at("2031-04-09 20:00") == []
    assert office.pulled == []


def test_builds_that_came_while_nobody_looked_are_no_new_layout(office: World) -> None:
    """A machine that was off for a quarter finds a dozen builds, one of them pulled."""
    days = [
        (f"{month} {day}, 2031", f"Version 2004 (Build 22{number}.20000)")
        for number, (month, day) in enumerate(
            ((m, d) for m in ("June", "May", "April") for d in (24, 17, 10, 7)), 740
        )
    ]
    days[1] = (days[1][0], f"{days[1][1]} (Rolled back)")
    body = insiders(*days, OUT, BEFORE)
    said = office.at("2031-06-26 20:00", pages={INSIDERS: body})
    assert office.failures == []
    assert [line for line in said if line.startswith("pulled")] == [
        "pulled microsoft-365-apps-version-2004-build-22741-20000"
    ]
