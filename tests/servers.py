"""A real HTTP server on loopback that plays sources from a script, with their faults.

Proxies lie beside it.

with SourceServer() as web:
    web.play("/feed", Reply(b"<rss/>", etag='"1"'))           # conditional requests get their 304
    web.play("/slow", Reply(status=500), Reply(b"late"))      # one after the other, the last one stays
    web.url("/feed")                                          # http://127.0.0.1:PORT/feed
    web.asked("/feed")[0].headers["user-agent"]               # what was asked, in order
"""

from __future__ import annotations

import gzip
import socket
import ssl
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from enum import Enum
from http.server import BaseHTTPRequestHandler
from typing import cast
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from tests.loopback import Asked, Listener, Running, refused
from tests.proxy import ProxyServer
from watcher.records import Page

__all__ = [
    "OUTAGE",
    "Asked",
    "Fault",
    "ProxyServer",
    "Reply",
    "SourceServer",
    "bomb",
    "moved",
    "of_page",
    "refused",
]

OUTAGE = (
    b"<!DOCTYPE html><html><head><title>Service "
    b"unavailable</title></head><body><h1>We will be back soon</h1></body></html>"
)


class Fault(Enum):
    """What goes wrong with a reply, below HTTP's own words."""

    NONE = "none"
    TRUNCATED = "the connection ends in the middle of the announced body"
    CUT_CHUNK = "the connection ends in the middle of a chunk"
    UNFRAMED = "no Content-Length: the connection's end is the body's end"
    LONG_LENGTH = (
        "Content-Length says more than there is, and the connection stays open"
    )
    SILENT = "no answer at all"
    DROPPED = "the connection ends before an answer"
    RESET = "the connection is reset before an answer"
    DRIP_HEAD = "the head comes a byte at a time"
    DRIP_BODY = "the body comes a byte at a time"
    GARBAGE = "an answer that is not HTTP"


class Reply(Struct, frozen=True):
    """One answer; ``etag`` and ``last_modified`` make conditional requests for it end in a 304."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/xml"
    etag: str = ""
    last_modified: str = ""
    # Gzip, deflate, raw-deflate: the body is sent so; any other is only said
    encoding: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault = Fault.NONE
    chunked: bool = False
    drip: float = 0.02  # seconds between two bytes

    def sent(self) -> bytes:
        """Give the body as it goes over the wire."""
        if self.encoding == "gzip":
            return gzip.compress(self.body, mtime=0)
        if self.encoding == "deflate":
            return zlib.compress(self.body)
        if self.encoding == "raw-deflate":
            deflating = zlib.compressobj(wbits=-15)
            return deflating.compress(self.body) + deflating.flush()
        return self.body

    def known_to(self, headers: Mapping[str, str]) -> bool:
        """Say whether a request's validators name this very copy (RFC 9110 section 13)."""
        if "if-none-match" in headers:
            return bool(self.etag) and self.etag in [
                tag.strip() for tag in headers["if-none-match"].split(",")
            ]
        since = headers.get("if-modified-since", "")
        return bool(since and self.last_modified) and parsedate_to_datetime(
            self.last_modified
        ) <= parsedate_to_datetime(since)


def moved(to: str, status: int = 302) -> Reply:
    """Answer with a redirect."""
    return Reply(status=status, headers={"Location": to})


def bomb(size: int) -> Reply:
    """Answer with ``size`` zero bytes in a thousandth of that."""
    return Reply(bytes(size), encoding="gzip")


def of_page(page: Page) -> Reply:
    """Answer with what a page holds: its body, type, status and validators."""
    etag, modified = page.validators.etag, page.validators.last_modified
    return Reply(
        page.body, page.status, page.content_type or "application/xml", etag, modified
    )


class SourceServer(Running):
    """Plays sources: a script of replies for each path (with its query); paths without
    one are 404.
    """

    def __init__(
        self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        super().__init__(_SourceConversation, tls)
        self._host = host
        self._scripts: dict[str, list[Reply]] = {}
        self._turns: dict[str, int] = defaultdict(int)
        self._busy = 0
        self.busiest = 0  # the most requests that were ever answered at the same time

    def url(self, path: str = "/", *, user: str = "") -> str:
        """Give the address of ``path``; ``user`` ("name:password") is put before the host."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{user}{'@' if user else ''}{self._host}:{self.port}{path}"

    def play(self, path: str, *replies: Reply) -> str:
        """Set the script of ``path`` anew and give its address; the last reply stays."""
        with self._lock:
            self._scripts[path] = list(replies)
            self._turns[path] = 0
        return self.url(path)

    def play_page(self, page: Page, path: str = "") -> str:
        """Play a page's content at its own path (or at ``path``)."""
        parts = urlsplit(page.url)
        return self.play(
            path or parts.path + (f"?{parts.query}" if parts.query else ""),
            of_page(page),
        )

    def forget(self) -> None:
        """Forget what was asked so far."""
        with self._lock:
            self.requests.clear()

    def asked(self, path: str) -> list[Asked]:
        """List the requests for ``path``, oldest first."""
        with self._lock:
            return [asked for asked in self.requests if asked.target == path]

    def next(self, asked: Asked) -> Reply:
        """Give the reply whose turn it is."""
        parts = urlsplit(asked.target)
        target = (
            parts.path + (f"?{parts.query}" if parts.query else "")
            if parts.netloc
            else asked.target
        )
        with self._lock:
            script = self._scripts.get(target)
            if not script:
                return Reply(b"not here", 404, "text/plain")
            reply = script[min(self._turns[target], len(script) - 1)]
            self._turns[target] += 1
        if reply.status == 200 and reply.known_to(asked.headers):
            return replace(reply, status=304, body=b"", fault=Fault.NONE)
        return reply

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count how many requests are answered at the same time."""
        with self._lock:
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1


class _SourceConversation(BaseHTTPRequestHandler):
    """One client's connection to a SourceServer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        source = cast("SourceServer", cast("Listener", self.server).owner)
        with source.answering():
            self._answer(source.next(source.note(self)))

    def _answer(self, reply: Reply) -> None:
        if reply.fault in (Fault.SILENT, Fault.DROPPED, Fault.RESET, Fault.GARBAGE):
            self._fail(reply.fault)
            return
        body = reply.sent()
        head = self._head(reply, len(body))
        framed = (
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            if reply.chunked and body
            else body
        )
        if reply.fault is Fault.DRIP_HEAD:
            self._drip(head, reply.drip)
        else:
            self.wfile.write(
                head
                + (
                    b""
                    if reply.fault is Fault.DRIP_BODY
                    else self._cut(framed, reply.fault)
                )
            )
        if reply.fault is Fault.DRIP_BODY:
            self._drip(framed, reply.drip)
        elif reply.fault is Fault.LONG_LENGTH:
            cast("Listener", self.server).closing.wait()
        self.close_connection = self.close_connection or reply.fault is not Fault.NONE

    def _head(self, reply: Reply, length: int) -> bytes:
        headers = {
            "Date": "Tue, 12 Nov 2024 18:00:00 GMT",
            "Content-Type": reply.content_type,
        }
        if reply.chunked or reply.fault is Fault.CUT_CHUNK:
            headers["Transfer-Encoding"] = "chunked"
        elif reply.fault is Fault.UNFRAMED:
            headers["Connection"] = "close"
        elif reply.status != 304:
            headers["Content-Length"] = str(
                length + (100 if reply.fault is Fault.LONG_LENGTH else 0)
            )
        headers |= {"ETag": reply.etag} if reply.etag else {}
        headers |= {"Last-Modified": reply.last_modified} if reply.last_modified else {}
        headers |= (
            {"Content-Encoding": reply.encoding.removeprefix("raw-")}
            if reply.encoding
            else {}
        )
        headers |= reply.headers
        lines = [
            f"HTTP/1.1 {reply.status} as the script says",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    @staticmethod
    def _cut(framed: bytes, fault: Fault) -> bytes:
        if fault is Fault.CUT_CHUNK:
            return b"%x\r\n%b" % (len(framed), framed[: len(framed) // 2])
        return framed[: len(framed) // 2] if fault is Fault.TRUNCATED else framed

    def _drip(self, content: bytes, every: float) -> None:
        for place in range(len(content)):
            if cast("Listener", self.server).closing.wait(every):
                return
            self.wfile.write(content[place : place + 1])

    def _fail(self, fault: Fault) -> None:
        self.close_connection = True
        if fault is Fault.SILENT:
            cast("Listener", self.server).closing.wait()
        elif fault is Fault.RESET:
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )
            self.connection.close()
        elif fault is Fault.GARBAGE:
            self.wfile.write(b"220 mail.example.org ESMTP\r\n")
