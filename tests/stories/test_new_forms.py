"""Releases in forms that nobody wrote before: rows, posts and addresses."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.pages import blog, post, table
from tests.stories.telling import World
from watcher.records import Source

CU15 = "exchange-server-2019-cu15"
ROWS = (
    ("Exchange Server 2019 CU15 Apr25HU", "April 18, 2025", "15.2.1748.24", "KB5050672"),
    ("Exchange Server 2019 CU15 (2025H1)", "February 10, 2025", "15.2.1748.10", "KB5042461"),
)  # fmt: skip
OLDER = post(2, "Some earlier post", "2025-04-18", "<p>Hello.</p>")
SERVICING = "https://support.microsoft.com/en-us/servicing/exchange/server"


@pytest.fixture
def known(world: World) -> World:
    world.at("2025-04-20 06:00", table=table(*ROWS), blog=blog(OLDER))
    return world


@pytest.mark.parametrize(
    ("name", "update"),
    [
        ("Exchange Server 2019 CU15 SU2", "exchange-server-2025-05-su"),
        ("Exchange Server 2019 CU15 May2025", "exchange-server-2025-05-su"),
        ("Exchange Server 2019 CU15 May25OOB", "exchange-server-2025-05-oob"),
        ("Exchange Server 2019 CU15 Hotfix", "exchange-server-2025-05-hu"),
        ("Exchange Server 2019 CU15 HU3", "exchange-server-2025-05-hu"),
        ("Exchange Server 2019 CU15 8 v2", "exchange-server-2025-05-su"),
        ("Exchange Server 2019 CU15", "exchange-server-2025-05-su"),
        ("Exchange Server 2019 CU15 Emergency Mitigation Update", "exchange-server-2025-05-su"),
        ("May 2025 update for Exchange 2019 CU15", "exchange-server-2025-05-su"),
        ("E2019CU15 May25", "exchange-server-2025-05-su"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "link",
    [
        "KB5057651",
        f"{SERVICING}/update/2025/5057651",
        f"{SERVICING}/hotfix/2025/5057651",
    ],
)
def test_a_row_with_a_higher_build_and_another_article_is_a_release(
    known: World, name: str, update: str, link: str
) -> None:
    row = (name, "May 13, 2025", "15.2.1748.26", link)
    told = known.at("2025-05-14 06:00", table=table(row, *ROWS))
    assert told == [f"released {update} KB5057651"]
    assert known.last.update.products == ("Exchange Server 2019 CU15",)
    assert known.last.update.builds == ("15.2.1748.26",)


@pytest.mark.parametrize("name", ["SU2", "Hotfix", "8 v2"])
def test_a_row_whose_article_is_not_there_yet_is_no_version_of_its_product(
    known: World, name: str
) -> None:
    row = (f"Exchange Server 2019 CU15 {name}", "May 13, 2025", "15.2.1748.26")
    (told,) = known.at("2025-05-14 06:00", table=table(row, *ROWS))
    assert told.startswith("released exchange-server-2025-05-")
    assert known.update(CU15).version == 1
    # The article is linked the day after, and is the same update's
    linked = (*row, "KB5057651")
    told_later = known.at("2025-05-15 06:00", table=table(linked, *ROWS))
    assert not [each for each in told_later if not each.startswith("revised")]


@pytest.mark.parametrize("date", ["May 13, 2021", "February 10, 2025"])
def test_a_row_of_years_ago_is_no_release(known: World, date: str) -> None:
    row = ("Exchange Server 2019 CU15 SU2", date, "15.2.1748.26", "KB5057651")
    told = known.at("2025-05-14 06:00", table=table(row, *ROWS))
    assert not [each for each in told if not each.startswith("revised")]


POSTS = [
    (
        "Out-of-band update for Exchange Server 2019",
        "Microsoft has released an out-of-band update for Exchange Server 2019: KB5057651.",
    ),
    (
        "An update for Exchange Server 2019 CU15",
        (
            f"Today we released <a href='{SERVICING}/hotfix/2025/5057651'>an update</a> "
            "for Exchange Server 2019 CU15."
        ),
    ),
    (
        "Something for the calendar",
        "The emergency fix KB5057651 for Exchange Server 2019 is out.",
    ),
    (
        "A fix for free/busy",
        (
            "A hotfix for Exchange Server 2019 is now available. See "
            "<a href='https://support.microsoft.com/help/5057651'>the article</a>."
        ),
    ),
]


@pytest.mark.parametrize(("title", "said"), POSTS, ids=[title for title, _ in POSTS])
def test_a_post_that_says_that_an_update_is_out_is_a_release(
    known: World, title: str, said: str
) -> None:
    told = known.at(
        "2025-05-14 06:00",
        blog=blog(post(9, title, "2025-05-13", f"<p>{said}</p>"), OLDER),
    )
    assert told == ["released exchange-server-kb5057651 KB5057651"]
    assert known.last.update.products[0].startswith("Exchange Server 2019")
    # The table names it later, and nothing is told again
    row = (
        "Exchange Server 2019 CU15 May25HU",
        "May 13, 2025",
        "15.2.1748.26",
        "KB5057651",
    )
    assert known.at("2025-05-15 06:00", table=table(row, *ROWS)) == []
    update = known.update("exchange-server-kb5057651")
    assert update.id == "exchange-server-2025-05-hu"
    assert [package.product for package in update.packages] == [
        "Exchange Server 2019 CU15"
    ]


@pytest.mark.parametrize(
    ("title", "said"),
    [
        (
            "Tips for KB5057651",
            "Some tips on installing KB5057651 on Exchange Server 2019.",
        ),
        (
            "A new version of the calculator",
            "We have released a new sizing calculator.",
        ),
        (
            "What is new",
            (
                "We released an update for Exchange Server 2019. See "
                "<a href='https://support.microsoft.com/help/5057651'>one</a>, "
                "<a href='https://support.microsoft.com/help/5057652'>two</a> and "
                "<a href='https://support.microsoft.com/help/5057653'>three</a>."
            ),
        ),
    ],
)
def test_a_post_that_offers_nothing_is_no_release(
    known: World, title: str, said: str
) -> None:
    told = known.at(
        "2025-05-14 06:00",
        blog=blog(post(9, title, "2025-05-13", f"<p>{said}</p>"), OLDER),
    )
    assert not [each for each in told if each.startswith("released")]


def test_the_canonical_address_says_which_article_a_page_is(known: World) -> None:
    """A page asked for under one number that calls itself another is that other one."""
    row = (
        "Exchange Server 2019 CU15 May25SU",
        "May 13, 2025",
        "15.2.1748.26",
        "KB5057651",
    )
    known.at("2025-05-14 06:00", table=table(row, *ROWS))
    address = f"{SERVICING}/update/2025/latest"
    own = Source("latest", "article", address)
    known.settings = replace(known.settings, sources=(*known.settings.sources, own))

    def page(note: str) -> bytes:
        return (
            "<html><head><title>Exchange Server security update - Microsoft Support"
            f"</title><link rel='canonical' href='{SERVICING}/update/2025/5057651'>"
            "</head><body><main><h1>Exchange Server security update</h1><h2>Summary</h2>"
            f"<p>{note}This security update resolves vulnerabilities.</p></main></body>"
            "</html>"
        ).encode()

    assert known.at("2025-05-14 08:00", pages={address: page("")}) == []
    assert known.failures == []
    told = known.at(
        "2025-05-15 08:00", pages={address: page("This update has been withdrawn. ")}
    )
    assert told == ["pulled exchange-server-2025-05-su KB5057651"]
