"""Each entry's examples are read as the entry says, its counter-examples are not."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import pytest

from watcher.errors import WatcherError
from watcher.judgement.reading import read
from watcher.judgement.reading.lexicon import LANGUAGES, compiled, lexicon, pattern
from watcher.judgement.reading.tokens import Rule, find, holds, no, tokenize, yes
from watcher.records import Kind

FOLDER = resources.files("watcher.judgement.reading")
TABLES = {
    language: tomllib.loads(FOLDER.joinpath(f"{language}.toml").read_text("utf-8"))
    for language in LANGUAGES
}


def _entries(examples: str) -> list[Any]:
    """Each example of each entry: its language, the entry's kind and name, the text."""
    found = []
    for language, table in TABLES.items():
        for row in (*table.get("senses", ()), *table["frames"]):
            for example in row[examples]:
                name = f"{language}, {row['name']}: {example[:60]}"
                found.append(
                    pytest.param(
                        language,
                        row.get("kind") or row["gone"],
                        row["name"],
                        example,
                        id=name,
                    )
                )
    return found


def _said(language: str, text: str) -> list[tuple[str, str]]:
    return [
        (statement.kind.value, statement.frame.split(":")[0])
        for statement in read(text, language)
    ]


@pytest.mark.parametrize(("language", "kind", "name", "example"), _entries("examples"))
def test_an_entry_reads_its_examples(
    language: str, kind: str, name: str, example: str
) -> None:
    assert (kind, name) in _said(language, example)


@pytest.mark.parametrize(
    ("language", "kind", "name", "example"), _entries("counter_examples")
)
def test_an_entry_does_not_read_its_counter_examples(
    language: str, kind: str, name: str, example: str
) -> None:
    assert (kind, name) not in _said(language, example)


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_entry_has_a_name_of_its_own_and_examples_both_ways(
    table: dict[str, Any],
) -> None:
    rows = (*table.get("senses", ()), *table["frames"])
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    assert all(row["examples"] and row["counter_examples"] for row in rows)


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_no_pattern_names_an_article_or_a_vulnerability(table: dict[str, Any]) -> None:
    words = " ".join(row for frame in table["frames"] for row in frame["patterns"])
    assert not any(
        part.isdigit() and len(part) > 4 for part in words.replace("|", " ").split()
    )
    assert "cve-2" not in words.casefold()


def test_a_language_without_a_lexicon_is_named_with_those_that_have_one() -> None:
    with pytest.raises(
        WatcherError,
        match=r"no wording rules for the language 'xx'; there are for: .*en",
    ):
        read("The update has been pulled.", "xx")


# --- files that cannot be used ------------------------------------------------------------------


def _table(**row: Any) -> dict[str, Any]:
    """A language of one frame."""
    made = {
        "kind": "pulled",
        "name": "weg",
        "patterns": ["<sache> ..4 weg"],
        "examples": [],
        "counter_examples": [],
    }
    return {"classes": {"sache": "update patch"}, "frames": [made | row]}


def test_another_language_is_another_file() -> None:
    words = compiled("de", _table())
    assert find(tokenize("Das Update ist nun weg.", words), words.frames[0].patterns[0])
    assert not find(
        tokenize("Der Artikel ist nun weg.", words), words.frames[0].patterns[0]
    )


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"kind": "gone"}, "'gone' is not a valid Kind"),
        ({"unles": ""}, "unles"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(
    row: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(
        WatcherError, match=f"entry 'weg' cannot be used: .*{complaint}.*de.toml"
    ):
        compiled("de", _table(**row))


def test_an_entry_without_a_kind_or_examples_is_named() -> None:
    table = _table()
    del table["frames"][0]["examples"]
    with pytest.raises(WatcherError, match="entry 'weg' cannot be used: 'examples'"):
        compiled("de", table)


def test_a_table_that_nobody_reads_is_named() -> None:
    with pytest.raises(WatcherError, match="rules"):
        compiled("de", {"rules": []})


# --- patterns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "text", "expected"),
    [
        ("update is gone", "The update is gone.", "update is gone"),
        ("update ..2 gone", "The update is now gone.", "update is now gone"),
        ("update ..1 gone", "The update is by now gone.", ""),
        ("update is? gone", "The update gone", "update gone"),
        ("^ the update", "The update is gone.", "The update"),
        ("^ update", "The update is gone.", ""),
        ("gone $", "It is gone.", "gone"),
        ("update $", "The update is gone.", ""),
        ("update ... gone", "The update; it is gone.", ""),
        ("<offered> ... gone|lost", "Both patches are lost.", "patches are lost"),
        ("re-released", "It was rereleased.", "rereleased"),
    ],
)
def test_a_pattern_stands_where_its_steps_stand(
    row: str, text: str, expected: str
) -> None:
    tokens = tokenize(text, lexicon("en"))
    places = find(tokens, pattern(row))
    assert (tokens.said(places[0], places[-1] + 1) if places else "") == expected


def test_kinds_of_entries_are_kinds_of_events() -> None:
    kinds = {frame.kind for language in LANGUAGES for frame in lexicon(language).frames}
    assert kinds <= set(Kind)


# --- rules ---------------------------------------------------------------------------------------


def _holds(*rules: Rule, text: str, word: str) -> bool:
    words = tokenize(text, lexicon("en")).words
    place = [token.key for token in words].index(word)
    return holds(rules, words, place)


def test_the_first_rule_that_fits_decides() -> None:
    rules = (no(before="=quickly", here="=pulled"), yes(here="verbal"))
    assert _holds(*rules, text="It was pulled.", word="pulled")
    assert not _holds(*rules, text="It was quickly pulled.", word="pulled")
    assert not _holds(*rules, text="It was blue.", word="blue")


def test_a_rule_asks_what_a_word_is_and_what_it_is_not() -> None:
    rule = yes(here="capital", without="month")
    assert _holds(rule, text="Since Monday, Fabrikam", word="fabrikam")
    assert not _holds(rule, text="The December update", word="december")


def test_a_rule_may_ask_for_the_edge_of_the_sentence() -> None:
    rule = yes(before="edge", after="be")
    assert _holds(rule, text="Updates are out", word="updates")
    assert not _holds(rule, text="The updates are out", word="updates")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Microsoft re-released the update.", "verb-here"),
        ("We paused the rollout of the re-released update.", "attribute"),
    ],
)
def test_a_participle_is_a_verb_or_belongs_to_a_noun(text: str, expected: str) -> None:
    words = tokenize(text, lexicon("en")).words
    told = next(word for word in words if word.key == "rereleased")
    assert told.traits & {"verb-here", "attribute"} == {expected}
