"""What the site's lists need of all updates and events, without reading them whole."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.records import Event, Kind, Update
from watcher.store.connection import Transactions, record_from, time_from

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class _PackageProduct(Struct):
    product: str = ""


class _Products(Struct):
    """What is read of an update to name its products; the rest of it is skipped."""

    products: tuple[str, ...] = ()
    packages: tuple[_PackageProduct, ...] = ()


class Lists(Transactions):
    """The verbs of lists."""

    def count_by_month(self) -> dict[str, int]:
        """Count the updates of each month, ``2024-11``."""
        with self.reading() as sql:
            return dict(sql.months())

    def updates_dated(self, prefix: str) -> tuple[Update, ...]:
        """Give the updates of a year or a month (``2024``, ``2024-11``), newest first."""
        # "~" sorts behind whatever follows the prefix in a date
        with self.reading() as sql:
            found = sql.column("updates_dated", first=prefix, last=f"{prefix}~")
        return tuple(record_from(Update, record) for record in found)

    def updates_of_ids(self, ids: Iterable[str]) -> tuple[Update, ...]:
        """Give those of the updates that there are, newest first."""
        with self.reading() as sql:
            found = sql.column("updates_of_ids", ids=list(ids))
        return tuple(record_from(Update, record) for record in found)

    def events_of_each(
        self, ids: Iterable[str], kinds: Iterable[Kind]
    ) -> dict[str, tuple[Event, ...]]:
        """Give the events of several updates, of certain kinds, in order, by update."""
        found: dict[str, list[Event]] = defaultdict(list)
        wanted = [kind.value for kind in kinds]
        with self.reading() as sql:
            rows = list(sql.events_of_updates(ids=list(ids), kinds=wanted))
        for update_id, record in rows:
            found[update_id].append(record_from(Event, record))
        return {update_id: tuple(events) for update_id, events in found.items()}

    def product_names(self) -> frozenset[str]:
        """Name the products of all updates and of their packages."""
        found: set[str] = set()
        with self.reading() as sql:
            records = sql.column("update_texts")
        for record in records:
            update = record_from(_Products, record)
            found.update(update.products)
            found.update(package.product for package in update.packages)
        return frozenset(found - {""})

    def event_products(self) -> frozenset[str]:
        """Name the products that events are about."""
        with self.reading() as sql:
            return frozenset(sql.column("products_of_events"))

    def every_event_time(self, step: int) -> tuple[datetime, ...]:
        """Give the time of the first event, and of each ``step`` events after it."""
        with self.reading() as sql:
            return tuple(map(time_from, sql.column("event_times", step=step)))
