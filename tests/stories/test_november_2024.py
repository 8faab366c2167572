"""November 2024: an update stops mail flow, is paused two days later and comes back as v2
(INCIDENTS 1).
"""

from __future__ import annotations

import pytest

from tests.stories.november import BACK, OCTOBER, PUBLISHED, SU
from tests.stories.pages import (
    CU13,
    CU14,
    CU23,
    Cve,
    Fix,
    blog,
    issues,
    month,
    post,
    table,
)
from tests.stories.telling import World, text

CVE = "CVE-2024-49040"
PAUSED = (
    "2.0",
    "2024-11-14",
    "We have temporarily paused the rollout of this update. See the FAQ.",
)
V1 = (
    Fix(CU14, "5044062", "15.02.1544.013"),
    Fix(CU13, "5044062", "15.02.1258.038"),
    Fix(CU23, "5044062", "15.01.2507.043"),
)
V2 = (
    Fix(CU14, "5049233", "15.02.1544.014"),
    Fix(CU13, "5049233", "15.02.1258.039"),
    Fix(CU23, "5049233", "15.01.2507.044"),
)
FAQ = "Why is the update gone? We have temporarily paused its rollout."

OLD_ROWS = (
    (
        "Exchange Server 2019 CU14 Apr24HU",
        "April 23, 2024",
        "15.2.1544.11",
        "KB5037224",
    ),
    (
        "Exchange Server 2019 CU14 (2024H1)",
        "February 13, 2024",
        "15.2.1544.4",
        "https://www.microsoft.com/download/details.aspx?id=105878",
    ),
    (
        "Exchange Server 2016 CU23 Apr24HU",
        "April 23, 2024",
        "15.1.2507.39",
        "KB5037224",
    ),
)
ROWS_V1 = (
    (
        "Exchange Server 2019 CU14 Nov24SU",
        "November 12, 2024",
        "15.2.1544.13",
        "KB5044062",
    ),
    (
        "Exchange Server 2019 CU13 Nov24SU",
        "November 12, 2024",
        "15.2.1258.38",
        "KB5044062",
    ),
    (
        "Exchange Server 2016 CU23 Nov24SU",
        "November 12, 2024",
        "15.1.2507.43",
        "KB5044062",
    ),
)
ROWS_V2 = (
    (
        "Exchange Server 2019 CU14 Nov24SUv2",
        "November 27, 2024",
        "15.2.1544.14",
        "KB5049233",
    ),
    (
        "Exchange Server 2019 CU13 Nov24SUv2",
        "November 27, 2024",
        "15.2.1258.39",
        "KB5049233",
    ),
    (
        "Exchange Server 2016 CU23 Nov24SUv2",
        "November 27, 2024",
        "15.1.2507.44",
        "KB5049233",
    ),
)
OLD_POST = post(
    4250001,
    "What is new for shared calendars",
    "2024-10-21",
    "<p>A look at calendars.</p>",
)
TITLE = "Released: November 2024 Exchange Server Security Updates"
TEXT = "<p>Security updates for Exchange Server 2019 and 2016 are now available (KB5044062).</p>"
NOTE = (
    "<p>11/14: We have paused the rollout of the November 2024 SU to Windows "
    "Update and the Download Center.</p>"
)
RULES = "Transport rules may stop after the November 2024 Exchange Security Update was installed"
BLAMED = (
    '<a href="https://support.microsoft.com/help/5044062">November Exchange '
    "Security Update for Exchange 2016 &amp; Exchange 2019</a>"
)
OLD_ISSUE = (
    "3/20/2024",
    (
        '<a href="https://support.microsoft.com/help/5036401">March 2024 '
        "Security Update for Exchange 2019</a>"
    ),
    "Links fail",
    "Wait",
)


def released(
    *revisions: tuple[str, str, str], fixes: tuple[Fix, ...] = V1, faq: str = ""
) -> Cve:
    return Cve(CVE, fixes, (PUBLISHED, *revisions), faq=faq, disclosed="Yes")


def begin(world: World) -> None:
    assert (
        world.at(
            "2024-11-08 06:00",
            OCTOBER,
            table=table(*OLD_ROWS),
            blog=blog(OLD_POST),
            issues=issues(OLD_ISSUE),
        )
        == []
    )


def test_each_turn_is_told_once_though_four_sources_tell_of_it(
    any_world: World,
) -> None:
    world = any_world
    begin(world)

    assert world.at(
        "2024-11-12 18:00",
        month("2024-Nov", released(), linux=40),
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT), OLD_POST),
    ) == [f"released {SU} KB5044062"]
    assert world.at("2024-11-13 05:32", table=table(*ROWS_V1, *OLD_ROWS)) == []
    assert world.at(
        "2024-11-14 17:37",
        issues=issues(
            ("11/14/2024", BLAMED, RULES, "Add a setting override"), OLD_ISSUE
        ),
    ) == [f"known-issue {SU} KB5044062"]
    paused = blog(post(4293125, TITLE, "2024-11-12", TEXT + NOTE), OLD_POST)
    assert world.at(
        "2024-11-14 20:00",
        month("2024-Nov", released(PAUSED, faq=FAQ), linux=41),
        blog=paused,
    ) == [f"pulled {SU} KB5044062"]
    assert world.pulled == [SU]
    assert world.at(
        "2024-11-20 17:00",
        issues=issues(
            ("11/14/2024", BLAMED, RULES, "Uninstall it; a fix will be re-released"),
            OLD_ISSUE,
        ),
    ) == [f"known-issue {SU} KB5044062"]
    again = post(
        4341892,
        "Re-release of November 2024 Exchange Server Security Update packages",
        "2024-11-27",
        "<p>KB5049233 replaces KB5044062.</p>",
    )
    edited = post(
        4293125,
        TITLE,
        "2024-11-12",
        TEXT + NOTE + "<p>11/27: The packages have been re-released as SUv2.</p>",
    )
    assert world.at(
        "2024-11-27 18:12",
        month(
            "2024-Nov",
            released(
                PAUSED,
                BACK,
                fixes=V2,
                faq=f"{FAQ} **11/27/2024 Update**: the update is now re-released.",
            ),
            linux=60,
        ),
        blog=blog(again, edited, OLD_POST),
        issues=issues(
            (
                "11/27/2024",
                BLAMED,
                RULES,
                "Install the re-released November 2024 Security Update",
            ),
            OLD_ISSUE,
        ),
    ) == [f"re-released {SU} v2 KB5049233"]
    assert (
        world.at("2024-11-28 05:32", table=table(*ROWS_V2, *ROWS_V1, *OLD_ROWS)) == []
    )
    assert world.pulled == []


@pytest.fixture
def told(world: World) -> World:
    """The three turns as MSRC alone tells them."""
    begin(world)
    world.at("2024-11-12 18:00", month("2024-Nov", released()))
    world.at("2024-11-14 20:00", month("2024-Nov", released(PAUSED, faq=FAQ)))
    world.at(
        "2024-11-27 18:12", month("2024-Nov", released(PAUSED, BACK, fixes=V2, faq=FAQ))
    )
    return world


def test_the_three_mails_stand_in_one_thread(told: World) -> None:
    mails = [told.mail(kind) for kind in ("released", "pulled", "re-released")]

    assert [mail["Subject"] for mail in mails] == [
        "[RELEASED] Exchange Server November 2024 SU (KB5044062)",
        "[PULLED] Exchange Server November 2024 SU (KB5044062)",
        "[RE-RELEASED] Exchange Server November 2024 SU v2 (KB5049233)",
    ]
    assert len({mail["References"] for mail in mails}) == 1
    assert len({mail["Message-ID"] for mail in mails}) == 3


def test_the_pull_says_why_in_the_vendors_words(told: World) -> None:
    event = told.event("pulled")

    assert any(
        "temporarily paused the rollout of this update" in piece.after
        for piece in event.evidence
    )
    assert "paused the rollout" in event.because
    assert "temporarily paused the rollout" in text(told.mail("pulled"))
    assert (
        "THE STORY SO FAR\n"
        "* 12 Nov 2024: released, KB5044062\n"
        "* 14 Nov 2024: pulled, KB5044062\n"
        "* 27 Nov 2024: re-released, v2, KB5049233\n"
    ) in text(told.mail("re-released")).replace("\r\n", "\n")
    assert "THE STORY SO FAR" not in text(told.mail("released"))


def test_the_re_release_names_article_and_builds_of_the_new_version(
    told: World,
) -> None:
    update = told.event("re-released").update

    assert (update.version, update.kbs, update.builds) == (
        2,
        ("KB5049233",),
        ("15.1.2507.44", "15.2.1258.39", "15.2.1544.14"),
    )


def test_the_vendors_rows_of_both_versions_stay_and_tell_nothing_more(
    told: World,
) -> None:
    assert told.at("2024-11-28 05:32", table=table(*ROWS_V2, *ROWS_V1, *OLD_ROWS)) == []
    assert {piece.source for piece in told.event("re-released").evidence} == {
        "msrc-cvrf",
        "exchange-builds",
    }


def test_the_faq_that_keeps_the_pull_after_the_re_release_says_nothing_stale(
    told: World,
) -> None:
    faq = (
        f"{FAQ} **11/27/2024 Update**: The known issue has been addressed and the "
        "update is now re-released."
    )

    assert (
        told.at(
            "2024-11-28 18:00",
            month("2024-Nov", released(PAUSED, BACK, fixes=V2, faq=faq)),
        )
        == []
    )
    assert told.pulled == []


def test_an_issue_of_the_second_version_is_a_known_issue_of_the_update(
    told: World,
) -> None:
    blamed = (
        '<a href="https://support.microsoft.com/help/5049233">November Security '
        "Update for Exchange 2016 &amp; Exchange 2019 V2</a>"
    )

    said = told.at(
        "2024-11-29 11:40",
        issues=issues(
            (
                "11/29/2024",
                blamed,
                "An exception about time zones may be logged",
                "See the article",
            ),
            OLD_ISSUE,
        ),
    )

    assert said == [f"known-issue {SU} v2 KB5049233"]


def test_the_blogs_edit_alone_tells_the_pull_and_its_new_post_the_re_release(
    world: World,
) -> None:
    begin(world)
    first = post(4293125, TITLE, "2024-11-12", TEXT)
    assert world.at("2024-11-12 18:00", blog=blog(first, OLD_POST)) == [
        f"released {SU} KB5044062"
    ]
    paused = post(4293125, TITLE, "2024-11-12", TEXT + NOTE)
    assert world.at("2024-11-14 20:00", blog=blog(paused, OLD_POST)) == [
        f"pulled {SU} KB5044062"
    ]
    assert world.last.scope == ("download-center", "windows-update")
    again = post(
        4341892,
        "Re-release of November 2024 Exchange Server Security Update packages",
        "2024-11-27",
        "<p>Install KB5049233.</p>",
    )
    (said,) = world.at("2024-11-27 18:12", blog=blog(again, paused, OLD_POST))
    assert said.startswith(f"re-released {SU} v2")


def test_the_pull_said_by_msrc_two_days_after_the_blog_is_evidence_not_news(
    world: World,
) -> None:
    begin(world)
    world.at(
        "2024-11-12 18:00",
        month("2024-Nov", released()),
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT), OLD_POST),
    )
    assert world.at(
        "2024-11-14 15:00",
        blog=blog(post(4293125, TITLE, "2024-11-12", TEXT + NOTE), OLD_POST),
    ) == [f"pulled {SU} KB5044062"]

    assert (
        world.at("2024-11-16 15:00", month("2024-Nov", released(PAUSED, faq=FAQ))) == []
    )
    assert {piece.source for piece in world.event("pulled").evidence} == {
        "exchange-blog",
        "msrc-cvrf",
    }


def test_a_watcher_installed_in_between_says_that_the_update_is_pulled(
    world: World,
) -> None:
    said = world.at(
        "2024-11-20 18:00",
        OCTOBER,
        month("2024-Nov", released(PAUSED, faq=FAQ)),
        table=table(*ROWS_V1, *OLD_ROWS),
    )

    assert said == []
    assert world.pulled == [SU]
    assert "KB5044062" in text(world.mail("welcome"))
    assert world.at(
        "2024-11-27 18:12", month("2024-Nov", released(PAUSED, BACK, fixes=V2, faq=FAQ))
    ) == [f"re-released {SU} v2 KB5049233"]


def test_a_watcher_installed_afterwards_knows_both_versions_and_nothing_as_pulled(
    world: World,
) -> None:
    rows = table(*ROWS_V2, *ROWS_V1, *OLD_ROWS)
    said = world.at(
        "2024-12-02 18:00",
        OCTOBER,
        month("2024-Nov", released(PAUSED, BACK, fixes=V2, faq=FAQ)),
        table=rows,
    )

    assert (said, world.pulled, world.update(SU).version) == ([], [], 2)
    assert "KB5049233" in text(world.mail("welcome"))


def test_a_package_that_several_records_offer_again_is_one_package(
    world: World,
) -> None:
    begin(world)
    for time, revisions, fixes in (
        ("2024-11-12 18:00", (), V1),
        ("2024-11-14 18:00", (PAUSED,), V1),
        ("2024-11-27 18:00", (PAUSED, BACK), V2),
    ):
        records = (
            Cve(cve, fixes, (PUBLISHED, *revisions))
            for cve in (CVE, "CVE-2024-49041", "CVE-2024-49042")
        )
        world.at(time, month("2024-Nov", *records))

    assert sorted(
        (package.product, package.build) for package in world.last.packages
    ) == [
        ("Exchange Server 2016 CU23", "15.1.2507.44"),
        ("Exchange Server 2019 CU13", "15.2.1258.39"),
        ("Exchange Server 2019 CU14", "15.2.1544.14"),
    ]
    assert len(world.update(SU).packages) == 6


def test_the_record_that_offers_the_second_version_after_the_table_is_evidence(
    world: World,
) -> None:
    begin(world)
    world.at("2024-11-12 18:00", month("2024-Nov", released()))
    world.at("2024-11-14 20:00", month("2024-Nov", released(PAUSED)))
    assert world.at("2024-11-27 17:00", table=table(*ROWS_V2, *ROWS_V1, *OLD_ROWS)) == [
        f"re-released {SU} v2 KB5049233"
    ]

    assert (
        world.at(
            "2024-11-27 18:12", month("2024-Nov", released(PAUSED, BACK, fixes=V2))
        )
        == []
    )
    assert {piece.source for piece in world.event("re-released").evidence} == {
        "exchange-builds",
        "msrc-cvrf",
    }


@pytest.mark.parametrize(
    "words",
    [
        "They replace the first version of the November 2024 SU that was paused.",
        "The November 2024 SU was paused and is contained in them.",
        "They replace the Nov24SU, which had been withdrawn.",
    ],
)
def test_a_pull_of_the_month_before_that_the_next_one_remembers_is_not_its_own(
    world: World, words: str
) -> None:
    begin(world)
    december = Cve(
        "CVE-2024-60001",
        (Fix(CU14, "5050100", "15.02.1544.021"),),
        (("1.0", "2024-12-10", "Information published."),),
    )
    world.at("2024-12-10 18:00", month("2024-Dec", december))
    text = f"<p>The December 2024 SUs are available (KB5050100). {words}</p>"
    told = world.at(
        "2024-12-10 19:00",
        blog=blog(
            post(
                4360000,
                "Released: December 2024 Exchange Server Security Updates",
                "2024-12-10",
                text,
            ),
            OLD_POST,
        ),
    )

    assert [said for said in told if said.startswith(("pulled", "re-released"))] == []
    assert "exchange-server-2024-12-su" not in world.pulled
