"""What an act is done to, whether that is something a vendor offers, and who may do it."""

from __future__ import annotations

from msgspec import Struct

from watcher.judgement.reading.lexicon import Lexicon, Sense
from watcher.judgement.reading.phrases import (
    Phrase,
    is_noun,
    is_product,
    is_verb,
    phrase_at,
    phrases_in,
    tokens_between,
)
from watcher.judgement.reading.subjects import phrase_before
from watcher.judgement.reading.tokens import Token, Tokens
from watcher.judgement.reading.verbs import Verbal, chain_of, clause, coordinate
from watcher.records import Kind

NEAR_PLACE = 9  # words after "from" within which a place is named
NEAR = 3  # words within which "again" follows verb or object
LAST_RESORT = 1000


class Topic(Struct, frozen=True):
    """What the text spoke of last: whether that is something offered."""

    offered: bool | None = None


def theme_of(
    tokens: Tokens, lexicon: Lexicon, sense: Sense, verbal: Verbal
) -> tuple[Phrase | None, bool]:
    """What the act is done to; and whether it is an offering: "stopped distributing the update"."""
    words = tokens.words
    after = verbal.place + 1
    if lexicon.free_order:
        return _theme_around(tokens, sense, verbal), False
    if verbal.voice == "active":
        if (
            after < len(words)
            and verbal.verb.particle
            and words[after].key == verbal.verb.particle
        ):
            after += 1
        return _object(tokens, lexicon, sense, after)
    if verbal.voice == "heading" and verbal.place == verbal.start:
        while after < len(words) and words[after].has("mark"):
            after += 1
        following = phrase_at(words, after)
        if following is not None:
            return following, False
    before = _acted_upon(words, verbal)
    if (
        before is None
        and verbal.voice == "heading"
        and words[verbal.place - 1].key in {"(", "["}
    ):
        before = phrase_before(words, verbal.place - 1)
    return before, False


def _object(
    tokens: Tokens, lexicon: Lexicon, sense: Sense, after: int
) -> tuple[Phrase | None, bool]:
    """The object to the right of an active verb, and whether that is an offering."""
    words = tokens.words
    while after < len(words) and words[after].has(
        "adverb", "again", "time", "particle"
    ):
        after += 1
    if (
        after + 1 < len(words)
        and words[after].key == ","
        and words[after + 1].has("det")
    ):
        after += 1
    if after >= len(words):
        return None, False
    for verb in words[after].verbs:
        target = lexicon.senses[verb.sense]
        is_offering = verb.form == "gerund" and target.gone is Kind.PULLED
        if is_offering and sense.name != target.name:
            start = after + 1
            if (
                verb.particle
                and start < len(words)
                and words[start].key == verb.particle
            ):
                start += 1
            phrase = phrase_at(words, start)
            offered = Topic(offered=True)
            if phrase is None or not is_theme(tokens, target, phrase, offered, after):
                return None, False
            return phrase, True
    return phrase_at(words, _past_further_verb(words, after)), False


def _past_further_verb(words: list[Token], after: int) -> int:
    """Where the object of two verbs begins: "released, then quickly pulled, its first update"."""
    further = after
    while further < len(words):
        word = words[further]
        if word.key != "," and not word.has("conj", "adverb", "again"):
            break
        further += 1
    if further == after or further >= len(words) or not is_verb(words, further):
        return after
    further += 1
    while further < len(words) and words[further].key == ",":
        further += 1
    return further


def _theme_around(tokens: Tokens, sense: Sense, verbal: Verbal) -> Phrase | None:
    """The object where it may stand on either side of its verb: the nearest that is offered."""
    words = tokens.words
    best: tuple[int, Phrase] | None = None
    for phrase, before in phrases_in(words, verbal.start, verbal.end):
        if before in {"prep", "from"} or phrase.start <= verbal.place < phrase.end:
            continue
        # "La función fue retirada de la versión anterior": not the version was.
        if before == "of" and 0 < phrase.start - verbal.place <= 2:
            continue
        distance = min(
            abs(phrase.head - verbal.place), abs(phrase.start - verbal.place)
        )
        fits = is_theme(tokens, sense, phrase, Topic(), verbal.place)
        if fits and (best is None or distance < best[0]):
            best = (distance, phrase)
        if phrase.pronoun and best is None:
            best = (LAST_RESORT, phrase)
    if best is None:
        return _antecedent_clause(tokens, sense, verbal)
    return None if _is_done_by_update(tokens, verbal, best[1]) else best[1]


def _is_done_by_update(tokens: Tokens, verbal: Verbal, theme: Phrase) -> bool:
    """Whether an update does it: "Das Update entfernt die alte Version"."""
    if verbal.verb.form not in {"present", "past"}:
        return False
    words = tokens.words
    if theme.start > verbal.place:
        start, end = verbal.start, verbal.place
    else:
        start, end = verbal.place + 1, verbal.end
    for phrase, before in phrases_in(words, start, end):
        if before in {"prep", "from", "of"} or phrase.pronoun:
            continue
        if words[phrase.head].has("offered"):
            return True
    return False


def _antecedent_clause(tokens: Tokens, sense: Sense, verbal: Verbal) -> Phrase | None:
    """What a relative clause is about: "de patch voor Outlook, die weer is ingetrokken"."""
    words = tokens.words
    if verbal.start < 2 or not words[verbal.start].has("det", "rel"):
        return None
    if "was" in verbal.auxiliaries or tokens_between(tokens, 0, verbal.start, "aside"):
        return None
    start, _ = clause(tokens, verbal.start - 2)
    chosen = None
    for phrase, before in phrases_in(words, start, verbal.start - 1):
        if before != "from" and is_theme(tokens, sense, phrase, Topic(), verbal.place):
            chosen = phrase
    return chosen


def subject_of(words: list[Token], verbal: Verbal) -> Phrase | None:
    """Who acts: the phrase before the verb, or the one before the verb that it goes on from."""
    former = coordinate(words, verbal.chain)
    if former is not None:
        return phrase_before(words, chain_of(words, former))
    return phrase_before(words, verbal.chain)


def _acted_upon(words: list[Token], verbal: Verbal) -> Phrase | None:
    """What is acted upon: "KB2" in "KB1 was paused and KB2 withdrawn"."""
    own = phrase_before(words, verbal.chain)
    former = coordinate(words, verbal.chain)
    if own is not None and (former is None or own.start > former):
        return own
    if own is None and words[verbal.chain].key == "being":
        # "The patch was briefly available before being pulled."
        named = phrases_in(words, verbal.start, verbal.chain)
        return named[0][0] if named else None
    return subject_of(words, verbal)


def happens(
    tokens: Tokens,
    sense: Sense,
    subject: Phrase,
    theme: Phrase | None,
    topic: Topic,
    verbal: Verbal,
) -> bool:
    """Whether the subject is what it happens to: "The rollout has resumed"."""
    words = tokens.words
    if not sense.intransitive:
        return False
    # "It has returned to Windows Update": that is where, not what.
    if theme is not None and not words[theme.head].has("place"):
        return False
    # What "it" is in "it has returned" stands before it.
    if subject.pronoun and words[subject.head].has("points"):
        if subject.end != verbal.chain:
            return False
        return bool(_antecedent(tokens, subject, topic, subject.start))
    if sense.intransitive == "offered" and is_product(words, subject):
        return True
    return words[subject.head].has(sense.intransitive)


def is_by_customer(words: list[Token], verbal: Verbal) -> bool:
    """Whether it says that a customer did it: "update paused by administrator"."""
    if verbal.voice == "active":
        return False
    for place in range(verbal.place + 1, min(len(words) - 1, verbal.place + 4)):
        if words[place].key == "by":
            phrase = phrase_at(words, place + 1)
            return phrase is not None and words[phrase.head].has("person")
    return False


def is_theme(
    tokens: Tokens,
    sense: Sense,
    phrase: Phrase,
    topic: Topic,
    place: int,
    *,
    alone: bool = False,
) -> bool:
    """Say whether a phrase is something that the sense can be said of.

    With `alone` an "it" that nothing explains is: what the entry is about.
    """
    words = tokens.words
    if phrase.pronoun:
        answer = _antecedent(tokens, phrase, topic, min(place, phrase.start))
        return alone if answer is None else answer
    if any(word.has("lesser") for word in words[phrase.start : phrase.last]):
        return False
    head = words[phrase.head]
    if head.has("carrier") and "carrier" in sense.objects:
        return _carries(tokens, phrase, topic)
    # "re-released as v1.1.1": whatever it is called, it has a version.
    is_back = sense.kind is Kind.RE_RELEASED and sense.alone
    if is_back and _becomes_version(words, place):
        return True
    if _is_other(words, phrase):
        return False
    if any(name in head.classes for name in sense.objects):
        return True
    return _is_named(tokens, sense, phrase, place)


def _is_other(words: list[Token], phrase: Phrase) -> bool:
    """Whether a phrase is of what comes and goes beside updates: an article, a service."""
    head = words[phrase.head]
    if head.has("other", "person"):
        return not head.has("offered")
    # "Windows Update is unavailable" is of the service, "The Windows update" of an update.
    is_service = head.has("place") and not head.has("link", "carrier")
    return is_service and not words[phrase.start].has("det")


def _is_named(tokens: Tokens, sense: Sense, phrase: Phrase, place: int) -> bool:
    """Whether a phrase is a product's name with its version: "Firefox 9.0.1"."""
    words = tokens.words
    if "placed" in sense.objects and is_product(words, phrase):
        return _from_place(tokens, place)
    if "product" not in sense.objects:
        return False
    if sense.alone and words[phrase.head].has("version"):
        return True
    return is_product(words, phrase) or _is_named_with_version(words, phrase)


def _becomes_version(words: list[Token], place: int) -> bool:
    """Whether a version follows: "re-released as v1.1.1"."""
    if place + 2 >= len(words) or words[place + 1].key != "as":
        return False
    return words[place + 2].has("version", "kb")


def _from_place(tokens: Tokens, place: int) -> bool:
    """Whether it says from where: "removed from the support portal"."""
    words = tokens.words
    for number in range(place, len(words)):
        if words[number].has("from"):
            return tokens_between(tokens, number, number + NEAR_PLACE, "place")
    return False


def _is_named_with_version(words: list[Token], phrase: Phrase) -> bool:
    """Whether a bare name is followed by a version: "re-released QTS as 5.3.1.3310"."""
    head = words[phrase.head]
    if not head.has("capital") or head.has(
        "other", "person", "month", "vendor", "place", "noun"
    ):
        return False
    return any(word.has("version") for word in words[phrase.end : phrase.end + NEAR])


def _carries(tokens: Tokens, phrase: Phrase, topic: Topic) -> bool:
    """Whether a "rollout" is one of an update: not of a feature, not of the new Outlook."""
    words = tokens.words
    inner = phrase.of
    if inner is None:
        own = words[phrase.start : phrase.end]
        # "A deployment via Intune is paused after a shutdown" is anybody's.
        if own[0].key in {"a", "an", "any", "your"}:
            return False
        return not any(word.has("other", "trouble") for word in own)
    if inner.pronoun:
        return True
    whole = words[inner.start : inner.last]
    if any(word.has("lesser") for word in whole):
        return False
    head = words[inner.head]
    if head.has("carrier"):
        return _carries(tokens, inner, topic)
    return head.has("offered", "kb") or is_product(words, inner)


def _antecedent(
    tokens: Tokens, phrase: Phrase, topic: Topic, place: int
) -> bool | None:
    """Whether a pronoun stands for something offered: the last thing named before it."""
    words = tokens.words
    if phrase.relative:
        start, _ = clause(tokens, max(0, phrase.start - 2))
        named = phrases_in(words, start, phrase.start)
        if not named:
            return False
        before = named[-1][0]
        return words[before.head].has("offered", "kb", "carrier") or is_product(
            words, before
        )
    answer = None
    for before, joint in phrases_in(words, 0, place):
        head = words[before.head]
        if joint in {"prep", "from"} or before.pronoun:
            continue
        if head.has("offered", "kb", "carrier") or is_product(words, before):
            answer = True
        elif head.has("other", "noun"):
            answer = False
    return topic.offered if answer is None else answer


def may_act(tokens: Tokens, sense: Sense, subject: Phrase) -> bool:
    """Say whether a subject may pull or release something: no customer, no update, no service."""
    words = tokens.words
    if subject.relative:
        antecedent = phrase_before(words, subject.start)
        if antecedent is None or antecedent.relative:
            return True
        return may_act(tokens, sense, antecedent)
    head = words[subject.head]
    if subject.pronoun:
        return not head.has("person")
    # "The catalog no longer lists the update."
    if head.has("place") and sense.kind is None:
        return True
    # "It took three days to put the patch back"
    if head.has("vendor", "time", "quantifier"):
        return True
    if head.has("person", "offered", "other", "trouble", "place", "kb", "cve"):
        return False
    return not (is_noun(head) and not head.has("capital"))


def place_allows(
    tokens: Tokens, lexicon: Lexicon, verbal: Verbal, theme: Phrase
) -> bool:
    """Say whether what stands after "from" is a place of distribution, if anything does.

    "Removed from the list of optional updates because it is offered automatically" is no pull.
    """
    words = tokens.words
    if (
        lexicon.free_order
        and theme.of is not None
        and words[theme.of.head].has("other")
    ):
        return words[theme.head].has("carrier")
    after = max(verbal.place + 1, theme.last)
    begin = verbal.start if lexicon.free_order else after
    for phrase, before in phrases_in(words, begin, verbal.end):
        if before != "from":
            continue
        if any(word.has("place") for word in words[phrase.start : phrase.last]):
            return True
        head = words[phrase.head]
        if not head.has("month", "number", "time", "year", "adverb"):
            return False
    has_link = words[theme.head].key in {"link", "links"}
    return not has_link or tokens_between(
        tokens, 0, len(words), "offered", "kb", "version"
    )
