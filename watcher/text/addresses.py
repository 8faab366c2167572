"""Who a message is from and to, in its head: the only lines of it that ever change.

All else is fixed when a message is made.  A From or a To that was wrong is put right
with the configuration, or a message could never arrive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import HeaderParser
from email.policy import SMTP

# A header's line, with those that go on with it
_LINE = rb"(?im)^%s:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*"


def addressed(body: bytes, *, sender: str = "", to: Sequence[str] = ()) -> bytes:
    """Give a message with another From, or with another To.

    "" and () leave what is there; so does what it says already, to the byte.
    List-Unsubscribe leads to the operator, whoever a message is from.
    """
    head, separator, rest = body.partition(b"\r\n\r\n")
    parsed = _parsed(head)
    written = str(parsed["From"] or "")
    if sender and written != str(SMTP.header_factory("From", sender)):
        head = _replaced(head, "From", sender)
    if to and list(to) != addresses(parsed["To"]):
        head = _replaced(head, "To", ", ".join(to))
    return head + separator + rest


def addresses(header: object) -> list[str]:
    """Give the bare addresses of a header that was read.

    [] for a header that was not read as one of addresses.
    """
    found: Sequence[Address] = getattr(header, "addresses", ())
    return [each.addr_spec for each in found]


def to_of(body: bytes) -> list[str]:
    """Give the bare addresses of a message's To.

    Of the head alone: the body may be megabytes.
    """
    return addresses(_parsed(body.partition(b"\r\n\r\n")[0])["To"])


def _parsed(head: bytes) -> EmailMessage:
    text = head.decode("utf-8", "surrogateescape")
    return HeaderParser(EmailMessage, policy=SMTP).parsestr(text)


def _replaced(head: bytes, name: str, value: str) -> bytes:
    # Only an address that is not ASCII is written in UTF-8 (RFC 6532); a name never is
    header = SMTP.header_factory(name, value)
    is_ascii = all(map(str.isascii, addresses(header)))
    line = header.fold(policy=SMTP if is_ascii else SMTP.clone(utf8=True)).rstrip(
        "\r\n"
    )
    pattern = _LINE % name.encode("ascii")
    return re.sub(pattern, lambda _: line.encode("utf-8"), head, count=1)
