"""Noise: what moves every day and concerns nobody."""

from __future__ import annotations

import pytest

from tests.stories.pages import CU14, CU23, SE, Cve, Fix, blog, month, post, table
from tests.stories.telling import World

SU = "exchange-server-2024-11-su"
FIXES = (Fix(CU14, "5044062", "15.02.1544.013"),)
FIRST = ("1.0", "2024-11-12", "Information published.")


@pytest.fixture
def released(world: World) -> World:
    """November's update is out, with Linux packages beside it."""
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))
    assert world.at(
        "2024-11-12 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", FIXES, (FIRST,)), linux=30),
    ) == [f"released {SU} KB5044062"]
    return world


def test_revisions_listed_out_of_order_end_with_the_highest_number(
    released: World,
) -> None:
    paused = (
        "9.0",
        "2024-11-14",
        "We have temporarily paused the rollout of this update.",
    )
    back = ("10.0", "2024-11-20", "The update has been re-released.")

    assert released.at(
        "2024-11-14 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", FIXES, (paused, FIRST)), linux=30),
    ) == [f"pulled {SU} KB5044062"]
    (said,) = released.at(
        "2024-11-20 18:00",
        month(
            "2024-Nov", Cve("CVE-2024-49040", FIXES, (back, paused, FIRST)), linux=30
        ),
    )
    assert said.startswith(f"re-released {SU} v2")


def test_both_turns_seen_at_one_check_end_with_the_later_one(released: World) -> None:
    paused = (
        "2.0",
        "2024-11-14",
        "We have temporarily paused the rollout of this update.",
    )
    back = ("3.0", "2024-11-20", "The update has been re-released.")

    (said,) = released.at(
        "2024-11-21 18:00",
        month(
            "2024-Nov", Cve("CVE-2024-49040", FIXES, (back, paused, FIRST)), linux=30
        ),
    )
    assert said.startswith(f"re-released {SU} v2")
    assert released.pulled == []


def test_the_same_revision_twice_is_one(released: World) -> None:
    assert (
        released.at(
            "2024-11-13 18:00",
            month("2024-Nov", Cve("CVE-2024-49040", FIXES, (FIRST, FIRST)), linux=30),
        )
        == []
    )


def test_an_acknowledgement_is_no_news(released: World) -> None:
    note = (
        "1.1",
        "2024-11-20",
        "Updated acknowledgments. This is an informational change only.",
    )

    assert (
        released.at(
            "2024-11-20 18:00",
            month("2024-Nov", Cve("CVE-2024-49040", FIXES, (FIRST, note)), linux=30),
        )
        == []
    )


def test_linux_packages_come_and_go_every_day(released: World) -> None:
    for day, count in ((14, 45), (15, 40), (16, 60)):
        assert (
            released.at(
                f"2024-11-{day} 06:00",
                month("2024-Nov", Cve("CVE-2024-49040", FIXES, (FIRST,)), linux=count),
            )
            == []
        )


def test_products_that_are_not_watched_are_nothing(world: World) -> None:
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))
    windows = Cve(
        "CVE-2024-43639",
        (Fix("Windows Server 2025", "5046617", "10.0.26100.2314"),),
        (FIRST,),
        title="Windows KDC Proxy Vulnerability",
    )

    assert world.at("2024-11-12 18:00", month("2024-Nov", windows, linux=3)) == []


def test_everything_watched_has_an_update_for_each_article(world: World) -> None:
    world.watches("*")
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))
    windows = Cve(
        "CVE-2024-43639",
        (Fix("Windows Server 2025", "5046617", "10.0.26100.2314"),),
        (FIRST,),
        title="Windows KDC Proxy Vulnerability",
    )

    told = world.at(
        "2024-11-12 18:00",
        month("2024-Nov", windows, Cve("CVE-2024-49040", FIXES, (FIRST,)), linux=3),
    )
    assert sorted(told) == [
        f"released {SU} KB5044062",
        "released windows-kb5046617 KB5046617",
    ]


def test_a_package_only_for_customers_of_extended_updates_says_so(world: World) -> None:
    world.at("2026-02-01 06:00", month("2026-Jan", linux=3))
    link = "https://www.microsoft.com/download/details.aspx?id=108825"
    fixes = (
        Fix(SE, "5999901", "15.02.2562.050", link),
        Fix(CU23, "5999903", "15.01.2507.070"),
    )

    world.at(
        "2026-02-10 18:00",
        month(
            "2026-Feb",
            Cve(
                "CVE-2026-20001",
                fixes,
                (("1.0", "2026-02-10", "Information published."),),
            ),
        ),
    )
    assert {package.product: package.esu for package in world.last.packages} == {
        "Exchange Server SE": False,
        "Exchange Server 2016 CU23": True,
    }


def test_a_clock_that_goes_back_tells_nothing_twice(released: World) -> None:
    paused = (
        "2.0",
        "2024-11-14",
        "We have temporarily paused the rollout of this update.",
    )
    assert released.at(
        "2024-11-14 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", FIXES, (FIRST, paused)), linux=30),
    ) == [f"pulled {SU} KB5044062"]

    assert released.at("2024-11-14 12:00") == []
    assert released.at("2024-11-14 19:00") == []


def test_sources_in_another_order_tell_the_same(world: World) -> None:
    """The table a day before the records: its release is the one that is told."""
    rows = (("Exchange Server 2019 CU14 (2024H1)", "February 13, 2024", "15.2.1544.4"),)
    world.at(
        "2024-11-08 06:00",
        month("2024-Oct", linux=3),
        table=table(*rows),
        blog=blog(post(4250001, "Calendars", "2024-10-20", "<p>Calendars.</p>")),
    )
    row = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "15.2.1544.13",
        "KB5044062",
    )
    assert world.at("2024-11-12 17:00", table=table(row, *rows)) == [
        f"released {SU} KB5044062"
    ]
    assert (
        world.at(
            "2024-11-12 18:00",
            month("2024-Nov", Cve("CVE-2024-49040", FIXES, (FIRST,)), linux=3),
        )
        == []
    )
    title = "Released: November 2024 Exchange Server Security Updates"
    assert (
        world.at(
            "2024-11-12 19:00",
            blog=blog(
                post(4293125, title, "2024-11-12", "<p>KB5044062 is available.</p>")
            ),
        )
        == []
    )
    assert {piece.source for piece in world.event("released").evidence} == {
        "exchange-builds",
        "msrc-cvrf",
        "exchange-blog",
    }
