"""Feeds: valid by others' rules, an entry an event for ever, tombstones for what was
pulled, archives once they are long.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import feedparser
import jsonschema
import pytest
from lxml import etree
from msgspec.structs import replace

from tests.formats import lives
from tests.formats.lives import (
    ADDRESS,
    BACK,
    ISSUE,
    NOWHERE,
    PULLED,
    RELEASED,
    STORY,
    T0,
)
from watcher.records import Confidence, Event, Kind
from watcher.site import feeds
from watcher.site.feeds import Feed, FeedItem, SiteAddress
from watcher.site.pages import Life
from watcher.text.story import story

HERE = Path(__file__).parent
ATOM = {"a": feeds.ATOM, "at": feeds.TOMBSTONES, "fh": feeds.HISTORY}


def one(root: etree._Element, path: str) -> etree._Element:
    """Give the one element at ``path``, which must be there."""
    found = root.find(path, ATOM)
    assert found is not None, path
    return found


def items(
    events: tuple[Event, ...] = STORY, address: SiteAddress = ADDRESS
) -> list[FeedItem]:
    """Give the entries of events, the newest first."""
    return [
        feeds.item(event, story(event, lives.FORM), f"<p>{event.id}</p>", address)
        for event in reversed(events)
    ]


def whole(events: tuple[Event, ...] = STORY, address: SiteAddress = ADDRESS) -> Feed:
    return Feed(
        "events.atom",
        "Advisory Watcher",
        tuple(items(events, address)),
        feeds.updated(events),
        feeds.tombstones(events, address),
    )


def tree(feed: Feed, address: SiteAddress = ADDRESS) -> etree._Element:
    return etree.fromstring(feeds.atom(feed, address))


@cache
def relaxng() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(HERE / "atom.rng"))


@cache
def schema() -> Any:
    return json.loads((HERE / "json_feed.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("address", [ADDRESS, NOWHERE], ids=["somewhere", "nowhere"])
@pytest.mark.parametrize("events", [STORY, ()], ids=["story", "empty"])
def test_atom_is_valid_by_the_schema_of_its_rfc(
    events: tuple[Event, ...], address: SiteAddress
) -> None:
    relaxng().assertValid(tree(whole(events, address), address))


def test_a_feed_that_holds_nothing_bears_no_date_of_1970() -> None:
    empty = whole(())

    for made in (feeds.atom(empty, ADDRESS), feeds.rss(empty, ADDRESS)):
        assert b"1970" not in made


def test_the_schema_refuses_what_is_no_atom() -> None:
    broken = tree(whole())
    broken.remove(one(broken, "a:id"))
    assert not relaxng().validate(broken)


@pytest.mark.parametrize("address", [ADDRESS, NOWHERE], ids=["somewhere", "nowhere"])
def test_a_json_feed_is_valid_by_its_schema_and_holds_the_events_whole(
    address: SiteAddress,
) -> None:
    read = json.loads(
        feeds.json_feed(replace(whole(STORY, address), path="events.json"), address)
    )
    jsonschema.validate(read, schema())
    assert [item["_advisory"]["kind"] for item in read["items"]] == [
        "re-released",
        "known-issue",
        "pulled",
        "released",
    ]
    assert ("feed_url" in read) is bool(address.base_url)


def test_the_schema_refuses_what_is_no_json_feed() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": "x",
                "items": [{"title": "no id"}],
            },
            schema(),
        )


@pytest.mark.parametrize("address", [ADDRESS, NOWHERE], ids=["somewhere", "nowhere"])
def test_every_reader_finds_the_same_entries_in_atom_and_rss(
    address: SiteAddress,
) -> None:
    told = replace(whole(STORY, address), path="events.rss")
    read = [
        feedparser.parse(body)
        for body in (
            feeds.atom(whole(STORY, address), address),
            feeds.rss(told, address),
        )
    ]
    assert [found.bozo for found in read] == [False, False]
    assert [entry.id for entry in read[0].entries] == [
        entry.id for entry in read[1].entries
    ]
    assert [entry.title for entry in read[0].entries] == [
        entry.title for entry in read[1].entries
    ]
    assert (
        read[0].entries[2].title == "[PULLED] Exchange Server May 2030 SU (KB9000001)"
    )
    assert [entry.content[0].value for entry in read[1].entries] == [
        f"<p>{event.id}</p>" for event in reversed(STORY)
    ]


def test_rss_names_an_address_for_its_channel_and_every_item() -> None:
    for address in (ADDRESS, NOWHERE):
        channel = one(
            etree.fromstring(feeds.rss(whole(STORY, address), address)), "channel"
        )
        links = [
            channel.findtext("link"),
            *(item.findtext("link") for item in channel.findall("item")),
        ]
        assert all(str(link).startswith("http") for link in links)
    bare = replace(
        RELEASED,
        evidence=(),
        advisories=(),
        update=replace(RELEASED.update, kbs=()),
        packages=(),
    )
    assert (
        etree.fromstring(feeds.rss(whole((bare,), NOWHERE), NOWHERE)).findtext(
            "channel/item/link"
        )
        == feeds.HOME
    )


def test_an_events_name_is_for_ever_and_nobody_elses() -> None:
    names = [item.id for item in items()]
    assert len(set(names)) == len(STORY)
    assert names[-1] == "tag:advisories.example.org,2030-05-14:event/released0"
    more = replace(
        RELEASED,
        summary="Other words.",
        evidence=(*RELEASED.evidence, lives.proof("kb-articles")),
    )
    moved = SiteAddress("https://other.example.org/", ADDRESS.authority)
    assert feeds.item(more, story(more, lives.FORM), "", moved).id == names[-1]


def test_an_entry_says_when_it_was_told_and_when_its_evidence_last_grew() -> None:
    item = items()[-1]
    assert (item.published, item.updated) == (T0, T0 + lives.DAY)


def test_an_entry_leads_to_its_page_the_vendors_pages_and_the_sources() -> None:
    entry = tree(whole()).findall("a:entry", ATOM)[-1]
    links = {
        (link.get("rel"), link.get("href")) for link in entry.findall("a:link", ATOM)
    }
    assert (
        "alternate",
        "https://advisories.example.org/updates/exchange-server-2030-05-su.html#e-released0",
    ) in links
    assert ("related", "https://msrc.example.org/CVE-2030-10001") in links
    assert ("related", "https://support.microsoft.com/help/9000001") in links
    assert ("via", "https://msrc-cvrf.example.org/page") in links
    terms = {
        (str(category.get("scheme")).rpartition(":")[2], category.get("term"))
        for category in entry.findall("a:category", ATOM)
    }
    assert terms == {
        ("kind", "released"),
        ("product", lives.CU2),
        ("product", lives.CU1),
        ("severity", "Critical"),
    }


def test_a_suspected_event_says_so_in_its_tags() -> None:
    doubted = replace(PULLED, confidence=Confidence.SUSPECTED)
    assert ("kind", "suspected") in items((doubted,))[0].tags


def test_a_pull_buries_the_release_beside_an_entry_that_is_seen() -> None:
    root = tree(whole())
    stone = one(root, "at:deleted-entry")
    ids = {
        entry.findtext("a:title", "", ATOM).partition("]")[0]: entry.findtext(
            "a:id", "", ATOM
        )
        for entry in root.findall("a:entry", ATOM)
    }
    assert stone.get("ref") == ids["[RELEASED"]
    assert stone.get("when") == "2030-05-16T18:00:00Z"
    assert "[PULLED" in ids


def test_a_suspicion_buries_nothing_nor_does_the_pull_of_what_this_feed_never_offered() -> (
    None
):
    assert (
        feeds.tombstones(
            (RELEASED, replace(PULLED, confidence=Confidence.SUSPECTED)), ADDRESS
        )
        == ()
    )
    assert feeds.tombstones((PULLED, ISSUE), ADDRESS) == ()
    assert len(feeds.tombstones((RELEASED, PULLED, PULLED), ADDRESS)) == 1


def test_tags_come_from_the_host_and_from_this_machine_when_there_is_none() -> None:
    assert (
        feeds.authority("https://advisories.example.org/x/") == "advisories.example.org"
    )
    assert feeds.authority("https://bücher.example/") == "xn--bcher-kva.example"
    assert feeds.authority("") == "localhost"


@pytest.mark.parametrize(
    ("total", "held", "archives"),
    [(0, 0, 0), (49, 49, 0), (99, 99, 0), (100, 50, 1), (149, 99, 1), (250, 50, 4)],
)
def test_a_feed_holds_fifty_to_ninety_nine_events_and_archives_the_rest(
    total: int, held: int, archives: int
) -> None:
    assert (feeds.window(total), feeds.archives(total)) == (held, archives)


def test_walking_back_through_the_archives_meets_every_event_once() -> None:
    made = lives.made([lives.many(212)])
    seen: list[str] = []
    path = "events.atom"
    while path:
        root = etree.fromstring(made[path])
        relaxng().assertValid(root)
        assert (root.find("fh:archive", ATOM) is not None) is path.startswith(
            "archive/"
        )
        seen += [
            entry.findtext("a:summary", "", ATOM)
            for entry in root.findall("a:entry", ATOM)
        ]
        link = root.find("a:link[@rel='prev-archive']", ATOM)
        path = (
            "" if link is None else str(link.get("href")).removeprefix(ADDRESS.base_url)
        )
    assert seen == [f"Number {number}." for number in reversed(range(212))]
    following = one(
        etree.fromstring(made["archive/1.atom"]), "a:link[@rel='next-archive']"
    )
    assert following.get("href") == f"{ADDRESS.base_url}archive/2.atom"


def test_a_products_feed_holds_its_own_events_only() -> None:
    other = replace(
        BACK,
        id="other",
        update=replace(BACK.update, id="other", products=("Exchange Server 2020",)),
    )
    life = Life(
        replace(
            lives.update(), id="other", products=("Exchange Server 2020",), packages=()
        ),
        (other,),
    )
    made = lives.made([lives.WHOLE_LIFE, life])
    entries = etree.fromstring(made["products/exchange-server-2020.atom"]).findall(
        "a:entry", ATOM
    )
    assert [entry.findtext("a:id", "", ATOM) for entry in entries] == [
        feeds.event_tag(other.id, other.time, ADDRESS)
    ]


def test_opml_lists_every_feed_with_its_address() -> None:
    root = etree.fromstring(
        feeds.opml(
            "Advisory Watcher",
            [("All", "events.atom"), ("A & B", "products/a.atom")],
            ADDRESS,
        )
    )
    assert [
        (outline.get("text"), outline.get("xmlUrl")) for outline in root.iter("outline")
    ] == [
        ("All", "https://advisories.example.org/events.atom"),
        ("A & B", "https://advisories.example.org/products/a.atom"),
    ]
    # OPML 2.0 knows no version of an outline but RSS's own
    assert root.get("version") == "2.0"
    assert all(outline.get("version") is None for outline in root.iter("outline"))


def test_what_a_source_says_cannot_break_a_feed() -> None:
    nasty = "]]></content><script>alert(1)</script>\x00\x0b\ud800 \u202e&amp;"
    hostile = replace(
        RELEASED,
        summary=nasty,
        update=replace(RELEASED.update, title=nasty, products=(nasty,), kbs=(nasty,)),
        evidence=(
            lives.proof(nasty, after=nasty, url="https://x.example.org/?a=<&b='\""),
        ),
        guidance=(nasty,),
        advisories=(replace(RELEASED.advisories[0], severity=nasty, url=nasty),),
        kind=Kind.RELEASED,
    )
    relaxng().assertValid(tree(whole((hostile,))))
    assert not feedparser.parse(feeds.rss(whole((hostile,)), ADDRESS)).bozo
    jsonschema.validate(
        json.loads(feeds.json_feed(whole((hostile,)), ADDRESS)),
        schema(),
    )
    feeds.opml(
        nasty.replace("\x00", "").replace("\x0b", "").replace("\ud800", ""), [], ADDRESS
    )
