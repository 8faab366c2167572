"""``watcher status``, ``watcher events``: how the sources are, and what was established."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from watcher import report
from watcher.cli.calling import Call, command, end_with_failure, length, moment, now
from watcher.formats import event_json
from watcher.records import DeliveryState, Event, Kind, Source

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

ALL_GIVEN_UP = 1_000_000  # deliveries: more than any state will ever hold


@command("status", "watcher status --json")
def status(call: Call, *, as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False) -> None:
    """Say how every source and delivery is, and where each server stands.

    Of each source: its last success, last change, failures in a row, and what it holds.  Of each server of the inventory:
    what its build is, whether it is good, and what to do.  Exit code 1 if anything is unwell:
    a source that failed or was never read, a delivery that was given up.

    The object of --json has ok, sources (each with name, kind, url, last_success, last_change, failures, failure, documents,
    entries; times in UTC or null), deliveries (waiting, refused, given_up) and servers (those of the inventory, as in
    watcher build --json).
    """
    from watcher.cli import servers
    from watcher.run.servers import complaints, exposures

    settings = call.settings()
    with call.store(settings) as store:
        found, known = standing(settings, store), exposures(settings, store)
    for text in complaints(settings):
        report.LOG.warning("%s", text)
    if as_json:
        report.write_json(found | {"servers": servers.objects(known, settings) if known else []})
    else:
        _write_status(found)
        for line in servers.lines(known, settings) if known else ():
            report.write(report.harmless(line))
    end_with_failure(failed=not found["ok"])


def standing(settings: Settings, store: Store) -> dict[str, Any]:
    """Give the object of ``watcher status --json``."""
    sources = [_source_standing(source, settings, store) for source in settings.sources if source.enabled]
    counts = store.delivery_counts()
    refused = sum(delivery.state is DeliveryState.REFUSED for _, delivery in store.given_up(ALL_GIVEN_UP)) if counts.given_up else 0
    well = not counts.given_up and not any(source["failures"] or never_read(source) for source in sources)
    return {
        "ok": well,
        "sources": sources,
        "deliveries": {"waiting": counts.waiting, "refused": refused, "given_up": counts.given_up},
    }


def _source_standing(source: Source, settings: Settings, store: Store) -> dict[str, Any]:
    documents = store.documents(source.name)
    times = [times for times in store.all_times() if times.source == source.name]
    failing = [each for each in times if each.failures]
    return {
        "name": source.name,
        "kind": source.kind,
        "url": settings.masked(source.url),
        "last_success": _time(max((each.succeeded for each in times if each.succeeded), default=None)),
        "last_change": _time(max((document.accepted for document in documents.values() if document.accepted), default=None)),
        "failures": max((each.failures for each in failing), default=0),
        "failure": settings.masked("; ".join(each.failure for each in failing)),
        "documents": len(documents),
        "entries": sum(len(store.fingerprints(source.name, name)) for name in documents),
    }


def never_read(source: dict[str, Any]) -> bool:
    """Say whether a source should have been read and never was; one that only follows updates may have nothing to read."""
    from watcher.run.gather import FOLLOWING

    return not source["last_success"] and source["kind"] not in FOLLOWING


def _time(time: datetime | None) -> str | None:
    return event_json.time(time) if time else None


def _write_status(found: dict[str, Any]) -> None:
    head = ("source", "last success", "last change", "failures", "documents", "entries")
    report.write_table(
        head,
        (
            (
                source["name"],
                short(source["last_success"]),
                short(source["last_change"]),
                str(source["failures"]),
                str(source["documents"]),
                str(source["entries"]),
            )
            for source in found["sources"]
        ),
    )
    deliveries = found["deliveries"]
    report.write(f"deliveries: {deliveries['waiting']} waiting, {deliveries['refused']} refused, {deliveries['given_up']} given up")
    for source in found["sources"]:
        if source["failure"]:
            report.LOG.error("%s", source["failure"])
        elif never_read(source):
            report.LOG.error("%s: it was never read. Start a check: watcher run", source["name"])
    if deliveries["given_up"]:
        report.LOG.error("%s deliveries were given up. See to whom and why: watcher show ID", deliveries["given_up"])


def short(time: str | None) -> str:
    """Write an RFC 3339 time to the minute, "never" for None."""
    return f"{time[:16].replace('T', ' ')}Z" if time else "never"


@command("events", "watcher events --since 7d --kind pulled --product 'Exchange Server 2019*'")
def events(
    call: Call,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    since: Annotated[str | None, typer.Option(metavar="LENGTH|DATE", help="Only those since then: 7d, 12h or 2024-11-20.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only those of this kind.", case_sensitive=False)] = None,
    product: Annotated[str | None, typer.Option(metavar="PATTERN", help="Only those of these products, a shell pattern.")] = None,
) -> None:
    """Print the ledger: each event a line, oldest first.

    With --json each line is the event's public object, as in events.jsonl: schema, id, time, kind, confidence, update,
    scope, summary, evidence (and corrects in a correction), with because, guidance, packages and advisories.
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


def write_events(events: Iterable[Event]) -> None:
    """Print events, a line each."""
    for event in events:
        suspected = f" ({event.confidence.value})" if event.confidence.value == "suspected" else ""
        kbs = f" ({', '.join(event.update.kbs)})" if event.update.kbs else ""
        time = short(event_json.time(event.time))
        report.write(report.harmless(f"{time}  {event.kind.value}{suspected}  {event.update.title}{kbs}: {event.summary}"))
