"""Every address that a vendor or a source gives is in the mail, however short that must be."""

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
    assert len(message.body) <= render.LARGEST


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
        links=(f"https://example.org/link/{number}",),
        anchors=(Anchor("our post", f"https://example.org/anchor/{number}", said),),
        evidence=(proof,),
    )


def test_an_address_that_was_cut_short_is_no_link() -> None:
    cut = clip("Read https://example.org/a/long/way/to/a/page", 30)

    assert "href" not in live(cut)
    assert "href" in live("Read https://example.org/a/long/way/to/a/page")
