"""Python's expat driver, told to hand text over in one piece instead of one for every
reference and line.

feedparser joins the pieces anyway; a post of escaped HTML has thousands of them.
"""

from __future__ import annotations

from typing import Any
from xml.sax.expatreader import ExpatParser

# Bytes of text handed over at once
_PIECE = 1 << 16


class _Merging(ExpatParser):
    """The driver with merged text."""

    _parser: Any

    def reset(self) -> None:
        """Begin anew."""
        super().reset()
        self._parser.buffer_text = True
        self._parser.buffer_size = _PIECE


def create_parser() -> ExpatParser:
    """Give a parser; the name is what xml.sax asks a driver for."""
    return _Merging()
