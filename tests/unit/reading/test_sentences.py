"""Sentences end where a reader ends them, and a corrected typo is no new sentence."""

from __future__ import annotations

import pytest

from watcher.judgement.reading import new_sentences, sentences, words
from watcher.judgement.reading.sentences import LONGEST, corrected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Build 15.2.9544.13 is out. Install it.",
            ["Build 15.2.9544.13 is out.", "Install it."],
        ),
        (
            "See KB5990001. Customers should wait.",
            ["See KB5990001.", "Customers should wait."],
        ),
        (
            "See https://example.org/a.b?c=1. Then go on.",
            ["See https://example.org/a.b?c=1.", "Then go on."],
        ),
        (
            "Some products, e.g. Exchange, i.e. the server, are affected.",
            ["Some products, e.g. Exchange, i.e. the server, are affected."],
        ),
        ("Microsoft Corp. Servers are fine.", ["Microsoft Corp. Servers are fine."]),
        ("Exploited: No. Disclosed: Yes.", ["Exploited: No.", "Disclosed: Yes."]),
        ("Is it out? Yes! Install it.", ["Is it out?", "Yes!", "Install it."]),
        ('He said "Done." Then he left.', ['He said "Done."', "Then he left."]),
        (
            "For .NET 4.8 and .NET Core. More follows.",
            ["For .NET 4.8 and .NET Core.", "More follows."],
        ),
        ("One\nTwo\n\nThree", ["One", "Two", "Three"]),
        (
            "Microsoft has re-released\nKB5990001 and\nmore of it.",
            ["Microsoft has re-released KB5990001 and more of it."],
        ),
        ("The update for\nWindows is out.", ["The update for Windows is out."]),
        ("It is out.\nsee the table", ["It is out.", "see the table"]),
        ("- One\n* Two\n\u2022 Three", ["One", "Two", "Three"]),
        (
            "Available: \u2022 Update A \u2022 Update B",
            ["Available:", "Update A", "Update B"],
        ),
        (
            "Changes: 1) Added A. 2) Removed B (Build 2) Then C.",
            ["Changes:", "Added A.", "Removed B (Build 2) Then C."],
        ),
        ("Changes: 1. Added A. 2. Removed B.", ["Changes:", "Added A.", "Removed B."]),
        ("1. Added A.\n2. Removed B.", ["Added A.", "Removed B."]),
        ("It is version 1. Install it.", ["It is version 1.", "Install it."]),
        ("a) One", ["One"]),
        ("  many \t spaces\u00a0here  ", ["many spaces here"]),
        (
            "Am 10. Dezember wurde es entfernt. Es bleibt weg.",
            ["Am 10. Dezember wurde es entfernt.", "Es bleibt weg."],
        ),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert list(sentences(text)) == expected


def test_what_is_too_long_for_a_sentence_is_cut_at_spaces_and_nothing_is_lost() -> None:
    text = "word " * LONGEST + "x" * (2 * LONGEST)
    pieces = sentences(text)
    assert max(map(len, pieces)) <= LONGEST
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")


PAUSED = "We have temporarily paused the rollout of this security update to Microsoft Update for all our customers."


@pytest.mark.parametrize(
    "now",
    [
        PAUSED,
        PAUSED.upper(),
        PAUSED.replace(" ", "\n   ", 1).rstrip("."),
        PAUSED.replace("roll", "roll-"),
        PAUSED.replace("temporarily", "temporarly"),
        PAUSED.replace("the rollout", "rollout"),
    ],
)
def test_a_corrected_spelling_is_no_new_sentence(now: str) -> None:
    assert new_sentences([PAUSED], [now]) == ()


@pytest.mark.parametrize(
    "now",
    [
        PAUSED.replace("have", "have not"),
        PAUSED.replace("paused", "resumed"),
        PAUSED.replace("this security update", "KB5990001"),
        PAUSED.replace("customers", "servers"),
        "We paused it.",
    ],
)
def test_another_number_negation_word_or_meaning_is_a_new_sentence(now: str) -> None:
    assert new_sentences([PAUSED], [now]) == (now,)


def test_a_number_or_a_negation_makes_no_correction() -> None:
    assert corrected(words(PAUSED), words(PAUSED.replace("customers", "custommers")))
    assert not corrected(words(PAUSED), words(PAUSED + " 2"))
    assert not corrected(words(PAUSED), words(PAUSED.replace("all", "not all")))


def test_a_changed_date_or_build_is_new() -> None:
    before = "The update for all servers of this long list was last offered on 11/14/2024 as build 15.2.9544.13 for everyone."
    assert new_sentences([before], [before.replace("14/2024", "27/2024")])
    assert new_sentences([before], [before.replace("9544.13", "9544.14")])


def test_a_word_that_changes_what_is_said_is_new_however_alike_it_looks() -> None:
    before = "The November 2030 security update for Example Mail 2030 and Example Mail 2029 is now released for all our customers."
    after = before.replace("released", "re-released")
    assert new_sentences([before], [after]) == (after,)


def test_only_the_appended_sentence_of_an_answer_is_new() -> None:
    answer = "Why is the update gone? Microsoft has temporarily paused the rollout of KB5990001."
    update = (
        "11/27/2030 Update: The cause was found, and the update is now re-released."
    )
    assert new_sentences([answer], [f"{answer}\n{update}"]) == (update,)


def test_a_sentence_said_twice_is_new_once_wherever_it_stood_before() -> None:
    assert new_sentences([], ["It is out. It is out."]) == ("It is out.",)
    assert new_sentences(["Old. It is out."], ["It is out.", "Old."]) == ()
    assert new_sentences(["Old."], ["..."]) == ()
