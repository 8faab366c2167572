"""The subject of a verb: the noun phrase before it, relative clauses passed over."""

from __future__ import annotations

from watcher.judgement.reading.phrases import (
    Phrase,
    forms,
    is_noun,
    is_verb,
    phrases_in,
)
from watcher.judgement.reading.tokens import NO_WORD, Token, word_at

LONGEST_SUBJECT = 60  # words
MARKS_INSIDE = frozenset("\"/&'*")


def phrase_before(words: list[Token], end: int) -> Phrase | None:
    """Return the phrase that is the subject of what begins at `end`."""
    start = end
    while start > 0 and end - start < LONGEST_SUBJECT:
        last = start - 1
        if words[last].key == ")":
            start = _opening(words, last)
        elif words[last].has("rel") and not _is_determiner(words, last):
            if start == end:
                return Phrase(last, end, last, pronoun=True, relative=True)
            if not _is_finite(words, start):
                break
            # "The update that was released in May has been pulled": back to before "that".
            start = end = last
        elif _is_infinitive(words, last):
            # "The requirement to install the update was removed."
            start = end = last - 1
        elif _ends_subject(words, last, is_first=start == end):
            break
        else:
            start = last
    return _subject_in(words, start, end)


def _subject_in(words: list[Token], start: int, end: int) -> Phrase | None:
    """The subject among the phrases before a verb: the last that no preposition leads."""
    chosen = None
    is_update = False
    for phrase, before in phrases_in(words, start, end):
        # "The update and the script for it have been re-released."
        if before == "" or (before == "conj" and not is_update):
            chosen = phrase
            is_update = words[phrase.head].has("offered")
    return chosen


def _ends_subject(words: list[Token], place: int, *, is_first: bool) -> bool:
    """Whether a word before a verb's subject is no part of it."""
    word = words[place]
    # "The update that flagged files as malware has been revoked."
    if word.key == "as" or _follows_relative(words, place):
        return False
    if word.has("mark") and word.key not in MARKS_INSIDE:
        return not is_first or word.key != ","
    if word.has("be", "have", "do", "modal", "condition", "but", "verb", "not"):
        return True
    # "The build released in 2024" goes on, "we released the build" ends.
    if is_noun(word) or not is_verb(words, place):
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
    word = words[place]
    if not word_at(words, place - 1).has("to"):
        return False
    if not word.has("verb") and not word.verbs:
        return False
    # "The video on how to roll back a driver is back online."
    leading = word_at(words, place - 2)
    return is_noun(leading) or leading.key == "how"


def _is_determiner(words: list[Token], place: int) -> bool:
    """Whether "that" stands before its noun: "that update", not "that was released"."""
    if not words[place].has("det"):
        return False
    following = word_at(words, place + 1)
    return following is not NO_WORD and not following.has("be", "have", "modal")


def _is_reduced(words: list[Token], place: int) -> bool:
    """Whether a participle shortens a relative clause: "the update released in 2024 has"."""
    if not forms(words[place]) & {"participle", "past"}:
        return False
    following = word_at(words, place + 1)
    return following.has("prep", "from", "by", "time", "adverb", "month", "to")


def _opening(words: list[Token], place: int) -> int:
    """The place of the bracket that the one at `place` closes, or of the sentence's next word."""
    for before in range(place - 1, max(-1, place - 30), -1):
        if words[before].key == "(":
            return before
    return place
