"""Products near the end of their support, or past it, are said to be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from watcher.judgement import lifecycle
from watcher.judgement.tracks import with_extended_support
from watcher.records import Package
from watcher.text.support import support_texts
from watcher.text.words import words_of

ENGLISH = words_of(None, "en")
END = date(2025, 10, 14)


@pytest.mark.parametrize(
    ("product", "ends"),
    [
        ("Exchange Server 2019 CU14", END),
        ("Exchange Server 2019", END),
        ("Windows Server 2012 R2", date(2023, 10, 10)),
        ("Windows Server 2012", date(2023, 10, 10)),
        ("SQL Server 2017 CU31", date(2027, 10, 12)),
        # No end that we know
        ("Exchange Server SE", None),
        ("Exchange Server 20190", None),
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
    assert len(lifecycle.known()) > 20
    for each in lifecycle.known():
        assert each.url.startswith("https://learn.microsoft.com/lifecycle/products/")
        assert date(2020, 1, 1) < each.dated < date(2023, 2, 1)
        assert each.ends > date(2014, 1, 1)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ((2025, 4, 10), ""),
        ((2025, 4, 30), "Exchange Server 2019: support ends on 14 Oct 2025."),
        # The last day is one of support
        ((2025, 10, 14), "Exchange Server 2019: support ends on 14 Oct 2025."),
        ((2025, 10, 15), "Exchange Server 2019: support has ended on 14 Oct 2025."),
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


def test_the_file_says_where_it_is_from() -> None:
    path = Path(lifecycle.__file__).with_name("lifecycle.toml")

    assert "MicrosoftDocs/lifecycle-data" in path.read_text(encoding="utf-8")


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
