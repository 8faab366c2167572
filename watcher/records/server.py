"""The administrator's servers, and what their builds mean."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from watcher.records.entry import Package


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
