"""``watcher send``: the second half of a check, where run --no-send was the first."""

from __future__ import annotations

from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import Call, command, end_with_failure, now
from watcher.cli.run import say_how_it_went
from watcher.run.check import Report
from watcher.run.send import send_due


@command("send", "watcher run --no-send && watcher send")
def send(
    call: Call,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Try all waiting mail, due or not.")
    ] = False,
) -> None:
    """Send the messages that are due, and ask no source.

    For schedules that carry the state from machine to machine: the messages are made
    and kept by run --no-send, the state is brought to where the next run will find it,
    and only then they are sent.
    """
    settings = call.settings()
    # One time for all tries: what is due does not depend on how long sending takes
    at = now()
    with (
        call.store(settings, hold=True) as store,
        report.progress(shown=call.lively) as say,
    ):
        sent = send_due(settings, store, at, say, force=force)
    say_how_it_went(
        Report(
            at,
            sent=sent.accepted,
            troubles=sent.troubles,
            warnings=tuple(filter(None, (sent.patience,))),
        )
    )
    end_with_failure(failed=bool(sent.troubles))
