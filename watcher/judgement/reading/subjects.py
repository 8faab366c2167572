"""The subject of a verb: the noun phrase before it, relative clauses passed over."""

from __future__ import annotations

from watcher.judgement.reading.phrases import (
    Phrase,
    forms,
    is_noun,
    is_verb,
    phrases_in,
)
from watcher.judgement.reading.tokens import Token

LONGEST_SUBJECT = 60  # words


def phrase_before(words: list[Token], end: int) -> Phrase | None:
    """Return the phrase that is the subject of what begins at `end`."""
    start = end
    while start > 0 and end - start < LONGEST_SUBJECT:
        word = words[start - 1]
        if word.key == ")":
            start = _opening(words, start - 1)
            continue
        if word.has("rel") and not _is_determiner(words, start - 1):
            if start == end:
                return Phrase(start - 1, start, start - 1, pronoun=True, relative=True)
            if not _is_finite(words, start):
                break
            # "The update that was released in May has been pulled": back to before "that".
            start -= 1
            end = start
            continue
        if _is_infinitive(words, start - 1):
            # "The requirement to install the update was removed."
            start -= 2
            end = start
            continue
        if _ends_subject(
            words, start - 1, is_first=start == end
        ) and not _follows_relative(words, start - 1):
            break
        start -= 1
    return _subject_in(words, start, end)


def _subject_in(words: list[Token], start: int, end: int) -> Phrase | None:
    """The subject among the phrases before a verb: the last that no preposition leads."""
    chosen = None
    for phrase, before in phrases_in(words, start, end):
        if before not in {"", "conj"}:
            continue
        if (
            before == "conj"
            and chosen is not None
            and words[chosen.head].has("offered")
        ):
            continue
        chosen = phrase
    return chosen


def _ends_subject(words: list[Token], place: int, *, is_first: bool) -> bool:
    """Whether a word before a verb's subject is no part of it."""
    word = words[place]
    # "The update that flagged files as malware has been revoked."
    if word.key == "as":
        return False
    if word.has("mark") and word.key not in {'"', "/", "&", "'", "*"}:
        return not (is_first and word.key == ",")
    if word.has("be", "have", "do", "modal", "condition", "but", "verb", "not"):
        return True
    if not word.verbs or is_noun(word) or not is_verb(words, place):
        return False
    return not _is_reduced(words, place)


def _is_finite(words: list[Token], place: int) -> bool:
    """Whether a verb stands here, as far as it ends a relative clause's "that"."""
    word = words[place]
    return word.has("be", "have", "do", "modal", "verb", "cure", "ed") or is_verb(
        words, place
    )


def _follows_relative(words: list[Token], place: int) -> bool:
    """Whether "that" or "which" stands before a verb."""
    if place == 0 or not _is_finite(words, place):
        return False
    return words[place - 1].has("rel") and not _is_determiner(words, place - 1)


def _is_infinitive(words: list[Token], place: int) -> bool:
    """Whether a verb with "to" belongs to a noun before it: "the requirement to install"."""
    if place < 2 or not words[place].has("verb"):
        return False
    return words[place - 1].has("to") and is_noun(words[place - 2])


def _is_determiner(words: list[Token], place: int) -> bool:
    return (
        words[place].has("det")
        and place + 1 < len(words)
        and not words[place + 1].has("be", "have", "modal")
    )


def _is_reduced(words: list[Token], place: int) -> bool:
    """Whether a participle shortens a relative clause: "the update released in 2024 has"."""
    if not forms(words[place]) & {"participle", "past"} or place + 1 >= len(words):
        return False
    return words[place + 1].has("prep", "from", "by", "time", "adverb", "month", "to")


def _opening(words: list[Token], place: int) -> int:
    """The place of the bracket that the one at `place` closes, or of the sentence's next word."""
    for before in range(place - 1, max(-1, place - 30), -1):
        if words[before].key == "(":
            return before
    return place
