"""A pull is of packages: who has another one of the same update is not told to wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from tests.stories.pages import Cve, month
from tests.stories.rollups import FIXES, OLD, PUBLISHED, RELEASED, SU, december
from tests.stories.telling import World, text
from watcher.records import State
from watcher.run.publish import publish_site

REMOVED = (
    "2.0",
    "2014-12-10",
    (
        "Bulletin revised to remove Download Center links for security update 2986475 for "
        "Microsoft Exchange Server 2010 Service Pack 3 to address a known issue."
    ),
)
BACK = (
    "3.0",
    "2014-12-12",
    (
        "Rereleased bulletin to announce the reoffering of security update 2986475 for "
        "Microsoft Exchange Server 2010 Service Pack 3."
    ),
)
REST = (
    "2.1",
    "2014-12-11",
    "Security updates 2996150 and 3011140 have been removed from the Download Center.",
)


def released(world: World) -> None:
    world.at("2014-12-01 06:00", OLD)
    assert world.at("2014-12-09 20:00", OLD, december(PUBLISHED)) == [RELEASED]


def test_one_package_of_three_is_pulled_and_comes_back(world: World) -> None:
    """MS14-075, December 2014: rollup 8 of Exchange 2010 alone was recalled."""
    released(world)
    told = world.at("2014-12-10 20:00", OLD, december(PUBLISHED, REMOVED))
    assert told == [f"pulled {SU} KB2986475"]
    event = world.last
    assert [each.kb for each in event.packages] == ["KB2986475"]
    assert event.update.products == ("Exchange Server 2010 SP3",)
    assert event.summary.endswith(
        "Still offered, and nothing changes there: Exchange Server 2007 SP3 (KB2996150), "
        "Exchange Server 2013 CU6 (KB3011140)."
    )
    update = world.store.update(SU)
    assert update is not None
    assert update.state is State.PULLED_IN_PART

    whole = december(PUBLISHED, REMOVED, BACK)
    assert world.at("2014-12-12 20:00", OLD, whole) == [
        f"re-released {SU} v2 KB2986475"
    ]
    update = world.store.update(SU)
    assert update is not None
    assert update.state is State.RELEASED
    assert {each.version for each in update.packages} == {2}


def test_what_is_pulled_later_is_told_of_itself_alone(world: World) -> None:
    released(world)
    world.at("2014-12-10 20:00", OLD, december(PUBLISHED, REMOVED))
    told = world.at("2014-12-11 20:00", OLD, december(PUBLISHED, REST, REMOVED))
    assert told == [f"pulled {SU} KB2996150 KB3011140"]
    # Nothing of it is offered any more
    assert "offered" not in world.last.summary
    update = world.store.update(SU)
    assert update is not None
    assert update.state is State.PULLED


def test_the_same_pull_from_a_later_sentence_is_no_second_one(world: World) -> None:
    released(world)
    world.at("2014-12-10 20:00", OLD, december(PUBLISHED, REMOVED))
    again = ("2.1", "2014-12-11", "Update 2986475 is no longer available for download.")
    told = world.at("2014-12-11 20:00", OLD, december(PUBLISHED, REMOVED, again))
    assert told == []


def test_the_page_says_which_package_is_pulled_and_which_build_is_good(
    world: World, tmp_path: Path
) -> None:
    released(world)
    world.at("2014-12-10 20:00", OLD, december(PUBLISHED, REMOVED))
    settings = replace(world.settings, site=tmp_path / "site")
    now = datetime(2014, 12, 10, 20, tzinfo=UTC)
    publish_site(settings, world.store, now, once=True)
    page = (
        tmp_path / "site" / "updates" / "exchange-server-2014-12-su.html"
    ).read_text()
    assert "pulled in part" in page
    front = (tmp_path / "site" / "index.html").read_text()
    assert "KB2986475" in front


def test_the_mail_says_which_packages_are_pulled_and_which_are_not(
    world: World,
) -> None:
    inventory = world.folder / "inventory.csv"
    inventory.write_text(
        "server,product,build\n"
        "EX07,Exchange Server 2007,8.3.389.2\n"
        "EX10,Exchange Server 2010,14.3.224.1\n",
        encoding="utf-8",
    )
    world.settings = replace(world.settings, inventory=inventory)
    built = tuple(
        replace(fix, build=build)
        for fix, build in zip(
            FIXES, ("8.3.389.2", "14.3.224.1", "15.0.995.32"), strict=True
        )
    )
    world.at("2014-12-01 06:00", OLD)
    published = Cve("CVE-2014-6319", built, revisions=(PUBLISHED,))
    world.at("2014-12-09 20:00", OLD, month("2014-Dec", published))
    removed = replace(published, revisions=(PUBLISHED, REMOVED))
    world.at("2014-12-10 20:00", OLD, month("2014-Dec", removed))
    mail = world.mail("pulled")
    assert mail["Subject"] == "[PULLED] Exchange Server December 2014 SU (KB2986475)"
    told = " ".join(text(mail).split())
    assert (
        "Still offered, and nothing changes there: Exchange Server 2007 SP3 (KB2996150), "
        "Exchange Server 2013 CU6 (KB3011140)."
    ) in told
    assert "EX10 14.3.224.1 = Exchange Server December 2014 SU, pulled" in told
    assert (
        "EX07 8.3.389.2 = Exchange Server December 2014 SU, good: nothing to do" in told
    )
    # A week later the one server is reminded of
    world.at("2014-12-18 20:00")
    (reminder,) = [each for each in world.mails if "REMINDER" in each["Subject"]]
    assert "EX10" in text(reminder)
    assert "EX07" not in text(reminder)


def published(world: World, folder: Path) -> Path:
    settings = replace(world.settings, site=folder)
    publish_site(
        settings, world.store, datetime(2014, 12, 12, 20, tzinfo=UTC), once=True
    )
    return folder


def test_what_is_published_names_the_pulled_package_alone(
    world: World, tmp_path: Path
) -> None:
    released(world)
    world.at("2014-12-10 20:00", OLD, december(PUBLISHED, REMOVED))
    site = published(world, tmp_path / "site")

    front = (site / "index.html").read_text(encoding="utf-8")
    alarm = front.partition("Do not install")[2].partition("Since")[0]
    assert "KB2986475" in alarm
    # Two thirds of the readers were once told not to install what was offered
    assert "KB2996150" not in alarm
    assert "KB3011140" not in alarm

    page = (site / "updates" / "exchange-server-2014-12-su.html").read_text("utf-8")
    rows = page.partition("Products, builds and KB articles")[2].partition("</table>")[
        0
    ]
    noted = [row for row in rows.split("<tr") if ">pulled" in row]
    assert [("KB2986475" in row) for row in noted] == [True]

    status = json.loads((site / "status.json").read_text("utf-8"))
    assert [(each["id"], each["state"]) for each in status["pulled"]] == [
        (SU, "pulled-in-part")
    ]


def test_a_release_is_buried_when_all_of_its_packages_are_pulled(
    world: World, tmp_path: Path
) -> None:
    released(world)
    world.at("2014-12-10 20:00", OLD, december(PUBLISHED, REMOVED))
    feed = published(world, tmp_path / "part") / "events.atom"
    assert "deleted-entry" not in feed.read_text(encoding="utf-8")
    # The feed of a product that is not concerned tells of no pull
    products = tmp_path / "part" / "products"
    other = (products / "exchange-server-2007-sp3.atom").read_text(encoding="utf-8")
    assert "PULLED" not in other
    world.at("2014-12-11 20:00", OLD, december(PUBLISHED, REMOVED, REST))
    feed = published(world, tmp_path / "whole") / "events.atom"
    assert "deleted-entry" in feed.read_text(encoding="utf-8")


def test_who_begins_after_the_pull_is_welcomed_with_the_pulled_package_alone(
    world: World,
) -> None:
    assert world.at("2014-12-11 06:00", OLD, december(PUBLISHED, REMOVED)) == []
    update = world.update(SU)
    assert update.state is State.PULLED_IN_PART
    assert [each.kb for each in update.packages if each.pulled] == ["KB2986475"]
    (welcome,) = world.mails
    gone = text(welcome).partition("WHERE")[0]
    assert "KB2986475" in gone
    assert "KB2996150" not in gone
    assert "KB3011140" not in gone
