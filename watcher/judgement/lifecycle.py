"""When the vendor's support of a product ends.

The facts stand in ``lifecycle.toml``, each with the page that they are from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache
from importlib import resources

from msgspec import Struct

PAGES = "https://learn.microsoft.com/lifecycle/products/"
# To move a farm of servers takes months
SOON = timedelta(days=180)


class Support(Struct, frozen=True):
    """The last day of a product's support, and where that is from."""

    product: str
    ends: date
    url: str
    # The date that the page bore when it was read
    dated: date
    # Who pays gets security updates after that day
    extended: bool = False

    def has_ended(self, day: date) -> bool:
        """Say whether support has ended on a day."""
        return day > self.ends

    def ends_soon(self, day: date) -> bool:
        """Say whether what is left of support on a day is short, or nothing."""
        return day > self.ends - SOON


@cache
def known() -> tuple[Support, ...]:
    """Give what is known of products, read from the package once."""
    file = resources.files(__package__).joinpath("lifecycle.toml")
    rows = tomllib.loads(file.read_text("utf-8"))["product"]
    return tuple(
        Support(
            row["name"],
            row["ends"],
            PAGES + row["page"],
            row["dated"],
            row.get("extended", False),
        )
        for row in rows
    )


def support_of(product: str) -> Support | None:
    """Give what is known of a product at any level, None where that is nothing.

    "Exchange Server 2019 CU14" is Exchange Server 2019; "Windows Server 2012 R2" is not
    Windows Server 2012.
    """
    named = [each for each in known() if f"{product} ".startswith(f"{each.product} ")]
    return max(named, key=lambda each: len(each.product), default=None)


def ending(products: Iterable[str], day: date) -> tuple[Support, ...]:
    """Give what of the products is near the end of its support on a day, or past it."""
    found: dict[str, Support] = {}
    for product in products:
        support = support_of(product)
        if support is not None and support.ends_soon(day):
            found[support.product] = support
    return tuple(found.values())
