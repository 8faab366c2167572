"""An update with a KB article for each product: what is said of one is true of that one.

Each was found by a random vendor's life (tests/laws/releases.py), and made small.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.stories.pages import CU14, CU23, Cve, Fix, blog, download, month, post, table
from tests.stories.telling import GONE, URLS, World
from watcher.records import State

OLD = month("2024-Oct", linux=3)
KBS = {CU14: "KB5044100", CU23: "KB5044102"}
LEVELS = {CU14: "Exchange Server 2019 CU14", CU23: "Exchange Server 2016 CU23"}
BUILDS = {CU14: "15.2.1544.13", CU23: "15.1.2507.43"}
SU = "exchange-server-2024-11-su"
OCTOBER = ("Exchange Server 2019 CU14 Oct24SU", "October 8, 2024", "15.2.1544.12")
RELEASED = (
    "<p>Microsoft has released Security Updates for vulnerabilities found in Exchange "
    "Server 2019 and Exchange Server 2016.</p>"
)


def page(product: str) -> str:
    return f"https://www.microsoft.com/download/details.aspx?id={KBS[product][-4:]}"


def fixes() -> tuple[Fix, ...]:
    return tuple(
        Fix(product, kb.removeprefix("KB"), BUILDS[product], page(product))
        for product, kb in KBS.items()
    )


def rows(label: str, date: str) -> list[tuple[str, str, str, str]]:
    return [
        (f"{LEVELS[product]} {label}", date, BUILDS[product], kb)
        for product, kb in KBS.items()
    ]


def november_post(*more: str) -> bytes:
    text = RELEASED + "".join(f"<p>{each}</p>" for each in more)
    title = "Released: November 2024 Exchange Server Security Updates"
    return blog(post(4290000, title, "2024-11-12", text))


def released(world: World) -> None:
    pages = {
        page(product): download(
            f"Security Update For {LEVELS[product]} ({kb})", (f"{kb}.exe", 1)
        )
        for product, kb in KBS.items()
    }
    world.at("2024-11-01 06:00", OLD, table=table(OCTOBER), blog=blog())
    told = world.at(
        "2024-11-12 20:00",
        OLD,
        month("2024-Nov", Cve("CVE-2024-0001", fixes())),
        pages=pages,
        table=table(*rows("Nov24SU", "November 12, 2024"), OCTOBER),
        blog=november_post(),
    )
    assert told == [f"released {SU} {' '.join(KBS.values())}"]
    assert world.at("2024-11-12 21:00") == []


def test_one_page_that_is_gone_says_nothing_of_the_others_package(world: World) -> None:
    released(world)
    told = world.at("2024-11-17 06:00", pages={page(CU14): GONE})
    assert told == [f"pulled? {SU} KB5044100"]
    assert {package.product for package in world.last.packages} == {LEVELS[CU14]}
    assert "KB5044102" not in world.last.summary


def test_what_is_back_under_another_article_is_that_and_not_the_one_that_was_pulled(
    world: World,
) -> None:
    """Words come hours before a record: "install KB5044100" was told, and then a v3."""
    released(world)
    pulled = "Update 11/17: KB5044100 has been withdrawn."
    world.at("2024-11-17 06:00", blog=november_post(pulled))
    back = "Update 11/19: KB5044100 has been re-released as KB5044200."
    told = world.at("2024-11-19 06:00", blog=november_post(pulled, back))
    assert told == [f"re-released {SU} v2 KB5044200"]
    assert {package.product for package in world.last.packages} == {LEVELS[CU14]}
    v2 = (
        "Exchange Server 2019 CU14 Nov24SUv2",
        "November 19, 2024",
        "15.2.1544.14",
        "KB5044200",
    )
    first = rows("Nov24SU", "November 12, 2024")
    assert world.at("2024-11-19 08:00", table=table(v2, *first, OCTOBER)) == []
    update = world.update(SU)
    assert (update.version, update.state) == (2, State.RELEASED)
    assert {(each.kb, each.build) for each in update.packages if each.version == 2} == {
        ("KB5044200", "15.2.1544.14")
    }
    assert [each.kb for each in update.packages if each.pulled] == ["KB5044100"]


def test_all_that_are_back_under_other_articles_are_those(world: World) -> None:
    released(world)
    pulled = "Update 11/17: We have temporarily paused the rollout of this update."
    world.at("2024-11-17 06:00", blog=november_post(pulled))
    back = (
        "Update 11/19: KB5044100 and KB5044102 have been re-released as KB5044200 and "
        "KB5044202."
    )
    told = world.at("2024-11-19 06:00", blog=november_post(pulled, back))
    assert told == [f"re-released {SU} v2 KB5044200 KB5044202"]


@pytest.mark.parametrize("order", list(permutations(("blog", "msrc", "table"))))
def test_a_hotfix_of_any_day_is_told_once_whatever_comes_first(
    world: World, order: tuple[str, ...]
) -> None:
    """A post named it, and a record told of it again as "the update of 20 November"."""
    world.at("2024-11-01 06:00", OLD, table=table(OCTOBER), blog=blog())
    title = "Released: November 2024 Exchange Server Hotfix Updates"
    pages: dict[str, bytes] = {
        "blog": blog(post(4290001, title, "2024-11-20", RELEASED)),
        "table": table(*rows("Nov24HU", "November 20, 2024"), OCTOBER),
    }
    revisions = (("1.0", "2024-11-20", "Information published."),)
    records = month("2024-Nov", Cve("CVE-2024-0001", fixes(), revisions=revisions))
    told: list[str] = []
    for hour, source in enumerate(order):
        if source == "msrc":
            told += world.at(f"2024-11-20 {18 + hour}:00", OLD, records)
        else:
            world.web.shown[URLS[source]] = pages[source]
            told += world.at(f"2024-11-20 {18 + hour}:00")
    assert [each.split()[0] for each in told] == ["released"]
    october, update = sorted(world.store.updates(), key=lambda each: each.first_seen)
    assert october.title == "Exchange Server October 2024 SU"
    assert update.title == "Exchange Server November 2024 HU"
    assert {package.kb for package in update.packages} == set(KBS.values())
