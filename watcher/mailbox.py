"""The mailbox that readers answer to, by IMAP: what has come and was not looked at yet.

Only subjects are read; nothing is deleted.

Everybody may write to the mailbox, and its server may be slow or broken: what is read is
bounded in bytes and in time, and one odd mail keeps nobody from the others.
"""

from __future__ import annotations

import base64
import email
import email.policy
import imaplib
import re
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from watcher import trust
from watcher.errors import WatcherError
from watcher.settings import Replies

# Seconds to connect, and for each answer
PATIENCE = 20
# Seconds for all of it: a run tells what it has found only afterwards
WHOLE = 120
# Bytes of all answers together, those of so many subjects included
LARGEST = 16 * 1024 * 1024
# Of one run, the newest; and how many are asked for at once
MOST, AT_ONCE = 2000, 200
# Of a subject; no mail server folds ours to more
LONGEST_SUBJECT = 2000
_UID = re.compile(rb"UID (\d+)")
# A password or a date that cannot be, too
_TROUBLE = (OSError, imaplib.IMAP4.error, ValueError, OverflowError)
_REMEDY = "Look at replies in [mail], and at WATCHER_IMAP_PASSWORD."


class Reply(Struct, frozen=True):
    """A mail that came: its number, its subject, and when the server took it."""

    uid: str
    subject: str
    received: datetime


class _Ending(imaplib.IMAP4):
    """A connection whose answers end: imaplib itself reads whatever a server sends."""

    def open(self, *where: Any, **more: Any) -> None:  # noqa: ANN401
        """Connect; from now on there are so many seconds and bytes."""
        self._left = LARGEST
        super().open(*where, **more)
        self._end = threading.Timer(WHOLE, self._cut)
        self._end.daemon = True
        self._end.start()

    def _cut(self) -> None:
        with suppress(OSError):
            # Not as TLS would, which takes the connection from whoever reads it now
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def read(self, size: int) -> bytes:
        """Read a literal.  Raises IMAP4.error when it is too large."""
        self._count(size)
        return super().read(size)

    def readline(self) -> bytes:
        """Read a line.  Raises IMAP4.error when there were too many."""
        line = super().readline()
        self._count(len(line))
        return line

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise self.abort(f"its answers have more than {LARGEST >> 20} MiB")

    def shutdown(self) -> None:
        """Hang up."""
        self._end.cancel()
        super().shutdown()


class _EndingTls(_Ending, imaplib.IMAP4_SSL):
    """The same, with TLS from the start."""


class Mailbox(Struct):
    """An open mailbox."""

    client: imaplib.IMAP4

    def unseen(self) -> Iterator[Reply]:
        """Give the mails that nobody has looked at yet and that may be answers.

        The server finds "feedback on lunch", too: whoever asks sees which are.
        """
        _, (found,) = self.client.uid("SEARCH", "UNSEEN", "SUBJECT", '"ack "')
        numbers = found.decode("ascii").split()[-MOST:] if found else []
        parts = (
            f"(INTERNALDATE BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.{LONGEST_SUBJECT}>)"
        )
        for start in range(0, len(numbers), AT_ONCE):
            some = ",".join(numbers[start : start + AT_ONCE])
            _, answers = self.client.uid("FETCH", some, parts)
            yield from (_reply(*each) for each in answers if isinstance(each, tuple))

    def mark_seen(self, replies: Iterable[Reply]) -> None:
        """Mark mails as looked at.

        After what they say is in the state: a run that is killed before reads them once
        more.
        """
        numbers = [reply.uid for reply in replies]
        for start in range(0, len(numbers), AT_ONCE):
            some = ",".join(numbers[start : start + AT_ONCE])
            self.client.uid("STORE", some, "+FLAGS.SILENT", r"(\Seen)")


@contextmanager
def connect(replies: Replies, ca_bundle: Path | None) -> Iterator[Mailbox]:
    """Open the mailbox, and log out of it in the end.

    Raises WatcherError that says what to do.
    """
    try:
        client = _connected(replies, ca_bundle)
    except _TROUBLE as error:
        raise _failure(replies, error) from error
    try:
        yield Mailbox(client)
    except _TROUBLE as error:
        raise _failure(replies, error) from error
    finally:
        _leave(client)


def _connected(replies: Replies, ca_bundle: Path | None) -> imaplib.IMAP4:
    trusted = trust.context(ca_bundle)
    where = replies.host, replies.port
    client: imaplib.IMAP4
    if replies.tls == "implicit":
        client = _EndingTls(*where, ssl_context=trusted, timeout=PATIENCE)
    else:
        client = _Ending(*where, timeout=PATIENCE)
    try:
        if replies.tls == "starttls":
            client.starttls(trusted)
        _login(client, replies.user, replies.password.reveal())
        _select(client, replies.folder)
    except _TROUBLE:
        _leave(client)
        raise
    return client


def _login(client: imaplib.IMAP4, user: str, password: str) -> None:
    if user.isascii() and password.isascii():
        client.login(user, password)
        return
    # LOGIN knows ASCII alone (RFC 4616, section 2)
    client.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())


def _select(client: imaplib.IMAP4, folder: str) -> None:
    answer, _ = client.select(_named(folder))
    if answer != "OK":
        raise imaplib.IMAP4.error(f"there is no folder {folder}")


def _named(folder: str) -> str:
    """Write a folder's name as a server reads it (RFC 3501, sections 4.3 and 5.1.3)."""
    written = ""
    for piece in re.findall(r"[ -~]+|[^ -~]+", folder):
        if piece.isascii() and piece.isprintable():
            written += piece.replace("&", "&-")
        else:
            code = base64.b64encode(piece.encode("utf-16-be")).decode("ascii")
            written += f"&{code.rstrip('=').replace('/', ',')}-"
    escaped = written.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _leave(client: imaplib.IMAP4) -> None:
    try:
        client.logout()
    except (OSError, imaplib.IMAP4.error):
        # It is gone already; after a certificate that was refused so is the socket, and
        # what that says must not stand in place of the cause
        with suppress(OSError):
            client.shutdown()


def _failure(replies: Replies, error: Exception) -> WatcherError:
    # The server's own words: a login that is refused quotes no password
    said = str(error)[:200].replace("\n", " ")
    return WatcherError(
        f"the mailbox of replies at {replies.host} cannot be read: {said}. {_REMEDY}"
    )


def _reply(said: bytes, header: bytes) -> Reply:
    found = _UID.search(said)
    moment = imaplib.Internaldate2tuple(said)
    if found is None or moment is None:
        raise ValueError("it answered without number or date")
    # Internaldate2tuple gives local time
    received = datetime(*moment[:6]).astimezone(UTC)
    return Reply(found[1].decode("ascii"), _subject(header), received)


def _subject(header: bytes) -> str:
    """Read a subject that anybody may have written; "" for one that cannot be read."""
    try:
        read = email.message_from_bytes(header, policy=email.policy.default)
        return str(read["Subject"] or "")
    # A fault of the library's must not keep the others' answers unread for ever
    except Exception:  # noqa: BLE001
        return ""
