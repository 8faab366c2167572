"""What a feed's dates may be, and which of its posts is which."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from xml.sax import make_parser
from xml.sax.handler import ContentHandler

import feedparser
import pytest

from tests.sources.reading import read
from watcher.records import Entry


def dated(written: str) -> datetime | None:
    (entry,) = entries(
        RSS, f"<item><title>Post</title><pubDate>{written}</pubDate></item>"
    )
    return entry.published


@pytest.mark.parametrize(
    "written",
    [
        "Fri, 31 Feb 2031 00:00:00 GMT",
        "",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Tue, 15 Dec 2099 10:00:00 GMT",
        "9999-12-31T23:59:59Z",
        "1797336000",
        "2031",
        "2031/11/30 10:00:00",
    ],
)
def test_a_date_that_cannot_be_is_no_date(written: str) -> None:
    """The posts are read on the first of December 2031."""
    assert dated(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "Sun, 30 Nov 2031 10:00:00 GMT",
        "30 Nov 2031 10:00 +0000",
        "2031-11-30T10:00:00Z",
        "2031-11-30T11:00:00+01:00",
    ],
)
def test_dates_are_read_in_the_forms_that_feeds_have(written: str) -> None:
    assert dated(written) == datetime(2031, 11, 30, 10, tzinfo=UTC)


RSS = "<rss version='2.0'><channel><title>Vendor</title>{}</channel></rss>"
ATOM = "<feed xmlns='http://www.w3.org/2005/Atom'><title>Vendor</title>{}</feed>"
URL = "https://vendor.example/feed.xml"


def entries(form: str, *items: str) -> tuple[Entry, ...]:
    return read("feed", form.format("".join(items)).encode(), URL).entries


@pytest.mark.parametrize(
    "guids",
    [
        ("https://vendor.example/notes#a1", "https://vendor.example/notes#a2"),
        ("https://vendor.example/notes?5.1", "https://vendor.example/notes?5.2"),
        ("https://vendor.example/n?p=1&a", "https://vendor.example/n?p=1&b"),
        ("https://vendor.example/n?p=1#1", "https://vendor.example/n?p=1#2"),
    ],
)
def test_guids_are_told_apart_by_all_that_belongs_to_them(
    guids: tuple[str, str],
) -> None:
    items = [
        f"<item><title>Notes</title><guid>{g.replace('&', '&amp;')}</guid></item>"
        for g in guids
    ]
    assert len(entries(RSS, *items)) == 2


def test_a_guids_tracking_parameters_are_no_part_of_it() -> None:
    plain = "<item><title>Notes</title><guid>https://vendor.example/a?p=1</guid></item>"
    tracked = plain.replace("?p=1", "?utm_source=rss&amp;p=1")
    assert entries(RSS, plain)[0].key == entries(RSS, tracked)[0].key


def test_posts_without_a_title_bear_their_first_words() -> None:
    long = "A notice about Exchange Server 2019 CU15 " + "and more " * 30
    first, second = entries(
        RSS,
        f"<item><guid>1</guid><description>{long}</description></item>",
        "<item><guid>2</guid><title>&lt;/example&gt;</title>"
        "<description>Exchange Server SE note.</description></item>",
    )
    assert first.title.startswith("A notice about Exchange Server 2019 CU15 and more")
    assert len(first.title) <= 80
    assert second.title == "Exchange Server SE note."


def test_posts_without_guid_link_and_title_are_told_apart_by_their_content() -> None:
    items = [f"<item><description>Note {n}.</description></item>" for n in (1, 2, 3)]
    assert [entry.key for entry in entries(RSS, *items)] == [
        "Note 1.",
        "Note 2.",
        "Note 3.",
    ]


def test_one_link_that_all_posts_share_names_none_of_them() -> None:
    link = "<link>https://vendor.example/</link>"
    items = [f"<item><title>Post {n}</title>{link}</item>" for n in (1, 2)]
    assert [entry.key for entry in entries(RSS, *items)] == ["Post 1", "Post 2"]
    alone = entries(RSS, f"<item><title>Post 1</title>{link}</item>")
    assert alone[0].key == "https://vendor.example/"


@pytest.mark.parametrize("element", ["content", "summary"])
def test_atoms_plain_text_is_no_markup(element: str) -> None:
    (entry,) = entries(
        ATOM,
        "<entry><id>urn:1</id><title type='text'>Exchange Server &lt;KB5999001&gt;</title>"
        f"<{element} type='text'>Update &lt;KB5999002&gt; fixes &lt;CVE-2031-1234&gt;.\n\nSecond."
        f"</{element}></entry>",
    )
    assert entry.title == "Exchange Server <KB5999001>"
    assert (
        entry.passages[0].text == "Update <KB5999002> fixes <CVE-2031-1234>.\nSecond."
    )
    assert entry.kbs == ("KB5999001", "KB5999002")
    assert entry.cves == ("CVE-2031-1234",)


def test_atoms_markup_stays_markup() -> None:
    (entry,) = entries(
        ATOM,
        "<entry><id>urn:1</id><title>T</title>"
        "<content type='html'>&lt;p&gt;One&lt;/p&gt;&lt;p&gt;KB5999001&lt;/p&gt;</content></entry>",
    )
    assert entry.passages[0].text == "One\nKB5999001"


@pytest.mark.parametrize(
    "behind",
    [
        b"<!-- 0.3 s -->",
        b"<script>var a = 1 < 2;</script>",
        b"<!-- a --><script></script> ",
    ],
)
def test_what_hosts_write_behind_a_feed_does_not_break_it_off(behind: bytes) -> None:
    body = (
        b'<?xml version="1.0"?><rss version="2.0"><channel><title>Feed</title><item>'
        b"<title>One</title><guid>1</guid></item></channel></rss>"
    )
    found = read("feed", body + behind, "https://example.org/feed")
    assert [entry.key for entry in found.entries] == ["1"]


class Pieces(ContentHandler):
    """Keeps the pieces of text as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def characters(self, content: str) -> None:
        self.texts.append(content)


def test_feedparser_is_given_each_text_whole() -> None:
    pieces = Pieces()
    parser = make_parser(feedparser.api.PREFERRED_XML_PARSERS)  # noqa: S317 - our own text
    parser.setContentHandler(pieces)
    parser.parse(BytesIO(b"<text>&lt;p&gt;It is out.\n&lt;b&gt;Install it.</text>"))
    assert pieces.texts == ["<p>It is out.\n<b>Install it."]
