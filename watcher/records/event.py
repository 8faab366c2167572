"""What a change means, with its evidence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from watcher.kinds import Kind
from watcher.records.entry import Anchor, Evidence, Package, Table
from watcher.records.update import Advisory, Update, UpdateRef


class Confidence(StrEnum):
    """Whether the vendor (or two sources) said so, or one absence hints at it."""

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"


class Event(Struct, frozen=True):
    """What a change means, with its evidence.

    Self-contained, so that mail and page need no more.

    The fields up to ``evidence`` are the public ones of schema 1; those after it were
    added for readers.
    """

    id: str
    time: datetime
    kind: Kind
    confidence: Confidence
    update: UpdateRef
    summary: str
    scope: tuple[str, ...] = ()
    corrects: str = ""
    evidence: tuple[Evidence, ...] = ()
    thread: str = ""
    packages: tuple[Package, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    # The vendor's own words on what to do, paragraph by paragraph
    guidance: tuple[str, ...] = ()
    # Rule and words that decided
    because: str = ""
    # What was said of it last: the summary of the event before
    previous: str = ""
    # The update that the event is about stands pulled, whatever the event's kind
    pulled: bool = False
    # Which of the fixed sentences ``summary`` is, by its key, for other languages; ""
    # for none of them
    phrase: str = ""
    # What fills it in beside the fields above
    places: tuple[tuple[str, str], ...] = ()
    # ``guidance`` names one
    workaround: bool = False
    # Where the guidance leads ("see this article")
    links: tuple[str, ...] = ()
    # Of the guidance
    tables: tuple[Table, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    codes: tuple[str, ...] = ()


class EventEvidence(Struct, frozen=True):
    """More evidence for an event that was told before, named by its id."""

    event: str
    evidence: Evidence


class EventGuidance(Struct, frozen=True):
    """A further source's sentences for an event, and the table that they stand in."""

    event: str
    sentences: tuple[str, ...]
    table: Table


class EventFurther(Struct, frozen=True):
    """Packages that a source names at ``time``, of the version that an event told of."""

    event: str
    time: datetime
    packages: tuple[Package, ...]


class Absorption(Struct, frozen=True):
    """An update that went, and the one that took it over, by their ids."""

    gone: str
    heir: str


class Silence(Struct, frozen=True):
    """Why an entry's change led to no event."""

    source: str
    # The entry's
    key: str
    why: str


class Outcome(Struct, frozen=True):
    """What interpretation made of changes.

    The events, the evidence added to old ones, the updates that have changed.
    """

    events: tuple[Event, ...] = ()
    evidence: tuple[EventEvidence, ...] = ()
    updates: tuple[Update, ...] = ()
    absorbed: tuple[Absorption, ...] = ()
    silent: tuple[Silence, ...] = ()
    guidance: tuple[EventGuidance, ...] = ()
    further: tuple[EventFurther, ...] = ()
