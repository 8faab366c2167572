"""Windows releases as Microsoft's pages name them, in the spelling of MSRC's records.

No kind of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from watcher.judgement import normalize
from watcher.records import Passage, Watch
from watcher.sources.answer import unique

_NAME = re.compile(
    r"Windows (?:"
    r"(?P<ltsc>1[01] Enterprise LTS[BC] 20\d\d)"
    r"|Server,? version (?P<channel>\d\d(?:\d\d|H\d))"
    r"|Server (?P<server>20\d\d(?: R2)?(?:, 23H2 Edition)?)"
    r"|(?P<client>1[01]|8\.1|7)(?:,? (?:version )?(?P<release>\d\d(?:\d\d|H\d)))?"
    r")(?![\w.]*\d)",
    re.IGNORECASE,
)
# What opens the part of an issue's details that says what to do
_REMEDY = re.compile(
    r"(?:workaround|resolution|next steps?|mitigation)\b", re.IGNORECASE
)
_PLATFORMS = re.compile(r"affected platforms", re.IGNORECASE)
_PLATFORM = re.compile(r"(?:client|server)s?\s*:", re.IGNORECASE)


def names_in(text: str) -> tuple[str, ...]:
    """Return the Windows releases that a text or the name of a page names, in its order.

    "Windows 11, version 24H2", "Windows 11 24H2" and "windows-11-24h2" are "Windows 11
    Version 24H2".
    """
    spaced = re.sub(r"(?<=\w)-(?=\w)", " ", normalize.fold(text))
    return unique(map(_name, _NAME.finditer(spaced)))


def _name(found: re.Match[str]) -> str:
    if found["ltsc"]:
        return f"Windows {found['ltsc']}"
    if found["channel"]:
        return f"Windows Server, version {found['channel'].upper()}"
    if found["server"]:
        return f"Windows Server {found['server']}"
    if found["release"]:
        return f"Windows {found['client']} Version {found['release'].upper()}"
    return f"Windows {found['client']}"


def concerns(watch: Watch, name: str) -> bool:
    """Say whether a release is watched, or an edition of it is.

    MSRC's names go further: "Windows 11 Version 24H2 for x64-based Systems".  R2 is a
    release of its own.
    """
    if normalize.concerns(watch, name):
        return True
    start = f"{name.lower()} "
    for pattern in map(str.lower, watch.products):
        if pattern.startswith(start) and not pattern.startswith(f"{start}r2"):
            return True
    return False


def watched(names: Iterable[str], watch: Watch) -> tuple[str, ...]:
    """Return those of ``names`` that are watched, or of which an edition is."""
    return tuple(name for name in names if concerns(watch, name))


def update_name(written: str) -> str:
    """Return an update's name as MSRC's pages of builds write it.

    "2026-03 B"; the hotpatch calendar and Graph write "2026.03 B".
    """
    return re.sub(r"^(\d{4})\.(\d\d)", r"\1-\2", normalize.fold(written))


def parted(text: str) -> tuple[list[str], list[str], list[str]]:
    """Part an issue's details into what happens, where it happens, and what to do about it.

    What stands before the first word of a remedy happened; platforms and the links back
    to the top are taken out.
    """
    said: list[str] = []
    platforms: list[str] = []
    remedy: list[str] = []
    for line in text.splitlines():
        if line == "Back to top" or _PLATFORMS.match(line):
            continue
        if _PLATFORM.match(line):
            platforms.append(line)
        elif remedy or _REMEDY.match(line):
            remedy.append(line)
        else:
            said.append(line)
    return said, platforms, remedy


def status(state: str, by: tuple[str, ...]) -> Passage:
    """Return the passage of an issue's state, and of the articles that resolve it.

    "Resolved" is what to do about it, any other state says how far it is.
    """
    if state.lower().startswith("resolved"):
        resolved = f"Status: {state} by {', '.join(by)}." if by else f"Status: {state}."
        return Passage("workaround", resolved)
    return Passage("note", f"Status: {state}.")
