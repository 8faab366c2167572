"""Verbs in their clauses: who acts, in which voice, and whether it is a statement of now."""

from __future__ import annotations

from msgspec import Struct

from watcher.judgement.reading.lexicon import Lexicon, Verb
from watcher.judgement.reading.phrases import (
    AUXILIARIES,
    DASHES,
    Phrase,
    is_verb,
    tokens_between,
)
from watcher.judgement.reading.tokens import (
    Token,
    Tokens,
    place_before,
    some_have,
    word_at,
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
    voice = _voice(tokens, lexicon, Verbal(place, verb, chain, start, end, names, ""))
    if not voice:
        return None
    return Verbal(place, verb, chain, start, end, names, voice)


def _classes(words: list[Token]) -> frozenset[str]:
    return frozenset(name for word in words for name in word.classes)


def _voice(tokens: Tokens, lexicon: Lexicon, verbal: Verbal) -> str:
    """Whether the subject acts or is acted upon; "heading" for a clipped form; "" for neither."""
    names = verbal.auxiliaries
    form = verbal.verb.form
    if form in {"state", "participle"}:
        return _voice_of_participle(tokens, verbal)
    if form == "past":
        is_active = not names & {"be", "have"}
    elif form == "gerund":
        is_active = "be" in names or _is_told_by_gerund(tokens.words, verbal.chain)
    elif form == "base":
        is_active = _is_told_by_base(tokens.words, verbal)
    else:
        is_active = not (lexicon.free_order and "modal" in names)
    return "active" if is_active else ""


def _voice_of_participle(tokens: Tokens, verbal: Verbal) -> str:
    if "be" in verbal.auxiliaries:
        return "passive"
    if verbal.verb.form == "state":
        return "passive" if _is_heading(tokens, verbal.place) else ""
    if "have" in verbal.auxiliaries:
        return "active"
    return "heading" if _is_heading(tokens, verbal.place) else ""


def _is_told_by_gerund(words: list[Token], chain: int) -> bool:
    """Whether "withdrawing" tells what was done: "responded by withdrawing the firmware"."""
    leading = word_at(words, chain - 1)
    if chain == 0 or leading.has("by", "did", "in"):
        return True
    return leading.key in {",", "and"}


def _is_told_by_base(words: list[Token], verbal: Verbal) -> bool:
    """Whether "withdraw" is a statement's verb: with an auxiliary, or after "we"."""
    if "to" in verbal.auxiliaries:
        return was_done(words, verbal.place)
    if verbal.auxiliaries & {"modal", "do", "nolonger"}:
        return True
    return verbal.chain > 0 and words[verbal.chain - 1].has("vendor")


def chain_of(words: list[Token], place: int) -> int:
    """Return where the auxiliaries and adverbs before a verb begin."""
    while place > 0 and _is_auxiliary(words, place - 1):
        place -= 1
    return place


def coordinate(words: list[Token], chain: int) -> int | None:
    """Return the verb that one goes on from: "identified" in "identified it and stopped ..."."""
    if chain == 0:
        return None
    if words[chain].has("conj"):
        chain += 1
    leading = words[chain - 1]
    if not (leading.has("conj") or leading.key in {",", "but"}):
        return None
    for before in range(chain - 2, max(-1, chain - 30), -1):
        word = words[before]
        if word.has("but", "rel", "condition") or word.key in {";", ":"}:
            return None
        if before and words[before - 1].has("to"):
            continue
        if word.has("verb") or is_verb(words, before):
            return before
        # "We have fixed the issue and re-released it": "fixed" may be an adjective elsewhere.
        is_participle = before > 0 and word.has("cured", "ed")
        if is_participle and words[before - 1].has("have", "be", "pronoun", "vendor"):
            return before
    return None


def _is_auxiliary(words: list[Token], place: int) -> bool:
    word = words[place]
    if not word.has(*AUXILIARIES):
        return False
    return not (word.has("rel", "det") and not word.has("be"))


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


def _is_heading(tokens: Tokens, place: int) -> bool:
    """Whether a participle stands as headings have it: "Withdrawn: ...", "KB1 (recalled)".

    Nothing else in its clause is a finite verb.
    """
    words = tokens.words
    before = word_at(words, place - 1).key
    after = word_at(words, place + 1).key
    if before in {"(", "["} and after in {")", "]", ",", ";"}:
        return True
    if place == 0 and after in {":", *DASHES}:
        return True
    if place + 1 == len(words) and before in {":", *DASHES}:
        return True
    start, end = clause(tokens, place)
    # "Search fixed and update withdrawn"
    for joint in range(start + 1, place):
        if words[joint].has("conj"):
            start = joint + 1
    others = words[start:place] + words[place + 1 : end]
    if some_have(others, "be", "have", "do", "modal", "verb", "condition", "rel"):
        return False
    for other in range(start, place):
        if not words[other].has("noun") and is_verb(words, other):
            return False
    return True


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
    """Whether a clause ends here."""
    word = words[place]
    if word.has("but") or word.key in {";", ":", "\u2013", "\u2014", "|"}:
        return True
    if word.key == ",":
        return not _is_in_list(words, place)
    is_joint = place > 0 and words[place - 1].end == word.start
    return word.key == "-" and not is_joint


def _is_in_list(words: list[Token], place: int) -> bool:
    """Whether a comma stands between two articles or versions: "KB1, KB2 and KB3"."""
    listed = ("kb", "version", "number")
    before, after = word_at(words, place - 1), word_at(words, place + 1)
    return before.has(*listed) and after.has(*listed)


def is_hypothetical(tokens: Tokens, verbal: Verbal, kind: Kind) -> bool:
    """Say whether the act is to come, possible, conditional: no statement of now."""
    words = tokens.words
    names = verbal.auxiliaries
    # "will no longer be offered" is told of now.
    if "modal" in names and not ("nolonger" in names and kind is Kind.PULLED):
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
        leading = words[place - 1]
        if words[place].key == "which" and leading.has("prep", "from"):
            return not leading.has("after")
    return False


def _is_fact(tokens: Tokens, verbal: Verbal) -> bool:
    """Whether a form with "to" tells what was done: "had to be pulled"."""
    if verbal.verb.form == "base" or was_done(tokens.words, verbal.place):
        return True
    return tokens_between(tokens, verbal.chain, verbal.place, "have")


def _is_aside(words: list[Token], verbal: Verbal) -> bool:
    """Whether a release is told as a reason or a manner: "because it is now offered"."""
    if verbal.start and words[verbal.start - 1].has("reason"):
        return True
    return words[verbal.chain].key == "being"


def is_history(tokens: Tokens, verbal: Verbal) -> bool:
    """Whether it happened long ago: "In 2014 we recalled ..."; a perfect tense is of now.

    "The update released in 2024 has been pulled" is of now.
    """
    words = tokens.words
    if tokens_between(tokens, 0, len(words), "history"):
        return True
    simple_past = verbal.verb.form == "past" or tokens_between(
        tokens, verbal.chain, verbal.place, "was"
    )
    if not simple_past:
        return False
    for place in range(len(words) - 1):
        if not (words[place].has("in") and words[place + 1].has("year")):
            continue
        attribute = (
            place > 0 and place - 1 != verbal.place and bool(words[place - 1].verbs)
        )
        if not attribute:
            return True
    return False


def is_relative(
    tokens: Tokens, verbal: Verbal, theme: Phrase, subject: Phrase | None
) -> bool:
    """Whether it only says which one is meant: "a release that it withdrew in 2021"."""
    if theme.relative or (subject is not None and subject.relative):
        return True
    words = tokens.words
    if verbal.voice == "active" and subject is not None and subject.start > 0:
        leading = words[subject.start - 1]
        return leading.has("rel") and theme.start < 0
    return False


def is_earlier(tokens: Tokens, verbal: Verbal) -> bool:
    """Whether the sentence puts the act before another: "after initially pulling it"."""
    return tokens_between(tokens, verbal.start, verbal.place, "after", "initially")


def is_called_false(tokens: Tokens, after: int) -> bool:
    """Whether the sentence goes on to deny it: "Reports that it was pulled are false"."""
    words = tokens.words
    denials = [place for place in range(after, len(words)) if words[place].has("false")]
    return any(tokens_between(tokens, place - 3, place, "be") for place in denials)
