"""Documents in their real shape with an attack in every field that the parser lets through.

A field is a text, an attribute, a JSON string.  Each gets an attack of its own behind
what it holds; a field that then no longer says what the entry is (a date, a KB
article, a number) keeps what it holds in ``poisoned`` and is taken in ``spoiled``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Any

import lxml.html
from lxml import etree

from watcher.errors import ParseError
from watcher.records import Entry, Page, Snapshot, Watch
from watcher.sources import parser

WATCH = Watch(("*",))
EVIL = "https://evil.example.org"

TEXTS = (
    "{mark} <script>alert('{mark}')</script>",
    "{mark} \"><img src=x onerror=alert('{mark}')>",
    "{mark} ' onmouseover='alert(1)' autofocus onfocus='alert(2)",
    "{mark} </title></style></textarea></script></svg><svg onload=alert('{mark}')>",
    "{mark} ]]><script>alert('{mark}')</script><![CDATA[",
    "{mark} &lt;script&gt;alert('{mark}')&lt;/script&gt;&#60;img src=x onerror=alert(1)&#62;",
    "{mark} {{{{ 7 * 7 }}}}{{% raw %}}<!-- -->",
    (
        "{mark} <a href=\"javascript:alert('{mark}')\">{mark}</a><iframe "
        'srcdoc="<script>alert(1)</script>"></iframe>'
    ),
    "{mark} <math><mtext><style><img src=x onerror=alert(1)></style></mtext></math><base href="
    + EVIL
    + "/>",
    "{mark} <img src="
    + EVIL
    + "/pixel.png><link rel=stylesheet href="
    + EVIL
    + "/x.css><style>body{{display:none}}</style>",
)
ADDRESSES = (
    "javascript:alert('{mark}')",
    "data:text/html,{mark}<script>alert(1)</script>",
    EVIL + '/{mark}"onclick="alert(1)',
)


def poisoned(
    kind: str, body: bytes, mark: str, turn: int = 0, document: str = "", url: str = ""
) -> bytes:
    """Give ``body`` with an attack that bears ``mark`` in every field that stays what it
    is with one; ``turn`` chooses among them.
    """
    said = partial(_said, kind, document, url)
    clean, whole = said(_filled(body, {})), dict[int, str]()
    for number, value in enumerate(_Fields(body).values):
        for attack in _attacks(value, number + turn, mark):
            if said(_filled(body, whole | {number: attack})) == clean:
                whole[number] = attack
                break
    assert len(whole) > 3, f"{kind}: only {len(whole)} fields take an attack"
    return _filled(body, whole)


def spoiled(body: bytes, mark: str, turn: int = 0) -> bytes:
    """Give ``body`` with an attack in every field, whatever becomes of it."""
    return _filled(
        body,
        {
            number: _attacks(value, number + turn, mark)[0]
            for number, value in enumerate(_Fields(body).values)
        },
    )


def _attacks(value: str, number: int, mark: str) -> tuple[str, ...]:
    """Give attacks on a field in the order in which they are tried.

    As an address, before what it says, and behind it.
    """
    attack = TEXTS[number % len(TEXTS)].format(mark=mark)
    texts = (
        [f"{attack} {value}", f"{value} {attack}"]
        if number % 3
        else [f"{value} {attack}", f"{attack} {value}"]
    )
    if value.startswith("<p>"):  # a text in HTML: in its first sentence
        texts.insert(0, value.replace("<p>", f"<p>{attack} ", 1))
    address = ADDRESSES[number % len(ADDRESSES)].format(mark=mark)
    return (address, *texts) if value.startswith("http") else tuple(texts)


def _said(kind: str, document: str, url: str, body: bytes) -> object:
    """Say what a parser makes of the entries' names, dates and packages.

    The error where it is none.
    """
    page = Page(
        "any",
        document,
        url or "https://source.example.org/",
        datetime(2024, 12, 1, tzinfo=UTC),
        200,
        body,
    )
    try:
        read: Snapshot = parser(kind)(page, WATCH)
    except ParseError:
        return "no page"
    entries = [
        (
            e.key,
            e.kbs,
            e.cves,
            e.published,
            e.updated,
            e.revision,
            e.available,
            [(p.kb, p.build) for p in e.packages],
            _leads(e),
        )
        for e in read.entries
    ]
    return entries, read.identity


def _leads(entry: Entry) -> list[str]:
    """Give the addresses that are followed."""
    return [
        url
        for url in (*entry.links, *(package.url for package in entry.packages))
        if "details.aspx" in url
    ]


class _Fields:
    """The fields of a document: JSON in a script, JSON, XML or HTML."""

    def __init__(self, body: bytes) -> None:
        text = body.decode()
        script = (
            re.fullmatch(r"(?s)(.*?__DLCDetails__=)(\{.*\})(;</script>.*)", text)
            if "__DLCDetails__" in text
            else None
        )
        self.values: list[str] = []
        self._set: list[Callable[[str], None]] = []
        self._cdata: list[bool] = []
        self._around, inner = (
            ((script[1], script[3]), script[2]) if script else (("", ""), text)
        )
        self._json = inner.lstrip()[:1] in ("{", "[")
        self._html = not self._json and "<html" in inner[:200]
        self._tree: Any = (
            json.loads(inner) if self._json else _parsed(inner, html=self._html)
        )
        for value, put, is_text in (
            _of_json(self._tree) if self._json else _of_markup(self._tree)
        ):
            self.values.append(value)
            self._set.append(put)
            self._cdata.append(is_text and not self._html)

    def filled(self, new: dict[int, str]) -> bytes:
        """Give the document with other values.

        Markup is escaped once, twice or stands in CDATA, as in real documents.
        """
        for number in new:
            self._set[number](f"qqq{number}qqq")
        if self._json:
            text = json.dumps(self._tree, ensure_ascii=False)
        else:
            write = lxml.html.tostring if self._html else etree.tostring
            text = write(self._tree, encoding="unicode")
        before, after = self._around
        return (
            before
            + re.sub(
                r"qqq(\d+)qqq", lambda found: self._written(int(found[1]), new), text
            )
            + after
        ).encode()

    def _written(self, number: int, new: dict[int, str]) -> str:
        value = new[number]
        if self._json:
            return json.dumps(value)[1:-1].replace("<", "\\u003c")
        if self._cdata[number] and number % 2:
            return "<![CDATA[" + value.replace("]]>", "]]]]><![CDATA[>") + "]]>"
        return (
            escape(escape(value))
            if number % 3 == 0 and "<" not in self.values[number]
            else escape(value)
        )


def _filled(body: bytes, new: dict[int, str]) -> bytes:
    return _Fields(body).filled(new)


def _parsed(text: str, *, html: bool) -> Any:
    return (
        lxml.html.document_fromstring(text) if html else etree.fromstring(text.encode())
    )


# What it holds, how it is written, whether it is an element's text
_Field = tuple[str, Callable[[str], None], bool]


def _of_json(value: Any) -> Iterator[_Field]:
    if isinstance(value, dict | list):
        for key, one in list(
            value.items() if isinstance(value, dict) else enumerate(value)
        ):
            if isinstance(one, str):
                yield one, partial(value.__setitem__, key), False
            else:
                yield from _of_json(one)


def _of_markup(tree: Any) -> Iterator[_Field]:
    for element in tree.iter(etree.Element):
        for name, value in element.attrib.items():
            yield value, partial(element.set, name), False
        for place in ("text", "tail"):
            if (value := getattr(element, place) or "").strip():
                yield value, partial(setattr, element, place), True
