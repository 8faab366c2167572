"""Prose into sections and sentences, and which of two sentences are one.

Vendors' notes are full of what breaks naive splitters: ``15.2.1544.13``, ``KB5044062.``, links,
``1) Added ... 2) Removed ...`` inside one line, list marks, and half a dozen kinds of hyphen.
Every step walks over the text once: a row of 40,000 dots once cost 16 seconds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from enum import Enum
from itertools import pairwise

from watcher.judgement.normalize import fold
from watcher.judgement.reading.lexicon import Lexicon
from watcher.judgement.reading.tokens import finds_one, tokenize

# Characters: what is longer is no sentence; it is cut at a space, so that no cost grows with it.
LONGEST = 2000
# The share of its words that a sentence keeps when only a typo was corrected.
SAME = 0.9
# The share of its letters that a word keeps then.
LETTERS = 0.8
# Old sentences that a new one is compared with: those that share most pairs of words.
NEIGHBOURS = 4
# Old sentences that are remembered for a pair of words: a pair of more tells nothing.
REMEMBERED = 16

_BULLET = re.compile(
    r"(?:^|\s)[\u2022\u2023\u25e6\u25cf\u25aa\u25ab\u2043\u2219\u00b7\uf0b7](?=\s?\S)"
)
_MARK = re.compile(r"^(?:[-*+\u2013\u2014]\s+|\(?\d{1,2}[.)]\s+|\(?[a-z][.)]\s+)")
_NUMBER = re.compile(r"(?:^|(?<=\s))\(?(\d{1,2})[.)]\s+(?=\S)")
# The look-behind keeps a row of dots from being tried again at each of them.
_END = re.compile(
    r"""(?<![.!?])[.!?]+["')\]*_]*\s+(?=["'(\[*_]{0,4}[^\Wa-z_]|\.NET\b)|[\u3002\uff01\uff1f]"""
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'])(?:e\.g|i\.e|cf|vs|etc|approx|incl|inc|corp|ltd|co|mr|mrs|ms|dr|st"
    r"|ver|vol|fig|sec|art|ref|resp|dept|est|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
    r"|u\.s|u\.k|a\.m|p\.m|z\.b|bzw|ca|usw|nr|wash|[a-z])\.$",
    re.IGNORECASE,
)
# German dates and ordinals: "am 10. Dezember" is no end.
_ORDINAL = re.compile(r"(?:^|[\s(])\d{1,2}\.$")
_MONTH_AFTER = re.compile(
    r"(?:Januar|Februar|M\u00e4rz|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b"
)
_OPEN = re.compile(
    r"(?:[,-]|\b(?:the|an?|of|for|by|to|in|on|with|and|or|has|have|is|are|was|were|be|been|that"
    r"|which|update|kb|microsoft|released|releasing|paused|pulled))$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:[.'/-][^\W_]+)*")
_NEGATION = re.compile(
    r"(?:no|not|never|none|nor|neither|cannot|without|un\w+|\w+n't|nicht|kein\w*|nie)$"
)
_SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an the of to in on for at by that this these those is are and or as it its also please",
    )
)


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of `text` in their order, list marks and outer spaces removed.

    A line break ends a sentence unless the next line goes on in lower case or the line plainly
    stops in the middle ("... has re-released", "... for"); inside a line a full stop ends one when
    a new one begins after it.
    """
    found: list[str] = []
    for line in paragraphs(text):
        found.extend(sentences_of(line))
    return tuple(found)


def paragraphs(text: str) -> Iterator[str]:
    """Yield paragraphs and list items with their marks; wrapped lines are joined.

    Line breaks of mail and of plain text end no sentence.
    """
    held: list[str] = []
    # An empty line ends the last paragraph, too.
    for raw in (*text.splitlines(), ""):
        line = " ".join(raw.split())
        if held and not (line and _goes_on(held[-1], line)):
            yield " ".join(held)
            held = []
        if line:
            held.append(line)


def sentences_of(paragraph: str) -> tuple[str, ...]:
    """Return the sentences of one paragraph, list marks removed.

    An item of a list is a sentence of its own, whether it ends with a full stop or not.
    """
    found: list[str] = []
    for item in _items(paragraph):
        for sentence in _stops(item):
            found.extend(_cut(sentence))
    return tuple(found)


def is_item(paragraph: str) -> bool:
    """Say whether a paragraph bears a list's mark."""
    return bool(_MARK.match(paragraph) or _BULLET.match(paragraph))


def _goes_on(line: str, following: str) -> bool:
    """Whether the sentence of a line goes on in the following one."""
    if _MARK.match(following) or _BULLET.match(following):
        return False
    if line.endswith((".", "!", "?", ":", ";")):
        return False
    return following[0].islower() or bool(_OPEN.search(line[-12:]))


def _items(line: str) -> Iterator[str]:
    """The items of a list inside one line, marks removed: bullets, and numbers that count up."""
    for part in _BULLET.split(line):
        item = part.strip()
        if not _NUMBER.match(item):
            item = _MARK.sub("", item)
        start, expected = 0, 1
        for mark in _NUMBER.finditer(item):
            if int(mark[1]) != expected or not _may_stand(item, mark):
                continue
            yield item[start : mark.start()].strip()
            start, expected = mark.end(), expected + 1
        rest = item[start:].strip()
        yield rest if start else _MARK.sub("", rest)


def _may_stand(item: str, mark: re.Match[str]) -> bool:
    """Whether a list's number may stand here.

    "version 2. Install" is no list, "made: 1. Added" is one.
    """
    if mark[0].rstrip().endswith(")") or mark.start() == 0:
        return True
    before = item[max(0, mark.start() - 3) : mark.start()].rstrip()
    return not before or before[-1] in ".:;"


def _stops(item: str) -> Iterator[str]:
    """The sentences of one line."""
    start = 0
    for end in _END.finditer(item):
        before = item[max(start, end.start() - 12) : end.start() + 1]
        if item[end.start()] == "." and _ABBREVIATION.search(before):
            continue
        if _ORDINAL.search(before) and _MONTH_AFTER.match(item, end.end()):
            continue
        yield item[start : end.end()].strip()
        start = end.end()
    yield item[start:].strip()


def _cut(sentence: str) -> Iterator[str]:
    """The sentence, in pieces when it is too long to be one; nothing for an empty one."""
    start = 0
    while len(sentence) - start > LONGEST:
        at = sentence.rfind(" ", start + 1, start + LONGEST)
        if at < 0:
            at = start + LONGEST
        piece = sentence[start:at].strip()
        if piece:
            yield piece
        start = at
    piece = sentence[start:].strip()
    if piece:
        yield piece


def words(sentence: str) -> tuple[str, ...]:
    """Return what makes two sentences the same: their words.

    Spaces, case, hyphens, quotes and punctuation are left out.
    """
    return tuple(_WORD.findall(fold(sentence).casefold().replace("-", "")))


def content(sentence: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a correction of typing never touches, sorted: words with digits, negations.

    Two sentences that differ in these say different things, however alike they look.
    """
    kept = []
    for word in sentence:
        if _NEGATION.match(word):
            kept.append("not")
        elif not word.isalpha():
            kept.append(word)
    return tuple(sorted(kept))


def corrected(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Say whether `after` is `before` with its typing corrected, both as `words` gives them.

    Nine words in ten are the same, the others look alike or are small words come or gone.  What
    `content` keeps is the same.  Whether it says another thing now, only the frames know.
    """
    if content(before) != content(after):
        return False
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    # The quick ones are never lower than the true one, and spare it in most cases.
    for ratio in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio):
        if ratio() < SAME:
            return False
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    return all(_alike(before[i:j], after[k:m]) for _, i, j, k, m in changes)


def _alike(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Whether one spelling may be a slip of the other.

    Letters are nearly the same, or only small words differ.
    """
    if _SMALL.issuperset(before + after):
        return True
    letters = SequenceMatcher(None, "".join(before), "".join(after), autojunk=False)
    return letters.ratio() >= LETTERS


class OldSentences:
    """The sentences that stood in a text before, found again by their words or by most of them.

    Each new sentence is compared with few old ones: comparing it with all of them made 2,000
    rewritten sentences cost 48 seconds.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._text: dict[tuple[str, ...], str] = {}
        self._pairs: dict[tuple[str, str], list[tuple[str, ...]]] = {}
        for text in texts:
            for sentence in sentences(text):
                self._add(sentence)

    def _add(self, sentence: str) -> None:
        these = words(sentence)
        if these in self._text:
            return
        self._text[these] = sentence
        for pair in set(pairwise(these)):
            holders = self._pairs.setdefault(pair, [])
            if len(holders) < REMEMBERED:
                holders.append(these)

    def __contains__(self, these: tuple[str, ...]) -> bool:
        """Say whether a sentence of just these words stood there."""
        return these in self._text

    def corrected_to(self, these: tuple[str, ...]) -> Iterator[str]:
        """Yield the old sentences of which `these` words are a correction of typing."""
        shared: Counter[tuple[str, ...]] = Counter()
        for pair in dict.fromkeys(pairwise(these)):
            shared.update(self._pairs.get(pair, ()))
        for those, _ in shared.most_common(NEIGHBOURS):
            if corrected(those, these):
                yield self._text[those]


HEADING = 90  # characters: a longer line is no heading


class Section(Enum):
    """What a line stands under."""

    NONE = "none"
    HEADING = "heading"
    ISSUES = "issues"
    ITEM = "an item of the issues' list"


def section_of(paragraph: str, before: Section, words_of: Lexicon) -> Section:
    """Return what a paragraph stands under, given what the one before it stood under.

    A heading alone on its line begins one: "Known issues in this update".
    """
    item = is_item(paragraph)
    under = Section.NONE
    if before is not Section.NONE:
        under = Section.ITEM if item else Section.ISSUES
    if item or len(paragraph) > HEADING or paragraph.endswith((".", "!", "?")):
        return under
    tokens = tokenize(fold(paragraph.lstrip("#* ").rstrip("*: ")), words_of)
    if not tokens.words:
        return under
    if finds_one(tokens, words_of.sections["issues"]):
        return Section.HEADING
    if finds_one(tokens, words_of.sections["others"]) or paragraph.startswith("#"):
        return Section.NONE
    return under
