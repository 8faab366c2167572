"""The mail server: its address, read into what a connection needs, and smtplib's
connections with an end to every answer.

Smtplib itself reads as many lines as a server sends, as slowly as it likes.
"""

from __future__ import annotations

import smtplib
import socket
import time
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from watcher.errors import ConfigurationError

TIMEOUT = 30.0
"""Seconds that the server may take for any one answer."""

_PORTS = {"smtp": 587, "smtps": 465}
MOST_LINES = 100
"""Lines of one answer; servers greet with up to some twenty."""

# Bytes
_AT_ONCE = 8192


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

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        """Read from ``connection``, ``seconds`` for a whole answer."""
        self._connection = connection
        self._seconds = seconds
        self._held = bytearray()
        self.begin()

    def begin(self) -> None:
        """Begin another answer."""
        self._left = MOST_LINES
        self._until = time.monotonic() + self._seconds

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
        self._connection.settimeout(self._seconds)
        size = min(end + 1 or len(self._held), limit)
        line = bytes(self._held[:size])
        del self._held[:size]
        return line

    def close(self) -> None:
        """Nothing is open but the connection, which is not ours."""


class Plain(smtplib.SMTP):
    """A connection whose answers end."""

    file: Answers | None

    def getreply(self) -> tuple[int, bytes]:
        """Read one answer: code and text.  Raises SMTPServerDisconnected when it does not end."""
        if self.file is None and self.sock is not None:
            self.file = Answers(self.sock, self.timeout)
        if self.file is not None:
            self.file.begin()
        return super().getreply()


class Encrypted(Plain, smtplib.SMTP_SSL):
    """The same, with TLS from the start."""
