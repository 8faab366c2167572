"""When the vendor's support ends: of a product, and of a cumulative update.

The facts stand in ``lifecycle.toml``, each with where and when it was read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from msgspec import Struct

from watcher.judgement import normalize
from watcher.judgement.normalize.products import EXCHANGE
from watcher.records import LeftLevel

PAGES = "https://learn.microsoft.com/lifecycle/products/"
# "Near its end": to move a farm of servers takes months
SOON = timedelta(days=180)

_LEVEL = re.compile(r" CU\d+$")


class Stage(StrEnum):
    """How near the end of its support something is."""

    SUPPORTED = "supported"
    ENDS = "ends"
    # Of some of its editions
    ENDED_IN_PART = "ended-in-part"
    ENDED = "ended"


class Edition(Struct, frozen=True):
    """Editions of a product whose support ends on one day."""

    name: str
    ends: date


class Support(Struct, frozen=True):
    """The last day of a product's support, and where that is from."""

    product: str
    # Of the editions that are supported longest
    ends: date
    url: str
    # The date of the page, or of the copy that it was read in
    dated: date
    # Where they do not all end on one day
    editions: tuple[Edition, ...] = ()
    # Who pays gets security updates after that day
    extended: bool = False

    def stage(self, day: date) -> Stage:
        """Say how near its end the product is on a day; the last day is one of support."""
        first = min((each.ends for each in self.editions), default=self.ends)
        if day > self.ends:
            return Stage.ENDED
        if day > first:
            return Stage.ENDED_IN_PART
        return Stage.ENDS if day > first - SOON else Stage.SUPPORTED


@cache
def supports() -> tuple[Support, ...]:
    """Give the support of every product that is listed, read from the package once."""
    return tuple(
        _support(row, source["read"])
        for source in _file()["source"]
        for row in source["products"]
    )


@cache
def _file() -> dict[str, Any]:
    file = resources.files(__package__).joinpath("lifecycle.toml")
    return tomllib.loads(file.read_text("utf-8"))


def _support(row: Mapping[str, Any], read: date) -> Support:
    editions = tuple(Edition(*each) for each in row.get("editions", {}).items())
    ends = row.get("ends") or max(each.ends for each in editions)
    dated = row.get("dated", read)
    return Support(
        row["name"],
        ends,
        PAGES + row["page"],
        dated,
        editions,
        row.get("extended", False),
    )


def support_of(product: str) -> Support | None:
    """Give what is known of a product at any level, None where that is nothing.

    "Exchange Server 2019 CU14" is Exchange Server 2019; "Windows Server 2012 R2" is not
    Windows Server 2012.
    """
    # MSRC writes "Windows 11 Version 24H2" and "Windows 11 version 25H2"
    name = f"{product} ".lower()
    named = [each for each in supports() if name.startswith(f"{each.product.lower()} ")]
    return max(named, key=lambda each: len(each.product), default=None)


def ending(products: Iterable[str], day: date) -> tuple[Support, ...]:
    """Give what of the products is near the end of its support on a day, or past it."""
    found: dict[str, Support] = {}
    for product in products:
        support = support_of(product)
        if support is not None and support.stage(day) is not Stage.SUPPORTED:
            found[support.product] = support
    return tuple(found.values())


def stages(day: date) -> tuple[tuple[str, str], ...]:
    """Give the stage of every product on a day: what is published of support changes with it."""
    return tuple((each.product, each.stage(day).value) for each in supports())


def left_levels(builds: Mapping[str, str]) -> dict[str, LeftLevel]:
    """Give the cumulative updates that two newer ones of their product have left behind.

    ``builds`` has the levels that are out, each with one of its builds.  Of Exchange
    Server alone: SQL Server's GDRs go on beside its cumulative updates.
    """
    levels = _file()["levels"]
    of_line: dict[str, list[str]] = {}
    for product in builds:
        if normalize.family(product) == EXCHANGE:
            of_line.setdefault(_LEVEL.sub("", product), []).append(product)
    left = {}
    for line, products in of_line.items():
        products.sort(key=lambda product: normalize.build_key(builds[product]))
        # Without a level it is the first release, or a name for all of them
        out = [each for each in products if each != line or each == products[0]]
        newest = tuple(out[-levels["newest"] :])
        for product in out[: -levels["newest"]]:
            left[product] = LeftLevel(product, newest, levels["url"])
    return left
