"""All that is wrong with a configuration, gathered and said at once.

File, line, key, cause, remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import ParamSpec, TypeVar

from msgspec import Struct, field

from watcher.errors import ConfigurationError
from watcher.settings import Secret, masked

T = TypeVar("T")
P = ParamSpec("P")
# ("source", 1, "every"): the second [[source]]'s key every
Key = tuple[str | int, ...]

# Tables whose secrets nobody needs who sends nothing
_ONLY_FOR_SENDING = frozenset({"mail", "channel"})
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"""^\s*["']?([^"'=\s]+)["']?\s*=""")


class BadValueError(ValueError):
    """A value cannot be what was meant."""

    def __init__(self, cause: str, remedy: str) -> None:
        """Keep what is wrong apart from what to do."""
        super().__init__(f"{cause}. {remedy}")
        self.cause = cause
        self.remedy = remedy


class MissingSecretError(BadValueError):
    """A secret is not set: no mistake of the file, and none where nobody uses it."""


def nearest(word: str, choices: Sequence[str]) -> str:
    """Give the one of ``choices`` that ``word`` most likely means, "" when none is near.

    "subscribr" is near "subscriber"; hyphen, underscore and case make no difference.
    """
    # "At-Once", "at_once" and "at-once" differ in nothing that anybody means
    folded = {name.lower().replace("-", "_"): name for name in choices}
    written = word.lower().replace("-", "_")
    close = get_close_matches(written, folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def meant(word: str, choices: Sequence[str]) -> str:
    """Say what was probably meant by ``word``: the nearest one, or all of them.

    Sorted, so that a message is the same at each run.
    """
    near = nearest(word, choices)
    if near:
        return f'Do you mean "{near}"?'
    return f"Known are: {', '.join(sorted(choices))}."


def printable(text: str) -> str:
    """Write what cannot be seen as its escape.

    A value that is quoted must not break a line or turn the text.
    """
    written = ""
    for sign in text:
        if sign.isprintable():
            written += sign
        else:
            written += sign.encode("unicode_escape").decode()
    return written


def line_of(text: str, key: Key) -> int | None:
    """Find the line (from 1) of ``key`` in TOML ``text``.

    Its table's line if the key itself has none, else None.
    """
    name = ""
    if len(key) > 1 and isinstance(key[-1], str):
        name, table = key[-1], table_name(key[:-1])
    else:
        table = table_name(key)
    numbers = tuple(part for part in key if isinstance(part, int)) or (0,)
    # Before all tables: watch.products = [...], or a key that stands alone
    alone = (table, f"{table}.{name}")
    found = None
    for each in _written(text):
        if each.table == table and each.numbers == numbers:
            if each.name and each.name == name:
                return each.line
            if not each.name:
                found = each.line
                continue
        if not each.table and each.name in alone:
            found = each.line
    return found


def table_name(key: Key) -> str:
    """Name the table at a key as its heading does: ``source``, ``organisation.subscriber``."""
    return ".".join(part for part in key if isinstance(part, str))


class _Written(Struct, frozen=True):
    """A line of the file: a table's heading (``name`` is "") or a key in it.

    ``numbers`` tell tables of one name apart, from 0; of a table below a repeated one
    that one's number comes first.
    """

    line: int
    table: str
    numbers: tuple[int, ...]
    name: str = ""


def _written(text: str) -> Iterator[_Written]:
    """Go through headings and keys.

    tomllib gives values without their lines, so the text is read once more for them.
    """
    table = ""
    numbers: dict[str, tuple[int, ...]] = {}
    for at, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            table = header[2].strip("\"'")
            repeated = header[1] == "[["
            above = numbers.get(table.rpartition(".")[0], ())
            before = numbers.get(table, (-1,))
            # The first one below another table than the last one's
            if before[:-1] != above:
                before = (*above, -1)
            if repeated or before[-1] < 0:
                numbers[table] = (*above, before[-1] + 1)
            yield _Written(at, table, numbers[table])
            continue
        assignment = _ASSIGNMENT.match(line)
        if assignment:
            yield _Written(at, table, numbers.get(table, ()), assignment[1])


def spelled(key: Key) -> str:
    """Write a key's full path: ``watch.products``, ``source[2].every`` (counted from 1).

    As an administrator counts: the second ``[[source]]`` is ``source[2]``.
    """
    path = ""
    for part in key:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".")


class Mistakes(Struct):
    """What is wrong so far with the configuration in ``file``, whose text is ``text``."""

    file: str
    text: str = ""
    # Never shown, whatever was done with them
    secrets: list[Secret] = field(default_factory=list)
    # (line in the file or 0, what is wrong)
    lines: list[tuple[int, str]] = field(default_factory=list)
    # What is odd, and does not stop anything
    warnings: list[str] = field(default_factory=list)
    # Messages are to be sent, and so their secrets are needed
    sends: bool = True

    def add(self, key: Key, cause: str, remedy: str) -> None:
        """Note that the value at ``key`` is wrong, and what to do.

        All of them are said at once, when the whole file is read.
        """
        self.lines.append(self._line(key, cause, remedy))

    def warn(self, key: Key, cause: str, remedy: str) -> None:
        """Note that something beside the value at ``key`` is odd, and what to do.

        A warning stops nothing.
        """
        self.warnings.append(self._line(key, cause, remedy)[1])

    def _line(self, key: Key, cause: str, remedy: str) -> tuple[int, str]:
        """Write the line in the file (0 without one), and what is said of it."""
        line = line_of(self.text, key) if key else None
        where = f"{self.file}:{line}" if line else self.file
        subject = f"{spelled(key)}: " if key else ""
        said = masked(f"{where}: {subject}{cause}. {remedy}", self.secrets)
        return line or 0, printable(said)

    def table(self, *key: str | int) -> TableReader:
        """Give what reads the values of the table at ``key``."""
        return TableReader(key, self)

    def unique(self, names: Iterable[tuple[Key, str]], noun: str) -> None:
        """Complain of each name that an earlier one of the same table bears.

        Case is ignored: file names of some systems do not tell "Ops" from "ops".
        """
        seen: set[str] = set()
        article = "an" if noun[0] in "aeiou" else "a"
        for key, name in names:
            if name.lower() in seen:
                self.add(
                    (*key, "name"),
                    f'there is {article} {noun} "{name}" already',
                    "Give each a name of its own.",
                )
            seen.add(name.lower())

    def raise_all(self) -> None:
        """Raise ConfigurationError with all that was noted in the order of the file, if
        anything was.
        """
        if self.lines:
            in_order = sorted(self.lines, key=lambda line: line[0])
            raise ConfigurationError("\n".join(text for _, text in in_order))


class TableReader(Struct, frozen=True):
    """Reads the values of one table, and gathers what is wrong with them.

    The others are read all the same, so that everything wrong is said at once.
    """

    key: Key
    mistakes: Mistakes

    def value(
        self,
        name: str,
        read: Callable[P, T],
        instead: T,
        *given: P.args,
        **named: P.kwargs,
    ) -> T:
        """Give what ``read`` makes of what was given; ``instead`` when it cannot be meant.

        A secret that is missing is an error for who sends, and a warning for a command
        that does not.
        """
        try:
            return read(*given, **named)
        except MissingSecretError as missing:
            if self.mistakes.sends or self.key[0] not in _ONLY_FOR_SENDING:
                self.add(name, missing.cause, missing.remedy)
            else:
                key = (*self.key, name)
                self.mistakes.warn(key, missing.cause, missing.remedy)
            return instead
        except BadValueError as wrong:
            self.add(name, wrong.cause, wrong.remedy)
            return instead

    def optional(self, name: str, read: Callable[[str], T], text: str) -> T | None:
        """Give the value of a text, None when it is empty."""
        return self.value(name, read, None, text) if text else None

    def each(
        self, name: str, read: Callable[[str], str], texts: Iterable[str]
    ) -> tuple[str, ...]:
        """Give the values of a list, each once."""
        return tuple(dict.fromkeys(self.value(name, read, "", text) for text in texts))

    def add(self, name: str, cause: str, remedy: str) -> None:
        """Note that the value of the key ``name`` is wrong; "" is the table itself."""
        self.mistakes.add((*self.key, name) if name else self.key, cause, remedy)
