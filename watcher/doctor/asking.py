"""The doctor's look at the sources.

Do they answer, can they be read, have they moved, are they silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from watcher.doctor.finding import Finding, Severity
from watcher.errors import ParseError
from watcher.judgement import source_health
from watcher.kinds import SOURCE_KINDS
from watcher.records import Failure, Page
from watcher.run import operator
from watcher.text import complaints

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.run.gather import Web
    from watcher.store import Store
    from watcher.web import Outcome


def answers(settings: Settings, web: Web, now: datetime) -> Iterator[Finding]:
    """Ask each source for its first document, and read it.

    Those that fail for one cause are one finding.
    """
    from watcher.web import Wanted

    asked = [
        source
        for source in settings.sources
        if source.enabled and not SOURCE_KINDS[source.kind].follows_updates
    ]
    kinds = {source.name: source.kind for source in asked}

    def use(outcome: Outcome) -> Outcome:
        return (
            _read(outcome, kinds[outcome.source], settings)
            if isinstance(outcome, Page)
            else outcome
        )

    got = [
        outcome
        for _, outcome in web.get_all(
            [Wanted(source, "", source.url) for source in asked], now, use
        )
    ]
    failed = [outcome for outcome in got if isinstance(outcome, Failure)]
    for outcome in got:
        if isinstance(outcome, Failure):
            continue
        yield Finding("source.answers", Severity.WELL, f"{outcome.source} answers")
        if outcome.moved:
            text, remedy = complaints.moved(outcome.moved)
            yield Finding(
                "source.moved", Severity.WARNING, f"{outcome.source}: {text}", remedy
            )
    for suspect, name, remedy in (
        (False, "source.fails", "Try it alone: watcher sources NAME"),
        (
            True,
            "source.unreadable",
            "Its layout has changed, or another page stands in its place: open it in a browser.",
        ),
    ):
        lines = complaints.failures(
            failure for failure in failed if failure.suspect is suspect
        )
        yield from (Finding(name, Severity.ERROR, line, remedy) for line in lines)


def _read(page: Page, kind: str, settings: Settings) -> Outcome:
    from watcher import sources

    try:
        sources.parser(kind)(page, settings.watch)
    except ParseError as error:
        return Failure(
            page.source,
            page.document,
            page.url,
            page.time,
            error.cause,
            error.remedy,
            suspect=True,
        )
    return page


def standings(settings: Settings, store: Store) -> Iterator[Finding]:
    """Say what the state knows of the sources.

    Those that are silent against their rhythm, those that failed several times in a
    row.
    """
    often = settings.operator.failures if settings.operator else 3
    for standing in operator.standings(settings, store):
        silent = source_health.silent(standing)
        if silent:
            text = f"{standing.source.name}: {complaints.silence(silent)}"
            yield Finding(
                "source.silent",
                Severity.WARNING,
                text,
                "Open its address in a browser, and see whether it has moved or ended.",
            )
    lasting = [
        each
        for standing in operator.standings(settings, store)
        for each in standing.times
        if each.failures >= often
    ]
    yield from (
        Finding(
            "source.failing",
            Severity.WARNING,
            f"{line} Failures in a row: {often} or more.",
            "Try it alone: watcher sources NAME",
        )
        for line in complaints.still_failing(lasting)
    )
