"""What a subscriber's least severity holds back.

News of vulnerabilities that their vendor calls less severe.

Vendors have two scales: Critical, Important, Moderate, Low (Microsoft, and CSAF's
aggregate severity with many), and Critical, High, Medium, Low (CVSS).  They are read
as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.records import Kind

if TYPE_CHECKING:
    from watcher.records import Event

LEVELS = ("low", "moderate", "important", "critical")
_ALIKE = {"medium": "moderate", "high": "important", "none": "low"}
_NEW = frozenset({Kind.ANNOUNCED, Kind.RELEASED, Kind.REVISED})


def holds_back(least: str, event: Event) -> bool:
    """Say whether ``event`` is less severe than ``least`` ("" for no limit).

    Only what is new is measured: a release, an announcement, a revision, and these
    only where each advisory has a severity that is known and lower, and none is
    exploited or disclosed.  What is pulled, offered again, exploited, corrected or has
    a known issue concerns whoever has the update, however severe its vulnerabilities
    are.
    """
    if not least or event.kind not in _NEW or not event.advisories:
        return False
    return all(
        -1 < _rank(advisory.severity) < _rank(least)
        and not (advisory.exploited or advisory.disclosed)
        for advisory in event.advisories
    )


def _rank(word: str) -> int:
    """Give a severity's place, -1 for none that is known."""
    folded = word.strip().lower()
    level = _ALIKE.get(folded, folded)
    return LEVELS.index(level) if level in LEVELS else -1
