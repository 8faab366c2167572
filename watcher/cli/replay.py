"""``watcher replay``: checks relived."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import (
    Call,
    command,
    end_with_failure,
    length,
    moment,
    write_events,
)
from watcher.plural import counted
from watcher.replay import differences, read_events
from watcher.replay import replay as relive


@command("replay", "watcher replay november-2024.warc.gz --out relived")
def replay(
    call: Call,
    recordings: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDING...", help="WARC files; several are merged by date."
        ),
    ],
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Where events, mail, site and state go; continued when it exists.",
        ),
    ],
    every: Annotated[
        str | None,
        typer.Option(
            metavar="LENGTH",
            help="A check each 1h, 30m ... instead of one at each date of the recording.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DATE",
            help="The first check is not before this date or time (UTC).",
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="DATE",
            help="The last check is not after this; a date means its end.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Print only what would have been told otherwise than in DIR.",
        ),
    ] = None,
) -> None:
    """Relive recordings, their dates being the clock.

    The code is that of run; the network is never touched, and nothing waits.  Writes
    events.jsonl, mail, site and state.db. There is one subscriber, told at once; every
    source is checked at every date.  A folder that exists is continued from its state,
    so that a recording may be relived in pieces.
    """
    step = length(every) if every else None
    first = moment(start) if start else None
    last = moment(until, end=True) if until else None
    settings = call.settings()
    if against:
        # Before anything is done: a wrong name costs nothing
        read_events(against)
    # Several lines a check, and hundreds of checks
    with report.progress(shown=call.lively, level=logging.DEBUG) as say:
        result = relive(settings, recordings, out, step, first, last, say)
    if not call.quiet and not against:
        write_events(result.events)
    if against:
        for line in differences(out, against):
            report.write(report.harmless(line))
    for text in result.warnings:
        report.LOG.warning("%s", report.harmless(text))
    report.LOG.info(
        "told: %s; they and the mail lie in %s",
        counted(len(result.events), "event"),
        out,
    )
    end_with_failure(failed=result.failed)
