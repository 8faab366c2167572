"""Every address that a vendor or a source gives is in the mail, however short that must be;
so are the servers.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from tests.edges.test_render import ADMINS, NOW, configured, parts
from watcher.mail import render, samples
from watcher.records import Anchor, Event, Kind, Letter, Table
from watcher.text.plain import clip
from watcher.text.templates import live


def test_a_long_digest_drops_no_link_and_gives_each_once() -> None:
    events = tuple(linking(number) for number in range(25))
    message = render.message(Letter("digest", ADMINS, events), configured(), NOW)
    text, html = parts(message)

    for number in range(25):
        for place in ("anchor", "bare", "link", "proof"):
            address = f"https://example.org/{place}/{number}"
            assert len(re.findall(rf"{address}(?!\d)", text)) == 1, address
            assert len(re.findall(f'href="{address}"', html)) == 1, address
    # What each of them links stands in words of its own where an event is told whole
    shared = "https://example.org/shared"
    assert len(re.findall(rf"{shared}$", text, re.MULTILINE)) == 1
    assert html.count(f'href="{shared}"') <= 6
    assert len(message.body) <= render.LARGEST


def test_a_long_digest_says_of_each_event_what_to_do_on_which_server() -> None:
    events = tuple(replace(samples.event(Kind.PULLED), id=f"{n:04}") for n in range(25))
    digest = Letter("digest", ADMINS, events, servers=samples.servers())
    text, html = parts(render.message(digest, configured(), NOW))

    affected = [
        line for line in text.split("\n") if line.startswith("* EX01 15.4.1544.13")
    ]
    assert len(affected) == html.count("EX01 15.4.1544.13") == 25
    # "Do what the vendor says below": it stands there
    assert text.count("> The vendor's first paragraph.") == 25


def test_a_digest_says_how_many_events_found_no_room() -> None:
    events = tuple(replace(samples.event(Kind.PULLED), id=f"{n:04}") for n in range(90))
    digest = Letter("digest", ADMINS, events, servers=samples.servers())
    text, html = parts(render.message(digest, configured(), NOW))
    told = text.count("* EX01 15.4.1544.13")

    assert 0 < told < 90
    said = f"Only named above, for want of room here: the last {90 - told}."
    assert said in text
    assert said in html


def test_a_letter_that_must_be_short_keeps_its_links() -> None:
    # Without room for all that is said, words that lead somewhere lead nowhere
    event = linking(1)
    long = tuple(f"Paragraph {number}: {'words ' * 400}" for number in range(60))
    event = replace(event, guidance=(*long, *event.guidance))
    tables = tuple(Table((), ((f"{n} {'cells ' * 900}",),)) for n in range(30))
    message = render.message(
        Letter(event.kind.value, ADMINS, (replace(event, tables=tables),)),
        configured(),
        NOW,
    )
    text, html = parts(message)

    assert len(message.body) <= render.LARGEST
    for place in ("anchor", "bare", "link", "proof"):
        assert f"https://example.org/{place}/1" in text, place
        assert f'href="https://example.org/{place}/1"' in html, place


def linking(number: int) -> Event:
    """Give an event with an address in each place where the vendor may write one."""
    said = f"Number {number}: read our post, or https://example.org/bare/{number}."
    event = samples.event(Kind.KNOWN_ISSUE)
    proof = replace(event.evidence[0], url=f"https://example.org/proof/{number}")
    return replace(
        event,
        id=f"{number:04}",
        guidance=(said,),
        links=(f"https://example.org/link/{number}", "https://example.org/shared"),
        anchors=(Anchor("our post", f"https://example.org/anchor/{number}", said),),
        evidence=(proof,),
    )


def test_an_address_that_was_cut_short_is_no_link() -> None:
    cut = clip("Read https://example.org/a/long/way/to/a/page", 30)

    assert "href" not in live(cut)
    assert "href" in live("Read https://example.org/a/long/way/to/a/page")
