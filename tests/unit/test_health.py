"""What the operator hears of the watcher itself: once when it begins, once when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from watcher.judgement import source_health
from watcher.judgement.source_health import (
    OperatorNews,
    Problem,
    ProblemKey,
    ProblemKind,
    SourceHealth,
)
from watcher.mail import operator
from watcher.records import (
    Delivery,
    DeliveryState,
    Document,
    Letter,
    Message,
    Source,
    Subscriber,
    Times,
)
from watcher.text.words import Form, Words

NOW = datetime(2030, 5, 14, 18, tzinfo=UTC)
MSRC = Source("msrc-cvrf", "cvrf", "https://msrc.example.org/", monthly=True)
GUIDE = Source("msrc-guide", "feed", "https://guide.example.org/", monthly=True)
BLOG = Source("blog", "feed", "https://blog.example.org/", silent=timedelta(days=60))
# The second Tuesday, 10:00 in summer time
RELEASED = datetime(2030, 5, 14, 17, tzinfo=UTC)
LATER = RELEASED + timedelta(hours=6)


def failing(*failures: int) -> SourceHealth:
    times = tuple(
        Times(
            "blog", str(number), NOW, NOW - timedelta(days=1), count, f"cause {count}"
        )
        for number, count in enumerate(failures)
    )
    return SourceHealth(Source("blog", "feed", "https://blog.example.org/"), times)


def monthly(at: datetime = LATER, **accepted: datetime) -> SourceHealth:
    """A source with a document for each month, by when it last changed.

    All of them answered well ``at``.
    """
    documents = tuple(
        Document("msrc-cvrf", f"2030-{month}", "", accepted=time)
        for month, time in accepted.items()
    )
    return SourceHealth(
        MSRC,
        tuple(
            Times(MSRC.name, name, at, at)
            for name in ("", *(d.document for d in documents))
        ),
        documents,
    )


def dated(
    newest: datetime | None,
    at: datetime,
    source: Source,
    accepted: datetime = NOW - timedelta(days=400),
) -> SourceHealth:
    """A source of one document that answered well ``at``, by the newest date that it
    bears and when its copy last differed.
    """
    return SourceHealth(
        source,
        (Times(source.name, "", at, at),),
        (Document(source.name, "", "", newest=newest, accepted=accepted),),
    )


def keys(*healths: SourceHealth, failures: int = 3) -> list[str]:
    return [
        str(problem.key) for problem in source_health.problems(healths, (), failures)
    ]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((), []),
        ((0,), []),
        ((2,), []),
        ((3,), ["fails blog"]),
        ((0, 5), ["fails blog"]),
    ],
)
def test_a_source_that_failed_so_often_in_a_row_is_a_problem(
    counts: tuple[int, ...], expected: list[str]
) -> None:
    assert keys(failing(*counts)) == expected


def test_the_worst_of_a_sources_documents_is_told() -> None:
    (problem,) = source_health.problems([failing(3, 7, 1)], (), 3)
    assert (problem.name, problem.detail, problem.count, problem.since) == (
        "blog",
        "cause 7",
        7,
        NOW - timedelta(days=1),
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2030-05-14T16:59:59", "2030-04-09T17:00"),
        ("2030-05-14T17:00:00", "2030-05-14T17:00"),  # summer time: 10:00 is 17:00 UTC
        ("2030-01-01T00:00:00", "2029-12-11T18:00"),  # the year before; winter time
        # Before the clocks change on the 14th
        ("2027-03-31T00:00:00", "2027-03-09T18:00"),
        ("2026-03-31T00:00:00", "2026-03-10T17:00"),  # after they changed on the 8th
        ("2026-11-30T00:00:00", "2026-11-10T18:00"),
    ],
)
def test_microsofts_monthly_hour_is_the_second_tuesday_at_ten_pacific(
    now: str, expected: str
) -> None:
    assert source_health.patch_tuesday(
        datetime.fromisoformat(now).replace(tzinfo=UTC)
    ) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("changed", "now", "expected"),
    [
        # No document at all
        ({"Apr": RELEASED - timedelta(days=30)}, LATER, ["silent msrc-cvrf 2030-05"]),
        # It may yet come
        ({"Apr": RELEASED - timedelta(days=30)}, LATER - timedelta(minutes=1), []),
        # Opened early, and not changed since
        ({"May": RELEASED - timedelta(days=3)}, LATER, ["silent msrc-cvrf 2030-05"]),
        # Another month's change is none
        (
            {"Apr": LATER, "May": RELEASED - timedelta(days=3)},
            LATER,
            ["silent msrc-cvrf 2030-05"],
        ),
        (
            {
                "Apr": RELEASED - timedelta(days=30),
                "May": RELEASED + timedelta(minutes=5),
            },
            LATER,
            [],
        ),
        # Microsoft was a little early
        (
            {
                "Apr": RELEASED - timedelta(days=30),
                "May": RELEASED - timedelta(minutes=5),
            },
            LATER,
            [],
        ),
        # First read after the hour: nothing is known of before
        ({"Apr": LATER}, LATER, []),
        ({}, LATER, []),  # a source without monthly documents
    ],
)
def test_a_source_without_the_months_document_hours_after_microsofts_hour_is_silent(
    changed: dict[str, datetime], now: datetime, expected: list[str]
) -> None:
    assert keys(monthly(now, **changed)) == expected


def test_a_source_that_cannot_be_asked_is_not_called_silent() -> None:
    health = replace(monthly(Apr=RELEASED - timedelta(days=30)), times=failing(3).times)
    assert keys(health) == ["fails msrc-cvrf"]
    assert keys(replace(health, times=failing(2).times)) == []


def test_a_months_document_that_fails_while_its_index_answers_is_not_called_silent() -> (
    None
):
    health = monthly(
        Apr=RELEASED - timedelta(days=30), May=RELEASED - timedelta(days=3)
    )
    index, april, may = health.times
    assert keys(health) == ["silent msrc-cvrf 2030-05"]
    assert (
        keys(
            replace(
                health,
                times=(index, april, replace(may, succeeded=RELEASED, failures=1)),
            )
        )
        == []
    )


def test_only_sources_of_the_monthly_rhythm_are_held_to_it() -> None:
    health = monthly(Apr=RELEASED - timedelta(days=30))
    assert keys(replace(health, source=replace(MSRC, monthly=False))) == []
    assert keys(replace(health, times=())) == []


def test_december_is_followed_by_january() -> None:
    released = datetime(2030, 12, 10, 18, tzinfo=UTC)
    health = monthly(
        released + timedelta(hours=7),
        Nov=released - timedelta(days=20),
        Dec=released + timedelta(hours=1),
    )
    assert keys(health) == []


@pytest.mark.parametrize(
    ("released", "zone"),
    [
        (datetime(2030, 3, 12, 17, tzinfo=UTC), "summer"),
        (datetime(2030, 2, 12, 18, tzinfo=UTC), "winter"),
    ],
)
def test_the_hours_after_microsofts_hour_are_counted_in_summer_and_winter(
    released: datetime, zone: str
) -> None:
    before = released - timedelta(days=20)
    assert keys(dated(before, released + timedelta(hours=5, minutes=59), GUIDE)) == []
    assert keys(dated(before, released + timedelta(hours=6), GUIDE)) == [
        f"silent msrc-guide {released:%Y-%m}"
    ]


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        (RELEASED - timedelta(days=1), ["silent msrc-guide 2030-05"]),
        # Microsoft dates the day's news to its own midnight
        (RELEASED.replace(hour=7), []),
        (RELEASED + timedelta(hours=1), []),
        # A feed without dates: when its copy last differed
        (None, ["silent msrc-guide 2030-05"]),
    ],
)
def test_the_update_guide_without_news_of_the_day_is_silent_though_it_answers(
    newest: datetime | None, expected: list[str]
) -> None:
    assert keys(dated(newest, LATER, GUIDE)) == expected


def test_a_feed_without_dates_that_was_first_read_after_the_day_is_not_silent() -> None:
    assert keys(dated(None, LATER, GUIDE, accepted=LATER)) == []
    assert keys(SourceHealth(GUIDE, (Times("msrc-guide", "", LATER, LATER),))) == []
    assert keys(SourceHealth(GUIDE)) == []


def test_a_list_that_fails_while_the_address_above_it_answers_is_not_called_silent() -> (
    None
):
    csaf = Source("msrc-csaf", "csaf", "https://csaf.example.org/", monthly=True)
    lists = (
        Document(
            "msrc-csaf",
            "changes.csv",
            "",
            newest=RELEASED - timedelta(days=2),
            accepted=RELEASED - timedelta(days=2),
        ),
    )
    above, below = (
        Times("msrc-csaf", "", LATER, LATER),
        Times("msrc-csaf", "changes.csv", LATER, LATER),
    )
    assert keys(SourceHealth(csaf, (above, below), lists)) == [
        "silent msrc-csaf 2030-05"
    ]
    assert (
        keys(
            SourceHealth(
                csaf, (above, replace(below, succeeded=RELEASED, failures=2)), lists
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("days", "expected"), [(59, []), (60, ["overdue blog"]), (400, ["overdue blog"])]
)
def test_a_source_that_shows_nothing_newer_than_its_rhythm_allows_is_silent(
    days: int, expected: list[str]
) -> None:
    assert keys(dated(NOW - timedelta(days=days), NOW, BLOG)) == expected
    assert (
        keys(dated(NOW - timedelta(days=days), NOW, replace(BLOG, silent=None))) == []
    )


def test_a_source_that_was_never_read_is_not_silent() -> None:
    assert keys(SourceHealth(BLOG, (Times("blog", "", NOW, None, 1),))) == []


def moved(to: str) -> SourceHealth:
    return SourceHealth(BLOG, (Times("blog", "", NOW, NOW, moved=to),))


def test_a_source_that_moved_is_told_with_its_new_address() -> None:
    (problem,) = source_health.problems([moved("https://new.example.org/")], (), 3)
    assert (problem.kind, problem.name, problem.detail) == (
        "moved",
        "blog",
        "https://new.example.org/",
    )


def test_a_page_that_cannot_be_read_is_told_as_one_of_another_layout_and_an_outage_in_between_is_the_same_problem() -> (
    None
):
    outage = failing(3)
    layout = replace(
        outage, times=tuple(replace(each, suspect=True) for each in outage.times)
    )
    first, second = source_health.problems([outage, layout], (), 3)
    assert (first.kind, second.kind) == ("fails", "layout")
    assert first.key == second.key


def lost(kind: str = "pulled") -> tuple[Message, Delivery]:
    message = Message("<1@example.org>", NOW, kind, "admins", "", "[PULLED] x", (), b"")
    return message, Delivery(
        message.id,
        "one@example.org",
        state=DeliveryState.REFUSED,
        answer="550 no such user",
        settled=NOW,
    )


def test_a_delivery_given_up_is_told_but_not_one_to_the_operator() -> None:
    (problem,) = source_health.problems((), [lost(), lost("operator")], 3)
    assert (str(problem.key), problem.detail) == (
        "lost <1@example.org> one@example.org",
        "[PULLED] x: 550 no such user",
    )


def test_what_a_setting_holds_up_is_told_once_a_recipient_but_not_of_the_operator() -> (
    None
):
    def held(kind: str) -> tuple[Message, Delivery]:
        message, delivery = lost(kind)
        waits = replace(
            delivery,
            state=DeliveryState.DEFERRED,
            settled=None,
            settings_wrong=True,
            answer="550 no relaying",
        )
        return message, waits

    waiting = [held("pulled"), held("released"), held("operator")]
    (problem,) = source_health.problems((), (), 3, waiting)
    assert (problem.detail, problem.cause) == ("550 no relaying.", "550 no relaying")
    assert str(problem.key) == "held one@example.org"


def news(
    wrong: tuple[Problem, ...],
    told: list[str],
    watched: tuple[str, ...] = ("blog", "msrc-cvrf"),
    now: datetime = LATER,
) -> OperatorNews:
    return source_health.news(
        wrong, [ProblemKey.read(key) for key in told], watched, now
    )


def open_keys(told: OperatorNews) -> list[str]:
    return [str(key) for key in told.open]


def over(told: OperatorNews) -> tuple[str, ...]:
    return tuple(str(key) for key in told.over)


def test_what_was_told_is_not_told_again_and_what_is_over_is_told_once() -> None:
    wrong = source_health.problems([failing(3)], [lost()], 3)
    first = news(wrong, [])
    assert ([problem.kind for problem in first.new], over(first)) == (
        ["fails", "lost"],
        (),
    )
    again = news(wrong, open_keys(first))
    assert (again.new, over(again), again.open) == ((), (), first.open)
    ended = news((), open_keys(again))
    assert (ended.new, over(ended), ended.open) == ((), ("fails blog",), ())


def test_of_a_source_that_is_switched_off_nothing_is_told() -> None:
    assert news((), ["fails blog"], watched=()) == OperatorNews((), (), ())


def test_a_source_that_moves_on_is_told_again_and_has_not_come_back() -> None:
    there = source_health.problems([moved("https://b.example.org/")], (), 3)
    on = news(there, ["moved blog https://a.example.org/"])
    assert ([problem.detail for problem in on.new], over(on)) == (
        ["https://b.example.org/"],
        (),
    )
    assert over(news((), open_keys(on))) == ("moved blog https://b.example.org/",)


def test_a_source_that_is_silent_and_then_fails_has_not_spoken() -> None:
    silent = monthly(Apr=RELEASED - timedelta(days=30))
    told = news(source_health.problems([silent], (), 3), [])
    broken = replace(
        silent, times=tuple(replace(each, failures=3) for each in silent.times)
    )
    later = news(source_health.problems([broken], (), 3), open_keys(told))
    assert ([problem.kind for problem in later.new], over(later)) == (["fails"], ())
    back = news(source_health.problems([silent], (), 3), open_keys(later))
    assert (back.new, over(back), back.open) == (
        (),
        ("fails msrc-cvrf",),
        told.open,
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("silent msrc-cvrf 2030-05", ("silent msrc-cvrf 2030-05",)),
        ("silent msrc-cvrf 2030-04", ()),
    ],
)
def test_a_month_that_came_late_is_told_and_one_that_never_came_is_followed_by_the_next(
    key: str, expected: tuple[str, ...]
) -> None:
    assert over(news((), [key])) == expected


# --- the letters ----------------------------------------------------------------------

WORDS = Words(
    "en",
    "en.toml",
    {
        "operator": {
            "fails": "{name} fails",
            "fails_text": "{name} {count} {since}",
            "fails_over": "{name} well",
            "fails_all": "{count} fail",
            "fails_all_text": "{names} {count} {since}",
            "fails_all_over": "{name} well again",
            "sources": "{count} sources",
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
FAILS = Problem(
    ProblemKey(ProblemKind.FAILS, "blog"),
    ProblemKind.FAILS,
    "blog",
    "the cause",
    3,
    None,
)


def changed(*new: Problem, over: tuple[str, ...] = ()) -> Letter:
    ended = tuple(ProblemKey.read(key) for key in over)
    return operator.changed(READER, OperatorNews(new, ended, ()), FORM)


def test_one_problem_is_the_subject_and_its_cause_a_line_of_its_own() -> None:
    letter = changed(FAILS)
    assert (letter.kind, letter.subscriber, letter.subject, letter.lines) == (
        "operator",
        READER,
        "blog fails",
        ("blog 3 never", "the cause"),
    )


def test_several_problems_are_one_letter() -> None:
    gone = Problem(
        ProblemKey.read("lost <1> a@example.org"),
        ProblemKind.LOST,
        "a@example.org",
        "550 no",
    )
    letter = changed(FAILS, gone, over=("silent msrc-cvrf 2030-05", "fails kev"))
    assert letter.subject == "blog fails +3"
    assert letter.lines == (
        "blog 3 never",
        "the cause",
        "a@example.org: 550 no",
        "msrc-cvrf spoke.",
        "kev well.",
    )


def test_sources_that_fail_for_one_cause_are_one_problem() -> None:
    dns = Problem(
        ProblemKey.read("fails blog"),
        ProblemKind.FAILS,
        "blog",
        "blog: no such name (https://a). Mend it.",
        3,
        NOW,
        "no such name",
        "Mend it.",
    )
    other = replace(
        dns, key=ProblemKey.read("fails kev"), name="kev", count=5, since=None
    )
    letter = changed(dns, FAILS, other)
    assert letter.subject == "2 fail +1"
    assert letter.lines == (
        "blog, kev 3 14 5 2030, 18:00 UTC",
        "No such name. Mend it.",
        "blog 3 never",
        "the cause",
    )


def test_sources_that_are_well_again_together_are_one_line_with_their_names() -> None:
    letter = changed(over=("fails blog", "fails kev"))
    assert (letter.subject, letter.lines) == (
        "2 sources well again",
        ("2 sources well again.", "blog, kev"),
    )


def test_a_quiet_week_names_the_last_success_of_each_source() -> None:
    unread = SourceHealth(Source("followed", "download", ""))
    assert operator.weekly(READER, [failing(0), unread], [], FORM).lines == (
        "blog 13 5 2030, 18:00 UTC",
    )
    assert operator.weekly(READER, [failing(0)], [], FORM).subject == "quiet"


def test_a_week_that_was_not_quiet_names_what_is_wrong_first() -> None:
    letter = operator.weekly(READER, [failing(3)], [FAILS], FORM)
    assert (letter.subject, letter.lines[0]) == ("wrong 1", "blog 3 never")
