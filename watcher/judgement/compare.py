"""What is mechanically different between what is stored of a document and a new snapshot of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from watcher.judgement import memory, normalize
from watcher.records import (
    Change,
    ChangeKind,
    Coverage,
    Entry,
    Snapshot,
    StoredEntry,
    Watch,
)

# After this an entry that left a feed is not expected there again
COMES_BACK = timedelta(days=90)


def changes(
    stored: Mapping[str, StoredEntry],
    snapshot: Snapshot,
    since: datetime | None = None,
) -> tuple[Change, ...]:
    """Compare all entries of a document with a credible snapshot; sorted by key.

    A row whose name changed while its build or its KB article and product stayed is
    altered, not gone. A row whose forms of a build disagree keeps the build it had. An
    entry that leaves a window below its oldest entry has aged out; one that comes
    below all that is known is back from there.  ``since`` is when the copy before came.
    """
    fresh: dict[str, Entry] = {}
    for entry in snapshot.entries:
        fresh[entry.key] = _with_settled_builds(entry, stored.get(entry.key))
    present = {key: old for key, old in stored.items() if old.missing_since is None}
    renamed: dict[str, str] = {}
    oldest = None
    if snapshot.coverage is Coverage.COMPLETE:
        renamed = _renamed(present, fresh)
    else:
        renamed = _renamed_posts(stored, fresh)
        dates = [old.entry.published for old in present.values()]
        oldest = min((date for date in dates if date is not None), default=None)

    found: list[Change] = []
    renamed_to = set(renamed.values())
    for key, entry in fresh.items():
        kind = _kind_of_fresh(entry, stored.get(key), oldest)
        if kind is None or key in renamed_to:
            continue
        before = stored[key].entry if key in stored else None
        if before is None and kind is ChangeKind.RETURNED:
            before = entry
        found.append(_change(snapshot, kind, before, entry))
    for key, new_key in renamed.items():
        kind = ChangeKind.ALTERED if key in present else ChangeKind.RETURNED
        found.append(_change(snapshot, kind, stored[key].entry, fresh[new_key]))
    for key, old in present.items():
        if key not in fresh and key not in renamed:
            kind = _kind_of_leaving(old.entry, snapshot)
            found.append(_change(snapshot, kind, old.entry, None))
    found = [_dated(change, stored, since) for change in found]
    return tuple(sorted(found, key=lambda change: (change.entry.key, change.kind)))


def _dated(
    change: Change, stored: Mapping[str, StoredEntry], since: datetime | None
) -> Change:
    """Give a change with the time since when its entry was as it was before."""
    if change.before is None:
        return change
    old = stored.get(change.before.key)
    missing = old.missing_since if old is not None else None
    return replace(change, since=missing or since)


def rewatched(changes: Iterable[Change], watch: Watch) -> tuple[Change, ...]:
    """The changes of a document that is read for other products than before.

    What only the other choice of products brings into an entry appears, and is no
    news; what else is different has altered.
    """
    found: list[Change] = []
    for change in changes:
        before, after = change.before, change.after
        if change.kind is not ChangeKind.ALTERED or before is None or after is None:
            found.append(change)
            continue
        chosen = _chosen(before, after, watch)
        if set(chosen.packages) - set(before.packages) or set(chosen.products) - set(
            before.products
        ):
            found.append(
                replace(change, kind=ChangeKind.APPEARED, before=None, after=chosen)
            )
        if normalize.fingerprint(chosen) != normalize.fingerprint(after):
            found.append(replace(change, before=chosen))
    return tuple(found)


def not_expected_back(
    stored: Mapping[str, StoredEntry], snapshot: Snapshot, now: datetime
) -> list[str]:
    """The keys of entries that left a window so long ago that they will not come back.

    No date said why they left.  A table shows everything, and may show a row again
    after any time.
    """
    if snapshot.coverage is Coverage.COMPLETE:
        return []
    shown = {entry.key for entry in snapshot.entries}
    gone = []
    for key, entry in stored.items():
        since = entry.missing_since
        if key not in shown and since and now - since > COMES_BACK:
            gone.append(key)
    return gone


def _chosen(before: Entry, after: Entry, watch: Watch) -> Entry:
    """An entry as it would have been read before, had the same products been watched then."""
    had = {package.product for package in before.packages}
    kept = tuple(package for package in before.packages if watch.wants(package.product))
    come = tuple(package for package in after.packages if package.product not in had)
    return replace(
        before,
        products=after.products,
        packages=(*kept, *come),
        kbs=after.kbs,
        links=after.links,
        severity=after.severity,
        cvss=after.cvss,
        vector=after.vector,
    )


def _with_settled_builds(entry: Entry, old: StoredEntry | None) -> Entry:
    """A row whose two forms of a build disagree keeps the build it had.

    A typing error touches one of them, a release both.
    """
    if old is None or not any(package.disputed for package in entry.packages):
        return entry
    builds = {(p.product, p.kb): p.build for p in old.entry.packages}
    packages = []
    for package in entry.packages:
        build = builds.get((package.product, package.kb))
        if package.disputed and build:
            package = replace(package, build=build)  # noqa: PLW2901 - the same, settled
        packages.append(package)
    return replace(entry, packages=tuple(packages))


def _kind_of_fresh(
    entry: Entry, old: StoredEntry | None, oldest: datetime | None
) -> ChangeKind | None:
    """How an entry that is shown differs from what is stored, None when it does not.

    ``oldest`` is the oldest date that is stored of a window.
    """
    if old is None:
        # A feed that shows more posts than before shows old ones, which are no news
        is_older = (
            oldest is not None
            and entry.published is not None
            and entry.published < oldest
        )
        # The Update Guide's entries are old CVEs with new revisions
        if is_older and not entry.revision:
            return ChangeKind.RETURNED
        return ChangeKind.APPEARED
    if old.missing_since is not None:
        return ChangeKind.RETURNED
    if old.fingerprint != normalize.fingerprint(entry):
        return ChangeKind.ALTERED
    return None


def _kind_of_leaving(entry: Entry, snapshot: Snapshot) -> ChangeKind:
    """An entry that leaves a window below its oldest entry is aged out.

    Where no date can tell, or nothing is shown, it may come back.
    """
    if snapshot.coverage is Coverage.COMPLETE:
        return ChangeKind.MISSING
    if snapshot.oldest is None or entry.published is None:
        return ChangeKind.MISSING
    if entry.published > snapshot.oldest:
        return ChangeKind.MISSING
    return ChangeKind.AGED_OUT


def _change(
    snapshot: Snapshot, kind: ChangeKind, before: Entry | None, after: Entry | None
) -> Change:
    return Change(
        kind,
        snapshot.source,
        snapshot.document,
        snapshot.url,
        snapshot.time,
        snapshot.sha256,
        before,
        after,
    )


def _renamed(
    present: Mapping[str, StoredEntry], fresh: Mapping[str, Entry]
) -> dict[str, str]:
    """Old key -> new key for rows that are the same by build, or by KB article and product."""
    gone = {key: old.entry for key, old in present.items() if key not in fresh}
    come = {key: entry for key, entry in fresh.items() if key not in present}
    pairs: dict[str, str] = {}
    for key, entry in gone.items():
        names = _row_names(entry)
        for new, candidate in come.items():
            if names & _row_names(candidate):
                pairs[key] = new
                # One new row takes the place of one old one
                del come[new]
                break
    return pairs


def _renamed_posts(
    stored: Mapping[str, StoredEntry], fresh: Mapping[str, Entry]
) -> dict[str, str]:
    """Old key -> new key for posts that have another guid, and their title and address."""
    gone = _by_post_name(old.entry for key, old in stored.items() if key not in fresh)
    come = _by_post_name(entry for key, entry in fresh.items() if key not in stored)
    pairs = {}
    for name, new in come.items():
        old = gone.get(name, [])
        # Of two that it may have been none is certain
        if len(old) == len(new) == 1:
            pairs[old[0].key] = new[0].key
    return pairs


def _by_post_name(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    named: dict[str, list[Entry]] = {}
    for entry in entries:
        name = memory.post_name(entry)
        if name:
            named.setdefault(name, []).append(entry)
    return named


def _row_names(entry: Entry) -> set[tuple[str, ...]]:
    """What a row keeps when its title is spelled otherwise: builds, and KB articles."""
    names: set[tuple[str, ...]] = set()
    for package in entry.packages:
        if package.build:
            names.add(("build", normalize.family(package.product), package.build))
        if package.kb:
            names.add(("kb", package.product, package.kb))
    return names
