"""Noun phrases: what a sentence speaks of, and whether that is something a vendor offers.

"The November video on the update" is a video, "the rollout of the update" an update, "the preview
build" nothing that concerns an administrator.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement.reading.tokens import (
    Token,
    Tokens,
    holds,
    no,
    place_before,
    place_from,
    some_have,
    word_at,
    yes,
)

# Words that are part of no noun phrase, but where they are nouns, too.
ENDS = (
    "prep",
    "from",
    "of",
    "conj",
    "rel",
    "be",
    "have",
    "do",
    "modal",
    "not",
    "nolonger",
    "condition",
    "to",
    "by",
    "but",
    "particle",
    "verb",
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
# Words that may stand between a verb and what tells that it is one.
BETWEEN = ("adverb", "again", "not", "nolonger")
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
MARKS_INSIDE = frozenset("\"/&'*_\u00ae\u2122")


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
    def after_preposition(self) -> bool:
        """Whether it says where or from where: "on the Download Center"."""
        return self.joint in {"prep", "from"}


# Whether a participle is an attribute of the noun after it: "the re-released update".
# "We have paused the rollout of the re-released update" was told as its return.
_ATTRIBUTE = (
    # "responded by withdrawing the firmware"
    no(here="form:gerund", before="prep by of from to"),
    # "Apple on Thursday re-released tvOS 18.4.1"
    no(further="prep", before="month"),
    # "the re-released update"
    yes(before="det prep of from to adjective month quantifier year"),
    # "Microsoft's re-released update", but "it's released"
    no(further="pronoun", before="='s"),
    yes(before="='s"),
    # "the May 14 revised packages"
    yes(further="month number", before="number"),
    no(before="number be have noun"),
    # "offers updated packages"
    yes(before="verbal"),
)


def is_attribute(words: list[Token], place: int) -> bool:
    """Say whether a participle is an attribute of the noun after it: "the re-released update"."""
    if not words[place].has("form:participle", "form:past", "form:gerund"):
        return False
    # "It was pulled", "pulled the update": no noun follows at once.
    if word_at(words, place + 1).has("edge", "mark", "det", "pronoun", "adverb", *ENDS):
        return False
    before = place_before(words, place, "adverb")
    # "this update and previously released ones", but "has previously released"
    if {"aside", "adverb"} <= word_at(words, place - 1).classes:
        return not word_at(words, before).has("be", "have")
    return holds(_ATTRIBUTE, words, place, before)


# Whether a state is said of something: "is out"; in "carried out the update" it is none.
_PREDICATE = (
    yes(before="be"),
    # "KB1 unavailable", "update out now on Windows Update"
    yes(after="edge mark prep from adverb again to"),
)
# Whether a word that may be a noun is a verb.
_VERB = (
    # "decided to release", "we release"
    yes(before="to modal do vendor"),
    # "has started offering the update again"
    yes(before="did", here="form:gerund"),
    # "has been released", "is releasing"
    yes(before="be have", here="form:participle form:gerund form:state"),
    # "Apple releases iOS 13.2", but "Windows releases"
    no(before="offered month"),
    no(after="mark"),
    yes(
        before="capital",
        here="form:present form:past",
        after="det capital adjective offered",
    ),
)


def is_verb(words: list[Token], place: int) -> bool:
    """Say whether a word that may be a verb is one here: "Microsoft releases it"."""
    word = word_at(words, place)
    if not word.verbs or is_attribute(words, place):
        return False
    before = place_before(words, place, *BETWEEN)
    if word.has("noun"):
        # "The depot no longer lists ESXi 7.0 U3q": no noun stands there.
        follows = word_at(words, place - 1).has("nolonger")
        return follows or holds(_VERB, words, place, before)
    is_state = all(verb.form == "state" for verb in word.verbs)
    return not is_state or holds(_PREDICATE, words, place, before)


# Whether a word inside a phrase begins the next one: an article, a date, "carrying ...".
_BEGINS_ANOTHER = (
    no(before="quantifier det", here="det"),
    yes(here="det time"),
    yes(before="offered", here="month"),
    yes(before="noun", here="gerund"),
)
# Whether what may be a verb describes a noun: "a corrected version", "the updated build".
_ADJECTIVE = (yes(before="det adjective", here="adjective", after="adjective noun"),)
# Whether a participle without an article leads a noun phrase: "revised packages".
_LEADS = (yes(here="form:participle form:gerund", after="adjective noun"),)


def _begins(words: list[Token], place: int) -> bool:
    """Whether a noun phrase may begin with the word at `place`."""
    word = words[place]
    if word.has("mark"):
        return word.key in MARKS_INSIDE
    # "both updates" is a phrase, "it" none
    if word.has("det"):
        return not word.has("adverb", "again", *ENDS)
    if word.has("pronoun"):
        return False
    if word.verbs:
        leads = not word.has("noun") and holds(_LEADS, words, place)
        return leads or _is_verb_in_phrase(words, place)
    return word.has("noun") or not word.has("adverb", "again", *ENDS)


def _goes_on(words: list[Token], place: int) -> bool:
    """Whether a noun phrase goes on with the word at `place`."""
    word = words[place]
    if word.has("mark"):
        return word.key in MARKS_INSIDE
    if holds(_BEGINS_ANOTHER, words, place):
        return False
    if word.has("det", "pronoun"):
        return word.has("det")
    if word.verbs:
        return _is_verb_in_phrase(words, place)
    if word.has("noun") or not word.has("adverb", "again", *ENDS):
        return True
    return holds(_ADJECTIVE, words, place)


def _is_verb_in_phrase(words: list[Token], place: int) -> bool:
    """Whether what may be a verb is a noun here, or a noun's attribute."""
    if words[place].has("noun"):
        return not is_verb(words, place)
    return is_attribute(words, place)


def phrase_at(words: list[Token], place: int) -> Phrase | None:
    """Return the noun phrase that begins at `place`, adverbs and quotes before it passed over."""
    place = place_from(words, place, "adverb", "again", "time")
    if place >= len(words):
        return None
    if words[place].has("pronoun") and not _determines(words, place):
        return _pronoun_at(words, place)
    if not _begins(words, place):
        return None
    end = place + 1
    last = min(len(words), place + LONGEST)
    while end < last and _goes_on(words, end):
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
    return _goes_on(words, place + 1)


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
        if not word.has("noun") and is_verb(words, place):
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
    for after in range(place + 1, min(end, place + 30)):
        if words[after].key == ")":
            return after + 1
    return place + 1


def _joint(word: Token, before: str) -> str:
    """The joint to the next phrase after a word, ``before`` being the one up to here."""
    for name, joint in JOINTS:
        if word.has(name):
            return joint
    # "from the catalog and the Download Center"
    if word.has("conj", "=,"):
        return before or "conj"
    return "" if word.has("verbal", "mark", "verb", "but") else before


def is_product(words: list[Token], phrase: Phrase) -> bool:
    """Say whether a phrase names a product by name and version: "Firefox 9.0.1", "iOS 13.2"."""
    head = words[phrase.head]
    if not head.has("capital", "number", "version"):
        return False
    if head.has("person", "month", "place"):
        return False
    # "VMware Tools 12.5.1" is a product, "Article 5" none.
    if head.has("other") and not _is_name_with_version(words, phrase):
        return False
    whole = words[phrase.start : phrase.end]
    # "May 2030" is none, either.
    names = [word for word in whole if not word.has("month")]
    return some_have(names, "capital") and some_have(whole, "number", "version", "code")


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


def _is_name_with_version(words: list[Token], phrase: Phrase) -> bool:
    """Whether a version follows a noun that is written as a name is."""
    if not words[phrase.head].has("capital"):
        return False
    return some_have(words[phrase.head + 1 : phrase.end], "version")


def tokens_between(tokens: Tokens, start: int, end: int, *names: str) -> bool:
    """Say whether a word of one of the classes stands between two places."""
    return some_have(tokens.words[max(0, start) : end], *names)


LONGEST_SUBJECT = 60  # words
MARKS_IN_SUBJECT = frozenset("\"/&'*")
# Whether "that" leads a relative clause: not "that update", but "that was released".
_RELATIVE = (
    yes(here="rel", after="edge be have modal"),
    no(here="det"),
    yes(here="rel"),
)
# Whether a verb with "to" belongs to a noun before it: "the requirement to install".
# "The video on how to roll back a driver is back online."
_INFINITIVE = (yes(further="noun =how", before="to", here="verb verbal"),)
# Whether a participle shortens a relative clause: "the update released in 2024 has".
_REDUCED = (
    yes(
        here="form:participle form:past",
        after="prep from by time adverb month to",
    ),
)


def phrase_before(words: list[Token], end: int) -> Phrase | None:
    """Return the phrase that is the subject of what begins at `end`."""
    start = end
    while start > 0 and end - start < LONGEST_SUBJECT:
        last = start - 1
        if words[last].key == ")":
            start = _opening(words, last)
        elif holds(_RELATIVE, words, last):
            if start == end:
                return Phrase(last, end, last, pronoun=True, relative=True)
            if not _is_finite(words, start):
                break
            # "The update that was released in May has been pulled": back to before "that".
            start = end = last
        elif holds(_INFINITIVE, words, last):
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
    for phrase in phrases_in(words, start, end):
        # "Distribution through WSUS and Windows Update was halted" is of the distribution
        is_place = words[phrase.head].has("place") and chosen is not None
        # "The update and the script for it have been re-released."
        goes_on = phrase.joint == "conj" and not (is_update or is_place)
        if phrase.joint == "" or goes_on:
            chosen = phrase
            is_update = words[phrase.head].has("offered")
    return chosen


def _ends_subject(words: list[Token], place: int, *, is_first: bool) -> bool:
    """Whether a word before a verb's subject is no part of it."""
    word = words[place]
    # "The update that flagged files as malware has been revoked."
    if word.key == "as":
        return False
    if holds(_RELATIVE, words, place - 1) and _is_finite(words, place):
        return False
    if word.has("mark") and word.key not in MARKS_IN_SUBJECT:
        return not is_first or word.key != ","
    if word.has("be", "have", "do", "modal", "condition", "but", "verb", "not"):
        return True
    # "The build released in 2024" goes on, "we released the build" ends.
    if word.has("noun") or not is_verb(words, place):
        return False
    return not holds(_REDUCED, words, place)


def _is_finite(words: list[Token], place: int) -> bool:
    """Whether a verb stands here, as far as it ends a relative clause's "that"."""
    word = words[place]
    return word.has("be", "have", "do", "modal", "verb", "cure", "ed") or is_verb(
        words, place
    )


def _opening(words: list[Token], place: int) -> int:
    """The place of the bracket that the one at `place` closes, or of the sentence's next word."""
    for before in range(place - 1, max(-1, place - 30), -1):
        if words[before].key == "(":
            return before
    return place
