"""One source's check, whole."""

from __future__ import annotations

from tests.unit.builders import (
    CU13,
    CU14,
    NOV,
    OLD_KB,
    SU,
    advisory,
    change,
    days,
    issue,
    package,
    post,
    row,
    tell,
    update,
)
from watcher.judgement import interpret
from watcher.records import ChangeKind


def test_the_state_is_asked_for_every_name_of_both_forms_once() -> None:
    before, after = (
        advisory("CVE-2030-0001", package(kb=OLD_KB)),
        advisory("CVE-2030-0001", package(kb="KB9000002")),
    )
    names = interpret.names([change(before, after), change(None, after)])
    assert len(names) == len(set(names))
    assert {
        "kb:KB9000001",
        "kb:KB9000002",
        "cve:CVE-2030-0001",
        "label:exchange server/2030-11/su",
    } <= set(names)
    assert interpret.names([]) == ()


def test_a_first_reading_and_news_may_stand_in_one_check() -> None:
    known, new = (
        row(f"{CU14} Oct30SU", "15.2.1544.9"),
        row(f"{CU13} Nov30SU", "15.2.1258.38", published=NOV),
    )
    outcome = interpret.events([change(None, new)], [change(None, known)], (), NOV)
    assert [(event.kind, event.update.id) for event in outcome.events] == [
        ("released", SU)
    ]
    assert [held.id for held in outcome.updates] == ["exchange-server-2030-10-su", SU]


def test_events_come_in_one_order_whatever_that_of_the_changes() -> None:
    known = [update(SU, package(), names=("label:exchange server/2030-11/su",))]
    changes = [
        change(None, issue("1", label="Exchange Server Nov30SU"), time=NOV + days(1)),
        change(
            None, post("2", "Thoughts on mail", "x", products=()), time=NOV + days(1)
        ),
        change(
            None,
            row("Exchange Server 2019 CU15", "15.2.1748.10", published=NOV),
            time=NOV + days(1),
        ),
        change(row(f"{CU14} Nov30SU", "15.2.1544.1", OLD_KB), None, time=NOV + days(1)),
        change(
            post("3", "Old", "x"), None, time=NOV + days(1), kind=ChangeKind.AGED_OUT
        ),
    ]
    outcome = tell(*changes, known=known)
    assert outcome == tell(*changes[::-1], known=known)
    assert [event.kind.value for event in outcome.events] == [
        "released",
        "known-issue",
        "pulled",
        "news",
    ]
