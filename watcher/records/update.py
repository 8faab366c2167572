"""One update of the ledger with its advisories, and what was established of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from watcher.kinds import Kind
from watcher.records.snapshot import Anchor, Evidence, Package, Table


class State(StrEnum):
    """Where an update stands in its life."""

    # An advisory without an update
    ANNOUNCED = "announced"
    RELEASED = "released"
    PULLED = "pulled"
    # Some of its packages are pulled, others are offered
    PULLED_IN_PART = "pulled-in-part"


class Advisory(Struct, frozen=True):
    """What an event's reader needs to know of one CVE."""

    id: str
    title: str = ""
    severity: str = ""
    cvss: float | None = None
    vector: str = ""
    exploited: bool = False
    disclosed: bool = False
    url: str = ""
    # The vendor holds it likely that it will be exploited
    likely: bool = False


class Suspicion(Struct, frozen=True):
    """An absence that is not yet a verdict."""

    source: str
    document: str
    keys: tuple[str, ...]
    since: datetime
    # Id of the suspected event
    event: str
    # All of the update's packages are gone there, not one of several
    whole: bool
    lost: tuple[Package, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    # The source's kind
    kind: str = ""


class Established(Struct, frozen=True):
    """A fact that is established of an update, and the event that told it.

    The same fact from a later source adds evidence to that event.
    """

    kind: Kind
    # The update's version that was pulled or re-released, 0 for other facts
    version: int = 0
    # Which of several facts of one kind it is: the products of a further package, the
    # CVE that is exploited, the event that is corrected
    detail: str = ""
    # A pull that absence hints at, and no more
    suspected: bool = False
    # A pull that absence alone has confirmed
    by_absence: bool = False
    # Id of the event; "" for what was so from the start
    event: str = ""

    @property
    def fact(self) -> Established:
        """The same fact without its event, by which it is found again."""
        return replace(self, event="")

    @property
    def is_pull(self) -> bool:
        """Whether it says that a version was pulled, which is more than a suspicion."""
        return self.kind is Kind.PULLED and not self.suspected

    @property
    def of_state(self) -> bool:
        """Whether it says that the update was pulled, is back, or never was pulled."""
        return not self.suspected and self.kind in (
            Kind.PULLED,
            Kind.RE_RELEASED,
            Kind.CORRECTED,
        )


class SourceState(Struct, frozen=True):
    """What a source has an update as: its newest revision or label, and which version."""

    source: str
    stated: str
    version: int


class Update(Struct, frozen=True):
    """One update of the ledger, or an advisory that has none yet.

    ``names`` are the references by which it is found again; see
    ``watcher.judgement.names``.
    """

    id: str
    title: str
    family: str
    # SU, HU, CU, RU, SP, RTM, update, advisory
    type: str
    month: str
    version: int
    state: State
    first_seen: datetime
    # The vendor's date
    released: datetime | None = None
    # When we last established something
    changed: datetime | None = None
    products: tuple[str, ...] = ()
    packages: tuple[Package, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    # Articles beyond those of the packages
    kbs: tuple[str, ...] = ()
    # Articles of the versions before one of which words alone have told, naming others
    former: tuple[str, ...] = ()
    # The root of its mail thread: the id it was first told under
    thread: str = ""
    established: tuple[Established, ...] = ()
    # What was last said of it, with kind and day, for the next mail
    last: str = ""
    suspicions: tuple[Suspicion, ...] = ()
    source_states: tuple[SourceState, ...] = ()
    # Builds that its rows have had before they were corrected downwards
    corrected_builds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    # Pages about it, for following
    links: tuple[str, ...] = ()
    # Products of which words told the current version, before a package of it was known
    products_by_words: tuple[str, ...] = ()
    # Only a date suggests its name: the vendor's own takes its place
    is_guessed: bool = False
    # The vendor's day of its last pull or return, the check's time where none was named
    turned: datetime | None = None
    # The same of the turn before, where absence alone has shown the last one
    turned_before: datetime | None = None

    @property
    def is_advisory(self) -> bool:
        """Whether it is an advisory that has no update yet."""
        return self.type == "advisory"

    @property
    def is_pulled(self) -> bool:
        """Whether none of it is to be installed, for the vendor no longer offers it."""
        return self.state is State.PULLED

    @property
    def is_pulled_in_part(self) -> bool:
        """Whether some of its packages are pulled, and others are offered."""
        return self.state is State.PULLED_IN_PART

    @property
    def has_pulled_packages(self) -> bool:
        """Whether it is pulled, as a whole or in part."""
        return self.is_pulled or self.is_pulled_in_part

    @property
    def has_offered_packages(self) -> bool:
        """Whether some of it may be installed: no mere advisory, nor pulled as a whole."""
        return self.state in (State.RELEASED, State.PULLED_IN_PART)

    @property
    def cves(self) -> tuple[str, ...]:
        """The ids of its advisories, in their order."""
        return tuple(advisory.id for advisory in self.advisories)

    @property
    def turns(self) -> tuple[Established, ...]:
        """What is established of its state: its pulls and returns."""
        return tuple(each for each in self.established if each.of_state)

    @property
    def was_told(self) -> bool:
        """Whether an event has told anything of it: it was not only taken as known."""
        return any(each.event for each in self.established)

    @property
    def dated(self) -> datetime:
        """The vendor's date, and where none is known, when a source first named it."""
        return self.released or self.first_seen

    @property
    def last_changed(self) -> datetime:
        """When something was last established of it, its first sight counted."""
        return self.changed or self.first_seen

    @property
    def last_turned(self) -> datetime | None:
        """The vendor's day of its last pull or return.

        Updates that were stored before turns had a day of their own have that of the check.
        """
        return self.turned or self.changed


class UpdateRef(Struct, frozen=True):
    """An update as an event shows it (CONTRACT: the field ``update``)."""

    id: str
    title: str
    version: int
    products: tuple[str, ...] = ()
    kbs: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()


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
