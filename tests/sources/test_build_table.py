"""Which of a product's rows is the product's own, and which are its updates."""

from __future__ import annotations

import pytest

from tests.sources.reading import read

TABLE = (
    "<h1>Exchange Server build numbers and release dates</h1><table><tr><th>Product name</th>"
    "<th>Release date</th><th>Build number(short format)</th></tr>"
    '<tr><td><a href="https://support.microsoft.com/help/5999071">Exchange Server 2019 CU15 {}'
    "</a></td><td>December 9, 2031</td><td>15.2.1748.90</td></tr>"
    '<tr><td><a href="https://support.microsoft.com/help/5999061">Exchange Server 2019 CU15 '
    "Nov31SU</a></td><td>November 11, 2031</td><td>15.2.1748.80</td></tr>"
    '<tr><td><a href="https://www.microsoft.com/download/details.aspx?id=106402">'
    "Exchange Server 2019 CU15 (2025H1)</a></td><td>February 10, 2025</td>"
    "<td>15.2.1748.10</td></tr></table>"
)


@pytest.mark.parametrize("form", ["SU2", "8 v2", "security fix", "KB5999071"])
def test_a_row_above_its_products_own_is_an_update_whatever_its_names_form(
    form: str,
) -> None:
    entries = read(
        "build-table", TABLE.format(form).encode(), "https://learn.example.org/"
    ).entries
    by_build = {entry.packages[0].build: entry for entry in entries}
    update, product = by_build["15.2.1748.90"], by_build["15.2.1748.10"]
    assert update.label is None
    assert update.key == f"Exchange Server 2019 CU15 {form}"
    assert update.packages[0].kb == "KB5999071"
    assert product.label is not None
    assert product.label.type == "CU"
    assert product.key == "Exchange Server 2019 CU15"
