"""Texts are read as a whole: verdicts, objects, pronouns, sections, what stays silent.

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

import pytest

from watcher.judgement.reading import Statement, kinds, read
from watcher.judgement.reading.lexicon import language_of
from watcher.records import Kind


def _one(text: str, kind: Kind, language: str = "") -> Statement:
    """The one statement of a kind that a text makes."""
    (statement,) = (said for said in read(text, language) if said.kind is kind)
    return statement


# --- what a statement tells ----------------------------------------------------------------------


def test_a_statement_names_kind_frame_words_sentence_and_articles() -> None:
    text = "Thank you for your patience. We have temporarily paused the rollout of KB5990001."
    (said,) = read(text)
    assert (said.kind, said.frame) == (Kind.PULLED, "suspend: the vendor does it")
    assert said.words == "paused the rollout of KB5990001"
    assert said.sentence == "We have temporarily paused the rollout of KB5990001."
    assert said.kbs == ("KB5990001",)


def test_an_article_named_as_replaced_is_not_what_the_sentence_is_about() -> None:
    (said,) = read(
        "Microsoft has re-released the update as KB5990002, which replaces KB5990001."
    )
    assert (said.kbs, said.replaces) == (("KB5990002",), ("KB5990001",))


def test_a_sentence_that_names_only_another_article_still_names_it() -> None:
    (said,) = read("The previously released KB5990001 has been pulled.")
    assert said.kbs == ("KB5990001",)


@pytest.mark.parametrize(
    ("text", "pulled"),
    [
        ("We have withdrawn KB5990001 and released KB5990002.", ("KB5990001",)),
        ("We withdrew the update and released a new one, KB5990002.", ()),
        ("We withdrew the update, and KB5990002 replaces it.", ()),
        (
            "We pulled KB5990001 and KB5990003 and are on it.",
            ("KB5990001", "KB5990003"),
        ),
        ("We paused the update, because KB5990001 stops mail.", ("KB5990001",)),
        ("We have paused the rollout; it is KB5990001.", ("KB5990001",)),
        (
            "Distribution of KB5990001 through WSUS and Windows Update was halted today.",
            ("KB5990001",),
        ),
    ],
)
def test_of_two_acts_each_has_its_own_object(
    text: str, pulled: tuple[str, ...]
) -> None:
    assert _one(text, Kind.PULLED).kbs == pulled


def test_advice_against_it_is_of_what_the_sentence_before_names() -> None:
    """An article beside it in the same record was told as having an issue."""
    text = "We have withdrawn KB5990001. Do not install it."
    assert _one(text, Kind.KNOWN_ISSUE).kbs == ("KB5990001",)


def test_what_was_withdrawn_is_what_stands_before_not_what_came_in_its_place() -> None:
    """QNAP, November 2024: it was 5.2.2.2950 that was withdrawn, not its correction."""
    found = read(
        "We released QTS 5.2.2.2950. We promptly withdrew the operating "
        "system update, looked into it, and re-released a corrected version of the "
        "update, QTS 5.2.2.2952."
    )
    builds = {said.kind: said.builds for said in found}
    assert builds[Kind.PULLED] == ("5.2.2.2950",)
    assert builds[Kind.RE_RELEASED] == ("5.2.2.2952",)


@pytest.mark.parametrize(
    "text",
    [
        "The article KB5990001 was removed from the old site and moved here.",
        "Last November we had to pull KB5990001 and re-released it as KB5990002.",
    ],
)
def test_an_articles_removal_and_what_was_long_ago_are_no_news(text: str) -> None:
    assert not {Kind.PULLED, Kind.RE_RELEASED} & set(kinds(text))


def test_a_pull_of_one_update_is_none_of_the_other_that_the_sentence_names() -> None:
    assert _one(
        "KB5990001 is pulled, KB5990002 remains available.", Kind.PULLED
    ).kbs == ("KB5990001",)
    text = "KB5990001 has been withdrawn and KB5990002 is not affected."
    assert _one(text, Kind.PULLED).kbs == ("KB5990001",)


def test_a_list_of_articles_is_pulled_whole() -> None:
    text = "We have withdrawn KB5990001, KB5990002, KB 5990003 and KB5990004."
    expected = ("KB5990001", "KB5990002", "KB5990003", "KB5990004")
    assert _one(text, Kind.PULLED).kbs == expected


def test_builds_versions_products_names_and_places_are_told() -> None:
    text = (
        "The November 2030 SU for Exchange Server 2019 CU14 (15.2.1544.13) has been removed from the Download Center,"
        " Windows Update and WSUS."
    )
    said = _one(text, Kind.PULLED)
    assert said.builds == ("15.2.1544.13",)
    assert said.products == ("Exchange Server 2019 CU14",)
    assert "November 2030 SU" in said.names
    assert said.scope == ("download-center", "windows-update", "wsus")
    assert _one("Example Agent 4.2.1 has been pulled.", Kind.PULLED).versions == (
        "4.2.1",
    )


@pytest.mark.parametrize(
    "text",
    [
        "KB5990001 breaks mail flow. We have pulled it.",
        "KB5990001 is for domain controllers. It has been withdrawn.",
        "KB5990001 is for domain controllers. Distribution of it is suspended.",
    ],
)
def test_it_is_what_the_sentence_before_named(text: str) -> None:
    assert _one(text, Kind.PULLED).kbs == ("KB5990001",)


def test_it_is_no_update_after_a_sentence_of_something_else() -> None:
    assert kinds("We published a script. It has been withdrawn.") == ()


def test_it_is_what_the_entry_is_about_when_nothing_was_named() -> None:
    said = _one("It has been withdrawn.", Kind.PULLED)
    assert (said.kbs, said.names) == ((), ())


def test_kinds_come_gravest_first_and_once_each() -> None:
    text = "Security updates are now available. The vulnerability is being exploited in the wild. Exploitation has been detected."
    assert kinds(text) == (Kind.EXPLOITED, Kind.RELEASED)


# --- hyphens, case, wrapped lines ----------------------------------------------------------------


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


def test_may_is_a_month_where_it_has_a_capital() -> None:
    assert kinds("The update which was released in May has been pulled.") == (
        Kind.PULLED,
    )
    assert kinds("The update may have been pulled.") == ()


# --- one verdict a sentence ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "We have paused the rollout of the re-released update.",
        "The re-released update has been paused.",
        "The rollout of the re-released SUs has been stopped.",
        "Microsoft has pulled the re-released update.",
        "Microsoft has pulled the update again.",
        "The update was re-released and then pulled again.",
        "We have withdrawn version 2 of the update.",
        "The v2 package has been removed from the Download Center.",
        "Bulletin rereleased to remove the update 5990001.",
    ],
)
def test_a_pull_of_a_second_version_is_no_return(text: str) -> None:
    assert Kind.PULLED in kinds(text)
    assert Kind.RE_RELEASED not in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "After initially pulling it, Microsoft has made the update available again.",
        "The update was pulled and later re-released.",
        "The problem is addressed in the updated release, build 712.24.",
        "The rollout of the withdrawn update has been resumed.",
        "The update is no longer paused.",
        "The update that was pulled on Tuesday has been re-released.",
    ],
)
def test_what_is_back_in_the_end_is_re_released(text: str) -> None:
    assert kinds(text) == (Kind.RE_RELEASED,)


def test_a_pull_of_one_thing_and_the_return_of_another_are_two() -> None:
    text = (
        "The company responded by withdrawing the firmware and issuing a fixed version."
    )
    assert kinds(text) == (Kind.PULLED, Kind.RE_RELEASED)


# --- what is offered, and who acts ---------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "We removed KB5990001 from the list of known issues.",
        "The article for KB5990001 has been republished.",
        "We re-released the November video on the update.",
        "The session on updates has been cancelled.",
        "The requirement to install the update was removed.",
        "The beta has been withdrawn.",
        "Telemetry from the update has been disabled.",
        "You can pause updates for up to 35 days.",
        "I paused the update on my laptop.",
        "The update on EX01 was paused by an administrator.",
        "Some administrators have pulled the update from their WSUS servers.",
        "Releases 7.1.0 and greater are no longer available for manual download.",
        "We have resolved the issue where a deployment via Intune is paused after a shutdown.",
        "The update removes the deprecated package.",
        "Setup removes the previous version of the client.",
        "The Download Center is temporarily unavailable.",
        "Windows Update is unavailable on these machines.",
        "Those updates are no longer offered: the product is out of support.",
        "The rollout of the feature has been paused.",
        "CVE-2031-10001 has been withdrawn.",
        "The website is back.",
        "Re-enable the add-in after the update.",
    ],
)
def test_what_is_no_offer_of_the_vendors_says_nothing_of_one(text: str) -> None:
    assert not {Kind.PULLED, Kind.RE_RELEASED} & set(kinds(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            "As of December 16, 2030 this update has been removed from Windows Update.",
            Kind.PULLED,
        ),
        ("The update released in 2030 has been pulled.", Kind.PULLED),
        ('The team is aware of exploitation "in the wild".', Kind.EXPLOITED),
        ("Firmware 2.4 has been taken off our site.", Kind.PULLED),
        ("The driver was removed from all channels.", Kind.PULLED),
        ("We have stopped shipping the SDK.", Kind.PULLED),
        ("The QFE has been rescinded.", Kind.PULLED),
        ("Signature 1.381.2140.0 was rolled back.", Kind.PULLED),
        ("Dell pulls BIOS update", Kind.PULLED),
        ("An error led us to revoke the update.", Kind.PULLED),
        ("Microsoft resumes rollout of Example System 30", Kind.RE_RELEASED),
    ],
)
def test_any_vendor_any_product_any_place(text: str, kind: Kind) -> None:
    assert kind in kinds(text)


def test_a_denied_pull_is_told_as_that() -> None:
    assert kinds("The update was never paused.") == (Kind.CORRECTED,)
    assert kinds("Reports that the update has been pulled are false.") == (
        Kind.CORRECTED,
    )
    assert kinds("The update has not yet been pulled.") == ()
    assert kinds("Has the update not been pulled?") == ()


# --- a text as a whole ---------------------------------------------------------------------------

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
        "To address a known issue that customers may experience after installing the update, Microsoft has released KB5990002. "
        "Security updates are now available. There is a known issue with the first version."
    )
    assert kinds(text) == (Kind.RE_RELEASED,)


def test_an_emerging_issue_whose_fix_is_only_promised_is_no_re_release() -> None:
    text = (
        "The trouble with journal rules is going to be fixed and updated version of the update will be released. "
        "We\u2019ll say so once the Security Update is re-released with a fix. "
        "Until then, please uninstall the November 2030 Security Update 5990001 if you are using journal rules "
        "and those have stopped working after installing it."
    )
    assert kinds(text) == (Kind.KNOWN_ISSUE,)
    assert kinds("Please install the re-released November 2030 security update") == (
        Kind.RE_RELEASED,
    )


def test_an_update_that_is_not_yet_there_is_not_pulled() -> None:
    text = (
        "Answer added: the update for Example Client is not immediately available. The update will be released as soon as "
        "we can, and when it is available, everybody will be notified here."
    )
    assert kinds(text) == ()


def test_a_text_without_any_word_of_the_lexicon_says_nothing() -> None:
    assert read("A quiet day.") == ()
    assert read("") == ()


def test_of_a_whole_text_only_the_new_sentences_count_and_are_read_with_the_old() -> (
    None
):
    text = "KB5990001 is for domain controllers. We have pulled it."
    (said,) = read(text, among=["We have pulled it."])
    assert (said.kind, said.kbs) == (Kind.PULLED, ("KB5990001",))
    assert read(text, among=["KB5990001 is for domain controllers."]) == ()


# --- sections ------------------------------------------------------------------------------------

ITEM = "Calendar sharing shows an empty page in some tenants."


@pytest.mark.parametrize(
    "heading",
    [
        "Known issues in this release",
        "Known issues",
        "## Known issues with this update",
        "Issues with this update",
    ],
)
def test_items_under_known_issues_are_issues(heading: str) -> None:
    said = _one(f"{heading}\n\n- {ITEM}", Kind.KNOWN_ISSUE)
    assert said.sentence == ITEM


@pytest.mark.parametrize(
    "heading",
    [
        "Issues resolved in this release",
        "Prerequisites",
        "Change log",
        "How to get this update",
    ],
)
def test_items_under_other_headings_are_none(heading: str) -> None:
    assert kinds(f"{heading}\n\n- {ITEM}") == ()
    assert kinds(f"Known issues in this release\n\n{heading}\n\n- {ITEM}") == ()


@pytest.mark.parametrize(
    "item",
    [
        "None",
        "There are no known issues.",
        "Microsoft is not currently aware of any issues with this update.",
    ],
)
def test_a_list_of_no_issues_has_none(item: str) -> None:
    assert kinds(f"Known issues in this update\n\n{item}") == ()


def test_an_item_added_later_is_an_issue_by_its_heading() -> None:
    text = f"Known issues in this update\n\n- Printing fails.\n- {ITEM}"
    assert [said.kind for said in read(text, among=[ITEM])] == [Kind.KNOWN_ISSUE]


# --- languages -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "kind"),
    [
        ("de", "Das Update wurde zur\u00fcckgezogen.", Kind.PULLED),
        ("de", "Das Update wird nicht mehr angeboten.", Kind.PULLED),
        (
            "de",
            "Das Sicherheitsupdate steht ab sofort wieder zur Verf\u00fcgung.",
            Kind.RE_RELEASED,
        ),
        (
            "fr",
            "La mise \u00e0 jour a \u00e9t\u00e9 retir\u00e9e du site.",
            Kind.PULLED,
        ),
        ("es", "Microsoft ha retirado la actualizaci\u00f3n.", Kind.PULLED),
        ("it", "L'aggiornamento non \u00e8 pi\u00f9 disponibile.", Kind.PULLED),
        ("nl", "Microsoft heeft de update teruggetrokken.", Kind.PULLED),
        ("pl", "Microsoft wycofa\u0142 aktualizacj\u0119.", Kind.PULLED),
        ("pt", "A atualiza\u00e7\u00e3o foi suspensa.", Kind.PULLED),
        (
            "ja",
            "\u66f4\u65b0\u30d7\u30ed\u30b0\u30e9\u30e0\u306e\u914d\u4fe1\u3092\u505c\u6b62\u3057\u307e\u3057\u305f\u3002",
            Kind.PULLED,
        ),
    ],
)
def test_a_language_is_told_from_its_text(language: str, text: str, kind: Kind) -> None:
    assert language_of(text) == language
    assert kinds(text) == (kind,)
    assert kinds(text, language) == (kind,)


def test_a_bulletin_in_german_is_read_by_its_idiom() -> None:
    removed = "Aus dem Download Center wurden Verkn\u00fcpfungen zum Sicherheitsupdate 5990001 entfernt."
    assert _one(removed, Kind.PULLED).scope == ("download-center",)
    assert _one(removed, Kind.PULLED).kbs == ("KB5990001",)
    advised = (
        "Microsoft empfiehlt den Endbenutzern, das Update 5990001 zu deinstallieren."
    )
    assert kinds(advised) == (Kind.KNOWN_ISSUE,)
