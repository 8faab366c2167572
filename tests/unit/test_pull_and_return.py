"""Was it pulled, is it back?"""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from tests.unit.builders import (
    BACK,
    CU13,
    CU14,
    NEW_KB,
    NOV,
    OLD_KB,
    PAUSED,
    SU,
    advisory,
    after,
    change,
    days,
    kinds,
    package,
    post,
    revision,
    row,
    tell,
    update,
)
from watcher.records import (
    Entry,
    Established,
    Kind,
    Outcome,
    Package,
    Passage,
    Silence,
    State,
    Update,
)

LABEL = ("label:exchange server/2030-11/su",)
V1 = package(CU14, OLD_KB, "15.2.1544.13")
V2 = package(CU14, NEW_KB, "15.2.1544.14")
RELEASED = update(
    SU, V1, names=LABEL, established=(Established(Kind.RELEASED, event="e1"),)
)
PULLED = replace(
    RELEASED,
    state=State.PULLED,
    changed=NOV + days(2),
    established=(*RELEASED.established, Established(Kind.PULLED, 1, event="e2")),
)
AGAIN = replace(
    PULLED,
    state=State.RELEASED,
    version=2,
    changed=NOV + days(15),
    packages=(V1, replace(V2, version=2)),
    established=(*PULLED.established, Established(Kind.RE_RELEASED, 2, event="e3")),
)
RECORD = advisory(
    "CVE-2030-0001", V1, passages=[revision("1.0", "Information published.")]
)


def revised(
    text: str, time: datetime, entry: Entry = RECORD, number: str = "2.0"
) -> Entry:
    return replace(
        entry, passages=(*entry.passages, revision(number, text, time)), revision=number
    )


def says(
    before: Entry | None, entry: Entry, known: Update, day: float, source: str = "msrc"
) -> Outcome:
    return tell(
        change(before, entry, source=source, time=NOV + days(day)), known=[known]
    )


def test_the_vendors_words_pull_an_update_at_once_and_are_quoted() -> None:
    outcome = says(RECORD, revised(PAUSED, NOV + days(2)), RELEASED, 2)
    assert kinds(outcome) == ["pulled 1"]
    (event,) = outcome.events
    assert PAUSED in event.evidence[0].after
    assert "paused the rollout" in event.because
    assert event.pulled
    assert [held.state for held in outcome.updates] == [State.PULLED]


def test_a_pull_told_again_by_another_source_is_evidence_for_the_event_that_told_it() -> (
    None
):
    note = post("1", "November 2030 Exchange Server Security Updates", PAUSED)
    outcome = says(replace(note, passages=()), note, PULLED, 3, "blog")
    assert kinds(outcome) == []
    assert [each.event for each in outcome.evidence] == ["e2"]


def test_a_pull_that_was_known_from_the_start_is_not_told_and_says_why() -> None:
    known = replace(PULLED, established=(Established(Kind.PULLED, 1),))
    outcome = says(RECORD, revised(PAUSED, NOV + days(2)), known, 3)
    assert kinds(outcome) == []
    assert outcome.silent == (
        Silence("msrc", RECORD.key, "it was known from the first reading"),
    )


def test_a_word_of_a_return_is_the_next_version() -> None:
    outcome = says(RECORD, revised(BACK, NOV + days(15)), PULLED, 15)
    assert kinds(outcome) == ["re-released 2"]
    assert not outcome.events[0].pulled


def test_the_later_word_outweighs_the_earlier() -> None:
    both = revised(BACK, NOV + days(3), revised(PAUSED, NOV + days(2)), "3.0")
    assert kinds(says(RECORD, both, RELEASED, 3)) == ["re-released 2"]


def test_a_label_v2_is_the_second_version_and_a_label_v3_the_third() -> None:
    v2 = says(
        None, row(f"{CU14} Nov30SUv2", "15.2.1544.14", NEW_KB), PULLED, 15, "builds"
    )
    assert kinds(v2) == ["re-released 2"]
    assert v2.events[0].update.builds == ("15.2.1544.14",)
    v3 = says(
        None,
        row(f"{CU14} Nov30SUv3", "15.2.1544.15", "KB9000003"),
        after(v2, PULLED)[0],
        20,
        "builds",
    )
    assert kinds(v3) == ["re-released 3"]


def test_v2s_row_after_the_words_that_told_of_v2_is_evidence() -> None:
    words = says(RECORD, revised(BACK, NOV + days(15)), PULLED, 15)
    table = says(
        None,
        row(f"{CU14} Nov30SUv2", "15.2.1544.14", NEW_KB),
        after(words, PULLED)[0],
        16,
        "builds",
    )
    assert kinds(table) == []
    assert {each.event for each in table.evidence} == {words.events[0].id}
    (held,) = after(table, *after(words, PULLED))
    assert (held.version, [p.version for p in held.packages]) == (2, [1, 2])


def test_a_record_whose_package_changes_after_the_words_that_told_of_v2_is_evidence() -> (
    None
):
    words = says(
        None,
        post(
            "1",
            "Re-release of November 2030 Exchange Server Security Update packages",
            BACK,
        ),
        PULLED,
        15,
        "blog",
    )
    assert kinds(words) == ["re-released 2"]
    record = says(
        RECORD, replace(RECORD, packages=(V2,)), after(words, PULLED)[0], 15.5
    )
    assert [kind for kind in kinds(record) if not kind.startswith("revised")] == []
    assert {each.event for each in record.evidence} == {words.events[0].id}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (V1, replace(V1, build="15.2.1544.14"), ["re-released 2"]),
        (replace(V1, build="15.2.1544.15"), V1, ["revised 1"]),
        (V1, replace(V1, build="15.2.1545.1"), ["revised 1"]),
        (
            replace(V1, file="a.exe", size=10),
            replace(V1, file="a.exe", size=11),
            ["re-released 2"],
        ),
        (replace(V1, file="a.exe"), replace(V1, file="b.exe"), ["re-released 2"]),
        (V1, replace(V1, file="b.exe"), []),
        (V1, replace(V1, url="https://example.org/other"), []),
    ],
)
def test_the_same_name_with_a_higher_build_or_another_file_is_a_new_version(
    old: Package, new: Package, told: list[str]
) -> None:
    label = row(f"{CU14} Nov30SU").label
    entries = [
        Entry("k", "Nov30SU", published=NOV, packages=(each,), label=label)
        for each in (old, new)
    ]
    known = update(SU, old, names=LABEL)
    assert kinds(says(entries[0], entries[1], known, 2, "builds")) == told


def test_what_grows_in_an_old_row_is_a_correction_unless_the_update_is_pulled() -> None:
    old, new = (
        row(f"{CU14} Nov30SU", build, OLD_KB)
        for build in ("15.2.1544.13", "15.2.1544.14")
    )
    assert kinds(says(old, new, RELEASED, 91, "builds")) == ["revised 1"]
    assert kinds(says(old, new, PULLED, 91, "builds")) == ["re-released 2"]


def test_a_build_that_another_row_of_this_update_had_is_no_new_one() -> None:
    known = update(
        SU,
        replace(V1, build="15.2.1544.14"),
        package(CU13, OLD_KB, "15.2.1544.13"),
        names=LABEL,
    )
    old, new = (
        row(f"{CU14} Nov30SU", build, OLD_KB)
        for build in ("15.2.1544.13", "15.2.1544.14")
    )
    assert kinds(says(old, new, known, 2, "builds")) == ["revised 1"]


def test_a_row_whose_forms_disagree_is_never_re_released_by_that() -> None:
    old = row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB, disputed="15.2.1544.14")
    new = row(f"{CU14} Nov30SU", "15.2.1544.14", OLD_KB)
    assert kinds(says(old, new, RELEASED, 2, "builds")) == ["revised 1"]


def test_a_label_whose_version_is_mistyped_is_no_new_version() -> None:
    old, new = (
        row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB),
        row(f"{CU14} Nov30SUv3", "15.2.1544.13", OLD_KB),
    )
    outcome = says(old, new, RELEASED, 2, "builds")
    assert [kind for kind in kinds(outcome) if "released" in kind] == []
    assert [held.version for held in after(outcome, RELEASED)] == [1]


def test_a_row_whose_name_says_recalled_is_pulled() -> None:
    old, new = (
        row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB),
        row(f"{CU14} Nov30SU (recalled)", "15.2.1544.13", OLD_KB),
    )
    assert kinds(says(old, new, RELEASED, 2, "builds")) == ["pulled 1"]
    assert kinds(says(old, new, AGAIN, 20, "builds")) == []


def test_words_about_another_article_are_not_about_this_update() -> None:
    other = "We have temporarily paused the rollout of KB5990700."
    assert kinds(says(RECORD, revised(other, NOV + days(2)), RELEASED, 2)) == [
        "revised 1"
    ]


def test_words_about_the_first_version_do_not_pull_the_second() -> None:
    first = f"We have temporarily paused the rollout of {OLD_KB}."
    assert "pulled" not in " ".join(
        kinds(says(RECORD, revised(first, NOV + days(20), RECORD, "4.0"), AGAIN, 20))
    )
    second = f"We have temporarily paused the rollout of {NEW_KB}."
    assert kinds(
        says(RECORD, revised(second, NOV + days(20), RECORD, "4.0"), AGAIN, 20)
    ) == ["pulled 2"]


def test_a_word_older_than_the_last_turn_comes_too_late() -> None:
    late = says(RECORD, revised(PAUSED, NOV + days(2)), AGAIN, 16)
    assert [kind for kind in kinds(late) if "pulled" in kind] == []


def test_a_return_told_again_is_an_echo_for_six_weeks_or_by_its_revisions_date() -> (
    None
):
    note = post("1", "November 2030 Exchange Server Security Updates", BACK)
    echo = says(replace(note, passages=()), note, AGAIN, 20, "blog")
    assert (kinds(echo), {each.event for each in echo.evidence}) == ([], {"e3"})
    assert kinds(says(replace(note, passages=()), note, AGAIN, 15 + 46, "blog")) == [
        "re-released 3"
    ]
    assert kinds(says(RECORD, revised(BACK, NOV + days(16)), AGAIN, 62)) == []
    assert kinds(says(RECORD, revised(BACK, NOV + days(18)), AGAIN, 18)) == [
        "re-released 3"
    ]


def test_what_a_new_records_faq_carries_is_no_news_of_it() -> None:
    carried = replace(
        advisory("CVE-2030-0002", V1),
        passages=(Passage("faq", PAUSED), revision("1.0", "Information published.")),
    )
    assert "pulled" not in " ".join(kinds(says(None, carried, RELEASED, 2)))


def test_an_entry_that_only_now_points_at_an_update_says_nothing_of_it() -> None:
    other = advisory("CVE-2030-0002", package(CU13, "KB9000009"))
    points = revised(PAUSED, NOV + days(2), replace(other, packages=(V1,)))
    assert "pulled" not in " ".join(kinds(says(other, points, RELEASED, 2)))


def test_a_passage_that_names_products_is_about_the_updates_for_them() -> None:
    server = Package("Windows Server 2019", "KB5990617")
    both = advisory("CVE-2030-0001", V1, server)
    windows = update(
        "windows-kb5990617", server, month="", family="Windows", type="update"
    )
    paused = revised(
        "We have temporarily paused the rollout of the update for Windows Server 2019.",
        NOV + days(2),
        both,
    )
    outcome = tell(change(both, paused, time=NOV + days(2)), known=[RELEASED, windows])
    assert [event.update.id for event in outcome.events if event.kind == "pulled"] == [
        "windows-kb5990617"
    ]


def test_an_update_is_young_up_to_its_ninetieth_day() -> None:
    old, new = (
        row(f"{CU14} Nov30SU", build, OLD_KB)
        for build in ("15.2.1544.13", "15.2.1544.14")
    )
    assert kinds(says(old, new, RELEASED, 90, "builds")) == ["re-released 2"]


def test_a_first_version_of_which_something_was_established_is_no_echo_of_a_return() -> (
    None
):
    assert kinds(
        says(RECORD, revised(BACK, NOV + days(1)), replace(RELEASED, changed=NOV), 1)
    ) == ["re-released 2"]


def test_the_rows_of_a_version_that_is_pulled_by_now_do_not_bring_it_back_and_its_successor_is_the_next() -> (
    None
):
    told = replace(
        PULLED,
        version=2,
        changed=NOV + days(16),
        established=(
            *PULLED.established,
            Established(Kind.RE_RELEASED, 2, event="e3"),
            Established(Kind.PULLED, 2, event="e4"),
        ),
    )
    table = says(
        None, row(f"{CU14} Nov30SUv2", "15.2.1544.14", NEW_KB), told, 17, "builds"
    )
    assert "re-released" not in " ".join(kinds(table))
    assert [held.state for held in after(table, told)] == [State.PULLED]
    swapped = says(
        RECORD,
        replace(RECORD, packages=(package(CU14, "KB9000003", "15.2.1544.15"),)),
        told,
        18,
    )
    assert "re-released 3" in kinds(swapped)
