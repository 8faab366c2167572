"""A feed whose first copy names nothing of Microsoft's is read like any other."""

from __future__ import annotations

from html import escape

import pytest
from msgspec.structs import replace

from tests.stories.telling import World
from watcher.records import Watch

BLOG = "exchange-blog"
GARDEN = "<p>The garden <b>is</b> open.</p>"
SERVER = (
    "<p>Security updates for Exchange Server 2019 are now available (KB5044062).</p>"
)
NEWS = "news exchange-blog-news-of-the-garden"


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


def test_a_first_copy_that_names_nothing_is_no_news(any_world: World) -> None:
    assert any_world.at("2024-11-01 06:00", blog=feed(post(2), post(1))) == []
    assert len(any_world.store.entries(BLOG)) == 2
    assert any_world.report is not None
    assert [
        (source.new, source.changed)
        for source in any_world.report.sources
        if source.name == BLOG
    ] == [(2, 0)]


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ((post(3, SERVER), post(2), post(1)), True),
        ((post(3), post(2), post(1)), True),
        ((post(2, title="News of the pond"), post(1)), False),
        ((post(1), post(2)), False),
        ((post(2),), False),
    ],
    ids=["an update", "a post", "another title", "another order", "one goes"],
)
def test_only_a_post_that_was_not_there_is_news(
    world: World,
    then: tuple[str, ...],
    told: bool,
) -> None:
    world.at("2024-11-01 06:00", blog=feed(post(2), post(1)))
    assert bool(world.at("2024-11-02 06:00", blog=feed(*then))) is told


def test_an_outage_between_changes_nothing(world: World) -> None:
    world.at("2024-11-01 06:00", blog=feed(post(2), post(1)))
    assert world.at("2024-11-01 07:00") == []
    assert world.at("2024-11-01 08:00", blog=b"<html>down</html>") == []
    assert world.at("2024-11-01 09:00", blog=feed()) == []
    assert world.at("2024-11-01 10:00", blog=feed(post(2), post(1))) == []


def test_other_products_to_watch_make_no_news_of_it(world: World) -> None:
    world.at("2024-11-01 06:00", blog=feed(post(2), post(1)))
    world.settings = replace(
        world.settings, watch=Watch(("Exchange Server*", "SharePoint*"))
    )
    assert world.at("2024-11-01 07:00") == []
    assert len(world.store.entries(BLOG)) == 2


def test_a_document_that_was_forgotten_makes_no_news_when_it_is_read_again(
    world: World,
) -> None:
    """So a state of version 0.1.0 is brought up to date, which had left copies unread."""
    world.at("2024-11-01 06:00", blog=feed(post(2), post(1)))
    forget = "DELETE FROM documents WHERE source = :blog"
    with world.store.writing():
        world.store.connection.execute(forget, blog=BLOG)
    then = (post(3), post(2, GARDEN + SERVER), post(1))
    assert world.at("2024-11-02 06:00", blog=feed(*then)) == []
    assert world.at("2024-11-03 06:00", blog=feed(post(4), *then)) == [NEWS]


def test_markup_in_a_title_that_looks_like_posts_is_none(world: World) -> None:
    """A post that shows many items in its text is no reason to doubt the next copy, which
    seems to have a tenth of them.
    """
    shows = post(2, title="<![CDATA[" + "<item>" * 20 + "]]>")
    world.at("2024-11-01 06:00", blog=feed(shows, post(1)))
    assert world.at("2024-11-02 06:00", blog=feed(post(3), post(1))) == [NEWS]


def test_a_first_copy_that_breaks_off_is_a_failure(world: World) -> None:
    assert world.at("2024-11-01 06:00", blog=feed(post(2), post(1))[:-40]) == []
    assert world.report is not None
    assert [
        "breaks off in the middle" in failure.cause
        for each in world.report.sources
        for failure in each.failures
    ] == [True]
    assert world.store.documents(BLOG)[""].accepted is None
