"""What a document has said and offered before its last copy.

    change    = recall(change, remembered)     what in it was said before is no news
    forgotten = leaving(changes)               what leaves the document now, to be remembered

What stands in the last copy need not be remembered: each change has it as its
``before``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.change_reading import (
    UNREAD,
    is_revision,
    kinds_said,
    repeated,
)
from watcher.judgement.reading import sentences, words
from watcher.records import Change, ChangeKind, Entry, Kind, Package

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
    kinds = [
        kind.value for kind in Kind if _is_remembered(names, _of_kind(kind), remembered)
    ]
    return replace(change, said=tuple(said), offered=tuple(offered), kinds=tuple(kinds))


def leaving(changes: Iterable[Change]) -> tuple[str, ...]:
    """Give the fingerprints of what stood in a document and stands there no longer."""
    left: dict[str, None] = {}
    for change in changes:
        if change.before is None:
            continue
        stays = set() if change.after is None else set(_contents(change.after))
        gone = [each for each in _contents(change.before) if each not in stays]
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
    for entry in (change.before, change.after):
        if entry is not None:
            names |= dict.fromkeys((entry.key, post_name(entry)))
    return [name for name in names if name]


def _is_remembered(
    names: Iterable[str], content: str, remembered: Collection[str]
) -> bool:
    return any(_fingerprint(name, content) in remembered for name in names)


def _fingerprint(name: str, content: str) -> str:
    text = f"{name}\n{content}".encode()
    return hashlib.blake2b(text, digest_size=_DIGEST).hexdigest()


def _contents(entry: Entry) -> Iterator[str]:
    for sentence, time in _sentences(entry):
        yield _of_sentence(sentence, time)
    for package in entry.packages:
        yield _of_package(package)
    for kind in sorted(kinds_said(entry)):
        yield _of_kind(kind)


def _of_kind(kind: Kind) -> str:
    return f"kind {kind.value}"


def _sentences(entry: Entry) -> Iterator[tuple[str, int]]:
    """The sentences of an entry, each with the how manieth time its revisions say it."""
    times: Counter[tuple[str, ...]] = Counter()
    for sentence in sentences(entry.title):
        yield sentence, 1
    for passage in dict.fromkeys(entry.passages):
        if passage.name in UNREAD:
            continue
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
