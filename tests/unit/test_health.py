"""What the operator hears of the watcher itself: once when it begins, once when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from watcher.formats import operator
from watcher.formats.letter import Form
from watcher.formats.words import Words
from watcher.judgement import health
from watcher.judgement.health import Standing, Trouble
from watcher.records import Delivery, DeliveryState, Document, Message, Source, Subscriber, Times

NOW = datetime(2030, 5, 14, 18, tzinfo=UTC)
MSRC = Source("msrc-cvrf", "cvrf", "https://msrc.example.org/")
RELEASED = datetime(2030, 5, 14, 17, tzinfo=UTC)  # the second Tuesday, 10:00 in summer time
LATER = RELEASED + timedelta(hours=6)


def failing(*failures: int) -> Standing:
    times = tuple(
        Times("blog", str(number), NOW, NOW - timedelta(days=1), count, f"cause {count}") for number, count in enumerate(failures)
    )
    return Standing(Source("blog", "feed", "https://blog.example.org/"), times)


def monthly(**accepted: datetime) -> Standing:
    """A source with a document for each month, by when it last changed."""
    return Standing(MSRC, documents=tuple(Document("msrc-cvrf", f"2030-{month}", "", accepted=time) for month, time in accepted.items()))


def keys(*standings: Standing, failures: int = 3, now: datetime = NOW) -> list[str]:
    return [trouble.key for trouble in health.troubles(standings, (), failures, now)]


@pytest.mark.parametrize(("counts", "expected"), [((), []), ((0,), []), ((2,), []), ((3,), ["fails blog"]), ((0, 5), ["fails blog"])])
def test_a_source_that_failed_so_often_in_a_row_is_a_trouble(counts: tuple[int, ...], expected: list[str]) -> None:
    assert keys(failing(*counts)) == expected


def test_the_worst_of_a_sources_documents_is_told() -> None:
    (trouble,) = health.troubles([failing(3, 7, 1)], (), 3, NOW)
    assert (trouble.name, trouble.detail, trouble.count, trouble.since) == ("blog", "cause 7", 7, NOW - timedelta(days=1))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2030-05-14T16:59:59", "2030-04-09T17:00"),
        ("2030-05-14T17:00:00", "2030-05-14T17:00"),  # summer time: 10:00 is 17:00 UTC
        ("2030-01-01T00:00:00", "2029-12-11T18:00"),  # the year before; winter time
        ("2027-03-31T00:00:00", "2027-03-09T18:00"),  # before the clocks change on the 14th
        ("2026-03-31T00:00:00", "2026-03-10T17:00"),  # after they changed on the 8th
        ("2026-11-30T00:00:00", "2026-11-10T18:00"),
    ],
)
def test_microsofts_monthly_hour_is_the_second_tuesday_at_ten_pacific(now: str, expected: str) -> None:
    assert health.patch_tuesday(datetime.fromisoformat(now).replace(tzinfo=UTC)) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("changed", "now", "expected"),
    [
        ({"Apr": RELEASED - timedelta(days=30)}, LATER, ["silent msrc-cvrf 2030-05"]),  # no document at all
        ({"Apr": RELEASED - timedelta(days=30)}, LATER - timedelta(minutes=1), []),  # it may yet come
        ({"May": RELEASED - timedelta(days=3)}, LATER, ["silent msrc-cvrf 2030-05"]),  # opened early, and not changed since
        ({"Apr": LATER, "May": RELEASED - timedelta(days=3)}, LATER, ["silent msrc-cvrf 2030-05"]),  # another month's change is none
        ({"Apr": RELEASED - timedelta(days=30), "May": RELEASED + timedelta(minutes=5)}, LATER, []),
        ({"Apr": LATER}, LATER, []),  # first read after the hour: nothing is known of before
        ({}, LATER, []),  # a source without monthly documents
    ],
)
def test_a_source_without_the_months_document_hours_after_microsofts_hour_is_silent(
    changed: dict[str, datetime], now: datetime, expected: list[str]
) -> None:
    assert keys(monthly(**changed), now=now) == expected


def test_a_source_that_fails_is_not_silent_too() -> None:
    standing = replace(monthly(Apr=RELEASED - timedelta(days=30)), times=failing(3).times)
    assert keys(standing, now=LATER) == ["fails msrc-cvrf"]


def test_december_is_followed_by_january() -> None:
    released = datetime(2030, 12, 10, 18, tzinfo=UTC)
    standing = monthly(Nov=released - timedelta(days=20), Dec=released + timedelta(hours=1))
    assert keys(standing, now=released + timedelta(hours=7)) == []


def lost(kind: str = "pulled") -> tuple[Message, Delivery]:
    message = Message("<1@example.org>", NOW, kind, "admins", "", "[PULLED] x", (), b"")
    return message, Delivery(message.id, "one@example.org", state=DeliveryState.REFUSED, answer="550 no such user", settled=NOW)


def test_a_delivery_given_up_is_told_but_not_one_to_the_operator() -> None:
    (trouble,) = health.troubles((), [lost(), lost("operator")], 3, NOW)
    assert (trouble.key, trouble.detail) == ("lost <1@example.org> one@example.org", "[PULLED] x: 550 no such user")


def test_what_was_told_is_not_told_again_and_what_is_over_is_told_once() -> None:
    wrong = health.troubles([failing(3)], [lost()], 3, NOW)
    new, over = health.changes(wrong, (), NOW)
    assert ([trouble.kind for trouble in new], over) == (["fails", "lost"], ())
    told = [trouble.key for trouble in wrong]
    assert health.changes(wrong, told, NOW) == ((), ())
    assert health.changes((), told, NOW) == ((), ("fails blog",))


@pytest.mark.parametrize(
    ("key", "expected"), [("silent msrc-cvrf 2030-05", ("silent msrc-cvrf 2030-05",)), ("silent msrc-cvrf 2030-04", ())]
)
def test_a_month_that_came_late_is_told_and_one_that_never_came_is_followed_by_the_next(key: str, expected: tuple[str, ...]) -> None:
    assert health.changes((), [key], LATER)[1] == expected


# --- the letters --------------------------------------------------------------------------------------------------------

WORDS = Words(
    "en",
    "en.toml",
    {
        "operator": {
            "fails": "{name} fails",
            "fails_text": "{name} {count} {since}",
            "fails_over": "{name} well",
            "silent": "{name} silent",
            "silent_text": "{name} {detail} {since}",
            "silent_over": "{name} spoke",
            "lost": "lost to {name}",
            "lost_text": "{name}: {detail}",
            "well_text": "{head}.",
            "several": "{first} +{count}",
            "quiet": "quiet",
            "wrong": "wrong {count}",
            "last": "{name} {since}",
            "never": "never",
        },
        "months": {str(number): str(number) for number in range(1, 13)},
    },
)
FORM = Form(WORDS, ZoneInfo("UTC"))
READER = Subscriber("operator", ("it@example.org",))
FAILS = Trouble("fails blog", health.FAILS, "blog", "the cause", 3, None)


def test_one_trouble_is_the_subject_and_its_cause_a_line_of_its_own() -> None:
    letter = operator.changed(READER, [FAILS], [], FORM)
    assert (letter.kind, letter.subscriber, letter.subject, letter.lines) == (
        "operator",
        READER,
        "blog fails",
        ("blog 3 never", "the cause"),
    )


def test_several_troubles_are_one_letter() -> None:
    gone = Trouble("lost <1> a@example.org", health.LOST, "a@example.org", "550 no")
    letter = operator.changed(READER, [FAILS, gone], ["silent msrc-cvrf 2030-05", "fails kev"], FORM)
    assert letter.subject == "blog fails +3"
    assert letter.lines == ("blog 3 never", "the cause", "a@example.org: 550 no", "msrc-cvrf spoke.", "kev well.")


def test_a_quiet_week_names_the_last_success_of_each_source() -> None:
    unread = Standing(Source("followed", "download", ""))
    assert operator.weekly(READER, [failing(0), unread], [], FORM).lines == ("blog 13 5 2030, 18:00 UTC",)
    assert operator.weekly(READER, [failing(0)], [], FORM).subject == "quiet"


def test_a_week_that_was_not_quiet_names_what_is_wrong_first() -> None:
    letter = operator.weekly(READER, [failing(3)], [FAILS], FORM)
    assert (letter.subject, letter.lines[0]) == ("wrong 1", "blog 3 never")
