"""``watcher run`` and ``watcher replay``: one check, now or relived."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher import report
from watcher.cli.asking import write_events
from watcher.cli.calling import Call, command, end_with_failure, length, moment, now
from watcher.cli.fetching import live_web, named

if TYPE_CHECKING:
    from watcher.run import Report


@command("run", "watcher run --source exchange-builds --dry-run")
def run(
    call: Call,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Touch nothing, and print what would be done.")] = False,
    source: Annotated[list[str] | None, typer.Option("--source", metavar="NAME", help="Only this one (may be repeated).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Ask every source, due or not.")] = False,
    record: Annotated[Path | None, typer.Option(metavar="FILE.warc.gz", help="Append every response to this recording.")] = None,
) -> None:
    """Make one check of every due source.

    Each is fetched, judged and compared; events are recorded, messages delivered, feeds and page published.
    """
    settings = call.settings()
    only = frozenset(named(settings, name).name for name in source) if source else None
    from watcher.run import check

    with (
        call.store(settings, hold=not dry_run, rehearse=dry_run) as store,
        live_web(settings, record) as web,
        report.progress(shown=call.lively) as say,
    ):
        told = check(settings, store, web, now(), only=only, force=force, dry_run=dry_run, say=say)
    write_report(told)
    end_with_failure(failed=told.failed)


@command("replay", "watcher replay november-2024.warc.gz --out relived")
def replay(
    call: Call,
    recordings: Annotated[list[Path], typer.Argument(metavar="RECORDING...", help="WARC files; several are merged by date.")],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where events, mail, site and state go; continued when it exists.")],
    every: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="A check each 1h, 30m ... instead of one at each date of the recording.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="The first check is not before this date or time (UTC).")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="The last check is not after this; a date means its end.")
    ] = None,
    against: Annotated[Path | None, typer.Option(metavar="DIR", help="Print what would have been told otherwise than in DIR.")] = None,
) -> None:
    """Relive recordings, their dates being the clock.

    The code is that of run; the network is never touched, and nothing waits.  Writes events.jsonl, mail, site and state.db.
    """
    step = length(every) if every else None
    first, last = moment(start) if start else None, moment(until, end=True) if until else None
    settings = call.settings()
    from watcher.replay import replay as relive

    with report.progress(shown=call.lively) as say:
        told = relive(settings, recordings, out, step, first, last, say)
    write_report(told)
    if against:
        from watcher.replay import differences

        for line in differences(out, against):
            report.write(line)
    end_with_failure(failed=told.failed)


def write_report(told: Report) -> None:
    """Print the events of a check, and name each failure with cause and remedy on standard error."""
    write_events(told.events)
    failures = [failure for source in told.sources for failure in source.failures]
    for failure in failures:
        report.LOG.error("%s", failure)
