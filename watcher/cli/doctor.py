"""``watcher doctor``: what is unwell or will be, and what to do."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import Annotated

import typer
from msgspec.structs import asdict

from watcher import report
from watcher.cli.call import Call, command, end_with_failure, live_web, now
from watcher.doctor import Severity, findings
from watcher.parsing.parsers import Parsers


@command("doctor", "watcher doctor --offline")
def doctor(
    call: Call,
    *,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON object a finding instead of a table."),
    ] = False,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Ask neither the sources nor the mail server."),
    ] = False,
) -> None:
    """Look everything over.

    Configuration, secrets, clock, state, disk, sources, mail server, schedule.

    Nothing is changed and no message is sent.  Each finding has an id, how grave it is
    (error, warning, well), and a remedy. Exit code 1 if one of them is an error.

    The objects of --json have id, severity, text and remedy.
    """
    settings = call.settings()
    with (
        nullcontext(None) if offline else live_web(settings) as web,
        Parsers(settings.limits) as parsers,
    ):
        found = list(findings(settings, os.environ, now(), web, parsers.parse))
    if as_json:
        for finding in found:
            report.write_json(
                {
                    name: settings.masked(value)
                    for name, value in asdict(finding).items()
                }
            )
    else:
        rows = []
        for finding in found:
            # A server's answer may repeat what was sent to it
            text = settings.masked(finding.text)
            remedy = settings.masked(finding.remedy)
            rows.append((finding.severity.value, finding.id, text, remedy))
        report.write_table(("", "id", "finding", "remedy"), rows)
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    end_with_failure(failed=bool(errors))
