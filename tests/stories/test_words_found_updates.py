"""Any source founds an update: by a KB article, or by a product and its version."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.pages import blog, post
from tests.stories.telling import World
from watcher.records import Watch

OLDER = post(10001, "An older post", "2031-01-02", "<p>Hello.</p>")


@pytest.fixture
def vendor(world: World) -> World:
    """A watcher of everything that a vendor's blog may tell of."""
    products = ("ESXi*", "vSphere*", "SQL Server*", "Windows*", "QTS*")
    world.settings = replace(world.settings, watch=Watch(products))
    world.at("2031-01-05 06:00", blog=blog(OLDER))
    return world


def test_a_version_is_released_pulled_and_replaced(vendor: World) -> None:
    """vSphere 7 Update 3, October 2021 to January 2022."""
    out = post(
        10002,
        "vSphere 7 Update 3 is now available",
        "2031-02-05",
        "<p>vSphere 7 Update 3 is now available for download. ESXi 7.0 Update 3 is part "
        "of it.</p>",
    )
    assert vendor.at("2031-02-05 20:00", blog=blog(out, OLDER)) == [
        "released vsphere-7-update-3"
    ]
    assert vendor.last.update.title == "vSphere 7 Update 3"
    gone = post(
        10003,
        "Important information on ESXi 7 Update 3",
        "2031-03-05",
        "<p>We have removed the ESXi 7 Update 3 release from our download site.</p>",
    )
    assert vendor.at("2031-03-05 20:00", blog=blog(gone, out, OLDER)) == [
        "pulled vsphere-7-update-3"
    ]


def test_two_updates_of_one_month_are_two(vendor: World) -> None:
    """November 2024: KB5046617 and KB5046616 are no 'Windows November 2024 SU'."""
    one = post(
        10002,
        "November 2031 security update KB5990017 for Windows Server 2025",
        "2031-02-05",
        "<p>Security update KB5990017 for Windows Server 2025 is now available.</p>",
    )
    other = (
        "November 2031 security update KB5990016 for Windows Server 2022",
        "2031-02-05",
        "<p>Security update KB5990016 for Windows Server 2022 is now available.</p>",
    )
    both = blog(one, post(10003, *other), OLDER)
    assert vendor.at("2031-02-05 20:00", blog=both) == [
        "released windows-kb5990016 KB5990016",
        "released windows-kb5990017 KB5990017",
    ]
    paused = (*other[:2], other[2] + "<p>The rollout of KB5990016 has been paused.</p>")
    told = vendor.at("2031-02-07 20:00", blog=blog(one, post(10003, *paused), OLDER))
    assert told == ["pulled windows-kb5990016 KB5990016"]


def test_one_sentence_pulls_each_update_that_it_names(vendor: World) -> None:
    """January 2022: three KB articles of four were pulled, and came back as they were."""
    text = "<p>KB5990024, KB5990057 and KB5990055 are now available for Windows Server.</p>"
    first = post(10002, "Windows Server January updates", "2031-02-05", text)
    told = vendor.at("2031-02-05 20:00", blog=blog(first, OLDER))
    assert sorted(told) == [
        "released windows-kb5990024 KB5990024",
        "released windows-kb5990055 KB5990055",
        "released windows-kb5990057 KB5990057",
    ]
    text += "<p>KB5990024 and KB5990057 have been pulled from Windows Update.</p>"
    pulled = post(10002, "Windows Server January updates", "2031-02-05", text)
    assert sorted(vendor.at("2031-02-06 20:00", blog=blog(pulled, OLDER))) == [
        "pulled windows-kb5990024 KB5990024",
        "pulled windows-kb5990057 KB5990057",
    ]
    text += "<p>KB5990024 and KB5990057 are available again on Windows Update.</p>"
    back = post(10002, "Windows Server January updates", "2031-02-05", text)
    assert sorted(vendor.at("2031-02-07 20:00", blog=blog(back, OLDER))) == [
        "re-released windows-kb5990024 v2 KB5990024",
        "re-released windows-kb5990057 v2 KB5990057",
    ]


def test_a_new_article_under_the_same_name_is_its_next_version(vendor: World) -> None:
    """SQL Server 2022 CU23, January 2026: KB5074819 came back as KB5078297."""
    title = "Cumulative Update #23 for SQL Server 2022 RTM"
    out = post(
        10002,
        title,
        "2031-02-05",
        "<p>The 23rd cumulative update for SQL Server 2022 RTM is now available. CU23 KB "
        "Article: KB5990019.</p>",
    )
    assert vendor.at("2031-02-05 20:00", blog=blog(out, OLDER)) == [
        "released sql-server-2022-cu23 KB5990019"
    ]
    back = post(
        10003,
        f"{title} re-released",
        "2031-02-19",
        "<p>Cumulative Update 23 for SQL Server 2022 has been re-released as KB5990097.</p>",
    )
    told = vendor.at("2031-02-19 20:00", blog=blog(back, out, OLDER))
    assert told == ["re-released sql-server-2022-cu23 v2 KB5990097"]


def test_what_is_only_named_gets_nothing(vendor: World) -> None:
    text = "<p>QTS 5.2.2.2950 is now available. It fixes what QTS 5.2.1.2930 broke.</p>"
    out = post(10002, "QTS 5.2.2.2950 is out", "2031-02-05", text)
    assert vendor.at("2031-02-05 20:00", blog=blog(out, OLDER)) == [
        "released qts-5-2-2-2950"
    ]


def test_the_update_is_the_one_that_the_sentence_before_names(world: World) -> None:
    """December 2014: one post on three products' rollups, of which one was recalled."""
    world.at("2031-01-05 06:00", blog=blog(OLDER))
    text = (
        "<p>The Exchange team is announcing today the availability of our latest quarterly "
        "updates: Update Rollup 8 for Exchange Server 2010 "
        "Service Pack 3 (KB5990475) and Update Rollup 15 for Exchange Server 2007 Service "
        "Pack 3 (KB5990150).</p>"
    )
    title = "Exchange releases: February 2031"
    out = blog(post(10002, title, "2031-02-05", text), OLDER)
    assert sorted(world.at("2031-02-05 20:00", blog=out)) == [
        "released exchange-server-kb5990150 KB5990150",
        "released exchange-server-kb5990475 KB5990475",
    ]
    recalled = (
        "<p>An issue has been identified in the Exchange Server 2010 SP3 Update Rollup 8. "
        "The update has been recalled.</p>"
    )
    edited = blog(post(10002, title, "2031-02-05", recalled + text), OLDER)
    told = world.at("2031-02-06 20:00", blog=edited)
    assert told == ["pulled exchange-server-kb5990475 KB5990475"]


def test_a_sentence_pulls_the_version_that_it_names_of_two(vendor: World) -> None:
    both = (
        "<p>QTS 5.2.2.2950 is now available for download. QTS 5.1.9.2954 is now "
        "available for download.</p>"
    )
    title = "What is new in February"
    out = post(10002, title, "2031-02-05", both)
    assert vendor.at("2031-02-05 20:00", blog=blog(out, OLDER)) == [
        "released qts-5-1-9-2954",
        "released qts-5-2-2-2950",
    ]
    gone = "<p>We have removed QTS 5.2.2.2950 from our download site.</p>"
    edited = post(10002, title, "2031-02-05", gone + both)
    assert vendor.at("2031-02-06 20:00", blog=blog(edited, OLDER)) == [
        "pulled qts-5-2-2-2950"
    ]
