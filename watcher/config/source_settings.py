"""The sources of the file, laid over the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from msgspec import UNSET, Struct
from msgspec.structs import replace

from watcher.config import environment, values
from watcher.config.builtin import BUILTIN
from watcher.config.mistakes import Key, Mistakes, meant
from watcher.config.tables import SourceTable
from watcher.config.toml_tables import Tables
from watcher.judgement.reading import LANGUAGES
from watcher.kinds import SOURCE_KINDS
from watcher.records import Source, Watch
from watcher.settings import Secret


def sources(
    tables: Tables, watch: Watch, environ: Mapping[str, str], mistakes: Mistakes
) -> tuple[Source, ...]:
    """Lay the sources of the file over the built-in ones, by their names.

    Of the built-in ones those are on that ``watch`` concerns.
    """
    found: dict[str, Source] = {}
    if tables.watch.builtin_sources:
        found = {source.name: _as_watched(source, watch) for source in BUILTIN}
    mistakes.unique(((key, table.name) for key, table in tables.source), "source")
    for key, table in tables.source:
        source = _source(table, key, environ, mistakes)
        if source:
            found[source.name] = source
    # Where a [[source]] has a mistake, that is what is to be mended
    if not any(source.enabled for source in found.values()) and not mistakes.lines:
        mistakes.add(
            ("watch", "builtin_sources"),
            "no source is left to read",
            "Add a [[source]], or leave builtin_sources out.",
        )
    return tuple(found.values())


def _as_watched(source: Source, watch: Watch) -> Source:
    concerned = not source.products or bool(source.asked_for(watch))
    return replace(source, enabled=source.enabled and concerned)


def _source(
    table: SourceTable, key: Key, environ: Mapping[str, str], mistakes: Mistakes
) -> Source | None:
    """Read one source; what it leaves open is taken from the built-in one of its name."""
    names = tuple(source.name for source in BUILTIN)
    default = Source("", "", "")
    if table.name in names:
        default = BUILTIN[names.index(table.name)]
    kind = default.kind if table.kind is UNSET else table.kind
    url = default.url if table.url is UNSET else table.url
    for name, text in (("kind", kind), ("url", url)):
        if not text:
            hint = meant(table.name, names)
            mistakes.add(
                key,
                f'the source "{table.name}" has no {name}',
                f"Give {name}; only a built-in source may leave it out. {hint}",
            )
            return None
    rhythm = Rhythm(default.silent, default.monthly)
    # A source of one's own is as monthly as its kind: MSRC's documents, a build table
    if table.name not in names and kind in SOURCE_KINDS:
        rhythm = Rhythm(None, SOURCE_KINDS[kind].monthly)
    given = mistakes.table(*key)
    if table.silent is not UNSET:
        rhythm = given.value("silent", _rhythm, rhythm, table.silent)
    language = default.language
    if table.language is not UNSET:
        language = given.value(
            "language",
            values.choice,
            "",
            table.language,
            LANGUAGES,
            "language that can be read",
        )
    every = default.every
    if table.every is not UNSET:
        every = given.value("every", values.duration, every, table.every)
    return Source(
        name=given.value("name", values.name, "", table.name),
        kind=given.value(
            "kind", values.choice, "", kind, tuple(SOURCE_KINDS), "kind of source"
        ),
        url=given.value("url", _url, "", url, environ, mistakes.secrets),
        every=every,
        enabled=True if table.enabled is UNSET else table.enabled,
        silent=rhythm.silent,
        monthly=rhythm.monthly,
        # Only an address that somebody typed may be mistyped
        own=table.url is not UNSET,
        products=default.products,
        language=language,
    )


class Rhythm(Struct, frozen=True):
    """How often a source must show something new; see ``Source``."""

    silent: timedelta | None
    monthly: bool


def _rhythm(text: str) -> Rhythm:
    silent, monthly = values.silence(text)
    return Rhythm(silent, monthly)


def _url(text: str, environ: Mapping[str, str], secrets: list[Secret]) -> str:
    """Check the URL with its secrets put in, and give it without them."""
    environment.without_password(text)
    values.web_url(environment.expanded(text, environ, secrets))
    return text
