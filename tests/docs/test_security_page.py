"""Each threat that docs/security.md names has tests, and they exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(
            r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert named
    assert named - there == set()


def test_every_threat_of_a_source_names_a_test() -> None:
    rows = re.findall(
        r"^\| (?!what they|---)(.*?) \|(?:.*?)\| (.*?) \|$", PAGE, re.MULTILINE
    )
    assert len(rows) >= 10
    assert [threat for threat, tests in rows if "test" not in tests] == []
