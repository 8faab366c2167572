"""Which packages of an update words are about: those they name, else those of their entry."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.judgement import normalize
from watcher.judgement.change_reading import MatchedChange, PassageStatement
from watcher.judgement.packages import current_packages, those_among
from watcher.judgement.prose import sentence_before
from watcher.records import Package, Update


def packages_meant(
    update: Update,
    changes: Sequence[MatchedChange],
    statements: Sequence[PassageStatement],
) -> tuple[Package, ...]:
    """Give the packages of the current version that words are about; () for all of them.

    Case: of the three rollups of December 2014 "Update Rollup 8 for Exchange Server 2010
    SP3" was recalled; who told "do not install" of all three gave a wrong order to two
    thirds of the readers.
    """
    current = current_packages(update)
    meant: list[Package] = []
    for statement in statements:
        meant += (
            named_packages(statement, current)
            or _rollup_before(changes, statement, current)
            or _offered_in(changes, statement, current)
        )
    if not statements:
        for matched in changes:
            meant += those_among(current, matched.packages)
    return unless_all(current, meant)


def unless_all(
    current: Sequence[Package], meant: Sequence[Package]
) -> tuple[Package, ...]:
    """Give those of the current packages that are meant; () where all of them are."""
    kept = those_among(current, meant)
    return () if len(kept) == len(current) else tuple(kept)


def named_packages(
    statement: PassageStatement, current: Sequence[Package]
) -> list[Package]:
    """Give the packages that a statement names: by KB article, by build, else by product."""
    by_article = [package for package in current if package.kb in statement.kbs]
    if by_article:
        return by_article
    by_build = [package for package in current if package.build in statement.builds]
    if by_build:
        return by_build
    return _of_products(statement.products, current)


def _of_products(names: Sequence[str], current: Sequence[Package]) -> list[Package]:
    return [each for each in current if normalize.is_named(each.product, names)]


def _rollup_before(
    changes: Sequence[MatchedChange],
    statement: PassageStatement,
    current: Sequence[Package],
) -> list[Package]:
    """The packages of the rollup that the sentence before names; a rollup is an update.

    Case: MSRC offers one update for three products, of which the post says "An issue has
    been identified in the Exchange Server 2010 SP3 Update Rollup 8. The update has been
    recalled".
    """
    for matched in changes:
        if matched.entry.packages or not _is_said_in(statement, matched):
            continue
        before = sentence_before(statement, matched.entry)
        label = normalize.label(before)
        if label is not None and label.type == "RU":
            return _of_products([label.product], current)
    return []


def _offered_in(
    changes: Sequence[MatchedChange],
    statement: PassageStatement,
    current: Sequence[Package],
) -> list[Package]:
    """The packages of the entry in which a statement stands; all where it offers none.

    An article is about its own: KB2986475's says nothing of the other rollups of
    December 2014.
    """
    for matched in changes:
        if not _is_said_in(statement, matched):
            continue
        if matched.packages:
            return those_among(current, matched.packages)
        kbs = normalize.kbs_in(matched.entry.title)
        if not kbs and len(matched.entry.kbs) == 1:
            kbs = matched.entry.kbs
        own = [package for package in current if package.kb in kbs]
        if own:
            return own
    return list(current)


def _is_said_in(statement: PassageStatement, matched: MatchedChange) -> bool:
    return statement in matched.statements_of(statement.kind)
