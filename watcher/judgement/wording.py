"""What a vendor's words say: kinds, and the rule and the words that decided.

The rules are data (``wording.toml``, a table for each language); this file only
evaluates them.  A rule reads one sentence.  Its words count where none of its bars
holds: bars are what turns a statement into something else - negation, condition,
future, question, an older incident.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from watcher.errors import WatcherError
from watcher.judgement.normalize.references import fold, kbs_in
from watcher.judgement.sentences import content, corrected, sentences, words
from watcher.records import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_KEYS = frozenset(
    (  # noqa: SIM905 - one line
        "kind name stems patterns unless not_with context never_in silenced "
        "yields examples counter_examples"
    ).split()
)
_PLACES = ("before", "inside", "after", "anywhere")
_TERM = re.compile(r"\{([a-z_]+)\}")


class Reading(Struct, frozen=True):
    """One thing that a text says.

    Its kind, the rule and the words that decided, and where they stand.

    ``kbs`` are the KB articles that the sentence says it of, without those it names as
    another update ("replaces KB...", "previously released KB...").
    """

    kind: Kind
    rule: str
    words: str
    sentence: str
    kbs: tuple[str, ...] = ()


class Bar(Struct, frozen=True):
    """What keeps a rule's words from counting.

    ``before`` is looked for in what comes before them in their clause, ``inside`` in
    themselves, ``after`` in the rest of the sentence, ``anywhere`` in all of it.
    """

    before: re.Pattern[str]
    inside: re.Pattern[str]
    after: re.Pattern[str]
    anywhere: re.Pattern[str]


class Rule(Struct, frozen=True):
    """One way of saying a kind.

    ``stems`` are pieces of words: a cheap first look, a sentence without any is not
    read further. ``unless`` names bars and ``not_with`` adds the rule's own words, for
    the sentence.  For the whole text: ``context`` must stand in one of its sentences,
    ``never_in`` in none; ``silenced`` rules yield to a note that calls itself
    informational, and ``yields`` to the kinds that say more.  Examples are tests.
    """

    kind: Kind
    name: str
    stems: frozenset[str]
    pattern: re.Pattern[str]
    bars: tuple[Bar, ...]
    not_with: re.Pattern[str]
    context: re.Pattern[str]
    never_in: re.Pattern[str]
    silenced: bool
    yields: frozenset[Kind]
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...]


# Compared by identity, so that sentences can be remembered by it
class Language(Struct, frozen=True, eq=False):
    """A language's table, compiled.

    A text without any of the ``stems``, which are those of all rules, says nothing.
    """

    stems: frozenset[str]
    clause: re.Pattern[str]
    informational: re.Pattern[str]
    aside: re.Pattern[str]
    rules: tuple[Rule, ...]


def read(text: str, language: str = "en") -> tuple[Reading, ...]:
    """Return what `text` says, sentence by sentence, each rule once a sentence.

    Empty when it is no news.

    Raises `WatcherError` when there are no rules for `language`.
    """
    return readings(text, _language(language))


def kinds(text: str, language: str = "en") -> tuple[Kind, ...]:
    """Return the kinds that `text` says, gravest first, each once."""
    said = {reading.kind for reading in read(text, language)}
    return tuple(kind for kind in Kind if kind in said)


def new_sentences(
    before: Iterable[str], after: Iterable[str], language: str = "en"
) -> tuple[str, ...]:
    """Return the sentences of the texts `after` that do not stand in the texts `before`,
    each once, in their order.

    Spaces, case, hyphens, quotes and punctuation make no difference, nor does
    corrected typing that changes neither a number (a date is content), nor a negation,
    nor what the sentence says.
    """
    old = {words(sentence): sentence for text in before for sentence in sentences(text)}
    alike: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for these in old:
        alike.setdefault(content(these), []).append(these)
    known, news = {(), *old}, list[str]()
    for sentence in (sentence for text in after for sentence in sentences(text)):
        these = words(sentence)
        if these in known:
            continue
        known.add(these)
        said = kinds(sentence, language)
        if not any(
            corrected(those, these) and kinds(old[those], language) == said
            for those in alike.get(content(these), ())
        ):
            news.append(sentence)
    return tuple(news)


def readings(text: str, language: Language) -> tuple[Reading, ...]:
    """Return what `text` says by the rules of a compiled `language`."""
    folded = fold(text).lower()
    if not any(stem in folded for stem in language.stems):
        return ()
    found = tuple(fold(sentence) for sentence in sentences(text))
    informational = any(map(language.informational.search, found))
    said = [
        (rule, reading)
        for sentence in found
        for rule, reading in _said(sentence, language)
        if not (informational and rule.silenced) and _fits(rule, found)
    ]
    told = {rule.kind for rule, _ in said}
    return tuple(reading for rule, reading in said if not rule.yields & told)


# Vendors repeat themselves: a month's thousand notes are a few hundred sentences
@lru_cache(maxsize=1 << 14)
def _said(sentence: str, language: Language) -> tuple[tuple[Rule, Reading], ...]:
    """What one folded sentence says by itself."""
    lower = sentence.lower()
    present = frozenset(stem for stem in language.stems if stem in lower)
    found = (
        (rule, _reading(rule, sentence, language))
        for rule in language.rules
        if rule.stems & present
    )
    return tuple((rule, reading) for rule, reading in found if reading)


def _fits(rule: Rule, text: tuple[str, ...]) -> bool:
    """Whether the rest of the text lets the rule speak."""
    return any(map(rule.context.search, text)) and not any(
        map(rule.never_in.search, text)
    )


def _reading(rule: Rule, sentence: str, language: Language) -> Reading | None:
    """The first of the rule's words in the sentence that no bar takes away."""
    for match in rule.pattern.finditer(sentence):
        if not any(
            _holds(bar, sentence, match, language) for bar in rule.bars
        ) and not rule.not_with.search(sentence):
            return Reading(
                rule.kind, rule.name, match[0], sentence, _own_kbs(sentence, language)
            )
    return None


def _holds(bar: Bar, sentence: str, match: re.Match[str], language: Language) -> bool:
    """Whether the bar turns the matched words into something else."""
    lead = language.clause.split(sentence[: match.start()])[-1]
    rest = sentence[match.end() :]
    return bool(
        bar.before.search(lead)
        or bar.inside.search(match[0])
        or bar.after.search(rest)
        or bar.anywhere.search(sentence)
    )


def _own_kbs(sentence: str, language: Language) -> tuple[str, ...]:
    """KB articles the sentence is about; when it names only others, those."""
    return kbs_in(language.aside.sub(" ", sentence)) or kbs_in(sentence)


@cache
def _language(name: str) -> Language:
    """The compiled table of one language, read from the package once."""
    tables = tomllib.loads(
        resources.files(__package__).joinpath("wording.toml").read_text("utf-8")
    )
    if name not in tables:
        msg = (
            f"There are no wording rules for the language {name!r}; there are "
            f"for: {', '.join(sorted(tables))}. Use one of those."
        )
        raise WatcherError(msg)
    return compiled(tables[name])


def compiled(table: Mapping[str, Any]) -> Language:
    """Compile a language's table as ``wording.toml`` holds it.

    ``{name}`` in a pattern stands for the table's term of that name.  Raises
    `WatcherError` naming the rule and what is wrong with it.
    """
    terms = table["terms"]
    bars = {
        name: Bar(*(_pattern(bar.get(where, ()), terms) for where in _PLACES))
        for name, bar in table["bars"].items()
    }
    rules = tuple(_rule(rule, bars, terms) for rule in table["rules"])
    clause, informational, aside = (
        _pattern(table[name], terms) for name in ("clause", "informational", "aside")
    )
    stems = frozenset[str]().union(*(rule.stems for rule in rules))
    return Language(stems, clause, informational, aside, rules)


def _rule(
    rule: Mapping[str, Any], bars: Mapping[str, Bar], terms: Mapping[str, str]
) -> Rule:
    """One rule of a table."""
    try:
        if unknown := sorted(set(rule) - _KEYS):
            raise KeyError(unknown[0])  # noqa: TRY301 - the same complaint as for a missing key
        return Rule(
            kind=Kind(rule["kind"]),
            name=rule["name"],
            stems=frozenset(rule["stems"]),
            pattern=_pattern(rule["patterns"], terms),
            bars=tuple(bars[name] for name in rule.get("unless", ())),
            not_with=_pattern(rule.get("not_with", ()), terms),
            context=_pattern(rule.get("context", ("",)), terms),
            never_in=_pattern(rule.get("never_in", ()), terms),
            silenced=rule.get("silenced", False),
            yields=frozenset(map(Kind, rule.get("yields", ()))),
            examples=tuple(rule["examples"]),
            counter_examples=tuple(rule["counter_examples"]),
        )
    except (KeyError, ValueError, re.error) as error:
        msg = (
            f"The wording rule {rule.get('name', '?')!r} cannot be used: {error}. "
            "Correct it in wording.toml."
        )
        raise WatcherError(msg) from error


def _pattern(alternatives: Iterable[str], terms: Mapping[str, str]) -> re.Pattern[str]:
    """One expression for all alternatives, case ignored; one that never matches for none."""
    joined = "|".join(f"(?:{alternative})" for alternative in alternatives) or r"(?!)"
    return re.compile("".join(_expanded(joined, terms)), re.IGNORECASE)


def _expanded(pattern: str, terms: Mapping[str, str]) -> Iterator[str]:
    """The pattern with its terms put in; terms may use terms."""
    for index, part in enumerate(_TERM.split(pattern)):
        yield f"(?:{''.join(_expanded(terms[part], terms))})" if index % 2 else part
