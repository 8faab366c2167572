"""What to ask now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.builders import CU13, CU14, NOV, SU, days, package, update
from watcher.judgement import schedule
from watcher.records import Document, Follow, Source, Times

SOURCE = Source("builds", "build-table", "https://learn.example.org/builds")


@pytest.mark.parametrize(
    ("times", "asked"),
    [
        (None, True),
        (Times("builds", ""), True),
        (Times("builds", "", NOV, NOV - timedelta(minutes=54)), False),
        (Times("builds", "", NOV, NOV - timedelta(minutes=55)), True),
        (Times("builds", "", NOV, NOV - timedelta(minutes=1), failures=1), True),
        (Times("builds", "", NOV, NOV + timedelta(minutes=5)), True),
    ],
)
def test_a_source_is_due_when_its_interval_has_nearly_passed_it_failed_or_the_clock_went_back(
    times: Times | None, asked: bool
) -> None:
    known = {} if times is None else {"builds": times}
    assert bool(schedule.due([SOURCE], known, NOV)) is asked
    assert schedule.due([SOURCE], known, NOV, force=True) == (SOURCE,)


@pytest.mark.parametrize(
    ("seconds", "asked"), [(120, False), (1, False), (0, True), (-1, True)]
)
def test_a_server_that_asked_to_be_left_alone_is_left_alone_by_the_next_runs(
    seconds: int, asked: bool
) -> None:
    until = NOV + timedelta(seconds=seconds)
    rests = Times("builds", "", NOV, failures=1, rests_until=until)
    times = schedule.source_times([Times("builds", ""), rests])
    assert bool(schedule.due([SOURCE], times, NOV)) is asked
    assert schedule.due([SOURCE], times, NOV, force=True) == (SOURCE,)


def test_no_server_is_left_alone_for_longer_than_a_day() -> None:
    until = NOV + timedelta(days=400)
    rests = Times("builds", "", NOV, failures=1, rests_until=until)
    assert schedule.due([SOURCE], {"builds": rests}, NOV) == (SOURCE,)


def test_a_source_that_is_off_is_never_due() -> None:
    off = Source("builds", "build-table", SOURCE.url, enabled=False)
    assert schedule.due([off], {}, NOV, force=True) == ()


@pytest.mark.parametrize(
    ("document", "end"),
    [
        ("2030-Nov", datetime(2030, 12, 1, tzinfo=UTC)),
        ("2030-Dec", datetime(2031, 1, 1, tzinfo=UTC)),
        ("2017-May-B", datetime(2017, 6, 1, tzinfo=UTC)),
        ("2018-FEB", datetime(2018, 3, 1, tzinfo=UTC)),
        ("2018-Foo", None),
        ("", None),
    ],
)
def test_a_months_document_ends_with_its_month(
    document: str, end: datetime | None
) -> None:
    assert schedule.month_end(document) == end
    assert schedule.young(document, NOV) is (end is not None and end > NOV - days(90))


def known(
    *names: str, mark: str = "m", accepted: datetime | None = NOV
) -> dict[str, Document]:
    return {
        name: Document(
            "msrc",
            name,
            f"https://msrc.example.org/{name}",
            mark=mark,
            accepted=accepted,
        )
        for name in names
    }


def follow(*names: str, mark: str = "m") -> list[Follow]:
    return [Follow(name, f"https://msrc.example.org/{name}", mark) for name in names]


ABBREVIATIONS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
YEAR_AND_MORE = [f"{year}-{month}" for year in (2029, 2030) for month in ABBREVIATIONS][
    :23
]


def asked(rows: list[Follow], documents: dict[str, Document]) -> list[str]:
    return [row.document for row in schedule.months(rows, documents, NOV)]


def test_at_first_contact_the_newest_twelve_months_are_read() -> None:
    assert sorted(asked(follow(*YEAR_AND_MORE, "notes"), {})) == sorted(
        YEAR_AND_MORE[-12:]
    )


def test_afterwards_young_months_and_older_ones_whose_row_has_moved_are_asked() -> None:
    documents = known(*YEAR_AND_MORE)
    young = ["2030-Aug", "2030-Nov", "2030-Oct", "2030-Sep"]
    assert asked(follow(*YEAR_AND_MORE), documents) == young
    moved = [*follow(*YEAR_AND_MORE[1:]), *follow("2029-Jan", mark="moved")]
    assert asked(moved, documents) == ["2029-Jan", *young]


def test_a_month_that_the_index_drops_is_asked_all_the_same_and_a_new_old_one_once() -> (
    None
):
    documents = known("2030-Nov") | {
        "": Document("msrc", "", "https://msrc.example.org/")
    }
    assert asked([], documents) == ["2030-Nov"]
    assert asked(follow("2030-Nov", "2005-Jan"), documents) == ["2005-Jan", "2030-Nov"]


def test_a_month_of_the_first_twelve_that_failed_is_read_later_and_an_older_one_is_not() -> (
    None
):
    documents = known(*YEAR_AND_MORE[:22], accepted=None) | known("2030-Nov")
    assert sorted(asked(follow(*YEAR_AND_MORE), documents)) == sorted(
        YEAR_AND_MORE[-12:]
    )


def test_of_an_index_with_marks_lists_new_documents_and_moved_ones_are_asked() -> None:
    rows = [
        *follow("list", mark=""),
        *follow("new", "moved", mark="2030-11-12"),
        *follow("same", "unread"),
    ]
    documents = (
        known("moved", "same")
        | known("unread", accepted=None)
        | known("dropped", mark="")
        | known("")
    )
    chosen = [row.document for row in schedule.moved(rows, documents)]
    assert chosen == ["dropped", "list", "unread", "new", "moved"]


def test_what_is_too_much_for_one_check_is_left_to_the_next() -> None:
    rows = [
        Follow(f"d{number:04}", "", f"{number:04}")
        for number in range(schedule.AT_ONCE + 5)
    ]
    chosen = [row.document for row in schedule.moved(rows, {})]
    assert len(chosen) == schedule.AT_ONCE
    assert chosen[0] == f"d{schedule.AT_ONCE + 4:04}"


def test_the_pages_of_an_update_are_those_of_its_current_packages() -> None:
    link = "https://www.microsoft.com/en-us/download/details.aspx?id=7"
    held = update(
        SU,
        package(CU14, "KB9000002", url=link, version=2),
        package(CU13, "", url="https://example.org/file", version=2),
        package(CU13, "KB9000001", url=link.replace("7", "6")),
        version=2,
    )
    assert schedule.pages(held, "download") == {"7": link}
    assert schedule.pages(held, "kb-article") == {
        "KB9000002": "https://support.microsoft.com/help/9000002"
    }
    assert list(schedule.pages(held, "catalog")) == ["KB9000002"]
    assert schedule.pages(held, "feed") == {}


def test_of_too_many_pages_those_are_asked_that_have_waited_longest() -> None:
    pages = [
        Follow(f"page-{number:03}", f"https://learn.example.org/{number}")
        for number in range(schedule.AT_ONCE + 2)
    ]
    tried: dict[Follow, datetime | None] = dict.fromkeys(pages, NOV)
    tried[pages[0]] = NOV + days(1)
    tried[pages[1]] = NOV + days(1)
    tried[pages[-1]] = None

    asked = schedule.longest_waiting(tried)

    assert len(asked) == schedule.AT_ONCE
    assert asked[0] == pages[-1]
    assert pages[0] not in asked
    assert pages[1] not in asked


# What workers ask, who look every minute

RECORDS = Source("msrc-cvrf", "cvrf", "https://api.example.org/updates")
BLOG = Source("exchange-blog", "feed", "https://blog.example.org/feed")
ARTICLES = Source("kb-articles", "kb-article", "https://support.example.org/")


def test_at_first_contact_workers_ask_the_table_that_founds_updates_before_all_else() -> (
    None
):
    asked = schedule.asked_now([BLOG, ARTICLES, RECORDS, SOURCE], (), {}, NOV)
    assert asked == [SOURCE]


@pytest.mark.parametrize(
    ("read", "times"),
    [
        (("builds",), {}),
        # It was tried, and could not be read: the others do not wait for it
        ((), {"builds": Times("builds", "", NOV - timedelta(hours=1), failures=1)}),
    ],
)
def test_workers_ask_side_by_side_once_the_table_was_tried(
    read: tuple[str, ...], times: dict[str, Times]
) -> None:
    asked = schedule.asked_now([ARTICLES, BLOG, RECORDS], read, times, NOV)
    assert asked == [RECORDS, BLOG, ARTICLES]


@pytest.mark.parametrize(
    ("minutes", "failures", "asked"),
    [(1, 1, False), (9, 3, False), (10, 1, True), (1, 0, True), (-5, 1, True)],
)
def test_a_source_that_has_just_failed_is_left_alone_by_workers_for_a_while(
    minutes: int, failures: int, asked: bool
) -> None:
    tried = Times(
        "exchange-blog", "", NOV - timedelta(minutes=minutes), failures=failures
    )
    assert bool(schedule.asked_now([BLOG], (), {"exchange-blog": tried}, NOV)) is asked


def test_a_first_look_is_over_when_each_source_was_tried_that_waits_for_no_update() -> (
    None
):
    off = Source("kev", "kev", "https://kev.example.org/", enabled=False)
    every = [RECORDS, BLOG, ARTICLES, off]
    assert not schedule.are_all_tried(every, {"msrc-cvrf"})
    assert schedule.are_all_tried(every, {"msrc-cvrf", "exchange-blog"})


@pytest.mark.parametrize(
    ("last", "now", "come"),
    [
        (None, "12 05:00", True),
        # The turn is at six
        ("12 05:00", "12 05:59", False),
        ("12 05:00", "12 06:00", True),
        ("12 07:00", "13 05:00", False),
        ("12 07:00", "13 06:30", True),
        # Yesterday's was missed
        ("12 05:00", "13 04:00", True),
        ("12 06:00", "13 06:00", True),
    ],
)
def test_a_daily_turn_comes_once_a_day_and_is_made_up_for(
    last: str | None, now: str, come: bool
) -> None:
    def moment(text: str) -> datetime:
        return datetime.strptime(f"2024-11-{text}", "%Y-%m-%d %H:%M").replace(
            tzinfo=UTC
        )

    before = None if last is None else moment(last)
    assert schedule.turn_has_come(0.25, before, moment(now)) is come
