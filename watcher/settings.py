"""What the configuration comes to: one frozen tree that every edge reads."""

from __future__ import annotations

from datetime import UTC, timedelta, tzinfo
from pathlib import Path

from msgspec import Struct

from watcher.records import Source, Subscriber, Watch
from watcher.secret import Secret, masked

__all__ = [
    "NOBODY_NAMED",
    "Channel",
    "Heartbeat",
    "Mail",
    "OAuth",
    "Operator",
    "Secret",
    "Settings",
]

# Without a [[subscriber]] the messages become files, addressed so that nobody could be
# reached by accident.
NOBODY_NAMED = Subscriber(name="administrators", to=("administrators@localhost",))


class Channel(Struct, frozen=True):
    """A way of telling beside mail; the address is an Apprise URL, which usually holds a token."""

    name: str
    url: Secret


class OAuth(Struct, frozen=True):
    """The login at Microsoft 365 by client credentials.

    Either ``secret`` or ``certificate`` (PEM with its key) is set.
    """

    tenant: str
    client: str
    authority: str = "https://login.microsoftonline.com"
    graph: str = "https://graph.microsoft.com"
    secret: Secret | None = None
    certificate: Secret | None = None


class Replies(Struct, frozen=True):
    """The mailbox that readers answer to, by IMAP."""

    host: str
    port: int
    # "implicit", "starttls" or "never"
    tls: str
    user: str
    # Signs the links of reminders, too
    password: Secret
    # To which answers are sent
    address: str
    folder: str = "INBOX"


class Mail(Struct, frozen=True):
    """How mail leaves.

    By the server of ``smtp`` (``smtp://host:587`` or ``smtps://host:465``), or as
    files.

    ``smtp`` may also be ``graph://mailbox``; it is "" when messages are written to
    ``outbox`` instead. ``user`` and ``password`` are both set or both None, but with
    ``oauth`` there is no password.
    """

    sender: str = "Advisory Watcher <watcher@localhost>"
    smtp: str = ""
    outbox: Path = Path("outbox")
    user: Secret | None = None
    password: Secret | None = None
    give_up: timedelta = timedelta(days=5)
    oauth: OAuth | None = None
    # Only for whoever looks the sender up
    dkim_selector: str = ""
    # Where readers say that they have dealt with something; None: by command only
    replies: Replies | None = None


class Operator(Struct, frozen=True):
    """Who is told how the watcher itself is.

    As a subscriber, after how many failures, and whether weekly that all is quiet.
    """

    reader: Subscriber
    failures: int = 3
    quiet: bool = False


class Heartbeat(Struct, frozen=True):
    """What is asked when a run went well, begins ("" for nothing) and failed.

    ``${NAME}`` stays for whoever asks.
    """

    url: str
    start: str
    failure: str


class Limits(Struct, frozen=True):
    """What a check may take.

    A whole check, all documents of one source, and the reading of one document: that
    has a limit of memory, too.
    """

    run: timedelta = timedelta(minutes=25)
    source: timedelta = timedelta(minutes=10)
    document: timedelta = timedelta(minutes=1)
    document_bytes: int = 512 << 20

    @property
    def asking(self) -> timedelta:
        """How much of a check asking may take: what was found is still to be sent."""
        return self.run * 0.6

    @property
    def sending(self) -> timedelta:
        """How much of a check sending may take, as a rule: the site is still to be made.

        Also what ``watcher send`` may take, and a worker for one message.
        """
        return self.run * 0.4


class Settings(Struct, frozen=True):
    """Everything that can be configured, checked and complete.

    Paths are absolute when a file was read.

    ``file`` is the configuration file, None when the built-in defaults run.
    ``sources`` holds every source of a kind that this version knows, switched-off ones
    too (``enabled``); in their URLs ``${NAME}`` stays, for whoever fetches to put the
    secret of that name in. ``state`` is a URL and may hold a password.
    """

    file: Path | None = None
    watch: Watch = Watch()
    state: str = "sqlite:///state/watcher.db"
    site: Path = Path("public")
    # Ends with a slash when there is one
    base_url: str = ""
    # How long a check's page may be believed; None: by the sources' intervals
    stale_after: timedelta | None = None
    timezone: str = "UTC"
    ca_bundle: Path | None = None
    evidence: Path | None = None
    # That are kept; older ones go first
    evidence_files: int = 2000
    # That they may have together
    evidence_bytes: int = 1 << 30
    inventory: Path | None = None
    # The inventory's servers are shown on the pages of updates
    publish_servers: bool = False
    # The user's own, looked into before the shipped ones
    templates: Path | None = None
    # How long what is settled is kept
    keep: timedelta = timedelta(days=400)
    # For Prometheus' textfile collector
    metrics: Path | None = None
    # Told to the servers asked, in User-Agent
    contact: str = ""
    sources: tuple[Source, ...] = ()
    subscribers: tuple[Subscriber, ...] = ()
    channels: tuple[Channel, ...] = ()
    mail: Mail = Mail()
    operator: Operator | None = None
    heartbeat: Heartbeat | None = None
    limits: Limits = Limits()
    secrets: tuple[Secret, ...] = ()
    # Another one when the configuration file has changed; it says nothing of secrets,
    # which stand elsewhere
    mark: str = ""
    # What is odd about it, and does not stop anything
    warnings: tuple[str, ...] = ()
    # Which of several organisations these are the settings of; "" for the whole
    organisation: str = ""
    # Where a service provider watches for several: the settings of each, as if it were
    # alone.  ``watch`` and ``subscribers`` of the whole are then those of all together
    organisations: tuple[Settings, ...] = ()

    @property
    def each_organisation(self) -> tuple[Settings, ...]:
        """The settings of each organisation; these alone where there is only one."""
        return self.organisations or (self,)

    def of(self, subscriber: str) -> Settings:
        """Give the settings of the organisation that a subscriber belongs to, by name.

        These, where none of the organisations is theirs: the operator's, or those of
        somebody who is not named any more.
        """
        name = subscriber.rpartition("/")[0]
        for each in self.organisations:
            if each.organisation == name:
                return each
        return self

    @property
    def nobody_named(self) -> bool:
        """Whether there is no [[subscriber]]: messages are made all the same, to be looked at."""
        return self.subscribers == (NOBODY_NAMED,)

    def __repr__(self) -> str:
        """Name the file; never the state's address."""
        return f"Settings(file={self.file!r})"

    @property
    def zone(self) -> tzinfo:
        """The time zone that times are shown in."""
        return _zone(self.timezone)

    def zone_of(self, reader: Subscriber) -> tzinfo:
        """Give the time zone of a reader's mail and digests: their own, else the one of all.

        One that the system does not know was refused when the configuration was read.
        """
        return _zone(reader.timezone or self.timezone)

    def masked(self, text: str) -> str:
        """Put ``${NAME}`` in place of every secret in ``text``.

        In every form in which ``watcher.secret`` knows that others write one.
        """
        return masked(text, self.secrets)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
