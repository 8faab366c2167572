"""What a mail server's answers mean: refused, deferred, or a setting's mistake.

By the reply code (RFC 5321 section 4.2) and the enhanced one (RFC 3463), and by the
words only where a server gives no enhanced code.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from watcher.records import DeliveryState

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


class Verdict(Struct, frozen=True):
    """What an answer means for a recipient."""

    state: DeliveryState
    settings_wrong: bool = False


def is_taken(code: int) -> bool:
    """Say whether the server agrees: by whatever begins with 2 (RFC 5321 section 4.2.1)."""
    return 200 <= code < 300


def judged(stage: Stage, code: int, answer: bytes) -> Verdict:
    """Judge an answer that is no success."""
    if _is_settings_fault(stage, code, answer):
        return Verdict(DeliveryState.DEFERRED, settings_wrong=True)
    # A full mailbox is emptied again (RFC 5321 section 4.5.3.1.10)
    is_full = code == _FULL and stage is Stage.RECIPIENT
    if code < PERMANENT or is_full:
        return Verdict(DeliveryState.DEFERRED)
    return Verdict(DeliveryState.REFUSED)


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
    """Give the server's answer in a line, with what to do where that is known."""
    remedy = ""
    if code == UNAUTHENTICATED:
        remedy = ". It wants a login: set WATCHER_SMTP_USER and WATCHER_SMTP_PASSWORD"
    # A letter has at most four bytes in UTF-8
    said = " ".join(answer[: 4 * _LONGEST].decode("utf-8", "replace").split())
    if len(said) > _LONGEST:
        said = f"{said[:_LONGEST]} …"
    return f"{code} {said}{remedy}"
