"""The fixed words of a language, and the ways in which it writes times and lists; and the
form of a letter or a page: for whom, in which words and zone, and how much of it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from watcher.errors import ConfigurationError
from watcher.judgement.summary import sentences
from watcher.text.templates import shipped_folder

Tables = Mapping[str, Mapping[str, str]]


class Words(Struct, frozen=True):
    """Tables of fixed words, from ``file``; sentences have ``{places}`` that are filled in."""

    language: str
    file: str
    tables: Tables

    def say(self, table: str, key: str, **places: object) -> str:
        """Give the words of ``key``, filled in.

        Raises ConfigurationError that names file, table and key.
        """
        try:
            return self.tables[table][key].format(**places)
        # What str.format raises for "{", "{0}", "{title:d}" and "{title.x}"
        except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
            cause = "it is missing"
            if key in self.tables.get(table, {}):
                cause = f"its words cannot be filled in ({error})"
            raise ConfigurationError(
                f"{self.file}: [{table}] {key}: {cause}. Compare it with the "
                "shipped templates/mail/words/en.toml."
            ) from error

    def name(self, table: str, key: str) -> str:
        """Give the words of ``key``, the key itself when the language has none.

        Names of sources are the user's.
        """
        return self.tables.get(table, {}).get(key, key)

    def day(self, moment: datetime | None, zone: tzinfo) -> str:
        """Write a date: ``14 Nov 2024``; "" for None.

        In the reader's zone: a release at 23:00 UTC is of the next day in Berlin.
        """
        if moment is None:
            return ""
        local = moment.astimezone(zone)
        return f"{local.day} {self.say('months', str(local.month))} {local.year}"

    def moment(self, moment: datetime, zone: tzinfo) -> str:
        """Write a time with its zone: ``14 Nov 2024, 17:37 UTC``.

        The zone stands beside it, so that a mail that is passed on says the same.
        """
        local = moment.astimezone(zone)
        return f"{self.day(local, zone)}, {local:%H:%M} {local.tzname() or ''}".rstrip()

    def series(self, items: Sequence[str], most: int = 4) -> str:
        """Write a list in a line, at most ``most`` of its items and how many more there are.

        What is left out stands on the page.
        """
        shown = ", ".join(items[:most])
        if len(items) <= most:
            return shown
        return f"{shown} {self.say('label', 'more', count=len(items) - most)}"


def words_of(folder: Path | None, language: str = "en") -> Words:
    """Read a language's table of fixed words, the user's in ``folder`` before the shipped.

    The user's file need only hold what differs, and English fills the gaps.  Raises
    ConfigurationError where neither folder has the language, or a file cannot be read.
    """
    shipped = shipped_folder()
    folders = [shipped, folder] if folder else [shipped]
    name = f"mail/words/{language}.toml"
    files = [each / name for each in folders if (each / name).is_file()]
    if not files:
        languages: set[str] = set()
        for each in folders:
            languages.update(path.stem for path in (each / "mail/words").glob("*.toml"))
        raise ConfigurationError(
            f'There are no words in the language "{language}". Known: '
            f"{', '.join(sorted(languages))}; or write {name}."
        )
    tables: dict[str, dict[str, str]] = {"summary": dict(sentences()["summary"])}
    for path in dict.fromkeys([shipped / "mail/words/en.toml", *files]):
        for table, entries in _read_file(path, path.stat().st_mtime_ns).items():
            tables.setdefault(table, {}).update(entries)
    return Words(language, str(files[-1]), tables)


@lru_cache(maxsize=8)
def _read_file(path: Path, _changed: int) -> Tables:
    """Read a table of words, once as long as the file does not change."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    wrong = [f"[{name}]" for name, table in tables.items() if not _is_of_texts(table)]
    if wrong:
        raise ConfigurationError(
            f'{path}: {", ".join(wrong)} must be a table of texts, as in key = "words".'
        )
    return tables


def _is_of_texts(table: object) -> bool:
    if not isinstance(table, dict):
        return False
    return all(isinstance(value, str) for value in table.values())


class Form(Struct, frozen=True):
    """How a letter is written.

    Its words, time zone, the page's address ("" without one), and how much is quoted.
    """

    words: Words
    zone: tzinfo
    base_url: str = ""
    # Of the usual lengths; less when a letter would become too large
    share: float = 1.0

    def most(self, usual: int) -> int:
        """Give the share of a usual length or number, at least one.

        A digest of a hundred events gives each of them less room.
        """
        return max(1, int(usual * self.share))
