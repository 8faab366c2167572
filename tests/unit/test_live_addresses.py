"""Addresses in what a source says can be followed, and nothing else of it is HTML."""

from __future__ import annotations

import pytest

from watcher.text.templates import live


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "See https://aka.ms/ExchangeHealthChecker.",
            (
                'See <a href="https://aka.ms/ExchangeHealthChecker">'
                "https://aka.ms/ExchangeHealthChecker</a>."
            ),
        ),
        (
            "(https://example.org/a?b=1&c=2), <b>",
            (
                '(<a href="https://example.org/a?b=1&amp;c=2">'
                "https://example.org/a?b=1&amp;c=2</a>), &lt;b&gt;"
            ),
        ),
        ('https://example.org/"onclick', None),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://user@", "https://user@"),
        ("no address & no link", "no address &amp; no link"),
    ],
)
def test_an_address_is_a_link_and_the_rest_is_escaped(
    text: str, expected: str | None
) -> None:
    if expected is None:
        expected = '<a href="https://example.org/">https://example.org/</a>&#34;onclick'
    assert str(live(text)) == expected


def test_a_letter_of_another_script_is_seen_in_the_address() -> None:
    # The first letter is Cyrillic
    assert str(live("https://аka.ms/x")) == (
        '<a href="https://xn--ka-6kc.ms/x">https://xn--ka-6kc.ms/x</a>'
    )
