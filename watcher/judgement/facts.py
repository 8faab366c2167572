"""What one change says.

Packages offered or replaced, the sentences that are new and what they mean,
exploitation.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from watcher.judgement import normalize, wording
from watcher.records import Change, Entry, Kind, Package, Passage

# Prose that describes the vulnerability says nothing of the update, and "exploited" in
# every second line.
UNREAD = ("description",)
HISTORY = (Kind.PULLED, Kind.RE_RELEASED)
# The last takes a pull back that never was
TURNS = (*HISTORY, Kind.CORRECTED)


class Said(Struct, frozen=True):
    """What a new sentence means, and where it stands.

    ``time`` is the vendor's date of the passage.
    """

    kind: Kind
    rule: str
    words: str
    sentence: str
    kbs: tuple[str, ...]
    passage: str
    time: datetime | None


class Fact(Struct, frozen=True):
    """A change, read.

    ``fresh`` are packages that the entry did not offer before, ``gone`` those it no
    longer offers, ``grown`` pairs of packages of one product and KB article (or name)
    whose build, file or size differs.
    """

    change: Change
    fresh: tuple[Package, ...]
    gone: tuple[Package, ...]
    grown: tuple[tuple[Package, Package], ...]
    sentences: tuple[tuple[str, str], ...]
    said: tuple[Said, ...]
    exploited: bool
    disclosed: bool

    @property
    def entry(self) -> Entry:
        """The newest form of the entry."""
        return self.change.entry

    @property
    def version(self) -> int:
        """The version that the entry's label names.

        A row whose name alone changed is the version it was (a typing error).
        """
        before, label = self.change.before, self.entry.label
        number = label.version if label else 1
        if (
            before is None
            or before.label is None
            or not self.entry.packages
            or self.fresh
            or self.grown
        ):
            return number
        return min(number, before.label.version)

    def says(self, *kinds: Kind) -> bool:
        """Whether a new sentence means one of these."""
        return any(said.kind in kinds for said in self.said)


def read(change: Change) -> Fact:
    """Read a change; only what is new in it counts."""
    before, after = change.before, change.after
    old = before.packages if before else ()
    new = after.packages if after else ()
    grown = _grown(old, new, row=_one_row(before, after))
    regrown = {package for pair in grown for package in pair}
    fresh = tuple(
        p for p in new if p not in regrown and not any(same(p, q) for q in old)
    )
    gone = tuple(
        p for p in old if p not in regrown and not any(same(p, q) for q in new)
    )
    passages = _new_passages(before, after)
    return Fact(
        change=change,
        fresh=fresh,
        gone=gone,
        grown=grown,
        sentences=tuple((passage.name, passage.text) for passage in passages),
        said=tuple(said for passage in passages for said in _said(passage)),
        exploited=_turned(
            before.exploited if before else None, after.exploited if after else None
        ),
        disclosed=_turned(
            before.disclosed if before else None, after.disclosed if after else None
        ),
    )


def same(one: Package, other: Package) -> bool:
    """Whether two packages are one and the same.

    Product, KB article and build, as far as both name them.
    """
    if one.product != other.product:
        return False
    kbs = not one.kb or not other.kb or one.kb == other.kb
    builds = not one.build or not other.build or one.build == other.build
    files = (one.file, one.size) == (other.file, other.size) or not (
        one.file and other.file
    )
    return (
        kbs
        and builds
        and files
        and bool(one.kb or one.build or one.file)
        == bool(other.kb or other.build or other.file)
    )


def history(entry: Entry) -> Said | None:
    """The last pull or re-release that an entry's own history tells; None when it tells of none.

    Revisions count in their order.  Elsewhere a text that speaks of both has been
    continued after the re-release.
    """
    revisions = [
        passage for passage in entry.passages if passage.name.startswith("revision")
    ]
    others = [
        passage
        for passage in entry.passages
        if passage not in revisions and passage.name not in UNREAD
    ]
    told = _stands(
        [said for passage in revisions for said in _said(passage) if said.kind in TURNS]
    )
    if told:
        return told[-1]
    told = _stands(
        [said for passage in others for said in _said(passage) if said.kind in TURNS]
    )
    return next(
        (said for said in told if said.kind is Kind.RE_RELEASED),
        told[-1] if told else None,
    )


def _stands(told: list[Said]) -> list[Said]:
    """The turns without the pulls that a later word says never were."""
    last = max(
        (place for place, said in enumerate(told) if said.kind is Kind.CORRECTED),
        default=-1,
    )
    return [
        said
        for place, said in enumerate(told)
        if said.kind is Kind.RE_RELEASED or (said.kind is Kind.PULLED and place > last)
    ]


def was_pulled(entry: Entry) -> bool:
    """Whether an entry's own history tells of a pull, whatever came after it."""
    return any(
        said.kind is Kind.PULLED
        for passage in entry.passages
        if passage.name not in UNREAD
        for said in _said(passage)
    )


def _one_row(before: Entry | None, after: Entry | None) -> bool:
    """Whether this is a table's row that kept its name.

    A higher build under it is another version, whatever its article.
    """
    return (
        before is not None
        and after is not None
        and before.label is not None
        and before.label == after.label
    )


def _grown(
    old: tuple[Package, ...], new: tuple[Package, ...], *, row: bool
) -> tuple[tuple[Package, Package], ...]:
    pairs = []
    for package in new:
        if any(same(package, other) for other in old):
            continue
        twins = [
            other
            for other in old
            if other.product == package.product
            and (other.kb == package.kb or (row and builds_grew(other, package)))
            and not any(same(other, n) for n in new)
        ]
        if len(twins) == 1:
            pairs.append((twins[0], package))
    return tuple(pairs)


def _new_passages(before: Entry | None, after: Entry | None) -> tuple[Passage, ...]:
    """The passages of the new form, each reduced to its sentences that did not stand in
    the old one.
    """
    if after is None:
        return ()
    told = [passage.text for passage in before.passages] if before else []
    if before:
        told.append(before.title)
    reduced = []
    for passage in (Passage("title", after.title), *after.passages):
        if passage.name in UNREAD or passage.text in told:
            continue
        sentences = wording.new_sentences(told, [passage.text])
        if sentences:
            reduced.append(Passage(passage.name, "\n".join(sentences), passage.time))
    return tuple(reduced)


def _said(passage: Passage) -> tuple[Said, ...]:
    return tuple(
        Said(
            reading.kind,
            reading.rule,
            reading.words,
            reading.sentence,
            reading.kbs,
            passage.name,
            passage.time,
        )
        for reading in wording.read(passage.text)
    )


def _turned(before: bool | None, after: bool | None) -> bool:  # noqa: FBT001 - a pair of equals
    return bool(after) and not before


def builds_grew(before: Package, after: Package) -> bool:
    """Whether a build went up as a re-release's does.

    The last number higher, all before it equal.

    A build that the row gave before in its other form has not gone up: one form was a
    typing error.
    """
    if after.build == before.disputed:
        return False
    old, new = normalize.build_key(before.build), normalize.build_key(after.build)
    return (
        bool(old)
        and len(old) == len(new)
        and old[:-1] == new[:-1]
        and new[-1] > old[-1]
    )
