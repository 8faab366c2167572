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
from tests.formats.lives import BACK, ISSUE, NOWHERE, PLACE, PULLED, RELEASED, STORY, T0
from watcher.records import Confidence, Event, Kind
from watcher.site import atom, feed, json_feed, opml, rss
from watcher.site.desk import Entries
from watcher.site.feed import Feed, Item, Place
from watcher.site.pages import files
from watcher.site.shown import Life
from watcher.text.story import story

HERE = Path(__file__).parent
ATOM = {"a": atom.ATOM, "at": atom.TOMBSTONES, "fh": atom.HISTORY}


def one(root: etree._Element, path: str) -> etree._Element:
    """Give the one element at ``path``, which must be there."""
    found = root.find(path, ATOM)
    assert found is not None, path
    return found


def items(events: tuple[Event, ...] = STORY, place: Place = PLACE) -> list[Item]:
    """Give the entries of events, the newest first."""
    return [
        feed.item(event, story(event, lives.FORM), f"<p>{event.id}</p>", place)
        for event in reversed(events)
    ]


def whole(
    events: tuple[Event, ...] = STORY, place: Place = PLACE, form: Entries = atom
) -> Feed:
    entries = tuple(form.entry(item, place) for item in items(events, place))
    return Feed(
        "events.atom",
        "Advisory Watcher",
        entries,
        feed.updated(events),
        feed.graves(events, place),
    )


def tree(told: Feed, place: Place = PLACE) -> etree._Element:
    return etree.fromstring(atom.atom(told, place))


@cache
def relaxng() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(HERE / "atom.rng"))


@cache
def schema() -> Any:
    return json.loads((HERE / "json_feed.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("place", [PLACE, NOWHERE], ids=["somewhere", "nowhere"])
@pytest.mark.parametrize("events", [STORY, ()], ids=["story", "empty"])
def test_atom_is_valid_by_the_schema_of_its_rfc(
    events: tuple[Event, ...], place: Place
) -> None:
    relaxng().assertValid(tree(whole(events, place), place))


def test_the_schema_refuses_what_is_no_atom() -> None:
    broken = tree(whole())
    broken.remove(one(broken, "a:id"))
    assert not relaxng().validate(broken)


@pytest.mark.parametrize("place", [PLACE, NOWHERE], ids=["somewhere", "nowhere"])
def test_a_json_feed_is_valid_by_its_schema_and_holds_the_events_whole(
    place: Place,
) -> None:
    read = json.loads(
        json_feed.json_feed(
            replace(whole(STORY, place, json_feed), path="events.json"), place
        )
    )
    jsonschema.validate(read, schema())
    assert [item["_advisory"]["kind"] for item in read["items"]] == [
        "re-released",
        "known-issue",
        "pulled",
        "released",
    ]
    assert ("feed_url" in read) is bool(place.base_url)


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


@pytest.mark.parametrize("place", [PLACE, NOWHERE], ids=["somewhere", "nowhere"])
def test_every_reader_finds_the_same_entries_in_atom_and_rss(place: Place) -> None:
    told = replace(whole(STORY, place, rss), path="events.rss")
    read = [
        feedparser.parse(body)
        for body in (atom.atom(whole(STORY, place), place), rss.rss(told, place))
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
    for place in (PLACE, NOWHERE):
        channel = one(
            etree.fromstring(rss.rss(whole(STORY, place, rss), place)), "channel"
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
        etree.fromstring(rss.rss(whole((bare,), NOWHERE, rss), NOWHERE)).findtext(
            "channel/item/link"
        )
        == rss.HOME
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
    moved = Place("https://other.example.org/", PLACE.authority)
    assert feed.item(more, story(more, lives.FORM), "", moved).id == names[-1]


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
        feed.graves((RELEASED, replace(PULLED, confidence=Confidence.SUSPECTED)), PLACE)
        == ()
    )
    assert feed.graves((PULLED, ISSUE), PLACE) == ()
    assert len(feed.graves((RELEASED, PULLED, PULLED), PLACE)) == 1


def test_tags_come_from_the_host_and_from_this_machine_when_there_is_none() -> None:
    assert (
        feed.authority("https://advisories.example.org/x/") == "advisories.example.org"
    )
    assert feed.authority("https://bücher.example/") == "xn--bcher-kva.example"
    assert feed.authority("") == "localhost"


@pytest.mark.parametrize(
    ("total", "held", "archives"),
    [(0, 0, 0), (49, 49, 0), (99, 99, 0), (100, 50, 1), (149, 99, 1), (250, 50, 4)],
)
def test_a_feed_holds_fifty_to_ninety_nine_events_and_archives_the_rest(
    total: int, held: int, archives: int
) -> None:
    assert (feed.window(total), feed.archives(total)) == (held, archives)


def test_walking_back_through_the_archives_meets_every_event_once() -> None:
    made = dict(files(lives.shown([lives.many(212)]), lives.rendered, lives.nothing))
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
            "" if link is None else str(link.get("href")).removeprefix(PLACE.base_url)
        )
    assert seen == [f"Number {number}." for number in reversed(range(212))]
    following = one(
        etree.fromstring(made["archive/1.atom"]), "a:link[@rel='next-archive']"
    )
    assert following.get("href") == f"{PLACE.base_url}archive/2.atom"


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
    made = dict(
        files(lives.shown([lives.WHOLE_LIFE, life]), lives.rendered, lives.nothing)
    )
    entries = etree.fromstring(made["products/exchange-server-2020.atom"]).findall(
        "a:entry", ATOM
    )
    assert [entry.findtext("a:id", "", ATOM) for entry in entries] == [
        feed.event_tag(other.id, other.time, PLACE)
    ]


NASTY = (
    "]]></content></entry>\n <entry>\n  "
    "<id>x</id><script>alert(1)</script>\x00\x0b\ud800 \u202e&amp;</item>\n  "
    '<item>, {"id": 1}\n'
)


@pytest.mark.parametrize("form", [atom, rss, json_feed], ids=["atom", "rss", "json"])
def test_an_entry_is_found_again_in_a_feed_as_it_was_written_whatever_it_says(
    form: Entries,
) -> None:
    hostile = replace(
        RELEASED,
        id="hostile",
        summary=NASTY,
        guidance=(NASTY,),
        update=replace(RELEASED.update, title=NASTY),
    )
    told = whole((*STORY, hostile), form=form)
    write = {atom: atom.atom, rss: rss.rss, json_feed: json_feed.json_feed}[form]  # type: ignore[index]  # modules
    assert form.entries(write(told, PLACE)) == dict(
        zip([item.id for item in items((*STORY, hostile))], told.entries, strict=True)
    )
    assert form.entries(write(whole((), form=form), PLACE)) == {} == form.entries(b"")


def test_opml_lists_every_feed_with_its_address() -> None:
    root = etree.fromstring(
        opml.opml(
            "Advisory Watcher",
            [("All", "events.atom"), ("A & B", "products/a.atom")],
            PLACE,
        )
    )
    assert [
        (outline.get("text"), outline.get("xmlUrl")) for outline in root.iter("outline")
    ] == [
        ("All", "https://advisories.example.org/events.atom"),
        ("A & B", "https://advisories.example.org/products/a.atom"),
    ]


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
    assert not feedparser.parse(rss.rss(whole((hostile,), form=rss), PLACE)).bozo
    jsonschema.validate(
        json.loads(json_feed.json_feed(whole((hostile,), form=json_feed), PLACE)),
        schema(),
    )
    opml.opml(
        nasty.replace("\x00", "").replace("\x0b", "").replace("\ud800", ""), [], PLACE
    )
