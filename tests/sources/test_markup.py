"""HTML and Markdown as plain text: a line a paragraph, nothing that was struck out, no marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.records import Anchor
from watcher.sources import answer, markup


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain  text\r\nand more", "plain text\nand more"),
        ("<p>One.</p>\n<p>Two <b>bold</b><br>three</p>", "One.\nTwo bold\nthree"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "a\nb\nc"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        (
            (
                "kept <del>gone <a "
                "href='https://example.org/'>too</a></del><s>gone</s> "
                "<strike>gone</strike>here"
            ),
            "kept here",
        ),
        (
            'kept <span style="color: red; TEXT-DECORATION: line-through">gone</span> here',
            "kept here",
        ),
        ("<style>p {}</style><script>no()</script><p>yes</p><!-- no -->", "yes"),
        ("a &amp; b &lt;tag&gt; &nbsp; c", "a & b <tag> c"),
        (
            "**11/26/2031 Update**: see [the post](https://example.org/post)",
            "11/26/2031 Update: see the post",
        ),
        ("<p>2 ** 3 and snake__case__name **</p>", "2 ** 3 and snakecasename **"),
        ("<!-- nothing -->", ""),
        ("&#xD800;&#56320;&#0; x\x00y", "?? x y"),
        ("<p>one\n sentence\r\nover lines</p>", "one sentence over lines"),
        (
            "<p>a</p><pre>Get-One\nGet-Two</pre>then\nthen",
            "a\nGet-One\nGet-Two\nthen then",
        ),
        (
            "<pre style='text-decoration: line-through'>gone\ngone</pre>then\nthen",
            "then then",
        ),
        ("a &amp; b\nc &lt;d&gt;", "a & b\nc <d>"),
        ("<p>open <b>to the end", "open to the end"),
    ],
)
def test_html_is_read_as_a_person_sees_it(html: str, text: str) -> None:
    assert markup.plain(html).replace("\ufffd", "") == text


def test_links_are_absolute_each_once_and_of_the_web() -> None:
    html = (
        '<a href="/a">a</a> <a href="https://example.org/a">again</a> <a '
        'href="(https://example.org/b)">typed so</a> <a name="x">none</a>'
        '<a href="mailto:a@example.org">mail</a> <a '
        'href="http://[">broken</a> <a href="javascript:no()">no</a> '
        "[c](https://example.org/c)"
    )
    assert markup.links(html, "https://example.org/page") == (
        "https://example.org/a",
        "https://example.org/b",
        "https://example.org/c",
    )
    assert markup.links("see [c](https://example.org/c)") == ("https://example.org/c",)


def test_markdown_becomes_html_with_its_tables_and_struck_text() -> None:
    text = markup.plain(
        markup.from_markdown(
            "# Title\n\n- **one**\n- ~~two~~\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n<p>html</p>"
        )
    )
    assert text == "Title\none\na b\n1 2\nhtml"


@pytest.mark.parametrize(
    ("body", "opening"),
    [
        (
            b"<html><head><title>Down\n for  maintenance</title>",
            'the title "Down for maintenance"',
        ),
        (b"\xff\xfe" + "<title>Zwei</title>".encode("utf-16-le"), 'the title "Zwei"'),
        (b"\x1f\x8b\x08 compressed", '"?\ufffd? compressed"'),
        (b"x" * 500, '"' + "x" * 100 + '"'),
    ],
)
def test_an_error_quotes_what_came(body: bytes, opening: str) -> None:
    assert answer.opening(body).startswith(opening)


@given(st.text())
def test_any_text_is_read(html: str) -> None:
    text = markup.plain(html)
    assert text == "\n".join(" ".join(line.split()) for line in text.splitlines())
    markup.links(html)


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<b>",
                "<del>",
                "</del>",
                "<table>",
                "<td>",
                "&#xD800;",
                "&amp",
                "<",
                "a",
                " ",
                "<!--",
                "]]>",
                "<a href='",
                "'>",
            ]
        )
    )
)
def test_any_markup_is_read(pieces: list[str]) -> None:
    html = "".join(pieces)
    text, hrefs = markup.plain_and_links(html)
    assert (text, markup.joined(hrefs)) == (markup.plain(html), markup.links(html))
    assert all(
        link.startswith(("http://", "https://"))
        for link in markup.links(html, "https://example.org/")
    )


def test_words_that_lead_somewhere_are_read_with_the_line_around_them() -> None:
    html = (
        "<p>See the known issues section of the <a href='/blog'>blog post</a>.</p>"
        "<p>Another <a href='https://other.example.org/'>blog post</a> <s>and "
        "<a href='https://gone.example.org/'>this one</a></s>.<br>A <a>nameless</a> one"
        " and <a href='https://example.org/'>https://example.org/</a></p>"
        "<p>A note in [Markdown](https://marked.example.org/here) too</p>"
    )
    found = markup.marked(html, "https://example.org/page")

    assert [(each.text, each.url, each.around) for each in found.anchors] == [
        (
            "Markdown",
            "https://marked.example.org/here",
            "A note in Markdown too",
        ),
        (
            "blog post",
            "https://example.org/blog",
            "See the known issues section of the blog post.",
        ),
        ("blog post", "https://other.example.org/", "Another blog post ."),
    ]


def test_lines_of_code_are_read_and_names_in_a_sentence_are_none() -> None:
    html = (
        "<p>Run <code>x</code>:</p><pre>Get-Service MSExchange*\nRestart-Service W3SVC"
        "</pre><p><code>reg add HKLM /v A</code></p>"
    )

    assert markup.marked(html).codes == (
        "Get-Service MSExchange*",
        "Restart-Service W3SVC",
        "reg add HKLM /v A",
    )


def test_prose_without_either_costs_nothing() -> None:
    assert markup.marked("<p>Nothing leads anywhere.</p>") == markup.Marked()


def test_of_a_page_with_thousands_of_links_the_first_are_read_and_the_frame_once() -> (
    None
):
    html = "<div>" + "<br>See <a href='/x'>the page</a>." * 5000 + "</div>"
    found = markup.marked(html, "https://example.org/")

    assert found.anchors == (
        Anchor("the page", "https://example.org/x", "See the page."),
    )
