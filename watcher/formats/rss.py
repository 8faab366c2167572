"""RSS 2.0, for readers that know no Atom."""

from __future__ import annotations

from email.utils import format_datetime

from lxml import etree

from watcher.formats.feed import Feed, Place

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
HOME = "http://localhost/"
"""A channel must have an address, even when nobody said which."""


def rss(feed: Feed, place: Place) -> bytes:
    """Write a feed.  Equal feeds give equal bytes."""
    root = etree.Element("rss", version="2.0", nsmap={"atom": ATOM, "content": CONTENT})
    channel = etree.SubElement(root, "channel")
    _text(channel, "title", feed.title)
    _text(channel, "link", place.at("index.html") if place.base_url else HOME)
    _text(channel, "description", "What became of the updates that are watched: released, pulled, re-released.")
    _text(channel, "language", "en")
    _text(channel, "lastBuildDate", format_datetime(feed.updated, usegmt=True))
    _text(channel, "generator", "Advisory Watcher")
    _text(channel, "ttl", "30")
    if place.base_url:
        etree.SubElement(channel, f"{{{ATOM}}}link", rel="self", href=place.at(feed.path), type="application/rss+xml")
    for entry in feed.items:
        item = etree.SubElement(channel, "item")
        _text(item, "title", entry.title)
        address = entry.url if place.base_url else next(iter([*(url for url, _ in entry.via), *entry.related]), HOME)
        _text(item, "link", address)
        _text(item, "description", entry.summary or entry.title)
        etree.SubElement(item, f"{{{CONTENT}}}encoded").text = entry.content
        etree.SubElement(item, "guid", isPermaLink="false").text = entry.id
        _text(item, "pubDate", format_datetime(entry.published, usegmt=True))
        for scheme, term in entry.tags:
            etree.SubElement(item, "category", domain=place.tag(scheme)).text = term
    etree.indent(root, " ")
    return etree.tostring(root, xml_declaration=True, encoding="utf-8") + b"\n"


def _text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text
