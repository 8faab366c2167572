"""A number and what is counted, for lines that people read: ``1 document``, ``2 entries``."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Write ``number`` with the word for one thing or for several.

    ``many``, which is ``one`` and an s when it is left out.
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
