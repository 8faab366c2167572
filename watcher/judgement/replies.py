"""What readers answer by mail: that a pulled update has been dealt with.

A link in the reminder opens a mail whose subject is ``ack UPDATE SIGNATURE``.  The
signature is of the reader, the update and its newest pull, so that nobody else can say
so, nobody for another reader, and no old answer that comes again for a later pull.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable

from msgspec import Struct

READER = "reader:"
"""What an acknowledged target begins with that holds for one subscriber only."""

# 100 bits: far beyond what can be tried by mail
SIGNED_LETTERS = 20
# Of PBKDF2: a fifth of a second for each guess at the password
_ROUNDS = 600_000
_SUBJECT = re.compile(
    r"\back ([a-z0-9][a-z0-9._-]{0,150}) ([a-z2-7]{20})\b", re.IGNORECASE
)


class Answer(Struct, frozen=True):
    """Who has dealt with which update."""

    subscriber: str
    update: str

    @property
    def target(self) -> str:
        """What is acknowledged: for this subscriber only."""
        return reader_target(self.subscriber, self.update)


def reader_target(subscriber: str, target: str) -> str:
    """Write a target that holds for one subscriber."""
    return f"{READER}{subscriber}:{target}"


@functools.lru_cache(maxsize=4)
def key_of(password: str) -> bytes:
    """Make the key that signs answers out of the mailbox's password.

    Every reader has signatures: by a key that costs nothing, one could try passwords
    against them as fast as a machine can count.
    """
    salt = b"advisory-watcher replies"
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)


def is_signed(text: str) -> bool:
    """Say whether a subject has the form of an answer, whoever may have signed it."""
    return _SUBJECT.search(" ".join(text.split())) is not None


def subject(key: bytes, subscriber: str, update: str, pull: str = "") -> str:
    """Write the subject by which a subscriber says that an update has been dealt with.

    ``pull`` is the event that told of its newest pull, "" where none did.
    """
    return f"ack {update} {_signature(key, subscriber, update, pull)}"


def read(
    text: str,
    key: bytes,
    subscribers: Iterable[str],
    pull_of: Callable[[str], str] = lambda _update: "",
) -> Answer | None:
    """Read a subject, None for one that says nothing or is not signed for anybody.

    ``pull_of`` gives the event of an update's newest pull.
    """
    found = _SUBJECT.search(" ".join(text.split()))
    if found is None:
        return None
    update, signature = found[1].lower(), found[2].lower()
    pull = pull_of(update)
    for subscriber in subscribers:
        expected = _signature(key, subscriber, update, pull)
        if hmac.compare_digest(expected, signature):
            return Answer(subscriber, update)
    return None


def _signature(key: bytes, subscriber: str, update: str, pull: str) -> str:
    content = f"ack\n{subscriber}\n{update}\n{pull}".encode()
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:SIGNED_LETTERS]
