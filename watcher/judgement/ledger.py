"""The updates that a check concerns, as a working copy, brought up to date by changes.

Nothing here decides what is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from watcher.judgement.change_reading import UpdateChanges
from watcher.judgement.names import cve_names, update_names
from watcher.judgement.packages import (
    add_package,
    as_made_product,
    build_grew,
    corrected_build,
    package_version,
)
from watcher.records import (
    Advisory,
    Entry,
    Event,
    Update,
)


def merge_changes(row: Update, case: UpdateChanges) -> Update:
    """The row with the packages, advisories, products and links of a case.

    Its version rises to the highest label.
    """
    packages = row.packages
    version = row.version
    for item in case.items:
        label = item.fact.entry.label
        for offered in item.packages:
            if not offered.product and packages:
                # A page that names no product tells of the packages that are known
                continue
            package = as_made_product(row, offered)
            number = max(item.fact.version, package_version(row, package))
            packages = add_package(
                packages, replace(package, version=number), certain=label is not None
            )
            version = max(version, number)
    about = [
        item
        for item in case.items
        if item.fact.change.after is not None and item.is_subject
    ]
    entries = [item.fact.entry for item in about]
    told = [
        item.fact.entry
        for item in about
        if item.packages or not item.fact.entry.packages or item.fact.entry.cves
    ]
    return replace(
        row,
        packages=packages,
        version=version,
        advisories=merge_advisories(row, told),
        products=tuple(
            sorted(
                {
                    *row.products,
                    *(p.product for p in packages),
                    *(p for e in entries if not e.packages for p in e.products),
                }
            )
        ),
        kbs=tuple(
            sorted(
                {
                    *row.kbs,
                    *(
                        kb
                        for entry in entries
                        if not entry.packages and not packages
                        for kb in entry.kbs
                    ),
                }
            )
        ),
        links=tuple(
            sorted({*row.links, *(entry.url for entry in entries if entry.url)})
        ),
        standings=source_states(row, case, version),
        told=(
            *((key, "") for key in _lowered(case) if key not in dict(row.told)),
            *row.told,
        ),
    )


def _lowered(case: UpdateChanges) -> list[str]:
    pairs = [
        pair
        for item in case.items
        if item.fact.entry.label is not None
        for pair in item.fact.grown
    ]
    return sorted(
        {
            corrected_build(before.build)
            for before, after in pairs
            if build_grew(after, before)
        }
    )


def source_states(
    row: Update, case: UpdateChanges, version: int
) -> tuple[tuple[str, str, str], ...]:
    """What each source has it as: ``(source, newest revision or label, version)``."""
    found = {source: (source, said, number) for source, said, number in row.standings}
    for item in case.items:
        entry = item.fact.entry
        label = entry.label
        number = (
            item.fact.version
            if label
            else max((package_version(row, p) for p in item.packages), default=version)
        )
        said = f"revision {entry.revision}" if entry.revision else entry.title
        old = found.get(item.fact.change.source)
        if old is None or int(old[2]) <= number:
            found[item.fact.change.source] = (
                item.fact.change.source,
                said,
                str(number),
            )
    return tuple(found[source] for source in sorted(found))


def establish(row: Update, key: str, event: str) -> Update:
    """Note that a fact is established, and by which event ("" for a first reading)."""
    return (
        row if key in dict(row.told) else replace(row, told=(*row.told, (key, event)))
    )


def establish_event(row: Update, key: str, event: Event) -> Update:
    """Note that an event told a fact, and what it said, for the next mail to repeat."""
    return replace(
        establish(row, key, event.id),
        last=f"{event.kind.upper().replace('-I', ' I')}, {event.time:%d %B %Y}: {event.summary}",
    )


def established_by(row: Update, key: str) -> str | None:
    """The event that told a fact.

    "" when it was known from the start, None when it was not told.
    """
    return dict(row.told).get(key)


def forget_pull(row: Update) -> Update:
    """The row without the pull of its version, which was none: another one is told anew."""
    return replace(
        row,
        told=tuple(
            pair for pair in row.told if not pair[0].startswith(f"pulled {row.version}")
        ),
    )


def last_event(row: Update, prefix: str) -> str:
    """The event that last told a fact of a sort; "" when none did."""
    return next(
        (event for key, event in reversed(row.told) if key.startswith(prefix)), ""
    )


def take_over_advisories(row: Update, ledger: Ledger) -> Update:
    """Take over the advisories without update that this update now fixes.

    Their mail thread goes on here.
    """
    fixed = (
        {advisory.id for advisory in row.advisories}
        if row.type != "advisory"
        else set()
    )
    for name in cve_names(sorted(fixed)):
        for gone in ledger.find_all((name,)):
            if gone.type != "advisory" or gone.id == row.id:
                continue
            left = tuple(
                advisory for advisory in gone.advisories if advisory.id not in fixed
            )
            ledger.put(
                row
                if row.told
                else replace(row, thread=gone.thread, last=row.last or gone.last)
            )
            if left:
                ledger.put(replace(gone, advisories=left, names=()))
            else:
                ledger.absorb(gone, ledger[row.id])
            row = ledger[row.id]
    return row


def merge_advisories(row: Update, entries: Iterable[Entry]) -> tuple[Advisory, ...]:
    """The row's advisories with what entries newly say of them; yes stays yes."""
    known = {advisory.id: advisory for advisory in row.advisories}
    for entry in entries:
        for cve in entry.cves:
            old = known.get(cve, Advisory(cve))
            # The advisory itself: a post about it does not give it its headline
            its = cve in entry.key.upper()
            mine = len(entry.cves) == 1 or entry.key.upper() == cve
            known[cve] = replace(
                old,
                title=(entry.title if its and entry.title != cve else "") or old.title,
                severity=entry.severity or old.severity,
                cvss=entry.cvss if entry.cvss is not None else old.cvss,
                vector=entry.vector or old.vector,
                exploited=old.exploited or bool(mine and entry.exploited),
                disclosed=old.disclosed or bool(mine and entry.disclosed),
                url=(entry.url if its else "") or old.url,
            )
    return tuple(known[cve] for cve in sorted(known))


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
        row = replace(row, names=update_names(row))
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
        for name in update_names(row):
            ids = self._names.setdefault(name, [])
            if row.id not in ids:
                ids.append(row.id)
