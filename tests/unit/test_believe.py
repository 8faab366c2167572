"""Is a copy to be believed?"""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from tests.unit.builders import CU14, NOV, change, days, package, row, snapshot
from watcher.judgement import believe
from watcher.records import Change, ChangeKind, Document, Snapshot

HISTORY = Document(
    "msrc",
    "2030-Nov",
    "https://msrc.example.org/",
    identity="2030-Nov",
    total=100,
    revisions=300,
    accepted=NOV,
)


def copy(
    total: int = 100,
    revisions: int = 300,
    identity: str = "2030-Nov",
    document: str = "2030-Nov",
) -> Snapshot:
    return snapshot(
        "msrc",
        NOV,
        [],
        document=document,
        total=total,
        revisions=revisions,
        identity=identity,
    )


def test_a_first_copy_and_one_like_the_last_are_believed() -> None:
    never = Document("msrc", "2030-Nov", "")
    for history in (None, never, HISTORY):
        assert believe.judge(copy(), history, NOV) == believe.Verdict(believed=True)


@pytest.mark.parametrize(
    ("doubted", "words"),
    [
        (copy(0, 0), "empty"),
        (copy(49, 400), "49 entries"),
        (copy(99, 299), "older one"),
        (copy(identity="2030-Oct", document=""), "calls itself '2030-Oct'"),
    ],
)
def test_a_suspect_copy_is_not_believed_for_two_days(
    doubted: Snapshot, words: str
) -> None:
    verdict = believe.judge(doubted, HISTORY, NOV)
    assert not verdict.believed
    assert words in verdict.doubt
    since = believe.doubted(believe.doubted(HISTORY, NOV), NOV + days(1))
    assert not believe.judge(doubted, since, NOV + days(1.99)).believed
    late = believe.judge(doubted, since, NOV + days(2))
    assert (late.believed, late.late, late.doubt) == (True, True, verdict.doubt)


@pytest.mark.parametrize(
    "good",
    [
        copy(50, 300),
        copy(99, 300),
        copy(99, 301),
        copy(100, 10),
        copy(101, 1),
        copy(identity="2030-NOV"),
    ],
)
def test_what_proves_nothing_is_believed(good: Snapshot) -> None:
    assert believe.judge(good, HISTORY, NOV).believed


def test_a_clock_that_is_put_forward_or_back_passes_no_time() -> None:
    empty, history = copy(0, 0), HISTORY
    for moment in (NOV, NOV + days(90), NOV + days(90.1), NOV - days(1)):
        assert not believe.judge(empty, history, moment).believed
        history = believe.doubted(history, moment)
    assert history.suspect_since == NOV
    assert not believe.judge(empty, history, NOV - days(0.5)).believed
    history = believe.doubted(history, NOV - days(0.1))
    assert believe.judge(empty, history, NOV).late


def test_a_copy_that_was_read_before_the_last_is_stale_unless_it_only_gives_back() -> (
    None
):
    bodies = [replace(copy(), sha256=str(number) * 64) for number in range(1, 5)]
    document = HISTORY
    for body in bodies:
        earlier = believe.bodies_before(document, body)
        document = replace(document, sha256=body.sha256, bodies=earlier)
    gone = change(row(f"{CU14} Nov30SU", "15.2.1544.13"), None)
    back = replace(
        gone, kind=ChangeKind.RETURNED, before=gone.before, after=gone.before
    )
    good = believe.Verdict(believed=True)

    def aged(body: Snapshot, *changes: Change) -> believe.Verdict:
        return believe.judge_age(good, body, changes, document, NOV)

    assert not aged(bodies[1], gone).believed
    assert aged(bodies[1], back).believed
    assert aged(bodies[3], gone).believed
    assert aged(replace(copy(), sha256="9" * 64), gone).believed
    longer = replace(document, bodies=tuple(str(n) for n in range(99)))
    assert len(believe.bodies_before(longer, bodies[0])) == believe.BODIES


def test_an_empty_document_after_an_empty_one_is_believed() -> None:
    assert believe.judge(
        copy(0, 0), replace(HISTORY, total=0, revisions=0), NOV
    ).believed


def test_another_months_document_is_never_believed() -> None:
    stranger = copy(identity="2031-Feb")
    verdict = believe.judge(
        stranger, replace(HISTORY, identity="", suspect_since=NOV), NOV + days(90)
    )
    assert not verdict.believed
    assert "'2031-Feb'" in verdict.doubt
    assert "'2030-Nov'" in verdict.doubt


def moved(number: int, build: str = "15.2.1544.99") -> list[Change]:
    rows = [
        row(f"{CU14} {month}29SU", "15.2.1544.1")
        for month in ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug")
    ]
    return [
        change(each, replace(each, packages=(package(build=build),)))
        for each in rows[:number]
    ]


def believed(
    changes: list[Change], now: datetime = NOV, history: Document = HISTORY
) -> bool:
    return believe.judge_layout(tuple(changes), history, now).believed


def test_a_table_in_which_many_updates_move_at_once_has_a_new_layout() -> None:
    assert believed(moved(believe.LAYOUT))
    assert not believed(moved(believe.LAYOUT + 1))
    verdict = believe.judge_layout(
        tuple(moved(6)),
        believe.doubted(believe.doubted(HISTORY, NOV), NOV + days(1)),
        NOV + days(3),
    )
    assert (verdict.believed, verdict.late) == (True, True)
    assert "6 updates" in verdict.doubt


def test_rows_of_one_update_count_once() -> None:
    rows = [
        row(f"Exchange Server 2019 CU{number} Nov30SU", f"15.2.{number}.1")
        for number in range(1, 10)
    ]
    assert believed([change(each, None) for each in rows])


def test_rows_without_a_label_count_each() -> None:
    rows = [
        replace(row(f"Windows Server {year}", f"10.0.{year}.1"), label=None)
        for year in range(2016, 2023)
    ]
    assert not believed([change(each, None) for each in rows])


def test_a_release_of_many_rows_a_corrected_date_and_what_ages_out_are_no_layout() -> (
    None
):
    rows = [
        row(f"Exchange Server 2019 CU{number}", f"15.2.{number}.1")
        for number in range(1, 10)
    ]
    assert believed([change(None, each) for each in rows])
    assert not believed(
        [change(None, replace(each, published=NOV - days(31))) for each in rows]
    )
    assert believed([change(None, replace(each, published=None)) for each in rows])
    assert believed(
        [change(each, replace(each, published=NOV - days(400))) for each in rows]
    )
    assert believed([change(each, None, kind=ChangeKind.AGED_OUT) for each in rows])


@pytest.mark.parametrize(
    ("released", "old"),
    [
        (None, False),
        (NOV - days(30), False),
        (NOV - days(30.01), True),
        (NOV + days(99), False),
    ],
)
def test_more_than_thirty_days_is_history(released: datetime | None, old: bool) -> None:
    assert believe.back_filled(released, NOV) is old
