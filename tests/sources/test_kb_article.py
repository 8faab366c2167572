from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.sources.reading import EXCHANGE, body, only, read
from watcher.errors import ParseError
from watcher.records import Entry, Package, Watch

URL = "https://support.microsoft.com/help/5999233"


def article(
    content: bytes, url: str = URL, watch: Watch = EXCHANGE, *, status: int = 200
) -> Entry:
    return only(read("kb-article", content, url, watch, status=status))


def security_update() -> Entry:
    return article(body("kb-article", "security-update@KB5999233.html"))


def texts(entry: Entry, name: str) -> list[str]:
    return [passage.text for passage in entry.passages if passage.name == name]


def test_an_article_is_named_by_its_number_and_dated_by_its_title() -> None:
    entry = security_update()
    assert (entry.key, entry.kbs, entry.published, entry.available) == (
        "KB5999233",
        ("KB5999233",),
        datetime(2031, 11, 27, tzinfo=UTC),
        True,
    )


def test_products_come_from_the_title_and_from_applies_to_the_exact_ones_only() -> None:
    assert security_update().products == (
        "Exchange Server 2019",
        "Exchange Server 2016 CU23",
    )


def test_known_issues_are_told_from_their_causes_and_workarounds() -> None:
    entry = security_update()
    assert texts(entry, "issue") == [
        "Known issues in this security update\nAfter you install the update:",
        (
            "Time zone exception appears in the log when you install it\nThe "
            "time zone\ncannot be read."
        ),
        "Mail may stop.",
        "Others\nx\nbeyond",
    ]
    assert texts(entry, "cause") == ["Cause\nNames have changed."]
    assert texts(entry, "workaround") == [
        "Resolution\nSee KB5999672.",
        "Restart the service.",
    ]


def test_how_to_get_the_update_is_a_note_and_its_links_are_kept_for_following() -> None:
    entry = security_update()
    assert texts(entry, "note") == [
        "Method 3: Microsoft Download Center\nDownload the update\nElsewhere",
        "Method 2: Microsoft Update Catalog\nCatalog",
    ]
    assert entry.links == (
        "https://www.microsoft.com/en-us/download/details.aspx?id=908855",
        "https://www.catalog.update.microsoft.com/Search.aspx?q=KB5999233",
    )


def test_what_stands_beside_the_article_is_left_out() -> None:
    everything = "\n".join(passage.text for passage in security_update().passages)
    assert not [
        word
        for word in (
            "Microsoft Support",
            "Privacy",
            "Ask.",
            "track()",
            "old one",
            "terminology",
            "All users",
        )
        if word in everything
    ]
    assert texts(security_update(), "content") == [
        "Summary\nThis update replaces KB5999062 and resolves vulnerabilities.",
        "File information\nExchange2019-KB5999233-x64-en.exe\n0AFF",
    ]


def test_no_known_issues_are_no_issue() -> None:
    entry = article(
        body("kb-article", "windows-server@KB5998684.html"),
        "https://support.microsoft.com/help/5998684",
        Watch(("Windows*",)),
    )
    assert texts(entry, "issue") == []
    assert texts(entry, "note") == [
        (
            "Known issues in this update\nMicrosoft is not currently aware of "
            "any issues with this update."
        )
    ]


def test_an_article_of_other_products_is_not_watched() -> None:
    snapshot = read(
        "kb-article",
        body("kb-article", "windows-server@KB5998684.html"),
        "https://support.microsoft.com/help/5998684",
    )
    assert (snapshot.total, snapshot.entries) == (1, ())


def test_a_release_date_may_stand_in_the_text() -> None:
    entry = article(
        body("kb-article", "windows-server@KB5998684.html"),
        "https://support.microsoft.com/help/5998684",
        Watch(("Windows*",)),
    )
    assert (entry.published, entry.products) == (
        datetime(2031, 7, 28, tzinfo=UTC),
        ("Windows Server 2025",),
    )


def test_one_build_of_one_product_is_a_package() -> None:
    entry = article(
        body("kb-article", "one-build@KB5998111.html"),
        "https://support.microsoft.com/help/5998111",
    )
    assert entry.packages == (
        Package("Exchange Server 2010 SP3 RU32", "KB5998111", "14.3.513.0"),
    )
    assert entry.published is None


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    ("url", "key", "kbs"),
    [
        (URL, "KB5999233", ("KB5999233",)),
        ("https://support.microsoft.com/x", "https://support.microsoft.com/x", ()),
    ],
)
def test_an_article_that_is_not_found_is_gone(
    status: int, url: str, key: str, kbs: tuple[str, ...]
) -> None:
    entry = article(b"", url, status=status)
    assert (entry.key, entry.kbs, entry.available) == (key, kbs, False)


def test_the_address_may_leave_the_number_to_the_title_or_to_the_canonical_link() -> (
    None
):
    assert (
        article(
            body("kb-article", "security-update@KB5999233.html"),
            "https://support.microsoft.com/topic/x",
        ).key
        == "KB5999233"
    )
    linked = (
        b'<link rel="canonical" '
        b'href="https://support.microsoft.com/help/5999233"><h1>A vulnerability '
        b"could allow spoofing</h1>"
    )
    assert article(linked, "https://support.microsoft.com/topic/x").key == "KB5999233"


@pytest.mark.parametrize(
    ("content", "url"),
    [
        (b"<h1>Another article (KB5999062)</h1><p>replaced by KB5999233</p>", URL),
        (b"<h1>Sorry, page not found</h1>", URL),
        (
            b"<h1>Security updates</h1>",
            "https://support.microsoft.com/topic/security-updates",
        ),
        (
            b'<link rel="canonical" href="https://support.microsoft.com/welcome"><h1>Welcome</h1>',
            URL,
        ),
    ],
    ids=["another article", "soft 404", "no number at all", "start page"],
)
def test_another_page_than_was_asked_for_says_nothing(content: bytes, url: str) -> None:
    with pytest.raises(ParseError, match="this is another page than the article"):
        article(content, url)


def test_a_page_without_a_heading_is_no_article() -> None:
    with pytest.raises(
        ParseError,
        match=r"not an article of support.microsoft.com \(it has no heading\)",
    ):
        article(b"<title>Outage</title><p>KB5999233</p>")


def test_the_order_of_layouts_does_not_matter() -> None:
    flat = (
        b"<h1>Update (KB5999233) for Exchange Server 2019 "
        b"CU14</h1><h3>Symptom</h3>Mail "
        b"stops.<div>Often.</div><h3>Workaround</h3>Restart."
    )
    entry = article(flat)
    assert texts(entry, "issue") == ["Symptom\nMail stops.\nOften."]
    assert texts(entry, "workaround") == ["Workaround\nRestart."]


def test_a_cell_without_a_row_is_text_like_any_other() -> None:
    content = b"<h1>KB5999233</h1><table><caption>c</caption></table><td>loose</td>"
    assert [passage.text for passage in article(content).passages] == ["c\nloose"]


def test_the_canonical_address_decides_which_article_it_is() -> None:
    """Since 2026 support addresses end in a bare number."""
    body = (
        b'<link rel="canonical" href="https://support.microsoft.com/en-us/servicing/'
        b'exchange/server/update/2026/5129955"><h1>Description of version 2 of the security '
        b"update that replaces KB5121608 for Exchange Server SE</h1><p>Text.</p>"
    )
    url = "https://support.microsoft.com/help/5129955"
    assert only(read("kb-article", body, url, document="KB5129955")).key == "KB5129955"
    with pytest.raises(ParseError, match="another page than the article KB5121608"):
        read("kb-article", body, url, document="KB5121608")
