"""Noun phrases: what a sentence speaks of, and whether that is something a vendor offers.

"The November video on the update" is a video, "the rollout of the update" an update, "the preview
build" nothing that concerns an administrator.
"""

from __future__ import annotations

from msgspec import Struct

from watcher.judgement.reading.tokens import (
    NO_WORD,
    Token,
    Tokens,
    place_before,
    place_from,
    some_have,
    word_at,
)

# Words that end a noun phrase.
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
NOUNS = (
    "offered",
    "carrier",
    "link",
    "place",
    "trouble",
    "person",
    "other",
    "noun",
    "quantifier",
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
DASHES = ("-", "\u2013", "\u2014")
LONGEST = 40  # words of a phrase
# Words that may stand between a verb and what tells that it is one.
BETWEEN = ("adverb", "again", "not", "nolonger")
# Words after which a participle is part of a noun phrase: "the re-released update".
LEADING = (
    "det",
    "prep",
    "of",
    "from",
    "to",
    "adjective",
    "month",
    "quantifier",
    "year",
)
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
    """

    start: int
    end: int
    head: int
    of: Phrase | None = None
    pronoun: bool = False
    relative: bool = False

    @property
    def last(self) -> int:
        """Where the phrase ends with what follows it by "of"."""
        return self.of.last if self.of else self.end


def is_noun(word: Token) -> bool:
    """Say whether the lexicon knows a word as a noun."""
    if word.has(*NOUNS):
        return True
    return any(name.startswith("act:") for name in word.classes)


def forms(word: Token) -> set[str]:
    """Return the forms of a verb that a word may be."""
    return {verb.form for verb in word.verbs}


def is_attribute(words: list[Token], place: int) -> bool:
    """Say whether a participle is an attribute of the noun after it: "the re-released update".

    "We have paused the rollout of the re-released update" was told as its return.
    """
    word = words[place]
    if not forms(word) & {"participle", "past", "gerund"}:
        return False
    # "It was pulled", "pulled the update": no noun follows at once.
    if place + 1 == len(words):
        return False
    if words[place + 1].has("mark", "det", "pronoun", "adverb", *ENDS):
        return False
    # "this update and previously released ones", but "has previously released"
    leading = word_at(words, place - 1)
    if {"aside", "adverb"} <= leading.classes:
        auxiliary = place_before(words, place - 1, "adverb")
        return not word_at(words, auxiliary).has("be", "have")
    before = place_before(words, place, "adverb")
    return before >= 0 and _leads_attribute(words, before, word)


def _leads_attribute(words: list[Token], before: int, word: Token) -> bool:
    """Whether a participle after the word at `before` is part of a noun phrase."""
    leading = words[before]
    further = word_at(words, before - 1)
    # "responded by withdrawing the firmware"
    is_gerund = "gerund" in forms(word)
    if is_gerund and leading.has("prep", "by", "of", "from", "to"):
        return False
    # "Apple on Thursday re-released tvOS 18.4.1"
    if leading.has("month") and further.has("prep"):
        return False
    if leading.has(*LEADING):
        return True
    # "Microsoft's re-released update", but "it's released"
    if leading.key == "'s":
        return not further.has("pronoun")
    # "the May 14 revised packages"
    if leading.has("number"):
        return further.has("month", "number")
    if leading.has("be", "have") or is_noun(leading):
        return False
    # "offers updated packages"
    return bool(leading.verbs)


def is_verb(words: list[Token], place: int) -> bool:
    """Say whether a word that may be a verb is one here: "Microsoft releases it"."""
    word = words[place]
    if not word.verbs or is_attribute(words, place):
        return False
    if not is_noun(word):
        is_state = forms(word) == {"state"}
        return not is_state or _is_predicate(words, place)
    # "The depot no longer lists ESXi 7.0 U3q": no noun stands there.
    if word_at(words, place - 1).has("nolonger"):
        return True
    before = place_before(words, place, *BETWEEN)
    return before >= 0 and _leads_verb(words, before, place)


def _is_predicate(words: list[Token], place: int) -> bool:
    """Whether a state is said of something: "is out"; in "carried out the update" it is none."""
    before = place_before(words, place, *BETWEEN)
    if word_at(words, before).has("be"):
        return True
    # "KB1 unavailable", "update out now on Windows Update"
    if place + 1 == len(words):
        return True
    return words[place + 1].has("mark", "prep", "from", "adverb", "again", "to")


def _leads_verb(words: list[Token], before: int, place: int) -> bool:
    """Whether a word that may be a noun is a verb after the one at `before`."""
    leading = words[before]
    may_be = forms(words[place])
    # "decided to release", "we release"
    if leading.has("to", "modal", "do", "vendor"):
        return True
    # "has started offering the update again"
    if leading.has("did") and "gerund" in may_be:
        return True
    # "has been released", "is releasing"
    if leading.has("be", "have") and may_be & {"participle", "gerund", "state"}:
        return True
    if not may_be & {"present", "past"}:
        return False
    # "Apple releases iOS 13.2", but "Windows releases"
    if not leading.has("capital") or leading.has("offered", "month"):
        return False
    following = word_at(words, place + 1)
    if following.has("mark"):
        return False
    return following.has("det", "capital", "adjective", "offered")


def _goes_on(words: list[Token], place: int, start: int) -> bool:
    """Whether a noun phrase that began at `start` goes on with the word at `place`."""
    word = words[place]
    is_first = place == start
    if word.has("mark"):
        return word.key in MARKS_INSIDE
    if not is_first and _begins_another(words, place):
        return False
    # "both updates" goes on, "it" does not
    if word.has("det"):
        return not is_first or not word.has(*ENDS, "adverb", "again")
    if word.has("pronoun"):
        return False
    if not word.verbs:
        ends = not is_noun(word) and word.has(*ENDS, "adverb", "again")
        return not ends or (not is_first and _is_adjective(words, place))
    if is_noun(word):
        return not is_verb(words, place)
    # "the re-released update", and "Revised packages" at the beginning
    if is_attribute(words, place):
        return True
    return is_first and _leads(words, place)


def _is_adjective(words: list[Token], place: int) -> bool:
    """Whether what may be a verb describes a noun: "a corrected version", "the updated build"."""
    if not words[place].has("adjective") or not words[place - 1].has(
        "det", "adjective"
    ):
        return False
    following = word_at(words, place + 1)
    return following.has("adjective") or is_noun(following)


def _begins_another(words: list[Token], place: int) -> bool:
    """Whether a word inside a phrase begins the next one: an article, a date, "carrying ..."."""
    word = words[place]
    leading = words[place - 1]
    if word.has("det"):
        return not leading.has("quantifier", "det")
    if word.has("time"):
        return True
    if word.has("month") and leading.has("offered"):
        return True
    return word.has("gerund") and is_noun(leading)


def _leads(words: list[Token], place: int) -> bool:
    """Whether a participle without an article leads a noun phrase: "revised packages"."""
    if not forms(words[place]) & {"participle", "gerund"}:
        return False
    following = word_at(words, place + 1)
    return following.has("adjective") or is_noun(following)


def phrase_at(words: list[Token], place: int) -> Phrase | None:
    """Return the noun phrase that begins at `place`, adverbs and quotes before it passed over."""
    place = place_from(words, place, "adverb", "again", "time")
    if place >= len(words):
        return None
    if words[place].has("pronoun") and not _determines(words, place):
        return _pronoun_at(words, place)
    end = place
    last = min(len(words), place + LONGEST)
    while end < last and _goes_on(words, end, place):
        end += 1
    if end == place:
        return None
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
    if not words[place].has("det", "quantifier"):
        return False
    return place + 1 < len(words) and _goes_on(words, place + 1, place)


def of_phrase(words: list[Token], place: int) -> Phrase | None:
    """Return the phrase that "of" at `place` leads to: "of the update", "des Updates"."""
    joint = word_at(words, place)
    if joint.has("of"):
        return phrase_at(words, place + 1)
    # German "die Verteilung des Updates"
    if joint.has("genitive") and is_noun(word_at(words, place - 1)):
        return phrase_at(words, place)
    return None


def _head(words: list[Token], start: int, end: int) -> int:
    """The noun that a phrase is about: its last word that is no number."""
    for place in range(end - 1, start - 1, -1):
        word = words[place]
        if word.has("kb"):
            return place
        if word.has("version", *PASSED_OVER):
            continue
        if place == start:
            return place
        # "update NV2" and "SoftPaq sp151234" are about the word before; so is "plan B"
        is_code = word.has("code") and not word.has("offered")
        if not is_code and len(word.key) > 1:
            return place
    return end - 1


def phrases_in(words: list[Token], start: int, end: int) -> list[tuple[Phrase, str]]:
    """Return the phrases between two places, each with the kind of word that stood before it.

    That is "prep", "from", "of", "conj" or "" for none.
    """
    found = []
    place = start
    before = ""
    while place < end:
        word = words[place]
        if word.key == "(":
            place = _closing(words, place, end)
            continue
        if _is_plain_verb(words, place):
            before = ""
            place += 1
            continue
        phrase = phrase_at(words, place) if _may_begin(word) else None
        if phrase is not None and phrase.start < end:
            found.append((phrase, before))
            place = max(phrase.last, place + 1)
            before = ""
            continue
        before = _joint(word, before)
        place += 1
    return found


def _is_plain_verb(words: list[Token], place: int) -> bool:
    """Whether a word is a verb here and could be nothing else."""
    if is_noun(words[place]):
        return False
    return is_verb(words, place)


def _may_begin(word: Token) -> bool:
    """Whether a noun phrase may begin with a word."""
    if word.has("rel"):
        return False
    return is_noun(word) or not word.has("prep", "from", "conj", "to", "by")


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
    if word.has("conj") or word.key == ",":
        return before or "conj"
    if word.verbs or word.has("mark", "verb", "but"):
        return ""
    return before


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
    found = []
    for phrase, before in phrases_in(words, start, end):
        if before not in {"prep", "from"} and not phrase.pronoun:
            found.append(phrase)
    return found


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
        # "Distribution through WSUS and Windows Update was halted" is of the distribution
        is_place = words[phrase.head].has("place") and chosen is not None
        # "The update and the script for it have been re-released."
        if before == "" or (before == "conj" and not is_update and not is_place):
            chosen = phrase
            is_update = words[phrase.head].has("offered")
    return chosen


def _ends_subject(words: list[Token], place: int, *, is_first: bool) -> bool:
    """Whether a word before a verb's subject is no part of it."""
    word = words[place]
    # "The update that flagged files as malware has been revoked."
    if word.key == "as" or _follows_relative(words, place):
        return False
    if word.has("mark") and word.key not in MARKS_IN_SUBJECT:
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
