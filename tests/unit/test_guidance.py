"""A table takes the place of its sentences, and only where something in it is new."""

from __future__ import annotations

from datetime import UTC

import pytest
from msgspec.structs import replace

from tests.unit.builders import NOV, SU, fact, post, update
from watcher.judgement.advice import (
    MOST_SENTENCES,
    codes_of,
    lay_out,
    stands_in,
    table_holds,
)
from watcher.judgement.event import Summary, compose_event
from watcher.records import Anchor, Entry, Event, Kind, Table
from watcher.text import templates
from watcher.text.words import Form, sayings, words_of

ENGLISH = words_of(None, "en")
IF_THEN = Table(
    ("If you", "Then"),
    (
        (
            "have installed it and use transport rules",
            "Uninstall it. Restart the services.",
        ),
        ("have not installed it", "Wait for v2"),
    ),
)
OTHER = Table(
    (),
    (
        ("Exchange Server 2019", "Download it from the Download Center"),
        ("Exchange Server 2016", "Download"),
    ),
)
LINES = (
    "If you Then",
    "have installed it and use transport rules Uninstall it.",
    "Restart the services.",
    "have not installed it Wait for v2",
)


def said(text: str, *tables: Table, before: str = "") -> Event:
    """Give the event of a post that says ``text`` now."""
    from msgspec.structs import replace

    def entry(words: str) -> Entry:
        return replace(
            post(
                "1", "Released: November 2030 Exchange Server Security Updates", words
            ),
            tables=tables,
        )

    return compose_event(
        update(SU),
        Kind.REVISED,
        NOV,
        summary=Summary("x"),
        readings=[fact(entry(before), entry(text))],
    )


def test_sentences_of_a_table_are_known_across_its_cells() -> None:
    assert all(table_holds(IF_THEN, line) for line in LINES)
    assert not table_holds(IF_THEN, "have installed it Wait for v2")


def test_an_event_has_the_tables_that_hold_what_is_new_whole() -> None:
    old = "Something old. Download it from the Download Center"
    event = said(
        "\n".join((old, "We have paused it.", *LINES)), IF_THEN, OTHER, before=old
    )
    assert event.tables == (IF_THEN,)
    assert event.guidance[:2] == (
        "We have paused it.",
        "If you Then have installed it and use transport rules Uninstall it.",
    )


def test_a_few_words_that_a_table_has_too_bring_no_table() -> None:
    assert said("Restart the services.", IF_THEN).tables == ()


def test_what_stands_in_tables_leaves_room_for_the_rest() -> None:
    long = Table(
        (),
        tuple(
            (f"Case number {n} of many", f"take the road number {n} now.")
            for n in range(30)
        ),
    )
    rest = [f"A sentence that is number {n}." for n in range(20)]
    event = said("\n".join((*(" ".join(row) for row in long.rows), *rest)), long)
    assert len(event.guidance) == len(long.rows) + MOST_SENTENCES


def test_a_table_stands_where_the_first_of_its_sentences_stood() -> None:
    assert lay_out(("Before.", *LINES[:2], "Between.", LINES[3]), (IF_THEN, OTHER)) == (
        "Before.",
        IF_THEN,
        "Between.",
    )
    assert lay_out(LINES, ()) == LINES


def test_a_table_in_text_is_aligned_and_wrapped() -> None:
    cells = [
        [
            ("have installed it",),
            (
                "Uninstall it on each and every one of your servers, one after the other.",
                "Restart.",
            ),
        ]
    ]
    assert templates.grid((("If you",), ("Then",)), cells, "> ").splitlines() == [
        "> If you            | Then",
        "> ------------------+---------------------------------------------------",
        "> have installed it | Uninstall it on each and every one of your",
        ">                   | servers, one after the other.",
        ">                   | Restart.",
    ]
    lines = templates.grid(
        (),
        [[(), ()], [("x" * 90,), ("y",)], [(f"https://example.org/{'z' * 90}",), ()]],
    ).splitlines()
    assert (lines[0], max(map(len, lines[:-1]))) == ("", templates.WIDTH)
    assert lines[-1].startswith(f"https://example.org/{'z' * 90}")


def test_a_table_that_is_too_long_says_how_many_rows_were_left_out() -> None:
    long = Table((), tuple((f"case {n} of many", "word " * 100) for n in range(30)))
    event = said(" ".join(long.rows[0]), long)
    (table,) = sayings(event, Form(ENGLISH, UTC))
    assert 0 < len(table.rows) == 30 - table.more_rows < 12
    # A letter that must be short has sentences
    assert all(
        saying.text for saying in sayings(event, Form(ENGLISH, UTC, share=1 / 3))
    )


BLOG = Anchor("blog post", "https://blog.example.org/", "See the blog post.")


def test_words_lead_only_where_their_own_paragraph_says() -> None:
    assert stands_in(BLOG, "See the blog post.")
    assert not stands_in(BLOG, "Another blog post says more.")
    assert not stands_in(replace(BLOG, around=""), "See the blog post.")


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ('New-SettingOverride -Name "A" -Component "Transport"', True),
        ("Get-ExchangeServer | Format-List Name", True),
        ("PS C:\\> Restart-Service W3SVC -Force", True),
        ("reg add HKLM\\SOFTWARE /v A", True),
        (".\\Setup.exe /PrepareAD", True),
        ("Re-Released updates are offered again.", False),
        ("Run Get-ExchangeServer to see the build.", False),
        ("Exchange-Server is paused.", False),
        ("net new mail stays in the queue", False),
    ],
)
def test_a_command_is_told_from_a_sentence(text: str, is_code: bool) -> None:
    assert codes_of([], (text,)) == ((text,) if is_code else ())
