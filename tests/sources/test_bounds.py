"""Reading a document costs what its length is worth, and what no page has is refused."""

from __future__ import annotations

import pytest

from tests.attacks import tried
from tests.sources import fixtures
from tests.sources.reading import EVERYTHING, read
from tests.steps import Steps
from watcher.errors import ParseError
from watcher.kinds import SOURCE_KINDS, largest

ARTICLE = "https://support.example.org/help/5999001"
SEARCH = "https://catalog.example.org/Search.aspx?q=KB5999001"
PAGES = ["build-table", "issues-page", "kb-article"]


def repeated(before: str, piece: str, after: str, times: int) -> bytes:
    return (before + piece * times + after).encode()


# Kind, address, before, what is repeated, after
LONG = {
    "headings": ("kb-article", ARTICLE, "<h1>KB5999001</h1>", "<h2>Cause</h2>x", ""),
    "rows": (
        "kb-article",
        ARTICLE,
        "<h1>KB5999001</h1><table><tr><th>Symptom</th><th>Workaround</th></tr>",
        "<tr><td>x</td><td>y</td></tr>",
        "</table>",
    ),
    "cells": (
        "kb-article",
        ARTICLE,
        "<h1>KB5999001</h1><table><tr><th>Symptom</th></tr><tr>",
        "<td>x</td>",
        "</tr></table>",
    ),
    "pieces of a paragraph": (
        "kb-article",
        ARTICLE,
        "<h1>KB5999001</h1><p>",
        "a<b>b</b>",
        "</p>",
    ),
    "tables of issues": (
        "issues-page",
        "https://example.org/issues",
        "<p>x</p>" * 500,
        "<table><tr><th>Issue</th><th>Workaround</th></tr><tr><td>i</td><td>w</td></tr></table>",
        "",
    ),
    "tables of builds": (
        "build-table",
        "https://example.org/builds",
        "<p>x</p>" * 500,
        (
            "<table><tr><th>Product name</th><th>Release date</th><th>Build</th></tr><tr>"
            "<td>Exchange Server 2019 CU14</td><td>1/1/2026</td><td>15.2.1544.4</td></tr></table>"
        ),
        "",
    ),
    "parentheses": (
        "catalog",
        SEARCH,
        (
            '<table id="c_updateMatches"><tr id="11111111-1111-1111-1111-111111111111_R0">'
            "<td></td><td>Update for X "
        ),
        "(a) ",
        "</td></tr></table>",
    ),
    "punycode": (
        "kb-article",
        ARTICLE,
        "<meta charset=punycode><h1>KB5999001</h1>",
        "ab-9",
        "",
    ),
}


def calls(kind: str, body: bytes, url: str) -> int:
    """Count the calls that reading takes: steps, which no busy machine makes more of."""
    with Steps() as spent:
        read(kind, body, url, EVERYTHING)
    return spent.count


@tried("length")
@pytest.mark.parametrize("case", LONG)
def test_the_steps_of_reading_are_linear_in_the_length(case: str) -> None:
    kind, url, before, piece, after = LONG[case]
    calls(kind, repeated(before, piece, after, 10), url)
    short = calls(kind, repeated(before, piece, after, 250), url)
    long = calls(kind, repeated(before, piece, after, 2000), url)
    # Eight times as long: eight times the steps, and 64 times were it the square
    assert long < 12 * short


@tried("limits")
@pytest.mark.parametrize("kind", PAGES)
def test_elements_deeper_than_on_any_page_are_refused(kind: str) -> None:
    with pytest.raises(ParseError, match="deep in each other"):
        read(kind, b"<html><body>" + b"<div>" * 4000, ARTICLE)


@tried("limits")
@pytest.mark.parametrize("kind", [*PAGES, "feed"])
def test_more_tags_than_any_page_has_are_refused(kind: str) -> None:
    before = b"<rss><channel>" if kind == "feed" else b"<html><body>"
    with pytest.raises(ParseError, match="tags: it is not read"):
        read(kind, before + b"<p>a" * 1_000_000, ARTICLE)


@pytest.mark.parametrize("kind", SOURCE_KINDS)
def test_a_kinds_limit_leaves_real_documents_room(kind: str) -> None:
    """What was recorded is far below it; the largest seen are named in ``kinds``."""
    sizes = [path.stat().st_size for path in fixtures.cases(kind)]
    assert max(sizes) * 8 < largest(kind)


def test_what_is_no_source_may_be_as_large_as_any() -> None:
    assert largest("heartbeat") == max(map(largest, SOURCE_KINDS))
