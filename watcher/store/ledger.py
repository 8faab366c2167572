"""The ledger: updates, the names by which they are found again, and what became of ids
that went.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct

from watcher.records import Event, Kind, State, Update
from watcher.store.connection import (
    ALL,
    Queries,
    Transactions,
    clean,
    optional_time_from,
    record_from,
    record_text,
    time_from,
    time_text,
)
from watcher.store.events import any_matches, owner_of

# Of each number of a build, so that text sorts as numbers do
DIGITS = 10


class Ledger(Transactions):
    """The verbs of updates."""

    def update(self, update_id: str) -> Update | None:
        """Give one update.

        An id that was absorbed leads to the update that took it over.  None when there
        is none.
        """
        with self.reading() as sql:
            record = sql.update(id=owner_of(sql, update_id))
        return None if record is None else record_from(Update, record)

    def updates_for(self, names: Iterable[str]) -> tuple[Update, ...]:
        """Give the updates that bear one of ``names`` (``Update.names``), each once,
        newest first.
        """
        with self.reading() as sql:
            return _updates(sql.column("updates_of_names", names=list(names)))

    def updates(
        self,
        *,
        family: str | None = None,
        state: State | None = None,
        product: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> tuple[Update, ...]:
        """Give updates, newest first: by the vendor's date, else by when they were first seen.

        ``product`` is a shell pattern, case ignored, against their products; ``since``
        is compared with that date.
        """
        # The database knows no shell patterns: the limit counts what is left of them.
        most = limit if limit is not None and product is None else ALL
        with self.reading() as sql:
            if state is None:
                records = sql.column("updates", family=family, since=since, most=most)
            else:
                records = sql.column(
                    "updates_in_state",
                    state=state.value,
                    family=family,
                    since=since,
                    most=most,
                )
        found = _updates(records)
        if product is not None:
            found = tuple(each for each in found if any_matches(each.products, product))
        return found[:limit]

    def young_updates(self, since: datetime) -> tuple[Update, ...]:
        """Give the updates dated ``since`` or later, and every one that is pulled however old.

        Newest first.
        """
        with self.reading() as sql:
            return _updates(sql.column("updates_young_or_pulled", since=since))

    def suspicions(
        self, source: str | None = None, document: str | None = None
    ) -> tuple[Update, ...]:
        """Give the updates with an open suspicion, newest first.

        Anywhere, in one source, or in one document of it.
        """
        with self.reading() as sql:
            if source is None:
                records = sql.column("suspected")
            elif document is None:
                records = sql.column("suspected_in_source", source=source)
            else:
                records = sql.column(
                    "suspected_in_document", source=source, document=document
                )
            return _updates(records)

    def suspected_sources(self) -> frozenset[str]:
        """Name the sources at which anything is suspected: of any other there is nothing to ask."""
        with self.reading() as sql:
            return frozenset(sql.column("suspected_sources"))

    def absorbed(self) -> dict[str, str]:
        """Give the ids that went, with the id of the update that has them now.

        An advisory goes when its update is known, a guessed name when the vendor's own
        comes.  What was acknowledged or muted under the old id counts for the new one.
        """
        with self.reading() as sql:
            return dict(sql.absorbed())

    def heirs(self, ids: Iterable[str]) -> dict[str, str]:
        """Give those of ``ids`` that went, and those that went to one of them, each with
        the update that has them now.
        """
        with self.reading() as sql:
            return dict(sql.absorbed_among(ids=list(ids)))

    def best(self, product: str) -> str | None:
        """Name the update that offers a product's newest build.

        Of equal ones the newest, then the first id.  None without any.
        """
        with self.reading() as sql:
            found = sql.newest_good(product=product)
        return None if found is None else str(found)

    def count_updates(self) -> int:
        """Count the stored updates."""
        with self.reading() as sql:
            return int(sql.count_updates())

    def newest_date(self) -> datetime | None:
        """Give the date of the newest update.

        The vendor's, else when it was first seen.  None when there is none.
        """
        with self.reading() as sql:
            return optional_time_from(sql.newest_date())


def _updates(records: Iterable[str]) -> tuple[Update, ...]:
    return tuple(record_from(Update, record) for record in records)


def write_updates(sql: Queries, updates: Iterable[Update]) -> bool:
    """Write updates whole, with the tables that are derived from them.

    Say whether any differs from what was stored.
    """
    changed = {each.id: each for each in updates}
    if not changed:
        return False
    records = {each.id: record_text(each) for each in changed.values()}
    # An update that is as it was makes no new edition: nothing is published for it
    for update_id, stored in sql.update_records(ids=list(changed)):
        if stored == records[update_id]:
            del changed[update_id]
    sql.write_updates(
        [
            {
                "id": each.id,
                "family": each.family,
                "state": each.state.value,
                "dated": each.dated,
                "record": records[each.id],
            }
            for each in changed.values()
        ]
    )
    if changed:
        _derive(sql, list(changed.values()))
    return bool(changed)


def _derive(sql: Queries, updates: Sequence[Update]) -> None:
    """Write offers, names and suspicions of updates, in place of what they had."""
    ids = [each.id for each in updates]
    # An id that was absorbed and is an update of its own again
    sql.delete_absorbed(ids=ids)

    sql.delete_offers(ids=ids)
    sql.add_offers([row for each in updates for row in _offers(each)])

    sql.delete_suspicions(ids=ids)
    suspected = {
        (clean(suspicion.source), clean(suspicion.document), each.id)
        for each in updates
        for suspicion in each.suspicions
    }
    sql.add_suspicions(
        [
            {"source": source, "document": document, "update_id": update_id}
            for source, document, update_id in sorted(suspected)
        ]
    )

    # An update has many names and gets a new one seldom: only what differs is written
    stored = set(sql.names_of(ids=ids))
    names = {(clean(name), each.id) for each in updates for name in each.names if name}
    sql.delete_names(_name_rows(stored - names))
    sql.add_names(_name_rows(names - stored))


def _name_rows(names: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "update_id": of} for name, of in sorted(names)]


def _offers(update: Update) -> list[dict[str, str]]:
    """Give the highest build that an update offers of each product.

    None of what is pulled or was replaced.
    """
    if update.state not in (State.RELEASED, State.PULLED_IN_PART):
        return []
    dated = time_text(update.dated)
    ranks: dict[str, str] = {}
    for package in update.packages:
        pulled = update.is_pulled_in_part and package.pulled
        if package.product and package.version >= update.version and not pulled:
            product = clean(package.product)
            rank = f"{_sortable(package.build)} {dated}"
            ranks[product] = max(ranks.get(product, ""), rank)
    return [
        {"product": product, "update_id": update.id, "rank": rank}
        for product, rank in ranks.items()
    ]


def _sortable(build: str) -> str:
    """Write a build so that text sorts as its numbers do.

    What is none sorts first, as it does in judgement.
    """
    # 15.2.1544.9 comes before 15.2.1544.13, which as text it does not
    numbers = build.split(".")
    if not all(map(str.isdecimal, numbers)):
        return ""
    return ".".join(number.zfill(DIGITS) for number in numbers)


def absorb(sql: Queries, gone: str, taker: str) -> None:
    """Let ``taker`` have what belonged to ``gone``.

    Its names (until the taker is written), events, messages and id.
    """
    if gone == taker:
        return
    # An advisory that was told of before its update was known is taken over by it, and
    # its page leads there from then on
    names = {name for name, _ in sql.names_of(ids=[gone])}
    sql.delete_update(id=gone)
    # A taker that is new is written afterwards, and brings its names itself
    if sql.update(id=taker) is not None:
        sql.add_names(_name_rows((name, taker) for name in names))
    sql.move_events(gone=gone, taker=taker)
    sql.move_messages(gone=gone, taker=taker)
    sql.move_absorbed(gone=gone, taker=taker)
    sql.write_absorbed([{"id": gone, "update_id": taker}])


class _PackageProduct(Struct):
    product: str = ""


class _Products(Struct):
    """What is read of an update to name its products; the rest of it is skipped."""

    products: tuple[str, ...] = ()
    packages: tuple[_PackageProduct, ...] = ()


class Lists(Transactions):
    """What the site's lists need of all updates and events, without reading them whole."""

    def count_by_month(self) -> dict[str, int]:
        """Count the updates of each month, ``2024-11``."""
        with self.reading() as sql:
            return dict(sql.months())

    def updates_dated(self, prefix: str) -> tuple[Update, ...]:
        """Give the updates of a year or a month (``2024``, ``2024-11``), newest first.

        By the vendor's date, and where none is known by when it was first seen.
        """
        # "~" sorts behind whatever follows the prefix in a date
        with self.reading() as sql:
            found = sql.column("updates_dated", first=prefix, last=f"{prefix}~")
        return tuple(record_from(Update, record) for record in found)

    def updates_of_ids(self, ids: Iterable[str]) -> tuple[Update, ...]:
        """Give those of the updates that there are, newest first.

        Ids that are not there are left out, without a word.
        """
        with self.reading() as sql:
            found = sql.column("updates_of_ids", ids=list(ids))
        return tuple(record_from(Update, record) for record in found)

    def events_of_each(
        self, ids: Iterable[str], kinds: Iterable[Kind]
    ) -> dict[str, tuple[Event, ...]]:
        """Give the events of several updates, of certain kinds, in order, by update.

        An update without such an event is left out.
        """
        found: dict[str, list[Event]] = defaultdict(list)
        wanted = [kind.value for kind in kinds]
        with self.reading() as sql:
            rows = list(sql.events_of_updates(ids=list(ids), kinds=wanted))
        for update_id, record in rows:
            found[update_id].append(record_from(Event, record))
        return {update_id: tuple(events) for update_id, events in found.items()}

    def product_names(self) -> frozenset[str]:
        """Name the products of all updates and of their packages.

        Only these fields of each record are read: the rest of it is skipped.
        """
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
        """Give the time of the first event, and of each ``step`` events after it.

        The archives of a feed begin at these times.
        """
        with self.reading() as sql:
            return tuple(map(time_from, sql.column("event_times", step=step)))
