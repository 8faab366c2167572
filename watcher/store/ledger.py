"""The ledger: updates, the names by which they are found again, and what became of ids that went."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, or_, select, update

from watcher.records import State, Update
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.products import write_offers
from watcher.store.rows import chunks, upsert
from watcher.store.tables import ABSORBED, EVENTS, MESSAGES, NAMES, SUSPICIONS, UPDATES, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select


class Ledger(Base):
    """The verbs of updates."""

    def update(self, update_id: str) -> Update | None:
        """Give one update; an id that was absorbed leads to the update that took it over.  None when there is none."""
        with self.reading() as connection:
            wanted = connection.scalar(select(ABSORBED.c.update_id).where(ABSORBED.c.id == update_id)) or update_id
            row = connection.scalar(select(UPDATES.c.record).where(UPDATES.c.id == wanted))
        return None if row is None else forms.record(Update, row)

    def updates_for(self, names: Iterable[str]) -> tuple[Update, ...]:
        """Give the updates that bear one of ``names`` (``Update.names``), each once, newest first."""
        ids: set[str] = set()
        with self.reading() as connection:
            for chunk in chunks(dict.fromkeys(names)):
                ids.update(connection.scalars(select(NAMES.c.update_id).where(NAMES.c.name.in_(chunk))))
            return self._of(connection, ids)

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

        ``product`` is a shell pattern, case ignored, against their products; ``since`` is compared with that date.
        """
        query = select(UPDATES.c.record).order_by(UPDATES.c.dated.desc(), UPDATES.c.id)
        if family is not None:
            query = query.where(UPDATES.c.family == family)
        if state is not None:
            query = query.where(UPDATES.c.state == state.value)
        if since is not None:
            query = query.where(UPDATES.c.dated >= since)
        if product is None and limit is not None:
            query = query.limit(limit)
        found = self._read(query)
        if product is not None:
            found = tuple(u for u in found if any(fnmatchcase(p.lower(), product.lower()) for p in u.products))
        return found[:limit]

    def young_updates(self, since: datetime) -> tuple[Update, ...]:
        """Give the updates dated ``since`` or later, and every one that is pulled however old; newest first."""
        query = select(UPDATES.c.record).where(or_(UPDATES.c.dated >= since, UPDATES.c.state == State.PULLED.value))
        return self._read(query.order_by(UPDATES.c.dated.desc(), UPDATES.c.id))

    def suspicions(self, source: str | None = None, document: str | None = None) -> tuple[Update, ...]:
        """Give the updates with an open suspicion: anywhere, in one source, or in one document of it."""
        query = select(SUSPICIONS.c.update_id)
        if source is not None:
            query = query.where(SUSPICIONS.c.source == source)
        if document is not None:
            query = query.where(SUSPICIONS.c.document == document)
        with self.reading() as connection:
            return self._of(connection, set(connection.scalars(query)))

    def suspected_sources(self) -> frozenset[str]:
        """Name the sources at which anything is suspected: of any other there is nothing to ask."""
        with self.reading() as connection:
            return frozenset(connection.scalars(select(SUSPICIONS.c.source).distinct()))

    def absorbed(self) -> dict[str, str]:
        """Give the ids that went, with the id of the update that has them now."""
        with self.reading() as connection:
            return {row.id: row.update_id for row in connection.execute(select(ABSORBED))}

    def heirs(self, ids: Iterable[str]) -> dict[str, str]:
        """Give those of ``ids`` that went, and those that went to one of them, each with the update that has them now."""
        found: dict[str, str] = {}
        with self.reading() as connection:
            for chunk in chunks(dict.fromkeys(ids)):
                query = select(ABSORBED).where(or_(ABSORBED.c.id.in_(chunk), ABSORBED.c.update_id.in_(chunk)))
                found.update((row.id, row.update_id) for row in connection.execute(query))
        return found

    def count_updates(self) -> int:
        """Count the stored updates."""
        with self.reading() as connection:
            return int(connection.scalar(select(func.count()).select_from(UPDATES)) or 0)

    def _read(self, query: Select[str]) -> tuple[Update, ...]:
        with self.reading() as connection:
            return tuple(forms.record(Update, row) for row in connection.scalars(query))

    @staticmethod
    def _of(connection: Connection, ids: set[str]) -> tuple[Update, ...]:
        rows: list[tuple[datetime, Update]] = []
        for chunk in chunks(sorted(ids)):
            query = select(UPDATES.c.dated, UPDATES.c.record).where(UPDATES.c.id.in_(chunk))
            rows += [(dated, forms.record(Update, row)) for dated, row in connection.execute(query)]
        rows.sort(key=lambda row: row[1].id)
        rows.sort(key=lambda row: row[0], reverse=True)
        return tuple(found for _, found in rows)


def write_updates(connection: Connection, updates: Iterable[Update]) -> bool:
    """Write updates whole, with the tables that are derived from them; say whether any differs from what was stored."""
    rows = {each.id: (each, _row(each)) for each in updates}
    for chunk in chunks(tuple(rows)):
        for owner, stored in connection.execute(select(UPDATES.c.id, UPDATES.c.record).where(UPDATES.c.id.in_(chunk))):
            if stored == rows[owner][1]["record"]:
                del rows[owner]
    upsert(connection, UPDATES, [row for _, row in rows.values()])
    _derive(connection, [each for each, _ in rows.values()])
    return bool(rows)


def _derive(connection: Connection, updates: Sequence[Update]) -> None:
    ids = [each.id for each in updates]
    write_offers(connection, updates)
    names = {(clean(name), each.id) for each in updates for name in each.names if name}
    doubts = {(clean(s.source), clean(s.document), each.id) for each in updates for s in each.suspicions}
    old_names: set[tuple[str, str]] = set()
    for chunk in chunks(ids):
        connection.execute(delete(ABSORBED).where(ABSORBED.c.id.in_(chunk)))
        connection.execute(delete(SUSPICIONS).where(SUSPICIONS.c.update_id.in_(chunk)))
        query = select(NAMES.c.name, NAMES.c.update_id).where(NAMES.c.update_id.in_(chunk))
        old_names.update((name, owner) for name, owner in connection.execute(query))
    for name, owner in sorted(old_names - names):
        connection.execute(delete(NAMES).where(NAMES.c.name == name, NAMES.c.update_id == owner))
    upsert(connection, NAMES, [{"name": name, "update_id": owner} for name, owner in sorted(names - old_names)])
    if doubts:
        rows = [{"source": source, "document": document, "update_id": owner} for source, document, owner in sorted(doubts)]
        connection.execute(insert(SUSPICIONS), rows)


def _row(each: Update) -> dict[str, object]:
    return {
        "id": each.id,
        "family": each.family,
        "state": each.state.value,
        "dated": each.released or each.first_seen,
        "record": forms.text(each),
    }


def absorb(connection: Connection, gone: str, taker: str) -> None:
    """Let ``taker`` have what belonged to ``gone``: its names (until the taker is written), events, messages and id."""
    if gone == taker:
        return
    held = set(connection.scalars(select(NAMES.c.name).where(NAMES.c.update_id == taker)))
    moved = set(connection.scalars(select(NAMES.c.name).where(NAMES.c.update_id == gone))) - held
    connection.execute(delete(UPDATES).where(UPDATES.c.id == gone))
    if connection.scalar(select(UPDATES.c.id).where(UPDATES.c.id == taker)) is not None:
        upsert(connection, NAMES, [{"name": name, "update_id": taker} for name in sorted(moved)])
    for table in (EVENTS, MESSAGES, ABSORBED):
        connection.execute(update(table).where(table.c.update_id == gone).values(update_id=taker))
    upsert(connection, ABSORBED, [{"id": gone, "update_id": taker}])
