"""Writes small WARC files in the shapes that wget, Browsertrix and our own recorder give them."""

from __future__ import annotations

import gzip
import io
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Kept:
    """One record; ``head`` is the HTTP head ("" for none), ``extra`` are further WARC headers."""

    url: str
    date: str
    body: bytes = b""
    status: str = "200 OK"
    type: str = "response"
    headers: tuple[str, ...] = ("Content-Type: application/xml",)
    extra: tuple[str, ...] = ()
    http: bool = True
    version: str = "WARC/1.1"
    id: str = field(default_factory=lambda: f"<{uuid.uuid4().urn}>")

    def written(self) -> bytes:
        """Give the record's bytes."""
        head = (
            "\r\n".join([f"HTTP/1.1 {self.status}", *self.headers, "", ""])
            if self.http
            else ""
        )
        block = head.encode() + self.body
        names = [
            self.version,
            f"WARC-Type: {self.type}",
            f"WARC-Record-ID: {self.id}",
            f"WARC-Date: {self.date}",
            *([f"WARC-Target-URI: {self.url}"] if self.url else []),
            *self.extra,
            "Content-Type: application/http; msgtype=response",
            f"Content-Length: {len(block)}",
            "",
            "",
        ]
        return "\r\n".join(names).encode() + block + b"\r\n\r\n"


def write(path: Path, records: Iterable[Kept]) -> Path:
    """Write records, each compressed on its own if the name ends in ``.gz``."""
    with path.open("wb") as file:
        for record in records:
            written = record.written()
            file.write(
                gzip.compress(written, mtime=0) if path.suffix == ".gz" else written
            )
    return path


def chunked(body: bytes, size: int = 7) -> bytes:
    """Cut a body into chunks, as servers send them and wget keeps them."""
    stream, out = io.BytesIO(body), b""
    while piece := stream.read(size):
        out += b"%x\r\n%b\r\n" % (len(piece), piece)
    return out + b"0\r\n\r\n"


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def deflated(body: bytes) -> bytes:
    return zlib.compress(body)
