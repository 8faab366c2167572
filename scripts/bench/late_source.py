"""Two sources that answer after 100 ms: a build table, and a blog that pulls an update.

``python -m scripts.bench.late_source`` prints host and port; ``/edition/2`` lets the
pull be told from then on.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

LATE = 0.1
TODAY = datetime.now(UTC)
ROWS = (
    ("Nov24SU", 2, "15.2.1544.13", "KB5044062"),
    ("Apr24HU", 200, "15.2.1544.11", "KB5037224"),
)


def builds() -> bytes:
    """Write the table."""
    rows = "".join(
        f"<tr><td>Exchange Server 2019 CU14 {name}</td>"
        f"<td>{TODAY - timedelta(days=days):%B %d, %Y}</td>"
        f"<td>{build}</td><td>{build}</td><td>{kb}</td></tr>"
        for name, days, build, kb in ROWS
    )
    return (
        "<!DOCTYPE html><html><body><main><h2>Exchange Server 2019</h2><table><thead><tr>"
        "<th>Product name</th><th>Release date</th><th>Build number (short format)</th>"
        "<th>Build number (long format)</th><th>KB</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></main></body></html>"
    ).encode()


def blog(edition: int) -> bytes:
    """Write the feed; its second edition pulls the update of two days ago."""
    items = "".join(
        f"<item><title>Something else {day}</title><guid>p{day}</guid>"
        f"<pubDate>{format_datetime(TODAY - timedelta(days=day))}</pubDate>"
        "<description>Something else.</description></item>"
        for day in range(5, 15)
    )
    if edition > 1:
        items = (
            "<item><title>November 2024 Exchange Server Security Updates paused</title>"
            f"<guid>pause</guid><pubDate>{format_datetime(TODAY)}</pubDate>"
            "<description>We have paused the rollout of the November 2024 Security Update "
            "for Exchange Server 2019 CU14 (KB5044062). Do not install it.</description></item>"
        ) + items
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Exchange Team Blog</title>'
        f"<link>http://127.0.0.1/</link><description>b</description>{items}</channel></rss>"
    ).encode()


class Source:
    """What is served now."""

    edition = 1

    async def answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer every request of a connection."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1].decode()
            if path.startswith("/edition/"):
                self.edition = int(path.rpartition("/")[2])
            await asyncio.sleep(LATE)
            body = builds() if path == "/builds" else blog(self.edition)
            kind = "text/html" if path == "/builds" else "application/rss+xml"
            writer.write(
                f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            await writer.drain()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"127.0.0.1:{port}", flush=True)
    await server.serve_forever()


SOURCE = Source()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await SOURCE.answer(reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


if __name__ == "__main__":
    asyncio.run(_main())
