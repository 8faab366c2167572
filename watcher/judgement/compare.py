"""What is mechanically different between what is stored of a document and a new snapshot of it.

    changes   = changes(stored, snapshot)      appeared, altered, missing, returned, aged out
    changes   = recall(changes, remembered)    what in it was said before is no news
    forgotten = leaving(changes)               what leaves the document now, to be remembered

What stands in the last copy need not be remembered: each change has it as its
``before``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.change_reading import (
    is_revision,
    kinds_said,
    of_day,
    read_passages,
    repeated,
)
from watcher.judgement.packages import products_of
from watcher.judgement.reading import sentences, words
from watcher.records import (
    NEVER,
    Change,
    ChangeKind,
    Coverage,
    Entry,
    Kind,
    Package,
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
    oldest = NEVER
    if snapshot.coverage is Coverage.COMPLETE:
        renamed = _renamed(present, fresh)
    else:
        renamed = _renamed_posts(stored, fresh)
        dates = filter(None, (old.entry.published for old in present.values()))
        oldest = min(dates, default=NEVER)

    found: list[Change] = []
    for key in fresh.keys() - renamed.values():
        found += _come_or_altered(stored.get(key), fresh[key], oldest, snapshot)
    for key, new_key in renamed.items():
        kind = ChangeKind.ALTERED if key in present else ChangeKind.RETURNED
        found.append(_change(snapshot, kind, stored[key].entry, fresh[new_key]))
    for key in present.keys() - fresh.keys() - renamed.keys():
        entry = stored[key].entry
        kind = _kind_of_leaving(entry, snapshot)
        found.append(_change(snapshot, kind, entry, None))
    found = [_dated(change, stored, since) for change in found]
    return tuple(sorted(found, key=lambda change: (change.entry.key, change.kind)))


def _come_or_altered(
    old: StoredEntry | None, entry: Entry, oldest: datetime, snapshot: Snapshot
) -> list[Change]:
    """The change of an entry that a snapshot shows, none where it is as it was.

    ``oldest`` is the oldest date that is stored of a window.
    """
    if old is None:
        # A feed that shows more posts than before shows old ones, which are no news;
        # the Update Guide's entries are old CVEs with new revisions
        is_older = entry.published is not None and entry.published < oldest
        if is_older and not entry.revision:
            return [_change(snapshot, ChangeKind.RETURNED, entry, entry)]
        return [_change(snapshot, ChangeKind.APPEARED, None, entry)]
    if old.missing_since is not None:
        return [_change(snapshot, ChangeKind.RETURNED, old.entry, entry)]
    if old.fingerprint != normalize.fingerprint(entry):
        return [_change(snapshot, ChangeKind.ALTERED, old.entry, entry)]
    return []


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
        had = {*before.packages, *before.products}
        if not had.issuperset((*chosen.packages, *chosen.products)):
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
    keys_now = {entry.key for entry in snapshot.entries}
    gone = []
    for key, entry in stored.items():
        since = entry.missing_since
        if key not in keys_now and since and now - since > COMES_BACK:
            gone.append(key)
    return gone


def _chosen(before: Entry, after: Entry, watch: Watch) -> Entry:
    """An entry as it would have been read before, had the same products been watched then."""
    had = products_of(before.packages)
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
    if old is None:
        return entry
    builds = {(p.product, p.kb): p.build for p in old.entry.packages}
    packages = []
    for package in entry.packages:
        settled = builds.get((package.product, package.kb)) or package.build
        is_settled = not package.disputed
        packages.append(package if is_settled else replace(package, build=settled))
    return replace(entry, packages=tuple(packages))


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
    gone = _by_post_name(stored[key].entry for key in stored.keys() - fresh.keys())
    come = _by_post_name(fresh[key] for key in fresh.keys() - stored.keys())
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
        name = post_name(entry)
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


# Bytes of a fingerprint: of some thousand a document, no two are the same by chance
_DIGEST = 8


def recall(
    changes: Iterable[Change], remembered: Collection[str]
) -> tuple[Change, ...]:
    """Give the changes with what their document has said or offered before.

    An entry that has only said and offered it all before is back; it has not appeared.
    """
    if not remembered:
        return tuple(changes)
    return tuple(_recall(change, remembered) for change in changes)


def _recall(change: Change, remembered: Collection[str]) -> Change:
    entry = change.after
    if entry is None:
        return change
    names = _names_of(change)
    said = []
    is_all = True
    for sentence, time in _sentences(entry):
        if _is_remembered(names, _of_sentence(sentence, time), remembered):
            said.append(repeated(sentence, time))
        else:
            is_all = False
    offered = []
    for package in entry.packages:
        if _is_remembered(names, _of_package(package), remembered):
            offered.append(package)
        else:
            is_all = False
    # A post that had aged out of its feed comes back when a newer one is deleted
    if change.kind is ChangeKind.APPEARED and is_all:
        return replace(change, kind=ChangeKind.RETURNED, before=entry)
    named_kinds = {*map(of_day, Kind), *map(str, Kind), *kinds_said(entry, change.time)}
    kinds = [
        name
        for name in sorted(named_kinds)
        if _is_remembered(names, _of_kind(name), remembered)
    ]
    return replace(change, said=tuple(said), offered=tuple(offered), kinds=tuple(kinds))


def leaving(changes: Iterable[Change]) -> tuple[str, ...]:
    """Give the fingerprints of what stood in a document and stands there no longer."""
    left: dict[str, None] = {}
    for change in changes:
        if change.before is None:
            continue
        now = change.time
        stays = set(_contents(change.entry_after, now))
        gone = [each for each in _contents(change.before, now) if each not in stays]
        for name in _names_of(change):
            for content in gone:
                left[_fingerprint(name, content)] = None
    return tuple(left)


def post_name(entry: Entry) -> str:
    """Name a post by its title and address, "" where it lacks one of them.

    Two servers of one feed have given its posts other guids each, and a feed that came
    to be served by HTTPS wrote all of its guids anew: what is still called so and still
    stands there is the same post.
    """
    address = normalize.link(entry.url).partition("://")[2]
    title = " ".join(words(entry.title))
    return f"{address} {title}" if address and title else ""


def _names_of(change: Change) -> list[str]:
    """Every name under which the entry of a change may have been seen before."""
    names: dict[str, None] = {}
    for entry in filter(None, (change.before, change.after)):
        names |= dict.fromkeys((entry.key, post_name(entry)))
    return list(filter(None, names))


def _is_remembered(
    names: Iterable[str], content: str, remembered: Collection[str]
) -> bool:
    return any(_fingerprint(name, content) in remembered for name in names)


def _fingerprint(name: str, content: str) -> str:
    text = f"{name}\n{content}".encode()
    return hashlib.blake2b(text, digest_size=_DIGEST).hexdigest()


def _contents(entry: Entry, now: datetime) -> Iterator[str]:
    for sentence, time in _sentences(entry):
        yield _of_sentence(sentence, time)
    for package in entry.packages:
        yield _of_package(package)
    for kind in sorted(kinds_said(entry, now)):
        yield _of_kind(kind)


def _of_kind(name: str) -> str:
    return f"kind {name}"


def _sentences(entry: Entry) -> Iterator[tuple[str, int]]:
    """The sentences of an entry, each with the how manieth time its revisions say it."""
    times: Counter[tuple[str, ...]] = Counter()
    for sentence in sentences(entry.title):
        yield sentence, 1
    for passage in dict.fromkeys(read_passages(entry)):
        for sentence in sentences(passage.text):
            if is_revision(passage):
                times[words(sentence)] += 1
            yield sentence, times[words(sentence)] or 1


def _of_sentence(sentence: str, time: int) -> str:
    return repeated(" ".join(words(sentence)), time)


def _of_package(package: Package) -> str:
    size = "" if package.size is None else str(package.size)
    named = (package.product, package.kb, package.build, package.file, size)
    return "package " + "|".join(named)
