"""Documents, check times and entries: what was last seen of each source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.records import Document, Entry, Times
from watcher.store import forms
from watcher.store.base import Base
from watcher.store.rows import chunks, upsert
from watcher.store.tables import DOCUMENTS, ENTRIES, TIMES, moment_if
from watcher.store.words import EntryChanges, StoredEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from watcher.store.link import Link

_HERE = "source = :source AND document = :document"


class Documents(Base):
    """The verbs of what was last seen."""

    def documents(self, source: str | None = None) -> dict[str, Document]:
        """Give the documents of ``source`` by name.

        Without a source: of all, by ``source`` and name, a space between.
        """
        where = "" if source is None else " WHERE source = :source"
        with self.reading() as link:
            rows = link.scalars(f"SELECT record FROM documents{where}", source=source)  # noqa: S608 - see above
        found = [forms.record(Document, row) for row in rows]
        return {
            d.document if source is not None else f"{d.source} {d.document}": d
            for d in found
        }

    def documents_of(self, sources: Iterable[str]) -> dict[str, dict[str, Document]]:
        """Give the documents of several sources, by source and name, with a query for
        hundreds of them.
        """
        found: dict[str, dict[str, Document]] = {source: {} for source in sources}
        with self.reading() as link:
            for chunk in chunks(tuple(found)):
                for row in link.scalars(
                    "SELECT record FROM documents WHERE source IN :sources",
                    sources=chunk,
                ):
                    document = forms.record(Document, row)
                    found[document.source][document.document] = document
        return found

    def times(self, source: str, document: str = "") -> Times:
        """Give the check times of one document; empty ones when it was never tried."""
        with self.reading() as link:
            row = link.scalar(
                "SELECT record FROM times WHERE source = :source AND document = :document",
                source=source,
                document=document,
            )
        return Times(source, document) if row is None else forms.record(Times, row)

    def all_times(self) -> tuple[Times, ...]:
        """Give all check times, by source and document."""
        with self.reading() as link:
            return tuple(
                forms.record(Times, row)
                for row in link.scalars(
                    "SELECT record FROM times ORDER BY source, document"
                )
            )

    def last_check(self) -> datetime | None:
        """Say when anything was last tried; None before the first check."""
        with self.reading() as link:
            return moment_if(link.scalar("SELECT MAX(tried) FROM times"))

    def entries(
        self, source: str, document: str = "", keys: Iterable[str] | None = None
    ) -> dict[str, StoredEntry]:
        """Give the stored entries of a document by key, missing ones too.

        Only those of ``keys`` when they are named.
        """
        query = (
            "SELECT record, fingerprint, missing_since, lost, silent FROM "  # noqa: S608 - our own words
            f"entries WHERE {_HERE}"
        )
        with self.reading() as link:
            if keys is None:
                rows = link.rows(query, source=source, document=document)
            else:
                parts = (
                    link.rows(
                        f"{query} AND key IN :keys",
                        source=source,
                        document=document,
                        keys=c,
                    )
                    for c in chunks(dict.fromkeys(keys))
                )
                rows = [row for part in parts for row in part]
        read = ((forms.record(Entry, record), *rest) for record, *rest in rows)
        return {
            entry.key: StoredEntry(entry, mark, moment_if(since), bool(lost), silent)
            for entry, mark, since, lost, silent in read
        }

    def fingerprints(self, source: str, document: str = "") -> dict[str, str]:
        """Give the fingerprints of a document's entries by key, without reading the entries.

        A missing entry's is "", so that its return differs from it like any change.
        """
        query = f"SELECT key, fingerprint, missing_since FROM entries WHERE {_HERE}"  # noqa: S608 - our own words
        with self.reading() as link:
            return {
                key: mark if since is None else ""
                for key, mark, since in link.rows(
                    query, source=source, document=document
                )
            }

    def touch(self, times: Iterable[Times]) -> None:
        """Write check times, and nothing else.

        The whole trace of a check in which nothing changed.
        """
        with self.writing() as link:
            write_times(link, times)


def write_times(link: Link, times: Iterable[Times]) -> None:
    """Write check times."""
    rows = [
        {
            "source": t.source,
            "document": t.document,
            "tried": t.tried,
            "record": forms.text(t),
        }
        for t in times
    ]
    upsert(link, TIMES, rows)


def write_documents(link: Link, documents: Iterable[Document]) -> None:
    """Write documents, replacing those of the same name."""
    rows = [
        {"source": d.source, "document": d.document, "record": forms.text(d)}
        for d in documents
    ]
    upsert(link, DOCUMENTS, rows)


def write_entries(
    link: Link, source: str, changes: EntryChanges, silent: Mapping[str, str]
) -> None:
    """Write the changes of one document's entries.

    ``silent`` says by key why one of them was not told.
    """
    rows = [
        entry_row(
            source,
            changes.document,
            stored,
            silent.get(stored.entry.key, stored.silent),
        )
        for stored in changes.upserts
    ]
    upsert(link, ENTRIES, rows)
    here = {"source": source, "document": changes.document}
    gone = (
        "UPDATE entries SET missing_since = COALESCE(missing_since, :since), "  # noqa: S608 - our own words
        f"lost = :lost WHERE {_HERE} AND key = :key"
    )
    link.run_each(
        gone,
        [
            {**here, "key": key, "since": changes.since, "lost": changes.lost}
            for key in changes.missing
        ],
    )
    back = f"UPDATE entries SET missing_since = NULL, lost = :lost WHERE {_HERE} AND key = :key"  # noqa: S608 - our own words
    link.run_each(
        back, [{**here, "key": key, "lost": False} for key in changes.returned]
    )
    link.run_each(
        f"DELETE FROM entries WHERE {_HERE} AND key = :key",  # noqa: S608 - our own words
        [{**here, "key": key} for key in changes.removed],
    )
    written = {stored.entry.key for stored in changes.upserts}
    quiet = [
        {**here, "key": k, "why": why}
        for k, why in silent.items()
        if k in {*changes.missing, *changes.returned} - written
    ]
    link.run_each(
        f"UPDATE entries SET silent = :why WHERE {_HERE} AND key = :key",  # noqa: S608 - our own words
        quiet,
    )


def entry_row(
    source: str, document: str, stored: StoredEntry, silent: str
) -> dict[str, object]:
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
