"""``watcher sources``: which there are, and what one of them says at this moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer
from msgspec.structs import replace

from watcher import report
from watcher.cli.call import Call, command, live_web, named, now
from watcher.config import Settings
from watcher.errors import ConfigurationError, ParseError, WatcherError
from watcher.judgement import schedule
from watcher.kinds import SOURCE_KINDS
from watcher.parsing.parsers import Parsers
from watcher.plural import counted
from watcher.records import (
    Entry,
    Failure,
    Follow,
    NotModified,
    Page,
    Snapshot,
    Source,
    Watch,
)
from watcher.sources import Parse
from watcher.text import event_json
from watcher.web import Wanted
from watcher.web.fetch import Fetcher

EARLIEST = datetime.min.replace(tzinfo=UTC)


# Provider metadata, its feed, its newest document
DEPTH = 4


@command("sources", "watcher sources exchange-builds")
def sources(
    call: Call,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Fetch this one and print what it extracts, changing nothing.",
        ),
    ] = None,
    *,
    document: Annotated[
        str | None,
        typer.Option(
            "--document",
            metavar="NAME",
            help="Of a source that leads to several documents this one, not the newest.",
        ),
    ] = None,
) -> None:
    """List the sources, or what one of them says.

    With NAME that one is fetched, and what it extracts is printed; nothing is changed.
    """
    settings = call.settings()
    if name is None:
        rows = []
        for each in settings.sources:
            enabled = "yes" if each.enabled else "no"
            why = _why(each, settings.watch)
            # Without the values of ${NAME}: the address is as the file has it
            rows.append((each.name, each.kind, _every(each), enabled, each.url, why))
        head = ("source", "kind", "every", "on", "address", "why")
        report.write_table(head, rows)
        return
    source = named(settings, name)
    with (
        live_web(settings) as web,
        Parsers(settings.limits) as parsers,
        report.progress(shown=call.lively) as say,
    ):
        snapshot = _looked_into(
            source,
            document,
            _followed(call, settings, source),
            partial(_extracted, settings, web, parsers.parse, source),
            say,
        )
    _write_snapshot(snapshot)


def _why(source: Source, watch: Watch) -> str:
    """Say why a source is on, or off."""
    pattern = source.asked_for(watch)
    if not source.enabled:
        if source.products and not pattern:
            return f"no watched product is of {' or '.join(source.products)}"
        return "it is not enabled"
    if pattern:
        return f'"{pattern}" is watched'
    return "" if source.products else "it may tell of any product"


def _every(source: Source) -> str:
    minutes = source.every.total_seconds() / 60
    return f"{minutes / 60:g}h" if minutes >= 60 else f"{minutes:g}m"


def _extracted(
    settings: Settings, web: Fetcher, parse: Parse, source: Source, follow: Follow
) -> Snapshot:
    """Fetch and parse one document.  Raises WatcherError with the failure's text."""

    def extract(outcome: Page | NotModified | Failure) -> Snapshot:
        if not isinstance(outcome, Page):
            raise WatcherError(str(outcome))
        try:
            return parse(source.kind, outcome, settings.watch)
        except ParseError as error:
            failure = Failure(
                source.name,
                follow.document,
                outcome.url,
                outcome.time,
                error.cause,
                error.remedy,
            )
            raise WatcherError(str(failure)) from error

    wanted = Wanted(source, follow.document, follow.url)
    ((_, snapshot),) = web.get_all([wanted], now(), extract)
    return replace(snapshot, document=follow.document)


def _followed(
    call: Call, settings: Settings, source: Source
) -> tuple[Follow, ...] | None:
    """List the pages that a source which only follows updates would ask now, the newest
    update's first; None for any other source.
    """
    if not SOURCE_KINDS[source.kind].follows_updates:
        return None
    with call.store(settings) as store:
        pages: list[Follow] = []
        for update in store.young_updates(now() - schedule.YOUNG):
            found = schedule.pages(update, source.kind)
            pages += [Follow(document, url) for document, url in found.items()]
    if not pages:
        raise ConfigurationError(
            f"{source.name} follows the pages of young updates, and none is "
            "known yet. Start a check first: watcher run"
        )
    return tuple(pages)


def _looked_into(
    source: Source,
    document: str | None,
    rows: tuple[Follow, ...] | None,
    extracted: Callable[[Follow], Snapshot],
    say: Callable[[str], None],
) -> Snapshot:
    """Read the document that was named, else the newest that has entries.

    An index only leads to others.
    """
    chosen = Follow("", source.url)
    if rows is not None:
        chosen = _chosen(source.name, rows, document)
    depth = 1
    while True:
        say(f"{source.name} {chosen.document}: asking {chosen.url}")
        snapshot = extracted(chosen)
        wanted = document if document != chosen.document else None
        # An index of a provider may lead to itself
        if depth == DEPTH:
            return snapshot
        is_last = bool(snapshot.entries) or not snapshot.follow
        if wanted is None and is_last:
            return snapshot
        chosen = _chosen(source.name, snapshot.follow, wanted)
        depth += 1


def _chosen(source: str, rows: tuple[Follow, ...], document: str | None) -> Follow:
    """Choose the document that is named, else the newest."""
    if document is not None:
        by_name = {row.document: row for row in rows}
        if document not in by_name:
            names = ", ".join(by_name) or "none"
            raise ConfigurationError(
                f'{source} leads to no document "{document}". It leads to: {names}.'
            )
        return by_name[document]
    # "2024-Nov" is older than "2024-Dec", which its spelling does not say
    return max(
        rows, key=lambda row: (schedule.month_end(row.document) or EARLIEST, row.mark)
    )


def _write_snapshot(snapshot: Snapshot) -> None:
    name = f"{snapshot.source} {snapshot.document}".strip()
    report.write(
        f"{name}: {counted(snapshot.total, 'entry', 'entries')}, "
        f"{len(snapshot.entries)} of them watched; it shows "
        f"{'everything' if snapshot.coverage.value == 'complete' else 'the newest few'}"
    )
    for entry in snapshot.entries:
        report.write(f"  {report.harmless(_entry_line(entry))}")


def _entry_line(entry: Entry) -> str:
    published = event_json.time(entry.published)[:10] if entry.published else ""
    revision = f"revision {entry.revision}" if entry.revision else ""
    kbs = [*entry.kbs]
    builds = []
    for package in entry.packages:
        kbs.append(package.kb)
        builds.append(package.build)
    parts = (
        published,
        entry.title,
        revision,
        _each(kbs),
        _each(builds),
        _each(entry.cves),
    )
    return "  ".join(filter(None, parts))


def _each(references: Iterable[str]) -> str:
    """Write references, each once."""
    return " ".join(dict.fromkeys(filter(None, references)))
