"""Ways of delivering a message: one small file a kind, all of one shape.

Each module has ``connect(settings)``, a context that gives a ``Notifier``; ``send``
delivers one message for one settings. A new kind touches three places: its file, the
registry below, and the configuration that chooses it.
"""

from __future__ import annotations

import hashlib
import importlib
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, cast

from msgspec import Struct

from watcher.notifiers.sending_time import SendingTime
from watcher.records import DeliveryState, Message
from watcher.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

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
