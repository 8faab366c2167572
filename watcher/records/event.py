"""What a change means, with its evidence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from watcher.kinds import Kind
from watcher.records.change import Evidence
from watcher.records.entry import Package, Table
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


class Outcome(Struct, frozen=True):
    """What interpretation made of changes.

    The events, the evidence added to old ones, the ledger's new rows.
    """

    events: tuple[Event, ...] = ()
    # (event id, more evidence)
    evidence: tuple[tuple[str, Evidence], ...] = ()
    updates: tuple[Update, ...] = ()
    # (id that went, id that took it over)
    absorbed: tuple[tuple[str, str], ...] = ()
    # (source, entry key, why nothing was told)
    silent: tuple[tuple[str, str, str], ...] = field(default=())
    # (event id, a further source's sentences, the table they stand in)
    guidance: tuple[tuple[str, tuple[str, ...], Table], ...] = ()
