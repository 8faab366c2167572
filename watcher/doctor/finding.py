"""A finding of the doctor's, and how grave it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How grave a finding is: an error keeps the watcher from its work, a warning will or may."""

    ERROR = "error"
    WARNING = "warning"
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``id`` stays the same from version to version."""

    id: str
    severity: Severity
    text: str
    remedy: str = ""
