"""What a text says: statements, each with its kind, its objects, and the words that decided.

A text is read sentence by sentence.  What a pronoun stands for, and whether the sentence is an item
under "Known issues in this update", comes from what stands before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import asdict, replace

from watcher.judgement.normalize import fold
from watcher.judgement.reading.acts import Act, acts, settled
from watcher.judgement.reading.lexicon import (
    YIELDS,
    Element,
    Frame,
    Lexicon,
    language_of,
    lexicon,
)
from watcher.judgement.reading.objects import (
    NOTHING,
    Objects,
    objects_around,
    objects_of,
)
from watcher.judgement.reading.phrases import (
    Phrase,
    main_phrases,
    names_offering,
    phrase_at,
)
from watcher.judgement.reading.sentences import (
    OldSentences,
    Section,
    paragraphs,
    section_of,
    sentences_of,
    words,
)
from watcher.judgement.reading.themes import Topic
from watcher.judgement.reading.tokens import (
    Token,
    Tokens,
    find,
    finds_one,
    some_have,
    tokenize,
)
from watcher.judgement.reading.verbs import clause
from watcher.kinds import EVENT_KINDS
from watcher.records import Kind


class Statement(Objects, frozen=True, kw_only=True):
    """One thing that a text says: its kind, the frame, the words that decided, their sentence.

    And what it is said of: nothing where the sentence names nothing; then it is about what its
    entry is about.  ``replaces`` are KB articles that it names as another update's ("replaces
    KB...", "previously released KB...").
    """

    kind: Kind
    frame: str
    words: str
    sentence: str


class Found(Struct, frozen=True):
    """A statement of one sentence, and the frame that found it: None where a verb says it.

    ``silenced`` and ``yields`` are as in `Frame`; ``pronoun`` where it is said of an "it" whose
    name stands in a sentence before; ``start`` and ``end`` are its words' places.
    """

    statement: Statement
    frame: Frame | None = None
    silenced: bool = False
    yields: frozenset[Kind] = frozenset()
    pronoun: bool = False
    start: int = 0
    end: int = 0

    def overlaps(self, other: Found) -> bool:
        """Whether one of the words of another stands among the words of this one."""
        return self.start < other.end and other.start < self.end


class Read(Struct, frozen=True):
    """One sentence, read: what it says, what it names, what it leaves "it" to stand for."""

    found: tuple[Found, ...]
    objects: Objects
    offered: bool | None


def read(
    text: str, language: str = "", among: Collection[str] | None = None
) -> tuple[Statement, ...]:
    """Return what `text` says, in its order; empty when it is no news.

    `language` is taken from the text when it is "".  With `among` only these of its sentences
    count: what is new in a text is read with what stood before it.  Raises `WatcherError` when
    there is no lexicon for `language`.
    """
    words_of = lexicon(language or language_of(text))
    found: list[Found] = []
    read_sentences: list[str] = []
    topic = Topic()
    objects = NOTHING
    section = Section.NONE
    for paragraph in paragraphs(text):
        section = section_of(paragraph, section, words_of)
        if section is Section.HEADING:
            continue
        for number, sentence in enumerate(sentences_of(paragraph)):
            folded = fold(sentence)
            result = read_sentence(folded, words_of, topic, section, first=number == 0)
            if among is None or sentence in among:
                read_sentences.append(folded)
                found.extend(_bound(each, objects) for each in result.found)
            if result.offered is not None:
                topic = Topic(result.offered)
            if result.objects != NOTHING:
                objects = result.objects
    return _together(found, read_sentences, words_of)


def kinds(text: str, language: str = "") -> tuple[Kind, ...]:
    """Return the kinds that `text` says, gravest first, each once.

    ``language`` is the source's; "" where the text tells its own.
    """
    said = {statement.kind for statement in read(text, language)}
    return tuple(kind for kind in EVENT_KINDS if kind in said)


def new_sentences(
    before: Iterable[str], after: Iterable[str], language: str = ""
) -> tuple[str, ...]:
    """Return the sentences of `after` that do not stand in the texts `before`, each once, in order.

    Spaces, case, hyphens, quotes and punctuation make no difference, nor does corrected typing
    that changes neither a number (a date is content), nor a negation, nor what the sentence says.
    """
    old = OldSentences(before)
    seen: set[tuple[str, ...]] = {()}
    news = []
    for text in after:
        for paragraph in paragraphs(text):
            for sentence in sentences_of(paragraph):
                these = words(sentence)
                if these in seen or these in old:
                    continue
                seen.add(these)
                if not _is_correction(old, these, sentence, language):
                    news.append(sentence)
    return tuple(news)


def _is_correction(
    old: OldSentences, these: tuple[str, ...], sentence: str, language: str
) -> bool:
    """Whether a sentence is an old one with its typing corrected, and says the same."""
    for former in old.corrected_to(these):
        if kinds(former, language) == kinds(sentence, language):
            return True
    return False


def _bound(found: Found, objects: Objects) -> Found:
    """A statement of "it" with the objects of the sentence before."""
    said = found.statement
    if said.names_update or not found.pronoun:
        return found
    bound = replace(
        said,
        kbs=objects.kbs,
        builds=objects.builds,
        versions=objects.versions,
        products=said.products or objects.products,
        names=objects.names,
    )
    return replace(found, statement=bound)


def _together(
    found: list[Found], read_sentences: list[str], words_of: Lexicon
) -> tuple[Statement, ...]:
    """What stands when the whole text has been read.

    A note that calls itself informational announces nothing; a release is part of a re-release.
    """
    if not found:
        return ()
    whole = [_tokens(sentence, words_of) for sentence in dict.fromkeys(read_sentences)]
    informational = _stands_in(whole, words_of.informational)
    barred = _barred(found, whole, words_of)
    kept = []
    for each in found:
        is_silent = informational and each.silenced
        if not is_silent and each.statement.frame not in barred:
            kept.append(each)
    said = {each.statement.kind for each in kept}
    return tuple(each.statement for each in kept if not each.yields & said)


def _barred(found: list[Found], whole: list[Tokens], words_of: Lexicon) -> list[str]:
    """The names of the frames that the rest of the text does not let speak."""
    names = {each.statement.frame for each in found}
    barred = []
    for frame in words_of.frames:
        if frame.name not in names:
            continue
        lacks_context = frame.context and not _stands_in(whole, frame.context)
        if lacks_context or _stands_in(whole, frame.never_in):
            barred.append(frame.name)
    return barred


def _stands_in(whole: list[Tokens], patterns: tuple[tuple[Element, ...], ...]) -> bool:
    return any(finds_one(tokens, patterns) for tokens in whole)


@lru_cache(maxsize=1 << 12)
def _tokens(sentence: str, words_of: Lexicon) -> Tokens:
    return tokenize(sentence, words_of)


# Vendors repeat themselves: a month's thousand notes are a few hundred sentences.
@lru_cache(maxsize=1 << 14)
def read_sentence(
    sentence: str,
    words_of: Lexicon,
    topic: Topic,
    section: Section,
    *,
    first: bool,
) -> Read:
    """Read one folded sentence: what it says by itself, what it names, what "it" is after it.

    ``topic`` is what "it" means in it, ``section`` the heading that it stands under,
    ``first`` whether it is the first sentence there.
    """
    tokens = _tokens(sentence, words_of)
    found: list[Found] = []
    stated = settled(acts(tokens, words_of, topic))
    found.extend(_of_act(tokens, act) for act in stated)
    found.extend(_of_frames(tokens, words_of))
    if section in {Section.ISSUES, Section.ITEM} and first:
        found.extend(_of_section(tokens, words_of, item=section is Section.ITEM))
    return Read(_one_verdict(found), objects_of(tokens), _leaves(tokens))


def _of_act(tokens: Tokens, act: Act) -> Found:
    theme = act.theme
    objects = objects_around(tokens, act.place, theme.last if theme else 0)
    said = tokens.said(act.start, act.end)
    return Found(
        _statement(act.kind, act.frame, said, tokens, objects),
        silenced=act.kind is Kind.RELEASED,
        yields=YIELDS[act.kind],
        pronoun=_is_of_former(tokens, theme, objects),
        start=act.start,
        end=act.end,
    )


def _is_of_former(tokens: Tokens, theme: Phrase | None, objects: Objects) -> bool:
    """Whether what an act is done to was named in a sentence before."""
    # "QNAP withdrew the update and re-released QTS 5.2.2.2952": which one, stands before
    is_only_elsewhere = objects == NOTHING and objects_of(tokens) != NOTHING
    if theme is None:
        return is_only_elsewhere
    # "The update was pulled, and it has been re-released": "it" is that update.
    if some_have(tokens.words[: theme.start], "offered", "kb"):
        return False
    return is_only_elsewhere or theme.points_back


def _of_frames(tokens: Tokens, words_of: Lexicon) -> list[Found]:
    found = []
    for frame in words_of.frames:
        places = _frame_places(tokens, frame)
        if not places:
            continue
        start, end = places[0], places[-1] + 1
        said = tokens.said(start, end)
        objects = objects_around(tokens, start)
        statement = _statement(frame.kind, frame.name, said, tokens, objects)
        # "Do not install it": the object may stand behind the frame's words
        pronoun = _points_back(tokens, start, min(end + 1, len(tokens.words)))
        found.append(
            Found(statement, frame, frame.silenced, frame.yields, pronoun, start, end)
        )
    return found


def _points_back(tokens: Tokens, start: int, end: int) -> bool:
    """Whether words say "it" and name nothing themselves; "this vulnerability" names something."""
    if some_have(tokens.words[start:end], "offered", "kb"):
        return False
    for place in range(start, end):
        if not tokens.words[place].has("points"):
            continue
        phrase = phrase_at(tokens.words, place)
        if phrase is not None and phrase.pronoun:
            return True
    return False


def _statement(
    kind: Kind, frame: str, said: str, tokens: Tokens, objects: Objects
) -> Statement:
    return Statement(
        kind=kind, frame=frame, words=said, sentence=tokens.text, **asdict(objects)
    )


def _frame_places(tokens: Tokens, frame: Frame) -> tuple[int, ...]:
    """The places of a frame's words in a sentence, unless they are turned into something else."""
    if "question" in frame.unless and tokens.is_question:
        return ()
    for pattern in frame.patterns:
        places = find(tokens, pattern)
        if not places or _is_barred(tokens, frame, places):
            continue
        return () if finds_one(tokens, frame.not_with) else places
    return ()


def _is_barred(tokens: Tokens, frame: Frame, places: tuple[int, ...]) -> bool:
    """Whether a negation, a condition, the future or the past takes the words away."""
    all_words = tokens.words
    start, end = places[0], places[-1] + 1
    begin, _ = clause(tokens, start)
    before: set[int] = set()
    for place in places:
        before.update(range(max(begin, place - 3), place + 1))
    near = [all_words[place] for place in sorted(before)]
    # What each bar is looked for in, and the classes that it is told by.
    for bar, span, names in (
        ("negated", near, ("not", "nolonger")),
        # "If this is exploited, ...": a condition rules its whole clause
        ("conditional", near + all_words[begin:start], ("condition",)),
        ("history", all_words, ("history",)),
    ):
        if bar in frame.unless and some_have(span, *names):
            return True
    if "future" not in frame.unless:
        return False
    return any(_is_future(word) for word in near + all_words[end : end + 2])


def _is_future(word: Token) -> bool:
    return word.has("future") or (word.has("modal") and not word.has("obliged"))


def _of_section(tokens: Tokens, words_of: Lexicon, *, item: bool) -> list[Found]:
    """An item under "Known issues in this update" is an issue."""
    if finds_one(tokens, words_of.sections["no_issue"]):
        return []
    # Whether something goes wrong, or may
    tells_trouble = item or some_have(
        tokens.words, "trouble", "fails", "hardfail", "modal"
    )
    if len(tokens.words) < 4 or not tells_trouble:
        return []
    objects = objects_of(tokens)
    said = tokens.said(0, min(12, len(tokens.words)))
    statement = _statement(
        Kind.KNOWN_ISSUE, "listed under known issues", said, tokens, objects
    )
    return [Found(statement, yields=YIELDS[Kind.KNOWN_ISSUE])]


def _one_verdict(found: list[Found]) -> tuple[Found, ...]:
    """One statement a frame; a fixed phrase does not contradict what a verb has settled."""
    pulls = [
        each
        for each in found
        if each.frame is None and each.statement.kind is Kind.PULLED
    ]
    unique: dict[tuple[Kind, str], Found] = {}
    for each in found:
        said = each.statement
        is_fixed_return = each.frame is not None and said.kind is Kind.RE_RELEASED
        # "withdrawn the updated packages": the fixed phrase is part of what was pulled
        if is_fixed_return and any(pull.overlaps(each) for pull in pulls):
            continue
        unique.setdefault((said.kind, said.frame), each)
    return tuple(unique.values())


def _leaves(tokens: Tokens) -> bool | None:
    """Whether a sentence names something offered for a later "it"; None where it names nothing."""
    answer = None
    all_words = tokens.words
    for phrase in main_phrases(all_words, 0, len(all_words)):
        if names_offering(all_words, phrase):
            return True
        # "The article was revised. It is available in German, too."
        if all_words[phrase.head].has("other"):
            answer = False
    return answer
