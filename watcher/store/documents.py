"""Documents, check times and entries: what was last seen of each source."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.records import Document, Entry, StoredEntry, Times
from watcher.store.connection import (
    Queries,
    Transactions,
    optional_time_from,
    record_from,
    record_text,
)
from watcher.store.notes import write_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


# Sentences of a document that are remembered when they have left it, the newest
REMEMBERED = 4000


class EntryChanges(Struct, frozen=True):
    """What a check changes in the stored entries of one document.

    ``upserts`` replace the whole row.  ``missing`` keys are marked as gone at
    ``since`` (their entries stay; one that is marked already keeps its time), and as
    lost when ``lost``.  ``returned`` keys lose both marks; ``removed`` keys are
    deleted.  ``left`` are the fingerprints of what stands there no longer, remembered
    as of ``since``.
    """

    document: str
    upserts: tuple[StoredEntry, ...] = ()
    missing: tuple[str, ...] = ()
    since: datetime | None = None
    lost: bool = False
    returned: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Documents(Transactions):
    """The verbs of what was last seen."""

    def documents(self, source: str | None = None) -> dict[str, Document]:
        """Give the documents of ``source`` by name.

        Without a source: of all, by ``source`` and name, a space between.
        """
        if source is not None:
            return self.documents_of([source])[source]
        with self.reading() as sql:
            found = [record_from(Document, each) for each in sql.column("documents")]
        return {f"{each.source} {each.document}": each for each in found}

    def documents_of(self, sources: Iterable[str]) -> dict[str, dict[str, Document]]:
        """Give the documents of several sources, by source and name, with one query.

        A source without documents has an empty dictionary.
        """
        found: dict[str, dict[str, Document]] = {source: {} for source in sources}
        with self.reading() as sql:
            for record in sql.column("documents_of", sources=list(found)):
                document = record_from(Document, record)
                found[document.source][document.document] = document
        return found

    def times(self, source: str, document: str = "") -> Times:
        """Give the check times of one document; empty ones when it was never tried.

        ``document`` is "" for a source that has only one.
        """
        with self.reading() as sql:
            record = sql.times_of(source=source, document=document)
        if record is None:
            return Times(source, document)
        return record_from(Times, record)

    def failed_documents(self, source: str) -> dict[str, datetime]:
        """Give a source's documents whose last try failed, and when that was.

        They are asked for again, though nothing may lead to them any more.
        """
        with self.reading() as sql:
            records = sql.column("times_of_source", source=source)
            found = [record_from(Times, each) for each in records]
        return {
            each.document: each.tried for each in found if each.failures and each.tried
        }

    def all_times(self) -> tuple[Times, ...]:
        """Give all check times, by source and document."""
        with self.reading() as sql:
            return tuple(record_from(Times, each) for each in sql.column("times"))

    def last_check(self) -> datetime | None:
        """Say when anything was last tried; None before the first check."""
        with self.reading() as sql:
            return optional_time_from(sql.last_check())

    def entries(
        self, source: str, document: str = "", keys: Iterable[str] | None = None
    ) -> dict[str, StoredEntry]:
        """Give the stored entries of a document by key, missing ones too.

        Only those of ``keys`` when they are named.
        """
        with self.reading() as sql:
            if keys is None:
                rows = list(sql.entries(source=source, document=document))
            else:
                rows = list(
                    sql.entries_of_keys(
                        source=source, document=document, keys=list(keys)
                    )
                )
        found: dict[str, StoredEntry] = {}
        for record, fingerprint, missing_since, lost, silent in rows:
            entry = record_from(Entry, record)
            since = optional_time_from(missing_since)
            found[entry.key] = StoredEntry(
                entry, fingerprint, since, bool(lost), silent
            )
        return found

    def fingerprints(self, source: str, document: str = "") -> dict[str, str]:
        """Give the fingerprints of a document's entries by key, without reading the entries.

        A missing entry's is "", so that its return differs from it like any change.
        """
        with self.reading() as sql:
            rows = sql.fingerprints(source=source, document=document)
            return {
                key: fingerprint if missing_since is None else ""
                for key, fingerprint, missing_since in rows
            }

    def remembered(self, source: str, document: str = "") -> frozenset[str]:
        """Give the fingerprints of what a document has said and no longer says.

        ``watcher.judgement.compare`` makes them: of sentences, statements' kinds and
        packages.
        """
        with self.reading() as sql:
            found = sql.column("remembered", source=source, document=document)
            return frozenset(found)

    def touch(
        self, times: Iterable[Times], notes: Mapping[str, str] | None = None
    ) -> None:
        """Write check times, with single values (``meta``) where there are some.

        The whole trace of a check in which nothing changed.
        """
        with self.writing() as sql:
            write_times(sql, times)
            write_values(sql, notes or {})


def write_times(sql: Queries, times: Iterable[Times]) -> None:
    """Write check times.

    One row a document; a later try takes the place of the one before.
    """
    sql.write_times(
        [
            {
                "source": each.source,
                "document": each.document,
                "tried": each.tried,
                "record": record_text(each),
            }
            for each in times
        ]
    )


def write_documents(sql: Queries, documents: Iterable[Document]) -> None:
    """Write documents, replacing those of the same name."""
    sql.write_documents(
        [
            {
                "source": each.source,
                "document": each.document,
                "record": record_text(each),
            }
            for each in documents
        ]
    )


def write_entries(
    sql: Queries, source: str, changes: EntryChanges, silent: Mapping[str, str]
) -> None:
    """Write the changes of one document's entries.

    ``silent`` says by key why nobody hears of a change.
    """
    document = changes.document
    rows = []
    for stored in changes.upserts:
        reason = silent.get(stored.entry.key, stored.silent)
        rows.append(entry_row(source, document, stored, reason))
    sql.write_entries(rows)

    def row(key: str, **more: object) -> dict[str, object]:
        return {"source": source, "document": document, "key": key, **more}

    sql.mark_missing(
        [row(key, since=changes.since, lost=changes.lost) for key in changes.missing]
    )
    sql.mark_returned([row(key) for key in changes.returned])
    sql.delete_entries([row(key) for key in changes.removed])
    write_remembered(sql, source, changes)
    # Rows that were written whole have their reason already
    written = {stored.entry.key for stored in changes.upserts}
    marked = {*changes.missing, *changes.returned} - written
    sql.mark_silent(
        [row(key, silent=why) for key, why in silent.items() if key in marked]
    )


def write_remembered(sql: Queries, source: str, changes: EntryChanges) -> None:
    """Remember what has left a document; the oldest goes where that is too much.

    Up to ``REMEMBERED`` fingerprints a document.  Who forgot them would tell of a
    page's old sentences as new when they come back.
    """
    if not changes.left or changes.since is None:
        return
    document = changes.document
    sql.write_remembered(
        [
            {
                "source": source,
                "document": document,
                "fingerprint": fingerprint,
                "time": changes.since,
            }
            for fingerprint in changes.left
        ]
    )
    sql.prune_remembered(source=source, document=document, most=REMEMBERED)


def entry_row(
    source: str, document: str, stored: StoredEntry, silent: str
) -> dict[str, object]:
    """Give the row of a stored entry.

    ``silent`` is why a change of it led to no event, "" where it led to one: ``watcher
    show`` says it.
    """
    return {
        "source": source,
        "document": document,
        "key": stored.entry.key,
        "fingerprint": stored.fingerprint,
        "missing_since": stored.missing_since,
        "lost": stored.lost,
        "silent": silent,
        "record": record_text(stored.entry),
    }


def prune_documents(sql: Queries, before: datetime) -> int:
    """Forget the documents that were last tried before ``before``; say how many.

    Their entries go with them.  A document that is asked for again is read as at first
    contact.
    """
    old = [
        {"source": source, "document": document}
        for source, document in sql.tried_before(before=before)
    ]
    sql.delete_documents(old)
    sql.delete_times(old)
    return len(old)
