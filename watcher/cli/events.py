"""``watcher events``: what was established."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import Call, command, length, moment, now, write_events
from watcher.cli.target import read_kind
from watcher.judgement import audience
from watcher.judgement.normalize.products import patterns_of
from watcher.records import Kind
from watcher.text import event_json


@command(
    "events",
    "watcher events --since 7d --kind pulled --product 'Exchange Server 2019*'",
)
def events(
    call: Call,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="LENGTH|DATE", help="Only those since then: 7d, 12h or 2024-11-20."
        ),
    ] = None,
    kind: Annotated[
        Kind | None,
        typer.Option(help="Only those of this kind.", parser=read_kind, metavar="KIND"),
    ] = None,
    product: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Only those of these products, a shell pattern."
        ),
    ] = None,
) -> None:
    """Print the ledger: each event a line, oldest first.

    With --json each line is the event's public object, as in events.jsonl: schema, id,
    time, kind, confidence, update, scope, summary, evidence (and corrects in a
    correction), with because, guidance, packages and advisories.
    """
    beginning = _beginning(since) if since else None
    settings = call.settings()
    with call.store(settings) as store:
        found = store.events(since=beginning, kind=kind)
    if product:
        patterns = patterns_of(product)
        # What names no product is of none
        named = [event for event in found if event.update.products]
        found = tuple(
            event
            for event in named
            if audience.names_product(patterns, event.update.products)
        )
    if as_json:
        for event in found:
            report.write(event_json.line(event))
    else:
        write_events(found)


def _beginning(since: str) -> datetime:
    """Read ``7d`` as a time ago, a date as itself."""
    # Every date has hyphens, and no length does
    if "-" in since:
        return moment(since)
    return now() - length(since)
