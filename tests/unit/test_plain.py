"""What a source wrote becomes harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.text import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two\r\nlines", "two lines"),
        ("a\u2028b\u2029c\x85d\ve\ff\tg", "a b c d e f g"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("zero\u200bwidth\ufeff\u00ad", "zerowidth"),
        ("bell\x07 null\x00 lone\ud800", "bell null lone"),
        ("  spaces\u00a0 \u3000 fold ", "spaces fold"),
        ("Größe 😀", "Größe 😀"),
    ],
)
def test_a_line_is_one_line_of_what_can_be_seen(text: str, expected: str) -> None:
    assert plain.line(text) == expected


def test_a_long_line_is_cut_at_a_word() -> None:
    assert plain.line("word " * 400, 20) == "word word word …"


def test_a_line_without_words_is_cut_anyway() -> None:
    assert plain.line("x" * 2000, 20) == "x" * 18 + " …"


def test_paragraphs_keep_line_breaks_and_drop_empty_ones() -> None:
    assert plain.paragraphs("one\n\n \r\ntwo\u2028three") == ("one", "two", "three")


def test_paragraphs_are_cut_together() -> None:
    assert plain.paragraphs("aaaa bbbb\ncccc dddd\neeee", 16) == ("aaaa bbbb", "cccc …")
    assert plain.paragraphs("aaaa bbbb\ncccc\ndddd", 10) == ("aaaa bbbb", "…")
    assert plain.paragraphs("aaaa\nbbbb", 8) == ("aaaa", "bbbb")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a?b=c&d=e#f", "https://example.org/a?b=c&d=e#f"),
        ("http://example.org:8080/", "http://example.org:8080/"),
        (" https://example.org ", "https://example.org"),
        ("https://user:secret@example.org/", "https://example.org/"),
        ("https://bücher.example.org/ü", "https://xn--bcher-kva.example.org/%C3%BC"),
        ('https://example.org/"><script>', "https://example.org/%22%3E%3Cscript%3E"),
        ("https://example.org/a\r\nBcc: x", "https://example.org/aBcc:%20x"),
        (
            "https://example.org/100%/a%20b?c=%zz",
            "https://example.org/100%25/a%20b?c=%25zz",
        ),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//example.org/", ""),
        ("https://", ""),
        ("https://exa mple.org/", ""),
        ("https://example.org:port/", ""),
        ("https://[::1", ""),
        ("https://" + "a" * 70 + ".example.org/", ""),
        ("", ""),
    ],
)
def test_a_link_is_an_address_of_the_web_or_nothing(url: str, expected: str) -> None:
    assert plain.link(url) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exchange-server-2024-11-su", "exchange-server-2024-11-su"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\CON|<>?*", "c-con"),
        (".hidden..name.", "hidden.name"),
        ("Größe 😀", "groe"),
        ("a" * 300, "a" * 80),
        ("\u202e\n", ""),
    ],
)
def test_a_file_name_is_plain(text: str, expected: str) -> None:
    assert plain.file_name(text) == expected


@given(st.text(max_size=400), st.integers(1, 120))
def test_no_text_breaks_a_line(text: str, most: int) -> None:
    folded = plain.line(text, most)
    assert len(folded) <= max(most, 3)
    assert folded.splitlines() in ([], [folded])
    folded.encode("utf-8")


@given(st.text(max_size=200))
def test_no_text_makes_a_link_that_breaks_an_attribute(text: str) -> None:
    made = plain.link(f"https://example.org/{text}")
    assert made.isascii()
    assert not set(made) & set(" \"'<>\r\n\t")
    assert plain.link(made) == made


@given(st.text(max_size=200))
def test_no_text_makes_a_file_name_that_leaves_its_folder(text: str) -> None:
    assert set(plain.file_name(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert ".." not in plain.file_name(text)
