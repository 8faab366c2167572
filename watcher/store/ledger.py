"""The ledger: updates, the names by which they are found again, and what became of ids
that went.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from watcher.records import State, Update
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.events import owner
from watcher.store.products import write_offers
from watcher.store.rows import chunks, insert, upsert
from watcher.store.tables import ABSORBED, NAMES, SUSPICIONS, UPDATES, clean, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from watcher.store.link import Link


class Ledger(Base):
    """The verbs of updates."""

    def update(self, update_id: str) -> Update | None:
        """Give one update.

        An id that was absorbed leads to the update that took it over.  None when there
        is none.
        """
        with self.reading() as link:
            row = link.scalar(
                "SELECT record FROM updates WHERE id = :id", id=owner(link, update_id)
            )
        return None if row is None else forms.record(Update, row)

    def updates_for(self, names: Iterable[str]) -> tuple[Update, ...]:
        """Give the updates that bear one of ``names`` (``Update.names``), each once,
        newest first.
        """
        ids: set[str] = set()
        with self.reading() as link:
            for chunk in chunks(dict.fromkeys(names)):
                ids.update(
                    link.scalars(
                        "SELECT update_id FROM names WHERE name IN :names", names=chunk
                    )
                )
            return self._of(link, ids)

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
        asked = {
            "family = :family": family,
            "state = :state": state,
            "dated >= :since": since,
        }
        where = (
            " AND ".join(
                condition for condition, value in asked.items() if value is not None
            )
            or "TRUE"
        )
        limited = limit if product is None else None
        found = self._read(
            where, limited, family=family, state=state and state.value, since=since
        )
        if product is not None:
            found = tuple(
                u
                for u in found
                if any(fnmatchcase(p.lower(), product.lower()) for p in u.products)
            )
        return found[:limit]

    def young_updates(self, since: datetime) -> tuple[Update, ...]:
        """Give the updates dated ``since`` or later, and every one that is pulled however old.

        Newest first.
        """
        return self._read(
            "dated >= :since OR state = :state", since=since, state=State.PULLED.value
        )

    def suspicions(
        self, source: str | None = None, document: str | None = None
    ) -> tuple[Update, ...]:
        """Give the updates with an open suspicion.

        Anywhere, in one source, or in one document of it.
        """
        asked = {"source = :source": source, "document = :document": document}
        where = (
            " AND ".join(
                condition for condition, value in asked.items() if value is not None
            )
            or "TRUE"
        )
        with self.reading() as link:
            ids = link.scalars(
                f"SELECT update_id FROM suspicions WHERE {where}",  # noqa: S608 - our own words
                source=source,
                document=document,
            )
            return self._of(link, set(ids))

    def suspected_sources(self) -> frozenset[str]:
        """Name the sources at which anything is suspected: of any other there is nothing to ask."""
        with self.reading() as link:
            return frozenset(link.scalars("SELECT DISTINCT source FROM suspicions"))

    def absorbed(self) -> dict[str, str]:
        """Give the ids that went, with the id of the update that has them now."""
        with self.reading() as link:
            return dict(link.rows("SELECT id, update_id FROM absorbed"))

    def heirs(self, ids: Iterable[str]) -> dict[str, str]:
        """Give those of ``ids`` that went, and those that went to one of them, each with
        the update that has them now.
        """
        found: dict[str, str] = {}
        with self.reading() as link:
            for chunk in chunks(dict.fromkeys(ids)):
                found.update(
                    link.rows(
                        "SELECT id, update_id FROM absorbed WHERE id IN :ids OR update_id IN :ids",
                        ids=chunk,
                    )
                )
        return found

    def count_updates(self) -> int:
        """Count the stored updates."""
        with self.reading() as link:
            return int(link.scalar("SELECT COUNT(*) FROM updates"))

    def _read(
        self, where: str, limit: int | None = None, **values: object
    ) -> tuple[Update, ...]:
        most = "" if limit is None else "LIMIT :most"
        query = (
            f"SELECT record FROM updates WHERE {where} ORDER BY dated DESC, id {most}"  # noqa: S608 - our own words
        )
        with self.reading() as link:
            return tuple(
                forms.record(Update, row)
                for row in link.scalars(query, most=limit, **values)
            )

    @staticmethod
    def _of(link: Link, ids: set[str]) -> tuple[Update, ...]:
        rows: list[tuple[datetime, Update]] = []
        for chunk in chunks(sorted(ids)):
            found = link.rows(
                "SELECT dated, record FROM updates WHERE id IN :ids", ids=chunk
            )
            rows += [(moment(dated), forms.record(Update, row)) for dated, row in found]
        rows.sort(key=lambda row: row[1].id)
        rows.sort(key=lambda row: row[0], reverse=True)
        return tuple(found for _, found in rows)


def write_updates(link: Link, updates: Iterable[Update]) -> bool:
    """Write updates whole, with the tables that are derived from them.

    Say whether any differs from what was stored.
    """
    rows = {each.id: (each, _row(each)) for each in updates}
    for chunk in chunks(tuple(rows)):
        for name, stored in link.rows(
            "SELECT id, record FROM updates WHERE id IN :ids", ids=chunk
        ):
            if stored == rows[name][1]["record"]:
                del rows[name]
    upsert(link, UPDATES, [row for _, row in rows.values()])
    _derive(link, [each for each, _ in rows.values()])
    return bool(rows)


def _derive(link: Link, updates: Sequence[Update]) -> None:
    ids = [each.id for each in updates]
    write_offers(link, updates)
    names = {(clean(name), each.id) for each in updates for name in each.names if name}
    doubts = {
        (clean(s.source), clean(s.document), each.id)
        for each in updates
        for s in each.suspicions
    }
    old_names: set[tuple[str, str]] = set()
    for chunk in chunks(ids):
        link.run("DELETE FROM absorbed WHERE id IN :ids", ids=chunk)
        link.run("DELETE FROM suspicions WHERE update_id IN :ids", ids=chunk)
        old_names.update(
            (name, of)
            for name, of in link.rows(
                "SELECT name, update_id FROM names WHERE update_id IN :ids", ids=chunk
            )
        )
    gone = [{"name": name, "id": of} for name, of in sorted(old_names - names)]
    link.run_each("DELETE FROM names WHERE name = :name AND update_id = :id", gone)
    upsert(
        link,
        NAMES,
        [{"name": name, "update_id": of} for name, of in sorted(names - old_names)],
    )
    insert(
        link,
        SUSPICIONS,
        [
            {"source": source, "document": document, "update_id": of}
            for source, document, of in sorted(doubts)
        ],
    )


def _row(each: Update) -> dict[str, object]:
    return {
        "id": each.id,
        "family": each.family,
        "state": each.state.value,
        "dated": each.released or each.first_seen,
        "record": forms.text(each),
    }


def absorb(link: Link, gone: str, taker: str) -> None:
    """Let ``taker`` have what belonged to ``gone``.

    Its names (until the taker is written), events, messages and id.
    """
    if gone == taker:
        return
    names = "SELECT name FROM names WHERE update_id = :id"
    moved = set(link.scalars(names, id=gone)) - set(link.scalars(names, id=taker))
    link.run("DELETE FROM updates WHERE id = :id", id=gone)
    if link.scalar("SELECT id FROM updates WHERE id = :id", id=taker) is not None:
        upsert(
            link, NAMES, [{"name": name, "update_id": taker} for name in sorted(moved)]
        )
    for table in ("events", "messages", "absorbed"):
        link.run(
            f"UPDATE {table} SET update_id = :taker WHERE update_id = :gone",  # noqa: S608 - our own words
            taker=taker,
            gone=gone,
        )
    upsert(link, ABSORBED, [{"id": gone, "update_id": taker}])
