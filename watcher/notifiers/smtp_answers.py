"""smtplib's connections, with an end to every answer.

Smtplib itself reads as many lines as a server sends, as slowly as it likes.
"""

from __future__ import annotations

import smtplib
import socket
import time

MOST_LINES = 100
"""Lines of one answer; servers greet with up to some twenty."""

# Bytes
_AT_ONCE = 8192


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
