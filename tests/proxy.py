"""A real forward proxy on loopback, so that tests can ask for any host name without DNS."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import cast
from urllib.parse import urlsplit

from tests.loopback import Listener, Running


class ProxyServer(Running):
    """A forward proxy: plain requests by their absolute address, others through CONNECT.

    ``hosts`` says which server on loopback plays a host name, so that any name can be
    asked for without DNS.
    """

    def __init__(
        self,
        hosts: Mapping[str, int],
        *,
        password: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(_ProxyConversation, tls)
        self.hosts = dict(hosts)
        # The whole Proxy-Authorization value asked for, if any
        self.password = password

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _ProxyConversation(BaseHTTPRequestHandler):
    """One client's connection to a ProxyServer; one request each."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _towards(self, host: str) -> socket.socket | None:
        proxy = cast("ProxyServer", cast("Listener", self.server).owner)
        asked = proxy.note(self)
        self.close_connection = True
        if (
            proxy.password
            and asked.headers.get("proxy-authorization") != proxy.password
        ):
            self.send_error(407)
            return None
        if host not in proxy.hosts:
            self.send_error(502)
            return None
        return socket.create_connection(("127.0.0.1", proxy.hosts[host]), timeout=30)

    def do_GET(self) -> None:
        upstream = self._towards(urlsplit(self.path).hostname or "")
        if upstream is None:
            return
        lines = [
            f"GET {self.path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in self.headers.items()),
            "Connection: close",
        ]
        with upstream:
            upstream.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            while piece := upstream.recv(65536):
                self.wfile.write(piece)

    def do_CONNECT(self) -> None:
        upstream = self._towards(self.path.rpartition(":")[0])
        if upstream is None:
            return
        with upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = {self.connection: upstream, upstream: self.connection}
            while True:
                for ready in select.select(list(ends), [], [], 30)[0]:
                    piece = ready.recv(65536)
                    if not piece:
                        return
                    ends[ready].sendall(piece)
