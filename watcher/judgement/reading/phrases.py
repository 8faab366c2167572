"""Noun phrases: what a sentence speaks of, and whether that is something a vendor offers.

"The November video on the update" is a video, "the rollout of the update" an update, "the preview
build" nothing that concerns an administrator.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement.reading.tokens import (
    ENDS,
    Token,
    Tokens,
    first_place,
    holds,
    no,
    place_from,
    some_have,
    somewhere,
    word_at,
    yes,
)

AUXILIARIES = (
    "be",
    "have",
    "do",
    "modal",
    "not",
    "nolonger",
    "adverb",
    "again",
    "to",
    "late",
)
LONGEST = 40  # words of a phrase
# Words of a noun phrase that it is not about: "update 2 (64-bit)" is about an update.
PASSED_OVER = ("mark", "number", "year", "adjective", "month", "size", "det", "filler")
# What the joint before a phrase is called, by the class of the word that is one.
JOINTS = (
    ("from", "from"),
    ("of", "of"),
    ("prep", "prep"),
    ("to", "prep"),
    ("by", "prep"),
)


class Phrase(Struct, frozen=True):
    """A noun phrase: its words from ``start`` up to but without ``end``, and its ``head``.

    ``of`` is the phrase that follows with "of"; ``pronoun`` is True for "it", "both", "which".
    ``joint`` is the kind of word before it, where `phrases_in` found it: "prep", "from", "of",
    "conj", or "" for none.
    """

    start: int
    end: int
    head: int
    of: Phrase | None = None
    pronoun: bool = False
    relative: bool = False
    joint: str = ""

    @property
    def last(self) -> int:
        """Where the phrase ends with what follows it by "of"."""
        return self.of.last if self.of else self.end

    @property
    def points_back(self) -> bool:
        """Whether what it names stands before: "it", "the rollout of it"."""
        return self.pronoun or (self.of is not None and self.of.pronoun)

    @property
    def after_preposition(self) -> bool:
        """Whether it says where or from where: "on the Download Center"."""
        return self.joint in {"prep", "from"}


_INSIDE = "=\" =/ =& =' =* =_ =\u00ae =\u2122"
# What is part of no phrase but where it is a noun, too.
_STOPS = f"adverb again {ENDS}"
# Whether a noun phrase begins with a word.
_BEGINS = (
    yes(here=_INSIDE),
    no(here="mark"),
    # "both updates" is a phrase, "it" none
    yes(here="det", without=_STOPS),
    no(here="det pronoun"),
    yes(here="attribute"),
    yes(here="noun", without="verb-here"),
    # "Revised packages" at the beginning
    yes(here="form:participle form:gerund", without="noun", after="adjective noun"),
    no(here="verbal"),
    yes(without=_STOPS),
)
# Whether a noun phrase goes on with a word.
_GOES_ON = (
    yes(here=_INSIDE),
    no(here="mark"),
    # An article, a date, "carrying ..." begin the next phrase.
    yes(before="quantifier det", here="det"),
    no(here="det time"),
    no(before="offered", here="month"),
    no(before="noun", here="gerund"),
    no(here="pronoun"),
    yes(here="attribute"),
    yes(here="noun", without="verb-here"),
    no(here="verbal"),
    yes(without=_STOPS),
    # "a corrected version", "the updated build"
    yes(before="det adjective", here="adjective", after="adjective noun"),
)


def phrase_at(words: list[Token], place: int) -> Phrase | None:
    """Return the noun phrase that begins at `place`, adverbs and quotes before it passed over."""
    place = place_from(words, place, "adverb", "again", "time")
    if place >= len(words):
        return None
    if words[place].has("pronoun") and not _determines(words, place):
        return _pronoun_at(words, place)
    if not holds(_BEGINS, words, place):
        return None
    end = place + 1
    last = min(len(words), place + LONGEST)
    while end < last and holds(_GOES_ON, words, end):
        end += 1
    head = _head(words, place, end)
    inner = of_phrase(words, end)
    # "two of the updates" is about updates
    if inner is not None and words[head].has("quantifier"):
        return Phrase(place, end, inner.head, inner, inner.pronoun)
    return Phrase(place, end, head, inner)


def _pronoun_at(words: list[Token], place: int) -> Phrase:
    """The phrase that a pronoun is: "it", "which", and "all of the updates"."""
    end = place + 1
    whole = of_phrase(words, end)
    if whole is not None:
        return Phrase(place, end, whole.head, whole)
    relative = words[place].has("rel")
    return Phrase(place, end, place, pronoun=True, relative=relative)


def _determines(words: list[Token], place: int) -> bool:
    """Whether "this", "both", "all" stands before its noun."""
    if place + 1 == len(words) or not words[place].has("det", "quantifier"):
        return False
    return holds(_GOES_ON, words, place + 1)


def of_phrase(words: list[Token], place: int) -> Phrase | None:
    """Return the phrase that "of" at `place` leads to: "of the update", "des Updates"."""
    joint = word_at(words, place)
    if joint.has("of"):
        return phrase_at(words, place + 1)
    # German "die Verteilung des Updates"
    if joint.has("genitive") and word_at(words, place - 1).has("noun"):
        return phrase_at(words, place)
    return None


def _head(words: list[Token], start: int, end: int) -> int:
    """The noun that a phrase is about: its last word that is no number."""
    for place in reversed(range(start, end)):
        word = words[place]
        if word.has("kb"):
            return place
        if word.has("version", *PASSED_OVER):
            continue
        # "update NV2" and "SoftPaq sp151234" are about the word before; so is "plan B"
        is_code = word.has("code") and not word.has("offered")
        if place == start or not (is_code or len(word.key) == 1):
            return place
    return end - 1


# Whether a noun phrase may begin with a word.
_MAY_BEGIN = (
    no(here="rel"),
    yes(here="noun"),
    no(here="prep from conj to by"),
    yes(),
)


def phrases_in(words: list[Token], start: int, end: int) -> list[Phrase]:
    """Return the phrases between two places, each with the joint before it."""
    found = []
    place = start
    joint = ""
    while place < end:
        word = words[place]
        if word.key == "(":
            place = _closing(words, place, end)
            continue
        if word.has("plain-verb"):
            joint = ""
            place += 1
            continue
        may_begin = holds(_MAY_BEGIN, words, place)
        phrase = phrase_at(words, place) if may_begin else None
        if phrase is not None and phrase.start < end:
            found.append(replace(phrase, joint=joint))
            place = phrase.last
            joint = ""
            continue
        joint = _joint(word, joint)
        place += 1
    return found


def _closing(words: list[Token], place: int, end: int) -> int:
    """The place after the bracket that closes the one at `place`, or after that one itself."""
    last = min(end, place + 30)
    closing = first_place(words, place + 1, last, "=)")
    return place + 1 if closing == last else closing + 1


def _joint(word: Token, before: str) -> str:
    """The joint to the next phrase after a word, ``before`` being the one up to here."""
    for name, joint in JOINTS:
        if word.has(name):
            return joint
    # "from the catalog and the Download Center"
    if word.has("conj", "=,"):
        return before or "conj"
    return "" if word.has("verbal", "mark", "verb", "but") else before


# What a product's name ends with, where nothing more is known of it.
_ENDS_NAME = (yes(here="capital number version", without="person month place"),)
_WORD_OF_NAME = (yes(here="capital", without="month"),)


def is_product(words: list[Token], phrase: Phrase) -> bool:
    """Say whether a phrase names a product by name and version: "Firefox 9.0.1", "iOS 13.2"."""
    if not holds(_ENDS_NAME, words, phrase.head):
        return False
    # "VMware Tools 12.5.1" is a product, "Article 5" none.
    head = words[phrase.head]
    behind = words[phrase.head + 1 : phrase.end]
    is_name = head.has("capital") and some_have(behind, "version")
    if head.has("other") and not is_name:
        return False
    # "May 2030" is none, either.
    if not somewhere(_WORD_OF_NAME, words, phrase.start, phrase.end):
        return False
    return some_have(words[phrase.start : phrase.end], "number", "version", "code")


def names_offering(words: list[Token], phrase: Phrase) -> bool:
    """Say whether a phrase names what vendors offer: an update, its rollout, a product."""
    if words[phrase.head].has("offered", "kb", "carrier"):
        return True
    return is_product(words, phrase)


def main_phrases(words: list[Token], start: int, end: int) -> list[Phrase]:
    """Return the phrases between two places that name something and follow no preposition."""
    return [
        phrase
        for phrase in phrases_in(words, start, end)
        if not (phrase.pronoun or phrase.after_preposition)
    ]


def tokens_between(tokens: Tokens, start: int, end: int, *names: str) -> bool:
    """Say whether a word of one of the classes stands between two places."""
    return some_have(tokens.words[max(0, start) : end], *names)


LONGEST_SUBJECT = 60  # words
# Whether a verb with "to" belongs to a noun before it: "the requirement to install".
# "The video on how to roll back a driver is back online."
_INFINITIVE = (yes(further="noun =how", before="to", here="verb verbal"),)
# What a relative clause's "that" may lead to.
_FINITE = ("be", "have", "do", "modal", "verb", "cure", "ed", "verb-here")
# Whether a word before a verb's subject is no part of it.
_ENDS_SUBJECT = (
    # "The update that flagged files as malware has been revoked."
    no(here="=as"),
    no(before="relative", here=" ".join(_FINITE)),
    no(here="=\" =/ =& =' =*"),
    yes(here="mark be have do modal condition but verb not"),
    no(here="noun"),
    # "The build released in 2024" goes on, "we released the build" ends.
    no(
        here="form:participle form:past",
        after="prep from by time adverb month to",
    ),
    yes(here="verb-here"),
)


def phrase_before(words: list[Token], end: int) -> Phrase | None:
    """Return the phrase that is the subject of what begins at `end`."""
    start = end
    while start > 0 and end - start < LONGEST_SUBJECT:
        last = start - 1
        if words[last].key == ")":
            start = _opening(words, last)
        elif words[last].has("relative"):
            if start == end:
                return Phrase(last, end, last, pronoun=True, relative=True)
            if not words[start].has(*_FINITE):
                break
            # "The update that was released in May has been pulled": back to before "that".
            start = end = last
        elif holds(_INFINITIVE, words, last):
            # "The requirement to install the update was removed."
            start = end = last - 1
        elif holds(_ENDS_SUBJECT, words, last):
            # "The update, released in May, was pulled": a comma right before the verb
            if start < end or words[last].key != ",":
                break
            start = last
        else:
            start = last
    return _subject_in(words, start, end)


def _subject_in(words: list[Token], start: int, end: int) -> Phrase | None:
    """The subject among the phrases before a verb: the last that no preposition leads."""
    chosen = None
    is_update = False
    for phrase in phrases_in(words, start, end):
        # "Distribution through WSUS and Windows Update was halted" is of the distribution
        is_place = words[phrase.head].has("place") and chosen is not None
        # "The update and the script for it have been re-released."
        goes_on = phrase.joint == "conj" and not (is_update or is_place)
        if phrase.joint == "" or goes_on:
            chosen = phrase
            is_update = words[phrase.head].has("offered")
    return chosen


def _opening(words: list[Token], place: int) -> int:
    """The place of the bracket that the one at `place` closes, or of the sentence's next word."""
    for before in range(place - 1, max(-1, place - 30), -1):
        if words[before].key == "(":
            return before
    return place
