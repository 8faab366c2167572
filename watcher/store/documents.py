"""Documents, check times and entries: what was last seen of each source."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, literal, select, update

from watcher.records import Document, Entry, Times
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.rows import chunks, upsert
from watcher.store.tables import DOCUMENTS, ENTRIES, TIMES, Instant
from watcher.store.words import EntryChanges, StoredEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection


class Documents(Base):
    """The verbs of what was last seen."""

    def documents(self, source: str | None = None) -> dict[str, Document]:
        """Give the documents of ``source`` by name.  Without a source: of all, by ``source`` and name, a space between."""
        query = select(DOCUMENTS.c.record)
        if source is not None:
            query = query.where(DOCUMENTS.c.source == source)
        with self.reading() as connection:
            found = [forms.record(Document, row) for row in connection.scalars(query)]
        return {d.document if source is not None else f"{d.source} {d.document}": d for d in found}

    def documents_of(self, sources: Iterable[str]) -> dict[str, dict[str, Document]]:
        """Give the documents of several sources, by source and name, with a query for hundreds of them."""
        found: dict[str, dict[str, Document]] = {source: {} for source in sources}
        with self.reading() as connection:
            for chunk in chunks(tuple(found)):
                for row in connection.scalars(select(DOCUMENTS.c.record).where(DOCUMENTS.c.source.in_(chunk))):
                    document = forms.record(Document, row)
                    found[document.source][document.document] = document
        return found

    def times(self, source: str, document: str = "") -> Times:
        """Give the check times of one document; empty ones when it was never tried."""
        query = select(TIMES.c.record).where(TIMES.c.source == source, TIMES.c.document == document)
        with self.reading() as connection:
            row = connection.scalar(query)
        return Times(source, document) if row is None else forms.record(Times, row)

    def all_times(self) -> tuple[Times, ...]:
        """Give all check times, by source and document."""
        with self.reading() as connection:
            rows = connection.scalars(select(TIMES.c.record).order_by(TIMES.c.source, TIMES.c.document))
            return tuple(forms.record(Times, row) for row in rows)

    def last_check(self) -> datetime | None:
        """Say when anything was last tried; None before the first check."""
        with self.reading() as connection:
            found: str | None = connection.scalar(select(func.max(TIMES.c.tried, type_=DOCUMENTS.c.record.type)))
        return None if found is None else datetime.fromisoformat(found)

    def entries(self, source: str, document: str = "", keys: Iterable[str] | None = None) -> dict[str, StoredEntry]:
        """Give the stored entries of a document by key, missing ones too; only those of ``keys`` when they are named."""
        query = select(ENTRIES).where(ENTRIES.c.source == source, ENTRIES.c.document == document)
        queries = [query] if keys is None else [query.where(ENTRIES.c.key.in_(chunk)) for chunk in chunks(dict.fromkeys(keys))]
        found: dict[str, StoredEntry] = {}
        with self.reading() as connection:
            for each in queries:
                for row in connection.execute(each):
                    entry = forms.record(Entry, row.record)
                    found[entry.key] = StoredEntry(entry, row.fingerprint, row.missing_since, row.lost, row.silent)
        return found

    def fingerprints(self, source: str, document: str = "") -> dict[str, str]:
        """Give the fingerprints of a document's entries by key, without reading the entries.

        A missing entry's is "", so that its return differs from it like any change.
        """
        query = select(ENTRIES.c.key, ENTRIES.c.fingerprint, ENTRIES.c.missing_since)
        query = query.where(ENTRIES.c.source == source, ENTRIES.c.document == document)
        with self.reading() as connection:
            return {key: fingerprint if since is None else "" for key, fingerprint, since in connection.execute(query)}

    def touch(self, times: Iterable[Times]) -> None:
        """Write check times, and nothing else: the whole trace of a check in which nothing changed."""
        with self.writing() as connection:
            write_times(connection, times)


def write_times(connection: Connection, times: Iterable[Times]) -> None:
    """Write check times."""
    rows = [{"source": t.source, "document": t.document, "tried": t.tried, "record": forms.text(t)} for t in times]
    upsert(connection, TIMES, rows)


def write_documents(connection: Connection, documents: Iterable[Document]) -> None:
    """Write documents, replacing those of the same name."""
    rows = [{"source": d.source, "document": d.document, "record": forms.text(d)} for d in documents]
    upsert(connection, DOCUMENTS, rows)


def write_entries(connection: Connection, source: str, changes: EntryChanges, silent: Mapping[str, str]) -> None:
    """Write the changes of one document's entries; ``silent`` says by key why one of them was not told."""
    rows = [entry_row(source, changes.document, stored, silent.get(stored.entry.key, stored.silent)) for stored in changes.upserts]
    upsert(connection, ENTRIES, rows)
    here = (ENTRIES.c.source == source, ENTRIES.c.document == changes.document)
    key = ENTRIES.c.key == bindparam("row_key", type_=ENTRIES.c.key.type)
    if changes.missing:
        gone = update(ENTRIES).where(*here, key)
        gone = gone.values(missing_since=func.coalesce(ENTRIES.c.missing_since, literal(changes.since, Instant)), lost=changes.lost)
        connection.execute(gone, [{"row_key": k} for k in changes.missing])
    if changes.returned:
        back = update(ENTRIES).where(*here, key).values(missing_since=None, lost=False)
        connection.execute(back, [{"row_key": k} for k in changes.returned])
    if changes.removed:
        connection.execute(delete(ENTRIES).where(*here, key), [{"row_key": k} for k in changes.removed])
    written = {stored.entry.key for stored in changes.upserts}
    quiet = [{"row_key": k, "why": why} for k, why in silent.items() if k in {*changes.missing, *changes.returned} - written]
    if quiet:
        connection.execute(update(ENTRIES).where(*here, key).values(silent=bindparam("why")), quiet)


def entry_row(source: str, document: str, stored: StoredEntry, silent: str) -> dict[str, object]:
    """Give the row of a stored entry."""
    return {
        "source": source,
        "document": document,
        "key": stored.entry.key,
        "fingerprint": stored.fingerprint,
        "missing_since": stored.missing_since,
        "lost": stored.lost,
        "silent": silent,
        "record": forms.text(stored.entry),
    }
