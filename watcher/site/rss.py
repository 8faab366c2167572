"""RSS 2.0, for readers that know no Atom."""

from __future__ import annotations

from email.utils import format_datetime

from lxml import etree

from watcher.site.feed import Feed, Item, Place

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
_STOP, _END, _ID = b"\n  </item>", b" </channel>\n</rss>", b'<guid isPermaLink="false">'
HOME = "http://localhost/"
"""A channel must have an address, even when nobody said which."""


def rss(feed: Feed, place: Place) -> bytes:
    """Write a feed of items that are written.  Equal feeds give equal bytes."""
    root = etree.Element("rss", version="2.0", nsmap={"atom": ATOM, "content": CONTENT})
    channel = etree.SubElement(root, "channel")
    _text(channel, "title", feed.title)
    _text(channel, "link", place.at("index.html") if place.base_url else HOME)
    _text(
        channel,
        "description",
        "What became of the updates that are watched: released, pulled, re-released.",
    )
    _text(channel, "language", "en")
    _text(channel, "lastBuildDate", format_datetime(feed.updated, usegmt=True))
    _text(channel, "generator", "Advisory Watcher")
    _text(channel, "ttl", "30")
    if place.base_url:
        etree.SubElement(
            channel,
            f"{{{ATOM}}}link",
            rel="self",
            href=place.at(feed.path),
            type="application/rss+xml",
        )
    etree.indent(root, " ")
    head = etree.tostring(root, xml_declaration=True, encoding="utf-8").removesuffix(
        _END
    )
    return b"".join((head, *(b" " + entry for entry in feed.entries), _END, b"\n"))


def entry(item: Item, place: Place) -> bytes:
    """Write an item, as it stands in a feed."""
    root = etree.Element("item", nsmap={"content": CONTENT})
    _text(root, "title", item.title)
    address = (
        item.url
        if place.base_url
        else next(iter([*(url for url, _ in item.via), *item.related]), HOME)
    )
    _text(root, "link", address)
    _text(root, "description", item.summary or item.title)
    etree.SubElement(root, f"{{{CONTENT}}}encoded").text = item.content
    etree.SubElement(root, "guid", isPermaLink="false").text = item.id
    _text(root, "pubDate", format_datetime(item.published, usegmt=True))
    for scheme, term in item.tags:
        etree.SubElement(root, "category", domain=place.tag(scheme)).text = term
    etree.indent(root, " ", level=2)
    return (
        b" "
        + etree.tostring(root, encoding="utf-8").replace(
            f' xmlns:content="{CONTENT}"'.encode(), b"", 1
        )
        + b"\n"
    )


def entries(body: bytes) -> dict[str, bytes]:
    """Give the items of a written feed by their ids."""
    found = [
        b" <item>" + piece.partition(_STOP)[0] + _STOP + b"\n"
        for piece in body.split(b"\n  <item>")[1:]
    ]
    return {
        piece.partition(_ID)[2].partition(b"</guid>")[0].decode(): piece
        for piece in found
    }


def _text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text
