"""The ledger's rows that a check concerns, as a working copy: find, put, take over."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from watcher.judgement import identify
from watcher.records import Update


class Ledger:
    """Updates by id and by name.

    Rows are replaced, never altered; ``changed`` are the ids that were put.
    """

    def __init__(self, rows: Iterable[Update]) -> None:
        """Start from the rows that the state has for the names in question."""
        self._rows: dict[str, Update] = {}
        self._names: dict[str, list[str]] = {}
        self.before: dict[str, Update] = {}
        self.changed: set[str] = set()
        self._heirs: dict[str, str] = {}
        for row in rows:
            self.before[row.id] = row
            self._index(row)

    def __getitem__(self, update_id: str) -> Update:
        """The row of an id; that of its heir when it was absorbed."""
        return self._rows[self._heirs.get(update_id, update_id)]

    def __contains__(self, update_id: object) -> bool:
        """Whether there is a row of that id."""
        return update_id in self._rows

    def is_new(self, update_id: str) -> bool:
        """Whether the row was made at this check."""
        return update_id not in self.before

    def put(self, row: Update) -> None:
        """Set a row; its names are brought up to date."""
        row = replace(row, names=identify.update_names(row))
        if self._rows.get(row.id) != row:
            self._index(row)
            self.changed.add(row.id)

    def find(self, names: Iterable[str]) -> Update | None:
        """The update with the strongest of the names; of several with one name the newest."""
        rows = self.find_all(names)
        return rows[0] if rows else None

    def find_all(self, names: Iterable[str]) -> tuple[Update, ...]:
        """All updates with the strongest name that any has, newest first."""
        for name in names:
            rows = [self._rows[i] for i in self._names.get(name, ()) if i in self._rows]
            if rows:
                return tuple(
                    sorted(
                        rows,
                        key=lambda row: (row.released or row.first_seen, row.id),
                        reverse=True,
                    )
                )
        return ()

    def absorb(self, gone: Update, into: Update) -> None:
        """Let an update take over an advisory that had none: its mail thread goes on."""
        known = {advisory.id for advisory in into.advisories}
        self._rows.pop(gone.id, None)
        self.changed.discard(gone.id)
        self._heirs[gone.id] = into.id
        self.put(
            replace(
                into,
                thread=into.thread if into.told else gone.thread or gone.id,
                told=tuple(dict((*gone.told, *into.told)).items()),
                advisories=(
                    *into.advisories,
                    *(a for a in gone.advisories if a.id not in known),
                ),
            )
        )

    @property
    def absorbed(self) -> tuple[tuple[str, str], ...]:
        """Ids that the state knows and that went, each with the id that took it over."""
        return tuple(
            (gone, heir)
            for gone, heir in sorted(self._heirs.items())
            if gone in self.before
        )

    def rows(self) -> tuple[Update, ...]:
        """The rows that were put, by id."""
        return tuple(self._rows[i] for i in sorted(self.changed) if i in self._rows)

    def _index(self, row: Update) -> None:
        self._rows[row.id] = row
        for name in identify.update_names(row):
            ids = self._names.setdefault(name, [])
            if row.id not in ids:
                ids.append(row.id)
