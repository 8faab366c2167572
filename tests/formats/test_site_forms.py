"""What the page shows.

Where products stand, an update's life as a picture, what differs between two texts.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from tests.formats import lives
from tests.formats.lives import (
    ADDRESS,
    BACK,
    CU1,
    CU2,
    DAY,
    FORM,
    ISSUE,
    PULLED,
    RELEASED,
    STORY,
    T0,
    WHOLE_LIFE,
)
from watcher.judgement import source_health
from watcher.records import (
    Confidence,
    Event,
    Kind,
    Package,
    Source,
    State,
    Times,
    Update,
)
from watcher.site import feeds, front_page, lists, pages, timeline, update_page
from watcher.site.lists import Listing


def row(update: Update, events: tuple[Event, ...] = ()) -> Listing:
    return lists.listing_of(update, events)


# --- listings -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("exchange-server-2024-11-su", "exchange-server-2024-11-su"),
        ("../../etc/passwd", "etc-passwd"),
        ("Exchange Server 2019 CU14", "exchange-server-2019-cu14"),
    ],
)
def test_an_id_becomes_a_file_name(text: str, name: str) -> None:
    assert lists.file_name(text) == name


@pytest.mark.parametrize("text", ["con", "", "…", "x" * 500, "LPT1", "index"])
def test_a_name_that_no_file_may_have_is_made_one(text: str) -> None:
    made = lists.file_name(text)
    assert made != text.lower()
    assert 0 < len(made) <= 120
    assert lists.file_name(text) != lists.file_name(text + "y")


@given(st.text())
def test_whatever_a_source_calls_it_a_file_name_stays_in_its_folder(text: str) -> None:
    assert set(lists.file_name(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_list_is_written_a_line_an_update_the_newest_first() -> None:
    listings = [row(lives.OLD_LIFE.update), row(lives.update(State.PULLED), STORY[:3])]
    ((name, ordered),) = lists.by_list(lists.in_order(listings)).items()
    assert name == "2030"
    written = lists.encode_list(ordered)
    assert [line["state"] for line in json.loads(written)] == ["pulled", "released"]
    assert written.count(b"\n") == len(listings) + 2
    assert lists.encode_list(()) == b"[\n\n]\n"


def test_a_year_of_very_many_updates_is_shown_by_months() -> None:
    few = [
        row(lives.update(name=f"few-{number}", released=T0 - (400 + number) * DAY))
        for number in range(3)
    ]
    many = [
        row(lives.update(name=f"many-{number}", released=T0 - number * DAY / 2))
        for number in range(lists.MOST + 1)
    ]
    found = lists.by_list(lists.in_order([*few, *many]))
    assert list(found) == ["2030-05", "2030-04", "2030-03", "2030-02", "2029"]
    months = Counter(lists.month_of(one.dated) for one in (*few, *many))
    lengths = lists.lengths(months)
    assert list(lengths.items()) == [(name, len(held)) for name, held in found.items()]
    assert lists.years_by_month(lengths) == {"2030"}
    assert lists.years(lengths) == {"2030": 201, "2029": 3}
    assert list(lists.by_list(many[1:])) == ["2030"]
    assert lists.list_files(lengths) >= {
        "years/2030.html",
        "years/2030-05.json",
        "years/2029.html",
    }
    assert "years/2030.json" not in lists.list_files(lengths)


def test_the_overview_names_the_lists_and_the_archives() -> None:
    overview = lives.contents(
        [lives.PULLED_LIFE, lives.OLD_LIFE, lives.many(120)]
    ).overview
    read = json.loads(lists.encode_overview(overview))
    assert read["schema"] == lists.SCHEMA
    assert (read["shelves"], read["events"]) == ({"2030": 2}, 123)
    assert len(read["archives"]) == 1
    assert [one["id"] for one in read["current"]] == [
        one.id for one in overview.current
    ]


def test_what_decides_where_products_stand_is_enough_to_say_so() -> None:
    rows = lists.in_order(
        [
            row(lives.update(State.PULLED), STORY[:3]),
            row(lives.OLD_LIFE.update),
            row(
                lives.update(
                    name="older",
                    released=T0 - 200 * DAY,
                    packages=(Package(CU2, "KB1", "15.4.1.1"),),
                )
            ),
        ]
    )
    few = front_page.current(rows)
    assert [one.id for one in few] == [
        "exchange-server-2030-05-su",
        "exchange-server-2030-02-su",
    ]
    assert front_page.products(few, T0) == front_page.products(rows, T0)
    assert front_page.alarms(few, front_page.products(few, T0)) == front_page.alarms(
        rows, front_page.products(rows, T0)
    )


def test_a_listing_counts_the_known_issues_of_the_version_that_is_current() -> None:
    assert row(lives.update(State.PULLED), STORY[:3]).issues == 1
    assert row(WHOLE_LIFE.update, STORY).issues == 0


def test_a_version_is_dated_when_it_came_and_a_pull_when_it_was_told() -> None:
    assert row(WHOLE_LIFE.update, STORY).current == BACK.time
    assert row(lives.update(State.PULLED), STORY[:3]).pulled == PULLED.time
    assert row(lives.update(State.PULLED, changed=T0 + DAY)).pulled == T0 + DAY
    assert row(lives.update(), STORY[:1]).pulled is None


def test_a_title_names_its_version_once() -> None:
    assert row(WHOLE_LIFE.update, STORY).title == "Exchange Server May 2030 SU v2"
    assert row(replace(WHOLE_LIFE.update, title="RU8-v2")).title == "RU8-v2"


# --- at a glance ----------------------------------------------------------------------


def stand(*rows: Listing) -> dict[str, front_page.Product]:
    return {
        product.name: product for product in front_page.products(rows, T0 + 20 * DAY)
    }


def test_the_newest_good_build_of_a_product_is_that_of_the_version_offered() -> None:
    found = stand(row(WHOLE_LIFE.update, STORY), row(lives.OLD_LIFE.update))
    assert (found[CU2].build, found[CU2].kb, found[CU2].state) == (
        "15.4.1544.14",
        "KB9000002",
        "good",
    )
    assert found[CU2].page == "updates/exchange-server-2030-05-su.html"


def test_while_an_update_is_pulled_the_one_before_is_good_and_the_pulled_build_is_named() -> (
    None
):
    found = stand(row(lives.update(State.PULLED)), row(lives.OLD_LIFE.update))
    assert (found[CU2].build, found[CU2].state) == ("15.4.1544.9", "pulled")
    assert [bad.build for bad in found[CU2].bad] == ["15.4.1544.13"]


def test_a_product_whose_only_update_is_pulled_has_no_good_build() -> None:
    found = stand(row(lives.update(State.PULLED)))
    assert (found[CU1].build, found[CU1].state) == ("", "pulled")


def test_a_product_of_updates_without_builds_stands_at_its_article() -> None:
    found = stand(row(lives.update(packages=(Package("Windows 2030", "KB7"),))))
    assert (found["Windows 2030"].build, found["Windows 2030"].kb) == ("", "KB7")


def test_a_doubt_is_no_verdict() -> None:
    doubted = row(lives.update(suspicions=(lives.suspicion(),)))
    assert stand(doubted)[CU2].state == "good"  # it is still the build that is offered
    (alarm,) = front_page.alarms([doubted], front_page.products([doubted], T0))
    assert alarm.suspected
    newer = row(
        lives.update(
            suspicions=(lives.suspicion(),),
            packages=(Package(CU2, "KB1", "15.4.1544.99", version=1),),
        )
    )
    announced = structs.replace(newer, state=State.ANNOUNCED)
    assert stand(announced, row(lives.OLD_LIFE.update))[CU2].state == "suspected"


def test_a_pulled_update_with_newer_good_builds_is_past() -> None:
    old = row(
        lives.update(
            State.PULLED, name="old", packages=(Package(CU2, "KB1", "15.4.1544.1"),)
        )
    )
    rows = [
        row(WHOLE_LIFE.update, STORY),
        old,
        row(lives.update(State.PULLED, name="now", packages=lives.packages(2))),
    ]
    alarms = front_page.alarms(rows[:2], front_page.products(rows[:2], T0))
    assert [alarm.replaced for alarm in alarms] == [True]


def test_what_still_matters_comes_before_what_is_past_and_a_pull_before_a_doubt() -> (
    None
):
    past = row(
        lives.update(
            State.PULLED, name="past", packages=(Package(CU2, "KB1", "15.4.1544.1"),)
        )
    )
    doubt = row(
        lives.update(
            State.ANNOUNCED,
            name="doubt",
            suspicions=(lives.suspicion(),),
            packages=(Package("P", "KB2", "9.9"),),
        )
    )
    now = row(
        lives.update(
            State.PULLED,
            name="now",
            packages=(Package("Q", "", "not a build"),),
            kbs=("KB3",),
        )
    )
    bare = row(lives.update(State.PULLED, name="bare", packages=(), products=("R",)))
    rows = [past, doubt, now, bare, row(WHOLE_LIFE.update, STORY)]
    alarms = front_page.alarms(rows, front_page.products(rows, T0))
    assert [alarm.page for alarm in alarms] == [
        f"updates/{name}.html" for name in ("now", "bare", "doubt", "past")
    ]
    assert alarms[0].kbs == (("KB3", "https://support.microsoft.com/help/3"),)
    assert alarms[1].rows == (("R", ""),)


# --- the life as a picture ------------------------------------------------------------


def drawn(update: Update, events: tuple[Event, ...]) -> timeline.Timeline:
    line = timeline.timeline(update, events, FORM.words, UTC)
    assert line is not None
    return line


def test_a_life_is_drawn_day_by_day_with_a_row_for_each_source() -> None:
    line = drawn(WHOLE_LIFE.update, STORY)
    assert [day.text for day in line.days] == [
        "14 May",
        "15 May",
        "16 May",
        "17 May",
        "29 May",
    ]
    assert [day.gap for day in line.days] == ["", "", "", "", "12 days"]
    assert [(span.state, span.text) for span in line.spans] == [
        ("released", "released"),
        ("pulled", "pulled"),
        ("released", "re-released v2"),
    ]
    assert [lane.text for lane in line.lanes] == [
        "Microsoft Security Response Center",
        "Exchange build numbers",
        "Exchange Emerging Issues",
    ]
    assert [(mark.kind, mark.first) for mark in line.marks][:2] == [
        ("released", True),
        ("released", False),
    ]
    assert line.text.startswith("14 May 2030: released; 16 May 2030: pulled")


def test_spans_follow_each_other_without_a_gap_to_the_edge() -> None:
    line = drawn(WHOLE_LIFE.update, STORY)
    assert [span.x + span.width for span in line.spans] == [
        *(span.x for span in line.spans[1:]),
        line.width,
    ]


def test_without_an_event_there_is_nothing_to_draw() -> None:
    assert timeline.timeline(lives.update(), (), FORM.words, UTC) is None


def test_what_was_known_before_its_first_event_was_released_already() -> None:
    assert [
        span.state for span in drawn(lives.update(State.PULLED), (PULLED, ISSUE)).spans
    ] == ["released", "pulled"]
    announced = replace(lives.event(Kind.EXPLOITED), id="x")
    assert drawn(lives.update(State.ANNOUNCED, released=None), (announced,)).spans == ()


def test_a_suspicion_that_is_corrected_leaves_it_released() -> None:
    doubt = replace(PULLED, id="s", confidence=Confidence.SUSPECTED)
    corrected = lives.event(Kind.CORRECTED, 4)
    assert [
        span.state for span in drawn(lives.update(), (RELEASED, doubt, corrected)).spans
    ] == ["released", "suspected-pulled", "released"]


def test_an_announcement_comes_before_the_release_and_another_package_changes_nothing_of_a_pull() -> (
    None
):
    announced = lives.event(Kind.ANNOUNCED, -3)
    further = replace(lives.event(Kind.RELEASED, 2.5), pulled=True)
    spans = drawn(
        lives.update(State.PULLED),
        (
            announced,
            RELEASED,
            PULLED,
            further,
            replace(announced, id="a2", time=T0 + 3 * DAY),
        ),
    ).spans
    assert [span.state for span in spans] == ["announced", "released", "pulled"]


def test_of_many_events_on_a_day_the_gravest_are_marked_and_of_many_days_the_newest() -> (
    None
):
    same = tuple(
        replace(lives.event(kind), id=kind.value)
        for kind in (
            Kind.REVISED,
            Kind.NEWS,
            Kind.KNOWN_ISSUE,
            Kind.RELEASED,
            Kind.EXPLOITED,
        )
    )
    marks = drawn(lives.update(), same).marks
    assert [mark.kind for mark in marks] == [
        "exploited",
        "known-issue",
        "released",
        "revised",
    ]
    assert len({mark.x for mark in marks}) == 4
    assert (
        len(drawn(lives.update(), lives.many(24 * 70).events).days)
        == timeline.MOST_DAYS
    )


def test_of_many_sources_the_first_have_rows() -> None:
    crowd = replace(
        RELEASED,
        evidence=tuple(lives.proof(f"source-{number}") for number in range(20)),
    )
    line = drawn(lives.update(), (crowd,))
    assert (len(line.lanes), len(line.marks)) == (
        timeline.MOST_SOURCES,
        timeline.MOST_SOURCES,
    )


# --- differences ----------------------------------------------------------------------


def test_a_word_that_changed_is_shown_in_its_sentence() -> None:
    pieces = update_page.differences(
        "It is available for download.", "It is not available for purchase now."
    )
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("same", "It is"),
        ("new", " not"),
        ("same", " available for "),
        ("gone", "download"),
        ("new", "purchase now"),
        ("same", "."),
    ]
    assert update_page.edited(pieces)


def test_words_changed_in_a_row_are_one_change() -> None:
    kinds = [
        piece.kind
        for piece in update_page.differences(
            "a one two three four b c d e f", "a five six seven eight b c d e f"
        )
    ]
    assert kinds == ["same", "gone", "new", "same"]


def test_texts_with_little_in_common_are_two_texts() -> None:
    pieces = update_page.differences(
        "Nothing of this stays here.", "All words differ, every one!"
    )
    assert [piece.kind for piece in pieces] == ["gone", "new"]
    assert not update_page.edited(pieces)
    assert update_page.differences("", "") == ()


@given(st.text(alphabet="ab .\n", max_size=60), st.text(alphabet="ab .\n", max_size=60))
def test_pieces_give_back_both_texts(before: str, after: str) -> None:
    pieces = update_page.differences(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after


# --- an update's page -----------------------------------------------------------------


def test_a_page_says_what_to_do_by_the_event_that_decides_and_by_the_issues_on_top() -> (
    None
):
    issue = replace(lives.event(Kind.KNOWN_ISSUE, 20, 2), id="again")
    page = update_page.page(WHOLE_LIFE.update, (*STORY, issue), FORM)
    assert page.summary == BACK.summary
    assert page.actions[0].startswith("Install version 2")
    assert any("Read what" in action for action in page.actions)
    assert [one.anchor for one in page.issues] == ["e-again"]


def test_a_page_of_a_pulled_update_says_so_and_nothing_of_installing() -> None:
    page = update_page.page(lives.PULLED_LIFE.update, lives.PULLED_LIFE.events, FORM)
    assert (page.state, page.since) == ("pulled", PULLED.time)
    assert page.actions[0].startswith("Do not install KB9000001.")
    assert len(page.actions) == 4


def test_a_page_without_events_says_that_it_was_known_and_what_is_pulled_of_it() -> (
    None
):
    page = update_page.page(lives.update(State.PULLED), (), FORM)
    assert page.known
    assert page.actions[0].startswith("Do not install")
    assert update_page.page(lives.update(), (), FORM).actions == ()


def test_a_doubted_update_carries_the_caution() -> None:
    doubt = replace(PULLED, id="s", confidence=Confidence.SUSPECTED)
    page = update_page.page(
        lives.update(suspicions=(lives.suspicion(),)), (RELEASED, doubt), FORM
    )
    assert page.state == "suspected"
    assert page.caution.startswith("Suspected, not confirmed.")


def test_old_versions_stand_below_and_their_articles_are_not_the_updates() -> None:
    page = update_page.page(WHOLE_LIFE.update, STORY, FORM)
    assert page.kbs == (("KB9000002", "https://support.microsoft.com/help/9000002"),)
    assert [row.build for row in page.rows] == [
        "15.4.1544.14",
        "15.4.1258.39",
        "15.4.1544.13",
        "15.4.1258.38",
    ]


def test_links_that_are_none_are_left_out() -> None:
    assert update_page.page(WHOLE_LIFE.update, STORY, FORM).links == (
        "https://learn.example.org/builds",
    )


def test_an_edited_text_is_shown_as_one_and_another_as_two() -> None:
    page = update_page.page(lives.PULLED_LIFE.update, lives.PULLED_LIFE.events, FORM)
    assert [
        piece.text for piece in page.told[1].proofs[0].pieces if piece.kind == "new"
    ] == [" temporarily not"]
    other = replace(
        PULLED,
        evidence=(lives.proof(before="One thing.", after="Something else entirely!"),),
    )
    assert update_page.with_evidence(other, FORM).proofs[0].pieces == ()


def test_news_are_no_update() -> None:
    news = replace(lives.update(), type="news")
    assert update_page.page(news, (lives.event(Kind.NEWS),), FORM).state == "news"


# --- calendar and status --------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "month", "when"),
    [
        (2024, 11, datetime(2024, 11, 12, 18, tzinfo=UTC)),
        (2025, 7, datetime(2025, 7, 8, 17, tzinfo=UTC)),
        (2025, 4, datetime(2025, 4, 8, 17, tzinfo=UTC)),
    ],
)
def test_patch_tuesday_is_the_second_one_at_ten_in_redmond(
    year: int, month: int, when: datetime
) -> None:
    assert source_health.release_hour(year, month) == when


def test_the_calendar_recurs_on_second_tuesdays_in_its_own_zone() -> None:
    for place in (ADDRESS, lives.NOWHERE):
        book = icalendar.Calendar.from_ical(feeds.ics(2030, place))
        (event,) = book.walk("VEVENT")
        assert event["rrule"].to_ical() == b"FREQ=MONTHLY;BYDAY=2TU"
        assert event.decoded("dtstart").astimezone(UTC) == datetime(
            2030, 1, 8, 18, tzinfo=UTC
        )
        assert [zone["tzid"] for zone in book.walk("VTIMEZONE")] == [
            "America/Los_Angeles"
        ]
        assert ("url" in event) is bool(place.base_url)


def test_the_calendar_is_the_same_until_a_year_is_over() -> None:
    assert (
        feeds.ics(2030, ADDRESS) == feeds.ics(2030, ADDRESS) != feeds.ics(2031, ADDRESS)
    )


def test_a_page_may_be_believed_for_six_hours_or_three_intervals_or_as_configured() -> (
    None
):
    hourly = Source("a", "feed", "", timedelta(hours=1))
    daily = replace(hourly, every=timedelta(days=1))
    asleep = replace(hourly, every=timedelta(minutes=1), enabled=False)
    assert pages.valid_until([hourly, asleep], T0) == T0 + timedelta(hours=6)
    assert pages.valid_until([daily], T0) == T0 + timedelta(days=3)
    assert pages.valid_until([], T0) == T0 + timedelta(hours=6)
    assert pages.valid_until([hourly], T0, timedelta(hours=2)) == T0 + timedelta(
        hours=2
    )


def test_the_status_says_how_each_source_fares_and_what_is_pulled_but_not_why_one_fails() -> (
    None
):
    healths = [
        pages.Health(
            Source("msrc", "cvrf", "https://api.example.org/"),
            (
                Times("msrc", "", T0, T0),
                Times(
                    "msrc", "2030-May", T0, None, 3, "proxy.corp.example.org refused"
                ),
            ),
            T0,
        ),
        pages.Health(Source("new", "feed", "https://example.org/"), (), None),
    ]
    written = pages.status(
        healths, T0, T0 + DAY, [("x", State.PULLED, "An update")], {"msrc": "MSRC"}
    )
    read = json.loads(written)
    assert (read["checked"], read["valid_until"], read["well"]) == (
        "2030-05-14T18:00:00Z",
        "2030-05-15T18:00:00Z",
        False,
    )
    assert read["sources"][0] | {"url": ""} == {
        "name": "msrc",
        "title": "MSRC",
        "kind": "cvrf",
        "url": "",
        "every_minutes": 60,
        "documents": 2,
        "succeeded": "2030-05-14T18:00:00Z",
        "changed": "2030-05-14T18:00:00Z",
        "failures": 3,
    }
    assert (read["sources"][1]["succeeded"], read["sources"][1]["changed"]) == (
        None,
        None,
    )
    assert read["pulled"] == [{"id": "x", "title": "An update", "state": "pulled"}]
    assert b"proxy" not in written


def test_what_happened_on_one_day_stands_in_its_order() -> None:
    told = tuple(
        lives.event(
            kind,
            hours / 24,
            evidence=(lives.proof(time=lives.T0 + timedelta(hours=hours)),),
        )
        for hours, kind in ((1, Kind.RELEASED), (3, Kind.PULLED), (5, Kind.RE_RELEASED))
    )
    line = drawn(lives.update(), told)
    assert [mark.kind for mark in sorted(line.marks, key=lambda mark: mark.x)] == [
        "released",
        "pulled",
        "re-released",
    ]
    assert line.width == timeline.NARROWEST
