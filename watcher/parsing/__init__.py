"""Documents are parsed in a process of their own, which is thrown away when one of them
takes too long or too much.

    with Parsers(limits) as parsers:
        snapshot = parsers.parse(kind, page, watch)

What a source sends is somebody else's: 60 MiB of ``<p>a``, 59 kB on the wire, took 7 GB
and 150 s to parse, and nothing could end it but the end of the whole run.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from msgspec import Struct

from watcher.records import Page, Snapshot, Watch

_LENGTH = struct.Struct(">Q")


class Task(Struct, frozen=True):
    """A document that is to be parsed."""

    kind: str
    page: Page
    watch: Watch


class Parsed(Struct, frozen=True):
    """What became of it: a snapshot, or why there is none."""

    snapshot: Snapshot | None = None
    cause: str = ""
    remedy: str = ""


# The watcher knows how much was allowed, and says so
TOO_MUCH = Parsed()


def write_message(stream: BinaryIO, message: bytes) -> None:
    """Write a message, its length before it."""
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def read_message(stream: BinaryIO, largest: int) -> bytes | None:
    """Read a message; None when there is none any more, or it is larger than ``largest``."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > largest:
        return None
    message = stream.read(length)
    return message if len(message) == length else None
