"""A feed whose first copy names nothing is kept as it came, and read when it changes.

Nothing is told, or lost, by that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.stories.telling import World
from watcher.records import Watch
from watcher.store import Store

BLOG = "exchange-blog"
GARDEN = "<p>The garden <b>is</b> open.</p>"
SERVER = (
    "<p>Security updates for Exchange Server 2019 are now available (KB5044062).</p>"
)
NEWS = "news exchange-blog-news-of-the-garden"
Told = tuple[list[str], set[str], tuple[str, ...]]


def post(number: int, text: str = GARDEN, title: str = "News of the garden") -> str:
    link = f"https://blog.example.org/post/{number}"
    dated = f"<guid>{link}</guid><pubDate>{number:02} Oct 2024 08:00:00 GMT</pubDate>"
    return f"<item><title>{title}</title><link>{link}</link>{dated}<description>{escape(text)}</description></item>"


def feed(*posts: str, about: str = "Plants") -> bytes:
    head = (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>A '
        f"blog</title><description>{about}</description>"
    )
    return f"{head}{''.join(posts)}</channel></rss>".encode()


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[World]:
    """A world whose feed says what it is about, so that its first copy is read at once."""
    with Store.open("sqlite://") as store:
        yield World(store, tmp_path / "reading")


def test_a_first_copy_that_names_nothing_is_kept_as_it_came(any_world: World) -> None:
    shown = feed(post(2), post(1))
    assert any_world.at("2024-11-01 06:00", blog=shown) == []

    known, copy = any_world.store.documents(BLOG)[""], any_world.store.copy(BLOG, "")
    assert copy is not None
    assert copy.page.body == shown
    assert (known.unread, known.total, any_world.store.entries(BLOG)) == (True, 2, {})
    assert any_world.report is not None
    assert [
        (source.new, source.changed)
        for source in any_world.report.sources
        if source.name == BLOG
    ] == [(2, 0)]


def test_it_stays_unread_while_it_is_the_same_or_is_in_doubt(world: World) -> None:
    world.at("2024-11-01 06:00", blog=feed(post(2), post(1)))
    assert world.at("2024-11-01 07:00") == []
    assert world.at("2024-11-01 08:00", blog=b"<html>down</html>") == []
    assert world.at("2024-11-01 09:00", blog=feed()) == []

    assert world.store.documents(BLOG)[""].unread
    assert world.store.copy(BLOG, "") is not None
    assert world.at("2024-11-01 10:00", blog=feed(post(2), post(1))) == []


def test_once_it_changes_all_of_it_is_read(any_world: World) -> None:
    any_world.at("2024-11-01 06:00", blog=feed(post(2), post(1)))
    assert any_world.at("2024-11-02 06:00", blog=feed(post(3), post(2), post(1))) == [
        NEWS
    ]

    assert len(any_world.store.entries(BLOG)) == 3
    assert any_world.store.copy(BLOG, "") is None
    assert not any_world.store.documents(BLOG)[""].unread


@pytest.mark.parametrize(
    "first", [(), (post(2), post(1))], ids=["an empty feed", "two posts"]
)
@pytest.mark.parametrize(
    "then",
    [
        (post(3, SERVER), post(2), post(1)),
        (post(2, GARDEN + SERVER), post(1)),
        (post(2, GARDEN.replace("open", "closed")), post(1)),
        (post(2, title="News of the pond"), post(1, GARDEN + SERVER)),
        (post(1), post(2)),
        (post(3), post(2)),
        (post(2),),
    ],
    ids=[
        "a post",
        "an edit",
        "another word",
        "two edits",
        "another order",
        "the window moves",
        "one goes",
    ],
)
def test_what_is_told_is_what_reading_at_once_tells(
    world: World, reading: World, first: tuple[str, ...], then: tuple[str, ...]
) -> None:
    def life(one: World, about: str) -> Told:
        said = [
            *one.at("2024-11-01 06:00", blog=feed(*first, about=about)),
            *one.at("2024-11-02 06:00", blog=feed(*then, about=about)),
        ]
        said += one.at(
            "2024-11-03 06:00",
            blog=feed(*then, post(4, SERVER.replace("are now", "are")), about=about),
        )
        entries = {
            key: (kept.entry, kept.fingerprint, kept.missing_since)
            for key, kept in one.store.entries(BLOG).items()
        }
        return (
            said,
            {repr(each) for each in entries.items()},
            tuple(update.id for update in one.store.updates()),
        )

    late, at_once = life(world, "Plants"), life(reading, "Plants and Exchange")
    assert late == at_once
    assert late[0], "the last post is news"


def test_other_products_to_watch_make_no_news_of_it(world: World) -> None:
    world.at("2024-11-01 06:00", blog=feed(post(2), post(1)))
    world.settings = replace(
        world.settings, watch=Watch(("Exchange Server*", "SharePoint*"))
    )
    assert world.at("2024-11-01 07:00") == []
    assert len(world.store.entries(BLOG)) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        "DELETE FROM copies",
        "UPDATE copies SET body = x'789c030000000001'",  # nothing, compressed
    ],
)
def test_of_a_copy_that_is_lost_nothing_is_news(world: World, spoil: str) -> None:
    world.at("2024-11-01 06:00", blog=feed(post(2), post(1)))
    with world.store.writing() as link:
        link.run(spoil)
    assert (
        world.at(
            "2024-11-02 06:00", blog=feed(post(3), post(2, GARDEN + SERVER), post(1))
        )
        == []
    )
    assert world.at(
        "2024-11-03 06:00",
        blog=feed(post(4), post(3), post(2, GARDEN + SERVER), post(1)),
    ) == [NEWS]


def test_how_much_it_had_is_known_exactly_when_it_changes(world: World) -> None:
    """A post that shows many items in its text is no reason to doubt the next copy, which
    seems to have a tenth of them.
    """
    shows = post(2, title="<![CDATA[" + "<item>" * 20 + "]]>")
    world.at("2024-11-01 06:00", blog=feed(shows, post(1)))
    assert world.store.documents(BLOG)[""].total == 22
    assert world.at("2024-11-02 06:00", blog=feed(post(3), post(1))) == [NEWS]


def test_a_first_copy_that_breaks_off_is_a_failure(world: World) -> None:
    assert world.at("2024-11-01 06:00", blog=feed(post(2), post(1))[:-40]) == []
    assert world.report is not None
    assert [
        "breaks off in the middle" in failure.cause
        for each in world.report.sources
        for failure in each.failures
    ] == [True]
    assert world.store.copy(BLOG, "") is None


@pytest.mark.parametrize(
    "shown",
    [
        feed(post(2).replace("<pubDate>02 Oct", "<pubDate>42 Oct")),
        feed(post(2).replace("pubDate", "date")),
        feed(
            post(2).replace("</item>", "<updated>2024-10-02T08:00:00Z</updated></item>")
        ),
        feed().replace(b"</channel>", b"<title>x</title></channel>"),
        b"<!DOCTYPE rss>" + feed(post(2)),
    ],
    ids=[
        "a date that is none",
        "no date",
        "a date of Atom",
        "no post",
        "a document type",
    ],
)
def test_a_first_copy_that_is_not_as_it_should_be_is_read_at_once(
    world: World, shown: bytes
) -> None:
    assert world.at("2024-11-01 06:00", blog=shown) == []
    assert world.store.copy(BLOG, "") is None


def test_an_export_holds_it(any_world: World, tmp_path: Path) -> None:
    any_world.at("2024-11-01 06:00", blog=feed(post(2), post(1)))
    any_world.store.export(tmp_path / "text")
    with Store.open("sqlite://") as store:
        store.import_(tmp_path / "text")
        assert World(store, tmp_path / "later").at(
            "2024-11-02 06:00", blog=feed(post(3), post(2), post(1))
        ) == [NEWS]
        assert len(store.entries(BLOG)) == 3


@pytest.mark.parametrize(
    "names",
    [
        lambda text: text.replace("garden", "Exchange Server"),
        lambda text: text.replace("open", "open, see CVE-2024-49040"),
        lambda text: text.replace("open", "open, see ADV190023"),
        lambda text: text.replace("open", "at 15.2.1544.13"),
        lambda text: text.replace("open", "open, see 5044062"),
        lambda text: text.replace(
            "open",
            '<a href="https://www.Microsoft.com/download/details.aspx?id=1">open</a>',
        ),
    ],
    ids=["a product", "a CVE", "an advisory", "a build", "an article", "a link"],
)
def test_a_first_copy_that_names_anything_is_read_at_once(
    world: World, names: Callable[[str], str]
) -> None:
    world.at("2024-11-01 06:00", blog=feed(post(2, names(GARDEN)), post(1)))
    assert len(world.store.entries(BLOG)) == 2
    assert world.store.copy(BLOG, "") is None
