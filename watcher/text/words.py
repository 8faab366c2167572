"""The fixed words of a language, and the ways in which it writes times and lists."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
            known = key in self.tables.get(table, {})
            cause = (
                f"its words cannot be filled in ({error})" if known else "it is missing"
            )
            msg = (
                f"{self.file}: [{table}] {key}: {cause}. Compare it with the "
                "shipped templates/mail/words/en.toml."
            )
            raise ConfigurationError(msg) from error

    def name(self, table: str, key: str) -> str:
        """Give the words of ``key``, the key itself when the language has none.

        Names of sources are the user's.
        """
        return self.tables.get(table, {}).get(key, key)

    def day(self, moment: datetime | None, zone: tzinfo) -> str:
        """Write a date: ``14 Nov 2024``; "" for None."""
        if moment is None:
            return ""
        local = moment.astimezone(zone)
        return f"{local.day} {self.say('months', str(local.month))} {local.year}"

    def moment(self, moment: datetime, zone: tzinfo) -> str:
        """Write a time with its zone: ``14 Nov 2024, 17:37 UTC``."""
        local = moment.astimezone(zone)
        return f"{self.day(local, zone)}, {local:%H:%M} {local.tzname() or ''}".rstrip()

    def series(self, items: Sequence[str], most: int = 4) -> str:
        """Write a list in a line, at most ``most`` of its items and how many more there are."""
        shown = ", ".join(items[:most])
        return (
            f"{shown} {self.say('label', 'more', count=len(items) - most)}"
            if len(items) > most
            else shown
        )
