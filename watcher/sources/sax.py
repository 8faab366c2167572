"""The XML parser that feedparser reads feeds with: Python's own, handing over each text whole.

By itself Expat hands over a piece for every line and every entity.  The HTML of a post is
full of ``&lt;``: thousands of calls took half of the time that a feed needs.
"""

from __future__ import annotations

from xml.sax.expatreader import ExpatParser


class WholeTexts(ExpatParser):
    """Python's driver of Expat, which collects a text before it hands it over."""

    def reset(self) -> None:
        """Begin a document."""
        super().reset()
        self._parser.buffer_text = True  # type: ignore[attr-defined]  # typeshed leaves it out


def create_parser() -> WholeTexts:
    """Give a parser; ``xml.sax.make_parser`` asks the modules that it is given by name."""
    return WholeTexts()
