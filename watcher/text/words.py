"""The fixed words of a language, and the ways in which it writes times and lists; the form of a
letter or a page: for whom, in which words and zone, and how much of it; the vendor's own
words as people read them; and the sentences on a product's support.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.errors import ConfigurationError
from watcher.judgement import lifecycle
from watcher.judgement.advice import lay_out, stands_in
from watcher.judgement.lifecycle import Stage, Support
from watcher.judgement.summary import sentences
from watcher.records import Event, LeftLevel, Table
from watcher.text.plain import line, link, paragraphs
from watcher.text.templates import shipped_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

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


# Of a hundred: the share of usual lengths from which on there are tables
ROOMY = 40
# Characters of a table
LONGEST_TABLE = 5000


class Saying(Struct, frozen=True):
    """A paragraph of the vendor's, or in its place a table: each cell in lines."""

    text: str = ""
    head: tuple[tuple[str, ...], ...] = ()
    rows: tuple[tuple[tuple[str, ...], ...], ...] = ()
    more_rows: int = 0
    # Where its words lead: pairs of words and address
    anchors: tuple[tuple[str, str], ...] = ()
    # A command, or code: not wrapped, in letters of one width
    code: bool = False


def sayings(event: Event, form: Form) -> tuple[Saying, ...]:
    """Give the vendor's own words, each of its tables where its first sentence stands.

    A letter that has to be short has the sentences instead: a table cannot be cut at
    any word.
    """
    left = form.most(3500)
    found: list[Saying] = []
    tables = event.tables if form.most(100) >= ROOMY else ()
    for piece in lay_out(event.guidance, tables):
        if isinstance(piece, Table):
            found.append(_grid(piece, form, event))
        elif left > 0:
            texts = paragraphs(piece, left)
            found += [
                Saying(
                    text,
                    anchors=_anchors_in(event, (text,), form),
                    code=text in event.codes,
                )
                for text in texts
            ]
            left -= sum(map(len, texts))
    return tuple(found)


def _anchors_in(
    event: Event, texts: Iterable[str], form: Form
) -> tuple[tuple[str, str], ...]:
    """Give the words in paragraphs that lead somewhere, with harmless addresses.

    None in a letter that has to be short: its update's page has them.
    """
    if form.most(100) < ROOMY:
        return ()
    found: dict[tuple[str, str], None] = {}
    for text in texts:
        for anchor in event.anchors:
            url = link(anchor.url)
            if url and stands_in(anchor, text):
                found[line(anchor.text, 200), url] = None
    return tuple(found)


def _grid(table: Table, form: Form, event: Event) -> Saying:
    left = form.most(LONGEST_TABLE)
    rows: list[tuple[tuple[str, ...], ...]] = []
    for row in table.rows[: form.most(30)]:
        cells = tuple(paragraphs(cell, form.most(800)) for cell in row)
        for cell in cells:
            left -= sum(map(len, cell))
        # The first row is shown, however long: a head alone says nothing
        if left < 0 and rows:
            break
        rows.append(cells)
    return Saying(
        head=tuple(paragraphs(cell, 200) for cell in table.head),
        rows=tuple(rows),
        more_rows=len(table.rows) - len(rows),
        anchors=_anchors_in(event, lines_of(rows), form),
    )


def lines_of(rows: Iterable[Iterable[Iterable[str]]]) -> list[str]:
    """Give the lines of all cells of a table's rows."""
    lines: list[str] = []
    for row in rows:
        for cell in row:
            lines += cell
    return lines


# Of an advisory of Windows, which names forty products, most of them ended long ago
MOST = 6
# Pairs of a sentence and the address of the vendor's page
SupportTexts = tuple[tuple[str, str], ...]


def support_texts(
    products: Iterable[str],
    moment: datetime,
    words: Words,
    left: Iterable[LeftLevel | None] = (),
) -> SupportTexts:
    """Say which of the products are near the end of their support, or past it.

    Each product once, where there are many those whose end is nearest to today; of
    cumulative updates that newer ones have left behind, which ``left`` are.
    """
    today = moment.date()
    ending = lifecycle.ending(products, today)
    if len(ending) > MOST:
        nearest = sorted(ending, key=lambda each: abs(each.ends - today))[:MOST]
        ending = tuple(each for each in ending if each in nearest)
    texts = [(_said(support, today, words), support.url) for support in ending]
    texts += [(_said_of_level(each, words), each.url) for each in left if each]
    return tuple(dict.fromkeys(texts))


def _said(support: Support, today: date, words: Words) -> str:
    if support.editions:
        parts = ", ".join(
            words.say(
                "note",
                "support_part_ended" if today > each.ends else "support_part_ends",
                day=_day(each.ends, words),
                editions=each.name,
            )
            for each in support.editions
        )
        return words.say(
            "note", "support_in_parts", product=support.product, parts=parts
        )
    stage, days = support.stage(today), (support.ends - today).days
    key = "support_ended" if stage is Stage.ENDED else "support_ends"
    if stage is not Stage.ENDED and days < 2:
        key = "support_ends_tomorrow" if days else "support_ends_today"
    return words.say(
        "note", key, product=support.product, day=_day(support.ends, words), count=days
    )


def _said_of_level(left: LeftLevel, words: Words) -> str:
    newer = words.series(left.newer)
    return words.say("note", "support_left", product=left.product, newer=newer)


def _day(day: date, words: Words) -> str:
    return words.day(datetime.combine(day, time(12), UTC), UTC)
