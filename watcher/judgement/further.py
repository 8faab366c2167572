"""Packages that a later source names of a version that was told before.

Such a source is evidence, and no second release: the event comes to list them, too, and
goes to whoever reads of it by them alone.  Case: where v2 was told for Exchange Server
2019, who asks for 2016 CU23 only must hear of it when a record offers it for that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement.audience import concerns, names_product
from watcher.judgement.change_reading import MatchedChange
from watcher.judgement.event import packages_of
from watcher.judgement.packages import (
    builds_of,
    current_packages,
    exact_products,
    in_build_order,
    is_level_of,
    kb_articles,
    products_of,
    those_among,
)
from watcher.judgement.summary import product_list
from watcher.judgement.tracks import with_extended_support
from watcher.records import (
    Event,
    Exposure,
    Kind,
    Package,
    State,
    Subscriber,
    Update,
)

# A weekly digest has come by then
OWED_FOR = timedelta(days=8)


class Widened(Struct, frozen=True):
    """Since when an event names more products, and which it had named before."""

    since: datetime
    products: tuple[str, ...]


def offered_by(update: Update, changes: Sequence[MatchedChange]) -> list[Package]:
    """Give the packages of an offered version that changes name.

    Whoever asks for their products alone may not have heard of it yet.
    """
    if update.state is not State.RELEASED:
        return []
    named = those_among(current_packages(update), packages_of(changes))
    return [with_extended_support(each, update.released) for each in named]


def with_further(event: Event, packages: Iterable[Package]) -> Event:
    """Give an event of an offer with those of the packages that are for further products.

    As it is where there are none, and where it names no product, and so told everybody.
    """
    named = event.update.products
    if event.kind not in (Kind.RELEASED, Kind.RE_RELEASED) or not named:
        return event
    offered = [each for each in packages if not each.pulled]
    further = [each for each in offered if each.product not in named]
    if not further:
        return event
    # A post names "Exchange Server 2016", the table its CU23
    stays = [
        each
        for each in event.packages
        if not any(is_level_of(new.product, each.product) for new in further)
    ]
    products = exact_products((*named, *products_of(further)))
    update = replace(
        event.update,
        products=products,
        kbs=tuple(sorted({*event.update.kbs, *kb_articles(further)})),
        builds=in_build_order((*event.update.builds, *builds_of(further))),
    )
    summary = event.summary.replace(product_list(named), product_list(products), 1)
    return replace(event, update=update, packages=(*stays, *further), summary=summary)


def part_for(
    subscriber: Subscriber,
    event: Event,
    before: Sequence[str],
    exposures: Iterable[Exposure] = (),
) -> Event | None:
    """Give the part of an event that concerns a reader only by its further products.

    ``before`` are the products that it had named.  None for whoever it concerned by
    those, and for whom it concerns by none.
    """
    as_told = replace(event.update, products=tuple(before))
    if concerns(subscriber, replace(event, update=as_told), exposures=exposures):
        return None
    further = [each for each in event.packages if each.product not in before]
    packages = [
        each
        for each in further
        if names_product(subscriber.watched, (each.product,))
        and names_product(subscriber.products, (each.product,))
    ]
    if not packages:
        return None
    update = replace(
        event.update,
        products=exact_products(products_of(packages)),
        kbs=kb_articles(packages),
        builds=builds_of(packages),
    )
    summary = event.summary.replace(
        product_list(event.update.products), product_list(update.products), 1
    )
    named = (*update.products, *update.builds)
    evidence = [
        each for each in event.evidence if any(name in each.after for name in named)
    ]
    part = replace(
        event,
        update=update,
        packages=tuple(packages),
        summary=summary,
        evidence=tuple(evidence) or event.evidence,
    )
    return part if concerns(subscriber, part, exposures=exposures) else None
