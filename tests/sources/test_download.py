from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.sources.reading import EXCHANGE, body, only, read
from watcher.errors import ParseError
from watcher.records import Entry, Package, Watch

URL = "https://www.microsoft.com/en-us/download/details.aspx?id=908855"


def download(
    content: bytes,
    *,
    url: str = URL,
    document: str = "",
    status: int = 200,
    watch: Watch = EXCHANGE,
) -> Entry:
    return only(read("download", content, url, watch, document=document, status=status))


def page(details: str, text: str = "") -> bytes:
    return f"<html><script>window.__DLCDetails__={details};</script><body>{text}</body></html>".encode()


def test_a_download_is_one_entry_with_its_files_as_packages() -> None:
    entry = download(body("download", "security-update@908855.html"))
    folder = "https://download.microsoft.com/download/a/b/"
    update = "Exchange2019-KB5999233-x64-en.exe"
    assert entry.packages == (
        Package(
            "Exchange Server 2019 CU14",
            "KB5999233",
            "15.2.1544.14",
            folder + update,
            update,
            174838472,
        ),
        Package(
            "Exchange Server 2019 CU14",
            "KB5999233",
            "15.2.1544.14",
            folder + "readme-15.2.1544.14.txt",
            "readme-15.2.1544.14.txt",
            2048,
        ),
    )
    assert (entry.key, entry.revision, entry.published, entry.available) == (
        "908855",
        "15.2.1544.14",
        datetime(2031, 11, 27, tzinfo=UTC),
        True,
    )


def test_the_entry_keeps_the_name_it_is_followed_under_though_the_address_changes_its_form() -> (
    None
):
    content = body("download", "security-update@908855.html")
    moved = "https://www.microsoft.com/download/details.aspx?familyID=AAAA-BBBB"
    assert download(content, url=moved, document="908855").key == "908855"
    assert download(content, url=moved).key == "aaaa-bbbb"


@pytest.mark.parametrize("url", ["https://www.microsoft.com/download/", "http://["])
def test_an_address_without_a_number_names_itself(url: str) -> None:
    assert download(b"", url=url, status=404).key == url


def test_a_download_of_another_product_is_not_watched() -> None:
    snapshot = read(
        "download",
        body("download", "security-update@908855.html"),
        URL,
        Watch(("Exchange Server 2016*",)),
    )
    assert (snapshot.total, snapshot.entries) == (1, ())


def test_escaped_details_are_read_and_a_size_in_words_is_none() -> None:
    entry = download(body("download", "escaped-without-product@908000.html"))
    assert (entry.title, entry.products, entry.packages) == (
        "908855",
        (),
        (Package("", file="tool.msi"),),
    )


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_not_found_says_that_the_download_is_gone(status: int) -> None:
    assert download(b"Not found", status=status).available is False


def test_no_longer_available_in_words_says_so_too() -> None:
    assert (
        download(body("download", "no-longer-available@908001.html")).available is False
    )


@pytest.mark.parametrize(
    "error", ["Not Found", {"code": 404}, "This item is no longer available"]
)
def test_the_pages_own_error_says_that_the_download_is_gone(error: object) -> None:
    assert (
        download(page(json.dumps({"dlcDetailsView": {"error": error}}))).available
        is False
    )


def test_another_error_is_an_outage() -> None:
    with pytest.raises(ParseError, match="the Download Center shows an error"):
        download(page('{"dlcDetailsView":{"error":{"code":500}}}'))


@pytest.mark.parametrize(
    "details",
    [
        "null",
        '{"dlcDetailsView":null}',
        '{"dlcDetailsView":{}}',
        '{"dlcDetailsView":{"downloadFile":[]}}',
        '{"dlcDetailsView":',
        "undefined",
    ],
)
def test_a_page_without_files_is_a_failure_that_quotes_it_never_gone(
    details: str,
) -> None:
    with pytest.raises(
        ParseError, match=r"does not say that the download is gone: .*(Busy|DLC)"
    ):
        download(page(details, "Busy. Try again."))


@pytest.mark.parametrize(
    "text",
    [
        "Support for Windows 8.1 is no longer available.",
        "This site is temporarily down.",
        "Older versions are no longer offered here.",
    ],
)
def test_words_about_something_else_do_not_make_a_download_gone(text: str) -> None:
    with pytest.raises(ParseError):
        download(page("null", text))


def test_a_page_without_details_is_a_failure() -> None:
    with pytest.raises(ParseError, match='is gone: "Sign in"'):
        download(b"<html><body>Sign in</body></html>")


def test_details_of_another_form_name_the_place() -> None:
    with pytest.raises(
        ParseError,
        match=r"Expected `array \| null`, got `int` - at `\$.dlcDetailsView.downloadFile`",
    ):
        download(page('{"dlcDetailsView":{"downloadFile":3}}'))


def test_details_nested_without_end_are_refused() -> None:
    with pytest.raises(ParseError, match="does not say"):
        download(page("[" * 100_000))


@pytest.mark.parametrize(
    "digits",
    ['{"dlcDetailsView":{"error":%s}}', "{&quot;&#%s"],
    ids=["a number", "a character reference"],
)
def test_too_many_digits_are_refused(digits: str) -> None:
    with pytest.raises(ParseError, match="does not say"):
        download(page(digits % ("9" * 5000)))
