"""One update of the ledger with its advisories."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from watcher.records.change import Evidence
from watcher.records.entry import Package


class State(StrEnum):
    """Where an update stands in its life."""

    # An advisory without an update
    ANNOUNCED = "announced"
    RELEASED = "released"
    PULLED = "pulled"


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


class Update(Struct, frozen=True):
    """One update of the ledger, or an advisory that has none yet.

    ``told`` holds a key for each fact established ("pulled 1", "re-released 2",
    "known-issue <hash>"), with the event that told it; the same fact from a later
    source adds evidence to that event. ``names`` are the references by which it is
    found again; see ``watcher.judgement.names``.
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
    told: tuple[tuple[str, str], ...] = ()
    # What was last said of it, with kind and day, for the next mail
    last: str = ""
    suspicions: tuple[Suspicion, ...] = ()
    # (source, state, version) as each source has it
    standings: tuple[tuple[str, str, str], ...] = ()
    names: tuple[str, ...] = ()
    # Pages about it, for following
    links: tuple[str, ...] = ()


class UpdateRef(Struct, frozen=True):
    """An update as an event shows it (CONTRACT: the field ``update``)."""

    id: str
    title: str
    version: int
    products: tuple[str, ...] = ()
    kbs: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
