"""Damage done to fixtures, and what every snapshot must be whatever the damage was."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from watcher.judgement import normalize
from watcher.records import Snapshot

MAX_BYTES = 200_000
PIECES = (
    *(
        b"",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        "ı".encode(),
        "\u202e\u2028".encode(),
        b"\x1b[31m",
    ),
    *(
        b"<",
        b">",
        b"&#0;",
        b"&#xD800;",
        b"&#x1;",
        b"&amp;lt;",
        b"<![CDATA[",
        b"<!--",
        b"<?xml?>",
    ),
    *(b"</td>", b"<table><tr>", b"<h2>Known issues</h2>", b"<article>"),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\u0000",
        b"\\ud800",
        b"\\",
        b",",
        b":",
        b"null",
        b"-1",
        b"1e999",
        b"9" * 5000,
        b"0" * 40,
    ),
    *(b"http://[", b"https://" + b"a" * 300, b"//", b".."),
    *(
        b"2031-02-30T25:61:61Z",
        b"0001-01-01T00:00:00+14:00",
        b"9999-12-31T23:59:59-14:00",
        b"13/45/2031",
    ),
    *(b"KB", b"KB1234567", b"CVE-", b"15.2." + b"9" * 12),
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    "",
    " ",
    "\x00",
    "x" * 3000,
    [],
    {},
    [[]],
    {"": {}},
    ["a", None],
    "2031-13-01T00:00:00Z",
    "http://[",
)


def damaged(body: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Return a copy of ``body`` with one to five injuries; ``others`` lend pieces to it."""
    if chance.random() < 0.4:
        body = _inside(body, chance)
    for _ in range(chance.randint(0, 4)):
        body = chance.choice(BYTES)(body, others, chance)[:MAX_BYTES]
    return body


def _inside(body: bytes, chance: random.Random) -> bytes:
    """Replace, drop, repeat or move values of a JSON document; other documents stay as they are."""
    try:
        root = json.loads(body)
    except ValueError:
        return body
    for _ in range(chance.randint(1, 3)):
        places = list(_places(root))
        if not places:
            return body
        parent, key = chance.choice(places)
        change = chance.randrange(4)
        if change == 0:
            # A copy: the next change may put it into itself
            parent[key] = copy.deepcopy(chance.choice(VALUES))
        elif change == 1:
            del parent[key]
        elif change == 2:
            parent[key] = [parent[key], parent[key]]
        else:
            other, name = chance.choice(places)
            parent[key] = json.loads(json.dumps(other[name]))
    return json.dumps(root).encode()


def _places(root: Any) -> Iterator[tuple[Any, Any]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        keys = (
            list(node)
            if isinstance(node, dict)
            else list(range(len(node)))
            if isinstance(node, list)
            else []
        )
        for key in keys:
            yield node, key
            waiting.append(node[key])


def _cut(body: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    return body[: chance.randint(0, len(body))]


def _remove(body: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    start = chance.randint(0, len(body))
    return body[:start] + body[start + chance.choice((1, 5, 60, 600)) :]


def _insert(body: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    start = chance.randint(0, len(body))
    return (
        body[:start]
        + chance.choice(PIECES) * chance.choice((1, 1, 1, 3, 200))
        + body[start + chance.choice((0, 0, 1, 12)) :]
    )


def _flip(body: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    flipped = bytearray(body)
    for _ in range(min(len(flipped), chance.randint(1, 20))):
        flipped[chance.randrange(len(flipped))] = chance.randrange(256)
    return bytes(flipped)


def _repeat(body: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    start = chance.randint(0, len(body))
    piece = body[start : start + chance.choice((3, 40, 400))]
    return body[:start] + piece * chance.choice((2, 3, 50)) + body[start:]


def _splice(body: bytes, others: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    start = chance.randint(0, len(other))
    return (
        body[: chance.randint(0, len(body))]
        + other[start : start + chance.choice((20, 200, 5000))]
        + body[chance.randint(0, len(body)) :]
    )


BYTES: tuple[Callable[[bytes, list[bytes], random.Random], bytes], ...] = (
    _cut,
    _remove,
    _insert,
    _insert,
    _flip,
    _repeat,
    _splice,
)


def unsound(snapshot: Snapshot) -> list[str]:
    """Say what later floors could not bear of a snapshot.

    Databases take no NUL, UTF-8 no lone surrogate, times have a zone.
    """
    faults = []
    for path, value in _leaves(snapshot, "snapshot"):
        if isinstance(value, str) and (
            "\x00" in value or any(0xD800 <= ord(letter) < 0xE000 for letter in value)
        ):
            faults.append(f"{path} is {value[:60]!r}")
        if isinstance(value, datetime) and value.tzinfo is not UTC:
            faults.append(f"{path} is {value!r}, not in UTC")
    keys = [entry.key for entry in snapshot.entries]
    faults += [
        f"the key {key!r} stands twice"
        for key in sorted({key for key in keys if keys.count(key) > 1})
    ]
    faults += ["an entry has no key" for key in keys if not key.strip()]
    faults += [
        f"{name} is named twice in follow"
        for name in {row.document for row in snapshot.follow if not row.document}
    ]
    for entry in snapshot.entries:
        normalize.fingerprint(entry)
    return faults


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            yield from _leaves(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{number}]")
    else:
        yield path, value
