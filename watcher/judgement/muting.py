"""What nobody wants to hear of for a while: an update, products by a pattern, a kind of event.

A target is an update's id, ``product:PATTERN`` or ``kind:KIND``; ``reminder:`` before
it: reminders only. Mail about a correction is never held back: whoever was told
something wrong is told that it was wrong.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from watcher.records import Event, Kind, Update

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

PRODUCT, KIND, REMINDER = "product:", "kind:", "reminder:"


def mutes(targets: Collection[str], event: Event, update: str) -> bool:
    """Say whether ``targets`` hold an event back; ``update`` is the id of who has it now.

    An event of several products is held back only when each of them is muted, one that
    names no product never by a product.
    """
    if event.kind is Kind.CORRECTED:
        return False
    products = event.update.products
    return (
        update in targets
        or f"{KIND}{event.kind.value}" in targets
        or (bool(products) and all(covers(targets, product) for product in products))
    )


def covers(targets: Iterable[str], product: str) -> bool:
    """Say whether one of the targets' product patterns names ``product``; case is ignored."""
    patterns = (
        target.removeprefix(PRODUCT) for target in targets if target.startswith(PRODUCT)
    )
    return any(fnmatchcase(product.lower(), pattern.lower()) for pattern in patterns)


def is_about(target: str, update: Update) -> bool:
    """Say whether a target has to do with ``update``.

    It names it, one of its products, or a kind.
    """
    bare = target.removeprefix(REMINDER)
    return (
        bare == update.id
        or bare.startswith(KIND)
        or any(covers((bare,), product) for product in update.products)
    )


def named(target: str) -> str:
    """Write a target for a reader: ``Exchange Server 2016*``, ``known-issue``, an update's id."""
    return target.removeprefix(REMINDER).removeprefix(PRODUCT).removeprefix(KIND)
