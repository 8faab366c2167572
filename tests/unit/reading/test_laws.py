"""Laws of reading: order, white space and repetition do not matter, and what has nothing to do with it takes nothing away."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.judgement.reading import kinds, new_sentences, read, sentences
from watcher.judgement.reading.lexicon import lexicon
from watcher.judgement.reading.sentences import LONGEST

ENGLISH = lexicon("en")
EXAMPLES = [
    entry.examples + entry.counter_examples for entry in ENGLISH.senses.values()
]
EXAMPLES += [entry.examples + entry.counter_examples for entry in ENGLISH.frames]
SENTENCES = sorted(
    {
        sentence
        for examples in EXAMPLES
        for example in examples
        for sentence in sentences(example)
        if not sentence.startswith(("It ", "They ", "This "))
    }
)
"""Those that begin with a pronoun depend on the sentence before them, and are left out."""
UNRELATED = [
    "Thank you for your patience.",
    "The Exchange Team",
    "Restart the server afterwards.",
    "Build 15.2.9544.13 (x64)",
    "\u2022 Nothing else",
]
PIECES = [
    "update ",
    "released ",
    "to address ",
    "known issue ",
    "re-release ",
    "not ",
    "is ",
    "customers who ",
    "after installing ",
    "the ",
]
PIECES += [
    "KB5990001 ",
    "(",
    "1) ",
    ". ",
    "available ",
    "exploited ",
    "paused the ",
    "has been ",
    "microsoft ",
    "-",
    "\n",
    "e.g. ",
    "\u2022 ",
    "x",
]

texts = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6)


@given(texts, st.randoms())
def test_the_order_of_sentences_does_not_matter(
    text: list[str], chance: random.Random
) -> None:
    shuffled = text[:]
    chance.shuffle(shuffled)
    assert set(read("\n\n".join(shuffled))) == set(read("\n\n".join(text)))


@given(
    texts,
    st.sampled_from(["  ", "\t", "\u00a0", " \u2009"]),
    st.sampled_from(["\n\n", "\r\n", "\n \n\n"]),
)
def test_white_space_does_not_matter(text: list[str], space: str, line: str) -> None:
    assert read(line.join(text).replace(" ", space)) == read("\n\n".join(text))


@given(texts)
def test_a_text_said_twice_says_the_same(text: list[str]) -> None:
    whole = "\n\n".join(text)
    assert kinds(f"{whole}\n\n{whole}") == kinds(whole)


@given(texts, st.sampled_from(UNRELATED), st.integers(0, 6))
def test_an_unrelated_sentence_takes_nothing_away_and_adds_nothing(
    text: list[str], unrelated: str, place: int
) -> None:
    more = [*text[:place], unrelated, *text[place:]]
    assert read("\n\n".join(more)) == read("\n\n".join(text))


@given(texts, texts)
def test_only_sentences_of_the_new_text_are_new_and_a_text_has_no_news_for_itself(
    before: list[str], after: list[str]
) -> None:
    assert set(new_sentences(before, after)) <= {
        sentence for text in after for sentence in sentences(text)
    }
    assert new_sentences(after, after) == ()
    assert new_sentences([*before, *after], before) == ()


@given(
    st.text(max_size=400) | st.lists(st.sampled_from(PIECES), max_size=60).map("".join)
)
def test_any_text_can_be_read(text: str) -> None:
    for reading in read(text):
        assert reading.words in reading.sentence
    assert all(0 < len(sentence) <= LONGEST for sentence in sentences(text))


@settings(max_examples=20)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join))
def test_a_huge_repetitive_text_is_cut_into_bounded_sentences(unit: str) -> None:
    """No rule sees more than one bounded sentence, and no pattern repeats a repetition: cost grows with the length of the text only."""
    text = (unit * 100_000)[:100_000]
    assert all(len(sentence) <= LONGEST for sentence in sentences(text))
    assert len(sentences(text)) <= len(text)
