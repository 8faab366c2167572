"""What an act is done to, whether that is something a vendor offers, and who may do it."""

from __future__ import annotations

from msgspec import Struct

from watcher.judgement.reading.lexicon import Lexicon, Sense, Verb
from watcher.judgement.reading.phrases import (
    Phrase,
    is_product,
    main_phrases,
    names_offering,
    phrase_at,
    phrase_before,
    phrases_in,
    tokens_between,
)
from watcher.judgement.reading.tokens import (
    Token,
    Tokens,
    first_place,
    holds,
    no,
    place_from,
    some_have,
    word_at,
    yes,
)
from watcher.judgement.reading.verbs import Verbal, chain_of, clause, coordinate
from watcher.records import Kind

NEAR_PLACE = 9  # words after "from" within which a place is named
NEAR = 3  # words within which "again" follows verb or object
BY = 4  # words within which "by" follows what somebody did
# What has a name and a version beside it, and is no product all the same.
NO_PRODUCT = ("other", "person", "month", "vendor", "place")


# Who may pull or release something, by the noun that names them.
_MAY_ACT = (
    # "It took three days to put the patch back"
    yes(here="vendor time quantifier"),
    # "This update removes the older version" pulls nothing.
    no(here="person offered other trouble place kb cve"),
    yes(here="capital"),
    no(here="noun"),
    yes(),
)


# Whether what follows with "of" makes something else of a phrase.
_MAKES_OTHER = (yes(here="other", without="offered carrier pronoun"),)
# Whether the word after the verb leads to a version: "re-released as v1.1.1".
_BECOMES_VERSION = (yes(here="=as", after="version kb"),)


class Topic(Struct, frozen=True):
    """What the text spoke of last: whether that is something offered."""

    offered: bool | None = None


class Theme(Struct, frozen=True):
    """What an act is done to; None where nothing is named.

    ``is_offering`` where a second verb says that it is offered: "stopped distributing it".
    """

    phrase: Phrase | None
    is_offering: bool = False


def theme_of(tokens: Tokens, lexicon: Lexicon, sense: Sense, verbal: Verbal) -> Theme:
    """Return what the act of a verb is done to."""
    words = tokens.words
    if verbal.free_order:
        return Theme(_theme_around(tokens, sense, verbal))
    after = verbal.place + 1
    if verbal.has_object_behind:
        after = _past_particle(words, verbal.verb, after)
        return _object(tokens, lexicon, sense, after)
    is_heading = verbal.voice == "heading"
    if is_heading and verbal.place == verbal.start:
        # A heading names what it is of after it: "Withdrawn: Example Agent 4.2".
        following = phrase_at(words, place_from(words, after, "mark"))
        if following is not None:
            return Theme(following)
    before = _acted_upon(words, verbal)
    is_in_brackets = word_at(words, verbal.place - 1).has("=(", "=[")
    if before is None and is_heading and is_in_brackets:
        # Or before it: "Update Rollup 9 (recalled)".
        return Theme(phrase_before(words, verbal.place - 1))
    return Theme(before)


def _past_particle(words: list[Token], verb: Verb, after: int) -> int:
    """Where the object may begin: after "took down" and its particle."""
    return after + 1 if word_at(words, after).key == verb.particle else after


def _object(tokens: Tokens, lexicon: Lexicon, sense: Sense, after: int) -> Theme:
    """The object to the right of an active verb."""
    words = tokens.words
    after = place_from(words, after, "adverb", "again", "time", "particle")
    # "pulled, for now, the update"
    if word_at(words, after).key == "," and word_at(words, after + 1).has("det"):
        after += 1
    for verb in word_at(words, after).verbs:
        target = lexicon.senses[verb.sense]
        is_offering = verb.form == "gerund" and target.gone is Kind.PULLED
        if not is_offering or sense.name == target.name:
            continue
        # "stopped rolling out the update": the update is what is offered no more
        phrase = phrase_at(words, _past_particle(words, verb, after + 1))
        offered = Topic(offered=True)
        if phrase is None or not is_theme(tokens, target, phrase, offered, after):
            return Theme(None)
        return Theme(phrase, is_offering=True)
    return Theme(phrase_at(words, _past_further_verb(words, after)))


def _past_further_verb(words: list[Token], after: int) -> int:
    """Where the object of two verbs begins: "released, then quickly pulled, its first update"."""
    further = place_from(words, after, "=,", "conj", "adverb", "again")
    if further == after or not word_at(words, further).has("verb-here"):
        return after
    return place_from(words, further + 1, "=,")


def _theme_around(tokens: Tokens, sense: Sense, verbal: Verbal) -> Phrase | None:
    """The object where it may stand on either side of its verb: the nearest that is offered."""

    def distance(phrase: Phrase) -> int:
        return min(abs(phrase.head - verbal.place), abs(phrase.start - verbal.place))

    around = phrases_in(tokens.words, verbal.start, verbal.end)
    candidates = [phrase for phrase in around if _may_be_object(phrase, verbal)]
    # "Sie wurde zurückgezogen": where nothing else is, "it" is the object.
    best = next((phrase for phrase in candidates if phrase.pronoun), None)
    for phrase in sorted(candidates, key=distance):
        if is_theme(tokens, sense, phrase, Topic(), verbal.place):
            best = phrase
            break
    if best is None:
        return _antecedent_clause(tokens, sense, verbal)
    return None if _is_done_by_update(tokens, verbal, best) else best


def _may_be_object(phrase: Phrase, verbal: Verbal) -> bool:
    """Whether a phrase beside a verb may be its object, as far as its joint tells."""
    if phrase.after_preposition or phrase.start <= verbal.place < phrase.end:
        return False
    # "La función fue retirada de la versión anterior": not the version was.
    follows = 0 < phrase.start - verbal.place <= 2
    return not (follows and phrase.joint == "of")


def _is_done_by_update(tokens: Tokens, verbal: Verbal, theme: Phrase) -> bool:
    """Whether an update does it: "Das Update entfernt die alte Version"."""
    if verbal.verb.form not in {"present", "past"}:
        return False
    words = tokens.words
    start, end = verbal.start, verbal.place
    if theme.start < verbal.place:
        start, end = verbal.place + 1, verbal.end
    subjects = main_phrases(words, start, end)
    return any(
        words[phrase.head].has("offered")
        for phrase in subjects
        if phrase.joint in {"", "conj"}
    )


def _antecedent_clause(tokens: Tokens, sense: Sense, verbal: Verbal) -> Phrase | None:
    """What a relative clause is about: "de patch voor Outlook, die weer is ingetrokken"."""
    words = tokens.words
    if verbal.start < 2 or not words[verbal.start].has("det", "rel"):
        return None
    # "ersetzt das Update, das zurückgezogen wurde": that one was, this one is not
    if "was" in verbal.auxiliaries:
        return None
    if tokens_between(tokens, 0, verbal.start, "aside"):
        return None
    start, _ = clause(tokens, verbal.start - 2)
    chosen = None
    for phrase in phrases_in(words, start, verbal.start - 1):
        if phrase.joint != "from" and is_theme(
            tokens, sense, phrase, Topic(), verbal.place
        ):
            chosen = phrase
    return chosen


def subject_of(words: list[Token], verbal: Verbal) -> Phrase | None:
    """Who acts: the phrase before the verb, or the one before the verb that it goes on from.

    None where nobody is named: "was pulled on Thursday".
    """
    former = coordinate(words, verbal.chain)
    begins = verbal.chain if former is None else chain_of(words, former)
    return phrase_before(words, begins)


def _acted_upon(words: list[Token], verbal: Verbal) -> Phrase | None:
    """What is acted upon: "KB2" in "KB1 was paused and KB2 withdrawn"."""
    own = phrase_before(words, verbal.chain)
    if own is not None:
        former = coordinate(words, verbal.chain)
        if former is None or own.start > former:
            return own
    # "The patch was briefly available before being pulled."
    elif words[verbal.chain].key == "being":
        named = phrases_in(words, verbal.start, verbal.chain)
        return named[0] if named else None
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
    """Whether it says that no vendor did it: "paused by administrator", "removed by a script".

    Such a pause is a customer's own, and no pull.
    """
    last = verbal.place + BY
    by = first_place(words, verbal.place + 1, last, "=by")
    if verbal.voice == "active" or by == last:
        return False
    doer = phrase_at(words, by + 1)
    return doer is not None and words[doer.head].has("person", "other")


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
    # "We have paused the rollout of the new Outlook" is no pull of an update.
    if some_have(words[phrase.start : phrase.last], "lesser"):
        return False
    head = words[phrase.head]
    if head.has("carrier") and "carrier" in sense.objects:
        return _carries(tokens, phrase)
    # "re-released as v1.1.1": whatever it is called, it has a version.
    is_back = sense.kind is Kind.RE_RELEASED and sense.alone
    if is_back and holds(_BECOMES_VERSION, words, place + 1):
        return True
    if _is_other(words, phrase):
        return False
    return head.has(*sense.objects) or _is_named(tokens, sense, phrase, place)


def _is_other(words: list[Token], phrase: Phrase) -> bool:
    """Whether a phrase is of what comes and goes beside updates: an article, a service."""
    head = words[phrase.head]
    # "The new version of the article is live."
    if phrase.of is not None and holds(_MAKES_OTHER, words, phrase.of.head):
        return True
    # "The article KB1 was removed from the old site" is of the article
    if head.has("kb") and some_have(words[phrase.start : phrase.head], "papers"):
        return True
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


def _from_place(tokens: Tokens, place: int) -> bool:
    """Whether it says from where: "removed from the support portal"."""
    start = first_place(tokens.words, place, len(tokens.words), "from")
    return tokens_between(tokens, start, start + NEAR_PLACE, "place")


def _is_named_with_version(words: list[Token], phrase: Phrase) -> bool:
    """Whether a bare name is followed by a version: "re-released QTS as 5.3.1.3310"."""
    head = words[phrase.head]
    if not head.has("capital") or head.has(*NO_PRODUCT):
        return False
    return some_have(words[phrase.end : phrase.end + NEAR], "version")


def _carries(tokens: Tokens, phrase: Phrase) -> bool:
    """Whether a "rollout" is one of an update: not of a feature, not of the new Outlook."""
    words = tokens.words
    inner = phrase.of
    if inner is None:
        own = words[phrase.start : phrase.end]
        # "A deployment via Intune is paused after a shutdown" is anybody's.
        is_anybodys = own[0].has("=a", "=an", "=any", "=your")
        return not is_anybodys and not some_have(own, "other", "trouble")
    if inner.pronoun:
        return True
    if some_have(words[inner.start : inner.last], "lesser"):
        return False
    # "the distribution of the release of the update"
    if words[inner.head].has("carrier"):
        return _carries(tokens, inner)
    return names_offering(words, inner)


def _antecedent(
    tokens: Tokens, phrase: Phrase, topic: Topic, place: int
) -> bool | None:
    """Whether a pronoun stands for something offered: the last thing named before it."""
    words = tokens.words
    # "the firmware, which was withdrawn": what stands right before "which"
    if phrase.relative:
        start, _ = clause(tokens, max(0, phrase.start - 2))
        named = phrases_in(words, start, phrase.start)
        return bool(named) and names_offering(words, named[-1])
    answer = topic.offered
    for before in main_phrases(words, 0, place):
        if names_offering(words, before):
            answer = True
        # "The article was revised, and it has been republished."
        elif words[before.head].has("other"):
            answer = False
    return answer


def may_act(tokens: Tokens, sense: Sense, subject: Phrase) -> bool:
    """Say whether a subject may pull or release something: no customer, no update, no service.

    A pronoun may, unless it means a person: "you can remove it".
    """
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
    return holds(_MAY_ACT, words, subject.head)


def place_allows(tokens: Tokens, verbal: Verbal, theme: Phrase) -> bool:
    """Say whether what stands after "from" is a place of distribution, if anything does.

    "Removed from the list of optional updates because it is offered automatically" is no pull.
    """
    words = tokens.words
    begin = max(verbal.place + 1, theme.last)
    if verbal.free_order:
        begin = verbal.start
        # "die Verteilung des Artikels"
        if theme.of is not None and words[theme.of.head].has("other"):
            return words[theme.head].has("carrier")
    for phrase in phrases_in(words, begin, verbal.end):
        if phrase.joint != "from":
            continue
        if some_have(words[phrase.start : phrase.last], "place"):
            return True
        # "from May 14 on", "from now on" is no place either way
        head = words[phrase.head]
        if not head.has("month", "number", "time", "year", "adverb"):
            return False
    # A link that was removed is one to a download where an update is named.
    if words[theme.head].key in {"link", "links"}:
        return some_have(words, "offered", "kb", "version")
    return True
