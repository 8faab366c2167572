"""Connections that look where they go, and can be cut; bodies that never grow too large.

requests' adapter with two additions: an address is checked before it is connected to
(and only the checked one is, so that a second answer of the name server changes
nothing), and another thread can cut the connection when time is up.
"""

from __future__ import annotations

import functools
import io
import socket
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util import connection as urllib3_connection

from watcher import trust
from watcher.web import NEVER, FetchError
from watcher.web.address import Reach, look_up, reach_of
from watcher.web.failures import AGAIN, LOOK, too_large

PIECE = 65536
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = frozenset({"gzip", "x-gzip"})
_PLAIN = frozenset({"", "identity"})


class TooNearError(Exception):
    """The host's address is nearer than the page that leads there may lead."""

    def __init__(self, address: str) -> None:
        """Name the address."""
        super().__init__(address)
        self.address = address


class Gate:
    """One worker's view of its connection: how near it may go, where it is, when it must end."""

    def __init__(self) -> None:
        """Begin without a connection and with nothing allowed nearer than the public internet."""
        self.nearest: Callable[[], Reach] = lambda: Reach.PUBLIC
        # Where the last connection led; PUBLIC through a proxy, where nobody can tell
        self.at = Reach.PUBLIC
        # time.monotonic() at which the connection is cut
        self.due = NEVER
        self.cut_off = False
        self._line: socket.socket | None = None
        self._left: list[socket.socket] = []

    def check(self, address: str, where: Reach) -> None:
        """Raise TooNearError unless the next request may go to ``address``."""
        if where < Reach.PUBLIC and where < self.nearest():
            raise TooNearError(address)

    def holds(self, line: socket.socket | None, at: Reach) -> None:
        """Note over which line the request under way goes."""
        self._line = line
        self.at = at

    def takes(self, line: socket.socket) -> None:
        """Close a line whose connection is closed.

        Later, if its answer is still under way (``Connection: close``).
        """
        if self.due == NEVER:
            line.close()
        else:
            self._left.append(line)

    def release(self) -> None:
        """Close the lines that were left: the answer is read."""
        while self._left:
            self._left.pop().close()

    def cut(self) -> None:
        """End the request under way, from any thread: reads and writes that wait return at once."""
        self.cut_off = True
        line = self._line
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _CheckedConnection(HTTPConnection):
    """What both schemes share; ``gate`` comes through the pool's keyword arguments."""

    def __init__(self, *args: Any, gate: Gate, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._gate = gate
        self._line: socket.socket | None = None
        self._at = Reach.PUBLIC
        self._address = ""

    def _new_conn(self) -> socket.socket:
        """Look the host up, check and connect to its addresses in turn, as urllib3 does
        for unchecked ones.
        """
        try:
            addresses = look_up(self.host, self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        for address in addresses[:-1]:
            with suppress(NewConnectionError, ConnectTimeoutError):
                return self._connect_to(address)
        return self._connect_to(addresses[-1])

    def _connect_to(self, address: str) -> socket.socket:
        at = Reach.PUBLIC if self.proxy else reach_of(address)
        self._gate.check(address, Reach.PUBLIC if self.proxy else at)
        try:
            sock = urllib3_connection.create_connection(
                (address, self.port),
                self.timeout,
                source_address=self.source_address,
                socket_options=self.socket_options,
            )
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection in time") from error
        except OSError as error:
            raise NewConnectionError(self, "no connection") from error
        self._hang_up()
        # TLS takes the socket over; a duplicate reaches the same line whatever becomes
        # of the first.
        self._line, self._at, self._address = sock.dup(), at, address
        self._gate.holds(self._line, at)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Send a request; a line kept from an earlier one is checked again."""
        if self._line is not None:
            self._gate.check(self._address, self._at)
            self._gate.holds(self._line, self._at)
        super().request(*args, **kwargs)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._gate.takes(self._line)
            self._line = None

    def close(self) -> None:
        """Close the connection; the duplicate line stays until the answer is read."""
        self._hang_up()
        super().close()


class _CheckedTlsConnection(_CheckedConnection, HTTPSConnection):
    """The same over TLS; the certificate is checked against the name, not the address."""


class _CheckedPool(HTTPConnectionPool):
    ConnectionCls = _CheckedConnection


class _CheckedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedTlsConnection


class CheckedAdapter(HTTPAdapter):
    """requests' adapter whose connections pass ``gate``."""

    def __init__(self, gate: Gate, ca_bundle: Path | None) -> None:
        """Keep one connection a host: a worker asks one thing at a time."""
        self._ca_bundle = ca_bundle
        self._pools = {
            "http": functools.partial(_CheckedPool, gate=gate),
            "https": functools.partial(_CheckedTlsPool, gate=gate),
        }
        self._last: tuple[str, Any] = ("", None)
        super().__init__(pool_connections=8, pool_maxsize=1)

    def get_connection_with_tls_context(
        self,
        request: Any,  # noqa: ANN401
        verify: Any,  # noqa: ANN401
        proxies: Any = None,  # noqa: ANN401
        cert: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Give the pool of the request's host, the last one again without looking it up.

        A worker asks one host most of the time.
        """
        host = "/".join(request.url.split("/", 3)[:3])
        if host != self._last[0] or self._last[1].pool is None:
            self._last = (
                host,
                super().get_connection_with_tls_context(request, verify, proxies, cert),
            )
        return self._last[1]

    def build_connection_pool_key_attributes(
        self,
        request: Any,  # noqa: ANN401
        verify: Any,  # noqa: ANN401
        cert: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Let all connections share one set of trusted authorities.

        Reading it takes longer than many a page.
        """
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            pool = {
                "cert_reqs": "CERT_REQUIRED",
                "ssl_context": trust.context(self._ca_bundle),
            }
        return host, pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ANN401
        """Leave the pool as it is: it verifies by the shared authorities."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Make urllib3 open checked connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401
        """Make connections to a proxy ones that can be cut; SOCKS brings its own."""
        if proxy.lower().startswith("https"):
            kwargs["proxy_ssl_context"] = trust.context(self._ca_bundle)
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pools
        return manager


# --- Bodies ---------------------------------------------------------------------------


class Stream(Protocol):
    """What urllib3's response offers: the bytes as they came."""

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:  # noqa: FBT001
        """Read up to ``amt`` bytes, fewer only at the end."""
        ...


def read_body(stream: Stream, encoding: str, limit: int) -> bytes:
    """Read and decompress a whole body.

    ``encoding`` is the Content-Encoding; ``limit`` holds for the body and for what
    comes over the wire.

    Raises:
        FetchError: larger than ``limit``, cut off, not decompressible, or of an
            encoding that was not asked for.

    """
    coding = encoding.strip().lower()
    inflating = None if coding in _PLAIN else Inflating(coding)
    body = io.BytesIO()
    came = 0
    while piece := stream.read(PIECE, decode_content=False):
        # A proxy on the way has decompressed it, and left the header as it was
        if not came and coding in _GZIP and not piece.startswith(_GZIP_MAGIC[:1]):
            inflating = None
        came += len(piece)
        if came > limit:
            raise too_large(limit)
        if inflating is None:
            body.write(piece)
        else:
            inflating.inflate(piece, body, limit)
    if inflating is not None and came and not inflating.whole:
        raise FetchError(
            "the compressed answer ended in the middle", AGAIN, passing=True
        )
    return body.getvalue()


class Inflating:
    """Undoes gzip (several members, too) or deflate (with or without zlib's frame.

    Servers send both).
    """

    def __init__(self, coding: str) -> None:
        """Begin; FetchError for a coding that was not asked for."""
        if coding not in (*_GZIP, "deflate"):
            raise FetchError(
                f"the answer is encoded in a way that was not asked for ({coding[:40]})",
                LOOK,
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
                # Of a plain text the beginning may pass for bare deflate
                if not self._gzip and piece.strip(b"\0"):
                    raise _damaged()
                return
            if self._inflater is None:
                self._inflater = _inflater_of_deflate(piece)
            try:
                body.write(self._inflater.decompress(piece, limit + 1 - body.tell()))
            except zlib.error:
                raise _damaged() from None
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


def _damaged() -> FetchError:
    return FetchError("the compressed answer is damaged", AGAIN, passing=True)


def _inflater_of_deflate(start: bytes) -> zlib._Decompress:
    """Tell zlib's frame (RFC 1950: method 8, a check over two bytes) from bare deflate."""
    framed = (
        len(start) > 1
        and start[0] & 15 == 8
        and int.from_bytes(start[:2], "big") % 31 == 0
    )
    return zlib.decompressobj(wbits=15 if framed else -15)
