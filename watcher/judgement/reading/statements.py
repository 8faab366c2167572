"""What a text says: statements, each with its kind, its objects, and the words that decided.

A text is read sentence by sentence.  What a pronoun stands for, and whether the sentence is an item
under "Known issues in this update", comes from what stands before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement.normalize import fold
from watcher.judgement.reading.acts import Act, acts, settled
from watcher.judgement.reading.lexicon import (
    Element,
    Frame,
    Lexicon,
    language_of,
    lexicon,
)
from watcher.judgement.reading.objects import NOTHING, Objects, objects_of
from watcher.judgement.reading.phrases import (
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
from watcher.judgement.reading.tokens import Token, Tokens, find, some_have, tokenize
from watcher.judgement.reading.verbs import clause
from watcher.kinds import EVENT_KINDS
from watcher.records import Kind


class Statement(Struct, frozen=True):
    """One thing that a text says: its kind, the frame, the words that decided, their sentence.

    The tuples name what it is said of; all are empty where the sentence names nothing: then it is
    about what its entry is about.  ``replaces`` are KB articles that it names as another update's
    ("replaces KB...", "previously released KB...").
    """

    kind: Kind
    frame: str
    words: str
    sentence: str
    kbs: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()


class Found(Struct, frozen=True):
    """A statement of one sentence, and the frame whose wider conditions still have to hold."""

    statement: Statement
    frame: Frame | None = None
    silenced: bool = False
    yields: frozenset[Kind] = frozenset()
    pronoun: bool = False
    start: int = 0
    end: int = 0


class Read(Struct, frozen=True):
    """One sentence, read: what it says, what it names, what it leaves "it" to stand for."""

    found: tuple[Found, ...]
    objects: Objects
    offered: bool | None


# What a release or a known issue is beside what says more of the same.
YIELDS = {
    Kind.RELEASED: frozenset({Kind.RE_RELEASED}),
    Kind.KNOWN_ISSUE: frozenset({Kind.RE_RELEASED}),
}


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
    former = list(old.corrected_to(these))
    if not former:
        return False
    said = kinds(sentence, language)
    return any(kinds(each, language) == said for each in former)


def _bound(found: Found, objects: Objects) -> Found:
    """A statement of "it" with the objects of the sentence before."""
    said = found.statement
    if not found.pronoun or said.kbs or said.builds or said.versions or said.names:
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
    allowed: dict[str, bool] = {}
    informational = _stands_in(whole, words_of.informational)
    kept = []
    for each in found:
        if informational and each.silenced:
            continue
        frame = each.frame
        if frame is not None and frame.name not in allowed:
            allowed[frame.name] = _is_allowed(frame, whole)
        if frame is None or allowed[frame.name]:
            kept.append(each)
    told = {each.statement.kind for each in kept}
    return tuple(each.statement for each in kept if not each.yields & told)


def _is_allowed(frame: Frame, whole: list[Tokens]) -> bool:
    """Whether the rest of the text lets a frame speak."""
    if frame.context and not _stands_in(whole, frame.context):
        return False
    return not (frame.never_in and _stands_in(whole, frame.never_in))


def _stands_in(whole: list[Tokens], patterns: tuple[tuple[Element, ...], ...]) -> bool:
    return any(find(tokens, pattern) for tokens in whole for pattern in patterns)


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
    stated = settled(tokens, acts(tokens, words_of, topic))
    found.extend(_of_act(tokens, act) for act in stated)
    found.extend(_of_frames(tokens, words_of))
    if section in {Section.ISSUES, Section.ITEM} and first:
        found.extend(_of_section(tokens, words_of, item=section is Section.ITEM))
    return Read(_one_verdict(found), objects_of(tokens), _leaves(tokens))


def _of_act(tokens: Tokens, act: Act) -> Found:
    theme = act.theme
    objects = objects_of(tokens, act.place, theme.last if theme else None)
    said = tokens.said(act.start, act.end)
    pronoun = theme is not None and (
        theme.pronoun or (theme.of is not None and theme.of.pronoun)
    )
    # "QNAP withdrew the update and re-released QTS 5.2.2.2952": which one, stands before
    if objects == NOTHING and objects_of(tokens) != NOTHING:
        pronoun = True
    # "The update was pulled, and it has been re-released": "it" is that update.
    before = tokens.words[: theme.start] if theme is not None else []
    if any(word.has("offered", "kb") for word in before):
        pronoun = False
    return Found(
        _statement(act.kind, act.frame, said, tokens, objects),
        silenced=act.kind is Kind.RELEASED,
        yields=YIELDS.get(act.kind, frozenset()),
        pronoun=pronoun,
        start=act.start,
        end=act.end,
    )


def _of_frames(tokens: Tokens, words_of: Lexicon) -> list[Found]:
    found = []
    for frame in words_of.frames:
        places = _frame_places(tokens, frame)
        if not places:
            continue
        start, end = places[0], places[-1] + 1
        objects = objects_of(tokens, start)
        said = tokens.said(start, end)
        statement = _statement(frame.kind, frame.name, said, tokens, objects)
        yields = (
            YIELDS.get(frame.kind, frozenset())
            if frame.yields is None
            else frame.yields
        )
        # "Do not install it": the object may stand behind the frame's words
        pronoun = _points_back(tokens, start, min(end + 1, len(tokens.words)))
        found.append(
            Found(statement, frame, frame.silenced, yields, pronoun, start, end)
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
        kind,
        frame,
        said,
        tokens.text,
        objects.kbs,
        objects.builds,
        objects.versions,
        objects.products,
        objects.names,
        objects.scope,
        objects.replaces,
    )


def _frame_places(tokens: Tokens, frame: Frame) -> tuple[int, ...]:
    """The places of a frame's words in a sentence, unless they are turned into something else."""
    if "question" in frame.unless and tokens.words and tokens.words[-1].key == "?":
        return ()
    for pattern in frame.patterns:
        places = find(tokens, pattern)
        if not places or _is_barred(tokens, frame, places):
            continue
        if any(find(tokens, bar) for bar in frame.not_with):
            return ()
        return places
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


def _tells_trouble(tokens: Tokens) -> bool:
    """Whether something goes wrong, or may."""
    return some_have(tokens.words, "trouble", "fails", "hardfail", "modal")


def _of_section(tokens: Tokens, words_of: Lexicon, *, item: bool) -> list[Found]:
    """An item under "Known issues in this update" is an issue."""
    for pattern in words_of.sections.get("no_issue", ()):
        if find(tokens, pattern):
            return []
    if len(tokens.words) < 4 or not (item or _tells_trouble(tokens)):
        return []
    objects = objects_of(tokens)
    said = tokens.said(0, min(12, len(tokens.words)))
    statement = _statement(
        Kind.KNOWN_ISSUE, "listed under known issues", said, tokens, objects
    )
    return [Found(statement, yields=YIELDS[Kind.KNOWN_ISSUE])]


def _one_verdict(found: list[Found]) -> tuple[Found, ...]:
    """One statement a frame; a fixed phrase does not contradict what a verb has settled."""
    unique: dict[tuple[Kind, str], Found] = {}
    pulls = [
        each
        for each in found
        if each.frame is None and each.statement.kind is Kind.PULLED
    ]
    for each in found:
        kind = each.statement.kind
        if (
            each.frame is not None
            and kind is Kind.RE_RELEASED
            and _overlaps(each, pulls)
        ):
            continue
        unique.setdefault((kind, each.statement.frame), each)
    return tuple(unique.values())


def _overlaps(found: Found, pulls: list[Found]) -> bool:
    """Whether a fixed phrase is part of what was pulled: "withdrawn the updated packages"."""
    return any(pull.start < found.end and found.start < pull.end for pull in pulls)


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
