"""Services that are told something by POST.

Webhooks, Microsoft's login and Graph, each on loopback.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, cast
from urllib.parse import parse_qs

from tests.loopback import Listener, Running

TENANT, CLIENT, SECRET, TOKEN = (
    "example.onmicrosoft.com",
    "4711",
    "it is secret",
    "a.token.of-the-client",
)


@dataclass(frozen=True)
class Posted:
    """What came: path, headers (names in lower case), body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class _Conversation(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        service = cast("Service", cast("Listener", self.server).owner)
        service.note(self)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        posted = Posted(
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )
        service.posted.append(posted)
        self._answer(*service.answer(posted))

    def do_GET(self) -> None:
        service = cast("Service", cast("Listener", self.server).owner)
        service.note(self)
        self._answer(*service.shown(self.path))

    def _answer(self, status: int, body: bytes) -> None:
        if not status:
            self.close_connection = True
            return
        service = cast("Service", cast("Listener", self.server).owner)
        if service.never_ends:
            self._go_on(service.never_ends)
            return
        if service.garbles and self.path.endswith(service.garbles):
            # Past TLS: a record that its keys do not open
            with socket.socket(fileno=os.dup(self.connection.fileno())) as line:
                line.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in cast(
            "Service", cast("Listener", self.server).owner
        ).headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        listener = cast("Listener", self.server)
        listener.closing.wait(cast("Service", listener.owner).lingers)

    def _go_on(self, how: str) -> None:
        """Answer without end: "head" or "body", and "slowly" or at once."""
        closing = cast("Listener", self.server).closing
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        if "head" not in how:
            self.wfile.write(b"\r\n")
        while not closing.wait(0.01 if "slowly" in how else 0):
            self.wfile.write(b"X" if "slowly" in how else b"X" * 65536)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Service(Running):
    """Takes what is posted.

    ``statuses`` are the answers at a path, one after the other, the last one stays (0:
    cut).
    """

    # Seconds between an answer and the end of a connection that its client wants closed
    lingers = 0.0
    # The path whose answer is no TLS that anybody can read, "" for none
    garbles = ""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(_Conversation, tls)
        self.secure = tls is not None
        self.posted: list[Posted] = []
        self.headers: dict[str, str] = {}
        # How an answer goes on for ever, "" for one that ends
        self.never_ends = ""
        self.statuses: dict[str, list[int]] = defaultdict(lambda: [200])

    @property
    def origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://127.0.0.1:{self.port}"

    def answer(self, posted: Posted) -> tuple[int, bytes]:
        """Answer as the path's script says."""
        left = self.statuses[posted.path]
        return (left.pop(0) if len(left) > 1 else left[0]), b""

    def shown(self, path: str) -> tuple[int, bytes]:
        """Answer a GET likewise."""
        return self.answer(Posted(path, {}, b""))


class Microsoft(Service):
    """The login and Graph's sendMail, with the checks that they make of a request."""

    send_status = 202
    graph = ""  # where Graph is, "" when it is here
    # What is given, and taken; what was given before is not taken any more
    token = TOKEN

    @property
    def token_path(self) -> str:
        return f"/{TENANT}/oauth2/v2.0/token"

    def shown(self, path: str) -> tuple[int, bytes]:
        """Say where tokens come from (OpenID Connect Discovery 1.0)."""
        if path != f"/{TENANT}/v2.0/.well-known/openid-configuration":
            return 404, b""
        here = f"{self.origin}/{TENANT}"
        endpoints = {
            "issuer": f"{here}/v2.0",
            "token_endpoint": self.origin + self.token_path,
            "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
        }
        return 200, json.dumps(endpoints).encode()

    def answer(self, posted: Posted) -> tuple[int, bytes]:
        """Check a request as Microsoft does."""
        if posted.path == self.token_path:
            if not posted.headers["content-type"].startswith(
                "application/x-www-form-urlencoded"
            ):
                return 400, json.dumps({"error": "invalid_request"}).encode()
            return self._token(parse_qs(posted.body.decode(), strict_parsing=True))
        if posted.path == "/v1.0/users/watcher@example.org/sendMail":
            return self._mail(posted)
        return 404, error("ResourceNotFound", "there is no such mailbox")

    def _token(self, form: dict[str, list[str]]) -> tuple[int, bytes]:
        if form["grant_type"] != ["client_credentials"] or form["client_id"] != [
            CLIENT
        ]:
            return 400, json.dumps({"error": "unauthorized_client"}).encode()
        if form["scope"] not in (
            [f"{self.graph or self.origin}/.default"],
            ["https://outlook.office365.com/.default"],
        ):
            return 400, json.dumps({"error": "invalid_scope"}).encode()
        if form.get("client_secret") != [SECRET] and "client_assertion" not in form:
            return 401, json.dumps(
                {
                    "error": "invalid_client",
                    "error_description": "AADSTS7000215: Invalid client secret.",
                }
            ).encode()
        return 200, json.dumps(
            {"token_type": "Bearer", "expires_in": 3600, "access_token": self.token}
        ).encode()

    def _mail(self, posted: Posted) -> tuple[int, bytes]:
        if posted.headers["authorization"] != f"Bearer {self.token}":
            return 401, error("InvalidAuthenticationToken", "no")
        if posted.headers[
            "content-type"
        ] != "text/plain" or b"Message-ID:" not in base64.b64decode(
            posted.body, validate=True
        ):
            return 400, error("ErrorMimeContentInvalidBase64String", "no")
        return self.send_status, b"" if self.send_status == 202 else error(
            "ErrorSomething", "Graph's own words"
        )


def error(code: str, message: str) -> bytes:
    """Write an error as Graph does."""
    said: dict[str, Any] = {"error": {"code": code, "message": message}}
    return json.dumps(said).encode()
