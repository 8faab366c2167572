"""Ways of delivering a message: one small file a kind, all of one shape.

Each module has ``connect(settings)``, a context that gives a ``Notifier``; ``send``
delivers one message for one settings. A new kind touches three places: its file, the
registry below, and the configuration that chooses it.  What all kinds share stands here,
too: how long sending may take, and the lines of a message that say who it is from and to.
"""

from __future__ import annotations

import hashlib
import importlib
import math
import re
import time
from collections.abc import Sequence
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import HeaderParser
from email.policy import SMTP
from typing import TYPE_CHECKING, Protocol, cast

from msgspec import Struct

from watcher.records import DeliveryState, Message
from watcher.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager


class SendingTime(Struct, frozen=True):
    """Until when messages are sent, as time.monotonic() counts.

    Past ``begins`` no message is begun, nor told to a further recipient, and past
    ``ends`` what is under way is cut.
    """

    begins: float = math.inf
    ends: float = math.inf

    @classmethod
    def of(cls, begins: timedelta, ends: timedelta) -> SendingTime:
        """Begin messages for so long from now, and cut what takes longer than ``ends``."""
        now = time.monotonic()
        return cls(now + begins.total_seconds(), now + ends.total_seconds())

    @property
    def is_over(self) -> bool:
        """Whether no message is begun any more."""
        return time.monotonic() >= self.begins

    def left(self, most: float) -> float:
        """Give the seconds until all is cut, ``most`` at most."""
        return max(0.0, min(most, self.ends - time.monotonic()))


KINDS: dict[str, str] = {
    "apprise": "watcher.notifiers.apprise",
    "graph": "watcher.notifiers.graph",
    "outbox": "watcher.notifiers.outbox",
    "smtp": "watcher.notifiers.smtp",
}


class Receipt(Struct, frozen=True):
    """What became of a message for one recipient.

    ``answer`` is the server's own, or the cause, for an administrator; ``wait`` is how
    long the server wants to be left alone.  ``settings_wrong``: an address, a right or
    a secret is in the way, and putting it right sends the message.
    """

    recipient: str
    state: DeliveryState
    answer: str
    wait: timedelta = timedelta()
    settings_wrong: bool = False


class Notifier(Protocol):
    """Delivers messages, over one connection where it has one."""

    def send(
        self,
        message: Message,
        recipients: Sequence[str],
        time: SendingTime | None = None,
    ) -> list[Receipt]:
        """Deliver ``message`` and say for each recipient what became of it.

        Whose turn did not come in ``time`` is in no receipt.  Expected failures are no
        exceptions.
        """
        ...

    def targets(self, recipient: str) -> list[str]:
        """Name those whom a recipient stands for: the targets of a channel that has several."""
        ...


class _Module(Protocol):
    def connect(self, settings: Settings) -> AbstractContextManager[Notifier]: ...


def kind(settings: Settings) -> str:
    """Choose by the configuration: a mail server or Graph when there is one, else files.

    Files go to the outbox, to be looked at, as long as no way is configured.
    """
    if settings.mail.smtp.startswith("graph:"):
        return "graph"
    return "smtp" if settings.mail.smtp else "outbox"


def way(settings: Settings) -> str:
    """Give a mark of how mail leaves.

    Server, port, user and way of logging in, but no secret; it changes when one of
    these does.
    """
    mail, oauth = settings.mail, settings.mail.oauth
    login = (
        (oauth.tenant, oauth.client, oauth.authority, oauth.graph, oauth.secret is None)
        if oauth
        else ()
    )
    parts = (
        mail.smtp,
        mail.sender,
        mail.user.reveal() if mail.user else "",
        mail.password is None,
        login,
        str(settings.ca_bundle),
    )
    place = "" if mail.smtp else str(mail.outbox)
    # Short: nobody can guess the user from it
    return hashlib.sha256(repr((kind(settings), *parts, place)).encode()).hexdigest()[
        :8
    ]


def channel_of(recipient: str) -> str:
    """Name the channel of a recipient that may be one of its targets: ``teams#2``.

    A channel of several services sends to each of them by itself.
    """
    return recipient.partition("#")[0]


def connect(settings: Settings, name: str = "") -> AbstractContextManager[Notifier]:
    """Open the notifier of the kind ``name``, by default the one that ``settings`` ask for.

    Imported on first use.
    """
    return cast(
        "_Module", importlib.import_module(KINDS[name or kind(settings)])
    ).connect(settings)


def send(
    message: Message, recipients: Sequence[str], settings: Settings
) -> list[Receipt]:
    """Deliver one message; several are sent faster through one ``connect``."""
    with connect(settings) as notifier:
        return notifier.send(message, recipients)


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
