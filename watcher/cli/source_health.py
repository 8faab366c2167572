"""How each source is, for ``watcher status``.

As an object, a row of its table, and lines on standard error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from watcher.cli.printing import short
from watcher.judgement import source_health
from watcher.kinds import SOURCE_KINDS
from watcher.text import complaints as lines
from watcher.text import event_json

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.judgement.source_health import Standing
    from watcher.store import Store

HEAD = ("source", "last success", "last change", "failures", "documents", "entries")
NOTHING_YET = "nothing to follow yet"


def objects(settings: Settings, store: Store) -> list[dict[str, Any]]:
    """Give the objects of ``watcher status --json``, a source each."""
    # Opens the way to the state, which help needs not
    from watcher.run import operator

    return [
        _object(standing, settings, store)
        for standing in operator.standings(settings, store)
    ]


def _object(standing: Standing, settings: Settings, store: Store) -> dict[str, Any]:
    source, documents = standing.source, store.documents(standing.source.name)
    silent = source_health.silent(standing)
    failing = [each for each in standing.times if each.failures]
    return {
        "name": source.name,
        "kind": source.kind,
        "url": settings.masked(source.url),
        "last_success": _time(standing.succeeded),
        "last_change": _time(
            max(
                (
                    document.accepted
                    for document in documents.values()
                    if document.accepted
                ),
                default=None,
            )
        ),
        "failures": max((each.failures for each in failing), default=0),
        "failure": settings.masked("; ".join(each.failure for each in failing)),
        "documents": len(documents),
        "entries": sum(
            len(store.fingerprints(source.name, name)) for name in documents
        ),
        "moved": standing.moved or None,
        "silent": lines.silence(silent) if silent else None,
    }


def well(source: dict[str, Any]) -> bool:
    """Say whether a source is well: what moved is read all the same."""
    return not (source["failures"] or source["silent"] or never_read(source))


def never_read(source: dict[str, Any]) -> bool:
    """Say whether a source should have been read and never was.

    One that only follows updates may have nothing to read.
    """
    return (
        not source["last_success"] and not SOURCE_KINDS[source["kind"]].follows_updates
    )


def rows(sources: Iterable[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Give a row of the table for each source."""
    for source in sources:
        nothing = (
            NOTHING_YET
            if SOURCE_KINDS[source["kind"]].follows_updates and not source["failures"]
            else "never"
        )
        last = (short(source["last_success"], nothing), short(source["last_change"]))
        yield (
            source["name"],
            *last,
            *(str(source[count]) for count in ("failures", "documents", "entries")),
        )


def failing(settings: Settings, store: Store) -> list[tuple[int, str]]:
    """Name the sources that fail, each with its cause and remedy, for the log."""
    from watcher.run import operator

    times = (
        each
        for standing in operator.standings(settings, store)
        for each in standing.times
    )
    return [
        (logging.ERROR, settings.masked(line)) for line in lines.still_failing(times)
    ]


def complaints(sources: Iterable[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Say what is wrong with sources that do not fail, each with how grave it is for the log."""
    for source in sources:
        if never_read(source) and not source["failures"]:
            yield (
                logging.ERROR,
                f"{source['name']}: it was never read. Start a check: watcher run",
            )
        if source["silent"]:
            yield (
                logging.ERROR,
                f"{source['name']}: {source['silent']}. Open its address in a browser.",
            )
        if source["moved"]:
            yield (
                logging.WARNING,
                f"{source['name']}: {'. '.join(lines.moved(source['moved']))}",
            )


def _time(time: datetime | None) -> str | None:
    return event_json.time(time) if time else None
