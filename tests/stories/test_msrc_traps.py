"""What MSRC's index and documents do that is no news, and what hides where no news is
expected (FORMATS 1).
"""

from __future__ import annotations

import pytest

from tests.stories.pages import CU13, CU14, CU23, OUTAGE, Cve, Fix, month, table
from tests.stories.telling import DOWN, World

SU = "exchange-server-2024-11-su"
OLD_ROW = ("Exchange Server 2019 CU14 (2024H1)", "February 13, 2024", "15.2.1544.4")
PUBLISHED = ("1.0", "2024-11-12", "Information published.")
FIXES = (Fix(CU14, "5044062", "15.02.1544.013"), Fix(CU23, "5044062", "15.01.2507.043"))


def cve(
    number: int,
    *revisions: tuple[str, str, str],
    fixes: tuple[Fix, ...] = FIXES,
    exploited: str = "No",
    title: str = Cve("").title,
) -> Cve:
    return Cve(
        f"CVE-2024-{number}",
        fixes,
        (PUBLISHED, *revisions),
        exploited=exploited,
        title=title,
    )


@pytest.fixture
def released(world: World) -> World:
    """November's update of three CVEs is out and told."""
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))
    told = world.at(
        "2024-11-12 18:00",
        month("2024-Nov", cve(49040), cve(49041), cve(49042), linux=20),
    )
    assert told == [f"released {SU} KB5044062"]
    return world


def test_a_month_that_leaves_the_index_for_hours_is_no_pull(released: World) -> None:
    released.drops("2024-Nov")
    for hour in range(1, 9):
        assert released.at(f"2024-11-14 0{hour}:10") == []
    released.lists("2024-Nov")
    assert released.at("2024-11-14 10:10") == []
    assert released.pulled == []


def test_a_month_that_left_the_index_is_read_all_the_same(released: World) -> None:
    released.shows(
        month(
            "2024-Nov",
            cve(
                49040,
                ("2.0", "2024-11-14", "We have paused the rollout of this update."),
            ),
            cve(49041),
            cve(49042),
            linux=20,
        )
    )
    released.drops("2024-Nov")

    assert released.at("2024-11-14 10:10") == [f"pulled {SU} KB5044062"]


def test_a_stale_copy_changes_nothing_and_its_successor_neither(
    released: World,
) -> None:
    """2026-Jun came back 74 CVEs short, with a higher number and an older date."""
    whole = month(
        "2024-Nov",
        cve(49040, ("1.1", "2024-11-13", "Informational change only.")),
        cve(49041),
        cve(49042),
        linux=80,
        number=1128,
    )
    assert released.at("2024-11-13 20:00", whole) == []

    stale = month(
        "2024-Nov", cve(49040), linux=40, number=1138, declared="2024-11-12T08:00:00"
    )
    assert released.at("2024-11-14 08:00", stale) == []
    assert released.failures == [
        "msrc-cvrf 2024-Nov: the copy has 41 entries, the one before had 83"
    ]
    assert released.at("2024-11-15 20:00", whole) == []
    assert (released.failures, released.pulled) == ([], [])


def test_a_copy_with_fewer_entries_and_fewer_revisions_is_an_older_one(
    released: World,
) -> None:
    revised = month(
        "2024-Nov",
        cve(49040, ("1.1", "2024-11-13", "Informational change only.")),
        cve(49041),
        cve(49042),
        linux=22,
    )
    released.at("2024-11-13 20:00", revised)

    assert (
        released.at(
            "2024-11-14 08:00", month("2024-Nov", cve(49040), cve(49041), linux=20)
        )
        == []
    )
    assert "the copy is an older one" in released.failures[0]


def test_a_copy_that_stays_older_for_48_hours_is_believed_and_nothing_is_a_pull(
    released: World,
) -> None:
    older = month("2024-Nov", linux=5)
    assert released.at("2024-11-14 08:00", older) == []
    for time in ("2024-11-15 08:00", "2024-11-16 07:00"):
        assert released.at(time) == []
        assert len(released.failures) == 1
    assert released.at("2024-11-16 08:30") == []
    assert (released.failures, released.pulled) == ([], [])
    assert (
        released.at(
            "2024-11-18 08:30",
            month("2024-Nov", cve(49040), cve(49041), cve(49042), linux=20),
        )
        == []
    )


def test_numbers_and_dates_that_go_back_are_no_doubt(released: World) -> None:
    copy = month(
        "2024-Nov",
        cve(49040),
        cve(49041),
        cve(49042, exploited="Yes"),
        linux=20,
        number=58,
        declared="2024-11-01T08:00:00",
    )

    assert released.at("2024-11-13 08:00", copy) == [f"exploited {SU} KB5044062"]
    assert released.failures == []


def test_titles_that_change_without_a_revision_are_no_news(released: World) -> None:
    renamed = [
        cve(number, title="Microsoft Exchange Server Use After Free Vulnerability")
        for number in (49040, 49041, 49042)
    ]

    assert released.at("2024-11-13 08:00", month("2024-Nov", *renamed, linux=20)) == []
    assert released.why_untold("msrc-cvrf", "CVE-2024-49040", "2024-Nov")


def test_a_revision_rewritten_in_place_with_its_number_and_date_is_read_for_what_is_new_in_it(
    released: World,
) -> None:
    note = ("1.1", "2024-11-13", "This is an informational change only.")
    typo = ("1.1", "2024-11-13", "This is a informational change only.")
    assert (
        released.at(
            "2024-11-13 18:00",
            month("2024-Nov", cve(49040, note), cve(49041), cve(49042), linux=20),
        )
        == []
    )
    assert (
        released.at(
            "2024-11-14 18:00",
            month("2024-Nov", cve(49040, typo), cve(49041), cve(49042), linux=20),
        )
        == []
    )

    paused = (
        "1.1",
        "2024-11-13",
        (
            "This is an informational change only. We have temporarily paused "
            "the rollout of this update."
        ),
    )
    assert released.at(
        "2024-11-15 18:00",
        month("2024-Nov", cve(49040, paused), cve(49041), cve(49042), linux=20),
    ) == [f"pulled {SU} KB5044062"]


def test_release_day_in_two_stages_is_one_release(world: World) -> None:
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3), month("2024-Nov", linux=4))
    early = Cve(
        "CVE-2024-10999",
        (),
        (("1.0", "2024-11-12", "Information published."),),
        title="Chromium: Use after free",
        affects=("Microsoft Edge",),
    )
    assert world.at("2024-11-12 17:00", month("2024-Nov", early, linux=4)) == []
    assert world.at(
        "2024-11-13 08:00", month("2024-Nov", early, cve(49040), cve(49041), linux=30)
    ) == [f"released {SU} KB5044062"]


def test_another_months_document_is_never_believed(released: World) -> None:
    other = month(
        "2024-Nov",
        cve(48001, fixes=(Fix(CU14, "5099999", "15.02.1544.099"),)),
        calls_itself="2024-Dec",
        linux=20,
    )
    for day in (14, 16, 18):
        assert released.at(f"2024-11-{day} 08:00", other) == []
        assert released.failures == [
            "msrc-cvrf 2024-Nov: the copy calls itself '2024-Dec', asked was for '2024-Nov'"
        ]
    assert (
        released.at(
            "2024-11-19 08:00",
            month("2024-Nov", cve(49040), cve(49041), cve(49042), linux=20),
        )
        == []
    )
    assert released.failures == []


def test_a_retired_duplicate_is_no_pull(released: World) -> None:
    assert (
        released.at(
            "2024-11-20 08:00", month("2024-Nov", cve(49040), cve(49041), linux=21)
        )
        == []
    )
    assert released.at("2024-11-20 12:00") == []
    assert (released.failures, released.pulled) == ([], [])


def test_a_new_month_of_linux_packages_is_nothing(world: World) -> None:
    world.at("2024-10-20 06:00", month("2024-Oct", linux=3))
    for day, count in ((1, 21), (2, 25), (3, 354)):
        assert world.at(f"2024-11-0{day} 08:00", month("2024-Nov", linux=count)) == []


def test_linux_packages_are_left_out_even_when_everything_is_watched(
    world: World,
) -> None:
    world.watches("*")
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))

    assert world.at("2024-11-12 18:00", month("2024-Nov", linux=300)) == []


def test_a_major_step_that_only_informs_is_no_re_release(released: World) -> None:
    note = (
        "2.0",
        "2024-11-20",
        "Added an acknowledgement. This is an informational change only.",
    )

    assert (
        released.at(
            "2024-11-20 18:00",
            month("2024-Nov", cve(49040, note), cve(49041), cve(49042), linux=20),
        )
        == []
    )


def test_a_re_release_may_hide_in_a_minor_step(released: World) -> None:
    note = (
        "1.2",
        "2024-11-20",
        "Microsoft has re-released KB5044062 for Exchange Server 2019. Install it again.",
    )

    said = released.at(
        "2024-11-20 18:00",
        month("2024-Nov", cve(49040, note), cve(49041), cve(49042), linux=20),
    )
    assert said == [f"re-released {SU} v2 KB5044062"]


def test_a_product_added_by_a_minor_step_is_a_release_for_that_product(
    released: World,
) -> None:
    more = (*FIXES, Fix(CU13, "5044062", "15.02.1258.038"))
    cves = [
        cve(
            number,
            ("1.1", "2024-11-15", "Added Exchange Server 2019 CU13."),
            fixes=more,
        )
        for number in (49040, 49041, 49042)
    ]

    (said,) = released.at("2024-11-15 18:00", month("2024-Nov", *cves, linux=20))
    assert said == f"released {SU} KB5044062"
    assert released.last.update.products == ("Exchange Server 2019 CU13",)


def test_a_product_taken_off_the_list_is_no_pull(released: World) -> None:
    note = (
        "1.2",
        "2024-11-16",
        (
            "Removed Exchange Server 2016 from the list of affected products. "
            "This is an informational change only."
        ),
    )
    cves = [cve(number, note, fixes=FIXES[:1]) for number in (49040, 49041, 49042)]

    assert [
        said
        for said in released.at("2024-11-16 18:00", month("2024-Nov", *cves, linux=20))
        if not said.startswith("revised")
    ] == []
    assert released.at("2024-11-16 20:00") == []
    assert released.pulled == []


def test_a_rejected_cve_is_no_pull(released: World) -> None:
    note = ("1.1", "2024-11-20", "This CVE was rejected.")
    rejected = cve(
        49040,
        note,
        fixes=(),
        title="Microsoft Exchange Server Spoofing Vulnerability - Rejected",
    )

    assert [
        said
        for said in released.at(
            "2024-11-20 18:00",
            month("2024-Nov", rejected, cve(49041), cve(49042), linux=20),
        )
        if not said.startswith("revised")
    ] == []
    assert released.pulled == []


def test_articles_that_first_point_to_the_last_update_are_corrected_without_a_pull(
    world: World,
) -> None:
    """2022-Aug: all fixes pointed to May's articles until the 20th; no revision said so."""
    may = (
        Fix(CU23, "5014261", "15.01.2507.009"),
        Fix(CU13, "5014261", "15.02.1118.009"),
    )
    august = (
        Fix(CU23, "5015322", "15.01.2507.012"),
        Fix(CU13, "5015322", "15.02.1118.012"),
    )
    first = (("1.0", "2022-08-09", "Information published."),)
    world.at(
        "2022-05-20 06:00",
        month(
            "2022-May",
            Cve(
                "CVE-2022-21978",
                may,
                (("1.0", "2022-05-10", "Information published."),),
            ),
        ),
    )
    told = world.at(
        "2022-08-09 18:00", month("2022-Aug", Cve("CVE-2022-21979", may, first))
    )
    assert [said for said in told if not said.startswith("revised")] == []
    told = world.at(
        "2022-08-20 18:00", month("2022-Aug", Cve("CVE-2022-21979", august, first))
    )
    assert [said for said in told if said.startswith(("pulled", "re-released"))] == []
    assert "released exchange-server-2022-08-su KB5015322" in told
    assert world.pulled == []


def test_a_corrected_link_is_no_re_release(world: World) -> None:
    """2023-Aug: CU13's link was wrong; only one of six CVEs got a revision for it."""

    def august(url: str, *revisions: tuple[str, str, str]) -> list[Cve]:
        fixes = (
            Fix(CU13, "5029388", "15.02.1258.023", url),
            Fix(
                CU23,
                "5029388",
                "15.01.2507.031",
                "https://www.microsoft.com/download/details.aspx?id=105523",
            ),
        )
        day = (("1.0", "2023-08-08", "Information published."),)
        return [
            Cve("CVE-2023-21709", fixes, (*day, *revisions)),
            Cve("CVE-2023-38181", fixes, day),
        ]

    world.at("2023-08-01 06:00", month("2023-Jul", linux=2))
    world.at(
        "2023-08-08 18:00",
        month(
            "2023-Aug",
            *august("https://www.microsoft.com/download/details.aspx?id=105500"),
        ),
    )
    note = (
        "1.1",
        "2023-08-19",
        (
            "Corrected the download link for Exchange Server 2019 CU13. This is "
            "an informational change only."
        ),
    )
    told = world.at(
        "2023-08-19 18:00",
        month(
            "2023-Aug",
            *august("https://www.microsoft.com/download/details.aspx?id=105524", note),
        ),
    )
    assert [said for said in told if not said.startswith("revised")] == []


def test_six_cves_of_one_update_are_one_event(world: World) -> None:
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))

    said = world.at(
        "2024-11-12 18:00",
        month("2024-Nov", *(cve(number) for number in range(49040, 49046))),
    )
    assert said == [f"released {SU} KB5044062"]
    assert len(world.last.update.cves) == 6


def test_a_further_cve_of_a_known_update_is_a_revision(released: World) -> None:
    more = Cve(
        "CVE-2024-49077", FIXES, (("1.0", "2024-11-29", "Information published."),)
    )

    said = released.at(
        "2024-11-29 18:00",
        month("2024-Nov", cve(49040), cve(49041), cve(49042), more, linux=20),
    )
    assert said == [f"revised {SU} KB5044062"]


@pytest.mark.parametrize(
    "shown",
    [OUTAGE, b"", b'{"value": []}', DOWN],
    ids=["an outage page", "nothing", "an empty list", "no answer"],
)
def test_an_index_that_fails_is_named_and_the_months_go_on_being_read(
    released: World, shown: bytes
) -> None:
    assert released.at("2024-11-14 08:00", msrc=shown) == []
    assert len(released.failures) == 1
    assert released.failures[0].startswith("msrc-cvrf: ")
    released.lists("2024-Nov")
    assert released.at("2024-11-14 20:00") == []
    assert (released.failures, released.pulled) == ([], [])


def test_an_old_month_read_because_its_row_moved_is_taken_as_known(
    released: World,
) -> None:
    old = Cve(
        "CVE-2021-26855",
        (Fix(CU23, "5000871", "15.01.2106.013"),),
        (("1.0", "2021-03-02", "Information published."),),
        exploited="Yes",
    )

    assert released.at("2024-11-20 08:00", month("2021-Mar", old, linux=2)) == []
    assert (
        released.update("exchange-server-2021-03-02").kbs
        or released.update("exchange-server-2021-03-02").packages
    )


def test_the_same_cve_in_several_months_is_told_once(released: World) -> None:
    told = released.at("2024-12-10 18:00", month("2024-Dec", cve(49040), linux=20))

    assert told == []


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("2024-11-12", f"re-released {SU} v2 KB5049233"),
        ("2024-11-11", "re-released exchange-server-kb5049233"),
    ],
)
def test_a_record_that_is_first_read_after_the_re_release_is_about_the_update_of_its_day(
    world: World, day: str, told: str
) -> None:
    """The table alone knew the first version; the record's words name no article."""
    world.at("2024-11-08 06:00", month("2024-Oct", linux=1), table=table(OLD_ROW))
    row = (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "15.2.1544.13",
        "KB5044062",
    )
    world.at("2024-11-12 20:00", table=table(row, OLD_ROW))
    revisions = (
        ("1.0", day, "Information published."),
        (
            "2.0",
            "2024-11-27",
            "The issue has been addressed and the update is re-released.",
        ),
    )
    record = Cve("CVE-2024-49040", (Fix(CU14, "5049233", "15.02.1544.014"),), revisions)
    (said,) = world.at("2024-11-28 20:00", month("2024-Nov", record))
    assert said.startswith(told)
