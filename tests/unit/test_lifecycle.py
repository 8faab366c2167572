"""Products near the end of their support, or past it, are said to be."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from watcher.judgement import lifecycle
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
