from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.sources.reading import EXCHANGE, body, only, read
from tests.stories.pages import catalog
from watcher.errors import ParseError
from watcher.records import Entry, Package, Watch

HOME = "https://www.catalog.update.microsoft.com/"
KB = "KB5999233"
URL = f"{HOME}Search.aspx?q={KB}"


def search(case: str, watch: Watch = EXCHANGE) -> Entry:
    return only(
        read("catalog", body("catalog", case), URL, watch, document="KB5999233")
    )


def update(number: int) -> str:
    return f"11111111-2222-3333-4444-55555555555{number}"


def package(product: str, number: int, size: int | None) -> Package:
    return Package(
        product,
        "KB5999233",
        url=f"{HOME}ScopedViewInline.aspx?updateid={update(number)}",
        file=update(number),
        size=size,
    )


def test_results_are_one_entry_with_a_package_for_each_watched_update() -> None:
    entry = search("results@KB5999233.html")
    assert entry.packages == (
        package("Exchange Server 2016 CU23", 1, None),
        package("Exchange Server 2019 CU14", 2, 174838472),
        package("Exchange Server SE", 4, 9),
    )
    assert (entry.key, entry.kbs, entry.available) == (
        "KB5999233",
        ("KB5999233",),
        True,
    )
    assert entry.updated == datetime(2031, 11, 27, tzinfo=UTC)


def test_a_watch_for_an_edition_takes_what_the_catalogue_tells_without_it() -> None:
    assert search(
        "results@KB5999233.html", Watch(("Windows Server 2022 Datacenter*",))
    ).products == ("Windows Server 2022",)


def test_updates_of_other_products_leave_the_article_available() -> None:
    entry = search("results@KB5999233.html", Watch(("SharePoint*",)))
    assert (entry.packages, entry.products, entry.available) == ((), (), True)


def test_one_page_of_several_tells_only_that_the_update_is_there() -> None:
    entry = search("first-of-several-pages@KB5999233.html")
    assert (entry.packages, entry.available) == ((), True)


@pytest.mark.parametrize(
    "case", ["no-results@KB5999233.html", "other-articles-only@KB5999233.html"]
)
def test_no_results_mean_that_the_catalogue_does_not_offer_it(case: str) -> None:
    entry = search(case)
    assert (entry.key, entry.packages, entry.available) == ("KB5999233", (), False)


@pytest.mark.parametrize(
    "content",
    [
        b'<form action="./Search.aspx" id="aspnetForm"><input id="ctl00_searchTextBox"/></form>',
        b'<span id="ctl00_catalogBody_noResultText"></span>',
        (
            b'<span id="ctl00_catalogBody_noResultText">We did not find any '
            b'results for "KB5999062"</span>'
        ),
        b'<div id="errorPageDisplayedError">[Error number: 8DDD0010]</div>',
        b"",
    ],
    ids=[
        "the search page",
        "an empty answer",
        "the answer to another search",
        "the error page",
        "nothing",
    ],
)
def test_a_lost_search_says_nothing_of_the_update(content: bytes) -> None:
    with pytest.raises(
        ParseError, match="the catalogue has lost the search for KB5999233"
    ) as caught:
        read("catalog", content, URL)
    assert "not known" in caught.value.remedy


@pytest.mark.parametrize("status", [404, 410])
def test_a_search_page_that_is_gone_says_nothing_of_the_update(status: int) -> None:
    with pytest.raises(
        ParseError, match=f'the catalogue answered {status} to a search for "KB5999233"'
    ):
        read("catalog", b"", URL, status=status)


@pytest.mark.parametrize("url", [HOME, "http://["])
def test_a_search_for_no_article_is_refused(url: str) -> None:
    with pytest.raises(ParseError, match="the catalogue answered 200 to a search for"):
        read("catalog", body("catalog", "results@KB5999233.html"), url)


def test_the_article_asked_for_stands_in_the_address_too() -> None:
    assert (
        only(read("catalog", body("catalog", "no-results@KB5999233.html"), URL)).key
        == "KB5999233"
    )


def test_the_answer_to_another_search_says_nothing_of_the_one_that_was_asked() -> None:
    """Neither its results nor that it found none."""
    results = catalog("KB5999999", ("1", "Security Update For Exchange Server", 100))
    for content in (results, catalog("KB5999999")):
        with pytest.raises(ParseError, match=f"KB5999999, asked was for {KB}"):
            read("catalog", content, URL, document=KB)
