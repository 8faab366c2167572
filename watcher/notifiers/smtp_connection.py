"""The mail server: its address, read into what a connection needs, and smtplib's
connections with an end to every answer.

Smtplib itself reads as many lines as a server sends, as slowly as it likes.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from watcher.errors import ConfigurationError
from watcher.notifiers.sending_time import SendingTime

TIMEOUT = 30.0
"""Seconds that the server may take for any one answer."""

LONGEST = 600.0
"""Seconds that a connection may be worked with at a time, where nothing else ends it."""

_PORTS = {"smtp": 587, "smtps": 465}
MOST_LINES = 100
"""Lines of one answer; servers greet with up to some twenty."""

# Bytes
_AT_ONCE = 8192
# Of a message that are sent in the time that an answer may take
_PIECE = 65536


class Server(Struct, frozen=True):
    """Where mail is handed over.

    ``starttls`` is ``required`` or ``never`` as the address's ``?starttls=`` says;
    without it, required when there is a password and else ``offered`` (used when the
    server offers it).
    """

    host: str
    port: int
    # TLS from the start
    implicit: bool
    starttls: str
    xoauth2: bool
    timeout: float


def server(address: str, *, credentials: bool) -> Server:
    """Read ``smtp://host:587``, ``smtps://host``.

    ``?starttls=never``, ``?auth=xoauth2`` and ``?timeout=10`` may follow.

    Raises ConfigurationError that names what is wrong.
    """
    try:
        parts = urlsplit(address)
        options = {
            key: values[-1]
            for key, values in parse_qs(
                parts.query, strict_parsing=bool(parts.query)
            ).items()
        }
        port = parts.port or _PORTS[parts.scheme]
        timeout = float(options.pop("timeout", TIMEOUT))
    except (ValueError, KeyError) as error:
        raise ConfigurationError(
            "[mail] smtp: write smtp://mail.example.org:587 or smtps://mail.example.org."
        ) from error
    starttls, auth = options.pop("starttls", ""), options.pop("auth", "password")
    if parts.username or parts.password:
        raise ConfigurationError(
            "[mail] smtp: the password is WATCHER_SMTP_PASSWORD; it has no place in the address."
        )
    known = (
        starttls in {"", "required", "never"}
        and auth in {"password", "xoauth2"}
        and timeout > 0
    )
    if not parts.hostname or options or not known:
        raise ConfigurationError(
            "[mail] smtp: only starttls=required or never, auth=password or "
            "xoauth2, and timeout=SECONDS may follow the host."
        )
    chosen = starttls or ("required" if credentials else "offered")
    return Server(
        parts.hostname,
        port,
        parts.scheme == "smtps",
        chosen,
        auth == "xoauth2",
        timeout,
    )


class Answers:
    """The server's lines, in place of the file that smtplib reads.

    Each answer has as many lines and seconds as are agreed.
    """

    def __init__(self, connection: socket.socket) -> None:
        """Read from ``connection``."""
        self._connection = connection
        self._held = bytearray()

    def begin(self, seconds: float) -> None:
        """Begin another answer: so many seconds for the whole of it."""
        self._left = MOST_LINES
        self._until = time.monotonic() + seconds

    def readline(self, limit: int) -> bytes:
        """Give the next line, no more than ``limit`` bytes of it.

        Raises OSError when the answer does not end.
        """
        if self._left == 0:
            raise OSError(f"its answer has more than {MOST_LINES} lines")
        self._left -= 1
        while (end := self._held.find(b"\n")) < 0 and len(self._held) < limit:
            rest = self._until - time.monotonic()
            if rest <= 0:
                raise TimeoutError("timed out")
            self._connection.settimeout(rest)
            read = self._connection.recv(_AT_ONCE)
            if not read:
                break
            self._held += read
        size = min(end + 1 or len(self._held), limit)
        line = bytes(self._held[:size])
        del self._held[:size]
        return line

    def close(self) -> None:
        """Nothing is open but the connection, which is not ours."""


class Connection(smtplib.SMTP):
    """A connection whose answers end, as does what is sent by it.

    ``until`` says when all of it does.
    """

    file: Answers | None
    # A duplicate of the socket, by which it can be cut
    line: socket.socket | None = None

    def __init__(
        self,
        server: Server,
        until: SendingTime,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """Connect, and encrypt from the start by ``context``.

        Raises OSError, SMTPException.
        """
        self.until = until
        self._patience = server.timeout
        self._context = context
        self._host = server.host
        super().__init__(
            server.host, server.port, timeout=max(0.01, until.left(server.timeout))
        )

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self.line = connected.dup()
        if self._context is None:
            return connected
        try:
            with self.ending():
                return self._context.wrap_socket(connected, server_hostname=host)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Cut the connection when its time is up, whatever it is doing then.

        A handshake of TLS, too, is as long as a server likes.
        """
        timer = threading.Timer(self.until.left(LONGEST), self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        line = self.line
        if line is not None:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def send(self, data: Any) -> None:  # noqa: ANN401 - bytes, or a command's text
        """Send all of it.  Raises SMTPServerDisconnected where that takes too long."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("please run connect() first")
        left = memoryview(
            data.encode(self.command_encoding) if isinstance(data, str) else data
        )
        seconds = self._patience * (1 + len(left) // _PIECE)
        until = time.monotonic() + self.until.left(seconds)
        try:
            while left:
                rest = until - time.monotonic()
                if rest <= 0:
                    raise TimeoutError("timed out")
                self.sock.settimeout(rest)
                left = left[self.sock.send(left[:_AT_ONCE]) :]
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected("Server not connected") from error

    def getreply(self) -> tuple[int, bytes]:
        """Read one answer: code and text.  Raises SMTPServerDisconnected when it does not end."""
        if self.file is None and self.sock is not None:
            self.file = Answers(self.sock)
        if self.file is not None:
            self.file.begin(self.until.left(self._patience))
        answer = super().getreply()
        # A handshake that follows is not as short as what was left for this answer
        if self.sock is not None:
            self.sock.settimeout(max(0.01, self.until.left(self._patience)))
        return answer

    def close(self) -> None:
        """Hang up."""
        super().close()
        if self.line is not None:
            self.line.close()
            self.line = None
