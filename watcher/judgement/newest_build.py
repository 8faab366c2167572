"""The newest build of each product that an administrator can rely on, and what is pulled.

Pure: updates of the ledger in, rows out.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.judgement import normalize
from watcher.judgement.names import LEVELS
from watcher.judgement.packages import pulled_packages, released_of
from watcher.records import Package, Update

if TYPE_CHECKING:
    from collections.abc import Iterable


FRESH = timedelta(days=366)
"""A product that had no update for longer is an old level of its line."""

_LEVEL = re.compile(rf"\s+{LEVELS}.*$")


class NewestBuild(Struct, frozen=True):
    """A product with its newest good build, and the update that brought it."""

    product: str
    build: str
    kb: str
    # The update's title
    update: str
    released: datetime | None


def product_line(product: str) -> str:
    """Give a product's name without its level.

    "Exchange Server 2019" of "Exchange Server 2019 CU14".
    """
    return _LEVEL.sub("", product)


def offered(update: Update) -> tuple[Package, ...]:
    """Give the packages of ``update`` that are offered.

    None of a pulled update, none of a version that was replaced.
    """
    if not update.has_offered_packages:
        return ()
    pulled = pulled_packages(update)
    return tuple(
        package
        for package in update.packages
        if package.version >= update.version and package not in pulled
    )


def pulled(updates: Iterable[Update]) -> tuple[Update, ...]:
    """Give the updates that are pulled, the newest pull first."""
    found = [update for update in updates if update.has_pulled_packages]
    found.sort(
        key=lambda update: (update.last_changed, update.id),
        reverse=True,
    )
    return tuple(found)


def newest_builds(updates: Iterable[Update], now: datetime) -> tuple[NewestBuild, ...]:
    """Give the newest good build of each product, the newest product first.

    A product without an update for a year is left out where a newer one of its line
    exists.
    """
    newest: dict[str, NewestBuild] = {}
    for update in updates:
        for package in offered(update):
            best = newest.get(package.product)
            if package.product and (best is None or _is_newer(package, best)):
                newest[package.product] = NewestBuild(
                    package.product,
                    package.build,
                    package.kb,
                    update.title,
                    released_of(update, package),
                )
    ordered = sorted(
        newest.values(),
        key=lambda row: (normalize.build_key(row.build), row.product),
        reverse=True,
    )
    return _without_old_levels(ordered, now)


def _is_newer(package: Package, best: NewestBuild) -> bool:
    # Builds are numbers: as texts 15.2.2562.9 would beat 15.2.2562.17
    return normalize.build_key(best.build) < normalize.build_key(package.build)


def _without_old_levels(
    ordered: Iterable[NewestBuild], now: datetime
) -> tuple[NewestBuild, ...]:
    """Leave out old levels; ``ordered`` has the newest first."""
    # Exchange Server's build table drops no row: 2019 CU9 and 2010 SP2 would stand
    # beside what is supported
    kept: list[NewestBuild] = []
    lines: set[str] = set()
    for row in ordered:
        line = product_line(row.product)
        fresh = row.released is not None and now - row.released <= FRESH
        if fresh or line not in lines:
            kept.append(row)
        lines.add(line)
    return tuple(kept)
