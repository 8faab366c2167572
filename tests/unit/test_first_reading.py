"""A first reading tells nothing, but its histories set every update's state right."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.builders import (
    BACK,
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
    issue,
    kinds,
    package,
    post,
    revision,
    row,
    tell,
    update,
)
from watcher.records import Entry, Established, Kind, Passage, State, Update

PUBLISHED = revision("1.0", "Information published.")
PAUSE = revision("2.0", PAUSED, NOV + days(2))
RETURN = revision("3.0", BACK, NOV + days(15))


def settled(*entries: Entry, known: tuple[Update, ...] = ()) -> tuple[Update, ...]:
    outcome = tell(
        *(change(None, entry, time=NOV + days(30)) for entry in entries),
        known=known,
        first=True,
    )
    assert outcome.events == ()
    return after(outcome, *known)


def standing(*entries: Entry) -> list[tuple[str, State, int]]:
    return [(held.id, held.state, held.version) for held in settled(*entries)]


def test_a_watcher_installed_after_the_pull_knows_it() -> None:
    (held,) = settled(advisory("CVE-2030-0001", package(), passages=[PUBLISHED, PAUSE]))
    assert (held.id, held.state, held.version, held.changed) == (
        SU,
        State.PULLED,
        1,
        NOV + days(2),
    )
    assert held.established == (Established(Kind.PULLED, 1),)


def test_after_the_re_release_it_stands_at_the_second_version() -> None:
    (held,) = settled(
        advisory(
            "CVE-2030-0001", package(kb=NEW_KB), passages=[PUBLISHED, PAUSE, RETURN]
        )
    )
    assert (held.state, held.version, held.changed) == (
        State.RELEASED,
        2,
        NOV + days(15),
    )


def test_the_latest_word_of_several_entries_counts() -> None:
    pulled = advisory("CVE-2030-0001", package(), passages=[PUBLISHED, PAUSE])
    back = advisory("CVE-2030-0002", package(), passages=[PUBLISHED, RETURN])
    assert standing(pulled, back) == standing(back, pulled) == [(SU, State.RELEASED, 2)]


def test_tables_rows_tell_versions_and_a_name_tells_of_a_recall() -> None:
    v1, v2 = (
        row(f"{CU14} Nov30SU", "15.2.1544.13", OLD_KB),
        row(f"{CU14} Nov30SUv2", "15.2.1544.14", NEW_KB),
    )
    assert standing(v1) == [(SU, State.RELEASED, 1)]
    assert standing(v1, v2) == [(SU, State.RELEASED, 2)]
    recalled = row(f"{CU14} Nov30SU (recalled)", "15.2.1544.13", OLD_KB)
    assert standing(recalled) == [(SU, State.PULLED, 1)]
    assert standing(recalled, v2) == [(SU, State.RELEASED, 2)]


def test_a_pull_whose_update_has_a_newer_version_by_now_is_overtaken() -> None:
    paused = advisory("CVE-2030-0001", package(kb=OLD_KB), passages=[PUBLISHED, PAUSE])
    v2 = row(f"{CU14} Nov30SUv2", "15.2.1544.14", NEW_KB)
    assert standing(paused, v2) == [(SU, State.RELEASED, 2)]
    again = replace(
        paused,
        passages=(
            PUBLISHED,
            revision(
                "4.0",
                f"We have temporarily paused the rollout of {NEW_KB}.",
                NOV + days(20),
            ),
        ),
    )
    assert standing(replace(again, packages=(package(kb=NEW_KB),)), v2) == [
        (SU, State.PULLED, 2)
    ]


def test_a_word_of_a_return_in_another_months_record_or_before_the_release_is_not_about_it() -> (
    None
):
    elsewhere = advisory(
        "CVE-2030-0009",
        package(),
        passages=[PUBLISHED, RETURN],
        published=NOV - days(60),
    )
    known = tell(change(None, advisory("CVE-2030-0001", package()))).updates
    (held,) = settled(elsewhere, known=known)
    assert (held.state, held.version) == (State.RELEASED, 1)
    early = advisory(
        "CVE-2030-0009", package(), passages=[revision("2.0", PAUSED, NOV - days(30))]
    )
    (held,) = settled(early, known=known)
    assert held.state is State.RELEASED


def test_words_about_another_article_and_of_an_entry_without_packages() -> None:
    known = (update(SU, package(), names=("label:exchange server/2030-11/su",)),)
    other = post(
        "1",
        "November 2030 Exchange Server Security Updates",
        "We have temporarily paused the rollout of KB5990700.",
    )
    assert [held.state for held in settled(other, known=known)] == [State.RELEASED]
    mine = post("1", "November 2030 Exchange Server Security Updates", PAUSED)
    assert [held.state for held in settled(mine, known=known)] == [State.PULLED]
    packaged = advisory(
        "CVE-2030-0001",
        package(),
        passages=[
            revision("2.0", "We have temporarily paused the rollout of KB5990700.")
        ],
    )
    assert [held.state for held in settled(packaged)] == [State.RELEASED]


def test_a_word_without_a_date_is_older_than_one_with() -> None:
    undated = post("1", "November 2030 Exchange Server Security Updates", PAUSED)
    dated = advisory("CVE-2030-0001", package(), passages=[PUBLISHED, RETURN])
    assert standing(undated, dated) == [(SU, State.RELEASED, 2)]


def test_an_issue_and_an_advisory_without_update_change_no_state() -> None:
    known = (update(SU, package(), names=("label:exchange server/2030-11/su",)),)
    assert [
        held.state
        for held in settled(issue("1", label="Exchange Server Nov30SU"), known=known)
    ] == [State.RELEASED]
    assert standing(advisory("CVE-2030-0001", products=(CU14,))) == [
        ("cve-2030-0001", State.ANNOUNCED, 1)
    ]
    returned = advisory("CVE-2030-0001", products=(CU14,), passages=[PUBLISHED])
    assert standing(returned) == [("cve-2030-0001", State.ANNOUNCED, 1)]


@pytest.mark.parametrize(
    "passages", [(PUBLISHED,), (PUBLISHED, PAUSE), (PUBLISHED, PAUSE, RETURN)]
)
def test_a_second_reading_of_the_same_changes_nothing(
    passages: tuple[object, ...],
) -> None:
    entry = advisory("CVE-2030-0001", package(), passages=passages)  # type: ignore[arg-type]
    known = settled(entry)
    assert settled(entry, known=known) == known


TOLD = update(SU, package(), package(kb=NEW_KB), version=2, changed=NOV + days(20))


@pytest.mark.parametrize(
    "entry",
    [
        issue("1", label="Exchange Server Nov30SU"),
        advisory("CVE-2030-0001", package(), passages=[PAUSE, RETURN]),
    ],
)
def test_a_pull_that_was_told_outweighs_an_older_history_that_is_read_for_the_first_time(
    entry: Entry,
) -> None:
    known = replace(
        TOLD, state=State.PULLED, established=(Established(Kind.PULLED, 2, event="e1"),)
    )
    (held,) = settled(entry, known=(known,))
    assert (held.state, held.version, held.changed) == (State.PULLED, 2, NOV + days(20))


def test_a_re_release_that_was_told_outweighs_a_pause_before_it() -> None:
    known = replace(TOLD, established=(Established(Kind.RE_RELEASED, 2, event="e1"),))
    (held,) = settled(
        advisory("CVE-2030-0001", package(), passages=[PUBLISHED, PAUSE]),
        known=(known,),
    )
    assert (held.state, held.version) == (State.RELEASED, 2)


def test_a_later_history_that_is_read_for_the_first_time_counts() -> None:
    known = replace(
        TOLD,
        state=State.PULLED,
        changed=NOV + days(10),
        established=(Established(Kind.PULLED, 2, event="e1"),),
    )
    (held,) = settled(
        advisory("CVE-2030-0001", package(), passages=[PUBLISHED, PAUSE, RETURN]),
        known=(known,),
    )
    assert (held.state, held.version) == (State.RELEASED, 2)


KNOWN = update(
    SU,
    package(),
    names=("label:exchange server/2030-11/su",),
    established=(Established(Kind.RELEASED, event="e1"),),
)


def first_read(*entries: Entry, day: int = 5, known: Update = KNOWN) -> list[str]:
    outcome = tell(
        *(change(None, entry, time=NOV + days(day)) for entry in entries),
        known=(known,),
        first=True,
    )
    return kinds(outcome)


def test_a_turn_that_a_reader_of_the_release_does_not_know_is_told_at_a_first_reading() -> (
    None
):
    pulled = advisory("CVE-2030-0001", package(), passages=[PUBLISHED, PAUSE])
    assert first_read(pulled) == ["pulled 1"]
    back = advisory("CVE-2030-0001", package(), passages=[PUBLISHED, PAUSE, RETURN])
    assert first_read(back, day=20) == ["re-released 2"]
    second = row(
        "Exchange Server 2019 CU14 Nov30SUv2", "15.2.1544.14", NEW_KB, NOV + days(15)
    )
    assert first_read(second, day=20) == ["re-released 2"]


def test_on_the_updates_first_day_and_of_old_updates_it_is_not_and_the_first_day_leaves_the_state_to_others() -> (
    None
):
    pulled = advisory(
        "CVE-2030-0001", package(), passages=[PUBLISHED, Passage("faq", PAUSED)]
    )
    outcome = tell(
        change(None, pulled, time=NOV + days(0.5)), known=(KNOWN,), first=True
    )
    assert (kinds(outcome), [held.state for held in after(outcome, KNOWN)]) == (
        [],
        [State.RELEASED],
    )

    outcome = tell(
        change(None, pulled, time=NOV + days(200)), known=(KNOWN,), first=True
    )
    assert (kinds(outcome), [held.state for held in after(outcome, KNOWN)]) == (
        [],
        [State.PULLED],
    )


def test_after_a_turn_that_was_told_only_a_later_date_is_news() -> None:
    corrected = replace(
        KNOWN,
        changed=NOV + days(4),
        established=(
            *KNOWN.established,
            Established(Kind.CORRECTED, detail="e2", event="e3"),
        ),
    )
    undated = advisory(
        "CVE-2030-0001", package(), passages=[PUBLISHED, Passage("faq", PAUSED)]
    )
    assert first_read(undated, known=corrected) == []
    later = advisory(
        "CVE-2030-0001",
        package(),
        passages=[PUBLISHED, revision("2.0", PAUSED, NOV + days(5))],
    )
    assert first_read(later, day=6, known=corrected) == ["pulled 1"]
