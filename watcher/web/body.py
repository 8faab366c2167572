"""A response's body, decompressed while it comes, and never more of it than agreed."""

from __future__ import annotations

import io
import zlib
from typing import Protocol

from watcher.web.failures import AGAIN, Trouble

PIECE = 65536
_GZIP_MAGIC = b"\x1f\x8b"
_PLAIN = frozenset({"", "identity"})
_LOOK = "Open the address in a browser and see what the server gives."


class Stream(Protocol):
    """What urllib3's response offers: the bytes as they came."""

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:  # noqa: FBT001
        """Read up to ``amt`` bytes, fewer only at the end."""
        ...


def too_large(limit: int) -> Trouble:
    """Say that a body is larger than agreed."""
    return Trouble(
        f"the answer is larger than {limit / 1048576:.4g} MiB",
        f"No source is that large: it was not read on. {_LOOK}",
    )


def read(stream: Stream, encoding: str, limit: int) -> bytes:
    """Read and decompress a whole body.

    ``encoding`` is the Content-Encoding; ``limit`` holds for the body and for what
    comes over the wire.

    Raises:
        Trouble: larger than ``limit``, cut off, not decompressible, or of an encoding that was not asked for.

    """
    coding = encoding.strip().lower()
    inflating = None if coding in _PLAIN else Inflating(coding)
    body = io.BytesIO()
    came = 0
    while piece := stream.read(PIECE, decode_content=False):
        came += len(piece)
        if came > limit:
            raise too_large(limit)
        if inflating is None:
            body.write(piece)
        else:
            inflating.inflate(piece, body, limit)
    if inflating is not None and came and not inflating.whole:
        raise Trouble("the compressed answer ended in the middle", AGAIN, passing=True)
    return body.getvalue()


class Inflating:
    """Undoes gzip (several members, too) or deflate (with or without zlib's frame.

    Servers send both).
    """

    def __init__(self, coding: str) -> None:
        """Begin; Trouble for a coding that was not asked for."""
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise Trouble(
                f"the answer is encoded in a way that was not asked for ({coding[:40]})",
                _LOOK,
            )
        self._gzip = coding != "deflate"
        self._inflater = zlib.decompressobj(wbits=31) if self._gzip else None
        self._rest = b""
        self.whole = False

    def inflate(self, piece: bytes, body: io.BytesIO, limit: int) -> None:
        """Append what ``piece`` inflates to, stopping at once when ``body`` grows over
        ``limit``.
        """
        piece = self._rest + piece
        self._rest = b""
        while piece:
            if self.whole and not self._next_member(piece):
                return
            if self._inflater is None:
                self._inflater = _inflater_of_deflate(piece)
            try:
                body.write(self._inflater.decompress(piece, limit + 1 - body.tell()))
            except zlib.error:
                raise Trouble(
                    "the compressed answer is damaged", AGAIN, passing=True
                ) from None
            if body.tell() > limit:
                raise too_large(limit)
            self.whole = self._inflater.eof
            piece = (
                self._inflater.unused_data
                if self.whole
                else self._inflater.unconsumed_tail
            )

    def _next_member(self, piece: bytes) -> bool:
        """Begin gzip's next member if one follows; anything else after the end is padding."""
        if self._gzip and piece == _GZIP_MAGIC[:1]:
            # Cut between two reads
            self._rest = piece
        if not (self._gzip and piece.startswith(_GZIP_MAGIC)):
            return False
        self._inflater = zlib.decompressobj(wbits=31)
        return True


def _inflater_of_deflate(start: bytes) -> zlib._Decompress:
    """Tell zlib's frame (RFC 1950: method 8, a check over two bytes) from bare deflate."""
    framed = (
        len(start) > 1
        and start[0] & 15 == 8
        and int.from_bytes(start[:2], "big") % 31 == 0
    )
    return zlib.decompressobj(wbits=15 if framed else -15)
