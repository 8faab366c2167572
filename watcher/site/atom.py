"""Atom (RFC 4287), with tombstones (RFC 6721) and paging into archives (RFC 5005)."""

from __future__ import annotations

from typing import Any

from lxml import etree

from watcher.site.feed import Feed, Item, Place
from watcher.text.event_json import time

ATOM = "http://www.w3.org/2005/Atom"
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
HISTORY = "http://purl.org/syndication/history/1.0"
NAMES: Any = {None: ATOM, "at": TOMBSTONES, "fh": HISTORY}
PLAIN: Any = {None: ATOM}
TYPE = "application/atom+xml"
_START, _STOP, _END = b"<entry>\n  <id>", b"\n </entry>", b"</feed>"


def atom(feed: Feed, place: Place) -> bytes:
    """Write a feed of entries that are written.  Equal feeds give equal bytes."""
    root = etree.Element(f"{{{ATOM}}}feed", nsmap=NAMES)
    root.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    _text(root, "id", place.tag(feed.path.removesuffix(".atom")))
    _text(root, "title", feed.title)
    _text(root, "updated", time(feed.updated))
    author = etree.SubElement(root, f"{{{ATOM}}}author")
    _text(author, "name", "Advisory Watcher")
    _text(root, "generator", "Advisory Watcher")
    _link(root, "self", place.at(feed.path), TYPE)
    _link(root, "alternate", place.at("index.html"), "text/html")
    _history(root, feed, place)
    for grave in feed.graves:
        stone = etree.SubElement(
            root, f"{{{TOMBSTONES}}}deleted-entry", ref=grave.ref, when=time(grave.when)
        )
        etree.SubElement(stone, f"{{{TOMBSTONES}}}comment").text = grave.comment
    etree.indent(root, " ")
    head = etree.tostring(root, xml_declaration=True, encoding="utf-8").removesuffix(
        _END
    )
    return b"".join((head, *(b" " + entry for entry in feed.entries), _END, b"\n"))


def entries(body: bytes) -> dict[str, bytes]:
    """Give the entries of a written feed by their ids.

    What a source said cannot pass for one: it is escaped there.
    """
    found = (
        _START + piece.partition(_STOP)[0] + _STOP + b"\n"
        for piece in body.split(b"\n " + _START)[1:]
    )
    return {
        piece[len(_START) : piece.index(b"</id>")].decode(): piece for piece in found
    }


def _history(root: etree._Element, feed: Feed, place: Place) -> None:
    if feed.archive:
        etree.SubElement(root, f"{{{HISTORY}}}archive")
        _link(root, "current", place.at("events.atom"), TYPE)
    if feed.previous:
        _link(root, "prev-archive", place.at(feed.previous), TYPE)
    if feed.following:
        _link(root, "next-archive", place.at(feed.following), TYPE)


def entry(item: Item, place: Place) -> bytes:
    """Write an entry, as it stands in a feed."""
    entry = etree.Element(f"{{{ATOM}}}entry", nsmap=PLAIN)
    _text(entry, "id", item.id)
    _text(entry, "title", item.title)
    _text(entry, "published", time(item.published))
    _text(entry, "updated", time(item.updated))
    _link(entry, "alternate", item.url, "text/html")
    for url in item.related:
        _link(entry, "related", url)
    for url, source in item.via:
        _link(entry, "via", url, title=source)
    for scheme, term in item.tags:
        etree.SubElement(
            entry, f"{{{ATOM}}}category", scheme=place.tag(scheme), term=term
        )
    _text(entry, "summary", item.summary)
    content = etree.SubElement(entry, f"{{{ATOM}}}content", type="html")
    content.text = item.content
    etree.indent(entry, " ", level=1)
    return (
        etree.tostring(entry, encoding="utf-8").replace(
            f' xmlns="{ATOM}"'.encode(), b"", 1
        )
        + b"\n"
    )


def _text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{ATOM}}}{name}").text = text


def _link(
    parent: etree._Element, rel: str, href: str, kind: str = "", title: str = ""
) -> None:
    attributes = {"rel": rel, "href": href, "type": kind, "title": title}
    etree.SubElement(
        parent,
        f"{{{ATOM}}}link",
        {name: value for name, value in attributes.items() if value},
    )
