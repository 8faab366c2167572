"""A later source names further products of a version: their readers hear of it, once.

It is evidence for the event that was told, and no second release.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.november import OCTOBER, OLD_ROW, SU, V1_ROW, V2_ROW
from tests.stories.pages import CU13, CU14, CU23, Cve, Fix, month, table
from tests.stories.telling import World, text
from watcher.records import Kind, Subscriber

BUILDS = {CU14: "15.2.1544", CU13: "15.2.1258", CU23: "15.1.2507"}
PUBLISHED = ("1.0", "2024-11-12", "Information published.")
OFFERED = ("2.0", "2024-11-27", "Added the new packages.")


def reader(name: str, *products: str, when: str = "at-once") -> Subscriber:
    return Subscriber(
        name, (f"{name}@example.org",), products, kinds=tuple(Kind), when=when
    )


ALL = reader("all", "Exchange Server*")
CU14S = reader("cu14", "Exchange Server 2019 CU14")
CU23S = reader("cu23", "Exchange Server 2016 CU23")


def november(kb: str, number: int, *revisions: tuple[str, str, str]) -> Cve:
    """The record: an update for three products."""
    fixes = tuple(
        Fix(product, kb, f"{line}.{number}") for product, line in BUILDS.items()
    )
    return Cve("CVE-2024-49040", fixes, (PUBLISHED, *revisions))


@pytest.fixture
def second_version(world: World) -> World:
    """A table has told v2 for 2019 CU14, and nobody has named other products of it."""
    world.settings = replace(world.settings, subscribers=(ALL, CU14S, CU23S))
    world.at("2024-11-01 06:00", OCTOBER, table=table(OLD_ROW))
    world.at(
        "2024-11-12 20:00",
        month("2024-Nov", november("5044062", 13)),
        table=table(V1_ROW, OLD_ROW),
    )
    told = world.at("2024-11-27 06:00", table=table(V2_ROW, V1_ROW, OLD_ROW))
    assert told == [f"re-released {SU} v2 KB5049233"]
    return world


def offer_to_all(world: World, time: str) -> list[str]:
    """MSRC's record offers v2 for all three products."""
    return world.at(time, month("2024-Nov", november("5049233", 14, OFFERED)))


def mails_to(world: World, name: str) -> list[str]:
    """The subjects of the mails of an update to a reader."""
    return [
        mail["Subject"]
        for mail in world.mails
        if name in mail["To"] and mail["X-Watcher-Event"] != "welcome"
    ]


def test_a_reader_of_a_product_that_a_later_source_names_hears_of_v2_once(
    second_version: World,
) -> None:
    world = second_version
    before = [mails_to(world, name) for name in ("all", "cu14", "cu23")]
    assert [len(each) for each in before] == [2, 2, 1]

    assert offer_to_all(world, "2024-11-27 12:00") == []

    others = [mails_to(world, name) for name in ("all", "cu14")]
    assert others == before[:2], "who has read of v2 hears nothing again"
    late = mails_to(world, "cu23")[1:]
    assert late == ["[RE-RELEASED] Exchange Server November 2024 SU v2 (KB5049233)"]
    first, mail = [each for each in world.mails if "cu23" in each["To"]][-2:]
    assert mail["References"] == first["References"], "in the same thread"
    body = text(mail).partition("WHY WE SAY SO")[0]
    assert "15.1.2507.14" in body
    assert "15.2.1544.14" not in body, "of their product only"

    assert world.at("2024-11-27 13:00") == []
    assert offer_to_all(world, "2024-11-28 12:00") == []
    assert len(mails_to(world, "cu23")) == 2


def test_a_digest_brings_what_a_later_source_names_to_who_waits_for_one(
    second_version: World,
) -> None:
    """Who has the event still before them gets it whole, at the usual time."""
    world = second_version
    daily = reader("daily", "Exchange Server 2016 CU23", when="daily 07:00")
    world.settings = replace(world.settings, subscribers=(ALL, daily))
    world.at("2024-11-27 06:30")
    # Its first digest holds nothing of v2
    world.at("2024-11-27 07:30")
    assert mails_to(world, "daily") == []

    offer_to_all(world, "2024-11-27 12:00")
    assert mails_to(world, "daily") == [], "not before its time"

    world.at("2024-11-28 07:05")
    assert len(mails_to(world, "daily")) == 1
    body = text(world.mails[-1]).partition("WHY WE SAY SO")[0]
    assert "15.1.2507.14" in body
    assert "15.2.1544.14" not in body

    world.at("2024-11-29 07:05")
    assert len(mails_to(world, "daily")) == 1


def test_the_event_lists_what_its_evidence_names_by_now(second_version: World) -> None:
    world = second_version
    assert [each.build for each in world.event("re-released").packages] == [
        "15.2.1544.14"
    ]

    offer_to_all(world, "2024-11-27 12:00")

    event = world.event("re-released")
    assert event.update.products == (
        "Exchange Server 2016 CU23",
        "Exchange Server 2019 CU13",
        "Exchange Server 2019 CU14",
    )
    assert {each.build for each in event.packages} == {
        "15.1.2507.14",
        "15.2.1258.14",
        "15.2.1544.14",
    }
    said = " ".join(each.after for each in event.evidence)
    assert all(build in said for build in event.update.builds)


def test_a_run_that_was_killed_before_its_letters_leaves_them_to_the_next(
    second_version: World,
) -> None:
    world = second_version
    readers = world.settings
    # Recorded, and no letter composed
    world.settings = replace(readers, subscribers=())
    offer_to_all(world, "2024-11-27 12:00")

    world.settings = readers
    world.at("2024-11-27 12:30")
    world.at("2024-11-27 13:00")
    assert len(mails_to(world, "cu23")) == 2


def test_who_has_been_welcomed_since_is_told_nothing_old(second_version: World) -> None:
    world = second_version
    offer_to_all(world, "2024-11-27 12:00")
    new = reader("new", "Exchange Server 2016 CU23")
    world.settings = replace(world.settings, subscribers=(ALL, CU14S, CU23S, new))
    world.at("2024-11-27 18:00")
    world.at("2024-11-27 19:00")
    assert mails_to(world, "new") == []


def test_what_was_pulled_again_is_not_offered_to_late_readers(
    second_version: World,
) -> None:
    world = second_version
    readers = world.settings
    world.settings = replace(readers, subscribers=())
    offer_to_all(world, "2024-11-27 12:00")
    paused = (
        "3.0",
        "2024-11-29",
        "We have temporarily paused the rollout of this update.",
    )
    world.at(
        "2024-11-29 12:00", month("2024-Nov", november("5049233", 14, OFFERED, paused))
    )
    world.settings = readers
    world.at("2024-11-29 13:00")
    assert not [
        each for each in mails_to(world, "cu23")[1:] if each.startswith("[RE-RELEASED]")
    ]
