"""What every table of kinds is checked for."""

from __future__ import annotations

from collections.abc import Iterable


def different(field: str, values: Iterable[object]) -> None:
    """Refuse rows of which two say the same of ``field``."""
    listed = list(values)
    if twice := [str(value) for value in set(listed) if listed.count(value) > 1]:
        msg = f"two kinds have the same {field}: {', '.join(sorted(twice))}"
        raise TypeError(msg)
