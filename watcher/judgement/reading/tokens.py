"""A sentence as words with their classes, and patterns of them looked for in one pass.

Several words that the lexicon knows as one ("Download Center", "no longer") are one here.
"""

from __future__ import annotations

import re
from functools import cached_property

from watcher.judgement.reading.lexicon import Element, Lexicon, Verb, key

# Words keep their dots and hyphens inside ("15.2.1544.13", "re-released"), "isn't" is two.
_LETTERS = r"(?:(?!n't\b)[^\W_])+"
_TOKEN = re.compile(
    r"(?<!\w)\.NET\b|(?i:kb) ?\d{6,7}\b|n't\b|'(?:s|ve|re|ll|d)\b"
    rf"|{_LETTERS}(?:[.-]{_LETTERS})*|[^\s\w]|_"
)
_VERSION = re.compile(r"v?\d+(?:\.\d+)+[a-z]?\d*")
_KB = re.compile(r"kb\d{6,7}|[2-6]\d{6}")
_YEAR = re.compile(r"(?:19|20)\d\d")
_CVE = re.compile(r"(?:cve\d{8,11}|adv\d{6}|qsa\d{4,6})")
CODE = 4  # digits at the end that make a word a code, whatever its letters
CAPITAL = 6  # letters among which a name has a capital: "iOS", "watchOS"
_SHORT = 40  # letters: a longer word has no shape worth looking for


class Token:
    """One word, or several that the lexicon knows as one: where it stands and what it is."""

    __slots__ = ("classes", "end", "key", "start", "verbs")

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

    def has(self, *names: str) -> bool:
        """Say whether it is of one of the classes."""
        return not self.classes.isdisjoint(names)


# What stands before the first word and after the last.
NO_WORD = Token("", (0, 0), set(), ())


def word_at(words: list[Token], place: int) -> Token:
    """Return the word at a place, one of no class outside the sentence.

    So a rule may look one word too far without asking where the sentence ends.
    """
    return words[place] if 0 <= place < len(words) else NO_WORD


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


def some_have(words: list[Token], *names: str) -> bool:
    """Say whether one of the words is of one of the classes."""
    return any(word.has(*names) for word in words)


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

    def said(self, start: int, end: int) -> str:
        """Return the text of the words from `start` up to but without `end`."""
        end = min(end, len(self.words))
        if start >= end:
            return ""
        return self.text[self.words[start].start : self.words[end - 1].end]


def tokenize(text: str, lexicon: Lexicon) -> Tokens:
    """Return the words of a folded sentence with their classes.

    Japanese has no spaces: there the longest entries of the lexicon part the words.
    """
    if lexicon.language == "ja":
        found = _without_spaces(text, lexicon)
    else:
        found = [
            (match[0], match.start(), match.end()) for match in _TOKEN.finditer(text)
        ]
    keys = [key(word) or word for word, _, _ in found]
    words = []
    place = 0
    while place < len(found):
        classes, verbs, length = _looked_up(keys, place, lexicon)
        spelled, start, _ = found[place]
        end = found[place + length - 1][2]
        if length == 1:
            _add_shapes(spelled, keys[place], classes, lexicon)
        if not classes and not verbs:
            _add_suffixes(keys[place], classes, lexicon)
        if any(letter.isupper() for letter in spelled[:CAPITAL]):
            classes.add("capital")
        _settle_month(classes, is_capital="capital" in classes and place > 0)
        if lexicon.free_order and not classes and not verbs:
            classes.add("filler")
        words.append(
            Token(" ".join(keys[place : place + length]), (start, end), classes, verbs)
        )
        place += length
    return Tokens(text, words)


def _settle_month(classes: set[str], *, is_capital: bool) -> None:
    """Tell the month "May" from the verb: the one has a capital inside a sentence."""
    if not {"month", "modal"} <= classes:
        return
    if is_capital:
        classes -= {"modal", "obliged"}
    else:
        classes.discard("month")


def _looked_up(
    keys: list[str], place: int, lexicon: Lexicon
) -> tuple[set[str], tuple[Verb, ...], int]:
    """Find the longest entry that stands here: its classes, its verbs, its length in words."""
    for entry in lexicon.entries.get(keys[place], ()):
        length = len(entry.words)
        if length == 1 or tuple(keys[place : place + length]) == entry.words:
            return set(entry.classes), entry.verbs, length
    return set(), (), 1


def _add_shapes(spelled: str, word: str, classes: set[str], lexicon: Lexicon) -> None:
    """Add the classes that a word's form tells: numbers, versions, articles, labels."""
    if len(spelled) == 1 and not spelled.isalnum():
        classes.add("mark")
        return
    if len(word) > _SHORT:
        return
    if any(letter.isdigit() for letter in word):
        classes.update(_classes_of_number(spelled, word))
    for name, shape in lexicon.shapes:
        if shape.fullmatch(spelled):
            classes.add(name)


def _classes_of_number(spelled: str, word: str) -> tuple[str, ...]:
    """The classes of a word with digits."""
    if _KB.fullmatch(word):
        return ("offered", "kb")
    if _CVE.fullmatch(word):
        return ("cve",)
    if _VERSION.fullmatch(word):
        return ("number", "version")
    if _YEAR.fullmatch(word):
        return ("number", "year")
    if word[0].isdigit():
        return ("number",)
    # "NVMe2", and HP's "sp151234"
    is_code = spelled[0].isupper() or word[-CODE:].isdigit()
    return ("code",) if is_code else ()


def _add_suffixes(word: str, classes: set[str], lexicon: Lexicon) -> None:
    for suffix, name in lexicon.suffixes:
        if word.endswith(suffix) and len(word) > len(suffix) + 1:
            classes.add(name)
            return


def _without_spaces(text: str, lexicon: Lexicon) -> list[tuple[str, int, int]]:
    """Cut a text that has no spaces: the longest entry at each place, else runs of letters."""
    longest = max(len(first) for first in lexicon.entries)
    found = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        for length in range(min(longest, len(text) - place), 0, -1):
            if text[place : place + length].lower() in lexicon.entries:
                break
        else:
            latin = _TOKEN.match(text, place)
            ascii_word = latin is not None and latin[0].isascii()
            length = len(latin[0]) if latin is not None and ascii_word else 1
        found.append((text[place : place + length], place, place + length))
        place += length
    return found


BARRIER = ";"


def find(tokens: Tokens, pattern: tuple[Element, ...]) -> tuple[int, ...]:
    """Return the places of a pattern's words where it first stands; empty when it does not.

    Places are bits of a number, so that its cost is linear in the sentence's length.
    """
    count = len(tokens.words)
    at_start = pattern[0].choices == ("^",)
    at_end = pattern[-1].choices == ("$",)
    steps = pattern[at_start : len(pattern) - at_end]
    matched: list[int] = []
    reached: list[int] = []
    everywhere = (1 << count) - 1
    for number, step in enumerate(steps):
        here = _places(tokens, step)
        if number == 0:
            allowed = (
                (1 << (_first(tokens) + step.gap + 1)) - 1 if at_start else everywhere
            )
        else:
            allowed = _within(
                reached[-1], step.gap, tokens.masks.get(BARRIER, 0), everywhere
            )
        matched.append(here & allowed)
        skipped = reached[-1] if step.optional and number else 0
        reached.append(matched[-1] | skipped)
        if not reached[-1]:
            return ()
    final = reached[-1]
    if at_end:
        final &= ~((1 << _last(tokens)) - 1)
    if not final:
        return ()
    return _span(matched, reached, final)


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


def _first(tokens: Tokens) -> int:
    """The first word that is no quotation mark or bracket."""
    for place, word in enumerate(tokens.words):
        if not word.has("mark"):
            return place
    return 0


def _last(tokens: Tokens) -> int:
    """The last word that is no full stop."""
    for place in range(len(tokens.words) - 1, -1, -1):
        if not tokens.words[place].has("mark"):
            return place
    return 0


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
