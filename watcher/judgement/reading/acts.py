"""What verbs say of what is offered: "we pulled it", "it has been withdrawn", "the recall of it".

A verb counts where it is an act: not an attribute ("the re-released update"), not denied, not to
come, not asked for, not a customer's, not of something else.
"""

from __future__ import annotations

from msgspec import Struct

from watcher.judgement.reading.lexicon import Lexicon, Sense
from watcher.judgement.reading.phrases import Phrase, of_phrase, tokens_between
from watcher.judgement.reading.themes import (
    NEAR,
    Topic,
    happens,
    is_by_customer,
    is_theme,
    may_act,
    place_allows,
    subject_of,
    theme_of,
)
from watcher.judgement.reading.tokens import (
    Token,
    Tokens,
    finds_one,
    place_before,
    places_of,
    some_have,
    word_at,
)
from watcher.judgement.reading.verbs import (
    Verbal,
    clause,
    has_particle,
    is_called_false,
    is_earlier,
    is_history,
    is_hypothetical,
    verbal_of,
)
from watcher.records import Kind

MOST_VERBS = 40  # what has more of them is no sentence, and would cost seconds
# Forms of a verb that tell what always happens.
HABITUAL = frozenset(("base", "present"))
# What makes an act one that is asked for, denied, or to come.
ONLY_TALK = ("condition", "not", "modal", "future", "nolonger", "wish")
# How a frame was said, for people.
HOW = {
    "active": "the vendor does it",
    "passive": "it is done",
    "heading": "heading",
    "noun": "the act as a noun",
}


# Which of two acts undoes the other.
OPPOSITES = {Kind.PULLED: Kind.RE_RELEASED, Kind.RE_RELEASED: Kind.PULLED}


class Act(Struct, frozen=True):
    """Something done to what is offered, as a sentence says it.

    ``frame`` is how it was said, for people.  ``named`` are the words that name what it is done
    to: "" for an "it".  ``earlier`` is an act that the sentence itself puts before another ("after
    pulling it"); ``relative`` one that says which update is meant.
    """

    kind: Kind
    frame: str
    place: int
    start: int
    end: int
    theme: Phrase | None
    named: str
    earlier: bool = False
    relative: bool = False

    @property
    def is_main(self) -> bool:
        """Whether the sentence is there to tell it."""
        return not (self.earlier or self.relative)

    def is_done_to(self, place: int) -> bool:
        """Whether a word is part of what it is done to."""
        return self.theme is not None and self.theme.start <= place < self.theme.last


def acts(tokens: Tokens, lexicon: Lexicon, topic: Topic) -> list[Act]:
    """Return the acts that a sentence tells, in its order.

    ``topic`` says what "it" is when nothing in the sentence does.
    """
    if tokens.is_question:
        return []
    words = tokens.words
    found: list[Act] = []
    for place in places_of(words, "verbal")[:MOST_VERBS]:
        if not words[place].has("verb-here"):
            continue
        act = _act_of_verb(tokens, lexicon, topic, place)
        if act is not None:
            found.append(act)
    for place in places_of(words, "act"):
        # "We stopped the re-release of the update" tells of the stop alone.
        if any(act.is_done_to(place) for act in found):
            continue
        act = _act_of_noun(tokens, lexicon, topic, place)
        if act is not None:
            found.append(act)
    return sorted(found, key=lambda act: act.place)


def _act_of_verb(
    tokens: Tokens, lexicon: Lexicon, topic: Topic, place: int
) -> Act | None:
    words = tokens.words
    for verb in words[place].verbs:
        if verb.particle and not has_particle(tokens, place, verb.particle):
            continue
        sense = lexicon.senses[verb.sense]
        verbal = verbal_of(tokens, lexicon, place, verb)
        if verbal is None:
            continue
        act = _judge(tokens, lexicon, topic, sense, verbal)
        if act is not None:
            return act
    return None


def _judge(
    tokens: Tokens, lexicon: Lexicon, topic: Topic, sense: Sense, verbal: Verbal
) -> Act | None:
    """The act that a verb with its object is; None where it is none."""
    words = tokens.words
    found = theme_of(tokens, lexicon, sense, verbal)
    theme = found.phrase
    subject = subject_of(words, verbal) if verbal.has_object_behind else None
    if subject is not None and happens(tokens, sense, subject, theme, topic, verbal):
        theme, subject = subject, None
    kind = _kind(tokens, sense, verbal, theme)
    if kind is None:
        return None
    if theme is None:
        return _heading_alone(words, sense, verbal, kind)
    if _is_barred(tokens, sense, verbal, theme):
        return None
    if verbal.has_object_behind and not _may_do(tokens, sense, verbal, subject, theme):
        return None
    alone = sense.alone or kind is not Kind.RELEASED
    offered = found.is_offering or is_theme(
        tokens, sense, theme, topic, verbal.place, alone=alone
    )
    if not offered or is_hypothetical(tokens, verbal, kind):
        return None
    if kind is Kind.PULLED and not place_allows(tokens, verbal, theme):
        return None
    # "a release that was withdrawn in 2021" only says which one is meant
    relative = theme.relative or (subject is not None and subject.relative)
    if relative and _only_tells_which(tokens, verbal, theme, kind):
        return None
    start, end = _extent(verbal, theme)
    return Act(
        kind=kind,
        frame=f"{sense.name}: {HOW[verbal.voice]}",
        place=verbal.place,
        start=start,
        end=end,
        theme=theme,
        named=_named(tokens, theme),
        earlier=is_earlier(tokens, verbal),
        relative=relative,
    )


def _heading_alone(
    words: list[Token], sense: Sense, verbal: Verbal, kind: Kind
) -> Act | None:
    """The act that is one word: "Withdrawn - do not deploy"."""
    if not sense.alone or verbal.voice != "heading" or verbal.place != 0:
        return None
    if not word_at(words, 1).has("edge", "mark"):
        return None
    return Act(kind, f"{sense.name}: {HOW['heading']}", 0, 0, 1, None, "")


def _is_barred(tokens: Tokens, sense: Sense, verbal: Verbal, theme: Phrase) -> bool:
    """Whether the object or the sentence makes it something else, or it was long ago."""
    words = tokens.words
    if word_at(words, theme.start - 1).has("not"):
        return True
    if verbal.voice == "heading" and theme.pronoun:
        return True
    if is_by_customer(words, verbal) or is_history(tokens, verbal):
        return True
    return finds_one(tokens, sense.not_with)


def _may_do(
    tokens: Tokens, sense: Sense, verbal: Verbal, subject: Phrase | None, theme: Phrase
) -> bool:
    """Whether somebody acts who may: a bare imperative is the reader's to follow."""
    words = tokens.words
    if subject is None:
        is_imperative = verbal.verb.form == "base" and "to" not in verbal.auxiliaries
        return not is_imperative or theme.start < verbal.place
    # "Bulletin revised to remove the update": the paper is revised, the vendor removes.
    if words[subject.head].has("document") and "to" in verbal.auxiliaries:
        return True
    return may_act(tokens, sense, subject)


def _only_tells_which(
    tokens: Tokens, verbal: Verbal, theme: Phrase, kind: Kind
) -> bool:
    """Whether a relative clause only says which one is meant.

    "Install the latest update that is available", "the release, which was withdrawn in May".
    """
    if kind is Kind.RELEASED and tokens.words[theme.head].key == "that":
        return True
    if verbal.verb.form == "past":
        return True
    if kind is Kind.PULLED and tokens_between(tokens, 0, verbal.chain, "aside"):
        # "KB2 replaces KB1, which has been withdrawn."
        return True
    return tokens_between(tokens, verbal.chain, verbal.place, "was")


def _named(tokens: Tokens, theme: Phrase) -> str:
    """The words that name what an act is done to, for comparing; "" where "it" stands."""
    if theme.pronoun:
        return ""
    return tokens.said(theme.start, theme.last).casefold()


def _extent(verbal: Verbal, theme: Phrase) -> tuple[int, int]:
    """The words that say it: from where to where."""
    end = verbal.place + 1
    if verbal.free_order:
        return verbal.place, end
    if verbal.has_object_behind:
        return verbal.place, max(end, theme.last)
    return min(verbal.chain, theme.start), end


def _kind(
    tokens: Tokens, sense: Sense, verbal: Verbal, theme: Phrase | None
) -> Kind | None:
    """What the verb means as it stands here: offered *again*, *no longer* offered, *not* pulled."""
    names = verbal.auxiliaries
    after = verbal.place + 1
    if theme is not None and theme.start > verbal.place:
        after = max(after, theme.last)
    if _is_no_more(tokens, names, after):
        # "Windows 7 is no longer offered updates: it is out of support" pulls nothing.
        ended = some_have(tokens.words, "lifecycle", "superseded")
        return None if ended else sense.gone
    if "not" in names:
        # "It has not been pulled" denies, "it may not have been pulled yet" does not.
        return None if names & {"modal", "late"} else sense.denied
    if is_called_false(tokens, after):
        return sense.denied
    is_again = "again" in names or _is_again(tokens, verbal, after)
    # Where the order of words is free, no verb's form tells what is usual.
    may_be_usual = sense.kind is Kind.RELEASED and not verbal.free_order
    if may_be_usual and _is_usual(tokens, verbal, is_again=is_again):
        return None
    return sense.again if is_again else sense.kind


def _is_no_more(tokens: Tokens, names: frozenset[str], after: int) -> bool:
    """Whether it is done "no longer", or "not ... any more"."""
    if "nolonger" in names:
        return True
    return "not" in names and tokens_between(tokens, after, after + NEAR, "anymore")


def _is_again(tokens: Tokens, verbal: Verbal, after: int) -> bool:
    """Whether "again" follows, beside the verb or at the end of what is said of it."""
    if tokens_between(tokens, verbal.place + 1, after + NEAR, "again"):
        return True
    # "KB1 is being offered to all eligible devices once more."
    words = tokens.words
    last = place_before(words, verbal.end, "mark")
    if last <= after or not words[last].has("again"):
        return False
    return not some_have(words[after:last], "verb-here")


def _is_usual(tokens: Tokens, verbal: Verbal, *, is_again: bool) -> bool:
    """Whether it says how releases go: "This version is released in a staged rollout"."""
    is_habit = verbal.verb.form in HABITUAL
    if is_again:
        # "Windows Update offers it again after a restart" is what always happens.
        return is_habit
    # "Windows Update offers updates daily", and an imperative
    leading = word_at(tokens.words, verbal.chain - 1)
    if is_habit and leading.has("edge", "place"):
        return True
    if tokens_between(tokens, verbal.start, verbal.place, "usual"):
        return True
    if verbal.voice == "heading":
        # "Updates released in past 12 months"
        return word_at(tokens.words, verbal.place + 1).has("in")
    if verbal.voice == "active" or verbal.verb.form == "state":
        return False
    # "is released", but "has been released" and "is now being released"
    chain = {word.key for word in tokens.words[verbal.chain : verbal.place]}
    return chain <= {"is", "are"}


def _act_of_noun(
    tokens: Tokens, lexicon: Lexicon, topic: Topic, place: int
) -> Act | None:
    """The act that a noun is: "the withdrawal of the update", "re-release of it"."""
    words = tokens.words
    word = words[place]
    # Spanish "retirada" is the noun and the participle: "La función fue retirada".
    if word.verbs and word_at(words, place - 1).has("be", "have"):
        return None
    names = [name for name in word.classes if name.startswith("act:")]
    sense = lexicon.senses[min(names).removeprefix("act:")]
    theme = of_phrase(words, place + 1)
    if sense.kind is None or theme is None:
        return None
    if not is_theme(tokens, sense, theme, topic, place):
        return None
    start, end = clause(tokens, place)
    # Somebody "asked for the withdrawal of" it, or it "would" be.
    if tokens_between(tokens, start, place, *ONLY_TALK):
        return None
    if tokens_between(tokens, theme.last, min(end, theme.last + 3), "modal"):
        return None
    is_release = sense.kind is Kind.RELEASED
    if is_release and not _is_announced(tokens, place, theme.last, end):
        return None
    return Act(
        kind=sense.kind,
        frame=f"{sense.name}: {HOW['noun']}",
        place=place,
        start=place,
        end=theme.last,
        theme=theme,
        named=_named(tokens, theme),
        earlier=tokens_between(tokens, start, place, "after"),
    )


def _is_announced(tokens: Tokens, place: int, after: int, end: int) -> bool:
    """Whether a release as a noun is told as news: "announcing the release of", or is a heading."""
    if tokens_between(tokens, max(0, place - 8), place, "announce"):
        return True
    return place <= 1 and not tokens_between(
        tokens, after, end, "be", "have", "modal", "verb"
    )


def settled(found: list[Act]) -> list[Act]:
    """Return the acts of a sentence with one verdict on each thing.

    "Released, then pulled" is pulled, "after initially pulling it, made available again" is back;
    a pull of one thing and the return of another are two.
    """
    turns = [act for act in found if act.kind in OPPOSITES]
    main = [act for act in turns if act.is_main] or turns
    if not main:
        return found
    last = main[-1]
    kept = []
    for act in found:
        is_undone = OPPOSITES.get(act.kind) is last.kind
        if not is_undone or _is_of_another(act, last):
            kept.append(act)
    return kept


def _is_of_another(act: Act, last: Act) -> bool:
    """Whether an act is of another thing than the last one, and both are named."""
    if last.relative or not act.is_main:
        return False
    # "The update was pulled, and it has been re-released": "it" is that update.
    return act.named != last.named and "" not in {act.named, last.named}
