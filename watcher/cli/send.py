"""``watcher send``: the second half of a check, where run --no-send was the first."""

from __future__ import annotations

from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import Call, command, end_with_failure, ends_within, now
from watcher.cli.run import say_how_it_went
from watcher.cli.target import require_updates
from watcher.records import Message
from watcher.run.check import Report
from watcher.run.send import Shares, asked_again, send_due
from watcher.store import Store


@command("send", "watcher run --no-send && watcher send")
def send(
    call: Call,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Try all waiting mail, due or not.")
    ] = False,
    again: Annotated[
        str | None,
        typer.Option(
            "--again",
            metavar="ID",
            help="Try what of this did not arrive once more, also what was given up.",
        ),
    ] = None,
) -> None:
    """Send the messages that are due, and ask no source.

    For schedules that carry the state from machine to machine: the messages are made
    and kept by run --no-send, the state is brought to where the next run will find it,
    and only then they are sent.

    ID is a Message-ID, as watcher status --json names it, an event's id, or what
    watcher show takes: update id, KB article, CVE or build.  What was accepted is not
    sent again.
    """
    settings = call.settings(sends=True)
    # One time for all tries: what is due does not depend on how long sending takes
    at = now()
    with (
        call.store(settings, hold=True) as store,
        ends_within(settings.limits.sending),
        report.progress(shown=call.lively) as say,
    ):
        if again is not None:
            messages = _messages(store, again)
            store.mark(*asked_again(messages, settings, store, at))
        shares = Shares.of(settings.limits.sending)
        sent = send_due(settings, store, at, say, force=force, shares=shares)
    say_how_it_went(
        Report(
            at,
            sent=sent.accepted,
            troubles=sent.troubles,
            warnings=tuple(filter(None, (sent.patience,))),
        )
    )
    end_with_failure(failed=bool(sent.troubles))


def _messages(store: Store, identifier: str) -> list[Message]:
    """Find the messages that are meant.  Raises ConfigurationError when there are none."""
    found = store.message(f"<{identifier.strip().strip('<>')}>")
    if found:
        return [found]
    if store.event(identifier):
        return [message for message, _ in store.messages_of(event=identifier)]
    messages: dict[str, Message] = {}
    for update in require_updates(store, identifier):
        for message, _ in store.messages_of(update=update.id):
            messages[message.id] = message
    return list(messages.values())
