"""All that is wrong with a configuration, gathered and said at once.

File, line, key, cause, remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TypeVar

from msgspec import Struct, field

from watcher.errors import ConfigurationError
from watcher.settings import Secret, masked

T = TypeVar("T")
# ("source", 1, "every"): the second [[source]]'s key every
Key = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""^\s*["']?([^"'=\s]+)["']?\s*=""")


class Wrong(ValueError):  # reads as it is raised: raise Wrong(cause, remedy)  # noqa: N818
    """A value cannot be what was meant."""

    def __init__(self, cause: str, remedy: str) -> None:
        """Keep what is wrong apart from what to do."""
        super().__init__(f"{cause}. {remedy}")
        self.cause = cause
        self.remedy = remedy


def nearest(word: str, known: Sequence[str]) -> str:
    """Give the known word that ``word`` most likely means, "" when none is near."""
    folded = {name.lower().replace("-", "_"): name for name in known}
    close = get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def meant(word: str, known: Sequence[str]) -> str:
    """Say what was probably meant by ``word``: the nearest known one, or all of them."""
    near = nearest(word, known)
    if near:
        return f'Do you mean "{near}"?'
    return f"Known are: {', '.join(sorted(known))}."


def printable(text: str) -> str:
    """Write what cannot be seen as its escape.

    A value that is quoted must not break a line or turn the text.
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode()
        for sign in text
    )


def line_of(text: str, key: Key) -> int | None:
    """Find the line (from 1) of ``key`` in TOML ``text``.

    Its table's line if the key itself has none, else None.
    """
    table = str(key[0])
    number = key[1] if len(key) > 1 and isinstance(key[1], int) else 0
    name = key[-1] if len(key) > 1 and isinstance(key[-1], str) else ""
    current, seen, found = "", -1, None
    for at, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            current = header[2].strip("\"'")
            seen += current == table and (header[1] == "[[" or seen < 0)
            if current == table and seen == number:
                found = at
        elif assignment := _ASSIGNMENT.match(line):
            if current == table and seen == number and name and assignment[1] == name:
                return at
            if not current and assignment[1] in (table, f"{table}.{name}"):
                found = at
    return found


def spelled(key: Key) -> str:
    """Write a key's full path: ``watch.products``, ``source[2].every`` (counted from 1)."""
    return "".join(
        f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in key
    ).lstrip(".")


class Complaints(Struct):
    """What is wrong so far with the configuration in ``file``, whose text is ``text``."""

    file: str
    text: str = ""
    # Never shown, whatever was done with them
    secrets: list[Secret] = field(default_factory=list)
    # (line in the file or 0, what is wrong)
    lines: list[tuple[int, str]] = field(default_factory=list)
    # What is odd, and does not stop anything
    warnings: list[str] = field(default_factory=list)

    def add(self, key: Key, cause: str, remedy: str) -> None:
        """Note that the value at ``key`` is wrong, and what to do."""
        self.lines.append(self._noted(key, cause, remedy))

    def warn(self, key: Key, cause: str, remedy: str) -> None:
        """Note that something beside the value at ``key`` is odd, and what to do."""
        self.warnings.append(self._noted(key, cause, remedy)[1])

    def _noted(self, key: Key, cause: str, remedy: str) -> tuple[int, str]:
        """Write the line in the file (0 without one), and what is said of it."""
        line = line_of(self.text, key) if key else None
        place = f"{self.file}:{line}" if line else self.file
        subject = f"{spelled(key)}: " if key else ""
        return line or 0, printable(
            masked(f"{place}: {subject}{cause}. {remedy}", self.secrets)
        )

    def attempt(self, key: Key, make: Callable[[], T], instead: T) -> T:
        """Give what ``make`` makes.

        If it raises Wrong, note that and give ``instead`` so that the rest is looked
        at too.
        """
        try:
            return make()
        except Wrong as wrong:
            self.add(key, wrong.cause, wrong.remedy)
            return instead

    def unique(self, names: Iterable[tuple[Key, str]], noun: str) -> None:
        """Complain of each name that an earlier one of the same table bears."""
        seen: set[str] = set()
        for key, name in names:
            if name.lower() in seen:
                self.add(
                    (*key, "name"),
                    f'there is a {noun} "{name}" already',
                    "Give each a name of its own.",
                )
            seen.add(name.lower())

    def settle(self) -> None:
        """Raise ConfigurationError with all that was noted in the order of the file, if
        anything was.
        """
        if self.lines:
            in_order = sorted(self.lines, key=lambda noted: noted[0])
            raise ConfigurationError("\n".join(text for _, text in in_order))
