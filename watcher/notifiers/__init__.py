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

from watcher.records import DeliveryState, Message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path


KINDS: dict[str, str] = {
    "apprise": "watcher.notifiers.apprise",
    "graph": "watcher.notifiers.graph",
    "outbox": "watcher.notifiers.outbox",
    "smtp": "watcher.notifiers.smtp",
}


class Receipt(Struct, frozen=True):
    """What became of a message for one recipient.

    ``answer`` is the server's own, or the cause, for an administrator; ``wait`` is how
    long the server wants to be left alone.
    """

    recipient: str
    state: DeliveryState
    answer: str
    wait: timedelta = timedelta()


class Secret(Protocol):
    """A text that does not print itself."""

    def reveal(self) -> str:
        """Give the text itself."""
        ...


class Channel(Protocol):
    """A way of telling beside mail."""

    @property
    def name(self) -> str:
        """Give its name."""
        ...

    @property
    def url(self) -> Secret:
        """Give its address."""
        ...


class OAuth(Protocol):
    """The login at Microsoft 365."""

    @property
    def tenant(self) -> str:
        """Give the directory."""
        ...

    @property
    def client(self) -> str:
        """Give the application's id."""
        ...

    @property
    def authority(self) -> str:
        """Give where tokens come from."""
        ...

    @property
    def graph(self) -> str:
        """Give where Graph is."""
        ...

    @property
    def secret(self) -> Secret | None:
        """Give the application's secret."""
        ...

    @property
    def certificate(self) -> Secret | None:
        """Give its certificate with its key, as PEM."""
        ...


class MailSettings(Protocol):
    """How mail leaves."""

    @property
    def sender(self) -> str:
        """Who mail is from."""
        ...

    @property
    def smtp(self) -> str:
        """Give the mail server's address or Graph's mailbox, "" when there is neither."""
        ...

    @property
    def outbox(self) -> Path:
        """Give the folder for messages as files."""
        ...

    @property
    def user(self) -> Secret | None:
        """Give the name to log in with."""
        ...

    @property
    def password(self) -> Secret | None:
        """Give its password, or its token for XOAUTH2."""
        ...

    @property
    def oauth(self) -> OAuth | None:
        """Give the login at Microsoft 365, None without it."""
        ...


class Settings(Protocol):
    """What delivering needs of the configuration."""

    @property
    def mail(self) -> MailSettings:
        """Give the settings of mail."""
        ...

    @property
    def ca_bundle(self) -> Path | None:
        """Give the file of certificate authorities to trust, None for the system's."""
        ...

    @property
    def channels(self) -> Sequence[Channel]:
        """Give the channels beside mail."""
        ...


class Notifier(Protocol):
    """Delivers messages, over one connection where it has one."""

    def send(self, message: Message, recipients: Sequence[str]) -> list[Receipt]:
        """Deliver ``message`` and say for each recipient what became of it.

        Expected failures are no exceptions.
        """
        ...


class _Module(Protocol):
    def connect(self, settings: Settings) -> AbstractContextManager[Notifier]: ...


def kind(settings: Settings) -> str:
    """Choose by the configuration: a mail server or Graph when there is one, else files."""
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
