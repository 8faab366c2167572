"""Each fixed sentence says what its key stands for, in every language.

Once "exploited" and "publicly disclosed" could be swapped, 4,200 tests passed, and a mail
said the wrong thing.
"""

from __future__ import annotations

import tomllib
from itertools import combinations
from pathlib import Path

import pytest

from watcher.judgement.summary import sentences
from watcher.text.words import words_of

MEANINGS: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parent / "data" / "meanings.toml").read_text(encoding="utf-8")
)
LANGUAGES = {
    "en": {**words_of(None, "en").tables, "ledger": sentences()["ledger"]},
    "de": words_of(None, "de").tables,
}
CASE_MATTERS = {"vendor", "tag"}
SENTENCES = [
    (language, table, key)
    for language, tables in LANGUAGES.items()
    for table, texts in tables.items()
    for key in texts
]


def missed(text: str, language: str, table: str, key: str) -> list[str]:
    """Give the words of a meaning that ``text`` lacks, and those that it must not have."""
    meaning = MEANINGS[table][key][list(LANGUAGES).index(language)]
    if table not in CASE_MATTERS:
        text, meaning = text.lower(), meaning.lower()
    wrong = []
    for words in meaning.split(" | "):
        unwanted = words.startswith("!")
        if (words.removeprefix("!") in text) == unwanted:
            wrong.append(words)
    return wrong


@pytest.mark.parametrize(("language", "table", "key"), SENTENCES)
def test_a_sentence_says_what_its_key_stands_for(
    language: str, table: str, key: str
) -> None:
    text = LANGUAGES[language][table][key]
    assert missed(text, language, table, key) == []


def test_nothing_is_meant_that_no_sentence_says() -> None:
    meant = {(table, key) for table, keys in MEANINGS.items() for key in keys}
    assert meant == {(table, key) for _, table, key in SENTENCES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_sentences_of_a_table_that_were_swapped_are_noticed(language: str) -> None:
    unnoticed = [
        (table, one, other)
        for table, texts in LANGUAGES[language].items()
        for one, other in combinations(texts, 2)
        if texts[one] != texts[other]
        and not missed(texts[other], language, table, one)
        and not missed(texts[one], language, table, other)
    ]
    assert unnoticed == []


@pytest.mark.parametrize(
    ("language", "word", "opposite"),
    [
        ("en", "exploited", "publicly disclosed"),
        ("en", "exploited in attacks", "publicly known"),
        ("en", "do not install", "install"),
        ("en", "was not pulled", "was pulled"),
        ("en", "may have been pulled", "was pulled"),
        ("en", "uninstall only if", "uninstall even if"),
        ("de", "ausgenutzt", "öffentlich bekannt"),
        ("de", "nicht installieren", "installieren"),
        ("de", "nicht zurückgezogen", "zurückgezogen"),
    ],
)
def test_a_word_in_place_of_its_opposite_is_noticed(
    language: str, word: str, opposite: str
) -> None:
    changed = [
        (table, key, text.lower().replace(word, opposite))
        for table, texts in LANGUAGES[language].items()
        for key, text in texts.items()
        if word in text.lower()
    ]
    assert changed
    assert [
        (table, key)
        for table, key, text in changed
        if not missed(text, language, table, key)
    ] == []
