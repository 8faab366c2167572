"""Products near the end of their support, or past it, are said to be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from watcher.judgement import lifecycle
from watcher.judgement.lifecycle import Stage
from watcher.judgement.tracks import with_extended_support
from watcher.records import Package
from watcher.text.words import support_texts, words_of

ENGLISH = words_of(None, "en")
GERMAN = words_of(None, "de")
END = date(2025, 10, 14)


@pytest.mark.parametrize(
    ("product", "ends"),
    [
        ("Exchange Server 2019 CU14", END),
        ("Exchange Server 2019", END),
        ("Exchange Server SE", date(2035, 12, 31)),
        ("Windows Server 2012 R2", date(2023, 10, 10)),
        ("Windows Server 2012", date(2023, 10, 10)),
        ("Windows Server 2025 (Server Core installation)", date(2034, 11, 14)),
        ("Windows Server 2022, 23H2 Edition", date(2025, 10, 24)),
        ("Windows 11 Version 24H2 for x64-based Systems", date(2027, 10, 12)),
        # As MSRC writes the newer ones
        ("Windows 11 version 25H2 for ARM64-based Systems", date(2028, 10, 10)),
        ("SQL Server 2017 CU31", date(2027, 10, 12)),
        ("SQL Server 2022 for x64-based Systems (CU 15)", date(2033, 1, 11)),
        ("SQL Server 2025", date(2036, 1, 6)),
        (".NET 8.0", date(2026, 11, 10)),
        # No end that we know
        ("SharePoint Server Subscription Edition", None),
        ("Exchange Server 20190", None),
        (".NET 8.01", None),
        ("Windows 10", None),
        ("", None),
    ],
)
def test_a_products_support_is_that_of_its_line(
    product: str, ends: date | None
) -> None:
    found = lifecycle.support_of(product)

    assert (found.ends if found else None) == ends


def test_the_longest_name_that_fits_is_meant() -> None:
    found = lifecycle.support_of("Windows Server 2012 R2")

    assert found is not None
    assert found.product == "Windows Server 2012 R2"
    assert found.url.endswith("/windows-server-2012-r2")


def test_each_fact_has_a_source_with_its_date() -> None:
    assert len(lifecycle.supports()) > 40
    for each in lifecycle.supports():
        assert each.url.startswith("https://learn.microsoft.com/lifecycle/products/")
        assert date(2020, 1, 1) < each.dated < date(2026, 12, 1)
        assert each.ends > date(2014, 1, 1)
        # A product of several ends is supported until the last of them
        assert max([each.ends, *(one.ends for one in each.editions)]) == each.ends


def test_the_file_says_of_each_source_where_it_is() -> None:
    path = Path(lifecycle.__file__).with_name("lifecycle.toml")
    _, *sources = path.read_text(encoding="utf-8").split("[[source]]")

    assert len(sources) == 6
    assert all("commit" in each or "there too" in each for each in sources)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ((2025, 4, 10), ""),
        (
            (2025, 4, 30),
            "Exchange Server 2019: support ends in 167 days, on 14 Oct 2025.",
        ),
        (
            (2025, 10, 13),
            "Exchange Server 2019: support ends tomorrow, on 14 Oct 2025.",
        ),
        # The last day is one of support
        ((2025, 10, 14), "Exchange Server 2019: support ends today, on 14 Oct 2025."),
        (
            (2025, 10, 15),
            "Exchange Server 2019: support ended on 14 Oct 2025. No further updates",
        ),
    ],
)
def test_the_end_is_said_half_a_year_before_and_ever_after(
    day: tuple[int, int, int], said: str
) -> None:
    products = ["Exchange Server 2019 CU14", "Exchange Server 2019 CU15"]
    texts = support_texts(products, datetime(*day, 23, tzinfo=UTC), ENGLISH)

    # Two levels of one product are one product
    assert len(texts) == bool(said)
    assert all(text.startswith(said) for text, _ in texts)


@pytest.mark.parametrize(
    ("day", "stage", "said"),
    [
        ((2026, 4, 1), Stage.SUPPORTED, ""),
        (
            (2026, 10, 1),
            Stage.ENDS,
            (
                "Windows 11 Version 24H2: support ends on 13 Oct 2026 for Home and Pro, "
                "ends on 12 Oct 2027 for Enterprise and Education."
            ),
        ),
        (
            (2026, 12, 1),
            Stage.ENDED_IN_PART,
            (
                "Windows 11 Version 24H2: support ended on 13 Oct 2026 for Home and Pro, "
                "ends on 12 Oct 2027 for Enterprise and Education."
            ),
        ),
        (
            (2027, 10, 13),
            Stage.ENDED,
            (
                "Windows 11 Version 24H2: support ended on 13 Oct 2026 for Home and Pro, "
                "ended on 12 Oct 2027 for Enterprise and Education."
            ),
        ),
    ],
)
def test_editions_end_on_days_of_their_own(
    day: tuple[int, int, int], stage: Stage, said: str
) -> None:
    support = lifecycle.support_of("Windows 11 Version 24H2")
    assert support is not None
    assert support.stage(date(*day)) is stage

    texts = support_texts([support.product], datetime(*day, tzinfo=UTC), ENGLISH)
    assert [text for text, _ in texts] == [said] * bool(said)


def test_another_language_says_it_too() -> None:
    moment = datetime(2025, 10, 1, tzinfo=UTC)
    ((said, _),) = support_texts(["Exchange Server 2016"], moment, GERMAN)

    assert (
        said == "Exchange Server 2016: Der Support endet in 13 Tagen, am 14 Okt. 2025."
    )


def test_of_many_products_those_are_named_whose_end_is_nearest() -> None:
    products = [each.product for each in lifecycle.supports()]
    texts = support_texts(products, datetime(2026, 12, 1, tzinfo=UTC), ENGLISH)

    assert len(lifecycle.ending(products, date(2026, 12, 1))) > 20
    assert sorted(text.partition(":")[0] for text, _ in texts) == [
        ".NET 8.0",
        ".NET 9.0",
        "SharePoint Server 2016",
        "Windows 10 Version 1607",
        "Windows 11 Version 23H2",
        "Windows Server 2016",
    ]


# --- cumulative updates -----------------------------------------------------------------

CU12, CU13, CU14, CU15 = (f"Exchange Server 2019 CU{level}" for level in range(12, 16))
BUILDS = {
    CU15: "15.2.1748.10",
    CU12: "15.2.1118.40",
    CU14: "15.2.1544.4",
    CU13: "15.2.1258.12",
}


def test_a_cumulative_update_is_left_behind_by_two_newer_ones() -> None:
    left = lifecycle.left_levels(BUILDS)

    assert sorted(left) == [CU12, CU13]
    assert left[CU13].newer == (CU14, CU15)
    assert left[CU13].url == "https://learn.microsoft.com/exchange/new-features/updates"


@pytest.mark.parametrize(
    "builds",
    [
        # The newest, and the one before
        {CU14: BUILDS[CU14], CU15: BUILDS[CU15]},
        # Each edition has its own
        {
            CU13: BUILDS[CU13],
            CU15: BUILDS[CU15],
            "Exchange Server 2016 CU23": "15.1.2507.6",
        },
        # SQL Server's GDRs go on beside its cumulative updates
        {
            f"SQL Server 2022 CU{level}": f"16.0.4{level}.1"
            for level in (10, 11, 12, 13)
        },
        # A name for all of an edition is no level of its own
        {
            CU14: BUILDS[CU14],
            CU15: BUILDS[CU15],
            "Exchange Server 2019": "15.2.1748.39",
        },
        {"Windows Server 2022": "10.0.20348.1", "Windows Server 2025": "10.0.26100.1"},
        {},
    ],
)
def test_nothing_else_is_left_behind(builds: dict[str, str]) -> None:
    assert lifecycle.left_levels(builds) == {}


def test_the_first_release_is_a_level_too() -> None:
    builds = {
        "Exchange Server SE": "15.2.2562.17",
        "Exchange Server SE CU1": "15.2.2800.1",
        "Exchange Server SE CU2": "15.2.3000.1",
    }

    assert list(lifecycle.left_levels(builds)) == ["Exchange Server SE"]


def test_what_is_left_behind_is_said_once_with_what_is_not() -> None:
    left = [lifecycle.left_levels(BUILDS)[CU13], None] * 2
    texts = support_texts([], datetime(2025, 2, 11, tzinfo=UTC), ENGLISH, left)

    said = (
        f"{CU13}: no further security updates are to be expected. Exchange Server gets "
        f"them for the two newest cumulative updates at most, and these are {CU14}, {CU15}."
    )
    assert texts == (
        (said, "https://learn.microsoft.com/exchange/new-features/updates"),
    )


@pytest.mark.parametrize(
    ("product", "last", "extended"),
    [
        ("Windows 7 for x64-based Systems Service Pack 1", (2020, 1, 14), True),
        ("Windows Server 2008 R2 for x64-based Systems", (2020, 1, 14), True),
        ("Windows Server 2012 R2 (Server Core installation)", (2023, 10, 10), True),
        ("Windows 10 Version 22H2 for 32-bit Systems", (2025, 10, 14), True),
        ("SQL Server 2012 Service Pack 4", (2022, 7, 12), True),
        ("SQL Server 2014 CU4", (2024, 7, 9), True),
        ("SQL Server 2016 SP3 GDR", (2026, 7, 14), True),
        # No security updates for whoever pays
        ("SharePoint Server 2019", (2026, 7, 14), False),
        # Its editions for long-term servicing are supported still
        ("Windows 10 Version 21H2 for x64-based Systems", (2025, 10, 14), False),
        # Marked in MSRC's records
        ("Exchange Server 2019 CU14", (2025, 10, 14), False),
    ],
)
def test_what_comes_after_the_last_day_is_for_whoever_pays_for_it(
    product: str, last: tuple[int, int, int], extended: bool
) -> None:
    package = Package(product, "KB5970002")
    # In the evening of the last day, when Microsoft releases
    evening = datetime(*last, 18, tzinfo=UTC)
    assert not with_extended_support(package, evening).esu
    later = with_extended_support(package, evening + timedelta(days=28))
    assert later.esu is extended
