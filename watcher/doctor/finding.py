"""A finding of the doctor's, and how grave it is."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How grave a finding is: an error keeps the watcher from its work, a warning will or may."""

    ERROR = "error"
    WARNING = "warning"
    WELL = "well"


class Finding(Struct, frozen=True):
    """One thing that was looked at; ``id`` stays the same from version to version."""

    id: str
    severity: Severity
    text: str
    remedy: str = ""
