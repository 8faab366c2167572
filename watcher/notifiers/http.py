"""How messages leave by HTTP: whose certificates are trusted, and what was answered.

requests' adapter, for sessions of our own and for those that libraries make.  An answer
has an end, in bytes and in time: requests itself reads as much as a server sends, as
slowly as it likes, and a run that is ended there would tell the same text again.
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import requests
from msgspec import Struct
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from watcher.notifiers import SendingTime

LONGEST_WAIT = timedelta(days=1)
"""Longer than this no server's word keeps a message waiting."""

# Seconds for a whole exchange, and bytes of an answer: services say a few words
LONGEST_EXCHANGE = 90.0
LARGEST = 1024 * 1024
_PARTS = 4
_AT_ONCE = 16384


class Exchange(Struct, frozen=True):
    """One request and what came of it: a status, 0 for none, and what broke, if anything.

    ``begun`` says whether any of the request can have left; None where nobody saw it
    (SOCKS).
    """

    method: str
    status: int = 0
    wait: timedelta = timedelta()
    failure: Exception | None = None
    begun: bool | None = None

    @property
    def never_made(self) -> bool:
        """Whether none of the request has left, so that nothing can have been taken.

        What broke does not say so: TLS breaks behind a message as it does before.
        """
        if self.begun is not None:
            return not self.begun
        never = (
            requests.ConnectTimeout,
            requests.exceptions.ProxyError,
            ValueError,
        )
        # requests has no type of its own for a name that is not found or a refusal
        said = repr(self.failure)
        is_early = "NewConnectionError" in said or "CERTIFICATE_VERIFY_FAILED" in said
        return isinstance(self.failure, never) or is_early


class _Seen:
    """What is seen of the connections of one request."""

    def __init__(self) -> None:
        # Duplicates of the sockets, by which they can be cut
        self.lines: list[socket.socket] = []
        self.begun: bool | None = None


class _Connection(HTTPConnection):
    """A connection that is seen; ``seen`` comes through the pool's arguments."""

    def __init__(self, *args: Any, seen: _Seen, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._seen = seen
        self._connecting = False

    def _new_conn(self) -> socket.socket:
        self._seen.begun = False
        connected = super()._new_conn()
        # TLS takes the socket over; a duplicate reaches the same line
        self._seen.lines.append(connected.dup())
        return connected

    def connect(self) -> None:
        # What is said to a proxy on the way is none of the request
        self._connecting = True
        try:
            super().connect()
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:  # noqa: ANN401
        if not self._connecting:
            if self.sock is None:
                self.connect()
            self._seen.begun = True
        super().send(data)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Adapter(HTTPAdapter):
    """Sends by the trust that all have, and keeps what was answered in ``exchanges``.

    ``time`` says until when; what takes longer is cut.
    """

    def __init__(self, trust: ssl.SSLContext) -> None:
        """Trust what ``trust`` does, at a proxy of https, too."""
        self._trust = trust
        self.exchanges: list[Exchange] = []
        self.time = SendingTime()
        self._seen = _Seen()
        self._pools = {
            "http": functools.partial(_Pool, seen=self._seen),
            "https": functools.partial(_TlsPool, seen=self._seen),
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Make urllib3 open connections that can be cut."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401
        """Send one request, and read its answer, as much as there is need of."""
        method = str(request.method)
        # One that a server has tired of would look like a message that was lost
        request.headers["Connection"] = "close"
        status = 0
        self._seen.begun = None
        try:
            with self._ending():
                response = super().send(request, **{**more, "stream": True})
                status = response.status_code
                # Read here, or what breaks now would not be seen
                response._content = _beginning(response)  # noqa: SLF001
        except (requests.RequestException, OSError, ValueError) as error:
            begun = self._seen.begun
            self.exchanges.append(Exchange(method, status, failure=error, begun=begun))
            raise
        wait = asked_wait(response.headers.get("Retry-After", ""))
        self.exchanges.append(Exchange(method, status, wait, begun=True))
        return response

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Cut what takes longer than an exchange may.

        That is no more than a part of the time that is left: others wait, too.
        """
        longest = self.time.left(LONGEST_EXCHANGE * _PARTS) / _PARTS
        timer = threading.Timer(longest, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            while self._seen.lines:
                self._seen.lines.pop().close()
            # A redirect would go over the line that the server is about to close
            self.close()

    def _cut(self) -> None:
        for line in list(self._seen.lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def build_connection_pool_key_attributes(
        self,
        request: Any,  # noqa: ANN401
        verify: Any,  # noqa: ANN401
        cert: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Verify always, by the one trust."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            pool = {"cert_reqs": "CERT_REQUIRED", "ssl_context": self._trust}
        return host, pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ANN401
        """Leave the pool as it is: it verifies by the one trust."""

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401
        """Verify a proxy of https likewise; SOCKS brings its own."""
        if proxy.lower().startswith("https"):
            kwargs["proxy_ssl_context"] = self._trust
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = self._pools
        return manager


def _beginning(response: requests.Response) -> bytes:
    """Read an answer up to LARGEST; what it means is said by its status."""
    read = bytearray()
    for piece in response.iter_content(_AT_ONCE):
        read += piece
        if len(read) >= LARGEST:
            break
    response.close()
    return bytes(read)


def asked_wait(header: str) -> timedelta:
    """Read Retry-After in its form in seconds; nothing where it has another.

    At most ``LONGEST_WAIT``; a date, which Retry-After may be too, is nothing.
    """
    text = header.strip()
    if not (text.isascii() and text.isdigit()):
        return timedelta()
    return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
