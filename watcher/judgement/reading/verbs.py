"""Verbs in their clauses: who acts, in which voice, and whether it is a statement of now."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement.reading.lexicon import Lexicon, Verb
from watcher.judgement.reading.phrases import (
    AUXILIARIES,
    tokens_between,
)
from watcher.judgement.reading.tokens import (
    Token,
    Tokens,
    holds,
    no,
    place_before,
    some_have,
    somewhere,
    word_at,
    yes,
)
from watcher.records import Kind

REACH = 10  # words within which a particle follows its verb
COMPELLED = 4  # words between "forced" and the "to" of what somebody was forced to


class Verbal(Struct, frozen=True):
    """A verb in its clause: its auxiliaries from ``chain`` on, and the clause's ends."""

    place: int
    verb: Verb
    chain: int
    start: int
    end: int
    auxiliaries: frozenset[str]
    voice: str  # active, passive, heading
    free_order: bool  # its object may stand on either side of it

    @property
    def has_object_behind(self) -> bool:
        """Whether its subject stands before it and its object behind: "we pulled the update"."""
        return self.voice == "active" and not self.free_order


def verbal_of(
    tokens: Tokens, lexicon: Lexicon, place: int, verb: Verb
) -> Verbal | None:
    """Return a verb with its auxiliaries and its voice; None where it states nothing."""
    words = tokens.words
    start, end = clause(tokens, place)
    if lexicon.free_order:
        chain = place
        names = _classes(words[start:place] + words[place + 1 : end])
    else:
        chain = chain_of(words, place)
        names = _classes(words[chain:place])
        former = coordinate(words, chain)
        is_bare = verb.form in {"participle", "past"} and not names & {"be", "have"}
        if former is not None and is_bare:
            # "has been updated and reissued": the auxiliaries are the first verb's.
            names |= _classes(words[chain_of(words, former) : former])
    verbal = Verbal(place, verb, chain, start, end, names, "active", lexicon.free_order)
    if verb.form in {"state", "participle"}:
        voice = _voice_of_participle(tokens, verbal)
        return replace(verbal, voice=voice) if voice else None
    return verbal if _is_active(words, verbal) else None


def _classes(words: list[Token]) -> frozenset[str]:
    return frozenset().union(*(word.classes for word in words))


def _is_active(words: list[Token], verbal: Verbal) -> bool:
    """Whether a form that is no participle tells what its subject does."""
    names = verbal.auxiliaries
    # "We", or nobody, before the verb and its auxiliaries
    leading = word_at(words, verbal.chain - 1)
    match verbal.verb.form:
        case "past":
            return not names & {"be", "have"}
        case "gerund":
            # "responded by withdrawing the firmware"
            return "be" in names or leading.has("edge", "by", "did", "in", "=,", "=and")
        case "base" if "to" in names:
            return was_done(words, verbal.place)
        case "base":
            return bool(names & {"modal", "do", "nolonger"}) or leading.has("vendor")
    return not (verbal.free_order and "modal" in names)


def _voice_of_participle(tokens: Tokens, verbal: Verbal) -> str:
    """The voice: "passive", "active", "heading" for a clipped form, "" where it states nothing."""
    is_state = verbal.verb.form == "state"
    if "be" in verbal.auxiliaries:
        return "passive"
    if "have" in verbal.auxiliaries and not is_state:
        return "active"
    if not _is_heading(tokens, verbal.place):
        return ""
    return "passive" if is_state else "heading"


# Whether a word is an auxiliary: in "that has", "that" is none, though it may be one.
_AUXILIARY = (
    yes(here="be"),
    no(here="rel det"),
    yes(here=" ".join(AUXILIARIES)),
)


def chain_of(words: list[Token], place: int) -> int:
    """Return where the auxiliaries and adverbs before a verb begin."""
    while holds(_AUXILIARY, words, place - 1):
        place -= 1
    return place


# Whether a word is the verb that a later one goes on from.
_FORMER = (
    no(before="to"),
    yes(here="verb verb-here"),
    # "We have fixed the issue and re-released it": "fixed" may be an adjective elsewhere.
    yes(before="have be pronoun vendor", here="cured ed"),
)


def coordinate(words: list[Token], chain: int) -> int | None:
    """Return the verb that one goes on from: "identified" in "identified it and stopped ..."."""
    if words[chain].has("conj"):
        chain += 1
    if not word_at(words, chain - 1).has("conj", "=,", "=but"):
        return None
    for place in range(chain - 2, max(-1, chain - 30), -1):
        word = words[place]
        if word.has("but", "rel", "condition", "=;", "=:"):
            return None
        if holds(_FORMER, words, place):
            return place
    return None


def has_particle(tokens: Tokens, place: int, particle: str) -> bool:
    """Whether the verb's particle follows: "taken down", "takes the update down"."""
    for word in tokens.words[place + 1 : place + 1 + REACH]:
        # "back" is in "back on", too
        if particle in {word.key, *word.key.split()}:
            return True
        if word.key in {",", ";", ":"}:
            return False
    return False


def was_done(words: list[Token], place: int) -> bool:
    """Say whether an infinitive tells what was done: "had to pull", "decided to withdraw"."""
    before = place_before(words, place, "to", "adverb")
    leading = word_at(words, before)
    if leading.has("did"):
        return True
    # MS13-061: "Rereleased bulletin to remove the 2874216 updates".
    if leading.has("document") and word_at(words, before - 1).has("did"):
        return True
    # "An error led us to revoke the update", "It took three days to put it back".
    return some_have(words[max(0, before - COMPELLED) : max(0, before)], "compelled")


# What leaves no doubt that a participle stands as headings have it.
_HEADING = (
    # Said of KB1 in brackets, "Withdrawn: Example Agent 4.2", "KB1 - withdrawn"
    yes(before="=( =[", after="=) =] =, =;"),
    yes(before="edge", after="=: =- =\u2013 =\u2014"),
    yes(before="=: =- =\u2013 =\u2014", after="edge"),
)


def _is_heading(tokens: Tokens, place: int) -> bool:
    """Whether a participle stands as headings have it: nothing beside it is a finite verb."""
    words = tokens.words
    if holds(_HEADING, words, place):
        return True
    start, end = clause(tokens, place)
    # "Search fixed and update withdrawn"
    for joint in range(start + 1, place):
        if words[joint].has("conj"):
            start = joint + 1
    others = words[start:place] + words[place + 1 : end]
    if some_have(others, "be", "have", "do", "modal", "verb", "condition", "rel"):
        return False
    return not some_have(words[start:place], "plain-verb")


# Whether a clause ends with a word.
_BOUND = (
    yes(here="but =; =: =\u2013 =\u2014 =|"),
    # "KB1, KB2 and KB3" is a list
    no(before="kb version number", here="=,", after="kb version number"),
    yes(here="=,"),
)


def clause(tokens: Tokens, place: int) -> tuple[int, int]:
    """Return where the clause of a word begins and ends."""
    words = tokens.words
    start = place
    while start > 0 and not _bounds(words, start - 1):
        start -= 1
    end = place + 1
    while end < len(words) and not _bounds(words, end):
        end += 1
    return start, end


def _bounds(words: list[Token], place: int) -> bool:
    """Whether a clause ends with the word at a place; a hyphen inside a name ends none."""
    word = words[place]
    if word.key == "-":
        return place == 0 or words[place - 1].end != word.start
    return holds(_BOUND, words, place)


def is_hypothetical(tokens: Tokens, verbal: Verbal, kind: Kind) -> bool:
    """Say whether the act is to come, possible, conditional: no statement of now."""
    words = tokens.words
    names = verbal.auxiliaries
    # "will no longer be offered" is told of now.
    is_of_now = "nolonger" in names and kind is Kind.PULLED
    if "modal" in names and not is_of_now:
        return True
    if tokens_between(tokens, verbal.start, verbal.place, "condition", "denial"):
        return True
    if _tells_where(words, verbal):
        return True
    # "The driver is automatically removed if the check fails."
    if word_at(words, verbal.place + 1).key in {"if", "when", "unless", "whenever"}:
        return not names & {"was", "have"}
    if "to" in names and not _is_fact(tokens, verbal):
        return True
    if kind is Kind.RELEASED and _is_aside(words, verbal):
        return True
    reach = 6 if verbal.verb.form == "gerund" else 2
    return tokens_between(tokens, verbal.chain - reach, verbal.chain, "future")


def _tells_where(words: list[Token], verbal: Verbal) -> bool:
    """Whether it only says where or how: "from the point at which it was suspended"."""
    for place in range(verbal.start + 1, verbal.place):
        if words[place].key == "which" and words[place - 1].has("prep", "from"):
            return not words[place - 1].has("after")
    return False


def _is_fact(tokens: Tokens, verbal: Verbal) -> bool:
    """Whether a form with "to" tells what was done: "had to be pulled"."""
    if verbal.verb.form == "base" or was_done(tokens.words, verbal.place):
        return True
    return tokens_between(tokens, verbal.chain, verbal.place, "have")


def _is_aside(words: list[Token], verbal: Verbal) -> bool:
    """Whether a release is told as a reason or a manner: "because it is now offered"."""
    leading = word_at(words, verbal.start - 1)
    return leading.has("reason") or words[verbal.chain].key == "being"


# "In 2014", but "the update released in 2024"
_IN_YEAR = (yes(here="in", after="year"),)
_IN_YEAR_OF_ITS_OWN = (no(before="verbal"), *_IN_YEAR)


def is_history(tokens: Tokens, verbal: Verbal) -> bool:
    """Whether it happened long ago: "In 2014 we recalled ..."; a perfect tense is of now.

    "The update released in 2024 has been pulled" is of now.
    """
    words = tokens.words
    if some_have(words, "history"):
        return True
    is_simple_past = verbal.verb.form == "past" or tokens_between(
        tokens, verbal.chain, verbal.place, "was"
    )
    if not is_simple_past:
        return False
    # "It was pulled in 2014": the year is the verb's.
    if holds(_IN_YEAR, words, verbal.place + 1):
        return True
    return somewhere(_IN_YEAR_OF_ITS_OWN, words, 0, len(words))


def is_earlier(tokens: Tokens, verbal: Verbal) -> bool:
    """Whether the sentence puts the act before another: "after initially pulling it"."""
    return tokens_between(tokens, verbal.start, verbal.place, "after", "initially")


def is_called_false(tokens: Tokens, after: int) -> bool:
    """Whether the sentence goes on to deny it: "Reports that it was pulled are false"."""
    words = tokens.words
    for place in range(after, len(words)):
        is_denial = words[place].has("false")
        if is_denial and tokens_between(tokens, place - 3, place, "be"):
            return True
    return False
