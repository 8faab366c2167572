"""Any source founds an update: by a KB article, or by a product and its version."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.pages import article, blog, post
from tests.stories.telling import World
from watcher.records import Watch

OLDER = post(10001, "An older post", "2031-01-02", "<p>Hello.</p>")


@pytest.fixture
def vendor(world: World) -> World:
    """A watcher of everything that a vendor's blog may tell of."""
    products = ("ESXi*", "vSphere*", "SQL Server*", "Windows*", "QTS*")
    world.settings = replace(world.settings, watch=Watch(products))
    world.at("2031-01-05 06:00", blog=blog(OLDER))
    return world


def test_a_version_is_released_pulled_and_replaced(vendor: World) -> None:
    """vSphere 7 Update 3, October 2021 to January 2022."""
    out = post(
        10002,
        "vSphere 7 Update 3 is now available",
        "2031-02-05",
        "<p>vSphere 7 Update 3 is now available for download. ESXi 7.0 Update 3 is part "
        "of it.</p>",
    )
    assert vendor.at("2031-02-05 20:00", blog=blog(out, OLDER)) == [
        "released vsphere-7-update-3"
    ]
    assert vendor.last.update.title == "vSphere 7 Update 3"
    gone = post(
        10003,
        "Important information on ESXi 7 Update 3",
        "2031-03-05",
        "<p>We have removed the ESXi 7 Update 3 release from our download site.</p>",
    )
    assert vendor.at("2031-03-05 20:00", blog=blog(gone, out, OLDER)) == [
        "pulled vsphere-7-update-3"
    ]


def test_two_updates_of_one_month_are_two(vendor: World) -> None:
    """November 2024: KB5046617 and KB5046616 are no 'Windows November 2024 SU'."""
    one = post(
        10002,
        "November 2031 security update KB5990017 for Windows Server 2025",
        "2031-02-05",
        "<p>Security update KB5990017 for Windows Server 2025 is now available.</p>",
    )
    other = (
        "November 2031 security update KB5990016 for Windows Server 2022",
        "2031-02-05",
        "<p>Security update KB5990016 for Windows Server 2022 is now available.</p>",
    )
    both = blog(one, post(10003, *other), OLDER)
    assert vendor.at("2031-02-05 20:00", blog=both) == [
        "released windows-kb5990016 KB5990016",
        "released windows-kb5990017 KB5990017",
    ]
    paused = (*other[:2], other[2] + "<p>The rollout of KB5990016 has been paused.</p>")
    told = vendor.at("2031-02-07 20:00", blog=blog(one, post(10003, *paused), OLDER))
    assert told == ["pulled windows-kb5990016 KB5990016"]


def test_one_sentence_pulls_each_update_that_it_names(vendor: World) -> None:
    """January 2022: three KB articles of four were pulled, and came back as they were."""
    text = "<p>KB5990024, KB5990057 and KB5990055 are now available for Windows Server.</p>"
    first = post(10002, "Windows Server January updates", "2031-02-05", text)
    told = vendor.at("2031-02-05 20:00", blog=blog(first, OLDER))
    assert sorted(told) == [
        "released windows-kb5990024 KB5990024",
        "released windows-kb5990055 KB5990055",
        "released windows-kb5990057 KB5990057",
    ]
    text += "<p>KB5990024 and KB5990057 have been pulled from Windows Update.</p>"
    pulled = post(10002, "Windows Server January updates", "2031-02-05", text)
    assert sorted(vendor.at("2031-02-06 20:00", blog=blog(pulled, OLDER))) == [
        "pulled windows-kb5990024 KB5990024",
        "pulled windows-kb5990057 KB5990057",
    ]
    text += "<p>KB5990024 and KB5990057 are available again on Windows Update.</p>"
    back = post(10002, "Windows Server January updates", "2031-02-05", text)
    assert sorted(vendor.at("2031-02-07 20:00", blog=blog(back, OLDER))) == [
        "re-released windows-kb5990024 v2 KB5990024",
        "re-released windows-kb5990057 v2 KB5990057",
    ]


def test_a_new_article_under_the_same_name_is_its_next_version(vendor: World) -> None:
    """SQL Server 2022 CU23, January 2026: KB5074819 came back as KB5078297."""
    title = "Cumulative Update #23 for SQL Server 2022 RTM"
    out = post(
        10002,
        title,
        "2031-02-05",
        "<p>The 23rd cumulative update for SQL Server 2022 RTM is now available. CU23 KB "
        "Article: KB5990019.</p>",
    )
    assert vendor.at("2031-02-05 20:00", blog=blog(out, OLDER)) == [
        "released sql-server-2022-cu23 KB5990019"
    ]
    back = post(
        10003,
        f"{title} re-released",
        "2031-02-19",
        "<p>Cumulative Update 23 for SQL Server 2022 has been re-released as KB5990097.</p>",
    )
    told = vendor.at("2031-02-19 20:00", blog=blog(back, out, OLDER))
    assert told == ["re-released sql-server-2022-cu23 v2 KB5990097"]


def test_what_is_only_named_gets_nothing(vendor: World) -> None:
    text = "<p>QTS 5.2.2.2950 is now available. It fixes what QTS 5.2.1.2930 broke.</p>"
    out = post(10002, "QTS 5.2.2.2950 is out", "2031-02-05", text)
    assert vendor.at("2031-02-05 20:00", blog=blog(out, OLDER)) == [
        "released qts-5-2-2-2950"
    ]


def test_the_update_is_the_one_that_the_sentence_before_names(world: World) -> None:
    """December 2014: one post on three products' rollups, of which one was recalled."""
    world.at("2031-01-05 06:00", blog=blog(OLDER))
    text = (
        "<p>The Exchange team is announcing today the availability of our latest quarterly "
        "updates: Update Rollup 8 for Exchange Server 2010 "
        "Service Pack 3 (KB5990475) and Update Rollup 15 for Exchange Server 2007 Service "
        "Pack 3 (KB5990150).</p>"
    )
    title = "Exchange releases: February 2031"
    out = blog(post(10002, title, "2031-02-05", text), OLDER)
    assert sorted(world.at("2031-02-05 20:00", blog=out)) == [
        "released exchange-server-2007-sp3-ru15 KB5990150",
        "released exchange-server-2010-sp3-ru8 KB5990475",
    ]
    recalled = (
        "<p>An issue has been identified in the Exchange Server 2010 SP3 Update Rollup 8. "
        "The update has been recalled.</p>"
    )
    edited = blog(post(10002, title, "2031-02-05", recalled + text), OLDER)
    told = world.at("2031-02-06 20:00", blog=edited)
    assert told == ["pulled exchange-server-2010-sp3-ru8 KB5990475"]


def test_a_sentence_pulls_the_version_that_it_names_of_two(vendor: World) -> None:
    both = (
        "<p>QTS 5.2.2.2950 is now available for download. QTS 5.1.9.2954 is now "
        "available for download.</p>"
    )
    title = "What is new in February"
    out = post(10002, title, "2031-02-05", both)
    assert vendor.at("2031-02-05 20:00", blog=blog(out, OLDER)) == [
        "released qts-5-1-9-2954",
        "released qts-5-2-2-2950",
    ]
    gone = "<p>We have removed QTS 5.2.2.2950 from our download site.</p>"
    edited = post(10002, title, "2031-02-05", gone + both)
    assert vendor.at("2031-02-06 20:00", blog=blog(edited, OLDER)) == [
        "pulled qts-5-2-2-2950"
    ]


CU23 = post(
    10002,
    "Cumulative Update #23 for SQL Server 2022 RTM",
    "2031-02-05",
    "<p>The 23rd cumulative update for SQL Server 2022 RTM is now available. CU23 KB "
    "Article: KB5990819.</p>",
)
UNAVAILABLE = post(
    10003,
    "Important: SQL Server 2022 CU23 and SQL Server 2025 CU1 are temporarily unavailable",
    "2031-02-08",
    "<p>SQL Server 2022 CU23 (KB5990819) and SQL Server 2025 CU1 (KB5990901) are "
    "temporarily unavailable while we investigate an issue with Database Mail.</p>",
)


def test_a_title_that_names_two_versions_releases_both(vendor: World) -> None:
    out = post(
        10002,
        "QTS 5.2.2.2950 and QTS 5.1.9.2954",
        "2031-02-05",
        "<p>QTS 5.2.2.2950 and QTS 5.1.9.2954 are now available.</p>",
    )
    assert sorted(vendor.at("2031-02-05 20:00", blog=blog(out, OLDER))) == [
        "released qts-5-1-9-2954",
        "released qts-5-2-2-2950",
    ]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_post_on_two_versions_makes_an_event_of_each(
    vendor: World, *, is_known: bool
) -> None:
    """SQL Server 2022 CU23 and 2025 CU1, January 2026: each with its own article."""
    before = (CU23, OLDER) if is_known else (OLDER,)
    vendor.at("2031-02-05 20:00", blog=blog(*before))
    assert sorted(vendor.at("2031-02-08 20:00", blog=blog(UNAVAILABLE, *before))) == [
        "pulled sql-server-2022-cu23 KB5990819",
        "pulled sql-server-2025-cu1 KB5990901",
    ]
    assert vendor.report is not None
    for event in vendor.report.events:
        for product in event.update.products:
            assert event.update.title.startswith(product)


def test_what_a_version_supersedes_is_not_back_with_it(vendor: World) -> None:
    title = "ESXi 8.0 Update 3f"
    out = post(10002, title, "2031-02-05", f"<p>{title} is now available.</p>")
    vendor.at("2031-02-05 20:00", blog=blog(out, OLDER))
    text = f"<p>{title} is no longer available for download.</p>"
    gone = post(10003, title, "2031-02-08", text)
    assert vendor.at("2031-02-08 20:00", blog=blog(gone, out, OLDER)) == [
        "pulled esxi-8-0-update-3f"
    ]
    text = f"<p>ESXi 8.0 Update 3g supersedes {title}, which was withdrawn, and is now "
    after = post(10004, "ESXi 8.0 Update 3g", "2031-02-11", f"{text}available.</p>")
    (told,) = vendor.at("2031-02-11 20:00", blog=blog(after, gone, out, OLDER))
    assert "esxi-8-0-update-3g" in told


def test_a_security_update_for_a_version_is_not_the_version(vendor: World) -> None:
    vendor.at("2031-02-05 20:00", blog=blog(CU23, OLDER))
    out = post(
        10004,
        "Security update for SQL Server 2022 CU23",
        "2031-02-08",
        "<p>A security update for SQL Server 2022 CU23 (KB5990830) is now available.</p>",
    )
    assert vendor.at("2031-02-08 20:00", blog=blog(out, CU23, OLDER)) == [
        "released sql-server-kb5990830 KB5990830"
    ]
    gone = post(
        10005,
        "Security update for SQL Server 2022 CU23 withdrawn",
        "2031-02-11",
        "<p>The security update for SQL Server 2022 CU23 (KB5990830) has been withdrawn.</p>",
    )
    assert vendor.at("2031-02-11 20:00", blog=blog(gone, out, CU23, OLDER)) == [
        "pulled sql-server-kb5990830 KB5990830"
    ]


def test_what_is_withdrawn_and_what_comes_in_its_place_are_two(vendor: World) -> None:
    out = post(
        10002,
        "Windows Server 2025 update KB5990060",
        "2031-02-05",
        "<p>KB5990060 for Windows Server 2025 is now available.</p>",
    )
    vendor.at("2031-02-05 20:00", blog=blog(out, OLDER))
    text = "<p>We withdrew KB5990060 and released KB5990061 in its place.</p>"
    gone = post(10003, "KB5990060", "2031-02-08", text)
    assert sorted(vendor.at("2031-02-08 20:00", blog=blog(gone, out, OLDER))) == [
        "pulled windows-kb5990060 KB5990060",
        # For what the other one was, although the sentence names no product
        "released windows-kb5990061 KB5990061",
    ]


def test_a_vendor_that_withdrew_and_corrected_has_not_withdrawn_the_correction(
    vendor: World,
) -> None:
    """QTS 5.2.2.2950, November 2024."""
    name = "QTS 5.2.2.2950 build 20241114"
    text = f"<p>{name} is now available for download.</p>"
    out = post(10002, f"{name} is now available", "2031-02-05", text)
    vendor.at("2031-02-05 20:00", blog=blog(out, OLDER))
    notice = post(
        10003,
        "Notice about QTS 5.2.2.2950",
        "2031-02-08",
        f"<p>We recently released the {name} operating system update and received "
        "reports of issues after installation. In response, we promptly withdrew the "
        "operating system update, and re-released a corrected version of the update, "
        "QTS 5.2.2.2952 build 20241116, within 24 hours.</p>",
    )
    (told,) = vendor.at("2031-02-08 20:00", blog=blog(notice, out, OLDER))
    assert told.startswith("re-released qts-5-2-2-295")


def test_a_cumulative_update_is_pulled_by_a_post_whose_title_does_not_name_it(
    world: World,
) -> None:
    world.at("2031-01-05 06:00", blog=blog(OLDER))
    out = post(
        10002,
        "Released: 2031 H1 Cumulative Updates for Exchange Server",
        "2031-02-05",
        "<p>Cumulative Update 16 for Exchange Server 2019 (KB5990115) and Cumulative "
        "Update 24 for Exchange Server 2016 (KB5990124) are now available.</p>",
    )
    assert sorted(world.at("2031-02-05 20:00", blog=blog(out, OLDER))) == [
        "released exchange-server-2016-cu24 KB5990124",
        "released exchange-server-2019-cu16 KB5990115",
    ]
    text = (
        "<p>We have removed Exchange Server 2019 CU16 from the Download Center. Exchange "
        "Server 2016 CU24 stays available.</p>"
    )
    gone = post(10003, "Setup fails", "2031-02-08", text)
    assert world.at("2031-02-08 20:00", blog=blog(gone, out, OLDER)) == [
        "pulled exchange-server-2019-cu16 KB5990115"
    ]


def test_the_article_of_an_update_that_only_a_post_named_is_read(world: World) -> None:
    """CU23 of SQL Server 2022 was withdrawn in its article."""
    world.at("2031-01-05 06:00", blog=blog(OLDER))
    out = post(
        10002,
        "Released: Exchange Server 2019 CU16",
        "2031-02-05",
        "<p>Exchange Server 2019 CU16 is now available: KB5044062.</p>",
    )
    address = "https://support.microsoft.com/help/5044062"
    shown = {address: article("KB5044062")}
    assert world.at("2031-02-05 20:00", blog=blog(out, OLDER), pages=shown) == [
        "released exchange-server-2019-cu16 KB5044062"
    ]
    world.at("2031-02-06 20:00", blog=blog(out, OLDER), pages=shown)
    gone = {
        address: article("KB5044062", get="This update is temporarily unavailable.")
    }
    assert world.at("2031-02-08 20:00", blog=blog(out, OLDER), pages=gone) == [
        "pulled exchange-server-2019-cu16 KB5044062"
    ]
