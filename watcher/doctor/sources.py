"""What the doctor finds, and its look at the sources.

Do they answer, can they be read, have they moved, are they silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from watcher.config import Settings
from watcher.errors import ParseError
from watcher.judgement import source_health
from watcher.kinds import SOURCE_KINDS
from watcher.records import Failure, Page, Times
from watcher.run import operator
from watcher.run.fetch import Web
from watcher.sources import Parse
from watcher.store import Store
from watcher.text import complaints
from watcher.web import Outcome, Wanted


class Severity(StrEnum):
    """How grave a finding is: an error keeps the watcher from its work, a warning will or may."""

    ERROR = "error"
    WARNING = "warning"
    WELL = "well"


class Finding(Struct, frozen=True):
    """One thing that was looked at; ``id`` stays the same from version to version."""

    id: str
    severity: Severity
    text: str
    remedy: str = ""


def answers(
    settings: Settings, web: Web, now: datetime, parse: Parse
) -> Iterator[Finding]:
    """Ask each source for its first document, and read it.

    Those that fail for one cause are one finding.
    """
    # What follows updates has no document of its own to ask for
    enabled = settings.enabled_sources
    asked = [
        source for source in enabled if not SOURCE_KINDS[source.kind].follows_updates
    ]
    kinds = {source.name: source.kind for source in asked}

    def read(outcome: Outcome) -> Outcome:
        if isinstance(outcome, Page):
            return _read(outcome, kinds[outcome.source], settings, parse)
        return outcome

    wanted = [Wanted(source, "", source.url) for source in asked]
    failed = []
    for _, outcome in web.get_all(wanted, now, read):
        if isinstance(outcome, Failure):
            failed.append(outcome)
            continue
        yield Finding("source.answers", Severity.WELL, f"{outcome.source} answers")
        if outcome.moved:
            text, remedy = complaints.moved(outcome.moved)
            yield Finding(
                "source.moved", Severity.WARNING, f"{outcome.source}: {text}", remedy
            )
    without_answer = [failure for failure in failed if not failure.suspect]
    for line in complaints.failures(without_answer):
        yield Finding(
            "source.fails", Severity.ERROR, line, "Try it alone: watcher sources NAME"
        )
    # It answered with something else: a login page of the network, a new layout
    unreadable = [failure for failure in failed if failure.suspect]
    for line in complaints.failures(unreadable):
        yield Finding(
            "source.unreadable",
            Severity.ERROR,
            line,
            "Its layout has changed, or another page stands in its place: open it in "
            "a browser.",
        )


def _read(page: Page, kind: str, settings: Settings, parse: Parse) -> Outcome:
    """Read a page; what cannot be read is a suspect copy."""
    try:
        parse(kind, page, settings.watch)
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


def past_checks(settings: Settings, store: Store) -> Iterator[Finding]:
    """Say what the state tells of the sources.

    Those that are silent against their rhythm, those that failed several times in a
    row.
    """
    # As many as the operator would be told of by default
    failures = settings.operator.failures if settings.operator else 3
    healths = operator.source_healths(settings, store)
    for health in healths:
        silent = source_health.silent(health)
        if silent:
            yield Finding(
                "source.silent",
                Severity.WARNING,
                f"{health.source.name}: {complaints.silence(silent)}",
                "Open its address in a browser, and see whether it has moved or ended.",
            )
    lasting: list[Times] = []
    for health in healths:
        # One failure is nothing: a source is away for minutes every few weeks
        lasting += [each for each in health.times if each.failures >= failures]
    for line in complaints.still_failing(lasting):
        yield Finding(
            "source.failing",
            Severity.WARNING,
            f"{line} Failures in a row: {failures} or more.",
            "Try it alone: watcher sources NAME",
        )
