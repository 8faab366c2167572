"""``watcher run``: one check."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from watcher import report
from watcher.cli.call import (
    Call,
    command,
    end_with_failure,
    ends_within,
    live_web,
    named,
    now,
    write_events,
)
from watcher.cli.status import status_object
from watcher.config import Settings
from watcher.errors import ConfigurationError, StateError
from watcher.parsing.parsers import Parsers
from watcher.plural import counted
from watcher.records import Delivery, Failure, Message, Source
from watcher.run import evidence
from watcher.run.check import Report, check
from watcher.run.monitoring import ask, beating
from watcher.run.monitoring import write as write_metrics
from watcher.store import Store
from watcher.text import complaints

_DAY = timedelta(days=1)


@command("run", "watcher run --source exchange-builds --dry-run")
def run(
    call: Call,
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Touch nothing, and print what would be done."),
    ] = False,
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", metavar="NAME", help="Only this one (may be repeated)."
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Ask every source and try all waiting mail, due or not."
        ),
    ] = False,
    no_send: Annotated[
        bool,
        typer.Option(
            "--no-send",
            help="Make and keep the messages, and leave sending them to watcher send.",
        ),
    ] = False,
    metrics: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write figures to this file, for Prometheus; instead of metrics in [watch].",
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.warc.gz", help="Append every response to this recording."
        ),
    ] = None,
) -> None:
    """Make one check of every due source.

    Each is fetched, judged and compared; events are recorded, messages delivered,
    feeds and page published. Events are printed; each source and delivery that failed
    is named with its cause and remedy, and the next run tries again.
    """
    settings = call.settings(sends=not (dry_run or no_send))
    only = None
    if source:
        only = frozenset(_switched_on(named(settings, name)) for name in source)
    # A rehearsal tells no monitor that a run began
    monitored = replace(settings, heartbeat=None) if dry_run else settings
    at = now()
    with (
        _opened(call, settings, monitored, dry_run=dry_run) as store,
        beating(monitored, _warn) as beat,
        ends_within(settings.limits.run),
        live_web(settings, record) as web,
        Parsers(settings.limits) as parsers,
        report.progress(shown=call.lively) as say,
    ):
        last_check = store.last_check()
        if last_check is None:
            # All that is answered is new, and will have to be parsed
            parsers.start(_kinds(settings, only))
        result = check(
            settings,
            store,
            web,
            at,
            only=only,
            force=force,
            dry_run=dry_run,
            send=not no_send,
            say=say,
            parse=parsers.parse,
        )
        waiting: list[tuple[Message, Delivery]] = []
        if dry_run:
            waiting = store.due_deliveries(None if force else at)
        else:
            troubles = finish(
                settings, store, at, last_check, metrics or settings.metrics
            )
            result = replace(result, troubles=result.troubles + troubles)
        # Whoever is told of the heartbeat would take "all is well" for an all-clear
        beat.failed = result.failed or result.blind
    if not call.quiet:
        write_events(result.events)
        for message, delivery in waiting:
            would = f"would be sent to {delivery.recipient}: {message.subject}"
            report.write(report.harmless(would))
    say_how_it_went(result)
    end_with_failure(failed=result.failed)


def _kinds(settings: Settings, only: frozenset[str] | None) -> list[str]:
    """Give the kinds of the sources that are asked."""
    kinds = set()
    for source in settings.enabled_sources:
        if only is None or source.name in only:
            kinds.add(source.kind)
    return sorted(kinds)


def _opened(
    call: Call, settings: Settings, monitored: Settings, *, dry_run: bool
) -> Store:
    """Open the state.

    Where it cannot be, the heartbeat hears of a failure: no run begins, and nobody else
    would tell.  A state that another run holds is none.
    """
    try:
        return call.store(settings, hold=not dry_run, rehearse=dry_run)
    except StateError:
        if monitored.heartbeat is not None:
            ask(monitored.heartbeat.failure, monitored, _warn)
        raise


def finish(
    settings: Settings,
    store: Store,
    at: datetime,
    last_check: datetime | None,
    metrics: Path | None,
) -> tuple[str, ...]:
    """Forget what has been kept long enough, and write the figures.

    ``last_check`` is when the run before was.  Give what went wrong with the figures.
    """
    # A clock that is a year ahead for one run would forget what nobody has read since;
    # where the machine was off, the next run forgets it
    until = min(at, last_check + _DAY) if last_check else at
    # Evidence of documents that are kept no longer goes with them
    if store.prune(until - settings.keep).documents:
        evidence.forget(settings, store)
    if not metrics:
        return ()
    try:
        write_metrics(metrics, status_object(settings, store), at)
    except OSError as error:
        # They once ended a run before it said what it had found
        complaint = (
            f"{metrics}: the figures cannot be written ({error.strerror}). Correct "
            "metrics, its folder's rights, or make room."
        )
        return (complaint,)
    return ()


def _warn(text: str) -> None:
    report.LOG.warning("%s", text)


def _switched_on(source: Source) -> str:
    # Asking it all the same would begin its life in the state, against the settings
    if not source.enabled:
        raise ConfigurationError(
            f'the source "{source.name}" is switched off. Set enabled = true '
            "in its [[source]], or name another."
        )
    return source.name


def _say_why(failures: list[Failure]) -> None:
    # Without a network all of them fail for one cause: that is one line, and each
    # address is shown with -v only
    lines = complaints.failures(failures)
    for line in lines:
        report.LOG.error("%s", line)
    for line in map(str, failures):
        if line not in lines:
            report.LOG.debug("%s", line)


def say_how_it_went(result: Report) -> None:
    """Name each failure with cause and remedy, and sum the check up, on standard error."""
    failed = [source for source in result.sources if source.failures]
    # One listed document that is missing is that document's failure alone
    silent = [s for s in failed if len(s.failures) >= s.documents]
    failures: list[Failure] = []
    for source in failed:
        failures += source.failures
    _say_why(failures)
    for complaint in result.troubles:
        report.LOG.error("%s", complaint)
    for warning in result.warnings:
        report.LOG.warning("%s", warning)
    if silent and len(silent) == len(result.sources):
        report.LOG.error(
            "No source could be read. Nothing is lost: the next run asks again."
        )
    new = sum(source.new for source in result.sources)
    changed = sum(source.changed for source in result.sources)
    report.LOG.info(
        "%s asked, %d failed; %s new, %d changed; %s, %s sent",
        counted(len(result.sources), "source"),
        len(failed),
        counted(new, "entry", "entries"),
        changed,
        counted(len(result.events), "event"),
        counted(result.sent, "message"),
    )
