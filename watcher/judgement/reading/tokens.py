"""A sentence as words with their classes, and patterns of them looked for in one pass.

Several words that the lexicon knows as one ("Download Center", "no longer") are one here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property, partial

from msgspec import Struct

from watcher.judgement.reading.lexicon import Element, Entry, Lexicon, Verb, key

# Words keep their dots and hyphens inside ("15.2.1544.13", "re-released"), "isn't" is two.
_LETTERS = r"(?:(?!n't\b)[^\W_])+"
_TOKEN = re.compile(
    r"(?<!\w)\.NET\b|(?i:kb) ?\d{6,7}\b|n't\b|'(?:s|ve|re|ll|d)\b"
    rf"|{_LETTERS}(?:[.-]{_LETTERS})*|[^\s\w]|_"
)
# What a word with digits is; the first that fits.
_NUMBERS = (
    (re.compile(r"kb\d{6,7}|[2-6]\d{6}"), ("offered", "kb")),
    (re.compile(r"cve\d{8,11}|adv\d{6}|qsa\d{4,6}"), ("cve",)),
    (re.compile(r"v?\d+(?:\.\d+)+[a-z]?\d*"), ("number", "version")),
    (re.compile(r"(?:19|20)\d\d"), ("number", "year")),
)
CODE = 4  # digits at the end that make a word a code, whatever its letters
CAPITAL = 6  # letters among which a name has a capital: "iOS", "watchOS"
_SHORT = 40  # letters: a longer word has no shape worth looking for


# Classes of what may be a noun; "act" is a deed as a noun: "the withdrawal".
NOUNS = frozenset(
    (
        "act",
        "offered",
        "carrier",
        "link",
        "place",
        "trouble",
        "person",
        "other",
        "quantifier",
    )
)


# What is part of no noun phrase, but where it is a noun, too.
ENDS = "prep from of conj rel be have do modal not nolonger condition to by but particle verb"
_NO_NOUN = ("edge", "mark", "det", "pronoun", "adverb", *ENDS.split())
# Words that may stand between a verb and what tells that it is one.
BETWEEN = ("adverb", "again", "not", "nolonger")


class Token:
    """One word, or several that the lexicon knows as one: where it stands and what it is.

    ``classes`` are the lexicon's.  ``traits`` are those and what follows from them, for the rules
    of grammar: "noun"; "verbal" for a form of a verb that has a sense, and "form:past"; "=as"
    for the very word; "any" for each; and what it is among its neighbours (see `tag`).
    """

    __slots__ = ("classes", "end", "key", "start", "traits", "verbs")

    def __init__(
        self,
        word: str,
        span: tuple[int, int],
        classes: set[str],
        verbs: tuple[Verb, ...],
    ) -> None:
        self.key = word
        self.start, self.end = span
        self.classes = classes
        self.verbs = verbs
        traits = {"any", f"={word}", *classes}
        traits.update(f"form:{verb.form}" for verb in verbs)
        if verbs:
            traits.add("verbal")
        if not NOUNS.isdisjoint(classes):
            traits.add("noun")
        self.traits = traits

    def has(self, *traits: str) -> bool:
        """Say whether it has one of the traits."""
        return not self.traits.isdisjoint(traits)


# What stands before the first word and after the last: the sentence's "edge".
NO_WORD = Token("", (0, 0), {"edge"}, ())


def word_at(words: list[Token], place: int) -> Token:
    """Return the word at a place, `NO_WORD` outside the sentence.

    So a rule may look one word too far without asking where the sentence ends.
    """
    return words[place] if 0 <= place < len(words) else NO_WORD


class Rule(Struct, frozen=True):
    """A row of a table of grammar: what it says of a word among words that have these traits.

    The word has one of ``here`` and none of ``without``, its neighbours have one of ``before`` and
    of ``after``, the word two places before it one of ``further``.
    """

    says: bool
    further: frozenset[str]
    before: frozenset[str]
    here: frozenset[str]
    without: frozenset[str]
    after: frozenset[str]


def _rule(
    says: bool,  # noqa: FBT001 - `yes` and `no` are its two forms
    *,
    further: str = "any",
    before: str = "any",
    here: str = "any",
    without: str = "",
    after: str = "any",
) -> Rule:
    """Return a rule; traits are parted by spaces, a word is written "=word"."""
    places = (further, before, here, without, after)
    return Rule(says, *(frozenset(traits.split()) for traits in places))


yes = partial(_rule, True)
no = partial(_rule, False)


def holds(
    rules: tuple[Rule, ...], words: list[Token], place: int, before: int | None = None
) -> bool:
    """Return what the first rule says that fits the word at a place; False where none fits.

    `before` is the place of its neighbour where words between the two are passed over.
    """
    if before is None:
        before = place - 1
    further = word_at(words, before - 1).traits
    leading = word_at(words, before).traits
    here = word_at(words, place).traits
    after = word_at(words, place + 1).traits
    for rule in rules:
        if not (
            here.isdisjoint(rule.here)
            or leading.isdisjoint(rule.before)
            or after.isdisjoint(rule.after)
            or further.isdisjoint(rule.further)
        ) and here.isdisjoint(rule.without):
            return rule.says
    return False


def somewhere(
    rules: tuple[Rule, ...], words: list[Token], start: int, end: int
) -> bool:
    """Say whether the rules hold of a word from `start` up to but without `end`."""
    return any(holds(rules, words, place) for place in range(start, end))


def place_before(words: list[Token], place: int, *passed: str) -> int:
    """Return the nearest place before one whose word is of none of the classes.

    That is -1 when there is none.
    """
    before = place - 1
    while word_at(words, before).has(*passed):
        before -= 1
    return before


def place_from(words: list[Token], place: int, *passed: str) -> int:
    """Return the nearest place from one on whose word is of none of the classes.

    That is the sentence's length when there is none.
    """
    while word_at(words, place).has(*passed):
        place += 1
    return place


def places_of(words: list[Token], *traits: str) -> list[int]:
    """Return the places of the words that have one of the traits."""
    return [place for place, word in enumerate(words) if word.has(*traits)]


def first_place(words: list[Token], start: int, end: int, *traits: str) -> int:
    """Return the first place from `start` on whose word has one of the traits.

    That is `end` when there is none before it.
    """
    for place in range(start, min(end, len(words))):
        if words[place].has(*traits):
            return place
    return end


def some_have(words: list[Token], *traits: str) -> bool:
    """Say whether one of the words has one of the traits."""
    return any(word.has(*traits) for word in words)


class Tokens:
    """A sentence's words."""

    def __init__(self, text: str, words: list[Token]) -> None:
        self.text = text
        self.words = words

    @cached_property
    def masks(self) -> dict[str, int]:
        """A number for each class (``<offered>``) and word: bit n is set where word n is it."""
        found: dict[str, int] = {}
        for place, word in enumerate(self.words):
            bit = 1 << place
            found[word.key] = found.get(word.key, 0) | bit
            for name in word.classes:
                found[f"<{name}>"] = found.get(f"<{name}>", 0) | bit
            for verb in word.verbs:
                if verb.particle:
                    continue
                sense = verb.sense.replace(" ", "_")
                for name in (f"<{sense}>", f"<{sense}:{verb.form}>"):
                    found[name] = found.get(name, 0) | bit
        return found

    @property
    def is_question(self) -> bool:
        """Whether the sentence asks."""
        return word_at(self.words, len(self.words) - 1).key == "?"

    def said(self, start: int, end: int) -> str:
        """Return the text of the words from `start` up to but without `end`."""
        end = min(end, len(self.words))
        if start >= end:
            return ""
        return self.text[self.words[start].start : self.words[end - 1].end]


class Spelled(Struct, frozen=True):
    """A word as it is written, and where."""

    word: str
    start: int
    end: int


def tokenize(text: str, lexicon: Lexicon) -> Tokens:
    """Return the words of a folded sentence with their classes.

    Japanese has no spaces: there the longest entries of the lexicon part the words.
    """
    if lexicon.language == "ja":
        spelled = _without_spaces(text, lexicon)
    else:
        spelled = [Spelled(match[0], *match.span()) for match in _TOKEN.finditer(text)]
    keys = [key(each.word) or each.word for each in spelled]
    words: list[Token] = []
    place = 0
    while place < len(spelled):
        entry = _entry_at(keys, place, lexicon)
        first, last = spelled[place], spelled[place + len(entry.words) - 1]
        classes = _classes(first.word, entry, lexicon, is_first=not words)
        word = " ".join(entry.words)
        words.append(Token(word, (first.start, last.end), classes, entry.verbs))
        place += len(entry.words)
    tag(words)
    return Tokens(text, words)


def _entry_at(keys: list[str], place: int, lexicon: Lexicon) -> Entry:
    """Find the longest entry that stands here; one of no class where the lexicon has none."""
    for entry in lexicon.entries.get(keys[place], ()):
        if tuple(keys[place : place + len(entry.words)]) == entry.words:
            return entry
    return Entry((keys[place],), frozenset(), ())


def _classes(
    spelled: str, entry: Entry, lexicon: Lexicon, *, is_first: bool
) -> set[str]:
    """The classes of what is spelled so: its entry's, and those that its letters tell."""
    classes = set(entry.classes)
    word = entry.words[0]
    if len(entry.words) == 1:
        classes.update(_classes_of_shape(spelled, word, lexicon))
    if not classes and not entry.verbs:
        classes.update(_classes_of_suffix(word, lexicon))
    begins = spelled[:CAPITAL]
    if begins != begins.lower():
        classes.add("capital")
    # The month "May" has a capital inside a sentence, the verb has none.
    if {"month", "modal"} <= classes:
        is_month = "capital" in classes and not is_first
        classes -= {"modal", "obliged"} if is_month else {"month"}
    if lexicon.free_order and not classes and not entry.verbs:
        classes.add("filler")
    return classes


def _classes_of_shape(spelled: str, word: str, lexicon: Lexicon) -> list[str]:
    """The classes that a word's form tells: numbers, versions, articles, labels."""
    if len(spelled) == 1 and not spelled.isalnum():
        return ["mark"]
    if len(word) > _SHORT:
        return []
    classes = [name for name, shape in lexicon.shapes if shape.fullmatch(spelled)]
    if any(letter.isdigit() for letter in word):
        classes.extend(_classes_of_number(spelled, word))
    return classes


def _classes_of_number(spelled: str, word: str) -> tuple[str, ...]:
    """The classes of a word with digits."""
    for shape, classes in _NUMBERS:
        if shape.fullmatch(word):
            return classes
    if word[0].isdigit():
        return ("number",)
    # "NVMe2", and HP's "sp151234"
    is_code = spelled[0].isupper() or word[-CODE:].isdigit()
    return ("code",) if is_code else ()


def _classes_of_suffix(word: str, lexicon: Lexicon) -> tuple[str, ...]:
    """The class that a word's end tells: "Sicherheitsupdate"."""
    for suffix, name in lexicon.suffixes:
        if word.endswith(suffix) and len(word) > len(suffix) + 1:
            return (name,)
    return ()


def _without_spaces(text: str, lexicon: Lexicon) -> list[Spelled]:
    """Cut a text that has no spaces: the longest entry at each place, else runs of letters."""
    longest = max(map(len, lexicon.entries))
    found = []
    place = 0
    while place < len(text):
        length = _length_at(text, place, longest, lexicon)
        word = text[place : place + length]
        if not word.isspace():
            found.append(Spelled(word, place, place + length))
        place += length
    return found


def _length_at(text: str, place: int, longest: int, lexicon: Lexicon) -> int:
    """How many letters of a text without spaces are its next word."""
    for length in range(min(longest, len(text) - place), 0, -1):
        if text[place : place + length].lower() in lexicon.entries:
            return length
    latin = _TOKEN.match(text, place)
    if latin is not None and latin[0].isascii():
        return len(latin[0])
    return 1


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


def _is_attribute(words: list[Token], place: int) -> bool:
    """Whether a participle belongs to the noun after it: "the re-released update"."""
    if not words[place].has("form:participle", "form:past", "form:gerund"):
        return False
    # "It was pulled", "pulled the update": no noun follows at once.
    if word_at(words, place + 1).has(*_NO_NOUN):
        return False
    before = place_before(words, place, "adverb")
    # "this update and previously released ones", but "has previously released"
    if {"aside", "adverb"} <= word_at(words, place - 1).classes:
        return not word_at(words, before).has("be", "have")
    return holds(_ATTRIBUTE, words, place, before)


# Whether a verb that is no noun elsewhere is one here.
_PLAIN_VERB = (
    yes(here="form:base form:present form:past form:participle form:gerund"),
    # A state is said of something, "is out"; in "carried out the update" it is none.
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


def _is_verb(words: list[Token], place: int) -> bool:
    """Whether what may be a verb, and is no attribute, is one: "Microsoft releases it"."""
    before = place_before(words, place, *BETWEEN)
    if not words[place].has("noun"):
        return holds(_PLAIN_VERB, words, place, before)
    # "The depot no longer lists ESXi 7.0 U3q": no noun stands there.
    if word_at(words, place - 1).has("nolonger"):
        return True
    return holds(_VERB, words, place, before)


# Whether "that" leads a relative clause: not "that update", but "that was released".
_RELATIVE = (
    yes(here="rel", after="edge be have modal"),
    yes(here="rel", without="det"),
)


def tag(words: list[Token]) -> None:
    """Add to each word's traits what it is among its neighbours.

    "attribute" and "verb-here" are what a form of a verb is; "plain-verb" is one that is no noun
    elsewhere; "relative" is a "that" that leads a clause.
    """
    for place, word in enumerate(words):
        if holds(_RELATIVE, words, place):
            word.traits.add("relative")
        if not word.verbs:
            continue
        if _is_attribute(words, place):
            word.traits.add("attribute")
        elif _is_verb(words, place):
            word.traits.add("verb-here")
            if not word.has("noun"):
                word.traits.add("plain-verb")


BARRIER = ";"


def find(tokens: Tokens, pattern: tuple[Element, ...]) -> tuple[int, ...]:
    """Return the places of a pattern's words where it first stands; empty when it does not.

    Places are bits of a number, so that its cost is linear in the sentence's length.
    """
    words = tokens.words
    at_start = pattern[0].choices == ("^",)
    at_end = pattern[-1].choices == ("$",)
    first, *others = pattern[at_start : len(pattern) - at_end]
    here = _places(tokens, first)
    if at_start:
        start = place_from(words, 0, "mark")
        here &= (1 << (start + first.gap + 1)) - 1
    barrier = tokens.masks.get(BARRIER, 0)
    everywhere = (1 << len(words)) - 1
    matched = [here]
    reached = [here]
    for step in others:
        if not reached[-1]:
            return ()
        near = _within(reached[-1], step.gap, barrier, everywhere)
        here = _places(tokens, step) & near
        matched.append(here)
        reached.append(here | reached[-1] if step.optional else here)
    final = reached[-1]
    if at_end:
        last = max(0, place_before(words, len(words), "mark"))
        final &= ~((1 << last) - 1)
    return _span(matched, reached, final) if final else ()


def finds_one(tokens: Tokens, patterns: Iterable[tuple[Element, ...]]) -> bool:
    """Say whether one of the patterns stands in a sentence."""
    return any(find(tokens, pattern) for pattern in patterns)


def _places(tokens: Tokens, step: Element) -> int:
    """The places at which a step's words stand."""
    masks = tokens.masks
    found = 0
    for choice in step.choices:
        found |= masks.get(choice, 0)
    return found


def _within(places: int, gap: int, barrier: int, everywhere: int) -> int:
    """The places after `places` with at most `gap` words between, none of them a barrier."""
    reach = places << 1
    found = reach
    for _ in range(gap):
        reach = (reach & ~barrier & everywhere) << 1
        if not reach:
            break
        found |= reach
    return found & everywhere


def _span(matched: list[int], reached: list[int], final: int) -> tuple[int, ...]:
    """From the earliest end back to the nearest beginning."""
    place = (final & -final).bit_length() - 1
    places = [place]
    for number in range(len(matched) - 1, 0, -1):
        if matched[number] >> place & 1:
            before = reached[number - 1] & ((1 << place) - 1)
            place = before.bit_length() - 1
            places.append(place)
    return tuple(reversed(places))
