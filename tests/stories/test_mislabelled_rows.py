"""A row that is first mislabelled and then corrected is a release under its right name.

Whoever was told of it under a wrong name hears that it was wrong, and nobody is told twice.
"""

from __future__ import annotations

import pytest

from tests.stories.november import OLD_ROW, SU, V1_ROW
from tests.stories.pages import CU14, Cve, Fix, Month, month, table
from tests.stories.telling import World, text

DECEMBER = "exchange-server-2024-12-su"
CU14_NAME = "Exchange Server 2019 CU14"
PAUSED = ("2.0", "2024-11-14", "We have temporarily paused the rollout of this update.")


def row(
    name: str, build: str = "15.2.1544.15", kb: str = "KB5050001"
) -> tuple[str, ...]:
    """A row of the tenth of December."""
    return (f"Exchange Server {name}", "December 10, 2024", build, kb)


RIGHT = row("2019 CU14 Dec24SU")
OTHER = row("2016 CU23 Dec24SU", "15.1.2507.45")


def known(world: World) -> None:
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3), table=table(OLD_ROW))
    told = world.at("2024-11-12 18:00", table=table(V1_ROW, OLD_ROW))
    assert told == [f"released {SU} KB5044062"]


def shows(world: World, time: str, *rows: tuple[str, ...]) -> list[str]:
    return world.at(time, table=table(*rows, V1_ROW, OLD_ROW))


def record(build: str) -> Month:
    fix = Fix(CU14, "5050001", build)
    published = ("1.0", "2024-12-10", "Information published.")
    return month("2024-Dec", Cve("CVE-2024-50001", (fix,), (published,)))


def packages(world: World, update_id: str) -> set[tuple[str, str]]:
    return {(each.product, each.kb) for each in world.update(update_id).packages}


def test_a_package_under_the_month_before_is_released_when_its_month_is_right(
    world: World,
) -> None:
    known(world)
    wrong = shows(world, "2024-12-10 18:00", row("2019 CU14 Nov24SU"))
    assert wrong == [f"revised {SU} KB5044062 KB5050001"]
    revised = world.last.id

    assert shows(world, "2024-12-11 06:00", RIGHT) == [
        f"corrected {SU} KB5050001",
        f"released {DECEMBER} KB5050001",
    ]
    corrected = world.event("corrected")
    assert corrected.corrects == revised
    assert corrected.summary == (
        "KB5050001 does not belong to Exchange Server November 2024 SU: the vendor has "
        "corrected the name, it is Exchange Server December 2024 SU."
    )
    assert packages(world, SU) == {(CU14_NAME, "KB5044062")}
    assert packages(world, DECEMBER) == {(CU14_NAME, "KB5050001")}
    assert "KB5050001" not in world.update(SU).kbs
    assert world.at("2024-12-11 18:00") == []


@pytest.mark.parametrize("build", ["15.02.1544.015", ""], ids=["build", "no build"])
def test_a_row_that_is_mislabelled_beside_its_months_record_is_nothing(
    world: World, build: str
) -> None:
    """The record and the row's own date say the same: its label is a typing error."""
    known(world)
    told = world.at("2024-12-10 18:00", record(build))
    assert told == [f"released {DECEMBER} KB5050001"]
    assert shows(world, "2024-12-10 18:30", row("2019 CU14 Nov24SU")) == []
    assert packages(world, SU) == {(CU14_NAME, "KB5044062")}
    assert shows(world, "2024-12-10 20:30", RIGHT) == []
    assert packages(world, DECEMBER) == {(CU14_NAME, "KB5050001")}
    assert [each.id for each in world.update(DECEMBER).advisories] == ["CVE-2024-50001"]


@pytest.mark.parametrize("build", ["15.02.1544.015", ""], ids=["build", "no build"])
def test_the_months_record_puts_a_mislabelled_row_right(
    world: World, build: str
) -> None:
    known(world)
    shows(world, "2024-12-10 18:00", row("2019 CU14 Nov24SU"))
    assert world.at("2024-12-10 18:30", record(build)) == [
        f"corrected {SU} KB5050001",
        f"released {DECEMBER} KB5050001",
    ]
    assert world.event("corrected").update.cves == ()
    # The row is touched, and put right at last
    touched = (*row("2019 CU14 Nov24SU")[:1], "December 11, 2024", *RIGHT[2:])
    kinds = [said.split()[0] for said in shows(world, "2024-12-10 19:30", touched)]
    assert set(kinds) <= {"revised"}
    assert {said.split()[0] for said in shows(world, "2024-12-10 20:30", RIGHT)} <= {
        "revised"
    }
    assert packages(world, SU) == {(CU14_NAME, "KB5044062")}
    assert packages(world, DECEMBER) == {(CU14_NAME, "KB5050001")}


def test_a_false_second_version_is_taken_back_when_its_month_is_right(
    world: World,
) -> None:
    known(world)
    wrong = shows(world, "2024-12-10 18:00", row("2019 CU14 Nov24SUv2"))
    assert wrong == [f"re-released {SU} v2 KB5050001"]

    assert shows(world, "2024-12-11 06:00", RIGHT) == [
        f"corrected {SU} KB5050001",
        f"released {DECEMBER} KB5050001",
    ]
    assert world.update(SU).version == 1
    # The true second version is told, when it comes
    v2 = (f"{CU14_NAME} Nov24SUv2", "December 12, 2024", "15.2.1544.16", "KB5050009")
    assert shows(world, "2024-12-12 18:00", v2, RIGHT) == [
        f"re-released {SU} v2 KB5050009"
    ]


def test_what_was_pulled_stands_pulled_again_when_its_second_version_was_none(
    world: World,
) -> None:
    known(world)
    fixes = (Fix(CU14, "5044062", "15.02.1544.013"),)
    published = ("1.0", "2024-11-12", "Information published.")
    world.at(
        "2024-11-13 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", fixes, (published,))),
    )
    paused = Cve("CVE-2024-49040", fixes, (published, PAUSED))
    world.at("2024-11-14 18:00", month("2024-Nov", paused))
    assert world.pulled == [SU]
    shows(world, "2024-12-10 18:00", row("2019 CU14 Nov24SUv2"))
    assert world.pulled == []

    shows(world, "2024-12-11 06:00", RIGHT)
    assert world.pulled == [SU]


@pytest.mark.parametrize("wrong", ["Jan25SU", "Oct24SU", "Dec24HU"])
def test_an_update_that_there_never_was_gets_its_right_name_in_place(
    world: World, wrong: str
) -> None:
    """Its release was told: a corrected name alone is no mail."""
    known(world)
    told = shows(
        world,
        "2024-12-10 18:00",
        row(f"2019 CU14 {wrong}"),
        row(f"2016 CU23 {wrong}", "15.1.2507.45"),
    )
    assert [said.split()[0] for said in told] == ["released"]
    former = world.last.update.id

    # One row is corrected before the other
    assert (
        shows(world, "2024-12-11 06:00", RIGHT, row(f"2016 CU23 {wrong}", OTHER[2]))
        == []
    )
    assert shows(world, "2024-12-11 18:00", RIGHT, OTHER) == []
    update = world.update(former)
    assert update.id == DECEMBER
    assert update.title == "Exchange Server December 2024 SU"
    assert {each.product for each in update.packages} == {
        CU14_NAME,
        "Exchange Server 2016 CU23",
    }
    # What comes of it stands in the thread of what was told
    assert update.thread == former


def test_a_row_that_stood_wrong_beside_right_ones_is_a_further_product(
    world: World,
) -> None:
    known(world)
    assert shows(world, "2024-12-10 18:00", row("2019 CU14 Nov24SU"), OTHER) == [
        f"revised {SU} KB5044062 KB5050001",
        f"released {DECEMBER} KB5050001",
    ]
    assert shows(world, "2024-12-11 06:00", RIGHT, OTHER) == [
        f"corrected {SU} KB5050001",
        f"released {DECEMBER} KB5050001",
    ]
    assert world.last.update.products == (CU14_NAME,)


def test_a_second_version_that_stood_as_the_next_months_update_is_one(
    world: World,
) -> None:
    """September 2026's V2 came in October, where MSRC files it."""
    known(world)
    wrong = (f"{CU14_NAME} Dec24SU", "December 2, 2024", "15.2.1544.14", "KB5049233")
    told = shows(world, "2024-12-02 18:00", wrong)
    assert told == [f"released {DECEMBER} KB5049233"]

    right = (f"{CU14_NAME} Nov24SUv2", *wrong[1:])
    assert shows(world, "2024-12-03 06:00", right) == [f"re-released {SU} v2 KB5049233"]
    versions = {each.kb: each.version for each in world.update(SU).packages}
    assert versions == {"KB5044062": 1, "KB5049233": 2}


def test_a_right_name_that_becomes_wrong_for_a_day_is_nothing(world: World) -> None:
    """Of two months that a row has named, its own date says which is a typing error."""
    known(world)
    assert shows(world, "2024-12-10 18:00", RIGHT) == [f"released {DECEMBER} KB5050001"]
    assert shows(world, "2024-12-11 06:00", row("2019 CU14 Nov24SU")) == []
    spaced = (
        f"Exchange Server  {RIGHT[0].removeprefix('Exchange Server ')}",
        *RIGHT[1:],
    )
    assert shows(world, "2024-12-11 18:00", spaced) == []
    assert packages(world, SU) == {(CU14_NAME, "KB5044062")}
    assert packages(world, DECEMBER) == {(CU14_NAME, "KB5050001")}


def test_a_name_that_was_wrong_from_the_start_is_corrected_without_mail(
    world: World,
) -> None:
    world.at("2024-12-12 06:00", table=table(row("2019 CU14 Nov24SU"), V1_ROW, OLD_ROW))
    assert shows(world, "2024-12-13 06:00", RIGHT) == []
    assert packages(world, DECEMBER) == {(CU14_NAME, "KB5050001")}


@pytest.mark.parametrize("beside", [(), (OTHER,)], ids=["alone", "beside another"])
def test_a_product_that_is_corrected_is_no_second_release(
    world: World, beside: tuple[tuple[str, ...], ...]
) -> None:
    known(world)
    told = shows(world, "2024-12-10 18:00", row("2019 CU13 Dec24SU"), *beside)
    assert told == [f"released {DECEMBER} KB5050001"]

    assert shows(world, "2024-12-11 06:00", RIGHT, *beside) == [
        f"revised {DECEMBER} KB5050001"
    ]
    assert world.last.update.products == (CU14_NAME,)
    assert world.last.summary == (
        "Exchange Server December 2024 SU (KB5050001) is for Exchange Server 2019 CU14: "
        "the vendor has corrected the product, which was Exchange Server 2019 CU13 before."
    )
    # Who runs it hears of it for the first time
    mail = " ".join(text(world.mail("revised")).split())
    assert "Nothing needs to be installed" not in mail
    assert "Test KB5050001, then install on: Exchange Server 2019 CU14." in mail
    assert "Exchange Server 2019 CU13" not in world.update(DECEMBER).products
    assert world.at("2024-12-11 18:00") == []


@pytest.mark.parametrize(
    "wrong", ["KB5050007", "KB5044062"], ids=["a new one", "November's"]
)
def test_an_article_that_is_corrected_is_revised_and_named(
    world: World, wrong: str
) -> None:
    known(world)
    told = shows(world, "2024-12-10 18:00", row("2019 CU14 Dec24SU", kb=wrong))
    assert told == [f"released {DECEMBER} {wrong}"]

    assert shows(world, "2024-12-11 06:00", RIGHT) == [f"revised {DECEMBER} KB5050001"]
    assert packages(world, SU) == {(CU14_NAME, "KB5044062")}
    assert packages(world, DECEMBER) == {(CU14_NAME, "KB5050001")}
    assert world.at("2024-12-11 18:00") == []
