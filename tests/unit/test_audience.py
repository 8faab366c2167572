"""Who is told what, when, and in which letter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from watcher.judgement import advice, audience
from watcher.records import Confidence, Event, Kind, Subscriber, UpdateRef

NOW = datetime(2030, 5, 14, 18, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ADMINS = Subscriber("admins", ("admins@example.org",))


def event(
    kind: Kind,
    *,
    identity: str = "",
    products: tuple[str, ...] = ("Exchange Server 2019 CU14",),
    minutes: int = 0,
) -> Event:
    update = UpdateRef(
        "exchange-server-2030-05-su", "Exchange Server May 2030 SU", 1, products
    )
    return Event(
        identity or kind.value,
        NOW - timedelta(minutes=minutes),
        kind,
        Confidence.CONFIRMED,
        update,
        "",
        thread="root",
    )


def told(*events: Event, to: Subscriber = ADMINS) -> list[str]:
    return [letter.kind for letter in audience.letters_at_once(events, [to], NOW)]


def test_one_event_is_one_letter_in_its_updates_thread() -> None:
    (letter,) = audience.letters_at_once([event(Kind.PULLED)], [ADMINS], NOW)
    assert (letter.kind, letter.subscriber, letter.update, letter.thread) == (
        "pulled",
        ADMINS,
        "exchange-server-2030-05-su",
        "root",
    )


def test_an_event_without_a_thread_starts_its_updates_own() -> None:
    assert (
        audience.single(ADMINS, replace(event(Kind.PULLED), thread="")).thread
        == "exchange-server-2030-05-su"
    )


def test_the_gravest_is_told_first_and_of_equals_the_oldest() -> None:
    events = [
        event(Kind.RELEASED),
        event(Kind.PULLED, identity="late"),
        event(Kind.EXPLOITED),
        event(Kind.PULLED, identity="early", minutes=9),
    ]
    letters = audience.letters_at_once(events, [ADMINS], NOW)
    assert [letter.events[0].id for letter in letters] == [
        "early",
        "late",
        "exploited",
        "released",
    ]


def test_the_gravest_is_told_first_across_subscribers() -> None:
    exchange, windows = (
        replace(ADMINS, products=("Exchange*",)),
        replace(ADMINS, name="windows", products=("Windows*",)),
    )
    events = [
        event(Kind.RELEASED),
        event(Kind.PULLED, products=("Windows Server 2022",)),
    ]
    assert [
        letter.subscriber.name
        for letter in audience.letters_at_once(events, [exchange, windows], NOW)
    ] == ["windows", "admins"]


@pytest.mark.parametrize(
    ("number", "expected"), [(5, ["released"] * 5), (6, ["digest"])]
)
def test_more_than_five_for_one_subscriber_become_one_digest(
    number: int, expected: list[str]
) -> None:
    assert (
        told(*(event(Kind.RELEASED, identity=str(n)) for n in range(number)))
        == expected
    )


def test_a_digest_is_about_no_single_update() -> None:
    (letter,) = audience.letters_at_once(
        [event(Kind.RELEASED, identity=str(n)) for n in range(6)], [ADMINS], NOW
    )
    assert (letter.update, letter.thread, len(letter.events)) == ("", "", 6)


@pytest.mark.parametrize(
    ("pattern", "product", "expected"),
    [
        ("Exchange Server*", "Exchange Server 2019 CU14", ["pulled"]),
        ("exchange server 2019*", "Exchange Server 2019 CU14", ["pulled"]),
        ("*", "SharePoint Server 2019", ["pulled"]),
        ("Exchange Server 2016*", "Exchange Server 2019 CU14", []),
    ],
)
def test_product_patterns_choose_and_ignore_case(
    pattern: str, product: str, expected: list[str]
) -> None:
    assert (
        told(
            event(Kind.PULLED, products=(product,)),
            to=replace(ADMINS, products=(pattern,)),
        )
        == expected
    )


def test_an_event_that_names_no_product_concerns_everybody() -> None:
    assert told(
        event(Kind.PULLED, products=()), to=replace(ADMINS, products=("SharePoint*",))
    ) == ["pulled"]


def test_only_the_kinds_asked_for_are_told() -> None:
    assert told(event(Kind.NEWS), event(Kind.REVISED), event(Kind.PULLED)) == ["pulled"]


def test_suspected_events_are_told_unless_refused() -> None:
    suspected = replace(event(Kind.PULLED), confidence=Confidence.SUSPECTED)
    assert told(suspected) == ["pulled"]
    assert told(suspected, to=replace(ADMINS, suspected=False)) == []


def test_a_correction_goes_to_whoever_was_told_and_to_nobody_else() -> None:
    correction = replace(event(Kind.CORRECTED), corrects="wrong")
    other, quiet = (
        replace(ADMINS, name="other"),
        replace(ADMINS, name="quiet", kinds=(Kind.PULLED,), suspected=False),
    )
    letters = audience.letters_at_once(
        [correction],
        [ADMINS, other, quiet],
        NOW,
        readers={"wrong": {"admins", "quiet"}},
    )
    assert [letter.subscriber.name for letter in letters] == ["admins", "quiet"]


def test_a_correction_of_what_nobody_is_known_to_have_been_told_goes_to_all_whom_its_products_concern() -> (
    None
):
    correction = replace(event(Kind.CORRECTED), corrects="wrong")
    subscribers = [
        replace(ADMINS, kinds=(Kind.PULLED,)),
        replace(ADMINS, name="windows", products=("Windows*",)),
    ]
    assert [
        letter.subscriber.name
        for letter in audience.letters_at_once([correction], subscribers, NOW)
    ] == ["admins"]


def test_what_lies_after_now_waits() -> None:
    assert told(event(Kind.PULLED, minutes=-1)) == []


def test_who_reads_digests_gets_nothing_at_once() -> None:
    assert told(event(Kind.PULLED), to=replace(ADMINS, when="daily 07:00")) == []


def test_a_digest_holds_what_concerns_its_reader_gravest_first() -> None:
    daily = replace(ADMINS, when="daily 07:00")
    events = [
        event(Kind.RELEASED, minutes=5),
        event(Kind.NEWS, minutes=4),
        event(Kind.PULLED, minutes=2),
    ]
    letter = audience.digest(daily, events)
    assert letter is not None
    assert (letter.kind, [one.kind for one in letter.events]) == (
        "digest",
        [Kind.PULLED, Kind.RELEASED],
    )


def test_a_digest_of_nothing_is_not_sent() -> None:
    assert audience.digest(ADMINS, [event(Kind.NEWS)]) is None


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"pulled": set[str]()}, ["corrected", "pulled"]),  # both stand in this digest
        ({"elsewhere": {"admins"}}, ["corrected", "pulled"]),
        ({"elsewhere": {"others"}}, ["pulled"]),
    ],
)
def test_a_correction_is_told_with_what_it_corrects_or_to_whoever_was_told_that(
    told: dict[str, set[str]], expected: list[str]
) -> None:
    correction = replace(event(Kind.CORRECTED), corrects=next(iter(told)))
    letter = audience.digest(ADMINS, [event(Kind.PULLED), correction], told)
    assert letter is not None
    assert sorted(one.kind.value for one in letter.events) == expected


@pytest.mark.parametrize(
    ("waiting", "last_run", "now", "expected"),
    [
        ([], "2030-05-13T06:00", "2030-05-14T07:05", False),  # nothing to tell
        (["2030-05-14T06:59"], "2030-05-14T06:59", "2030-05-14T07:05", True),
        # A run that was killed after the slot, and no check time
        (["2030-05-14T06:59"], None, "2030-05-14T09:00", True),
        # One run a day, a little late
        (["2030-05-14T07:05"], "2030-05-13T07:05", "2030-05-14T07:05", True),
        # Tomorrow's
        (["2030-05-14T07:35"], "2030-05-14T07:05", "2030-05-14T07:35", False),
        (["2030-05-14T07:35"], "2030-05-15T06:35", "2030-05-15T07:05", True),
        (["2030-05-14T07:35"], None, "2030-05-14T08:05", False),
    ],
)
def test_a_digest_is_owed_once_its_time_has_come_for_what_waits(
    waiting: list[str], last_run: str | None, now: str, expected: bool
) -> None:
    known = at(last_run) if last_run else None
    assert (
        audience.is_digest_due(
            "daily 07:00", BERLIN, [at(text) for text in waiting], known, at(now)
        )
        is expected
    )


def test_what_a_clock_that_was_ahead_has_dated_waits_for_no_digest_until_then() -> None:
    ahead = NOW + timedelta(days=365)
    assert audience.is_digest_due("daily 07:00", BERLIN, [ahead], ahead, NOW)
    assert audience.is_digest_due("daily 07:00", BERLIN, [ahead], NOW, NOW)
    assert not audience.is_digest_due("daily 07:00", BERLIN, [], ahead, NOW)


def test_what_waits_for_a_digest_that_was_changed_to_at_once_is_told_now() -> None:
    assert audience.is_digest_due("at-once", BERLIN, [NOW], NOW, NOW)
    assert not audience.is_digest_due("at-once", BERLIN, [], NOW, NOW)


@pytest.mark.parametrize(
    "when",
    [
        "",
        "hourly",
        "daily",
        "daily 24:00",
        "daily 07:60",
        "weekly 07:00",
        "weekly Foo 07:00",
        "daily 7",
    ],
)
def test_a_time_that_is_none_is_refused_with_what_is_meant(when: str) -> None:
    with pytest.raises(
        ValueError, match='write "at-once", "daily 07:00" or "weekly Mon 07:00"'
    ):
        audience.digest_time(when)


@pytest.mark.parametrize(
    ("when", "weekday"),
    [
        ("at-once", "-"),
        ("daily 07:00", None),
        ("Weekly Mon 07:00", 0),
        ("weekly sunday 07:00", 6),
    ],
)
def test_a_time_is_read(when: str, weekday: int | str | None) -> None:
    found = audience.digest_time(when)
    assert (found.weekday if found else "-") == weekday


def at(text: str) -> datetime:
    """Read a wall-clock time in Berlin, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("when", "last", "now", "expected"),
    [
        ("at-once", "2030-05-14T07:00", "2030-05-14T07:00", True),
        ("daily 07:00", "2030-05-13T07:00", "2030-05-14T06:59", False),
        ("daily 07:00", "2030-05-13T07:00", "2030-05-14T07:00", True),
        ("daily 07:00", "2030-05-14T07:00", "2030-05-14T23:59", False),
        ("daily 07:00", "2030-05-10T09:00", "2030-05-14T06:00", True),
        ("weekly Mon 07:00", "2030-05-13T07:00", "2030-05-19T23:00", False),
        ("weekly Mon 07:00", "2030-05-13T07:00", "2030-05-20T07:00", True),
    ],
)
def test_a_digest_is_due_when_its_time_has_passed_since_the_last_one(
    when: str, last: str, now: str, expected: bool
) -> None:
    assert audience.has_come(when, BERLIN, at(last), at(now)) is expected


def test_a_digest_never_sent_is_due() -> None:
    assert audience.has_come("daily 07:00", BERLIN, None, NOW)


def slots(when: str, start: datetime, hours: float) -> list[datetime]:
    """Ask every 10 minutes, as a run would, and list the moments at which a digest was due."""
    found: list[datetime] = []
    last, now = start, start
    while now < start + timedelta(hours=hours):
        now += timedelta(minutes=10)
        if audience.has_come(when, BERLIN, last, now):
            found.append(now)
            last = now
    return found


def test_a_time_skipped_by_summer_time_comes_an_hour_later_by_the_clock() -> None:
    # In Berlin the clocks of 31 March 2030 go from 02:00 to 03:00.
    assert slots("daily 02:30", at("2030-03-30T12:00"), 48) == [
        at("2030-03-31T03:30"),
        at("2030-04-01T02:30"),
    ]


def test_a_time_repeated_at_the_end_of_summer_time_comes_once() -> None:
    # In Berlin the clocks of 27 October 2030 go from 03:00 back to 02:00.
    assert slots("daily 02:30", at("2030-10-26T12:00"), 48) == [
        datetime(2030, 10, 27, 0, 30, tzinfo=UTC),
        at("2030-10-28T02:30"),
    ]


def test_the_wall_clock_rules_on_both_sides_of_the_change() -> None:
    assert [slot.hour for slot in slots("daily 07:00", at("2030-03-29T12:00"), 72)] == [
        6,
        5,
        5,
    ]


def story_of(*events: Event) -> list[str]:
    """Give the story before the last of the events, that one included."""
    return [
        turn.kind.value for turn in audience.before(events[-1], events[:-1], ()).story
    ]


def test_the_story_so_far_has_the_pull_before_the_re_release() -> None:
    life = [
        event(kind, identity=f"{number}", minutes=60 - number)
        for number, kind in enumerate(
            (
                Kind.ANNOUNCED,
                Kind.RELEASED,
                Kind.KNOWN_ISSUE,
                Kind.PULLED,
                Kind.REVISED,
                Kind.KNOWN_ISSUE,
                Kind.RE_RELEASED,
            )
        )
    ]

    assert story_of(*life) == ["announced", "released", "pulled", "re-released"]
    # A known issue that comes later still reminds of it
    assert story_of(*life, event(Kind.KNOWN_ISSUE))[-2:] == ["pulled", "re-released"]


def test_a_pull_that_never_was_and_one_that_is_suspected_are_no_part_of_the_story() -> (
    None
):
    wrong = event(Kind.PULLED, identity="wrong")
    correction = replace(event(Kind.CORRECTED), corrects="wrong")
    doubted = replace(wrong, id="doubted", confidence=Confidence.SUSPECTED)
    released, issue = event(Kind.RELEASED), event(Kind.KNOWN_ISSUE)

    assert story_of(released, wrong, correction, doubted, issue) == []


def test_one_turn_alone_is_no_story() -> None:
    assert story_of(event(Kind.RELEASED), event(Kind.KNOWN_ISSUE)) == []


def test_a_digest_leads_nobody_to_install_what_it_also_calls_pulled() -> None:
    released, pulled = event(Kind.RELEASED, minutes=90), event(Kind.PULLED, minutes=30)
    second = replace(
        event(Kind.RE_RELEASED, minutes=10), update=replace(pulled.update, version=2)
    )
    letter = audience.digest(ADMINS, [released, pulled, second])
    assert letter is not None
    steps = {told.kind: advice.keys(told)[0] for told in letter.events}
    assert steps == {
        Kind.PULLED: "do-not-install",
        Kind.RE_RELEASED: "install-new-version",
        Kind.RELEASED: "still-pulled",
    }

    again = replace(pulled, id="again", time=NOW, update=second.update)
    letter = audience.digest(ADMINS, [released, pulled, second, again])
    assert letter is not None
    assert {advice.keys(told)[0] for told in letter.events} == {
        "do-not-install",
        "still-pulled",
    }


def test_a_pull_that_was_none_keeps_the_advice_to_install() -> None:
    released, pulled = event(Kind.RELEASED, minutes=90), event(Kind.PULLED, minutes=30)
    corrected = replace(event(Kind.CORRECTED), corrects=pulled.id)
    letter = audience.digest(ADMINS, [released, pulled, corrected])
    assert letter is not None
    assert [told.pulled for told in letter.events if told.kind is Kind.RELEASED] == [
        False
    ]
