"""What one source lacks of an update, and whether a second one agrees.

A suspicion names the packages that are gone, and no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from msgspec.structs import replace

from watcher.judgement import schedule
from watcher.judgement.change_reading import ChangeReading
from watcher.judgement.event import quote_evidence, unique_evidence
from watcher.judgement.packages import current_packages, products_of
from watcher.kinds import source_kind
from watcher.records import Evidence, Package, Suspicion, Update


def suspicion_at(update: Update, source: str) -> Suspicion | None:
    """Give what a source is suspected to lack of an update, None where nothing is."""
    for suspicion in update.suspicions:
        if suspicion.source == source:
            return suspicion
    return None


def suspicions_elsewhere(update: Update, source: str) -> tuple[Suspicion, ...]:
    """Give what other sources are suspected to lack of an update."""
    return tuple(each for each in update.suspicions if each.source != source)


def suspicion_of(
    update: Update,
    readings: Sequence[ChangeReading],
    earlier: Suspicion | None,
    lost: tuple[Package, ...],
    now: datetime,
    kind: str,
) -> Suspicion:
    """Give what is gone there by now, with what was gone there before."""
    change = readings[0].change
    before = earlier or Suspicion(
        change.source, change.document, keys=(), since=now, event="", whole=False
    )
    keys = {f"{reading.change.document}|{reading.entry.key}" for reading in readings}
    keys.update(before.keys)
    lost = (*before.lost, *lost)
    return replace(
        before,
        document=change.document,
        keys=tuple(sorted(keys)),
        whole=_is_wholly_gone(update, kind, keys, lost),
        kind=kind,
        lost=lost,
        evidence=unique_evidence((*before.evidence, *evidence_of(readings))),
    )


def evidence_of(readings: Sequence[ChangeReading]) -> tuple[Evidence, ...]:
    """Give the quotes of what is gone or back."""
    return tuple(piece for reading in readings for piece in quote_evidence(reading))


def _is_wholly_gone(
    update: Update, kind: str, keys: set[str], lost: Sequence[Package]
) -> bool:
    """Whether every package of the current version is gone there.

    All of its pages, or all of its rows; never an article, which offers no package.
    """
    if not offers_packages(kind):
        return False
    if source_kind(kind).follows_updates:
        pages = set(schedule.pages(update, kind))
        return bool(pages) and pages.issubset(map(document_of, keys))
    gone = {(package.product, package.build) for package in lost}
    current = {(p.product, p.build) for p in current_packages(update) if p.build}
    return bool(gone) and current <= gone


def document_of(key: str) -> str:
    """Give the document of a suspicion's key: document and entry, a bar between."""
    return key.partition("|")[0]


def confirms(other: Suspicion, suspicion: Suspicion) -> bool:
    """Say whether two sources are two witnesses of one pull.

    Two pages of one host fail together, and two sources that each lack another package
    agree on nothing.  An article offers no package: when it is gone, the package may
    well be there.
    """
    both_offer = offers_packages(other.kind) and offers_packages(suspicion.kind)
    if not both_offer or _hosts(other) & _hosts(suspicion):
        return False
    if other.whole or suspicion.whole:
        return True
    return bool(products_of(other.lost) & products_of(suspicion.lost))


def _hosts(suspicion: Suspicion) -> set[str]:
    return {urlsplit(piece.url).hostname or "" for piece in suspicion.evidence}


def offers_packages(kind: str) -> bool:
    """Say whether a source of this kind shows that a package is offered."""
    row = source_kind(kind)
    return bool(row.channel) or not row.follows_updates


def channel_of(kind: str) -> tuple[str, ...]:
    """Give the channel that a source of this kind shows, () for none."""
    return tuple(filter(None, (source_kind(kind).channel,)))


def packages_gone(update: Update, *suspicions: Suspicion) -> tuple[Package, ...]:
    """Give the current packages that each of these sources lacks.

    () where that is all of them, or where pages do not say which they offered.
    """
    current = current_packages(update)
    gone = [
        package
        for package in current
        if all(_is_gone(package, each) for each in suspicions)
    ]
    return tuple(gone) if len(gone) < len(current) else ()


def _is_gone(package: Package, suspicion: Suspicion) -> bool:
    """Whether a source lacks a package: by its product, for pages know few builds."""
    products = products_of(suspicion.lost)
    return suspicion.whole or not products or package.product in products
