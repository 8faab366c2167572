"""``watcher status``, ``watcher events``: how the sources are, and what was established."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher import report
from watcher.cli import kinds, source_health
from watcher.cli.calling import Call, command, end_with_failure, length, moment, now
from watcher.cli.printing import short, write_events
from watcher.counted import counted
from watcher.records import Delivery, DeliveryState, Kind, Message
from watcher.text import event_json

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

# Deliveries: more than any state will ever hold
ALL_GIVEN_UP = 1_000_000
# Deliveries that are named, by --json and in lines
MOST_GIVEN_UP, MOST_LINES = 200, 20


@command("status", "watcher status --json")
def status(
    call: Call,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object instead of a table.")
    ] = False,
) -> None:
    """Say how every source and delivery is, and where each server stands.

    Of each source: its last success, last change, failures in a row, and what it
    holds.  Of each server of the inventory: what its build is, whether it is good, and
    what to do.  Exit code 1 if anything is unwell: a source that failed, was never
    read, or is silent against its rhythm, a delivery that failed and waits for its
    next try, or was given up.

    The object of --json has ok, sources (each with name, kind, url, last_success,
    last_change, failures, failure, documents, entries, moved: where its address leads
    for good, silent: how; times in UTC or null), deliveries (waiting, refused,
    given_up: how many), waiting and given_up (the newest 200), each delivery with
    message, subject, recipient, channel, state, attempts, answer and next_try, and
    servers (those of the inventory, as in watcher build --json).
    """
    from watcher.cli import noting, servers
    from watcher.run.servers import complaints, exposures

    settings = call.settings()
    with call.store(settings) as store:
        found, known, marks = (
            standing(settings, store),
            exposures(settings, store),
            noting.notes(store),
        )
        failing = source_health.failing(settings, store)
    for text in complaints(settings):
        report.LOG.warning("%s", text)
    if as_json:
        noted = [
            {"target": note.target, "kind": note.kind, "until": _time(note.until)}
            for note in marks
        ]
        report.write_json(
            found
            | {
                "servers": servers.objects(known, settings) if known else [],
                "notes": noted,
            }
        )
    else:
        _write_status(found)
        for level, text in (*failing, *source_health.complaints(found["sources"])):
            report.LOG.log(level, "%s", text)
        for line in (
            *(servers.lines(known, settings) if known else ()),
            *(note.line for note in marks),
        ):
            report.write(report.harmless(line))
    end_with_failure(failed=not found["ok"])


def standing(settings: Settings, store: Store) -> dict[str, Any]:
    """Give the object of ``watcher status --json``."""
    sources = source_health.objects(settings, store)
    counts = store.delivery_counts()
    given_up = store.given_up(ALL_GIVEN_UP) if counts.given_up else []
    refused = sum(delivery.state is DeliveryState.REFUSED for _, delivery in given_up)
    waiting = (
        [_delivery_standing(*pair, settings) for pair in store.waiting()]
        if counts.waiting
        else []
    )
    failing = counts.given_up or any(delivery["attempts"] for delivery in waiting)
    return {
        "ok": not failing and all(map(source_health.well, sources)),
        "sources": sources,
        "deliveries": {
            "waiting": counts.waiting,
            "refused": refused,
            "given_up": counts.given_up,
        },
        "waiting": waiting,
        "given_up": [
            _delivery_standing(*pair, settings) for pair in given_up[:MOST_GIVEN_UP]
        ],
    }


def _delivery_standing(
    message: Message, delivery: Delivery, settings: Settings
) -> dict[str, Any]:
    return {
        "message": message.id,
        "subject": message.subject,
        "recipient": delivery.recipient,
        "channel": delivery.channel,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "answer": settings.masked(delivery.answer),
        "next_try": _time(delivery.next_try),
    }


def _time(time: datetime | None) -> str | None:
    return event_json.time(time) if time else None


def _write_status(found: dict[str, Any]) -> None:
    report.write_table(source_health.HEAD, source_health.rows(found["sources"]))
    deliveries = found["deliveries"]
    report.write(
        f"deliveries: {deliveries['waiting']} waiting, "
        f"{deliveries['refused']} refused, {deliveries['given_up']} given up"
    )
    for line in _delivery_lines(found):
        report.write(report.harmless(line))
    if any(delivery["attempts"] for delivery in found["waiting"]):
        report.LOG.error(
            "Mail could not be delivered and waits. Correct what the answers "
            "name, and try at once: watcher run --force"
        )
    if deliveries["given_up"]:
        given_up = counted(deliveries["given_up"], "delivery was", "deliveries were")
        report.LOG.error(
            "%s given up. Who was told otherwise, and of what: watcher show ID",
            given_up,
        )


def _delivery_lines(found: dict[str, Any]) -> Iterator[str]:
    """Name the deliveries that wait, and those given up, each with the last answer."""
    for kind in ("waiting", "given_up"):
        for delivery in found[kind][:MOST_LINES]:
            to = f"{delivery['recipient']} ({delivery['subject']})"
            said = f": {delivery['answer']}" if delivery["answer"] else ""
            later = (
                f"; next try {short(delivery['next_try'])}"
                if delivery["next_try"]
                else ""
            )
            yield f"  {delivery['state']}: {to}{said}{later}"
        more = found["deliveries"][kind] - MOST_LINES
        if more > 0:
            yield f"  and {more} more {kind.replace('_', ' ')}: watcher status --json"


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
        typer.Option(
            help="Only those of this kind.", parser=kinds.kind, metavar="KIND"
        ),
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
        found = store.events(since=beginning, kind=kind, product=product)
    if as_json:
        for event in found:
            report.write(event_json.line(event))
    else:
        write_events(found)


def _beginning(since: str) -> datetime:
    """Read ``7d`` as a time ago, a date as itself."""
    return moment(since) if "-" in since else now() - length(since)
