"""All updates, a shelf for each year; a year of very many has one for each month.

A shelf is the lines of ``years/<name>.json``, newest first.  It is changed line by
line: one new event does not mean reading and writing a year of updates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from watcher.site import listing
from watcher.site.listing import Listing

MOST = 200
"""Updates of a year on one page; a year of more is shown by months."""

_PAGE = b'{"page":"'
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Listing).decode


class _Placed(msgspec.Struct, frozen=True):
    """What decides about a line's place."""

    id: str
    dated: datetime


_decode_placed = msgspec.json.Decoder(_Placed).decode


def stand(rows: Iterable[Listing]) -> dict[str, tuple[bytes, ...]]:
    """Put all updates on their shelves: the lines of each by its name, the newest first."""
    ordered = listing.order(rows)
    split = {
        year
        for year, count in Counter(row.dated.year for row in ordered).items()
        if count > MOST
    }
    found: dict[str, list[bytes]] = {}
    for row in ordered:
        found.setdefault(name(row.dated, split), []).append(line(row))
    return {name: tuple(lines) for name, lines in found.items()}


def name(dated: datetime, split: Collection[int]) -> str:
    """Name the shelf of an update of that date; ``split`` are the years shown by months."""
    return f"{dated:%Y-%m}" if dated.year in split else f"{dated.year:04}"


def split(shelves: Iterable[str]) -> set[int]:
    """Give the years that are shown by months."""
    return {year_of(name) for name in shelves if "-" in name}


def year_of(name: str) -> int:
    """Give a shelf's year."""
    return int(name.partition("-")[0])


def years(shelves: Mapping[str, int]) -> dict[int, int]:
    """Count the updates of each year, the newest first."""
    found: Counter[int] = Counter()
    for name, count in shelves.items():
        found[year_of(name)] += count
    return dict(sorted(found.items(), reverse=True))


def line(row: Listing) -> bytes:
    """Write an update's line."""
    return _encode(row)


def read(line: bytes) -> Listing:
    """Read an update's line back.  Raises msgspec.DecodeError when it is none."""
    return _decode(line)


def key(line: bytes) -> str:
    """Name the update of a line, as its page is named."""
    start = len(_PAGE) + len("updates/")
    return line[start : line.index(b".html", start)].decode("ascii")


def find(lines: Sequence[bytes], page: str) -> int | None:
    """Give the place of the update that has this page, None when it is not on the shelf."""
    start = _PAGE + page.encode("ascii") + b'"'
    return next(
        (place for place, line in enumerate(lines) if line.startswith(start)), None
    )


def place(lines: Sequence[bytes], row: Listing) -> int:
    """Give the place at which a line of ``row`` is in order."""
    low, high = 0, len(lines)
    mine = (-row.dated.timestamp(), row.id)
    while low < high:
        middle = (low + high) // 2
        there = _decode_placed(lines[middle])
        if (-there.dated.timestamp(), there.id) < mine:
            low = middle + 1
        else:
            high = middle
    return low


def encode(lines: Iterable[bytes]) -> bytes:
    """Write a shelf's file."""
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


def decode(body: bytes) -> list[bytes] | None:
    """Give the lines of a shelf's file; None when it is none of ours."""
    if not (body.startswith(b"[\n" + _PAGE) and body.endswith(b"}\n]\n")):
        return None
    return body[2:-3].split(b",\n")
