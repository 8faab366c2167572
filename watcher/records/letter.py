"""Who is told what, as a message and its deliveries."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from watcher.kinds import EVENT_KINDS, Kind
from watcher.records.event import Event
from watcher.records.server import Exposure
from watcher.records.source import Source
from watcher.records.update import Update


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
