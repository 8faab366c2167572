"""What is told, what only supports an earlier event, and what stays untold and why."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.builders import (
    BACK,
    CU13,
    CU14,
    CU23,
    NEW_KB,
    NOV,
    OLD_KB,
    PAUSED,
    SU,
    advisory,
    after,
    change,
    days,
    issue,
    kinds,
    package,
    post,
    revision,
    row,
    tell,
    update,
)
from watcher.records import (
    Absorption,
    Advisory,
    ChangeKind,
    Entry,
    Established,
    Kind,
    Outcome,
    Package,
    Passage,
    SourceState,
    State,
    Update,
)
from watcher.text.story import sentence
from watcher.text.words import words_of

LABEL = ("label:exchange server/2030-11/su",)
CVE = "CVE-2030-0001"
RECORD = advisory(
    CVE, package(CU14), passages=[revision("1.0", "Information published.")]
)
KNOWN = update(
    SU,
    package(CU14, type="SU"),
    names=LABEL,
    advisories=(Advisory(CVE),),
    established=(Established(Kind.RELEASED, event="e1"),),
)


def silent(outcome: Outcome) -> list[str]:
    return [each.why for each in outcome.silent]


def again(
    before: Entry | None,
    entry: Entry,
    known: Update = KNOWN,
    day: float = 20,
    source: str = "msrc",
) -> Outcome:
    return tell(
        change(before, entry, source=source, time=NOV + days(day)), known=[known]
    )


# --- at first sight -------------------------------------------------------------------


def test_a_release_says_what_for_and_what_is_known_of_attacks() -> None:
    (event,) = tell(change(None, replace(RECORD, exploited=True))).events
    assert event.summary == (
        f"Exchange Server November 2030 SU ({OLD_KB}) is available for "
        f"{CU14}. {CVE} is exploited in attacks already."
    )
    (event,) = tell(change(None, replace(RECORD, disclosed=True))).events
    assert event.summary.endswith(f"{CVE} is publicly known already.")
    (event,) = tell(change(None, RECORD)).events
    assert event.summary.endswith(f"for {CU14}.")


def test_exploited_at_first_sight_is_told_in_the_release() -> None:
    assert kinds(
        tell(change(None, replace(RECORD, exploited=True, disclosed=True)))
    ) == ["released 1"]


def test_what_is_back_filled_is_revised() -> None:
    assert kinds(
        again(
            None,
            RECORD,
            update("other", package(kb="KB9000099"), month="2029-01"),
            day=31,
        )
    ) == ["revised 1"]
    old = advisory(CVE, products=(CU14,), published=NOV - days(40))
    assert kinds(tell(change(None, old))) == ["revised 1"]


def test_an_update_first_seen_pulled_or_back_is_told_as_that() -> None:
    pulled = post(
        "1",
        "November 2030 Exchange Server Security Updates",
        f"We have released the updates.\n{PAUSED}",
    )
    assert kinds(tell(change(None, pulled))) == ["pulled 1"]
    recalled = tell(
        change(None, row(f"{CU14} Nov30SU (recalled)", "15.2.1544.13", OLD_KB))
    )
    assert kinds(recalled) == ["pulled 1"]
    assert [held.state for held in recalled.updates] == [State.PULLED]
    back = tell(
        change(
            None,
            post(
                "1",
                "Re-release of November 2030 Exchange Server Security Update packages",
                BACK,
            ),
        )
    )
    assert kinds(back) == ["re-released 2"]
    table = tell(change(None, row(f"{CU14} Nov30SUv2", "15.2.1544.14", NEW_KB)))
    assert kinds(table) == ["re-released 2"]
    assert [p.version for held in table.updates for p in held.packages] == [2]


def test_a_recalled_row_beside_its_successor_is_a_re_release() -> None:
    v1, v2 = (
        row(f"{CU14} Nov30SU (recalled)", "15.2.1544.13", OLD_KB),
        row(f"{CU14} Nov30SUv2", "15.2.1544.14", NEW_KB),
    )
    assert kinds(tell(change(None, v1), change(None, v2))) == ["re-released 2"]


def test_an_advisory_without_update_is_announced_and_a_listed_attack_is_exploited() -> (
    None
):
    announced = tell(change(None, advisory(CVE, products=(CU14,))))
    assert kinds(announced) == ["announced 1"]
    assert (
        announced.events[0].summary
        == f"{CVE} is published for {CU14}; there is no update yet."
    )
    kev = Entry(
        CVE,
        "Spoofing in mail",
        published=NOV,
        cves=(CVE,),
        products=("Exchange Server",),
        exploited=True,
    )
    assert kinds(tell(change(None, kev, source="kev"))) == ["exploited 1"]


def test_two_advisories_are_published() -> None:
    both = tell(
        change(None, advisory(CVE, products=(CU14,))),
        change(None, advisory("CVE-2030-0002", products=(CU14,), exploited=True)),
    )
    assert both.events[0].summary.startswith(f"{CVE}, CVE-2030-0002 are published")


def test_an_update_goes_on_in_the_thread_of_the_advisories_it_fixes() -> None:
    announced = tell(change(None, advisory(CVE, products=(CU14,))))
    outcome = tell(
        change(advisory(CVE, products=(CU14,)), RECORD, time=NOV + days(9)),
        known=announced.updates,
    )
    assert kinds(outcome) == ["released 1"]
    assert outcome.absorbed == (Absorption(CVE.lower(), SU),)
    assert outcome.events[0].thread == announced.events[0].thread == CVE.lower()
    assert "ANNOUNCED, 12 November 2030" in outcome.events[0].previous


def test_an_update_that_fixes_one_of_two_advisories_leaves_the_other_its_thread() -> (
    None
):
    announced = tell(
        change(None, advisory(CVE, products=(CU14,))),
        change(None, advisory("CVE-2030-0002", products=(CU14,))),
    )
    outcome = tell(
        change(advisory(CVE, products=(CU14,)), RECORD, time=NOV + days(9)),
        known=announced.updates,
    )
    assert kinds(outcome) == ["released 1"]
    left = {
        held.id: [a.id for a in held.advisories]
        for held in after(outcome, *announced.updates)
    }
    assert left == {SU: [CVE], CVE.lower(): ["CVE-2030-0002"]}
    assert outcome.events[0].thread == CVE.lower()


# --- further sources, products, advisories --------------------------------------------


def test_a_further_source_of_the_same_release_is_evidence_for_it() -> None:
    outcome = again(
        None, row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB), day=1, source="builds"
    )
    assert kinds(outcome) == []
    assert [each.event for each in outcome.evidence] == ["e1"]
    (held,) = outcome.updates
    assert [(p.kb, p.build) for p in held.packages] == [(OLD_KB, "15.2.1544.13")]
    assert held.source_states == (SourceState("builds", f"{CU14} Nov30SU", 1),)


def test_of_a_second_version_it_is_evidence_for_the_re_release() -> None:
    second = replace(
        KNOWN,
        version=2,
        packages=(replace(KNOWN.packages[0], kb=NEW_KB, version=2),),
        established=(*KNOWN.established, Established(Kind.RE_RELEASED, 2, event="e2")),
    )
    outcome = again(None, row(f"{CU14} Nov30SUv2", "", NEW_KB), second, source="builds")
    assert (kinds(outcome), [each.event for each in outcome.evidence]) == ([], ["e2"])


def test_at_the_same_check_as_the_first_sight_all_is_one_story() -> None:
    outcome = again(
        RECORD,
        replace(
            RECORD, severity="Critical", passages=(Passage("faq", "Install it now."),)
        ),
        replace(KNOWN, established=()),
        day=0,
    )
    assert (kinds(outcome), silent(outcome)) == (
        [],
        ["another source tells of the same release"],
    )


def test_a_package_for_a_further_product_is_released_and_a_known_one_is_not() -> None:
    both = replace(
        RECORD, packages=(package(CU14), package(CU23)), updated=NOV + days(20)
    )
    outcome = again(RECORD, both)
    assert kinds(outcome) == ["released 1"]
    assert outcome.events[0].summary.endswith(f"is now available for {CU23} too.")
    assert outcome.events[0].update.products == (CU23,)
    assert "released" not in kinds(
        again(both, replace(both, severity="Low"), outcome.updates[0], day=21)
    )


def test_a_further_product_with_an_old_date_is_no_release() -> None:
    both = replace(RECORD, packages=(package(CU14), package(CU23)))
    assert kinds(again(RECORD, replace(both, updated=NOV + days(60)), day=100)) == [
        "revised 1"
    ]


def test_the_first_packages_of_an_update_that_words_told_of_are_evidence() -> None:
    words = tell(
        change(
            None,
            post(
                "1",
                "Released: November 2030 Exchange Server Security Updates",
                "We released Security Updates for Exchange.",
            ),
        )
    )
    outcome = tell(change(None, RECORD, time=NOV + days(0.5)), known=words.updates)
    assert kinds(outcome) == []
    assert {each.event for each in outcome.evidence} == {words.events[0].id}


def test_a_further_advisory_that_a_known_update_already_fixes_is_revised() -> None:
    outcome = again(None, advisory("CVE-2030-0002", package(CU14)))
    assert kinds(outcome) == ["revised 1"]
    assert outcome.events[0].summary.endswith("also fixes CVE-2030-0002.")
    many = [
        change(None, advisory(f"CVE-2030-1{n:03}", package(CU14)), time=NOV + days(20))
        for n in range(5)
    ]
    assert (
        tell(*many, known=[KNOWN]).events[0].summary.endswith("CVE-2030-1003 and more.")
    )


def test_the_first_advisories_of_an_update_soon_after_it_are_the_same_story() -> None:
    bare = replace(KNOWN, advisories=())
    assert kinds(again(None, RECORD, bare, day=3)) == []
    assert kinds(again(None, RECORD, bare, day=9)) == ["revised 1"]


# --- exploitation ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turned", "words"),
    [
        ({"exploited": True}, "exploited in attacks"),
        ({"disclosed": True}, "publicly disclosed"),
    ],
)
def test_exploitation_from_no_to_yes_is_news_whatever_the_revision_calls_itself(
    turned: dict[str, bool], words: str
) -> None:
    informed = (
        *RECORD.passages,
        revision("1.1", "This is an informational change only.", NOV + days(20)),
    )
    outcome = again(
        RECORD, replace(RECORD, passages=informed, revision="1.1", **turned)
    )
    assert kinds(outcome) == ["exploited 1"]
    assert (
        outcome.events[0].summary
        == f"{CVE} is now {words}; Exchange Server November 2030 SU ({OLD_KB}) fixes it."
    )
    mailed = sentence(outcome.events[0], words_of(None), {})
    assert mailed == f"Now {words}: {CVE}. Fixed by this update."


def test_words_that_tell_of_attacks_count_where_they_are_new_and_the_advisory_is_known() -> (
    None
):
    attacks = revision(
        "1.1",
        "Microsoft is aware that this vulnerability has been exploited in the wild.",
        NOV + days(20),
    )
    spoken = replace(RECORD, passages=(*RECORD.passages, attacks))
    assert "exploited 1" in kinds(again(RECORD, spoken))
    assert "exploited 1" not in kinds(
        again(
            RECORD, spoken, replace(KNOWN, advisories=(Advisory(CVE, exploited=True),))
        )
    )


def test_what_is_known_as_exploited_is_not_told_again_and_disclosure_after_it_neither() -> (
    None
):
    attacked = replace(KNOWN, advisories=(Advisory(CVE, exploited=True),))
    assert "exploited 1" not in kinds(
        again(RECORD, replace(RECORD, exploited=True), attacked)
    )
    assert "exploited 1" not in kinds(
        again(RECORD, replace(RECORD, disclosed=True), attacked)
    )


def test_a_catalogue_of_attacks_tells_it_and_one_event_serves_all_updates_that_fix_it() -> (
    None
):
    both = (package(CU14), Package("Windows Server 2019", "KB5990617"))
    known = after(tell(change(None, advisory(CVE, *both))))
    assert len(known) == 2
    outcome = tell(
        change(
            advisory(CVE, *both),
            advisory(CVE, *both, exploited=True),
            time=NOV + days(20),
        ),
        known=known,
    )
    assert kinds(outcome) == ["exploited 1"]
    assert outcome.events[0].update.products == (CU14, "Windows Server 2019")
    assert outcome.events[0].update.kbs == ("KB5990617", OLD_KB)


def test_other_advisories_of_other_updates_are_events_of_their_own() -> None:
    windows = advisory("CVE-2030-0007", Package("Windows Server 2019", "KB5990617"))
    known = after(tell(change(None, RECORD), change(None, windows)))
    changes = [
        change(each, replace(each, exploited=True), time=NOV + days(20))
        for each in (RECORD, windows)
    ]
    assert kinds(tell(*changes, known=known)) == ["exploited 1", "exploited 1"]


# --- known issues ---------------------------------------------------------------------


def test_a_known_issue_is_told_once_and_its_new_workaround_again() -> None:
    listed = issue("1", "Mail stops.", label="Exchange Server Nov30SU")
    first = again(None, listed, source="issues")
    assert kinds(first) == ["known-issue 1"]
    assert "has a known issue: Mail stops." in first.events[0].summary
    solved = issue(
        "1",
        "Mail stops.",
        label="Exchange Server Nov30SU",
        workaround="Restart the service.",
    )
    second = again(listed, solved, first.updates[0], 21, "issues")
    assert kinds(second) == ["known-issue 1"]
    assert (
        "has new guidance on a known issue: Restart the service."
        in second.events[0].summary
    )


def test_issues_of_one_update_at_one_check_are_one_event() -> None:
    listed = [
        change(
            None,
            issue(str(n), f"Trouble {n}.", label="Exchange Server Nov30SU"),
            time=NOV + days(20),
        )
        for n in range(3)
    ]
    assert kinds(tell(*listed, known=[KNOWN])) == ["known-issue 1"]


def test_an_old_issue_and_an_edit_of_an_old_updates_issue_are_no_news_of_an_issue() -> (
    None
):
    old = issue("1", label="Exchange Server Nov30SU", published=NOV - days(40))
    assert "known-issue 1" not in kinds(again(None, old, source="issues"))
    edited = issue("1", label="Exchange Server Nov30SU", workaround="Wait.")
    assert "known-issue 1" not in kinds(
        again(
            issue("1", label="Exchange Server Nov30SU"),
            edited,
            day=100,
            source="issues",
        )
    )
    undated = replace(KNOWN, released=None)
    assert "known-issue 1" in kinds(
        again(
            issue("1", label="Exchange Server Nov30SU"), edited, undated, 20, "issues"
        )
    )


def test_a_record_that_comes_to_tell_of_an_issue_is_a_known_issue_and_a_new_one_is_not() -> (
    None
):
    troubled = replace(
        RECORD,
        passages=(
            *RECORD.passages,
            Passage(
                "faq",
                "There is a known issue with this update: mail flow stops after installation.",
            ),
        ),
    )
    assert "known-issue 1" in kinds(again(RECORD, troubled))
    assert "known-issue 1" not in kinds(
        again(None, replace(troubled, key="CVE-2030-0002", cves=("CVE-2030-0002",)))
    )


def test_what_a_turn_tells_is_not_told_as_an_issue_again() -> None:
    paused = replace(
        RECORD, passages=(*RECORD.passages, revision("2.0", PAUSED, NOV + days(20)))
    )
    assert kinds(again(RECORD, paused)) == ["pulled 1"]


# --- the rest -------------------------------------------------------------------------


def test_new_words_are_a_revision_and_an_informational_change_is_none() -> None:
    asked = replace(
        RECORD,
        passages=(
            *RECORD.passages,
            Passage("faq", "You must restart the server twice."),
        ),
    )
    outcome = again(RECORD, asked)
    assert kinds(outcome) == ["revised 1"]
    assert outcome.events[0].guidance == ("You must restart the server twice.",)
    informed = replace(
        RECORD,
        passages=(
            *RECORD.passages,
            revision("1.1", "Fixed a typo. This is an informational change only."),
        ),
    )
    assert silent(again(RECORD, informed)) == [
        "the vendor calls it an informational change"
    ]


def test_what_concerns_no_administrator_and_what_is_back_as_it_was_is_not_told() -> (
    None
):
    assert silent(again(RECORD, replace(RECORD, severity="Low"))) == [
        "nothing that concerns an administrator has changed"
    ]
    returned = tell(
        change(RECORD, RECORD, time=NOV + days(20), kind=ChangeKind.RETURNED),
        known=[KNOWN],
    )
    assert silent(returned) == ["an entry that was missing is back as it was"]


def test_an_absence_that_is_no_statement_says_so() -> None:
    assert silent(tell(change(RECORD, None, time=NOV + days(20)), known=[KNOWN])) == [
        "an absence is no statement of this source"
    ]


def test_a_package_that_left_its_entry_is_a_revision() -> None:
    two = replace(RECORD, packages=(package(CU14), package(CU13)))
    assert kinds(again(two, RECORD)) == ["revised 1"]


def test_what_aged_out_is_not_even_looked_at() -> None:
    assert (
        tell(change(RECORD, None, kind=ChangeKind.AGED_OUT), known=[KNOWN]) == Outcome()
    )


# --- what names no update -------------------------------------------------------------


def test_a_feeds_new_entry_is_news_and_its_edits_are_not() -> None:
    entry = post("1", "Thoughts on mail", "We like mail.")
    outcome = tell(change(None, entry, source="blog"))
    assert [
        (event.kind, event.update.id, event.update.title) for event in outcome.events
    ] == [("news", "blog-thoughts-on-mail", "Thoughts on mail")]
    assert outcome.updates == ()
    assert silent(tell(change(entry, replace(entry, passages=()), source="blog"))) == [
        "it names no update that is watched"
    ]
    assert silent(tell(change(None, replace(entry, title=""), source="blog"))) == [
        "it names no update that is watched"
    ]
    named = tell(change(None, replace(entry, cves=(CVE,)), source="blog"))
    assert [event.kind for event in named.events] == ["news"]
    catalogued = replace(entry, key=CVE, cves=(CVE,), products=())
    assert silent(tell(change(None, catalogued, source="kev"))) == [
        "it names no update that is watched"
    ]


def test_an_issue_of_an_update_that_nobody_knows_is_told_and_found_again() -> None:
    listed = issue("1", "A Windows update stops mail.", kbs=["KB5990617"])
    first = tell(change(None, listed, source="issues"))
    assert [(event.kind, event.update.id) for event in first.events] == [
        ("known-issue", "issue-kb5990617")
    ]
    assert first.events[0].summary == "A known issue is listed: KB5990617."
    second = tell(
        change(None, replace(listed, key="2", kbs=()), source="issues"),
        change(None, replace(listed, key="2", kbs=()), source="issues"),
    )
    assert [event.update.id for event in second.events] == ["issue-2"]
    assert silent(second) == ["its update is known by another issue"]
    old = tell(change(None, replace(listed, published=NOV - days(40)), source="issues"))
    assert kinds(old) == ["revised 1"]
    assert silent(tell(change(listed, replace(listed, kbs=()), source="issues"))) == [
        "it names no update that is watched"
    ]
