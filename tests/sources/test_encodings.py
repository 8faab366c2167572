"""A byte order mark outranks whatever a document declares."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.sources import fixtures
from watcher.records import Entry, Page
from watcher.sources import parser

MONTH = fixtures.DATA / "cvrf" / "november@2031-Nov.xml"
WRONG = '<?xml version="1.0" encoding="utf-8"?>\n'


def entries(page: Page, path: Path) -> tuple[Entry, ...]:
    return parser(page.source)(page, fixtures.watch(path)).entries


def with_body(path: Path, body: bytes) -> Page:
    return fixtures.page(path, body)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF8, "utf-8"),
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        MONTH,
        fixtures.DATA / "feed/blog.xml",
        fixtures.DATA / "build-table/exchange.html",
        fixtures.DATA / "cvrf/json@2031-Nov.json",
    ],
    ids=lambda path: path.parent.name + path.suffix,
)
def test_a_document_with_a_mark_is_read_whatever_it_declares(
    path: Path, mark: bytes, encoding: str
) -> None:
    text = path.read_text(encoding="utf-8")
    declared = WRONG + text if path == MONTH else text
    assert entries(with_body(path, mark + declared.encode(encoding)), path) == entries(
        fixtures.page(path), path
    )


@pytest.mark.parametrize(
    ("content_type", "meta", "encoding"),
    [
        ("text/html; charset=iso-8859-1", "", "latin-1"),
        ("text/html", '<meta charset="iso-8859-1">', "latin-1"),
        ("text/html; charset=utf-8", '<meta charset="iso-8859-1">', "utf-8"),
        ("", "", "utf-8"),
        ("text/html; charset=klingon", "", "utf-8"),
        ("text/html; charset=undefined", "", "utf-8"),
    ],
)
def test_a_page_is_read_in_the_encoding_of_its_header_then_its_own_then_utf_8(
    content_type: str, meta: str, encoding: str
) -> None:
    path = fixtures.DATA / "issues-page/coming-soon.html"
    html = f"{meta}<table><tr><th>Issue</th><th>Workaround</th></tr><tr><td>Größe</td><td>klein</td></tr></table>"
    page = replace(
        fixtures.page(path, html.encode(encoding)), content_type=content_type
    )
    assert entries(page, path)[0].title == "Größe"


def test_bytes_of_no_encoding_are_read_as_far_as_they_go() -> None:
    path = fixtures.DATA / "issues-page/coming-soon.html"
    html = (
        b"<table><tr><th>Issue</th><th>Workaround</th></tr><tr><td>\xff\xfe\x81 "
        b"broken</td><td>-</td></tr></table>"
    )
    assert entries(replace(fixtures.page(path, html), content_type=""), path)[
        0
    ].title.endswith("broken")
