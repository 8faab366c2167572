"""The state: what was seen, what was established, who was told.

    with Store.open("sqlite:///state/watcher.db") as store:
        store.record("exchange-builds", documents=..., entries=..., outcome=..., times=...)
        store.seal(messages, store.unsealed_events())
        for message, delivery in store.due_deliveries(now): ...; store.mark(...)

Every verb is one transaction; from its return on, a killed run loses nothing of it.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from watcher.records import Outcome
from watcher.store.documents import (
    Documents,
    write_documents,
    write_entries,
    write_times,
)
from watcher.store.events import Events, add_events, add_evidence, add_guidance
from watcher.store.ledger import Ledger, absorb, write_updates
from watcher.store.mail import Mail
from watcher.store.marks import Marks, bump_edition, write_notes
from watcher.store.opening import connect
from watcher.store.place import place
from watcher.store.products import Products
from watcher.store.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from watcher.records import Document, Times
    from watcher.store.link import Link
    from watcher.store.place import Place
    from watcher.store.words import EntryChanges


class Store(Documents, Ledger, Events, Products, Mail, Marks, Retention):
    """An open state; a context manager that closes it and lets it go."""

    def __init__(
        self, link: Link, where: Place, stack: ExitStack, *, rehearsal: bool
    ) -> None:
        """Use ``open``; this keeps what is to be undone at the end."""
        super().__init__(link, where, rehearsal=rehearsal)
        self._stack = stack

    @classmethod
    def open(cls, url: str, *, hold: bool = True, rehearse: bool = False) -> Self:
        """Open the state at a database URL, and create it or bring it up to date where need be.

        ``hold``: be the only run on it (StateHeldError when there is another).
        Without it one may read beside a run, and write single notes; a file that is
        not there yet is then not created: the state is empty, and forgotten at the
        end. ``rehearse``: everything works, and nothing of it stays; nobody is locked
        out.

        StateError with cause and remedy when the state is damaged, read-only, newer
        than this program or unreachable.
        """
        where = place(url)
        with ExitStack() as stack:
            link = connect(where, stack, hold=hold and not rehearse, rehearse=rehearse)
            return cls(
                link, where, stack.pop_all(), rehearsal=rehearse and not where.is_sqlite
            )

    def close(self) -> None:
        """Close the connection and let the state go; what was rehearsed is gone."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Give the store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def record(
        self,
        source: str,
        *,
        documents: Iterable[Document] = (),
        entries: Iterable[EntryChanges] = (),
        outcome: Outcome | None = None,
        times: Iterable[Times] = (),
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Write everything of one source's check in one transaction.

        New events are appended in order, unqueued.  Evidence goes to the events it
        names.  Updates are written whole; one that was absorbed goes, and its events,
        messages and id belong to the update that took it over.
        """
        outcome = outcome or Outcome()
        silent = {key: why for named, key, why in outcome.silent if named == source}
        with self.writing() as link:
            write_documents(link, documents)
            for changes in entries:
                write_entries(link, source, changes, silent)
            write_times(link, times)
            write_outcome(link, outcome)
            write_notes(link, notes or {})

    def export(self, folder: Path) -> None:
        """Write the state into ``folder`` as sorted text.

        StateError when a file cannot be written.
        """
        # A run needs none of it
        from watcher.store import archive

        archive.export(self, folder)

    def import_(self, folder: Path) -> None:
        """Fill this state, which must be empty, from an export.

        StateRefusedError, and nothing imported, when it cannot be read.
        """
        from watcher.store import archive

        archive.import_(self, folder)


def write_outcome(link: Link, outcome: Outcome) -> None:
    """Write events, evidence and updates; a new edition when that changed anything."""
    changed = [add_events(link, outcome.events)]
    for gone, taker in outcome.absorbed:
        absorb(link, gone, taker)
    changed += [
        bool(outcome.absorbed),
        write_updates(link, outcome.updates),
        add_evidence(link, outcome.evidence),
    ]
    changed.append(add_guidance(link, outcome.guidance))
    if any(changed):
        bump_edition(link)
