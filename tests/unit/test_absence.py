"""Absence is evidence, never a verdict."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.builders import (
    CU13,
    CU14,
    NEW_KB,
    NOV,
    OLD_KB,
    SU,
    advisory,
    change,
    days,
    issue,
    kinds,
    package,
    page,
    row,
    tell,
    update,
)
from watcher.judgement import absence
from watcher.judgement.change_reading import read_change
from watcher.records import (
    Change,
    ChangeKind,
    Entry,
    Established,
    Kind,
    Outcome,
    Package,
    Silence,
    State,
    Update,
)

LABEL = ("label:exchange server/2030-11/su",)
LINK = "https://www.microsoft.com/download/details.aspx?id="
V1 = package(CU14, OLD_KB, "15.2.1544.13", url=f"{LINK}1")
OTHER = package(CU13, OLD_KB, "15.2.1258.38", url=f"{LINK}2")
ROW = row(f"{CU14} Nov30SU", V1.build, OLD_KB)
OTHER_ROW = row(f"{CU13} Nov30SU", OTHER.build, OLD_KB)
ONE = update(SU, V1, names=LABEL)
TWO = update(SU, V1, OTHER, names=LABEL)


def gone(
    *entries: Entry, known: Update, day: float = 2, source: str = "builds"
) -> Outcome:
    return tell(
        *(
            change(entry, None, source=source, time=NOV + days(day))
            for entry in entries
        ),
        known=[known],
    )


def unavailable(
    document: str, known: Update, day: float = 2, source: str = "downloads"
) -> Outcome:
    before, now = page(document, available=True), page(document, available=False)
    return tell(
        replace(
            change(before, now, source=source, time=NOV + days(day)), document=document
        ),
        known=[known],
        kind="download",
    )


def available(
    document: str, known: Update, day: float, source: str = "downloads"
) -> Outcome:
    before, now = page(document, available=False), page(document, available=True)
    return tell(
        replace(
            change(before, now, source=source, time=NOV + days(day)), document=document
        ),
        known=[known],
        kind="download",
    )


def back(entry: Entry, known: Update, day: float, source: str = "builds") -> Outcome:
    return tell(
        change(
            entry, entry, source=source, time=NOV + days(day), kind=ChangeKind.RETURNED
        ),
        known=[known],
    )


def test_a_row_that_is_gone_is_suspected_and_the_vendor_has_not_said_so() -> None:
    outcome = gone(ROW, known=ONE)
    assert kinds(outcome) == ["suspected pulled 1"]
    (event,) = outcome.events
    assert "its row is gone at builds" in event.summary
    assert not event.pulled
    assert [held.state for held in outcome.updates] == [State.RELEASED]
    assert event.evidence[0].change == "removed"


def test_more_rows_of_it_that_go_there_are_the_same_suspicion() -> None:
    (known,) = gone(ROW, known=TWO).updates
    more = gone(OTHER_ROW, known=known, day=2.2)
    assert kinds(more) == []
    (whole,) = more.updates
    (suspicion,) = whole.suspicions
    assert (len(suspicion.evidence), suspicion.whole) == (2, True)
    assert whole.state is State.RELEASED


def test_a_second_source_confirms_at_once() -> None:
    (known,) = gone(ROW, known=ONE).updates
    outcome = unavailable("1", known, 2.01)
    assert kinds(outcome) == ["pulled 1"]
    assert {piece.source for piece in outcome.events[0].evidence} == {
        "builds",
        "downloads",
    }
    assert outcome.events[0].scope == ("download-center",)


def test_two_sources_that_each_lack_another_package_confirm_nothing() -> None:
    mirror = "https://mirror.example.net/builds"
    (known,) = gone(ROW, known=TWO).updates
    other = replace(OTHER_ROW, url=mirror)
    assert kinds(gone(other, known=known, source="mirror", day=2.01)) == []
    same = replace(ROW, url=mirror)
    assert kinds(gone(same, known=known, source="mirror", day=2.01)) == ["pulled 1"]


def test_two_sources_on_one_host_are_one_witness() -> None:
    (known,) = gone(ROW, known=ONE).updates
    same_host = replace(ROW, url="https://learn.example.org/other")
    outcome = tell(
        change(same_host, None, source="beside", time=NOV + days(2.01)), known=[known]
    )
    assert kinds(outcome) == []
    assert [each.source for each in outcome.updates[0].suspicions] == [
        "builds",
        "beside",
    ]


def test_more_updates_gone_at_once_than_a_vendor_pulls_are_the_sources_trouble() -> (
    None
):
    rows = [
        row(f"{CU14} {month}30SU", f"15.2.1544.{build}", f"KB900{build}0")
        for month, build in (("Sep", 11), ("Oct", 12), ("Nov", 13))
    ]
    names = [f"label:exchange server/2030-{month:02}/su" for month in (9, 10, 11)]
    known = [
        replace(update(f"update-{place}", each.packages[0]), names=(name,))
        for place, (each, name) in enumerate(zip(rows, names, strict=True))
    ]
    two = [change(each, None, source="builds", time=NOV + days(2)) for each in rows[:2]]
    three = [change(each, None, source="builds", time=NOV + days(2)) for each in rows]
    assert kinds(tell(*two, known=known)) == ["suspected pulled 1"] * 2
    outcome = tell(*three, known=known)
    assert kinds(outcome) == []
    assert {each.why for each in outcome.silent} == {
        "so much is gone at once: the source is at fault"
    }


def test_a_row_without_a_label_is_missed_with_the_same_care() -> None:
    bare = replace(ROW, label=None)
    assert kinds(gone(bare, known=ONE)) == ["suspected pulled 1"]
    newer = row("15.2.1544.14", "15.2.1544.14", NEW_KB)
    product = replace(newer, packages=(package(CU14, NEW_KB, "15.2.1544.14"),))
    outcome = tell(
        change(bare, None, source="builds", time=NOV + days(2)),
        change(None, product, source="builds", time=NOV + days(2)),
        known=[ONE],
    )
    assert "suspected pulled 1" not in kinds(outcome)


def test_pages_that_say_the_download_is_gone_are_a_suspicion_when_one_goes_and_whole_when_all_do() -> (
    None
):
    first = unavailable("1", TWO)
    assert kinds(first) == ["suspected pulled 1"]
    assert "its page says that it is gone" in first.events[0].summary
    (known,) = first.updates
    assert not known.suspicions[0].whole
    (whole,) = unavailable("2", known, 2.01).updates
    assert whole.suspicions[0].whole


@pytest.mark.parametrize(
    ("kind", "scope", "told"),
    [("catalog", ("update-catalog",), ["pulled 1"]), ("kb-article", (), [])],
)
def test_a_catalogue_that_no_longer_lists_it_is_a_channel_and_an_article_offers_no_package(
    kind: str, scope: tuple[str, ...], told: list[str]
) -> None:
    before, now = (
        page(OLD_KB, available=True, kbs=[OLD_KB]),
        page(OLD_KB, available=False, kbs=[OLD_KB]),
    )
    made = replace(
        change(before, now, source="pages", time=NOV + days(2)), document=OLD_KB
    )
    outcome = tell(made, known=[update(SU, package(), names=LABEL)], kind=kind)
    assert kinds(outcome) == ["suspected pulled 1"]
    assert outcome.events[0].scope == scope
    (known,) = outcome.updates
    assert kinds(gone(ROW, known=known)) == told


@pytest.mark.parametrize(
    "known",
    [
        replace(ONE, released=NOV - days(100)),
        replace(ONE, state=State.PULLED),
        replace(
            ONE,
            version=2,
            packages=(V1, package(CU14, NEW_KB, "15.2.1544.14", version=2)),
        ),
    ],
    ids=["old", "pulled already", "replaced by v2"],
)
def test_what_is_old_pulled_already_or_replaced_is_not_suspected(known: Update) -> None:
    assert kinds(gone(ROW, known=known)) == []


def test_an_update_without_a_date_is_as_young_as_its_first_event() -> None:
    undated = replace(ONE, released=None)
    assert kinds(gone(ROW, known=undated)) == []
    told = replace(undated, established=(Established(Kind.RELEASED, event="e1"),))
    assert kinds(gone(ROW, known=told)) == ["suspected pulled 1"]
    assert kinds(gone(ROW, known=told, day=100)) == []


@pytest.mark.parametrize(
    "entry",
    [
        issue("1", kbs=[OLD_KB]),
        advisory("CVE-2030-0001", V1),
        replace(ROW, packages=()),
    ],
)
def test_where_absence_is_no_statement_nothing_is_suspected_and_it_says_so(
    entry: Entry,
) -> None:
    outcome = gone(entry, known=ONE, source="issues")
    assert kinds(outcome) == []
    assert outcome.silent == (
        Silence("issues", entry.key, "an absence is no statement of this source"),
    )


def test_a_row_of_an_update_that_nobody_knows_is_not_missed() -> None:
    assert gone(ROW, known=update("other", package(kb=NEW_KB))) == Outcome()


def test_what_comes_back_as_it_was_takes_the_suspicion_back() -> None:
    suspected = gone(ROW, known=ONE)
    (known,) = suspected.updates
    outcome = back(ROW, known, 2.1)
    assert kinds(outcome) == ["corrected 1"]
    assert outcome.events[0].corrects == suspected.events[0].id
    assert [held.suspicions for held in outcome.updates] == [()]
    # Told once, taken back once: what a lagging server flips is not told again
    (known,) = outcome.updates
    again = gone(ROW, known=known, day=2.2)
    assert kinds(again) == []
    (known,) = again.updates
    assert kinds(back(ROW, known, 2.3)) == []
    assert kinds(unavailable("1", known, 2.3)) == ["pulled 1"]


def pulled_by_two() -> Outcome:
    (known,) = gone(ROW, known=ONE).updates
    return unavailable("1", known, 2.5)


def test_a_verdict_of_absence_is_taken_back_the_same_day_and_later_it_is_a_re_release() -> (
    None
):
    confirmed = pulled_by_two()
    (pulled,) = confirmed.updates
    early = available("1", pulled, 3.4)
    assert kinds(early) == ["corrected 1"]
    assert early.events[0].corrects == confirmed.events[0].id
    assert [held.state for held in early.updates] == [State.RELEASED]
    late = available("1", pulled, 3.6)
    assert kinds(late) == ["re-released 2"]
    assert [held.state for held in late.updates] == [State.RELEASED]


def test_what_was_taken_back_may_be_pulled_again() -> None:
    (pulled,) = pulled_by_two().updates
    (restored,) = available("1", pulled, 2.6).updates
    # The row is still gone
    assert kinds(unavailable("1", restored, 2.7)) == ["pulled 1"]


def test_a_row_that_is_back_offers_nothing_as_long_as_the_page_is_gone() -> None:
    """A copy of the table was late, the page is gone for good: the pull stands."""
    confirmed = pulled_by_two()
    (pulled,) = confirmed.updates
    (listed,) = back(ROW, pulled, 2.6).updates
    assert listed.is_pulled
    (offered,) = available("1", listed, 2.7).events
    assert offered.corrects == confirmed.events[0].id


@pytest.mark.parametrize(
    ("day", "told"), [(2.2, []), (2.9, []), (9.0, ["re-released 2"])]
)
def test_what_the_vendor_pulled_by_words_is_back_when_its_page_is_back_after_a_day(
    day: float, told: list[str]
) -> None:
    known = replace(
        ONE,
        state=State.PULLED,
        changed=NOV + days(2),
        established=(Established(Kind.PULLED, 1, event="e1"),),
    )
    before, now = page("1", available=False), page("1", available=True)
    away = change(before, now, source="downloads", time=NOV + days(day))
    outcome = tell(
        replace(away, document="1", since=NOV + days(2.1)),
        known=[known],
    )
    assert kinds(outcome) == told


def test_a_row_that_is_back_with_another_build_is_judged_as_that() -> None:
    (known,) = gone(ROW, known=ONE).updates
    grown = row(ROW.title, "15.2.1544.14", OLD_KB)
    outcome = tell(
        change(
            ROW, grown, source="builds", time=NOV + days(3), kind=ChangeKind.RETURNED
        ),
        known=[known],
    )
    assert kinds(outcome) == ["re-released 2"]
    assert [held.suspicions for held in outcome.updates] == [()]


def test_what_returns_without_having_been_suspected_is_no_news() -> None:
    assert kinds(back(ROW, ONE, 3)) == []


def test_a_return_at_one_source_leaves_the_suspicion_of_another() -> None:
    (known,) = gone(ROW, known=TWO).updates
    (both,) = gone(OTHER_ROW, known=known, source="mirror", day=2.01).updates
    (left,) = back(ROW, both, 2.1).updates
    assert [s.source for s in left.suspicions] == ["mirror"]


@pytest.mark.parametrize(
    ("before", "now", "absent"),
    [
        (True, True, False),
        (None, True, True),
        (True, None, False),
        (False, True, True),
        (True, False, True),
        (None, False, True),
    ],
)
def test_only_a_page_that_changes_what_it_says_is_heard(
    before: bool | None, now: bool | None, absent: bool
) -> None:
    pages: list[Entry] = [page("1", available=value) for value in (before, now)]
    made: Change = change(pages[0], pages[1])
    assert absence.is_absence(read_change(made)) is absent


def test_when_nothing_was_ever_established_the_return_of_a_pulled_one_is_early() -> (
    None
):
    known = replace(
        ONE,
        state=State.PULLED,
        changed=None,
        established=(
            Established(Kind.PULLED, 1, by_absence=True, event="e1"),
            Established(Kind.PULLED, 1, event="e1"),
        ),
    )
    outcome = back(ROW, known, 9)
    assert (kinds(outcome), outcome.events[0].corrects) == (["corrected 1"], "e1")


def test_an_update_without_builds_is_never_wholly_gone_by_its_rows() -> None:
    bare = Package(CU14, OLD_KB)
    (known,) = gone(
        replace(ROW, packages=(bare,)), known=update(SU, bare, names=LABEL)
    ).updates
    assert [each.whole for each in known.suspicions] == [True]
