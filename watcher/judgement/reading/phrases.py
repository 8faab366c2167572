"""Noun phrases: what a sentence speaks of, and whether that is something a vendor offers.

"The November video on the update" is a video, "the rollout of the update" an update, "the preview
build" nothing that concerns an administrator.
"""

from __future__ import annotations

from msgspec import Struct

from watcher.judgement.reading.lexicon import Verb
from watcher.judgement.reading.tokens import Token, Tokens

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
    if not forms(word) & {"participle", "past", "gerund"} or place + 1 >= len(words):
        return False
    if words[place + 1].has("mark", "det", "pronoun", "adverb", *ENDS):
        return False
    before = place - 1
    if before >= 0 and words[before].has("aside") and words[before].has("adverb"):
        # "this update and previously released ones"
        return not _has_auxiliary(words, before)
    while before >= 0 and words[before].has("adverb"):
        before -= 1
    return before >= 0 and _leads_attribute(words, before, word)


def _leads_attribute(words: list[Token], before: int, word: Token) -> bool:
    """Whether a participle after the word at `before` is part of a noun phrase."""
    leading = words[before]
    if "gerund" in forms(word) and leading.has("prep", "by", "of", "from", "to"):
        return False
    # "Apple on Thursday re-released tvOS 18.4.1"
    if leading.has("month") and before > 0 and words[before - 1].has("prep"):
        return False
    if leading.has(
        "det", "prep", "of", "from", "to", "adjective", "month", "quantifier", "year"
    ):
        return True
    if leading.key == "'s":
        return before == 0 or not words[before - 1].has("pronoun")
    if leading.has("number"):
        return before > 0 and words[before - 1].has("month", "number")
    return (
        bool(leading.verbs) and not leading.has("be", "have") and not is_noun(leading)
    )


def _has_auxiliary(words: list[Token], place: int) -> bool:
    while place >= 0 and words[place].has("adverb"):
        place -= 1
    return place >= 0 and words[place].has("be", "have")


def is_verb(words: list[Token], place: int) -> bool:
    """Say whether a word that may be a verb is one here: "Microsoft releases it"."""
    word = words[place]
    if not word.verbs or is_attribute(words, place):
        return False
    if not is_noun(word):
        return forms(word) != {"state"} or _is_predicate(words, place)
    # "The depot no longer lists ESXi 7.0 U3q": no noun stands there.
    if place > 0 and words[place - 1].has("nolonger"):
        return True
    before = place - 1
    while before >= 0 and words[before].has("adverb", "again", "not", "nolonger"):
        before -= 1
    return before >= 0 and _leads_verb(words, before, place)


def _is_predicate(words: list[Token], place: int) -> bool:
    """Whether a state is said of something: "is out"; in "carried out the update" it is none."""
    before = place - 1
    while before >= 0 and words[before].has("adverb", "again", "not", "nolonger"):
        before -= 1
    if before >= 0 and words[before].has("be"):
        return True
    if place + 1 >= len(words):
        return True
    return words[place + 1].has("mark", "prep", "from", "adverb", "again", "to")


def _leads_verb(words: list[Token], before: int, place: int) -> bool:
    """Whether a word that may be a noun is a verb after the one at `before`."""
    leading = words[before]
    may_be = forms(words[place])
    if leading.has("to", "modal", "do", "vendor"):
        return True
    if leading.has("be", "have") and may_be & {"participle", "gerund", "state"}:
        return True
    if not may_be & {"present", "past"} or place + 1 >= len(words):
        return False
    if not leading.has("capital") or leading.has("offered", "month"):
        return False
    following = words[place + 1]
    return following.has(
        "det", "capital", "adjective", "offered"
    ) and not following.has("mark")


def _goes_on(words: list[Token], place: int, start: int) -> bool:
    """Whether a noun phrase that began at `start` goes on with the word at `place`."""
    word = words[place]
    if word.has("mark"):
        return word.key in MARKS_INSIDE
    if place > start and _begins_another(words, place):
        return False
    if word.has("pronoun") and not word.has("det"):
        return False
    if word.has("det") and place > start:
        return True
    if word.verbs and not is_noun(word):
        return is_attribute(words, place) or (place == start and _leads(words, place))
    if word.verbs and is_verb(words, place):
        return False
    return is_noun(word) or not word.has(*ENDS, "adverb", "again")


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
    if place + 1 >= len(words) or not forms(words[place]) & {"participle", "gerund"}:
        return False
    following = words[place + 1]
    return is_noun(following) or following.has("adjective")


def phrase_at(words: list[Token], place: int) -> Phrase | None:
    """Return the noun phrase that begins at `place`, adverbs and quotes before it passed over."""
    while place < len(words) and words[place].has("adverb", "again", "time"):
        place += 1
    if place >= len(words):
        return None
    if words[place].has("pronoun") and not _determines(words, place):
        whole = of_phrase(words, place + 1)
        if whole is not None:
            return Phrase(place, place + 1, whole.head, whole)
        return Phrase(
            place, place + 1, place, pronoun=True, relative=words[place].has("rel")
        )
    end = place
    while end < len(words) and end - place < LONGEST and _goes_on(words, end, place):
        end += 1
    if end == place:
        return None
    head = _head(words, place, end)
    inner = of_phrase(words, end)
    if inner is not None and words[head].has("quantifier"):
        return Phrase(place, end, inner.head, inner, inner.pronoun)
    return Phrase(place, end, head, inner)


def _determines(words: list[Token], place: int) -> bool:
    """Whether "this", "both", "all" stands before its noun."""
    if not words[place].has("det", "quantifier") or place + 1 >= len(words):
        return False
    return _goes_on(words, place + 1, place)


def of_phrase(words: list[Token], place: int) -> Phrase | None:
    """Return the phrase that "of" at `place` leads to: "of the update", "des Updates"."""
    if place >= len(words):
        return None
    if words[place].has("of"):
        return phrase_at(words, place + 1)
    if words[place].has("genitive") and place and is_noun(words[place - 1]):
        return phrase_at(words, place)
    return None


def _head(words: list[Token], start: int, end: int) -> int:
    """The noun that a phrase is about: its last word that is no number."""
    for place in range(end - 1, start - 1, -1):
        word = words[place]
        if word.has("kb"):
            return place
        if word.has(
            "mark", "number", "year", "adjective", "month", "size", "det", "filler"
        ):
            continue
        if word.has("code") and not word.has("offered") and place > start:
            continue
        if word.has("version") or (len(word.key) == 1 and place > start):
            continue
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
        if word.verbs and not is_noun(word) and is_verb(words, place):
            before = ""
            place += 1
            continue
        phrase = None
        if not word.has("rel") and (
            is_noun(word) or not word.has("prep", "from", "conj", "to", "by")
        ):
            phrase = phrase_at(words, place)
        if phrase is not None and phrase.start < end:
            found.append((phrase, before))
            place = max(phrase.last, place + 1)
            before = ""
            continue
        before = _joint(word, before)
        place += 1
    return found


def _closing(words: list[Token], place: int, end: int) -> int:
    """The place after the bracket that closes the one at `place`, or after that one itself."""
    for after in range(place + 1, min(end, place + 30)):
        if words[after].key == ")":
            return after + 1
    return place + 1


def _joint(word: Token, before: str) -> str:
    if word.has("from"):
        return "from"
    if word.has("of"):
        return "of"
    if word.has("prep", "to", "by"):
        return "prep"
    if word.has("conj") or word.key == ",":
        return "conj" if before in {"", "conj"} else before
    return "" if word.has("mark", "verb", "but") or word.verbs else before


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
    has_name = any(
        word.has("capital") and not word.has("month")
        for word in words[phrase.start : phrase.end]
    )
    has_number = any(
        word.has("number", "version", "code")
        for word in words[phrase.start : phrase.end]
    )
    return has_name and has_number


def _is_name_with_version(words: list[Token], phrase: Phrase) -> bool:
    """Whether a version follows a noun that is written as a name is."""
    following = words[phrase.head + 1 : phrase.end]
    return words[phrase.head].has("capital") and any(
        word.has("version") for word in following
    )


def own_verbs(word: Token, form: str) -> list[Verb]:
    """Return the verbs that a word may be in one form."""
    return [verb for verb in word.verbs if verb.form == form]


def tokens_between(tokens: Tokens, start: int, end: int, *names: str) -> bool:
    """Say whether a word of one of the classes stands between two places."""
    return any(word.has(*names) for word in tokens.words[max(0, start) : end])
