"""The table of builds: what its rows say, and what they only seem to say (FORMATS 5)."""

from __future__ import annotations

import pytest

from tests.stories.pages import OUTAGE, table
from tests.stories.telling import World

CU14 = (
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
APR16 = (
    "Exchange Server 2016 CU23 Apr24HU",
    "April 23, 2024",
    "15.1.2507.39",
    "KB5037224",
)
NOV = (
    "Exchange Server 2019 CU14 Nov24SU",
    "November 12, 2024",
    "15.2.1544.13",
    "KB5044062",
)
NOV13 = (
    "Exchange Server 2019 CU13 Nov24SU",
    "November 12, 2024",
    "15.2.1258.38",
    "KB5044062",
)
NOV16 = (
    "Exchange Server 2016 CU23 Nov24SU",
    "November 12, 2024",
    "15.1.2507.43",
    "KB5044062",
)
OLD = (APR, CU14, APR16)
NEW = (NOV, NOV13, NOV16)
SU = "exchange-server-2024-11-su"


@pytest.fixture
def released(world: World) -> World:
    """November's three rows have appeared and were told."""
    world.at("2024-11-08 06:00", table=table(*OLD))
    assert world.at("2024-11-13 06:00", table=table(*NEW, *OLD)) == [
        f"released {SU} KB5044062"
    ]
    return world


def test_three_rows_of_one_update_are_one_release(released: World) -> None:
    assert released.event("released").update.products == (
        "Exchange Server 2016 CU23",
        "Exchange Server 2019 CU13",
        "Exchange Server 2019 CU14",
    )


@pytest.mark.parametrize("link", ["", "KB5044062", "KB5044063"])
@pytest.mark.parametrize("first", [True, False])
def test_a_row_that_stands_twice_for_a_while_is_nothing(
    released: World, link: str, *, first: bool
) -> None:
    again = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 13, 2024",
        "15.2.1544.13",
        *filter(None, [link]),
    )
    rows = (again, NOV) if first else (NOV, again)
    twice = released.at("2024-11-14 06:00", table=table(*rows, NOV13, NOV16, *OLD))
    assert not [event for event in twice if not event.startswith("revised")]
    assert not [
        event
        for event in released.at("2024-11-14 12:00", table=table(*NEW, *OLD))
        if "pulled" in event
    ]
    assert released.at("2024-11-14 18:00") == []


@pytest.mark.parametrize(
    "row",
    [
        (
            "Exchange Server 2019 CU14 Nov24SU",
            "November 12, 2024",
            "15.2.1544.13",
            "KB5044062",
            "15.2.1544.13",
        ),
        (
            "Exchange Server 2019 CU14 Nov24SU",
            "November 12, 2024",
            "15.2.1544.013",
            "KB5044062",
        ),
        (
            "Exchange&nbsp;Server 2019  CU14 Nov24SU",
            "November 12, 2024",
            "15.2.1544.13",
            "KB5044062",
        ),
        (
            "Exchange Server 2019 CU14 Nov24 SU",
            "November 12, 2024",
            "15.2.1544.13",
            "KB5044062",
        ),
        (
            "Exchange Server 2019 CU14 Nov24SU",
            "November 12, 2024",
            "15.2.1544.13",
            "https://support.microsoft.com/en-us/help/5044062?src=x",
        ),
    ],
)
def test_another_spelling_of_a_row_is_nothing(
    released: World, row: tuple[str, ...]
) -> None:
    assert released.at("2024-11-14 06:00", table=table(row, NOV13, NOV16, *OLD)) == []


def test_a_malformed_short_build_comes_and_goes(released: World) -> None:
    """5.0.1497.44 stood there for a week."""
    typo = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "5.2.1544.13",
        "KB5044062",
        "15.02.1544.013",
    )

    assert released.at("2024-11-14 06:00", table=table(typo, NOV13, NOV16, *OLD)) == []
    assert released.at("2024-11-20 06:00", table=table(*NEW, *OLD)) == []


def test_a_placeholder_for_the_article_comes_and_goes(released: World) -> None:
    placeholder = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "15.2.1544.13",
        "https://support.microsoft.com/help/1234567",
    )

    told = released.at("2024-11-14 06:00", table=table(placeholder, NOV13, NOV16, *OLD))
    told += released.at("2024-11-20 06:00", table=table(*NEW, *OLD))
    assert [said for said in told if not said.startswith("revised")] == []


def test_a_corrected_date_is_no_re_release(released: World) -> None:
    moved = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 13, 2024",
        "15.2.1544.13",
        "KB5044062",
    )

    told = released.at("2024-11-14 06:00", table=table(moved, NOV13, NOV16, *OLD))
    assert [said for said in told if not said.startswith("revised")] == []


def test_a_lower_build_is_a_correction(released: World) -> None:
    lower = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "15.2.1544.12",
        "KB5044062",
    )

    told = released.at("2024-11-14 06:00", table=table(lower, NOV13, NOV16, *OLD))
    assert [said.split()[0] for said in told] == ["revised"]


def test_a_build_that_was_lowered_and_is_put_back_is_no_second_version(
    released: World,
) -> None:
    lower = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "15.2.1544.12",
        "KB5044062",
    )
    told = released.at("2024-11-14 06:00", table=table(lower, NOV13, NOV16, *OLD))
    assert {said.split()[0] for said in told} == {"revised"}
    again = released.at("2024-11-14 12:00", table=table(*OLD, *NEW))
    assert {said.split()[0] for said in again} <= {"revised"}

    higher = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "15.2.1544.14",
        "KB5044062",
    )
    assert released.at("2024-11-20 06:00", table=table(higher, NOV13, NOV16, *OLD)) == [
        f"re-released {SU} v2 KB5044062"
    ]


def test_a_higher_build_under_the_same_name_date_and_article_is_a_hidden_second_version(
    released: World,
) -> None:
    higher = [
        (
            name,
            date,
            f"{build.rpartition('.')[0]}.{int(build.rpartition('.')[2]) + 1}",
            kb,
        )
        for name, date, build, kb in NEW
    ]

    assert released.at("2024-11-20 06:00", table=table(*higher, *OLD)) == [
        f"re-released {SU} v2 KB5044062"
    ]
    assert released.last.update.builds == (
        "15.1.2507.44",
        "15.2.1258.39",
        "15.2.1544.14",
    )
    even_higher = [
        (
            name,
            date,
            f"{build.rpartition('.')[0]}.{int(build.rpartition('.')[2]) + 2}",
            kb,
        )
        for name, date, build, kb in NEW
    ]
    assert released.at("2024-11-22 06:00", table=table(*even_higher, *OLD)) == [
        f"re-released {SU} v3 KB5044062"
    ]


def test_a_name_that_is_corrected_keeps_its_row(released: World) -> None:
    """ "forExchange" became "for Exchange"; a renamed row with its build is the same row."""
    renamed = (
        "Exchange Server 2019 CU14 November 2024 SU",
        "November 12, 2024",
        "15.2.1544.13",
        "KB5044062",
    )

    told = released.at("2024-11-14 06:00", table=table(renamed, NOV13, NOV16, *OLD))
    told += released.at("2024-11-14 08:00")
    assert [said for said in told if not said.startswith("revised")] == []
    assert released.pulled == []


# The rows of before November in another order: no copy that was read before
GONE = table(*reversed(OLD))


def test_rows_that_vanish_for_one_check_are_suspected_and_corrected(
    released: World,
) -> None:
    assert released.at("2024-11-14 06:00", table=GONE) == [f"pulled? {SU} KB5044062"]
    assert released.pulled == []
    (said,) = released.at("2024-11-14 06:40", table=table(*NEW, *OLD))
    assert said.startswith(f"corrected {SU}")
    assert released.last.corrects == released.event("pulled").id


def test_rows_that_stay_away_are_suspected_once_and_no_check_confirms_it(
    released: World,
) -> None:
    """One source is one witness, however many of its checks agree."""
    assert released.at("2024-11-14 06:00", table=GONE) == [f"pulled? {SU} KB5044062"]
    for time in ("2024-11-14 06:30", "2024-11-14 09:00", "2024-11-18 09:00"):
        assert released.at(time) == []
    assert released.pulled == []
    (said,) = released.at("2024-11-20 09:00", table=table(*NEW, *OLD))
    assert said.startswith(f"corrected {SU}")
    assert [mail["X-Watcher-Event"] for mail in released.mails].count("corrected") == 1


def test_rows_that_come_and_go_are_suspected_once_and_taken_back_once(
    released: World,
) -> None:
    told = []
    for number, hour in enumerate(range(6, 18)):
        shown = OLD[1:] if number % 2 == 0 else (*NEW, *OLD[1:])
        respaced = (APR[0].replace(" ", number * " " + "  "), *APR[1:])
        told += released.at(f"2024-11-14 {hour:02d}:00", table=table(*shown, respaced))
    assert [said.split()[0] for said in told] == ["pulled?", "corrected"]
    assert released.pulled == []


def test_a_table_from_a_cache_changes_nothing(released: World) -> None:
    """A table of February came back in March for fifteen minutes."""
    assert released.at("2024-11-14 06:00", table=table(*OLD)) == []
    (failure,) = released.failures
    assert "byte for byte one read before the last" in failure
    assert released.at("2024-11-14 06:15", table=table(*NEW, *OLD)) == []
    assert released.failures == []


def test_a_table_from_a_cache_that_stays_is_believed_and_nothing_is_a_pull(
    released: World,
) -> None:
    for time in ("2024-11-14 06:00", "2024-11-15 06:00", "2024-11-16 06:00"):
        assert released.at(time, table=table(*OLD)) == []
    assert (released.failures, released.pulled) == ([], [])


def test_a_row_that_gives_way_to_its_products_next_build_is_no_absence(
    released: World,
) -> None:
    """A table that shows each product's newest row alone."""
    newer = (
        ("Exchange Server 2019 CU14 Jan25SU", "November 19, 2024", "15.2.1544.14"),
        ("Exchange Server 2019 CU13 Jan25SU", "November 19, 2024", "15.2.1258.39"),
        ("Exchange Server 2016 CU23 Jan25SU", "November 19, 2024", "15.1.2507.44"),
    )
    shown = tuple((*each, "KB5049999") for each in newer)
    told = released.at("2024-11-20 06:00", table=table(*shown, *OLD))
    assert [said.split()[0] for said in told] == ["released"]
    assert released.pulled == []


def test_a_table_cut_at_a_row_is_no_pull(world: World) -> None:
    """What is gone with it is of more updates than a vendor pulls at once."""
    september = (
        "Exchange Server 2016 CU23 Sep24SU",
        "September 10, 2024",
        "15.1.2507.41",
        "KB5040000",
    )
    october = (
        "Exchange Server 2016 CU23 Oct24SU",
        "October 8, 2024",
        "15.1.2507.42",
        "KB5041111",
    )
    world.at("2024-11-08 06:00", table=table(*OLD, october, september))
    world.at("2024-11-13 06:00", table=table(*OLD, *NEW, october, september))

    assert world.at("2024-11-14 06:00", table=table(*OLD, NOV, NOV13)) == []
    assert world.pulled == []


def test_one_row_of_three_gone_stays_suspected(released: World) -> None:
    assert released.at("2024-11-14 06:00", table=table(NOV13, NOV16, *OLD)) == [
        f"pulled? {SU} KB5044062"
    ]
    for hour in ("07", "09", "18"):
        assert released.at(f"2024-11-14 {hour}:30") == []
    assert released.pulled == []


def test_a_failing_check_confirms_no_suspicion(released: World) -> None:
    released.at("2024-11-14 06:00", table=GONE)
    assert released.at("2024-11-14 09:00", table=OUTAGE) == []
    assert len(released.failures) == 1
    (said,) = released.at("2024-11-14 10:00", table=table(*NEW, *OLD))
    assert said.startswith("corrected")


def test_a_row_that_appears_with_an_old_date_is_back_filled(released: World) -> None:
    old = (
        "Exchange Server 2019 CU14 Mar24SU",
        "March 12, 2024",
        "15.2.1544.9",
        "KB5036401",
    )

    assert [
        said.split()[0]
        for said in released.at("2024-11-20 06:00", table=table(*NEW, old, *OLD))
    ] == ["revised"]


def rows(first: int, last: int, build: int = 0) -> list[tuple[str, ...]]:
    """Rows of old updates, a month each."""
    named = [
        (
            f"Exchange Server 2019 CU{cu} Mar{cu:02d}SU",
            f"March 12, 20{cu:02d}",
            f"15.2.{cu}00.{9 + build}",
            f"KB50{cu:02d}401",
        )
        for cu in range(first, last)
    ]
    return list(named)


def test_a_lost_part_of_the_table_is_the_sources_failure(world: World) -> None:
    """On 2023-02-16 the table had 29 rows fewer."""
    world.at("2024-11-08 06:00", table=table(*NEW, *rows(10, 23)))

    assert world.at("2024-11-09 06:00", table=table(*NEW, *rows(10, 14))) == []
    assert len(world.failures) == 1
    assert world.at("2024-11-10 06:00", table=table(*NEW, *rows(10, 23))) == []
    assert (world.failures, world.pulled) == ([], [])


def test_many_old_rows_at_once_are_another_view_of_the_page(world: World) -> None:
    """On 2023-03-28 it had 118 rows more."""
    world.at("2024-11-08 06:00", table=table(*NEW, *OLD))

    assert world.at("2024-11-09 06:00", table=table(*NEW, *OLD, *rows(10, 23))) == []
    assert "its layout has changed" in world.failures[0]


def test_another_layout_that_stays_is_taken_over_after_48_hours_in_silence(
    world: World,
) -> None:
    world.at("2024-11-08 06:00", table=table(*NEW, *rows(10, 23)))
    for time in ("2024-11-09 06:00", "2024-11-10 06:00", "2024-11-11 05:00"):
        assert world.at(time, table=table(*NEW, *rows(10, 23, build=1))) == []
        assert len(world.failures) == 1
    assert world.at("2024-11-11 06:30") == []
    assert (world.failures, world.pulled) == ([], [])


def test_a_release_in_the_very_copy_that_is_believed_late_is_told(world: World) -> None:
    world.at("2024-11-08 06:00", table=table(*OLD, *rows(10, 23)))
    changed = table(*NEW, *OLD, *rows(10, 23, build=1))
    world.at("2024-11-13 06:00", table=changed)
    assert world.at("2024-11-14 06:15") == []

    assert world.at("2024-11-15 06:30") == [f"released {SU} KB5044062"]


def test_cumulative_updates_of_one_date_are_one_update(world: World) -> None:
    world.at(
        "2021-09-01 06:00",
        table=table(
            ("Exchange Server 2019 CU10", "June 29, 2021", "15.2.922.7", "KB5003612")
        ),
    )
    rows_of_september = (
        ("Exchange Server 2019 CU11", "September 28, 2021", "15.2.986.5", "KB5005334"),
        ("Exchange Server 2016 CU22", "September 28, 2021", "15.1.2375.7", "KB5005333"),
    )

    said = world.at(
        "2021-09-29 06:00",
        table=table(
            *rows_of_september,
            ("Exchange Server 2019 CU10", "June 29, 2021", "15.2.922.7", "KB5003612"),
        ),
    )
    assert said == ["released exchange-server-2021-09-cu KB5005333 KB5005334"]


def test_an_empty_page_and_an_outage_with_200_are_failures(released: World) -> None:
    for time, page in (
        ("2024-11-14 06:00", OUTAGE),
        ("2024-11-14 08:00", b""),
        ("2024-11-14 10:00", table()),
    ):
        assert released.at(time, table=page) == []
        assert len(released.failures) == 1
    assert released.at("2024-11-14 12:00", table=table(*NEW, *OLD)) == []
    assert (released.failures, released.pulled) == ([], [])


def test_rows_of_a_second_version_in_place_of_the_first_are_a_re_release_alone(
    released: World,
) -> None:
    second = [
        (
            name + "v2",
            "November 27, 2024",
            f"{build.rpartition('.')[0]}.{int(build.rpartition('.')[2]) + 1}",
            "KB5049233",
        )
        for name, _, build, _ in NEW
    ]

    assert released.at("2024-11-28 06:00", table=table(*second, *OLD)) == [
        f"re-released {SU} v2 KB5049233"
    ]
    assert released.at("2024-11-28 08:00") == []
    assert released.pulled == []


def test_a_row_that_is_gone_beside_rows_that_are_called_recalled_is_one_message(
    world: World,
) -> None:
    old = ("Exchange Server 2019 CU14 (2024H1)", "February 13, 2024", "15.2.1544.4")
    older = ("Exchange Server 2016 CU23 (2022H1)", "April 20, 2022", "15.1.2507.6")
    rows = (
        (
            "Exchange Server 2019 CU14 Nov24SU",
            "November 12, 2024",
            "15.2.1544.13",
            "KB5044062",
        ),
        (
            "Exchange Server 2016 CU23 Nov24SU",
            "November 12, 2024",
            "15.1.2507.43",
            "KB5044062",
        ),
    )
    world.at("2024-11-08 06:00", table=table(old, older))
    world.at("2024-11-12 20:00", table=table(*rows, old, older))
    recalled = ("Exchange Server 2019 CU14 Nov24SU (recalled)", *rows[0][1:])
    assert [
        said.split()[0]
        for said in world.at("2024-11-14 20:00", table=table(recalled, old, older))
    ] == ["pulled"]
    assert [said.split()[0] for said in world.at("2024-11-14 22:00")] == []
