"""The loopback server, a process of its own.

Feeds with ETags, answers after 100 ms, and a say in how many feeds have changed.

``python -m scripts.bench.server`` prints its port.  ``/feed/N`` is a feed, ``/late/N``
one that answers after 100 ms, and ``/changed?every=100&edition=2`` gives each
hundredth feed that edition from now on.
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import parse_qs, urlsplit

from scripts.bench import feeds

LATE = 0.1


class Changes:
    """Which feeds have another edition than the first."""

    every = 0
    edition = 0

    def of(self, number: int) -> int:
        """Give the edition of feed ``number`` now."""
        return self.edition if self.every and number % self.every == 0 else 0


class Conversation(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, changes: Changes) -> None:
        """Share the changes with all other connections."""
        self._changes = changes
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the line."""
        self._line = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come whole."""
        self._got += data
        while b"\r\n\r\n" in self._got:
            head, _, self._got = self._got.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            answer = self._answer(target, head)
            if target.startswith("/late/"):
                asyncio.get_running_loop().call_later(LATE, self._write, answer)
            else:
                self._write(answer)

    def _write(self, answer: bytes) -> None:
        if isinstance(self._line, asyncio.Transport) and not self._line.is_closing():
            self._line.write(answer)

    def _answer(self, target: str, head: bytes) -> bytes:
        parts = urlsplit(target)
        if parts.path == "/changed":
            query = parse_qs(parts.query)
            self._changes.every, self._changes.edition = (
                int(query["every"][0]),
                int(query["edition"][0]),
            )
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        folder, _, number = parts.path.lstrip("/").partition("/")
        if folder not in ("feed", "late") or not number.isdigit():
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        edition = self._changes.of(int(number))
        etag = f'"{number}-{edition}"'.encode()
        if b"if-none-match: " + etag in head.replace(
            b"If-None-Match", b"if-none-match"
        ):
            return b"HTTP/1.1 304 Not Modified\r\nETag: " + etag + b"\r\n\r\n"
        body = feeds.feed(int(number), edition)
        said = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: %b\r\n"
            b"Content-Length: %d\r\n\r\n"
        )
        return said % (etag, len(body)) + body


async def serve() -> None:
    """Serve on one port of every loopback address until killed."""
    changes = Changes()
    server = await asyncio.get_running_loop().create_server(
        lambda: Conversation(changes),
        "0.0.0.0",  # noqa: S104
        0,
        backlog=1024,
    )  # all of 127/8
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
