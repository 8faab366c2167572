"""Was it pulled, is it back: what changes an update's state, from words and from packages."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from watcher.judgement import normalize, schedule
from watcher.judgement.change_reading import (
    STATE_KINDS,
    MatchedChange,
    PassageStatement,
    UpdateChanges,
)
from watcher.judgement.ledger import established_by
from watcher.judgement.matching import is_about
from watcher.judgement.packages import (
    build_grew,
    corrected_build,
    current_packages,
    holds_package,
    kb_articles,
    stated_articles,
)
from watcher.records import Kind, Package, State, Update

# A revision dated later than this after a re-release tells of another one
ECHO = timedelta(days=2)


# How long a word of a re-release is taken as the echo of the last one
STALE = timedelta(days=45)


class StateChange(Struct, frozen=True):
    """What a case establishes.

    Pulled, re-released or never pulled, at which version, by which items and words.

    ``echo``: it is established already; what is said again is further evidence.
    """

    kind: Kind
    version: int
    items: tuple[MatchedChange, ...]
    said: tuple[PassageStatement, ...] = ()
    packages: tuple[Package, ...] = ()
    echo: bool = False


def state_change(row: Update, case: UpdateChanges, now: datetime) -> StateChange | None:
    """The turn that a case establishes for a known update.

    A new package outweighs words, the later word the earlier.
    """
    raised = _raised(row, case, now)
    spoken = [
        (item, said)
        for item in case.items
        for said in item.said
        if _speaks_of_it(said, row, item) and _counts(said, row, item)
    ]
    pulled = [(item, said) for item, said in spoken if said.kind is Kind.PULLED]
    back = [(item, said) for item, said in spoken if said.kind is Kind.RE_RELEASED]
    denied = [
        (item, said)
        for item, said in spoken
        if said.kind is Kind.CORRECTED and _of_all(said, row)
    ]
    # The label of a version that was told says nothing new
    named_only = raised is not None and raised.echo and not raised.packages
    if raised is not None and not (named_only and pulled and not back):
        return raised
    if back:
        return _back(row, back, now)
    if pulled or _recalled(row, case):
        return _pulled(row, pulled, case)
    if denied and row.state is State.PULLED:
        return StateChange(
            Kind.CORRECTED,
            row.version,
            tuple(item for item, _ in denied),
            tuple(said for _, said in denied),
        )
    return None


def _raised(row: Update, case: UpdateChanges, now: datetime) -> StateChange | None:
    """A re-release that packages show.

    Successors, a higher label, a build or file that grew under its name.
    """
    version = row.version
    items, packages = [], []
    for item in case.items:
        named = item.fact.version
        offered = item.fact.change.after is not None and (
            named > row.version or (named == row.version and _only_told(row))
        )
        grown = [
            after
            for before, after in item.fact.grown
            if after in item.packages and _grew(row, before, after, now)
        ]
        mine = [*item.successors, *grown]
        if mine:
            version = max(version, _next(row), named)
        elif offered:
            version, mine = max(version, named), list(item.packages)
        if mine or offered:
            items.append(item)
            packages += mine
    if not items:
        return None
    return StateChange(
        Kind.RE_RELEASED,
        version,
        tuple(items),
        _words(items),
        tuple(packages),
        echo=version == row.version,
    )


def _next(row: Update) -> int:
    """The version that new packages are.

    The next one, or the current one where only words have told of it yet.
    """
    return row.version if _only_told(row) else row.version + 1


def _only_told(row: Update) -> bool:
    """Whether only words have told of the current version, a later one than the first,
    and no package of it is known.
    """
    return (
        row.version > 1
        and row.state is not State.PULLED
        and all(p.version < row.version for p in row.packages)
    )


def _grew(row: Update, before: Package, after: Package, now: datetime) -> bool:
    """Whether a package under the same name is another one.

    A higher build, another file or size.

    Only while the update is young: what changes in an old row is a correction.
    """
    if (
        row.released is not None
        and now - row.released > schedule.YOUNG
        and row.state is not State.PULLED
    ):
        return False
    if before.build == after.build:
        return bool(before.file and after.file) and (before.file, before.size) != (
            after.file,
            after.size,
        )
    known = (
        any(p.build == after.build and p.version <= row.version for p in row.packages)
        or established_by(row, corrected_build(after.build)) is not None
    )
    return build_grew(before, after) and not known


def _speaks_of_it(said: PassageStatement, row: Update, item: MatchedChange) -> bool:
    """Whether an item's words are about this update.

    Not where its entry has only now come to point at it.

    A pull that takes packages out of its entry is about those; any other word is about
    the packages that stay.
    """
    entry, fact = item.fact.entry, item.fact
    if said.kind is Kind.PULLED and fact.gone:
        return any(holds_package(row, package) for package in fact.gone)
    if not entry.packages:
        return True
    return bool(item.packages) and (
        fact.change.before is None or any(p not in fact.fresh for p in item.packages)
    )


def _counts(said: PassageStatement, row: Update, item: MatchedChange) -> bool:
    """Whether a word of a turn is about this version.

    Not about another update, nor older than the last turn.
    """
    if (
        said.kind not in STATE_KINDS
        or not is_about(said, row, item.fact.entry)
        or not _names(said, row, item)
    ):
        return False
    months = (
        normalize.months_in(said.sentence, row.released) if row.month else frozenset()
    )
    if months and row.month not in months:
        # "it replaces the November 2024 SU, which was paused"
        return False
    if (
        item.fact.change.before is None
        and item.fact.entry.revision
        and not said.passage.startswith("revision")
    ):
        # What a new record's FAQ carries is no news of this record's
        return False
    if said.kind is Kind.RE_RELEASED:
        return True
    if said.passage == "title" and item.packages and item.fact.version < row.version:
        # The row of an earlier version is called "(recalled)"
        return False
    if not _of_this_version(said, row):
        return False
    older = (
        said.time is not None
        and row.changed is not None
        and row.version > 1
        and said.time < row.changed.replace(hour=0, minute=0)
    )
    return not older


def _of_this_version(said: PassageStatement, row: Update) -> bool:
    """Whether the KB articles that a sentence names are the current version's.

    Of one that words alone tell of, any but the former.
    """
    if row.version == 1 or not said.kbs:
        return True
    if stated_articles(row):
        return not set(said.kbs) <= set(row.former)
    known = kb_articles(current_packages(row))
    return not known or _only_told(row) or bool(set(said.kbs) & set(known))


def _of_all(said: PassageStatement, row: Update) -> bool:
    """Whether a sentence is about all of an update's products.

    It names none, or what all of them are.
    """
    named = [name.lower() for name in normalize.products_in(said.sentence)]
    return not named or all(
        any(name in product.lower() for name in named) for product in row.products
    )


def _names(said: PassageStatement, row: Update, item: MatchedChange) -> bool:
    """Whether a passage that names products names one of this update's, where its entry
    speaks of several updates.
    """
    others = {package.product for package in item.fact.entry.packages} - set(
        row.products
    )
    passage = " ".join(
        text for name, text in item.fact.sentences if name == said.passage
    )
    named = [name.lower() for name in normalize.products_in(passage)] if others else []
    mine = [product.lower() for product in row.products]
    return not named or any(
        name in product or product in name for name in named for product in mine
    )


def _back(
    row: Update, back: list[tuple[MatchedChange, PassageStatement]], now: datetime
) -> StateChange:
    items, said = tuple(item for item, _ in back), tuple(piece for _, piece in back)
    latest = max(
        (
            piece.time
            for piece in said
            if piece.time and piece.passage.startswith("revision")
        ),
        default=None,
    )
    echo = row.version > 1 and row.state is not State.PULLED and row.changed is not None
    if echo and row.changed is not None:
        echo = (
            latest <= row.changed + ECHO
            if latest is not None
            else now - row.changed < STALE
        )
    return StateChange(
        Kind.RE_RELEASED,
        row.version if echo else row.version + 1,
        items,
        said,
        echo=echo,
    )


def _recalled(row: Update, case: UpdateChanges) -> bool:
    labels = [
        item.fact.entry.label
        for item in case.items
        if item.fact.change.after is not None
    ]
    return any(
        label is not None and label.pulled and label.version >= row.version
        for label in labels
    )


def _pulled(
    row: Update,
    pulled: list[tuple[MatchedChange, PassageStatement]],
    case: UpdateChanges,
) -> StateChange:
    items = tuple(item for item, _ in pulled) or tuple(
        item
        for item in case.items
        if item.fact.entry.label is not None and item.fact.entry.label.pulled
    )
    return StateChange(
        Kind.PULLED,
        row.version,
        items,
        tuple(said for _, said in pulled),
        echo=row.state is State.PULLED,
    )


def _words(items: list[MatchedChange]) -> tuple[PassageStatement, ...]:
    return tuple(
        said for item in items for said in item.said if said.kind is Kind.RE_RELEASED
    )
