"""An address has one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.judgement import normalize


@pytest.mark.parametrize(
    ("spellings", "link"),
    [
        (
            (
                "http://www.microsoft.com/download/details.aspx?familyid=9FBD842E-828a-408a-b562-5632a8a827ab",
                "https://www.microsoft.com/en-us/downloads/details.aspx?familyID=9fbd842e-828a-408a-b562-5632a8a827ab&displaylang=en",
                "https://microsoft.com/download/details.aspx?id=%7B9fbd842e-828a-408a-b562-5632a8a827ab%7D&utm_source=x",
            ),
            "https://www.microsoft.com/download/details.aspx?familyid=9fbd842e-828a-408a-b562-5632a8a827ab",
        ),
        (
            (
                "https://www.microsoft.com/en-us/download/details.aspx?id=106402",
                "https://www.microsoft.com/download/confirmation.aspx?id=106402#top",
            ),
            "https://www.microsoft.com/download/details.aspx?id=106402",
        ),
        (
            ("https://www.microsoft.com/download/?x=1",),
            "https://www.microsoft.com/download?x=1",
        ),
        (
            ("https://www.microsoft.com/download/details.aspx?x=1",),
            "https://www.microsoft.com/download/details.aspx?x=1",
        ),
        (
            (
                "https://techcommunity.microsoft.com/t5/exchange-team-blog/slug/ba-p/4561718",
                "https://techcommunity.microsoft.com/blog/exchange/another-slug/4561718?WT.mc_id=x",
                "https://techcommunity.microsoft.com/blog/Exchange/slug/4561718/",
            ),
            "https://techcommunity.microsoft.com/blog/4561718",
        ),
        (
            (
                "https://techcommunity.microsoft.com/t5/exchange-team-blog/slug/bc-p/3356108",
            ),
            "https://techcommunity.microsoft.com/t5/exchange-team-blog/slug/bc-p/3356108",
        ),
        (
            (
                "https://support.microsoft.com/en-us/topic/a-title-kb5049233-1a2b",
                "http://support.microsoft.com/kb/5049233",
            ),
            "https://support.microsoft.com/help/5049233",
        ),
        (
            (
                "https://docs.microsoft.com/en-us/exchange/page?view=b&a=1",
                "https://learn.microsoft.com/de-de/exchange/page?a=1&view=b",
            ),
            "https://learn.microsoft.com/exchange/page?a=1&view=b",
        ),
        (
            ("HTTP://Example.org:80/a//b/?b=2&a=1#f", "http://example.org/a/b?a=1&b=2"),
            "http://example.org/a/b?a=1&b=2",
        ),
        (("https://example.org:8443/en-us/a",), "https://example.org:8443/en-us/a"),
        (("(https://example.org/)",), "https://example.org/"),
        (("http://[",), "http://["),
        (("http://example.org:port/",), "http://example.org:port/"),
        (("mailto:a@example.org",), "mailto:a@example.org"),
        (("/relative",), "/relative"),
        (("",), ""),
    ],
)
def test_a_link_has_one_spelling(spellings: tuple[str, ...], link: str) -> None:
    assert {normalize.link(url) for url in spellings} == {link}


@given(st.text())
def test_any_text_survives_as_a_link(text: str) -> None:
    assert normalize.link(normalize.link(text)) is not None
