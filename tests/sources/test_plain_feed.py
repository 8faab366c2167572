"""The fast way through a feed and feedparser's give the same, or the fast one leaves it alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.bench import feeds
from watcher.records import Page
from watcher.sources import feed, plain_feed

DATA = Path(__file__).parent / "data" / "feed"
TESTS = Path(__file__).parents[1]
SUITE = [
    path
    for path in TESTS.rglob("*")
    if path.suffix in (".xml", ".rss", ".atom") and b"<" in path.read_bytes()[:200]
]
TIME = datetime(2031, 11, 12, tzinfo=UTC)

TEXTS = st.sampled_from(
    [
        "",
        " ",
        "Released: KB5999001",
        "a &amp; b",
        "a &amp;lt; b",
        "&lt;p&gt;Paused&lt;/p&gt;",
        "<![CDATA[<b>Paused</b> & more]]>",
        "<b>Paused</b>",
        "caf&#233;",
        "Ã©",
        "&#133;",
        "\u2026",
        "\x7f",
        "<!-- nothing -->x",
        "a<!-- nothing -->b",
        "a\n  b",
        "<?php?>x",
        "&nbsp;",
        "&#xd800;",
    ]
)
LINKS = st.sampled_from(
    [
        "https://blog.example.org/1",
        "https://blog.example.org/?a=1&amp;b=2",
        "/1",
        "https:///blog.example.org/1",
        "http://[",
        " https://e.example.org/ ",
        "https://blog.example.org/?a=1&amp;amp;b;c",
        "mailto:a@example.org",
        "",
        "&amp;copy;",
    ]
)
DATES = st.sampled_from(
    [
        "Wed, 05 Nov 2031 18:00:00 GMT",
        "05 Nov 2031 18:00:00 +0100",
        "Wed, 05 Nov 2031 18:00:00 -0830",
        "2031-11-05T18:00:00Z",
        "",
        "soon",
        "Wed, 5 Nov 2031 18:00 GMT",
        "Wed, 31 Feb 2031 18:00:00 GMT",
        "05 Nov 2031 18:00:60 GMT",
        "2031-11-05T18:00:00.5Z",
        "2031-11-05",
        "05 Nov 2031 18:00:00 EST",
        "Wed, 05 Nov 2031 23:00:00 Z",
    ]
)
OTHERS = st.sampled_from(
    [
        "<category>Exchange</category>",
        "<author>a@example.org</author>",
        '<enclosure url="https://example.org/a.zip" type="a/b"/>',
        "<new>x</new>",
        "<dc:creator>the team</dc:creator>",
        "<source url='https://other.example.org/'>Other</source>",
        "<media:title>Picture</media:title>",
        "<dc:date>2031-11-06T00:00:00Z</dc:date>",
        "<comments>https://blog.example.org/1#c</comments>",
        "<title>Another</title>",
    ]
)
PARTS = st.one_of(
    TEXTS.map("<title>{}</title>".format),
    TEXTS.map("<description>{}</description>".format),
    TEXTS.map("<content:encoded>{}</content:encoded>".format),
    LINKS.map("<link>{}</link>".format),
    LINKS.map('<guid isPermaLink="false">{}</guid>'.format),
    LINKS.map("<guid>{}</guid>".format),
    DATES.map("<pubDate>{}</pubDate>".format),
    DATES.map("<a10:updated>{}</a10:updated>".format),
    OTHERS,
)
ITEMS = st.lists(PARTS, max_size=6).map(lambda parts: f"<item>{''.join(parts)}</item>")
ABOVE = st.lists(
    st.one_of(
        TEXTS.map("<title>{}</title>".format),
        OTHERS,
        LINKS.map("<link>{}</link>".format),
    ),
    max_size=2,
).map("".join)
HEAD = (
    '<rss version="2.0" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:a10="http://www.w3.org/2005/Atom"><channel>'
)


def page(body: bytes) -> Page:
    return Page(
        "blog",
        "",
        "https://blog.example.org/feed",
        TIME,
        200,
        body,
        "application/rss+xml",
    )


def by_both(body: bytes) -> tuple[object, object]:
    """Read a feed by the fast way and by feedparser, which is not asked where the fast
    one leaves it alone: (None, None).
    """
    fast = plain_feed.read(body, "application/rss+xml")
    return fast, None if fast is None else feed._by_feedparser(page(body))


def is_read_alike(body: bytes) -> bool:
    """Say whether the fast way reads a feed; what it then reads is what feedparser reads."""
    fast, other = by_both(body)
    assert fast == other
    return fast is not None


def test_every_feed_of_the_suite_is_read_alike() -> None:
    read = {path.name for path in SUITE if is_read_alike(path.read_bytes())}
    assert "guide.xml" in read


def test_feeds_as_vendors_write_them_take_the_fast_way() -> None:
    assert all(
        is_read_alike(feeds.feed(number, edition))
        for number, edition in ((0, 0), (7, 1))
    )


@pytest.mark.parametrize(
    ("item", "published", "updated"),
    [
        (
            "<pubDate>Wed, 05 Nov 2031 18:00:00 GMT</pubDate>",
            datetime(2031, 11, 5, 18, tzinfo=UTC),
            None,
        ),
        (
            "<pubDate>05 Nov 2031 18:00:00 +0100</pubDate>",
            datetime(2031, 11, 5, 17, tzinfo=UTC),
            None,
        ),
        (
            "<pubDate>05 Nov 2031 18:00:00 -0830</pubDate>",
            datetime(2031, 11, 6, 2, 30, tzinfo=UTC),
            None,
        ),
        (
            "<a10:updated>2031-11-05T18:00:00Z</a10:updated>",
            None,
            datetime(2031, 11, 5, 18, tzinfo=UTC),
        ),
        (
            "<guid>https://blog.example.org/?a=1&amp;amp;b</guid><category>Exchange</category>",
            None,
            None,
        ),
        (
            "<link>https://blog.example.org/?a=1&amp;b;c</link><title>caf\u00e9</title>",
            None,
            None,
        ),
    ],
)
def test_dates_and_addresses_are_read_alike(
    item: str, published: datetime | None, updated: datetime | None
) -> None:
    body = f"{HEAD}<title>Blog</title><item>{item}</item></channel></rss>".encode()
    assert is_read_alike(body)
    read = plain_feed.read(body, "application/rss+xml")
    assert read is not None
    assert [(post.published, post.updated) for post in read[1]] == [
        (published, updated)
    ]


@given(ABOVE, st.lists(ITEMS, max_size=3))
def test_whatever_stands_in_items_is_read_alike_or_left_alone(
    above: str, items: list[str]
) -> None:
    fast, other = by_both(
        f"{HEAD}<title>Blog</title>{above}{''.join(items)}</channel></rss>".encode()
    )
    assert fast == other


@given(
    st.text(max_size=40),
    st.sampled_from(
        (
            "<title>{}</title>",
            "<description>{}</description>",
            "<guid>{}</guid>",
            "<link>{}</link>",
        )
    ),
)
def test_any_text_is_read_alike_or_left_alone(text: str, form: str) -> None:
    sayable = re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
    fast, other = by_both(
        f"{HEAD}<title>Blog</title><item>{form.format(escape(sayable))}</item></channel></rss>".encode()
    )
    assert fast == other


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<rss",
        b'<rss version="0.91"><channel><title>Blog</title></channel></rss>',
        (
            b'<rss version="2.0" '
            b'xml:base="https://other.example.org/"><channel><title>Blog</title></channel></rss>'
        ),
        (
            b'<rss version="2.0"><channel '
            b'xml:base="https://other.example.org/"><title>Blog</title></channel></rss>'
        ),
        b'<rss version="2.0"><channel><title>Blog</title><title>Blog</title></channel></rss>',
        (
            b"<rss "
            b'version="2.0"><channel><title>Blog</title><image><title>Picture</title></image></channel></rss>'
        ),
        b'<rss version="2.0"><channel><title>Blog</title><item about="x"/></channel></rss>',
        b'<rss version="2.0"><channel><title type="html">Blog</title></channel></rss>',
        b'<!DOCTYPE rss><rss version="2.0"><channel><title>Blog</title></channel></rss>',
        (
            b'<?xml version="1.0" encoding="iso-8859-1"?><rss '
            b'version="2.0"><channel><title>\xe9</title></channel></rss>'
        ),
        b'<rss version="2.0"><channel><title>\xe9</title></channel></rss>',
        (
            b"<rss "
            b'version="2.0"><channel><title>Blog</title><item><link>https:///blog.example.org/1</link></item></channel></rss>'
        ),
        b'<rss version="2.0"><channel><title>Blog</title><item><new>x</new></item></channel></rss>',
        (
            b"<rss "
            b'version="2.0"><channel><title>Blog</title><item><title>a&#133;b</title></item></channel></rss>'
        ),
        (
            b"<rss "
            b'version="2.0"><channel><title>Blog</title><item><pubDate>soon</pubDate></item></channel></rss>'
        ),
        (
            b'<rss version="2.0"><channel><title>Blog</title><item><pubDate>Wed, '
            b"31 Feb 2031 18:00:00 GMT</pubDate></item></channel></rss>"
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_left_to_feedparser(body: bytes) -> None:
    assert plain_feed.read(body, "application/rss+xml") is None


def test_the_answers_own_charset_outranks_what_the_feed_says() -> None:
    assert (
        plain_feed.read(feeds.feed(0), "application/rss+xml; charset=iso-8859-1")
        is None
    )
    assert (
        plain_feed.read(feeds.feed(0), "application/rss+xml; charset=UTF-8") is not None
    )
