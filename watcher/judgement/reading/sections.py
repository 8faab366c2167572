"""Sections: under "Known issues in this update" a list's items are issues.

Under "Issues resolved in this release", "Prerequisites" or "Change log" they are not.
"""

from __future__ import annotations

from enum import Enum

from watcher.judgement.normalize import fold
from watcher.judgement.reading.lexicon import Lexicon
from watcher.judgement.reading.patterns import find
from watcher.judgement.reading.sentences import is_item
from watcher.judgement.reading.tokens import tokenize

HEADING = 90  # characters: a longer line is no heading


class Section(Enum):
    """What a line stands under."""

    NONE = "none"
    HEADING = "heading"
    ISSUES = "issues"
    ITEM = "an item of the issues' list"


def section_of(paragraph: str, before: Section, words_of: Lexicon) -> Section:
    """Return what a paragraph stands under, given what the one before it stood under."""
    under = Section.NONE
    if before is not Section.NONE:
        under = Section.ITEM if is_item(paragraph) else Section.ISSUES
    if (
        len(paragraph) > HEADING
        or is_item(paragraph)
        or paragraph.endswith((".", "!", "?"))
    ):
        return under
    tokens = tokenize(fold(paragraph.lstrip("#* ").rstrip("*: ")), words_of)
    if not tokens.words:
        return under
    for pattern in words_of.sections.get("issues", ()):
        if find(tokens, pattern):
            return Section.HEADING
    for pattern in words_of.sections.get("others", ()):
        if find(tokens, pattern):
            return Section.NONE
    return Section.NONE if paragraph.startswith("#") else under
