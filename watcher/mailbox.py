"""The mailbox that readers answer to, by IMAP: what has come and was not looked at yet.

Only subjects are read; nothing is deleted.
"""

from __future__ import annotations

import email
import email.policy
import imaplib
import re
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from watcher.errors import WatcherError
from watcher.settings import Replies

# Seconds to connect, and for each answer
PATIENCE = 20
# Of one run; the next one goes on
MOST = 200
_UID = re.compile(rb"UID (\d+)")
_REMEDY = "Look at replies in [mail], and at WATCHER_IMAP_PASSWORD."


class Reply(Struct, frozen=True):
    """A mail that came: its number, its subject, and when the server took it."""

    uid: str
    subject: str
    received: datetime


class Mailbox(Struct):
    """An open mailbox."""

    client: imaplib.IMAP4

    def unseen(self) -> list[Reply]:
        """Give the mails that nobody has looked at yet and that may be answers."""
        # Others' mail in this mailbox stays as it is, unread
        _, (found,) = self.client.uid("SEARCH", "UNSEEN", "SUBJECT", '"ack "')
        numbers = found.decode("ascii").split()[:MOST] if found else []
        if not numbers:
            return []
        parts = "(INTERNALDATE BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
        _, answers = self.client.uid("FETCH", ",".join(numbers), parts)
        return [_reply(*each) for each in answers if isinstance(each, tuple)]

    def mark_seen(self, replies: Iterable[Reply]) -> None:
        """Mark mails as looked at."""
        numbers = ",".join(reply.uid for reply in replies)
        if numbers:
            self.client.uid("STORE", numbers, "+FLAGS.SILENT", r"(\Seen)")


@contextmanager
def connect(replies: Replies, ca_bundle: Path | None) -> Iterator[Mailbox]:
    """Open the mailbox, and log out of it in the end.

    Raises WatcherError that says what to do.
    """
    try:
        client = _connected(replies, ca_bundle)
    except (OSError, imaplib.IMAP4.error) as error:
        raise _failure(replies, error) from error
    try:
        yield Mailbox(client)
    except (OSError, imaplib.IMAP4.error, ValueError) as error:
        raise _failure(replies, error) from error
    finally:
        _leave(client)


def _connected(replies: Replies, ca_bundle: Path | None) -> imaplib.IMAP4:
    trust = ssl.create_default_context(cafile=str(ca_bundle) if ca_bundle else None)
    where = replies.host, replies.port
    client: imaplib.IMAP4
    if replies.tls == "implicit":
        client = imaplib.IMAP4_SSL(*where, ssl_context=trust, timeout=PATIENCE)
    else:
        client = imaplib.IMAP4(*where, timeout=PATIENCE)
    try:
        if replies.tls == "starttls":
            client.starttls(trust)
        client.login(replies.user, replies.password.reveal())
        _select(client, replies.folder)
    except (OSError, imaplib.IMAP4.error):
        _leave(client)
        raise
    return client


def _select(client: imaplib.IMAP4, folder: str) -> None:
    answer, _ = client.select(folder)
    if answer != "OK":
        raise imaplib.IMAP4.error(f"there is no folder {folder}")


def _leave(client: imaplib.IMAP4) -> None:
    try:
        client.logout()
    except (OSError, imaplib.IMAP4.error):
        # It is gone already
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
    read = email.message_from_bytes(header, policy=email.policy.default)
    # Internaldate2tuple gives local time
    received = datetime(*moment[:6]).astimezone(UTC)
    return Reply(found[1].decode("ascii"), str(read["Subject"] or ""), received)
