"""Copies that are late, cut, translated or first: each the smallest life that once went wrong."""

from __future__ import annotations

from tests.stories.november import (
    OCTOBER,
    OLD_ROW,
    PUBLISHED,
    RESPACED_ROW,
    SU,
    V1_ROW,
    V2_ROW,
)
from tests.stories.pages import CU13, CU14, Cve, Fix, Month, blog, month, post, table
from tests.stories.telling import World

TITLE = "Released: November 2024 Exchange Server Security Updates"
OUT = "<p>Microsoft has released Security Updates for Exchange Server 2019.</p>"
PAUSED = "<p>Update 11/14: We have temporarily paused the rollout of this update.</p>"
CALENDARS = post(4250001, "Calendars", "2024-10-20", "<p>Calendars.</p>")
PAUSE = "We have temporarily paused the rollout of this update."
AGAIN = "A new security update, identified by KB5049233, has been re-released."


def november(kb: str, *revisions: tuple[str, str, str]) -> Month:
    build = {"5044062": "15.02.1544.013", "5049233": "15.02.1544.014"}[kb]
    fix = Fix(CU14, kb, build)
    return month("2024-Nov", Cve("CVE-2024-49040", (fix,), (PUBLISHED, *revisions)))


def posted(*paragraphs: str) -> bytes:
    return blog(post(4293125, TITLE, "2024-11-12", "".join(paragraphs)), CALENDARS)


def released(world: World) -> None:
    world.at("2024-11-08 06:00", OCTOBER, table=table(OLD_ROW), blog=blog(CALENDARS))
    assert world.at(
        "2024-11-12 18:00",
        november("5044062"),
        table=table(V1_ROW, OLD_ROW),
        blog=posted(OUT),
    ) == [f"released {SU} KB5044062"]


def test_a_post_that_shows_its_first_pause_only_after_the_return_pulls_nothing(
    world: World,
) -> None:
    """A consent page hid the post from the pause until after v2."""
    released(world)
    assert world.at(
        "2024-11-28 06:00",
        november("5049233", ("2.0", "2024-11-27", AGAIN)),
        table=table(V2_ROW, V1_ROW, OLD_ROW),
    ) == [f"re-released {SU} v2 KB5049233"]
    assert world.at("2024-11-28 18:00", blog=posted(PAUSED, OUT)) == []
    assert world.pulled == []


def test_a_post_that_shows_a_former_return_after_the_next_pause_brings_nothing_back(
    world: World,
) -> None:
    released(world)
    world.at(
        "2024-11-27 18:00",
        november("5049233", ("2.0", "2024-11-27", AGAIN)),
        table=table(V2_ROW, V1_ROW, OLD_ROW),
    )
    assert world.at(
        "2024-11-29 18:00",
        november("5049233", ("2.0", "2024-11-27", AGAIN), ("3.0", "2024-11-29", PAUSE)),
    ) == [f"pulled {SU} v2 KB5049233"]
    back = "<p>Update 11/27: The update has been re-released as KB5049233.</p>"
    assert world.at("2024-11-29 19:00", blog=posted(back, OUT)) == []
    assert world.pulled == [SU]


def test_a_record_that_comes_late_to_a_version_and_its_pull_pulls_it(
    world: World,
) -> None:
    released(world)
    world.at("2024-11-27 18:00", table=table(V2_ROW, V1_ROW, OLD_ROW))
    assert world.at(
        "2024-11-29 18:00",
        november("5049233", ("2.0", "2024-11-27", AGAIN), ("3.0", "2024-11-29", PAUSE)),
    ) == [f"pulled {SU} v2 KB5049233"]


def test_a_version_that_is_known_first_when_it_is_pulled_is_pulled(
    world: World,
) -> None:
    released(world)
    assert world.at(
        "2024-11-29 18:00",
        november("5049233", ("2.0", "2024-11-27", AGAIN), ("3.0", "2024-11-29", PAUSE)),
    ) == [f"pulled {SU} v2 KB5049233"]
    assert world.at("2024-11-29 20:00", table=table(V2_ROW, V1_ROW, OLD_ROW)) == []
    assert world.pulled == [SU]


def test_a_row_that_a_late_table_hid_does_not_bring_back_what_words_have_pulled(
    world: World,
) -> None:
    released(world)
    assert world.at(
        "2024-11-14 18:00",
        november("5044062", ("2.0", "2024-11-14", PAUSE)),
        table=table(RESPACED_ROW),
    ) == [f"pulled {SU} KB5044062"]
    assert world.at("2024-11-17 18:00", table=table(V1_ROW, OLD_ROW)) == []
    assert world.pulled == [SU]


def test_a_second_pause_in_the_words_of_the_first_is_told(world: World) -> None:
    """MSRC's notes have set phrases."""
    released(world)
    first = ("2.0", "2024-11-14", PAUSE)
    world.at("2024-11-14 18:00", november("5044062", first))
    world.at(
        "2024-11-27 18:00",
        november("5049233", first, ("3.0", "2024-11-27", AGAIN)),
        table=table(V2_ROW, V1_ROW, OLD_ROW),
    )
    revisions = (first, ("3.0", "2024-11-27", AGAIN), ("4.0", "2024-11-29", PAUSE))
    again = november("5049233", *revisions)
    assert world.at("2024-11-29 18:00", again) == [f"pulled {SU} v2 KB5049233"]
    # A lagging copy, and the newest again, say nothing new
    assert world.at("2024-11-29 19:00", november("5049233", *revisions[:2])) == []
    assert world.at("2024-11-29 20:00", again) == []


def test_a_post_that_is_translated_for_a_day_says_nothing_again(world: World) -> None:
    """A page is served by the reader's country at times."""
    released(world)
    undated = "<p>We have temporarily paused the rollout of this update.</p>"
    assert world.at("2024-11-14 18:00", blog=posted(OUT, undated)) == [
        f"pulled {SU} KB5044062"
    ]
    back = "<p>The update has been re-released as KB5049233.</p>"
    assert world.at("2024-11-27 18:00", blog=posted(OUT, undated, back)) == [
        f"re-released {SU} v2 KB5049233"
    ]
    german = posted(
        "<p>Microsoft hat Sicherheitsupdates für Exchange Server 2019 veröffentlicht.</p>"
        "<p>Wir haben die Verteilung dieses Updates vorübergehend angehalten. Weiter</p>"
    )
    assert world.at("2024-12-02 18:00", blog=german) == []
    assert world.at("2024-12-03 18:00", blog=posted(OUT, undated, back)) == []
    assert world.pulled == []


def test_what_is_said_first_in_another_language_is_told(world: World) -> None:
    released(world)
    german = posted(
        "<p>Microsoft hat Sicherheitsupdates für Exchange Server 2019 veröffentlicht.</p>"
        "<p>Wir haben die Verteilung dieses Updates vorübergehend angehalten.</p>"
    )
    assert world.at("2024-11-14 18:00", blog=german) == [f"pulled {SU} KB5044062"]
    assert world.at("2024-11-15 18:00", blog=posted(OUT, PAUSED)) == []


def test_a_second_version_that_is_seen_with_the_first_names_its_own_packages_alone(
    world: World,
) -> None:
    world.at("2024-11-08 06:00", table=table(OLD_ROW))
    assert world.at("2024-11-28 06:00", table=table(V2_ROW, V1_ROW, OLD_ROW)) == [
        f"re-released {SU} v2 KB5049233"
    ]


def test_after_a_re_release_a_record_of_further_products_is_evidence(
    world: World,
) -> None:
    """August 2023: "now available for 2016 CU23, too", twelve hours after its v2."""
    released(world)
    assert world.at("2024-11-27 18:00", table=table(V2_ROW, V1_ROW, OLD_ROW)) == [
        f"re-released {SU} v2 KB5049233"
    ]
    fixes = (
        Fix(CU14, "5049233", "15.02.1544.014"),
        Fix(CU13, "5049233", "15.02.1258.039"),
    )
    revisions = (PUBLISHED, ("2.0", "2024-11-27", AGAIN))
    told = world.at(
        "2024-11-28 06:00", month("2024-Nov", Cve("CVE-2024-49040", fixes, revisions))
    )
    assert told == []
    sources = {piece.source for piece in world.event("re-released").evidence}
    assert sources == {"exchange-builds", "msrc-cvrf"}
