"""The table of what was tried, in docs/security.md, is what the harness holds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests import attacks

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


def test_the_table_of_what_was_tried_and_held_is_true() -> None:
    """Write it anew with ``python -m tests.attacks``."""
    shown = PAGE.read_text(encoding="utf-8").splitlines()
    start = shown.index("| kind of fault | tried | held | tests |")
    wanted = list(attacks.table())
    assert shown[start : start + len(wanted)] == wanted
    assert [row for row in shown[start + len(wanted) :] if row.startswith("|")] == []


def test_each_kind_of_fault_was_tried_with_five_siblings_at_least() -> None:
    counts: Counter[str] = Counter()
    for each in attacks.harness():
        counts[each.kind] += each.count
    assert counts
    assert {
        kind: count for kind, count in counts.items() if count < attacks.FEWEST
    } == {}
