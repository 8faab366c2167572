"""Every rule's examples are read as the rule says, its counter-examples are not, and
texts are read as a whole.

What a revision note is called:

- re-released: what was offered is offered again or made good: rereleased, reoffered, replaced, a new version of it,
  "to comprehensively address ... has released", "to address a known issue (a regression) ... has released".
- released: an update is there for a product that had none, or a further one: "announcing the availability of", "is now
  available", links to updates added.  The next phase of a hardening may be called either.
- pulled: the offer ended or pauses.  "Not immediately available" is no pull: there was nothing to pull.
- known-issue: an update does harm and nothing new is offered for it; with a new package it is re-released.
- exploited: exploited or publicly disclosed turned to yes, although the note calls itself informational.
- affected: the product table alone changed.  It is revised or nothing; when customers should install a named update for
  the added product it may be called released.
- informational: all else, and what calls itself so; a detection change alone may be called re-released.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import pytest

from watcher.errors import WatcherError
from watcher.judgement import wording
from watcher.judgement.wording import compiled, kinds, read
from watcher.records import Kind

TABLES = tomllib.loads(
    resources.files("watcher.judgement").joinpath("wording.toml").read_text("utf-8")
)
EXAMPLES = [
    pytest.param(
        language,
        rule["name"],
        example,
        id=f"{language}, {rule['name']}: {example[:60]}",
    )
    for language, table in TABLES.items()
    for rule in table["rules"]
    for example in rule["examples"]
]
COUNTER_EXAMPLES = [
    pytest.param(
        language,
        rule["name"],
        example,
        id=f"{language}, {rule['name']}: {example[:60]}",
    )
    for language, table in TABLES.items()
    for rule in table["rules"]
    for example in rule["counter_examples"]
]


@pytest.mark.parametrize(("language", "rule", "example"), EXAMPLES)
def test_a_rule_reads_its_examples(language: str, rule: str, example: str) -> None:
    assert rule in [reading.rule for reading in read(example, language)]


@pytest.mark.parametrize(("language", "rule", "example"), COUNTER_EXAMPLES)
def test_a_rule_does_not_read_its_counter_examples(
    language: str, rule: str, example: str
) -> None:
    assert rule not in [reading.rule for reading in read(example, language)]


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_rule_has_a_name_of_its_own_and_examples_both_ways(
    table: dict[str, Any],
) -> None:
    names = [rule["name"] for rule in table["rules"]]
    assert len(names) == len(set(names))
    assert all(rule["examples"] and rule["counter_examples"] for rule in table["rules"])


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_no_rule_names_an_article_or_a_vulnerability(table: dict[str, Any]) -> None:
    patterns = " ".join(
        pattern for rule in table["rules"] for pattern in rule["patterns"]
    )
    assert not any(
        digits.isdigit() and len(digits) > 4
        for digits in patterns.replace("\\", " ").split()
    )
    assert "CVE-2" not in patterns


# --- what a reading tells -------------------------------------------------------------


def test_a_reading_names_kind_rule_words_sentence_and_articles() -> None:
    text = "Thank you for your patience. We have temporarily paused the rollout of KB5990001."
    (reading,) = read(text)
    assert (reading.kind, reading.rule, reading.words) == (
        Kind.PULLED,
        "paused",
        "paused the rollout",
    )
    assert reading.sentence == "We have temporarily paused the rollout of KB5990001."
    assert reading.kbs == ("KB5990001",)


def test_an_article_named_as_replaced_is_not_what_the_sentence_is_about() -> None:
    (reading,) = read(
        "Microsoft has re-released the update as KB5990002, which replaces KB5990001."
    )
    assert reading.kbs == ("KB5990002",)


def test_a_sentence_that_names_only_another_article_still_names_it() -> None:
    (reading,) = read("The previously released KB5990001 has been pulled.")
    assert reading.kbs == ("KB5990001",)


def test_kinds_come_gravest_first_and_once_each() -> None:
    text = (
        "Security updates are now available. The vulnerability is being "
        "exploited in the wild. Exploitation has been detected."
    )
    assert kinds(text) == (Kind.EXPLOITED, Kind.RELEASED)


# --- hyphens, case, wrapped lines -----------------------------------------------------


@pytest.mark.parametrize(
    "hyphen",
    [
        "-",
        "\u2010",
        "\u2011",
        "\u2012",
        "\u2013",
        "\u2014",
        "\u00ad",
        "",
        " ",
        "\u200b-",
    ],
)
def test_every_hyphen_of_re_released_is_read(hyphen: str) -> None:
    assert kinds(f"The update has been re{hyphen}released.") == (Kind.RE_RELEASED,)


@pytest.mark.parametrize(
    "said",
    [
        "RE-RELEASED",
        "is re-releasing",
        "is rereleasing",
        "has\u00a0rereleased",
        "has now re-released",
        "republished",
        "reissued",
    ],
)
def test_every_form_of_re_releasing_is_read(said: str) -> None:
    assert kinds(f"Microsoft {said} the security update KB5990001.") == (
        Kind.RE_RELEASED,
    )


def test_a_sentence_goes_on_over_wrapped_lines() -> None:
    assert kinds(
        "Today Microsoft has re-released\n  KB5990001 for all\n  supported versions."
    ) == (Kind.RE_RELEASED,)


# --- a text as a whole ----------------------------------------------------------------

INFORMATIONAL = "This is an informational change only."


@pytest.mark.parametrize(
    "note",
    [
        INFORMATIONAL,
        "These are informational changes only.",
        "This is an information change only.",
        "Informational change only.",
    ],
)
def test_an_informational_note_announces_no_update(note: str) -> None:
    assert (
        kinds(
            f"Added links to the updates. Security updates are available for all versions. {note}"
        )
        == ()
    )


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Changed the Exploited flag to Yes.", Kind.EXPLOITED),
        ("The update has been re-released.", Kind.RE_RELEASED),
        ("Microsoft has paused the rollout of this update.", Kind.PULLED),
        ("Added an FAQ about a new known issue.", Kind.KNOWN_ISSUE),
    ],
)
def test_an_informational_note_still_says_what_concerns_an_administrator(
    sentence: str, kind: Kind
) -> None:
    assert kinds(f"Added acknowledgements. {sentence} {INFORMATIONAL}") == (kind,)


def test_a_re_release_needs_no_release_and_no_known_issue_beside_it() -> None:
    text = (
        "To address a known issue that customers may experience after "
        "installing the update, Microsoft has released KB5990002. "
        "Security updates are now available. There is a known issue with the first version."
    )
    assert kinds(text) == (Kind.RE_RELEASED,)


def test_an_emerging_issue_whose_fix_is_only_promised_is_no_re_release() -> None:
    text = (
        "The trouble with journal rules is going to be fixed and updated "
        "version of the update will be released. "
        "We\u2019ll say so once the Security Update is re-released with a fix. "
        "Until then, please uninstall the November 2030 Security Update "
        "5990001 if you are using journal rules "
        "and those have stopped working after installing it."
    )
    assert kinds(text) == (Kind.KNOWN_ISSUE,)
    assert kinds("Please install the re-released November 2030 security update") == (
        Kind.RE_RELEASED,
    )


def test_an_update_that_is_not_yet_there_is_not_pulled() -> None:
    text = (
        "Answer added: the update for Example Client is not immediately "
        "available. The update will be released as soon as "
        "we can, and when it is available, everybody will be notified here."
    )
    assert kinds(text) == ()


def test_a_text_without_any_stem_says_nothing() -> None:
    assert read("A quiet day.") == ()


# --- tables of rules ------------------------------------------------------------------


def _table(**rule: Any) -> dict[str, Any]:
    """A language of one rule."""
    made = {
        "kind": "pulled",
        "name": "weg",
        "stems": ["zur\u00fcck"],
        "patterns": ["{art} zur\u00fcckgezogen"],
        "examples": [],
        "counter_examples": [],
    }
    return {
        "clause": [r",\s"],
        "informational": [],
        "aside": [],
        "terms": {"art": "wurde|ist"},
        "bars": {"nie": {"before": ["nie"]}},
        "rules": [made | rule],
    }


def test_another_language_is_another_table() -> None:
    (reading,) = wording.readings(
        "Das Update wurde zur\u00fcckgezogen.", compiled(_table())
    )
    assert (reading.kind, reading.words) == (Kind.PULLED, "wurde zur\u00fcckgezogen")


def test_a_bar_looks_back_to_where_the_clause_begins() -> None:
    barred = compiled(_table(unless=["nie"]))
    assert wording.readings(
        "Es war nie wahr, das Update wurde zur\u00fcckgezogen.", barred
    )
    assert not wording.readings("Das Update, das nie wurde zur\u00fcckgezogen.", barred)


def test_a_language_without_rules_is_named_with_those_that_have_some() -> None:
    with pytest.raises(
        WatcherError,
        match=r"no wording rules for the language 'xx'; there are for: .*en",
    ):
        read("The update has been pulled.", "xx")


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"kind": "gone"}, "'gone' is not a valid Kind"),
        ({"unless": ["never heard of"]}, "never heard of"),
        ({"patterns": ["("]}, "missing \\)"),
        ({"patterns": ["{unknown}"]}, "unknown"),
        ({"unles": []}, "unles"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named(
    rule: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(
        WatcherError, match=f"wording rule 'weg' cannot be used: .*{complaint}"
    ):
        compiled(_table(**rule))
