"""What is derived of products: their newest offered builds, and the events about them, found without reading all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from watcher.records import Event, State, Update
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.rows import chunks
from watcher.store.tables import CONCERNED, EVENTS, OFFERS, UPDATES, clean, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

DIGITS = 10  # of each number of a build, so that text sorts as numbers do


class Products(Base):
    """The verbs of products."""

    def best(self, product: str) -> str | None:
        """Name the update that offers a product's newest build: of equal ones the newest, then the first id.  None without any."""
        highest = select(func.max(OFFERS.c.rank)).where(OFFERS.c.product == product).scalar_subquery()
        query = select(func.min(OFFERS.c.update_id)).where(OFFERS.c.product == product, OFFERS.c.rank == highest)
        with self.reading() as connection:
            found = connection.scalar(query)
        return None if found is None else str(found)

    def events_about(self, products: Iterable[str], limit: int) -> tuple[Event, ...]:
        """Give the newest ``limit`` events that were told of one of ``products``, in order."""
        found: dict[int, str] = {}
        with self.reading() as connection:
            for product in dict.fromkeys(products):
                mine = select(CONCERNED.c.sequence).where(CONCERNED.c.product == product)
                newest = list(connection.scalars(mine.order_by(CONCERNED.c.sequence.desc()).limit(limit)))
                query = select(EVENTS.c.sequence, EVENTS.c.record).where(EVENTS.c.sequence.in_(newest))
                found.update((row.sequence, row.record) for row in connection.execute(query))
        return tuple(forms.record(Event, found[sequence]) for sequence in sorted(found)[-limit:])

    def count_events(self) -> int:
        """Count the stored events."""
        with self.reading() as connection:
            return int(connection.scalar(select(func.count()).select_from(EVENTS)) or 0)

    def owners(self, ids: Iterable[str] | None = None) -> dict[str, str]:
        """Give the update that has each event now, by the ids of all events or of these."""
        query = select(EVENTS.c.id, EVENTS.c.update_id)
        with self.reading() as connection:
            if ids is None:
                return {row.id: row.update_id for row in connection.execute(query)}
            chosen = (query.where(EVENTS.c.id.in_(chunk)) for chunk in chunks(dict.fromkeys(ids)))
            return {row.id: row.update_id for each in chosen for row in connection.execute(each)}

    def place_of(self, event_id: str) -> int | None:
        """Say how many events were told before this one; None when there is no such event."""
        with self.reading() as connection:
            sequence = connection.scalar(select(EVENTS.c.sequence).where(EVENTS.c.id == event_id))
            if sequence is None:
                return None
            return int(connection.scalar(select(func.count()).select_from(EVENTS).where(EVENTS.c.sequence < sequence)) or 0)

    def events_from(self, place: int, limit: int) -> tuple[Event, ...]:
        """Give ``limit`` events in order, from the one before which ``place`` others were told."""
        query = select(EVENTS.c.record).order_by(EVENTS.c.sequence).offset(place).limit(limit)
        with self.reading() as connection:
            return tuple(forms.record(Event, row) for row in connection.scalars(query))

    def newest_date(self) -> datetime | None:
        """Give the date of the newest update: the vendor's, else when it was first seen.  None when there is none."""
        with self.reading() as connection:
            found: datetime | None = connection.scalar(select(func.max(UPDATES.c.dated)))
        return found


def write_offers(connection: Connection, updates: Sequence[Update]) -> None:
    """Write what each of ``updates`` offers now, in place of what it did."""
    for chunk in chunks([each.id for each in updates]):
        connection.execute(delete(OFFERS).where(OFFERS.c.update_id.in_(chunk)))
    rows = [row for each in updates for row in _offers(each)]
    if rows:
        connection.execute(insert(OFFERS), rows)


def write_concerned(connection: Connection, rows: Iterable[tuple[int, Event]]) -> None:
    """Note which products new events, by their place in the order, are about."""
    found = [
        {"product": product, "sequence": sequence}
        for sequence, event in rows
        for product in dict.fromkeys(clean(product) for product in event.update.products if product)
    ]
    if found:
        connection.execute(insert(CONCERNED), found)


def _offers(update: Update) -> list[dict[str, str]]:
    """Give an update's rows: the highest build that it offers of each product, none of what is pulled or was replaced."""
    best: dict[str, str] = {}
    dated = written(update.released or update.first_seen)
    for package in update.packages if update.state is State.RELEASED else ():
        if package.product and package.version >= update.version:
            product = clean(package.product)
            best[product] = max(best.get(product, ""), f"{_ordered(package.build)} {dated}")
    return [{"product": product, "update_id": update.id, "rank": rank} for product, rank in best.items()]


def _ordered(build: str) -> str:
    """Write a build so that text sorts as its numbers do; what is none sorts first, as it does in judgement."""
    numbers = build.split(".")
    return ".".join(number.zfill(DIGITS) for number in numbers) if all(map(str.isdecimal, numbers)) else ""
