"""Prose into sentences, and which of two sentences are one.

Vendors' notes are full of what breaks naive splitters: ``15.2.1544.13``,
``KB5044062.``, links, ``1) Added ... 2) Removed ...`` inside one line, list marks, and
half a dozen kinds of hyphen.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from watcher.judgement.normalize.references import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

# Characters: what is longer is no sentence, and is cut at a space so that no rule's
# cost grows with it
LONGEST = 2000
# Share of its words that a sentence keeps when only a typo was corrected
SAME = 0.9
# Share of its letters that a word keeps then
LETTERS = 0.8

_BULLET = re.compile(
    r"(?:^|\s)[\u2022\u2023\u25e6\u25cf\u25aa\u25ab\u2043\u2219\u00b7\uf0b7](?=\s?\S)"
)
_MARK = re.compile(r"^(?:[-*+\u2013\u2014]\s+|\(?\d{1,2}[.)]\s+|\(?[a-z][.)]\s+)")
_NUMBER = re.compile(r"(?:^|(?<=\s))\(?(\d{1,2})[.)]\s+(?=\S)")
_END = re.compile(r"""[.!?]+["')\]*_]*\s+(?=["'(\[*_]*[^\Wa-z_])""")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'])(?:e\.g|i\.e|cf|vs|etc|approx|incl|inc|corp|ltd|co|mr|mrs|ms|dr|st|ver|vol|fig|sec|art|ref|resp|dept|est"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|u\.s|u\.k|a\.m|p\.m|[a-z])\.$",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"(?:[,-]|\b(?:the|an?|of|for|by|to|in|on|with|and|or|has|have|is|are|was|were|be|been|that|which|update|kb|microsoft|released|releasing|paused|pulled))$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:[.'/-][^\W_]+)*")
_NEGATION = re.compile(
    r"(?:no|not|never|none|nor|neither|cannot|without|un\w+|\w+n't)$"
)
_SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an the of to in on for at by that this these those is are and or as it its also please",
    )
)


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of `text` in their order, list marks and outer spaces removed.

    A line break ends a sentence unless the next line goes on in lower case or the line
    plainly stops in the middle ("... has re-released", "... for"); inside a line a
    full stop ends one when a new one begins after it.
    """
    return tuple(
        piece
        for line in _lines(text)
        for item in _items(line)
        for sentence in _stops(item)
        for piece in _cut(sentence)
    )


def _lines(text: str) -> Iterator[str]:
    """Paragraphs and list items; wrapped lines joined."""
    held: list[str] = []
    for raw in text.splitlines():
        line = " ".join(raw.split())
        if held and not (line and _goes_on(held[-1], line)):
            yield " ".join(held)
            held = []
        if line:
            held.append(line)
    if held:
        yield " ".join(held)


def _goes_on(line: str, following: str) -> bool:
    """Whether the sentence of a line goes on in the following one."""
    if (
        _MARK.match(following)
        or _BULLET.match(following)
        or line.endswith((".", "!", "?", ":", ";"))
    ):
        return False
    return following[0].islower() or bool(_OPEN.search(line[-12:]))


def _items(line: str) -> Iterator[str]:
    """The items of a list inside one line, marks removed.

    Bullets, and numbers that count up from one.
    """
    for part in _BULLET.split(line):
        start, expected = 0, 1
        item = (
            _MARK.sub("", part.strip())
            if not _NUMBER.match(part.strip())
            else part.strip()
        )
        for mark in _NUMBER.finditer(item):
            if int(mark[1]) != expected or not _before_number(item, mark):
                continue
            yield item[start : mark.start()].strip()
            start, expected = mark.end(), expected + 1
        rest = item[start:].strip()
        yield _MARK.sub("", rest) if not start else rest


def _before_number(item: str, mark: re.Match[str]) -> bool:
    """Whether a list's number may stand here.

    "version 2. Install" is no list, "made: 1. Added" is one.
    """
    return (
        mark[0].rstrip().endswith(")")
        or not item[: mark.start()].strip()
        or item[: mark.start()].rstrip()[-1] in ".:;"
    )


def _stops(item: str) -> Iterator[str]:
    """The sentences of one line."""
    start = 0
    for end in _END.finditer(item):
        if item[end.start()] == "." and _ABBREVIATION.search(
            item[max(start, end.start() - 12) : end.start() + 1]
        ):
            continue
        yield item[start : end.end()].strip()
        start = end.end()
    yield item[start:].strip()


def _cut(sentence: str) -> Iterator[str]:
    """The sentence, in pieces when it is too long to be one; nothing for an empty one."""
    while len(sentence) > LONGEST:
        at = sentence.rfind(" ", 1, LONGEST)
        at = at if at > 0 else LONGEST
        yield sentence[:at].strip()
        sentence = sentence[at:].strip()
    if sentence:
        yield sentence


def words(sentence: str) -> tuple[str, ...]:
    """What makes two sentences the same.

    Their words; spaces, case, hyphens, quotes and punctuation left out.
    """
    return tuple(_WORD.findall(fold(sentence).casefold().replace("-", "")))


def content(sentence: tuple[str, ...]) -> tuple[str, ...]:
    """What a correction of typing never touches.

    The words with digits and the negations of a sentence, sorted.
    """
    return tuple(
        sorted(
            "not" if _NEGATION.match(word) else word
            for word in sentence
            if _NEGATION.match(word) or not word.isalpha()
        )
    )


def corrected(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Whether `after` is `before` with its typing corrected, both as `words` gives them.

    Nine words in ten are the same, the others look alike or are small words come or
    gone.  What `content` keeps is the same.  Whether it says another thing now, only
    the rules know.
    """
    if content(before) != content(after):
        return False
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return matcher.real_quick_ratio() >= SAME <= matcher.quick_ratio() and (
        matcher.ratio() >= SAME
        and all(
            _alike(before[i:j], after[k:m])
            for tag, i, j, k, m in matcher.get_opcodes()
            if tag != "equal"
        )
    )


def _alike(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Whether one spelling may be a slip of the other.

    Letters nearly the same, or only small words differ.
    """
    if _SMALL.issuperset(before + after):
        return True
    return (
        SequenceMatcher(None, "".join(before), "".join(after), autojunk=False).ratio()
        >= LETTERS
    )
