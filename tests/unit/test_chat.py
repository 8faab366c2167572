"""The text in short, for channels.

What happened, what to do, where to read on; and nothing that could mention anybody.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from watcher import settings as configured
from watcher.mail import render, samples
from watcher.records import Kind, Letter
from watcher.text import templates


def short(letter: Letter) -> str:
    reader = replace(letter.subscriber, channels=("teams",))
    return render.message(
        replace(letter, subscriber=reader),
        configured.Settings(base_url="https://a.example.org/"),
        samples.NOW,
    ).chat


def told(kind: Kind, **changes: str) -> Letter:
    event = replace(samples.event(kind), **changes)
    return Letter(
        kind.value,
        samples.letters()[0].subscriber,
        (event,),
        event.update.id,
        event.update.id,
    )


def test_the_text_says_what_happened_what_to_do_and_where_to_read_on() -> None:
    assert short(told(Kind.RE_RELEASED)).split("\n")[:2] == [
        "A sample of an event: re-released.",
        "- Install version 2 (KB9000002).",
    ]
    assert (
        short(told(Kind.PULLED)).split("\n")[-1]
        == "https://a.example.org/updates/exchange-server-2030-05-su.html"
    )


def test_only_a_reader_with_channels_has_one() -> None:
    letter = told(Kind.PULLED)
    assert render.message(letter, configured.Settings(), samples.NOW).chat == ""
    fallback = replace(
        letter, subscriber=replace(letter.subscriber, fallback=("teams",))
    )
    assert render.message(fallback, configured.Settings(), samples.NOW).chat != ""


@pytest.mark.parametrize(
    "hostile",
    [
        "<!channel> <@U123>",
        "@everyone @here",
        "[click](https://evil.example)",
        "`code` ```",
        "**bold**",
        "<at>All</at>",
        "a|b",
    ],
)
def test_what_a_source_says_mentions_nobody_and_links_nowhere(hostile: str) -> None:
    said = short(told(Kind.PULLED, summary=f"Sample {hostile} end."))
    assert "Sample" in said
    assert not any(sign in said for sign in ("<", ">", "](", "[", "`", "*", "|"))
    assert "@" not in said.replace("@\u200b", "")


def test_a_digest_names_its_events_and_how_many_more() -> None:
    events = tuple(
        replace(samples.event(Kind.RELEASED), id=f"e{number}") for number in range(20)
    )
    rows = short(Letter("digest", samples.letters()[0].subscriber, events)).split("\n")
    assert rows[0] == "- RELEASED: Exchange Server May 2030 SU (KB9000001)"
    assert len(rows) == templates.MOST_LINES + 2
    assert rows[-2:] == ["and 8 more", "https://a.example.org/"]


def test_a_long_text_is_cut_and_its_link_stays_whole() -> None:
    link = "https://a.example.org/updates/x.html"
    said = templates.tidy(f"{'word ' * 1000}\n\n{link}\n")
    assert len(said) <= templates.LONGEST
    assert said.endswith(f"…\n{link}")
    assert templates.tidy("\n  \n") == ""


def test_an_address_that_is_none_is_left_out() -> None:
    assert templates.address("javascript:alert(1)") == ""
    assert (
        templates.address("https://a.example.org/*x@y")
        == "https://a.example.org/%2Ax%40y"
    )
