"""December 2014: one rollup of three was recalled, and came back, as a post and articles say."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.pages import article, blog, post
from tests.stories.rollups import OLD, PUBLISHED, RELEASED, SU, december
from tests.stories.telling import World
from watcher.records import Source, State

RELEASING = (
    "<p>The Exchange team is announcing today a number of releases. Exchange Server 2013 "
    "Cumulative Update 7 (KB2986485), Update Rollup 8 for Exchange Server 2010 Service "
    "Pack 3 (KB2986475) and Update Rollup 15 for Exchange Server 2007 Service Pack 3 "
    "(KB2996150) are now available on the download center.</p>"
)
RECALLED = (
    "<p>Update 12/10/2014: An issue has been identified in the Exchange Server 2010 SP3 "
    "Update Rollup 8. The update has been recalled and is no longer available on the "
    "download center pending a new RU8 release. Customers should not proceed with "
    "deployments of this update until the new RU8 version is made available.</p>"
)
BACK = (
    "<p>Update 12/12/2014: The new version of Exchange Server 2010 SP3 Update Rollup 8 "
    "is now available. Customers can download it from the Download Center.</p>"
)
ARTICLE = "https://support.microsoft.com/help/2986475"
UNAVAILABLE = (
    "This update is temporarily unavailable.",
    "Note This update is temporarily unavailable. We will update this article later.",
    "The security update 2986475 for Exchange Server 2010 SP3 is temporarily unavailable.",
)


def posts(*parts: str) -> bytes:
    earlier = post(2, "Some earlier post", "2014-11-20", "<p>Hello.</p>")
    title = "Exchange releases: December 2014"
    told = [post(1, title, "2014-12-09", "".join(parts))] if parts else []
    return blog(*told, earlier)


def page(note: str = "") -> bytes:
    written = (
        article("KB2986475").decode().replace("2019: November 12, 2024", "2010 SP3")
    )
    return written.replace("It resolves", f"{note}</p><p>It resolves").encode()


def released(world: World) -> None:
    world.at("2014-12-01 06:00", OLD, blog=posts())
    told = world.at("2014-12-09 20:00", december(PUBLISHED))
    assert told == [RELEASED]


def test_a_post_alone_turns_the_rollup_that_it_names(world: World) -> None:
    world.at("2014-12-01 06:00", OLD, blog=posts())
    assert world.at("2014-12-09 20:00", blog=posts(RELEASING)) == [
        "released exchange-server-2007-sp3-ru15 KB2996150",
        "released exchange-server-2010-sp3-ru8 KB2986475",
        "released exchange-server-kb2986485 KB2986485",
    ]
    told = world.at("2014-12-10 20:00", blog=posts(RECALLED, RELEASING))
    assert told == ["pulled exchange-server-2010-sp3-ru8 KB2986475"]
    told = world.at("2014-12-12 20:00", blog=posts(BACK, RECALLED, RELEASING))
    # Under its own article: the others that the post names are not its second version
    assert told == ["re-released exchange-server-2010-sp3-ru8 v2 KB2986475"]


def test_a_post_turns_one_package_of_the_update_that_a_record_offers(
    world: World,
) -> None:
    released(world)
    assert world.at("2014-12-09 22:00", blog=posts(RELEASING)) == []
    told = world.at("2014-12-10 20:00", blog=posts(RECALLED, RELEASING))
    assert told == [f"pulled {SU} KB2986475"]
    assert world.update(SU).state is State.PULLED_IN_PART
    told = world.at("2014-12-12 20:00", blog=posts(BACK, RECALLED, RELEASING))
    assert told == [f"re-released {SU} v2 KB2986475"]
    assert world.update(SU).state is State.RELEASED


def test_a_copy_that_tells_both_at_once_is_of_the_last_word(world: World) -> None:
    released(world)
    assert world.at("2014-12-09 22:00", blog=posts(RELEASING)) == []
    told = world.at("2014-12-12 20:00", blog=posts(BACK, RECALLED, RELEASING))
    assert told == [f"re-released {SU} v2 KB2986475"]
    assert world.update(SU).state is State.RELEASED


@pytest.mark.parametrize("note", UNAVAILABLE)
@pytest.mark.parametrize("read", ["before", "late"])
def test_an_article_that_says_unavailable_pulls_its_own_package(
    world: World, read: str, note: str
) -> None:
    released(world)
    if read == "before":
        assert world.at("2014-12-09 23:00", pages={ARTICLE: page()}) == []
    told = world.at("2014-12-11 23:00", pages={ARTICLE: page(note)})
    assert told == [f"pulled {SU} KB2986475"]
    assert world.update(SU).state is State.PULLED_IN_PART


def test_an_article_that_is_a_source_of_its_own_does_so_too(world: World) -> None:
    address = "https://support.microsoft.com/topic/december-2014"
    own = Source("rollup", "article", address)
    world.settings = replace(world.settings, sources=(*world.settings.sources, own))
    released(world)
    assert world.at("2014-12-09 23:00", pages={address: page()}) == []
    told = world.at("2014-12-11 23:00", pages={address: page(UNAVAILABLE[0])})
    assert told == [f"pulled {SU} KB2986475"]


@pytest.mark.parametrize(
    "note",
    [
        "The Exchange admin center is temporarily unavailable during the installation.",
        "Updates through Configuration Manager are paused until the next window.",
        "Installation is suspended for the pilot ring of your organization.",
    ],
)
def test_what_else_is_unavailable_or_paused_pulls_nothing(
    world: World, note: str
) -> None:
    released(world)
    assert world.at("2014-12-09 23:00", pages={ARTICLE: page()}) == []
    told = world.at("2014-12-11 23:00", pages={ARTICLE: page(note)})
    assert not [line for line in told if line.startswith("pulled")]
    assert world.update(SU).state is State.RELEASED
