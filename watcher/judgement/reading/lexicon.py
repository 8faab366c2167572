"""The lexicon of a language: classes of words, senses, frames; read from ``<language>.toml``.

The file says, code evaluates.  ``docs/languages.md`` describes the file's shape.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any, TypeVar

from msgspec import Struct

from watcher.errors import WatcherError
from watcher.records import Kind

FORMS = ("base", "present", "past", "participle", "gerund")
LANGUAGES = ("en", "cs", "de", "es", "fr", "it", "ja", "nl", "pl", "pt")

_TABLES = frozenset(
    (
        "detect",
        "classes",
        "shapes",
        "endings",
        "suffixes",
        "free_order",
        "informational",
        "senses",
        "frames",
        "sections",
    )
)


# Headings that begin a list of known issues, that end it, and its items that tell of none.
SECTIONS = ("issues", "others", "no_issue")
# Beside which kinds of the same text a kind is nothing: a release is part of a re-release.
YIELDS: dict[Kind, frozenset[Kind]] = dict.fromkeys(Kind, frozenset())
YIELDS |= dict.fromkeys(
    (Kind.RELEASED, Kind.KNOWN_ISSUE), frozenset((Kind.RE_RELEASED,))
)


Built = TypeVar("Built")


class Verb(Struct, frozen=True):
    """One form of a verb: its sense, which form it is, the particle that must follow."""

    sense: str
    form: str
    particle: str = ""


class Element(Struct, frozen=True):
    """One step of a pattern: what a token is one of, after at most ``gap`` others."""

    choices: tuple[str, ...]
    gap: int = 0
    optional: bool = False


class Sense(Struct, frozen=True):
    """What verbs of one meaning do to their object.

    ``objects`` names the classes that the object's noun must have.  ``again`` is what it means
    with "again", ``kind`` where its row does not say; ``gone`` with "no longer"; None for nothing.
    One that may stand ``alone`` is also
    said of an "it" that nothing explains: what its entry is about.  ``intransitive`` is the class
    of what does it by itself: "the rollout has resumed".  ``not_with`` are patterns
    that must not stand in the sentence.
    """

    name: str
    kind: Kind | None
    objects: frozenset[str]
    alone: bool
    intransitive: str
    not_with: tuple[tuple[Element, ...], ...]
    again: Kind | None
    gone: Kind | None
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...]

    @property
    def denied(self) -> Kind | None:
        """What it means with "not": a pull that never was."""
        return Kind.CORRECTED if self.kind is Kind.PULLED else None


class Frame(Struct, frozen=True):
    """A fixed way of saying a kind, as patterns of classes and words.

    ``unless`` names what turns it into nothing: negated, future, conditional, question, history.
    ``not_with`` are patterns that must not stand in the sentence, ``never_in`` in none of the
    text's, ``context`` in one of them.  ``silenced`` frames yield to a note that calls itself
    informational, ``yields`` to kinds of the same text that say more: its kind's, where its row
    does not say.
    """

    name: str
    kind: Kind
    patterns: tuple[tuple[Element, ...], ...]
    unless: frozenset[str]
    not_with: tuple[tuple[Element, ...], ...]
    context: tuple[tuple[Element, ...], ...]
    never_in: tuple[tuple[Element, ...], ...]
    silenced: bool
    yields: frozenset[Kind]
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...]


class Entry(Struct, frozen=True):
    """What one or several words are: their classes and the verbs that they may be a form of."""

    words: tuple[str, ...]
    classes: frozenset[str]
    verbs: tuple[Verb, ...]


class Lexicon(Struct, frozen=True, eq=False):
    """A language's file, compiled.

    ``entries`` are found by their first word, the longest first.  ``shapes`` are classes that are
    told by how a word is written (``Nov24SUv2``), ``suffixes`` by its end (``Sicherheitsupdate``).
    In a language of ``free_order`` the object may stand on either side of its verb.
    """

    language: str
    detect: frozenset[str]
    free_order: bool
    entries: dict[str, tuple[Entry, ...]]
    shapes: tuple[tuple[str, re.Pattern[str]], ...]
    suffixes: tuple[tuple[str, str], ...]
    informational: tuple[tuple[Element, ...], ...]
    sections: dict[str, tuple[tuple[Element, ...], ...]]
    senses: dict[str, Sense]
    frames: tuple[Frame, ...]


# What a row of each table may hold.
_SENSE_KEYS = frozenset((*Sense.__struct_fields__, "verbs", "nouns", "states"))
_FRAME_KEYS = frozenset(Frame.__struct_fields__)


@cache
def lexicon(language: str) -> Lexicon:
    """Return a language's lexicon, read from the package once.

    Raises `WatcherError` when there is none for `language`.
    """
    if language not in LANGUAGES:
        msg = (
            f"There are no wording rules for the language {language!r}; "
            f"there are for: {', '.join(sorted(LANGUAGES))}. Use one of those."
        )
        raise WatcherError(msg)
    file = resources.files(__package__).joinpath(f"{language}.toml")
    return compiled(language, tomllib.loads(file.read_text("utf-8")))


def compiled(language: str, table: Mapping[str, Any]) -> Lexicon:
    """Compile a language's table.

    Raises `WatcherError` naming the entry and what is wrong with it.
    """
    _only(table, _TABLES, language, language)
    collected = _Collected(table.get("endings", {}))
    for name, words in table.get("classes", {}).items():
        collected.add_class(name, words)
    senses = {}
    for row in table.get("senses", ()):
        sense = _built(_sense, row, _SENSE_KEYS, language)
        senses[sense.name] = sense
        collected.add_verbs(sense.name, row.get("verbs", ()))
        collected.add_states(sense.name, row.get("states", ()))
        collected.add_class(f"act:{sense.name}", row.get("nouns", ()))
        collected.add_class("act", row.get("nouns", ()))
    frames = tuple(
        _built(_frame, row, _FRAME_KEYS, language) for row in table.get("frames", ())
    )
    shapes = [
        (name, re.compile(shape)) for name, shape in table.get("shapes", {}).items()
    ]
    suffixes: list[tuple[str, str]] = []
    for name, endings in table.get("suffixes", {}).items():
        suffixes.extend((ending, name) for ending in endings)
    return Lexicon(
        language=language,
        detect=frozenset(table.get("detect", ())),
        free_order=table.get("free_order", False),
        entries=collected.entries(),
        shapes=tuple(shapes),
        suffixes=tuple(suffixes),
        informational=_patterns(table.get("informational", ())),
        sections={
            name: _patterns(table.get("sections", {}).get(name, ()))
            for name in SECTIONS
        },
        senses=senses,
        frames=frames,
    )


def key(word: str) -> str:
    """Return the form under which a word is looked up: lower case, without its hyphens.

    "re-released" and "rereleased" are one word.
    """
    return word.lower().replace("-", "").replace(" ", "")


class _Collected:
    """Classes and verbs of all words of a lexicon, while it is being read."""

    def __init__(self, endings: Mapping[str, list[str]]) -> None:
        self.endings = sorted(endings.items(), key=lambda row: -len(row[0]))
        self.classes: dict[tuple[str, ...], set[str]] = {}
        # Each verb once, in the order of the file
        self.verbs: dict[tuple[str, ...], dict[Verb, None]] = {}

    def add_class(self, name: str, words: Iterable[str] | str) -> None:
        """Put words into a class; in a string of words "_" joins those of a phrase."""
        phrases = words.split() if isinstance(words, str) else words
        for phrase in phrases:
            entry = tuple(key(word) for word in phrase.replace("_", " ").split())
            self.classes.setdefault(entry, set()).add(name)

    def add_verbs(self, sense: str, verbs: Iterable[str]) -> None:
        """Add verbs with all their forms: regular ones by the language's endings, others as listed.

        "take takes took taken taking ~down" must be followed by its particle.
        """
        for row in verbs:
            listed, _, written_particle = row.partition("~")
            particle = written_particle.strip().lower().replace("-", "")
            if " " in particle:
                self.add_class("particle", [particle])
            forms = listed.split()
            if len(forms) == 1:
                forms = self._regular(forms[0])
            for form, spellings in zip(FORMS, forms, strict=False):
                for spelling in spellings.split("/"):
                    self._add_form(spelling, Verb(sense, form, particle))

    def add_states(self, sense: str, states: Iterable[str]) -> None:
        """Add what something offered may be: "unavailable", "back online"."""
        for state in states:
            self._add_form("_".join(state.split()), Verb(sense, "state"))

    def _add_form(self, spelling: str, verb: Verb) -> None:
        words = tuple(key(word) for word in spelling.replace("_", " ").split())
        # "_" stands for a form that a verb does not have.
        if not words:
            return
        self.verbs.setdefault(words, {})[verb] = None
        # "re released" is how some write it.
        is_again = words[0].startswith("re") and "again" in verb.sense
        if is_again and len(words) == 1:
            self.verbs.setdefault(("re", words[0][2:]), {})[verb] = None

    def _regular(self, base: str) -> list[str]:
        for ending, forms in self.endings:
            if base.endswith(ending):
                stem = base[: len(base) - len(ending)]
                return [
                    "/".join(stem + end for end in form.split("/")) for form in forms
                ]
        return [base]

    def entries(self) -> dict[str, tuple[Entry, ...]]:
        """Return all entries by their first word, the longest first.

        The longest goes first: "no longer" before "no".
        """
        found: dict[str, list[Entry]] = {}
        for words in self.classes.keys() | self.verbs.keys():
            classes = frozenset(self.classes.get(words, ()))
            verbs = tuple(self.verbs.get(words, ()))
            found.setdefault(words[0], []).append(Entry(words, classes, verbs))
        ordered = {}
        for first, entries in found.items():
            ordered[first] = tuple(sorted(entries, key=lambda entry: -len(entry.words)))
        return ordered


def _only(
    row: Mapping[str, Any], keys: frozenset[str], name: str, language: str
) -> None:
    """Refuse a key that nobody reads."""
    unknown = sorted(set(row) - keys)
    if unknown:
        raise _refused(name, language, repr(unknown[0]))


def _refused(name: str, language: str, why: str) -> WatcherError:
    return WatcherError(
        f"The entry {name!r} cannot be used: {why}. Correct it in {language}.toml."
    )


def _built(
    build: Callable[[Mapping[str, Any]], Built],
    row: Mapping[str, Any],
    keys: frozenset[str],
    language: str,
) -> Built:
    """What a row of a language's file is; one that cannot be used is refused by its name."""
    name = str(row.get("name", "?"))
    _only(row, keys, name, language)
    try:
        return build(row)
    except (KeyError, ValueError) as error:
        raise _refused(name, language, str(error)) from error


def _sense(row: Mapping[str, Any]) -> Sense:
    return Sense(
        name=row["name"],
        kind=_kind(row.get("kind")),
        objects=frozenset(row["objects"].split()),
        alone=row.get("alone", False),
        intransitive=row.get("intransitive", ""),
        not_with=_patterns(row.get("not_with", ())),
        again=_kind(row.get("again", row.get("kind"))),
        gone=_kind(row.get("gone")),
        examples=tuple(row["examples"]),
        counter_examples=tuple(row["counter_examples"]),
    )


def _kind(name: str | None) -> Kind | None:
    return Kind(name) if name else None


def _frame(row: Mapping[str, Any]) -> Frame:
    kind = Kind(row["kind"])
    return Frame(
        name=row["name"],
        kind=kind,
        patterns=_patterns(row["patterns"]),
        unless=frozenset(row.get("unless", "").split()),
        not_with=_patterns(row.get("not_with", ())),
        context=_patterns(row.get("context", ())),
        never_in=_patterns(row.get("never_in", ())),
        silenced=row.get("silenced", False),
        yields=frozenset(map(Kind, row.get("yields", YIELDS[kind]))),
        examples=tuple(row["examples"]),
        counter_examples=tuple(row["counter_examples"]),
    )


def _patterns(rows: Iterable[str]) -> tuple[tuple[Element, ...], ...]:
    return tuple(pattern(row) for row in rows)


def pattern(row: str) -> tuple[Element, ...]:
    """Read a pattern: "<offered> ..9 no|not? <be> available".

    ``<offered>`` is a class, other words stand for themselves, ``|`` separates choices, ``?``
    makes a step optional, ``..9`` lets up to nine other words stand before the next step (``...``
    the whole clause), ``^`` and ``$`` are the sentence's ends.
    """
    elements = []
    gap = 0
    for part in row.split():
        if part.startswith(".."):
            gap = int(part[2:]) if part[2:].isdigit() else 40
            continue
        optional = part.endswith("?") and len(part) > 1
        choices = part.removesuffix("?") if optional else part
        named = []
        for choice in choices.split("|"):
            is_class = choice.startswith("<") and choice.endswith(">")
            named.append(choice if is_class else key(choice))
        elements.append(Element(tuple(named), gap, optional))
        gap = 0
    return tuple(elements)


# Letters of a word that is hardly another language's by chance
SHORTEST_DISTINCTIVE = 5
LOOKED_AT = 4000  # characters: a page's beginning tells its language
_WORD = re.compile(r"[^\W\d_]{2,}")
_JAPANESE = re.compile(r"[\u3040-\u30ff]")


@lru_cache(maxsize=1 << 10)
def language_of(text: str) -> str:
    """Return the language of which a text has most of the small words; English when it has none.

    Of its first ``LOOKED_AT`` letters; Japanese is known by its script.
    """
    if _JAPANESE.search(text, 0, LOOKED_AT):
        return "ja"
    words = [word.lower() for word in _WORD.findall(text[:LOOKED_AT])]

    def count(language: str) -> int:
        return sum(map(_own_words(language).__contains__, words))

    # Of two with as many the first: English
    return max(LANGUAGES, key=count)


@cache
def _own_words(language: str) -> frozenset[str]:
    """The words that tell a language: its small ones, and long ones that are not English.

    English is told by its small ones alone: "update" and "patch" are in every language.
    """
    small = lexicon(language).detect
    if language == "en":
        return small
    long = {
        word for word in lexicon(language).entries if len(word) >= SHORTEST_DISTINCTIVE
    }
    for entries in lexicon("en").entries.values():
        for entry in entries:
            long.difference_update(entry.words)
    return small | long
