"""Absence is evidence, never a verdict.

Download pages, the catalogue, articles (FORMATS 6 and 7).
"""

from __future__ import annotations

import pytest

from tests.stories.pages import (
    CU13,
    CU14,
    CU23,
    LOST_SEARCH,
    OUTAGE,
    Cve,
    Fix,
    article,
    blog,
    catalog,
    download,
    month,
    post,
    table,
)
from tests.stories.telling import DOWN, GONE, Shown, World

SU = "exchange-server-2024-11-su"
PAGES = {CU14: "106456", CU13: "106457", CU23: "106458"}
BUILDS = {CU14: "15.02.1544.013", CU13: "15.02.1258.038", CU23: "15.01.2507.043"}
CATALOG = "https://www.catalog.update.microsoft.com/Search.aspx?q=KB5044062"
ARTICLE = "https://support.microsoft.com/help/5044062"


def url(number: str) -> str:
    return f"https://www.microsoft.com/download/details.aspx?id={number}"


FIXES = tuple(
    Fix(product, "5044062", build, url(PAGES[product]))
    for product, build in BUILDS.items()
)
PAUSED = "We have temporarily paused the rollout of this update."
NO_LONGER = (
    b"<!DOCTYPE html><html><body><h1>We're sorry</h1><p>This download is no "
    b"longer available.</p></body></html>"
)


def offered(product: str, size: int = 174838472) -> bytes:
    named = product.removeprefix("Microsoft ").replace("Cumulative Update ", "CU")
    return download(
        f"Security Update For {named} (KB5044062)",
        (f"{named.replace(' ', '')}-KB5044062-x64-en.exe", size),
    )


ALL = {url(number): offered(product) for product, number in PAGES.items()}
FOUND = catalog(
    "KB5044062", ("2", "Security Update For Exchange Server 2019 CU14", 174838472)
)


@pytest.fixture
def released(world: World) -> World:
    """November's update is out, its pages are followed and say that it is there."""
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))
    told = world.at(
        "2024-11-12 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", FIXES)),
        pages={**ALL, CATALOG: FOUND, ARTICLE: article("KB5044062")},
    )
    told += world.at("2024-11-12 20:00")
    assert told == [f"released {SU} KB5044062"]
    assert world.failures == []
    return world


def all_pages(shown: bytes) -> dict[str, bytes]:
    return dict.fromkeys(ALL, shown)


@pytest.mark.parametrize("shown", [GONE, NO_LONGER], ids=["404", "no longer available"])
def test_all_download_pages_gone_is_suspected_however_long_it_lasts(
    released: World, shown: bytes
) -> None:
    assert released.at("2024-11-14 16:00", pages=dict.fromkeys(ALL, shown)) == [
        f"pulled? {SU} KB5044062"
    ]
    assert released.last.scope == ("download-center",)
    for time in ("2024-11-14 16:30", "2024-11-14 17:00", "2024-11-16 17:00"):
        assert released.at(time) == []
    assert released.pulled == []


def test_the_vendors_words_confirm_a_suspicion_at_once(released: World) -> None:
    released.at("2024-11-14 16:00", pages=dict.fromkeys(ALL, GONE))
    paused = Cve(
        "CVE-2024-49040",
        FIXES,
        (
            ("1.0", "2024-11-12", "Information published."),
            ("2.0", "2024-11-14", "The rollout has been paused."),
        ),
    )

    assert released.at("2024-11-14 16:20", month("2024-Nov", paused)) == [
        f"pulled {SU} KB5044062"
    ]
    assert released.at("2024-11-14 18:00") == []


def test_a_second_source_confirms_a_suspicion_at_once(released: World) -> None:
    assert released.at("2024-11-14 16:00", pages=dict.fromkeys(ALL, GONE)) == [
        f"pulled? {SU} KB5044062"
    ]

    assert released.at("2024-11-14 16:20", pages={CATALOG: catalog("KB5044062")}) == [
        f"pulled {SU} KB5044062"
    ]


def test_one_download_page_of_three_gone_stays_suspected(released: World) -> None:
    assert released.at("2024-11-14 16:00", pages={url(PAGES[CU14]): GONE}) == [
        f"pulled? {SU} KB5044062"
    ]
    for hour in (18, 20, 22):
        assert released.at(f"2024-11-14 {hour}:00") == []
    assert released.pulled == []


def test_pages_that_go_one_after_another_are_one_suspicion(released: World) -> None:
    released.at("2024-11-14 16:00", pages={url(PAGES[CU14]): GONE})

    for hour in (20, 21, 22):
        shown = dict.fromkeys(ALL, GONE)
        assert released.at(f"2024-11-14 {hour}:00", pages=shown) == []
    assert released.pulled == []


def test_a_catalogue_that_finds_nothing_of_every_update_is_in_trouble(
    world: World,
) -> None:
    other = "https://www.catalog.update.microsoft.com/Search.aspx?q=KB5041111"
    october = Fix(CU13, "5041111", "15.02.1258.037")
    found = catalog("KB5041111", ("7", "Security Update For Exchange Server", 1748))
    world.at("2024-10-01 06:00", month("2024-Sep", linux=3))
    world.at("2024-10-08 18:00", month("2024-Oct", Cve("CVE-2024-40000", (october,))))
    world.at(
        "2024-11-12 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", FIXES)),
        pages={CATALOG: FOUND, other: found},
    )
    nothing = {CATALOG: catalog("KB5044062"), other: catalog("KB5041111")}

    assert world.at("2024-11-14 10:00", pages=nothing) == []
    assert world.at("2024-11-14 14:00", pages={CATALOG: FOUND, other: found}) == []
    assert world.pulled == []


def test_a_larger_file_on_a_page_that_names_no_product_is_a_re_release_of_the_update(
    released: World,
) -> None:
    bare = dict.fromkeys(
        ALL, download("Security Update (KB5044062)", ("KB5044062-x64-en.exe", 1))
    )
    released.at("2024-11-13 16:00", pages=bare)

    told = released.at(
        "2024-11-14 16:00",
        pages=dict.fromkeys(
            ALL, download("Security Update (KB5044062)", ("KB5044062-x64-en.exe", 2))
        ),
    )
    assert [said.split()[0] for said in told] == ["re-released"]
    assert "" not in released.last.update.products
    assert " for ." not in released.last.summary


def test_one_package_that_a_fault_hides_for_three_days_is_no_pull(
    released: World,
) -> None:
    """April 2025 HU: the download page of one package was at fault."""
    assert released.at("2024-11-14 16:00", pages={url(PAGES[CU14]): OUTAGE}) == []
    assert released.failures[0].startswith("download-center 106456: ")
    for day in (15, 16):
        assert released.at(f"2024-11-{day} 16:00") == []
    assert (
        released.at("2024-11-17 16:00", pages={url(PAGES[CU14]): offered(CU14)}) == []
    )
    assert (released.failures, released.pulled) == ([], [])


def test_a_package_that_is_back_corrects_the_suspicion(released: World) -> None:
    released.at("2024-11-14 16:00", pages={url(PAGES[CU14]): GONE})
    suspected = released.last.id

    (said,) = released.at("2024-11-17 16:00", pages={url(PAGES[CU14]): offered(CU14)})
    assert said.startswith(f"corrected {SU}")
    assert released.last.corrects == suspected
    assert released.pulled == []


NOWHERE: dict[str, Shown] = {**dict.fromkeys(ALL, GONE), CATALOG: catalog("KB5044062")}


def test_a_pull_that_is_taken_back_the_same_day_is_corrected(released: World) -> None:
    released.at("2024-11-14 10:00", pages=dict.fromkeys(ALL, GONE))
    assert released.at("2024-11-14 12:00", pages=NOWHERE) == [f"pulled {SU} KB5044062"]
    pull = released.last.id

    (said,) = released.at("2024-11-14 18:00", pages=ALL)
    assert said.startswith(f"corrected {SU}")
    assert released.last.corrects == pull
    assert released.pulled == []


def test_pages_that_are_back_after_days_are_a_re_release(released: World) -> None:
    released.at("2024-11-14 10:00", pages=dict.fromkeys(ALL, GONE))
    released.at("2024-11-14 12:00", pages=NOWHERE)

    (said,) = released.at("2024-11-20 18:00", pages=ALL)
    assert said.startswith(f"re-released {SU} v2")
    assert released.at("2024-11-20 20:00") == []
    assert released.pulled == []


@pytest.mark.parametrize(
    "shown",
    [OUTAGE, b"", LOST_SEARCH, DOWN],
    ids=["outage", "empty", "another page", "no answer"],
)
def test_pages_that_fail_say_nothing_of_the_update(
    released: World, shown: bytes
) -> None:
    for hour in (10, 12, 14):
        assert (
            released.at(
                f"2024-11-14 {hour}:00",
                pages={**dict.fromkeys(ALL, shown), CATALOG: shown, ARTICLE: shown},
            )
            == []
        )
        assert len(released.failures) == 5
    assert (
        released.at(
            "2024-11-14 16:00",
            pages={**ALL, CATALOG: FOUND, ARTICLE: article("KB5044062")},
        )
        == []
    )
    assert (released.failures, released.pulled) == ([], [])


def test_a_lost_search_of_the_catalogue_is_unknown_and_no_results_are_a_suspicion(
    released: World,
) -> None:
    assert released.at("2024-11-14 10:00", pages={CATALOG: LOST_SEARCH}) == []
    assert released.failures[0].startswith(
        "update-catalog KB5044062: the catalogue has lost the search"
    )

    assert released.at("2024-11-14 12:00", pages={CATALOG: catalog("KB5044062")}) == [
        f"pulled? {SU} KB5044062"
    ]
    assert released.last.scope == ("update-catalog",)


def test_a_catalogue_that_never_had_the_update_says_nothing(world: World) -> None:
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))
    world.at(
        "2024-11-12 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", FIXES)),
        pages={CATALOG: catalog("KB5044062")},
    )

    for hour in (20, 22):
        assert world.at(f"2024-11-12 {hour}:00") == []
    assert world.pulled == []


def test_an_article_that_is_gone_is_no_package_that_is_gone(released: World) -> None:
    told = released.at("2024-11-14 10:00", pages={ARTICLE: GONE}) + released.at(
        "2024-11-14 12:00"
    )

    assert [said for said in told if said.startswith("pulled ")] == []
    assert released.pulled == []


def test_an_article_that_says_so_is_a_pull(released: World) -> None:
    gone = article(
        "KB5044062",
        get=(
            "This update has been removed from the Microsoft Download Center and "
            "will no longer be offered."
        ),
    )

    assert released.at("2024-11-14 10:00", pages={ARTICLE: gone}) == [
        f"pulled {SU} KB5044062"
    ]


def test_another_file_under_the_same_name_is_a_re_release(released: World) -> None:
    """The same name, article and build: only the size of the files tells."""
    (said,) = released.at(
        "2024-11-20 10:00",
        pages={
            url(number): offered(product, 174900000)
            for product, number in PAGES.items()
        },
    )

    assert said == f"re-released {SU} v2 KB5044062"
    assert released.at("2024-11-20 12:00") == []


def test_another_file_in_the_catalogue_is_a_re_release(released: World) -> None:
    other = catalog(
        "KB5044062", ("3", "Security Update For Exchange Server 2019 CU14", 174900000)
    )

    assert released.at("2024-11-20 10:00", pages={CATALOG: other}) == [
        f"re-released {SU} v2 KB5044062"
    ]


def test_pages_are_followed_on_after_the_same_article_was_re_released(
    released: World,
) -> None:
    again = (
        "1.1",
        "2024-11-20",
        "KB5044062 has been re-released with a new signature.",
    )
    cve = Cve(
        "CVE-2024-49040",
        FIXES,
        (("1.0", "2024-11-12", "Information published."), again),
    )
    assert released.at("2024-11-20 18:00", month("2024-Nov", cve)) == [
        f"re-released {SU} v2 KB5044062"
    ]

    assert released.at("2024-11-22 18:00", pages=dict.fromkeys(ALL, GONE)) == [
        f"pulled? {SU} v2 KB5044062"
    ]


def test_a_new_number_of_the_download_page_alone_is_no_re_release(
    released: World,
) -> None:
    moved = tuple(
        Fix(fix.product, fix.kb, fix.build, url(f"2{PAGES[fix.product]}"))
        for fix in FIXES
    )
    pages = {url(f"2{number}"): offered(product) for product, number in PAGES.items()}

    told = released.at(
        "2024-11-20 10:00",
        month("2024-Nov", Cve("CVE-2024-49040", moved)),
        pages={**pages, **dict.fromkeys(ALL, GONE)},
    )
    told += released.at("2024-11-20 12:00")
    assert [said for said in told if not said.startswith("revised")] == []
    assert released.pulled == []


def test_a_re_release_is_told_though_its_pull_was_never_seen(world: World) -> None:
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))
    world.at("2024-11-12 18:00", month("2024-Nov", Cve("CVE-2024-49040", FIXES)))
    again = tuple(
        Fix(fix.product, "5049233", f"{fix.build[:-1]}{int(fix.build[-1]) + 1}")
        for fix in FIXES
    )
    revisions = (
        ("1.0", "2024-11-12", "Information published."),
        ("2.0", "2024-11-14", "We have temporarily paused the rollout of this update."),
        (
            "3.0",
            "2024-11-27",
            "The known issue is resolved and the update is re-released as KB5049233.",
        ),
    )

    assert world.at(
        "2024-11-29 18:00", month("2024-Nov", Cve("CVE-2024-49040", again, revisions))
    ) == [f"re-released {SU} v2 KB5049233"]
    assert world.pulled == []


def test_a_third_version_follows_the_second(world: World) -> None:
    world.at(
        "2024-11-08 06:00",
        table=table(
            ("Exchange Server 2019 CU14 (2024H1)", "February 13, 2024", "15.2.1544.4")
        ),
    )
    rows: list[tuple[str, ...]] = [
        ("Exchange Server 2019 CU14 (2024H1)", "February 13, 2024", "15.2.1544.4")
    ]
    told = []
    for version, day, build, kb in (
        ("", "12", "13", "KB5044062"),
        ("v2", "19", "14", "KB5049233"),
        ("v3", "26", "15", "KB5049333"),
    ):
        rows.insert(
            0,
            (
                f"Exchange Server 2019 CU14 Nov24SU{version}",
                f"November {day}, 2024",
                f"15.2.1544.{build}",
                kb,
            ),
        )
        told += world.at(f"2024-11-{day} 20:00", table=table(*rows))
    assert told == [
        f"released {SU} KB5044062",
        f"re-released {SU} v2 KB5049233",
        f"re-released {SU} v3 KB5049333",
    ]


def test_the_pull_of_one_product_of_three_names_that_product(world: World) -> None:
    world.at(
        "2024-11-08 06:00",
        month("2024-Oct", linux=3),
        blog=blog(post(4250001, "Calendars", "2024-10-20", "<p>Calendars.</p>")),
    )
    world.at("2024-11-12 18:00", month("2024-Nov", Cve("CVE-2024-49040", FIXES)))
    text = (
        "<p>The update is available.</p><p>11/14: We have paused the update for "
        "Exchange Server 2016 CU23 on Windows Update.</p>"
    )
    title = "Released: November 2024 Exchange Server Security Updates"
    (said,) = world.at(
        "2024-11-14 18:00", blog=blog(post(4293125, title, "2024-11-12", text))
    )

    assert said == f"pulled {SU} KB5044062"
    assert any(
        "Exchange Server 2016 CU23" in piece.after for piece in world.last.evidence
    )
    assert world.last.scope == ("windows-update",)


@pytest.mark.parametrize("before", [GONE, DOWN], ids=["404", "no answer"])
def test_a_pull_that_an_article_tells_at_its_first_reading_is_told(
    world: World, before: Shown
) -> None:
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3))
    told = world.at(
        "2024-11-12 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", FIXES)),
        pages={ARTICLE: before},
    )
    assert told == [f"released {SU} KB5044062"]

    page = article("KB5044062", issue=PAUSED)
    assert world.at("2024-11-14 18:00", pages={ARTICLE: page}) == [
        f"pulled {SU} KB5044062"
    ]
    assert world.pulled == [SU]
    assert world.at("2024-11-14 20:00") == []


def test_a_page_that_comes_back_to_say_why_it_went_confirms_the_pull(
    released: World,
) -> None:
    assert released.at("2024-11-14 16:00", pages={ARTICLE: GONE}) == [
        f"pulled? {SU} KB5044062"
    ]

    assert released.at(
        "2024-11-14 18:00", pages={ARTICLE: article("KB5044062", issue=PAUSED)}
    ) == [f"pulled {SU} KB5044062"]
    assert released.pulled == [SU]


def test_an_article_that_is_away_for_a_day_while_its_update_is_pulled_is_no_re_release(
    released: World,
) -> None:
    paused = Cve(
        "CVE-2024-49040",
        FIXES,
        (
            ("1.0", "2024-11-12", "Information published."),
            ("2.0", "2024-11-14", "The rollout has been paused."),
        ),
    )
    assert released.at("2024-11-14 16:20", month("2024-Nov", paused)) == [
        f"pulled {SU} KB5044062"
    ]

    assert released.at("2024-11-15 10:00", pages={ARTICLE: GONE}) == []
    assert released.at("2024-11-16 10:00", pages={ARTICLE: article("KB5044062")}) == []
    assert released.pulled == [SU]


def test_an_article_that_is_away_for_a_day_and_still_tells_of_the_first_versions_pause_is_no_pull_of_the_second(
    released: World,
) -> None:
    again = (
        ("1.0", "2024-11-12", "Information published."),
        ("2.0", "2024-11-20", "KB5044062 has been re-released."),
    )
    told = released.at(
        "2024-11-20 18:00", month("2024-Nov", Cve("CVE-2024-49040", FIXES, again))
    )
    assert told == [f"re-released {SU} v2 KB5044062"]

    released.at("2024-11-21 10:00", pages={ARTICLE: GONE})
    (said,) = released.at(
        "2024-11-22 10:00", pages={ARTICLE: article("KB5044062", issue=PAUSED)}
    )
    assert said.startswith(f"corrected {SU}")
    assert released.pulled == []
