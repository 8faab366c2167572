"""OPML 2.0: all feeds of the site in one file, for readers that import it."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from watcher.site.feed import Place


def opml(title: str, feeds: Iterable[tuple[str, str]], place: Place) -> bytes:
    """Write an outline of ``feeds``: title and path from the site's root, in this order."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = title
    body = etree.SubElement(root, "body")
    for text, path in feeds:
        etree.SubElement(
            body,
            "outline",
            {
                "type": "rss",
                "version": "ATOM",
                "text": text,
                "title": text,
                "xmlUrl": place.at(path),
                "htmlUrl": place.at("index.html"),
            },
        )
    etree.indent(root, " ")
    return etree.tostring(root, xml_declaration=True, encoding="utf-8") + b"\n"
