"""A month is not a name: what a date suggests gives way to what the vendor says."""

from __future__ import annotations

import pytest

from tests.stories.pages import CU14, SE, Cve, Fix, Month, blog, month, post, table
from tests.stories.telling import World

FIRST = {CU14: "KB5121610", SE: "KB5121608"}
SECOND = {CU14: "KB5129957", SE: "KB5129955"}
OCTOBER = {CU14: "KB5135002", SE: "KB5135000"}


def records(name: str, cve: str, day: str, kbs: dict[str, str]) -> Month:
    fixes = tuple(
        Fix(f"Microsoft {product}", kb.removeprefix("KB"))
        for product, kb in kbs.items()
    )
    return month(name, Cve(cve, fixes, revisions=(("1.0", day, "Published."),)))


AUGUST = records("2026-Aug", "CVE-2026-0001", "2026-08-11", {SE: "KB5121573"})
SEPTEMBER = records("2026-Sep", "CVE-2026-0002", "2026-09-08", FIRST)
EARLY = records("2026-Oct", "CVE-2026-96940", "2026-10-02", SECOND)
ROWS = [
    (f"{SE} RTM Sep26SU", "September 8, 2026", "15.2.2562.49", "KB5121608"),
    (f"{SE} RTM Aug26SU", "August 11, 2026", "15.2.2562.46", "KB5121573"),
]
V2_ROW = (f"{SE} RTM Sep26SUv2", "October 2, 2026", "15.2.2562.53", "KB5129955")
V2_POST = post(
    4561718,
    "Released: September 2026 V2 Exchange Server Security Updates",
    "2026-10-02",
    "<p>Microsoft has released Version 2 (V2) of September 2026 Security Updates (SUs) "
    "for Exchange Server 2019 and Exchange Server Subscription Edition (SE).</p>",
)
OLDER = post(4519000, "Some earlier post", "2026-08-20", "<p>Hello.</p>")


def known(world: World) -> None:
    world.at("2026-09-01 06:00", AUGUST, table=table(*ROWS[1:]), blog=blog(OLDER))
    told = world.at("2026-09-08 20:00", AUGUST, SEPTEMBER, table=table(*ROWS))
    assert told == ["released exchange-server-2026-09-su KB5121608 KB5121610"]


def test_a_second_version_of_another_months_day_is_told_once(world: World) -> None:
    """September 2026's V2 came on the second of October, and MSRC files it there."""
    known(world)
    assert world.at("2026-10-02 17:00", blog=blog(V2_POST, OLDER)) == [
        "re-released exchange-server-2026-09-su v2"
    ]
    # The title names no article, and those of the first version are not it
    assert world.last.packages == ()
    assert world.at("2026-10-02 18:00", table=table(V2_ROW, *ROWS)) == []
    assert world.at("2026-10-02 19:00", AUGUST, SEPTEMBER, EARLY) == []
    update = world.store.update("exchange-server-2026-09-su")
    assert update is not None
    assert {each.kb for each in update.packages if each.version == 2} == {
        "KB5129955",
        "KB5129957",
    }


def test_records_that_come_first_say_no_more_than_their_day(world: World) -> None:
    known(world)
    told = world.at("2026-10-02 17:00", AUGUST, SEPTEMBER, EARLY)
    assert told == ["released exchange-server-2026-10-02 KB5129955 KB5129957"]
    assert world.last.update.title == "Exchange Server update of 2 October 2026"
    assert world.at("2026-10-02 18:00", table=table(V2_ROW, *ROWS)) == [
        "re-released exchange-server-2026-09-su v2 KB5129955"
    ]
    # What was told under the guess is the right update's now
    heir = world.store.update("exchange-server-2026-10-02")
    assert heir is not None
    assert heir.id == "exchange-server-2026-09-su"
    assert world.at("2026-10-02 19:00", blog=blog(V2_POST, OLDER)) == []


@pytest.mark.parametrize("order", ["blog first", "records first"])
def test_the_true_october_has_its_name(world: World, order: str) -> None:
    known(world)
    if order == "records first":
        world.at("2026-10-02 16:00", AUGUST, SEPTEMBER, EARLY)
    world.at("2026-10-02 17:00", blog=blog(V2_POST, OLDER))
    world.at("2026-10-02 18:00", AUGUST, SEPTEMBER, EARLY, table=table(V2_ROW, *ROWS))
    both = month(
        "2026-Oct",
        Cve(
            "CVE-2026-96940",
            tuple(Fix(f"Microsoft {p}", kb[2:]) for p, kb in SECOND.items()),
            revisions=(("1.0", "2026-10-02", "Published."),),
        ),
        Cve(
            "CVE-2026-0003",
            tuple(Fix(f"Microsoft {p}", kb[2:]) for p, kb in OCTOBER.items()),
            revisions=(("1.0", "2026-10-13", "Published."),),
        ),
    )
    told = world.at("2026-10-13 18:00", AUGUST, SEPTEMBER, both)
    assert told == ["released exchange-server-2026-10-su KB5135000 KB5135002"]


def test_an_update_that_only_its_day_named_gets_its_label_in_place(
    world: World,
) -> None:
    """March 2021: the records of the second were there before any table."""
    world.at("2026-09-01 06:00", AUGUST, table=table(*ROWS[1:]))
    emergency = records("2026-Oct", "CVE-2026-0004", "2026-10-20", {SE: "KB5130001"})
    told = world.at("2026-10-20 18:00", AUGUST, emergency)
    assert told == ["released exchange-server-2026-10-20 KB5130001"]
    row = (f"{SE} RTM Oct26SU", "October 20, 2026", "15.2.2562.60", "KB5130001")
    assert world.at("2026-10-21 06:00", table=table(row, *ROWS[1:])) == []
    update = world.store.update("exchange-server-2026-10-20")
    assert update is not None
    assert update.title == "Exchange Server October 2026 SU"
    assert not update.is_guessed
