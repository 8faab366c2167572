"""``watcher sources``: which there are, and what one of them says at this moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher import report
from watcher.cli.calling import Call, command, now
from watcher.errors import ConfigurationError, ParseError, WatcherError
from watcher.formats import event_json
from watcher.records import Entry, Failure, Follow, NotModified, Page, Snapshot, Source

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.web.fetch import Fetcher


@contextmanager
def live_web(settings: Settings, record: Path | None = None) -> Iterator[Fetcher]:
    """Open the live web, asked as the configuration says; every response is appended to the recording ``record``."""
    from watcher.web import FetchSettings
    from watcher.web.fetch import Fetcher

    secrets = {secret.name: secret.reveal() for secret in settings.secrets}
    asked = FetchSettings(contact=settings.contact, ca_bundle=settings.ca_bundle, secrets=secrets)
    if record is None:
        with Fetcher(asked) as web:
            yield web
        return
    from watcher.web.recorder import Recorder

    with Recorder(record, secrets) as recorder, Fetcher(asked, recorder) as web:
        yield web


def named(settings: Settings, name: str) -> Source:
    """Give the configured source of that name.  Raises ConfigurationError that names the nearest one."""
    from watcher.config.complaints import meant

    found = next((source for source in settings.sources if source.name == name), None)
    if found is None:
        raise ConfigurationError(f'there is no source "{name}". {meant(name, [source.name for source in settings.sources])}')
    return found


@command("sources", "watcher sources exchange-builds")
def sources(
    call: Call,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Fetch this one and print what it extracts, changing nothing.")
    ] = None,
    *,
    document: Annotated[
        str | None, typer.Option("--document", metavar="NAME", help="Of a source that leads to several documents this one, not the newest.")
    ] = None,
) -> None:
    """List the sources, or what one of them says.

    With NAME that one is fetched, and what it extracts is printed; nothing is changed.
    """
    settings = call.settings()
    if name is None:
        report.write_table(
            ("source", "kind", "every", "on", "address"),
            ((each.name, each.kind, _every(each), "yes" if each.enabled else "no", each.url) for each in settings.sources),
        )
        return
    source = named(settings, name)
    with live_web(settings) as web, report.progress(shown=call.lively) as say:
        say(f"{source.name}: asking {source.url}")
        snapshot = _extracted(settings, web, source, Follow("", source.url))
        chosen = _chosen(snapshot, document)
        if chosen:
            say(f"{source.name} {chosen.document}: asking {chosen.url}")
            _write_snapshot(_extracted(settings, web, source, chosen))
        else:
            _write_snapshot(snapshot)


def _every(source: Source) -> str:
    minutes = source.every.total_seconds() / 60
    return f"{minutes / 60:g}h" if minutes >= 60 else f"{minutes:g}m"


def _extracted(settings: Settings, web: Fetcher, source: Source, follow: Follow) -> Snapshot:
    """Fetch and parse one document.  Raises WatcherError with the failure's text."""
    from watcher.sources import parser
    from watcher.web import Wanted

    parse = parser(source.kind)

    def extract(outcome: Page | NotModified | Failure) -> Snapshot:
        if not isinstance(outcome, Page):
            raise WatcherError(str(outcome))
        try:
            return parse(outcome, settings.watch)
        except ParseError as error:
            failure = Failure(source.name, follow.document, outcome.url, outcome.time, error.cause, error.remedy)
            raise WatcherError(str(failure)) from error

    wanted = Wanted(source, follow.document, follow.url)
    ((_, snapshot),) = web.get_all([wanted], now(), extract)
    return replace(snapshot, document=follow.document)


def _chosen(snapshot: Snapshot, document: str | None) -> Follow | None:
    """Choose the document to look into: the one named, else the newest; None when the source is a single document."""
    from watcher.judgement.schedule import months

    rows = snapshot.follow
    if document is not None:
        found = next((row for row in rows if row.document == document), None)
        if found is None:
            raise ConfigurationError(f'{snapshot.source} leads to no document "{document}". It leads to: {_names(rows)}.')
        return found
    newest = months(rows, {}, snapshot.time)[-1:] or rows[-1:]
    return newest[0] if newest and not snapshot.entries else None


def _names(rows: tuple[Follow, ...]) -> str:
    return ", ".join(row.document for row in rows) or "none"


def _write_snapshot(snapshot: Snapshot) -> None:
    name = f"{snapshot.source} {snapshot.document}".strip()
    report.write(
        f"{name}: {snapshot.total} entries, {len(snapshot.entries)} of them watched; it shows "
        f"{'everything' if snapshot.coverage.value == 'complete' else 'the newest few'}"
    )
    for entry in snapshot.entries:
        report.write(f"  {report.harmless(_line(entry))}")


def _line(entry: Entry) -> str:
    parts = [
        event_json.time(entry.published)[:10] if entry.published else "",
        entry.title,
        f"revision {entry.revision}" if entry.revision else "",
        " ".join(dict.fromkeys([*entry.kbs, *(package.kb for package in entry.packages if package.kb)])),
        " ".join(dict.fromkeys(package.build for package in entry.packages if package.build)),
        " ".join(entry.cves),
    ]
    return "  ".join(part for part in parts if part)
