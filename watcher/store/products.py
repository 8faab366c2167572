"""What is derived of products.

Their newest offered builds, and the events about them, found without reading all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.records import Event, State, Update
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.rows import chunks, insert
from watcher.store.tables import CONCERNED, OFFERS, clean, moment_if, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from watcher.store.link import Link

# Of each number of a build, so that text sorts as numbers do
DIGITS = 10


class Products(Base):
    """The verbs of products."""

    def best(self, product: str) -> str | None:
        """Name the update that offers a product's newest build.

        Of equal ones the newest, then the first id.  None without any.
        """
        highest = "SELECT MAX(rank) FROM offers WHERE product = :product"
        query = f"SELECT MIN(update_id) FROM offers WHERE product = :product AND rank = ({highest})"  # noqa: S608 - our own words
        with self.reading() as link:
            found = link.scalar(query, product=product)
        return None if found is None else str(found)

    def events_about(self, products: Iterable[str], limit: int) -> tuple[Event, ...]:
        """Give the newest ``limit`` events that were told of one of ``products``, in order."""
        found: dict[int, str] = {}
        with self.reading() as link:
            for product in dict.fromkeys(products):
                mine = (
                    "SELECT sequence FROM concerned WHERE product = :product "
                    "ORDER BY sequence DESC LIMIT :most"
                )
                newest = link.scalars(mine, product=product, most=limit)
                found.update(
                    link.rows(
                        "SELECT sequence, record FROM events WHERE sequence IN :newest",
                        newest=newest,
                    )
                )
        return tuple(
            forms.record(Event, found[sequence]) for sequence in sorted(found)[-limit:]
        )

    def count_events(self) -> int:
        """Count the stored events."""
        with self.reading() as link:
            return int(link.scalar("SELECT COUNT(*) FROM events"))

    def owners(self, ids: Iterable[str] | None = None) -> dict[str, str]:
        """Give the update that has each event now, by the ids of all events or of these."""
        query = "SELECT id, update_id FROM events"
        with self.reading() as link:
            if ids is None:
                return dict(link.rows(query))
            parts = (
                link.rows(f"{query} WHERE id IN :ids", ids=chunk)
                for chunk in chunks(dict.fromkeys(ids))
            )
            return {name: owner for part in parts for name, owner in part}

    def place_of(self, event_id: str) -> int | None:
        """Say how many events were told before this one; None when there is no such event."""
        with self.reading() as link:
            sequence = link.scalar(
                "SELECT sequence FROM events WHERE id = :id", id=event_id
            )
            if sequence is None:
                return None
            return int(
                link.scalar(
                    "SELECT COUNT(*) FROM events WHERE sequence < :sequence",
                    sequence=sequence,
                )
            )

    def events_from(self, place: int, limit: int) -> tuple[Event, ...]:
        """Give ``limit`` events in order, from the one before which ``place`` others were told."""
        query = "SELECT record FROM events ORDER BY sequence LIMIT :most OFFSET :place"
        with self.reading() as link:
            return tuple(
                forms.record(Event, row)
                for row in link.scalars(query, most=limit, place=place)
            )

    def newest_date(self) -> datetime | None:
        """Give the date of the newest update.

        The vendor's, else when it was first seen.  None when there is none.
        """
        with self.reading() as link:
            return moment_if(link.scalar("SELECT MAX(dated) FROM updates"))


def write_offers(link: Link, updates: Sequence[Update]) -> None:
    """Write what each of ``updates`` offers now, in place of what it did."""
    for chunk in chunks([each.id for each in updates]):
        link.run("DELETE FROM offers WHERE update_id IN :ids", ids=chunk)
    insert(link, OFFERS, [row for each in updates for row in _offers(each)])


def write_concerned(link: Link, rows: Iterable[tuple[int, Event]]) -> None:
    """Note which products new events, by their place in the order, are about."""
    found = [
        {"product": product, "sequence": sequence}
        for sequence, event in rows
        for product in dict.fromkeys(
            clean(product) for product in event.update.products if product
        )
    ]
    insert(link, CONCERNED, found)


def _offers(update: Update) -> list[dict[str, str]]:
    """Give an update's rows.

    The highest build that it offers of each product, none of what is pulled or was
    replaced.
    """
    best: dict[str, str] = {}
    dated = written(update.released or update.first_seen)
    for package in update.packages if update.state is State.RELEASED else ():
        if package.product and package.version >= update.version:
            product = clean(package.product)
            best[product] = max(
                best.get(product, ""), f"{_ordered(package.build)} {dated}"
            )
    return [
        {"product": product, "update_id": update.id, "rank": rank}
        for product, rank in best.items()
    ]


def _ordered(build: str) -> str:
    """Write a build so that text sorts as its numbers do.

    What is none sorts first, as it does in judgement.
    """
    numbers = build.split(".")
    return (
        ".".join(number.zfill(DIGITS) for number in numbers)
        if all(map(str.isdecimal, numbers))
        else ""
    )
