"""The mail server: its address, read into what a connection needs, and smtplib's
connections with an end to every answer; and what its answers mean.

Smtplib itself reads as many lines as a server sends, as slowly as it likes.

An answer refuses, defers, or is a setting's mistake: by the reply code (RFC 5321 section
4.2) and the enhanced one (RFC 3463), and by the words only where a server gives no enhanced
code.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from watcher.errors import ConfigurationError
from watcher.notifiers import SendingTime
from watcher.records import DeliveryState

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
    is_understood = (
        starttls in {"", "required", "never"}
        and auth in {"password", "xoauth2"}
        and timeout > 0
    )
    if not parts.hostname or options or not is_understood:
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


# Letters of an answer that are kept: it stands in the state, in mail to the operator
# and in status
_LONGEST = 500
PERMANENT = 500
UNAUTHENTICATED = 530
# RFC 4954 section 6, RFC 3207 section 4: the settings' mistake, not the message's
_LOGIN = frozenset({530, 534, 535, 538})
# A command or an address that the server does not understand, or no mail at all there:
# another server, another way to write the address
_NOT_UNDERSTOOD = frozenset({500, 501, 502, 503, 504, 521, 555})
_TRANSACTION_FAILED = 554
# RFC 5321 section 4.5.3.1.10: of too many recipients both are said
TOO_MANY = frozenset({452, 552})
_FULL = 552
_ENHANCED = re.compile(rb"[245]\.(\d{1,3})\.(\d{1,3})\b")
# Security or policy: Exchange says 5.7.60 to who may not send as this sender, 5.7.54 to
# whom it does not relay for
_POLICY = b"7"
# Bad sender's mailbox, bad sender's system
_SENDERS = {(b"1", b"7"), (b"1", b"8")}
# The recipient's address, the recipient's mailbox
_RECIPIENTS = {b"1", b"2"}
_BLAMES_SETTINGS = re.compile(rb"\b(relay|sender)", re.IGNORECASE)


class Stage(StrEnum):
    """What the server was told when it answered."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    MESSAGE = "message"


class AnswerMeaning(Struct, frozen=True):
    """What an answer means for a recipient."""

    state: DeliveryState
    settings_wrong: bool = False


def is_taken(code: int) -> bool:
    """Say whether the server agrees: by whatever begins with 2 (RFC 5321 section 4.2.1)."""
    return 200 <= code < 300


def judged(stage: Stage, code: int, answer: bytes) -> AnswerMeaning:
    """Judge an answer that is no success.

    Deferred is tried again, refused is given up.  A fault of the settings is deferred,
    and said: setting it right mends it (law 8).
    """
    if _is_settings_fault(stage, code, answer):
        return AnswerMeaning(DeliveryState.DEFERRED, settings_wrong=True)
    # A full mailbox is emptied again (RFC 5321 section 4.5.3.1.10)
    is_full = code == _FULL and stage is Stage.RECIPIENT
    if code < PERMANENT or is_full:
        return AnswerMeaning(DeliveryState.DEFERRED)
    return AnswerMeaning(DeliveryState.REFUSED)


def _is_settings_fault(stage: Stage, code: int, answer: bytes) -> bool:
    if code < PERMANENT:
        return False
    # Who may send and how is said by the configuration alone
    if stage is Stage.SENDER or code in _LOGIN or code in _NOT_UNDERSTOOD:
        return True
    found = _ENHANCED.match(answer)
    if found:
        subject, detail = found.groups()
        if subject == _POLICY or (subject, detail) in _SENDERS:
            return True
        if stage is Stage.RECIPIENT and subject in _RECIPIENTS:
            return False
    if stage is Stage.RECIPIENT and code == _TRANSACTION_FAILED:
        return True
    # "550 relaying denied", "553 sender not allowed": servers without enhanced codes
    return _BLAMES_SETTINGS.search(answer) is not None


def says_too_many(code: int, answer: bytes) -> bool:
    """Say whether an answer to a recipient may mean that it is one too many for now.

    Of a full mailbox it does not: 4.2.2, 5.2.2.
    """
    found = _ENHANCED.match(answer)
    return code in TOO_MANY and not (found and found[1] == b"2")


def words(code: int, answer: bytes) -> str:
    """Give the server's answer in a line, with what to do where that is known.

    At most ``_LONGEST`` letters of it, without line breaks: a server may answer with a
    page.
    """
    remedy = ""
    if code == UNAUTHENTICATED:
        remedy = ". It wants a login: set WATCHER_SMTP_USER and WATCHER_SMTP_PASSWORD"
    # A letter has at most four bytes in UTF-8
    said = " ".join(answer[: 4 * _LONGEST].decode("utf-8", "replace").split())
    if len(said) > _LONGEST:
        said = f"{said[:_LONGEST]} …"
    return f"{code} {said}{remedy}"
