"""Where each product stands.

Its newest build that is not pulled, and what is pulled at this moment.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.judgement import normalize
from watcher.records import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watcher.records import Package, Update

FRESH = timedelta(days=366)
_LEVEL = re.compile(r"\s+(?:RTM|Preview|SP\d+|CU\d+|RU\d+)\b.*$")


class Standing(Struct, frozen=True):
    """A product and the newest build that an administrator can rely on."""

    product: str
    build: str
    kb: str
    # The update's title
    update: str
    released: datetime | None


def line(product: str) -> str:
    """Give a product's name without its level.

    "Exchange Server 2019" of "Exchange Server 2019 CU14".
    """
    return _LEVEL.sub("", product)


def offered(update: Update) -> tuple[Package, ...]:
    """Give the packages of ``update`` that are offered.

    None of a pulled update, none of a version that was replaced.
    """
    if update.state is not State.RELEASED:
        return ()
    return tuple(
        package for package in update.packages if package.version >= update.version
    )


def pulled(updates: Iterable[Update]) -> tuple[Update, ...]:
    """Give the updates that are pulled, the newest first."""
    gone = (update for update in updates if update.state is State.PULLED)
    return tuple(
        sorted(gone, key=lambda update: (_moment(update), update.id), reverse=True)
    )


def standings(updates: Iterable[Update], now: datetime) -> tuple[Standing, ...]:
    """Give the newest good build of each product, newest product first.

    A product without an update for a year (an old cumulative update) is left out where
    a newer one of its line exists.
    """
    best: dict[str, Standing] = {}
    for update in updates:
        for package in offered(update):
            known = best.get(package.product)
            if package.product and (
                known is None
                or normalize.build_key(known.build) < normalize.build_key(package.build)
            ):
                best[package.product] = Standing(
                    package.product,
                    package.build,
                    package.kb,
                    update.title,
                    update.released,
                )
    ordered = sorted(
        best.values(),
        key=lambda row: (normalize.build_key(row.build), row.product),
        reverse=True,
    )
    lines: set[str] = set()
    kept: list[Standing] = []
    for row in ordered:
        fresh = row.released is not None and now - row.released <= FRESH
        if fresh or line(row.product) not in lines:
            kept.append(row)
        lines.add(line(row.product))
    return tuple(kept)


def _moment(update: Update) -> datetime:
    return update.changed or update.first_seen
