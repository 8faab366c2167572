"""What one change says.

Packages offered or replaced, the sentences that are new and what they mean,
exploitation; and how far it concerns one update.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from watcher.judgement import wording
from watcher.judgement.packages import build_grew, same_package
from watcher.records import Change, Entry, Kind, Package, Passage

# Prose that describes the vulnerability says nothing of the update, and "exploited" in
# every second line.
UNREAD = ("description",)


PULL_OR_RETURN = (Kind.PULLED, Kind.RE_RELEASED)


# The last takes a pull back that never was
STATE_KINDS = (*PULL_OR_RETURN, Kind.CORRECTED)


class PassageStatement(Struct, frozen=True):
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


class ChangeReading(Struct, frozen=True):
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
    said: tuple[PassageStatement, ...]
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


def read_change(change: Change) -> ChangeReading:
    """Read a change; only what is new in it counts."""
    before, after = change.before, change.after
    old = before.packages if before else ()
    new = after.packages if after else ()
    grown = _grown(old, new, row=_one_row(before, after))
    regrown = {package for pair in grown for package in pair}
    fresh = tuple(
        p for p in new if p not in regrown and not any(same_package(p, q) for q in old)
    )
    gone = tuple(
        p for p in old if p not in regrown and not any(same_package(p, q) for q in new)
    )
    passages = _new_passages(before, after)
    return ChangeReading(
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


def history_of(entry: Entry) -> PassageStatement | None:
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
        [
            said
            for passage in revisions
            for said in _said(passage)
            if said.kind in STATE_KINDS
        ]
    )
    if told:
        return told[-1]
    told = _stands(
        [
            said
            for passage in others
            for said in _said(passage)
            if said.kind in STATE_KINDS
        ]
    )
    return next(
        (said for said in told if said.kind is Kind.RE_RELEASED),
        told[-1] if told else None,
    )


def _stands(told: list[PassageStatement]) -> list[PassageStatement]:
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
        if any(same_package(package, other) for other in old):
            continue
        twins = [
            other
            for other in old
            if other.product == package.product
            and (other.kb == package.kb or (row and build_grew(other, package)))
            and not any(same_package(other, n) for n in new)
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


def _said(passage: Passage) -> tuple[PassageStatement, ...]:
    return tuple(
        PassageStatement(
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


class MatchedChange(Struct):
    """A fact as far as it concerns one update: the packages of it that are this update's.

    ``successors`` replace packages of the version before; ``bound`` are the sentences
    that are about this update, None where all of the fact's are; ``is_subject`` is False
    where the entry is about others, and only names this one.
    """

    fact: ChangeReading
    packages: list[Package] = field(default_factory=list)
    successors: list[Package] = field(default_factory=list)
    bound: list[PassageStatement] | None = None
    is_subject: bool = True

    def bind(self, said: PassageStatement) -> None:
        """Take one of the fact's sentences as one about this update."""
        if self.bound is None:
            self.bound = []
            self.is_subject = False
        if said not in self.bound:
            self.bound.append(said)

    @property
    def said(self) -> tuple[PassageStatement, ...]:
        """The sentences that are about this update."""
        return self.fact.said if self.bound is None else tuple(self.bound)

    def says(self, *kinds: Kind) -> bool:
        """Whether a new sentence about this update means one of these."""
        return any(said.kind in kinds for said in self.said)


class UpdateChanges(Struct):
    """All that one check says of one update."""

    update: str
    items: list[MatchedChange] = field(default_factory=list)

    def item(self, fact: ChangeReading) -> MatchedChange:
        """The item of a fact, made when there is none yet."""
        for item in self.items:
            if item.fact is fact:
                return item
        item = MatchedChange(fact)
        self.items.append(item)
        return item
