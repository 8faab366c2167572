"""The blog and the Update Guide's feed.

An entry's identity outlives its content (FORMATS 3 and 4).
"""

from __future__ import annotations

import re

import pytest

from tests.stories.pages import (
    CU14,
    OUTAGE,
    Cve,
    Fix,
    Month,
    blog,
    guide,
    month,
    post,
    table,
)
from tests.stories.telling import World, text
from watcher.judgement.packages import all_articles

SU = "exchange-server-2024-11-su"
TITLE = "Released: November 2024 Exchange Server Security Updates"
TEXT = "<p>Security updates for Exchange Server 2019 are now available (KB5044062).</p>"
OLD = post(4250001, "What is new for calendars", "2024-10-21", "<p>Calendars.</p>")
PAUSED = "<p>11/14: We have temporarily paused the rollout of the November 2024 SU.</p>"


@pytest.fixture
def released(world: World) -> World:
    """The blog has told of November's update."""
    world.at("2024-11-08 06:00", blog=blog(OLD))
    assert world.at(
        "2024-11-12 18:00", blog=blog(post(4293125, TITLE, "2024-11-12", TEXT), OLD)
    ) == [f"released {SU} KB5044062"]
    return world


def test_a_post_is_known_by_its_number_however_it_is_linked(released: World) -> None:
    for slug in ("released-november-2024", "Released-November-2024-V2", "renamed"):
        assert (
            released.at(
                "2024-11-13 18:00",
                blog=blog(post(4293125, TITLE, "2024-11-12", TEXT, slug=slug), OLD),
            )
            == []
        )


def test_an_old_address_of_a_post_is_the_same_post(released: World) -> None:
    number = "/blog/exchange/post/4293125"
    elsewhere = post(4293125, TITLE, "2024-11-12", TEXT).replace(
        number, "/t5/exchange-team-blog/post/ba-p/4293125?WT.mc_id=x"
    )

    assert released.at("2024-11-13 18:00", blog=blog(elsewhere, OLD)) == []


def test_a_post_edited_in_place_tells_only_what_is_new_in_it(released: World) -> None:
    edited = blog(post(4293125, TITLE, "2024-11-12", TEXT + PAUSED), OLD)
    assert released.at("2024-11-14 18:00", blog=edited) == [f"pulled {SU} KB5044062"]

    more = blog(
        post(
            4293125,
            TITLE,
            "2024-11-12",
            TEXT + PAUSED + "<p>11/16: A question was added.</p>",
        ),
        OLD,
    )
    assert [
        said
        for said in released.at("2024-11-16 18:00", blog=more)
        if not said.startswith("revised")
    ] == []


def test_typing_that_is_corrected_is_nothing(released: World) -> None:
    corrected = TEXT.replace(
        "Security updates for Exchange Server 2019 are now",
        "Security updates for Exchange Server 2019 are  now",
    ).replace(".</p>", "</p>")

    assert (
        released.at(
            "2024-11-13 18:00",
            blog=blog(post(4293125, TITLE, "2024-11-12", corrected), OLD),
        )
        == []
    )


@pytest.mark.parametrize(
    "words",
    [
        "We have not paused the November 2024 SU.",
        "If we find an issue, we will pause the update.",
        "Has the update been pulled?",
        "We will re-release the update as soon as the fix is ready.",
        "In 2021 we paused an update for a week.",
        "The update is not yet available in the catalogue.",
    ],
)
def test_what_is_denied_planned_asked_or_remembered_is_no_turn(
    released: World, words: str
) -> None:
    told = released.at(
        "2024-11-14 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", f"{TEXT}<p>{words}</p>"), OLD),
    )

    assert [said for said in told if not said.startswith("revised")] == []
    assert released.pulled == []


def test_a_pull_of_another_update_named_in_a_post_is_not_this_ones(
    released: World,
) -> None:
    words = "<p>KB5030524 was removed from the Download Center last year.</p>"
    told = released.at(
        "2024-11-14 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT + words), OLD),
    )

    assert [said for said in told if not said.startswith("revised")] == []
    assert released.pulled == []


def test_a_post_that_leaves_the_window_has_aged_out(released: World) -> None:
    posts = [
        post(
            4300000 + day,
            f"Something else {day}",
            f"2024-12-{day:02d}",
            "<p>Something else.</p>",
        )
        for day in range(20, 10, -1)
    ]
    told = released.at("2024-12-20 18:00", blog=blog(*posts))

    assert {said.split()[0] for said in told} == {"news"}
    assert released.at("2024-12-20 20:00") == []
    assert (released.failures, released.pulled) == ([], [])
    assert "4293125" not in released.store.entries("exchange-blog")


def test_a_post_that_is_deleted_inside_the_window_is_no_pull(released: World) -> None:
    older = post(4240001, "Older", "2024-10-01", "<p>Older.</p>")
    released.at(
        "2024-11-13 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT), OLD, older),
    )
    assert released.at("2024-11-14 18:00", blog=blog(OLD, older)) == []
    assert released.at("2024-11-14 20:00") == []
    assert released.store.entries("exchange-blog")["4293125"].missing_since is not None
    assert released.pulled == []


@pytest.mark.parametrize(
    "words",
    [
        "Correction: our earlier note was wrong, the November 2024 SU has not been paused.",
        (
            "Our note that the November 2024 SU was paused was published in "
            "error; it remains available."
        ),
    ],
)
def test_the_vendor_takes_back_what_it_said_of_a_pull(
    released: World, words: str
) -> None:
    released.at(
        "2024-11-14 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT + PAUSED), OLD),
    )
    pull = released.last.id

    (said,) = released.at(
        "2024-11-15 18:00",
        blog=blog(
            post(4293125, TITLE, "2024-11-12", f"{TEXT}{PAUSED}<p>11/15: {words}</p>"),
            OLD,
        ),
    )
    assert said.startswith(f"corrected {SU}")
    assert (released.last.corrects, released.last.update.version, released.pulled) == (
        pull,
        1,
        [],
    )

    again = "<p>11/18: We have now withdrawn the November 2024 SU.</p>"
    told = released.at(
        "2024-11-18 18:00",
        blog=blog(
            post(
                4293125,
                TITLE,
                "2024-11-12",
                f"{TEXT}{PAUSED}<p>11/15: {words}</p>{again}",
            ),
            OLD,
        ),
    )
    assert told == [f"pulled {SU} KB5044062"]


def test_what_is_said_of_one_product_takes_no_pull_back(released: World) -> None:
    released.at(
        "2024-11-14 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT + PAUSED), OLD),
    )

    words = "<p>11/15: The SU for Exchange Server 2016 has not been paused.</p>"
    released.at(
        "2024-11-15 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT + PAUSED + words), OLD),
    )
    assert released.pulled == [SU]


def test_a_pull_that_is_denied_before_anybody_was_told_is_a_revision(
    world: World,
) -> None:
    world.at(
        "2024-11-14 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT + PAUSED), OLD),
    )
    assert world.pulled == [SU]

    words = "<p>11/15: The November 2024 SU has not been paused.</p>"
    (said,) = world.at(
        "2024-11-15 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT + PAUSED + words), OLD),
    )
    assert said.startswith("revised ")
    assert world.pulled == []


def test_a_pull_with_its_denial_at_the_first_check_is_none(world: World) -> None:
    words = "<p>11/15: The November 2024 SU has not been paused.</p>"
    world.at(
        "2024-11-16 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT + PAUSED + words), OLD),
    )
    assert world.pulled == []


def test_a_feed_that_shows_more_of_the_past_is_heard_at_once(world: World) -> None:
    """Posts bear labels as rows of a table do, but a longer feed is no new layout."""
    titles = [
        f"Released: {month} 2024 Exchange Server Security Updates"
        for month in ("May", "June", "July", "August", "September", "October")
    ]
    past = [
        post(4200000 - place, title, f"2024-10-{20 - place:02d}", "<p>Calendars.</p>")
        for place, title in enumerate(titles)
    ]
    world.at("2024-11-08 06:00", blog=blog(OLD))
    world.at(
        "2024-11-12 18:00", blog=blog(post(4293125, TITLE, "2024-11-12", TEXT), OLD)
    )

    told = world.at(
        "2024-11-14 18:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT + PAUSED), OLD, *past),
    )
    assert (told, world.failures) == ([f"pulled {SU} KB5044062"], [])


def test_news_of_a_feed_that_was_empty_for_days_is_not_told_again(
    released: World,
) -> None:
    full = blog(
        post(4300000, "Our summer party", "2024-11-13", "<p>We danced.</p>"),
        post(4293125, TITLE, "2024-11-12", TEXT),
        OLD,
    )
    assert [said.split()[0] for said in released.at("2024-11-13 18:00", blog=full)] == [
        "news"
    ]
    for time in ("2024-11-14 06:00", "2024-11-15 06:00", "2024-11-16 06:00"):
        assert released.at(time, blog=blog()) == []
    assert released.failures == []

    assert released.at("2024-11-18 06:00", blog=full) == []


def test_a_post_without_a_date_that_leaves_and_comes_back_is_no_news_and_is_forgotten_in_the_end(
    world: World,
) -> None:
    def undated(*numbers: int) -> bytes:
        whole = blog(
            *(
                post(
                    4300000 + number,
                    f"Party {number}",
                    "2024-11-13",
                    "<p>We danced.</p>",
                )
                for number in numbers
            )
        ).decode()
        return re.sub("<pubDate>.*?</pubDate>", "", whole).encode()

    world.at("2024-11-08 06:00", blog=undated(1, 2, 3, 4))
    for time, numbers in (
        ("2024-11-09 06:00", (1, 2, 3)),
        ("2024-11-10 06:00", (1, 2, 3, 4)),
        ("2024-11-11 06:00", (2, 3, 4)),
    ):
        assert world.at(time, blog=undated(*numbers)) == []

    world.at("2025-02-20 06:00", blog=undated(2, 3, 4, 5))
    assert "4300001" not in world.store.entries("exchange-blog")


def test_a_new_post_that_is_none_of_these_is_news(released: World) -> None:
    party = post(4300001, "Our summer party", "2024-11-20", "<p>We danced.</p>")

    (said,) = released.at(
        "2024-11-20 18:00",
        blog=blog(party, post(4293125, TITLE, "2024-11-12", TEXT), OLD),
    )
    assert said.startswith("news ")


@pytest.mark.parametrize(
    "shown",
    [OUTAGE, b"", blog()],
    ids=["an outage page with 200", "nothing", "an empty feed"],
)
def test_a_feed_that_fails_is_named_and_its_return_is_no_news(
    released: World, shown: bytes
) -> None:
    for hour in (8, 10):
        assert released.at(f"2024-11-14 {hour:02d}:00", blog=shown) == []
        assert released.failures[0].startswith("exchange-blog: ")
    assert (
        released.at(
            "2024-11-14 12:00", blog=blog(post(4293125, TITLE, "2024-11-12", TEXT), OLD)
        )
        == []
    )
    assert released.failures == []


def test_a_shrunken_feed_is_doubted(world: World) -> None:
    posts = [
        post(
            4300000 + day,
            f"Something else {day}",
            f"2024-11-{day:02d}",
            "<p>Something else.</p>",
        )
        for day in range(20, 10, -1)
    ]
    world.at("2024-11-20 06:00", blog=blog(*posts))

    assert world.at("2024-11-20 18:00", blog=blog(*posts[:4])) == []
    assert world.failures == [
        "exchange-blog: the copy has 4 entries, the one before had 10"
    ]
    assert world.at("2024-11-20 20:00", blog=blog(*posts)) == []


def test_the_guide_keeps_its_guid_and_tells_each_revision(world: World) -> None:
    """The same guid stands for every revision.

    A reader that has seen it misses the pull and the re-release.
    """
    world.at(
        "2024-11-08 06:00",
        guide=guide(("CVE-2024-40000", "1.0", "2024-10-08", "Information published.")),
    )
    fixes = (Fix(CU14, "5044062", "15.02.1544.013"),)
    told = world.at(
        "2024-11-12 18:00",
        month("2024-Oct", linux=1),
        table=table(
            ("Exchange Server 2019 CU14 (2024H1)", "February 13, 2024", "15.2.1544.4")
        ),
    )
    told += world.at(
        "2024-11-12 19:00", month("2024-Nov", Cve("CVE-2024-49040", fixes))
    )
    assert told == [f"released {SU} KB5044062"]

    old = ("CVE-2024-40000", "1.0", "2024-10-08", "Information published.")
    published = ("CVE-2024-49040", "1.0", "2024-11-12", "Information published.")
    assert world.at("2024-11-12 20:00", guide=guide(published, old)) == []
    paused = (
        "CVE-2024-49040",
        "2.0",
        "2024-11-14",
        "We have temporarily paused the rollout of this update.",
    )
    assert world.at("2024-11-14 20:00", guide=guide(paused, old)) == [
        f"pulled {SU} KB5044062"
    ]
    back = (
        "CVE-2024-49040",
        "3.0",
        "2024-11-27",
        "The update has been **re-released** as KB5049233.",
    )
    (said,) = world.at("2024-11-27 20:00", guide=guide(back, old))
    assert said.startswith(f"re-released {SU} v2")


def test_the_guide_says_it_later_than_the_months_document_and_is_evidence(
    world: World,
) -> None:
    fixes = (Fix(CU14, "5044062", "15.02.1544.013"),)
    first, second = (
        ("1.0", "2024-11-12", "Information published."),
        ("2.0", "2024-11-14", "We have temporarily paused the rollout of this update."),
    )
    world.at(
        "2024-11-08 06:00",
        month("2024-Oct", linux=1),
        guide=guide(("CVE-2024-40000", "1.0", "2024-10-08", "Information published.")),
    )
    world.at(
        "2024-11-12 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", fixes, (first,))),
        guide=guide(("CVE-2024-49040", "1.0", "2024-11-12", first[2])),
    )
    assert world.at(
        "2024-11-14 18:00",
        month("2024-Nov", Cve("CVE-2024-49040", fixes, (first, second))),
    ) == [f"pulled {SU} KB5044062"]

    assert (
        world.at(
            "2024-11-14 22:00",
            guide=guide(("CVE-2024-49040", "2.0", "2024-11-14", second[2])),
        )
        == []
    )
    assert {piece.source for piece in world.event("pulled").evidence} == {
        "msrc-cvrf",
        "msrc-guide",
    }


def test_the_vendors_table_of_cases_is_a_table_in_both_parts_of_the_mail(
    released: World,
) -> None:
    rows = "".join(
        f"<tr><td>{case}</td><td>{step}</td></tr>"
        for case, step in (
            ("<b>If you</b>", "<b>Then</b>"),
            (
                "installed the update and use <i>transport rules</i>",
                "Uninstall it from your servers.<br>Check the &lt;queues&gt;.",
            ),
            (
                "did not install it yet",
                "<script>alert(1)</script>Wait for the next version.",
            ),
        )
    )
    edited = blog(
        post(
            4293125,
            TITLE,
            "2024-11-12",
            f"{TEXT}{PAUSED}<table style='width:900px' onclick='x()'>{rows}</table>",
        ),
        OLD,
    )
    assert released.at("2024-11-14 18:00", blog=edited) == [f"pulled {SU} KB5044062"]

    mail = released.mail("pulled")
    assert "\n".join(
        line for line in text(mail).splitlines() if " | " in line or "-+-" in line
    ) == (
        "> If you                               | Then\n"
        "> -------------------------------------+--------------------------------\n"
        "> installed the update and use         | Uninstall it from your servers.\n"
        "> transport rules                      | Check the <queues>.\n"
        "> -------------------------------------+--------------------------------\n"
        "> did not install it yet               | Wait for the next version."
    )
    html = mail.get_body(("html",))
    assert html is not None
    assert re.findall(r"<th [^>]*>(.*?)</th>", html.get_content())[-2:] == [
        "If you",
        "Then",
    ]


def test_a_pull_that_the_guide_told_of_the_advisory_is_not_told_again_of_its_update(
    world: World,
) -> None:
    """The month's document could not be read all the while."""
    older = ("CVE-2024-20001", "1.0", "2024-11-01", "Microsoft Exchange Server")
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3), guide=guide(older))
    world.at(
        "2024-11-12 18:00",
        guide=guide(
            ("CVE-2024-49040", "1.0", "2024-11-12", "Information published."), older
        ),
    )
    paused = (
        "2.0",
        "2024-11-14",
        "We have temporarily paused the rollout of this update.",
    )
    assert world.at(
        "2024-11-14 18:00", guide=guide(("CVE-2024-49040", *paused), older)
    ) == ["pulled cve-2024-49040"]

    fix = (Fix(CU14, "5044062", "15.02.1544.013"),)
    cve = Cve(
        "CVE-2024-49040", fix, (("1.0", "2024-11-12", "Information published."), paused)
    )
    assert world.at("2024-11-14 20:00", month("2024-Nov", cve)) == []
    assert world.pulled == [SU]
    assert {piece.source for piece in world.event("pulled").evidence} == {
        "msrc-guide",
        "msrc-cvrf",
    }


CASES = (
    "<table><tr><th>If you</th><th>Then</th></tr><tr><td>use transport "
    "rules</td><td>Uninstall it from your servers.</td></tr></table>"
)
RECORD_PAUSED = (
    "2.0",
    "2024-11-14",
    "We have temporarily paused the rollout of this update.",
)


def paused(*revisions: tuple[str, str, str]) -> Month:
    published = ("1.0", "2024-11-12", "Information published.")
    return month(
        "2024-Nov",
        Cve(
            "CVE-2024-49040",
            (Fix(CU14, "5044062", "15.02.1544.013"),),
            (published, *revisions),
        ),
    )


@pytest.mark.parametrize("together", [True, False])
def test_a_further_sources_table_of_cases_is_in_the_mail_that_is_still_to_be_made(
    any_world: World, together: bool
) -> None:
    world = any_world
    world.at("2024-11-08 06:00", month("2024-Oct", linux=3), blog=blog(OLD))
    world.at(
        "2024-11-12 18:00",
        paused(),
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT), OLD),
    )
    edited = blog(post(4293125, TITLE, "2024-11-12", TEXT + PAUSED + CASES), OLD)
    if together:
        assert world.at("2024-11-14 18:00", paused(RECORD_PAUSED), blog=edited) == [
            f"pulled {SU} KB5044062"
        ]
    else:
        assert world.at("2024-11-14 18:00", paused(RECORD_PAUSED)) == [
            f"pulled {SU} KB5044062"
        ]
        assert world.at("2024-11-14 19:00", blog=edited) == []

    event = world.event("pulled")
    assert {piece.source for piece in event.evidence} == {"msrc-cvrf", "exchange-blog"}
    assert bool(event.tables) is together  # what was told stays as it was told
    assert (
        "> use transport rules | Uninstall it from your servers."
        in text(world.mail("pulled"))
    ) is together


def test_words_alone_tell_of_a_second_version_and_the_mail_names_its_articles_only(
    world: World,
) -> None:
    """Who reads "install KB…" must not be led to the version that was pulled."""
    first = "<p>Updates are available: KB5090001 and KB5090002 for Exchange Server 2019 CU14.</p>"
    second = (
        "<p>We are re-releasing the November 2024 Security Updates. The new "
        "articles are KB5090011 and KB5090012.</p>"
    )
    posts = [post(4250001, "Calendars", "2024-10-20", "<p>Calendars.</p>")]
    world.at("2024-11-08 06:00", blog=blog(*posts))
    posts.insert(
        0,
        post(
            4293125,
            "Released: November 2024 Exchange Server Security Updates",
            "2024-11-12",
            first,
        ),
    )
    assert world.at("2024-11-12 20:00", blog=blog(*posts)) == [
        f"released {SU} KB5090001 KB5090002"
    ]
    posts.insert(
        0,
        post(
            4293130,
            "Re-release of November 2024 Exchange Server Security Update packages",
            "2024-11-27",
            second,
        ),
    )

    assert world.at("2024-11-27 20:00", blog=blog(*posts)) == [
        f"re-released {SU} v2 KB5090011 KB5090012"
    ]
    assert "Install version 2 (KB5090011, KB5090012)" in text(world.mail("re-released"))


def test_words_that_name_another_article_show_no_build_of_the_version_before(
    world: World,
) -> None:
    world.at(
        "2024-11-08 06:00",
        month("2024-Oct", linux=1),
        blog=blog(post(4250001, "Calendars", "2024-10-20", "<p>Calendars.</p>")),
    )
    fixes = (Fix(CU14, "5044062", "15.02.1544.013"),)
    assert world.at(
        "2024-11-12 20:00", month("2024-Nov", Cve("CVE-2024-49040", fixes))
    ) == [f"released {SU} KB5044062"]
    said = "<p>The November 2024 SU is re-released today as KB5049233.</p>"
    back = post(
        4293130,
        "Re-release of November 2024 Exchange Server Security Updates",
        "2024-11-27",
        said,
    )

    assert world.at("2024-11-27 20:00", blog=blog(back)) == [
        f"re-released {SU} v2 KB5049233"
    ]
    assert (world.last.update.builds, world.last.packages) == ((), ())


SECOND = (
    "<p>We are re-releasing the November 2024 Security Updates (SUv2). The new "
    "article is KB5049233.</p>"
)
AGAIN = "Re-release of November 2024 Exchange Server Security Update packages (SUv2)"


@pytest.fixture(
    params=[True, False], ids=["the record knows the first version", "the blog alone"]
)
def second(world: World, request: pytest.FixtureRequest) -> World:
    """The blog, and it alone, has told of November's second version."""
    first = post(4293125, TITLE, "2024-11-12", TEXT)
    world.at("2024-11-08 06:00", month("2024-Oct", linux=1), blog=blog(OLD))
    record = (
        (
            month(
                "2024-Nov",
                Cve("CVE-2024-49040", (Fix(CU14, "5044062", "15.02.1544.013"),)),
            ),
        )
        if request.param
        else ()
    )
    world.at("2024-11-12 20:00", *record, blog=blog(first, OLD))
    told = world.at(
        "2024-11-27 20:00",
        blog=blog(post(4293130, AGAIN, "2024-11-27", SECOND), first, OLD),
    )
    assert told == [f"re-released {SU} v2 KB5049233"]
    return world


@pytest.mark.parametrize("where", ["its post", "a post of its own"])
@pytest.mark.parametrize(
    "said",
    [
        (
            "11/30: We have paused the rollout of the November 2024 SUv2 "
            "(KB5049233) and removed it from Microsoft Update."
        ),
        "We have paused the rollout of the November 2024 SUv2.",
        "We have removed the November 2024 SUv2 from the Download Center. Do not install it.",
        "KB5049233 has been removed from Microsoft Update.",
    ],
)
def test_a_second_version_of_which_words_alone_tell_can_be_pulled_too(
    second: World, said: str, where: str
) -> None:
    added = f"<p>{said}</p>"
    if where == "its post":
        posts = [post(4293130, AGAIN, "2024-11-27", SECOND + added)]
    else:
        title = "Issue with the November 2024 Exchange Server SUv2"
        posts = [
            post(4293140, title, "2024-11-30", added),
            post(4293130, AGAIN, "2024-11-27", SECOND),
        ]

    assert second.at("2024-11-30 20:00", blog=blog(*posts, OLD)) == [
        f"pulled {SU} v2 KB5049233"
    ]
    assert second.pulled == [SU]
    assert all_articles(second.update(SU)) == ("KB5049233", "KB5044062")
    assert "Do not install KB5049233" in text(second.mail("pulled"))
    assert second.at("2024-11-30 22:00") == []


def test_a_word_of_the_first_versions_pause_is_no_pull_of_the_second(
    second: World,
) -> None:
    said = "<p>The rollout of KB5044062 was paused on 11/14.</p>"
    told = second.at(
        "2024-11-30 20:00",
        blog=blog(post(4293130, AGAIN, "2024-11-27", SECOND + said), OLD),
    )
    assert [line for line in told if line.startswith("pulled")] == []
    assert second.pulled == []


def test_packages_that_follow_are_those_of_the_second_version(second: World) -> None:
    fixes = (Fix(CU14, "5049233", "15.02.1544.014"),)
    revisions = (
        ("1.0", "2024-11-12", "Information published."),
        ("2.0", "2024-11-27", "The update is re-released as KB5049233."),
    )
    second.at(
        "2024-11-28 20:00", month("2024-Nov", Cve("CVE-2024-49040", fixes, revisions))
    )
    assert (
        second.update(SU).version,
        [p.version for p in second.update(SU).packages if p.kb == "KB5049233"],
    ) == (2, [2])


def test_a_second_version_under_the_first_ones_article_can_be_pulled_too(
    released: World,
) -> None:
    again = f"{TEXT}<p>The update KB5044062 is re-released today with a fix.</p>"
    assert released.at(
        "2024-11-20 18:00", blog=blog(post(4293125, TITLE, "2024-11-12", again), OLD)
    ) == [f"re-released {SU} v2 KB5044062"]
    pulled = f"{again}<p>11/22: We have paused the rollout of KB5044062 once more.</p>"
    assert released.at(
        "2024-11-22 18:00", blog=blog(post(4293125, TITLE, "2024-11-12", pulled), OLD)
    ) == [f"pulled {SU} v2 KB5044062"]
