"""What is different between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from msgspec import Struct

# A build or a CVE is a word
_TOKEN = re.compile(r"\s+|\w+(?:[.-]\w+)*|[^\w\s]")
ALIKE = 0.6
"""Share of common words below which two texts are another text, not the same one edited."""


class Piece(Struct, frozen=True):
    """A stretch of text: ``same``, ``gone`` or ``new``."""

    kind: str
    text: str


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Give the stretches that lead from ``before`` to ``after``.

    One ``gone`` and one ``new`` where hardly anything is common.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.quick_ratio() < ALIKE or matcher.ratio() < ALIKE:
        return tuple(_change(before, after))
    found: list[Piece] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            found.append(Piece("same", "".join(old[i1:i2])))
        else:
            found += _change("".join(old[i1:i2]), "".join(new[j1:j2]))
    return _joined(found)


def _joined(found: Sequence[Piece]) -> tuple[Piece, ...]:
    """Join changes that only a space parts: words changed in a row read as one change."""
    joined: list[Piece] = []
    gone, new = "", ""
    for number, piece in enumerate(found):
        is_last = number + 1 == len(found)
        changed = bool(gone or new)
        if piece.kind == "gone":
            gone += piece.text
        elif piece.kind == "new":
            new += piece.text
        # The space after the last change belongs to neither
        elif changed and not is_last and not piece.text.strip():
            gone += piece.text
            new += piece.text
        else:
            joined += [*_change(gone, new), piece]
            gone, new = "", ""
    return (*joined, *_change(gone, new))


def _change(gone: str, new: str) -> list[Piece]:
    """Give what is gone before what is new, each only where there is any."""
    pieces = [Piece("gone", gone), Piece("new", new)]
    return [piece for piece in pieces if piece.text]


def edited(parts: Sequence[Piece]) -> bool:
    """Say whether the pieces are those of one text that was edited, so that they read
    well in a row.
    """
    return any(piece.kind == "same" and piece.text.strip() for piece in parts)
