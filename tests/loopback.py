"""What the servers of the tests share.

A thread on loopback that ends when told to, and a list of what was asked.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self, cast


@dataclass(frozen=True)
class Asked:
    """One request as it came; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    # The client's address: equal for requests over one connection
    connection: tuple[str, int]


class Listener(ThreadingHTTPServer):
    """A threading server that ends when it is told to, whatever its threads wait for."""

    daemon_threads = True
    block_on_close = True
    request_queue_size = 256

    def __init__(
        self, owner: Running, conversation: type[BaseHTTPRequestHandler]
    ) -> None:
        super().__init__(("127.0.0.1", 0), conversation)
        self.owner = owner
        self.closing = threading.Event()
        self.open: set[socket.socket] = set()

    def process_request(self, request: object, client_address: object) -> None:
        self.open.add(cast("socket.socket", request))
        super().process_request(
            cast("socket.socket", request), cast("tuple[str, int]", client_address)
        )

    def shutdown_request(self, request: object) -> None:
        self.open.discard(cast("socket.socket", request))
        super().shutdown_request(cast("socket.socket", request))

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is what many tests are about."""


class Running:
    """What both servers share: a thread, an address, a list of what was asked."""

    def __init__(
        self,
        conversation: type[BaseHTTPRequestHandler],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = Listener(self, conversation)
        self._tls = tls
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.02},
            daemon=True,
        )
        self._lock = threading.Lock()
        self.requests: list[Asked] = []

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def note(self, conversation: BaseHTTPRequestHandler) -> Asked:
        """Remember a request."""
        headers = {name.lower(): value for name, value in conversation.headers.items()}
        asked = Asked(
            conversation.command,
            conversation.path,
            headers,
            conversation.client_address,
        )
        with self._lock:
            self.requests.append(asked)
        return asked

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.closing.set()
        self._server.shutdown()
        for connection in list(self._server.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()


@contextmanager
def refused() -> Iterator[str]:
    """Give an address at which nothing listens, and keep it so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"
