"""Pages made of the fixtures under data/, for tests that say one truth about one kind."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from watcher.records import Entry, Page, Snapshot, Watch
from watcher.sources import parser

DATA = Path(__file__).parent / "data"
NOW = datetime(2031, 12, 1, 12, tzinfo=UTC)
EXCHANGE = Watch()
EVERYTHING = Watch(("*",))


def body(kind: str, case: str) -> bytes:
    return (DATA / kind / case).read_bytes()


def read(
    kind: str,
    content: bytes,
    url: str,
    watch: Watch = EXCHANGE,
    *,
    document: str = "",
    status: int = 200,
) -> Snapshot:
    return parser(kind)(Page("source", document, url, NOW, status, content), watch)


def only(snapshot: Snapshot) -> Entry:
    (entry,) = snapshot.entries
    return entry
