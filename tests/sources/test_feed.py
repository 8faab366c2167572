"""What a feed's dates may be."""

from __future__ import annotations

from datetime import UTC, datetime

from watcher.sources import feed


def test_a_leap_second_is_the_second_before_it() -> None:
    assert feed._moment((2016, 12, 31, 23, 59, 60, 5, 366, 0)) == datetime(
        2016, 12, 31, 23, 59, 59, tzinfo=UTC
    )


def test_a_day_that_no_calendar_has_is_no_date() -> None:
    assert feed._moment((2031, 2, 31, 0, 0, 0, 0, 1, 0)) is None
    assert feed._moment(None) is None


def test_feedparser_reads_through_the_driver_that_merges_text() -> None:
    import xml.sax

    import feedparser.api

    from tests.sources.test_plain_feed import page
    from watcher.sources import feed

    feed._by_feedparser(
        page(b"<rss version='0.91'><channel><title>Blog</title></channel></rss>")
    )

    driver = xml.sax.make_parser(feedparser.api.PREFERRED_XML_PARSERS)  # noqa: S317 - nothing is parsed
    assert type(driver).__module__ == "watcher.sources.merged_text"
