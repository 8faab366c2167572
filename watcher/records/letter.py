"""The administrator's servers, and who is told what, as a message and its deliveries."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from watcher.kinds import EVENT_KINDS, Kind
from watcher.records.snapshot import Package
from watcher.records.source import Source
from watcher.records.update import Event, Update


class Fitness(StrEnum):
    """Whether the build that a server runs is good at this moment."""

    GOOD = "good"
    NEWER = "newer-available"
    # The same update was released again, and this is the version before
    REPLACED = "replaced"
    PULLED = "pulled"
    SUSPECTED = "suspected-pulled"
    UNKNOWN = "unknown"


class Server(Struct, frozen=True):
    """One of the administrator's servers, as the inventory has it.

    Published only where the operator says so.
    """

    name: str
    # In the short form
    build: str
    # "" where the inventory names none
    product: str = ""
    owners: tuple[str, ...] = ()
    # The build was asked of the program itself (ExSetup.exe), not of Active Directory
    exact: bool = False
    # The file that names it, where that is a subscriber's own; "" for that of all
    inventory: str = ""
    # "hotpatch" where it is enrolled, "security-only" where it gets no monthly roll-ups
    track: str = ""


class Offer(Struct, frozen=True):
    """A package with the update that it is of; ``latest`` is that update's version now."""

    # Id
    update: str
    # Without its version
    title: str
    type: str
    version: int
    latest: int
    package: Package
    released: datetime | None = None


class LeftLevel(Struct, frozen=True):
    """A cumulative update that gets no security updates any more, for newer ones are out."""

    product: str
    # The newest two, the older one first
    newer: tuple[str, ...]
    # Where the vendor says so
    url: str


class Exposure(Struct, frozen=True):
    """What a server's build means at this moment, and what there is to install instead."""

    server: Server
    fitness: Fitness
    # The server's, as the sources name it
    product: str = ""
    # What its build is
    installed: Offer | None = None
    # The newest good build of its branch, where that is newer
    newest: Offer | None = None
    # Where the newest is for customers of extended security updates: the newest for
    # everybody
    unrestricted: Offer | None = None
    # The newest good build of its product in another branch, where that is newer
    ahead: Offer | None = None
    # Later updates are for that other branch only
    overtaken: bool = False
    # A later security update that is for newer products only
    left: Offer | None = None
    # Its cumulative update, where two newer ones are out
    left_level: LeftLevel | None = None
    # The build is a cumulative update's own: it may hide a security update
    may_hide: bool = False
    # It is enrolled in hotpatching, and its build is none of a hotpatched server
    off_track: bool = False


class Subscriber(Struct, frozen=True):
    """Who is told what, when, where."""

    name: str
    to: tuple[str, ...]
    products: tuple[str, ...] = ("*",)
    kinds: tuple[Kind, ...] = tuple(
        row.kind for row in EVENT_KINDS.values() if row.subscribed
    )
    when: str = "at-once"
    fallback: tuple[str, ...] = ()
    suspected: bool = True
    language: str = "en"
    # Told the same in short
    channels: tuple[str, ...] = ()
    # What is new and less severe is not told; "" for everything
    severity: str = ""
    # Patterns: only what concerns the servers of these owners is told
    owners: tuple[str, ...] = ()
    # IANA name; "" for the one that all have
    timezone: str = ""
    # Whose reader it is, where a service provider watches for several; its name then
    # begins with it ("contoso/admins")
    organisation: str = ""
    # Patterns: what this reader's organisation watches; of other products nothing is told
    watched: tuple[str, ...] = ("*",)
    # File of this subscriber's own servers, in place of everybody's; "" for none
    inventory: str = ""
    # Whether they are reminded of a pulled build that stays installed
    reminders: bool = True
    # Whether they get a note after each Patch Tuesday, also when nothing came
    patch_tuesday: bool = False


class Before(Struct, frozen=True):
    """What happened before an event of a letter.

    To the same update; of a correction, the event that it corrects.
    """

    # Id of the letter's event
    of: str
    event: Event
    # This very subscriber was told of it, or is to be by a message that is queued
    told: bool
    # What made the update what it is, this event the last: announced, released, pulled,
    # re-released
    story: tuple[Event, ...] = ()


class Unread(Struct, frozen=True):
    """A source that could not be read yet, and why."""

    source: str
    cause: str


class UnseenPattern(Struct, frozen=True):
    """A pattern that sees nothing, whose it is, and the names that may be meant.

    ``subscriber`` is "" for a pattern of what is watched; ``outside``: it names a product
    that is not watched.
    """

    pattern: str
    subscriber: str = ""
    nearest: tuple[str, ...] = ()
    outside: bool = False


class Letter(Struct, frozen=True):
    """A message to be rendered: who is written to, of what kind, about which events."""

    # An event's kind, "digest", "welcome", "reminder",
    # "patch-tuesday" or "operator"
    kind: str
    subscriber: Subscriber
    events: tuple[Event, ...] = ()
    # Id of the one update it is about
    update: str = ""
    thread: str = ""
    # Welcome: every watched update that still matters; reminder: the one it is about
    standing: tuple[Update, ...] = ()
    # In a welcome, what is watched
    sources: tuple[Source, ...] = ()
    # Welcome: which products
    products: tuple[str, ...] = ()
    # Operator: what it is about; of a Patch Tuesday its day
    subject: str = ""
    # Operator: what happened, what to do
    lines: tuple[str, ...] = ()
    # The administrator's servers, all of them; empty without an inventory
    servers: tuple[Exposure, ...] = ()
    # What happened before its events
    before: tuple[Before, ...] = ()
    # Welcome: sources that could not be read yet; Patch Tuesday: not since
    unread: tuple[Unread, ...] = ()
    # Welcome: patterns of products that see nothing; whether all of the reader's are so
    unseen: tuple[UnseenPattern, ...] = ()
    hears_nothing: bool = False


class DeliveryState(StrEnum):
    """How far a message has come on its way to one recipient."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    # The connection was lost after the message's data was sent
    UNKNOWN = "unknown"


class Message(Struct, frozen=True):
    """A message, whole and fixed before anything is sent."""

    # The Message-ID, with its angle brackets
    id: str
    date: datetime
    kind: str
    subscriber: str
    update: str
    subject: str
    events: tuple[str, ...]
    # RFC 5322, CRLF
    body: bytes
    # The same in short, for channels beside mail
    chat: str = ""


class Delivery(Struct, frozen=True):
    """One message to one recipient over one channel."""

    message: str
    recipient: str
    channel: str = "mail"
    state: DeliveryState = DeliveryState.QUEUED
    attempts: int = 0
    next_try: datetime | None = None
    # The last answer, as the server gave it
    answer: str = ""
    settled: datetime | None = None
    # An address, a right or a secret was in the way: to be mended, and never given up
    settings_wrong: bool = False
    # When it was tried last, and how long it has waited so far, by the tries
    tried: datetime | None = None
    waited: timedelta = timedelta()
    # Its recipient was put right since: others have taken its place
    replaced: bool = False

    @property
    def by_mail(self) -> bool:
        """Whether it goes to a mailbox, and not to another channel."""
        return self.channel == "mail"
