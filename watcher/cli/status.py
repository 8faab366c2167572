"""``watcher status``: how the sources, the deliveries and the servers are."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from watcher import report
from watcher.cli.build import server_lines, server_objects
from watcher.cli.call import Call, command, end_with_failure, now, short
from watcher.cli.target import notes
from watcher.config import Settings
from watcher.judgement import source_health
from watcher.judgement.source_health import SourceHealth
from watcher.kinds import SOURCE_KINDS
from watcher.plural import counted
from watcher.records import Delivery, DeliveryState, Message, Times
from watcher.run import operator, servers, unseen
from watcher.site.pages import valid_until
from watcher.store import Store
from watcher.text import complaints, event_json

# Deliveries: more than any state will ever hold
ALL_GIVEN_UP = 1_000_000


# Deliveries that are named, by --json and in lines
MOST_GIVEN_UP, MOST_LINES = 200, 20


HEAD = ("source", "last success", "last change", "failures", "documents", "entries")


NOTHING_YET = "nothing to follow yet"


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
    read, or is silent against its rhythm, a pattern of products that sees nothing, a
    delivery that failed and waits for its next try, or was given up, or a last check
    that is too long ago: longer than when the page calls itself stale (stale_after).

    The object of --json has ok, last_check, late (the last check is too long ago),
    sources (each with name, kind, url, last_success,
    last_change, failures, failure, documents, entries, moved: where its address leads
    for good, silent: how; times in UTC or null), deliveries (waiting, refused,
    given_up: how many), waiting and given_up (the newest 200), each delivery with
    message, subject, recipient, channel, state, attempts, answer and next_try, unseen
    (patterns of products that see nothing, a sentence each), and servers (those of the
    inventory, as in watcher build --json).
    """
    settings = call.settings()
    with call.store(settings) as store:
        found = status_object(settings, store)
        exposures = servers.exposures(settings, store)
        found_notes = notes(store)
        failures = _failure_lines(settings, store)
        last_check = store.last_check()
    late = _is_late(settings, last_check)
    found |= {"last_check": _time(last_check), "late": late}
    blind = found["unseen"]
    found["ok"] = found["ok"] and not late
    for text in servers.complaints(settings):
        report.LOG.warning("%s", text)
    if as_json:
        found["servers"] = server_objects(exposures, settings) if exposures else []
        found["notes"] = [
            {"target": note.target, "kind": note.kind, "until": _time(note.until)}
            for note in found_notes
        ]
        report.write_json(found)
    else:
        _write_status(found)
        for level, text in (*failures, *_complaints(found["sources"])):
            report.LOG.log(level, "%s", text)
        if late:
            report.LOG.error(
                "The last check was at %s, too long ago. Look why no run comes: the "
                "schedule's log, or start one: watcher run",
                short(found["last_check"]),
            )
        for line in blind:
            report.LOG.error("%s", line)
        for line in server_lines(exposures, settings) if exposures else ():
            report.write_prose(report.harmless(line))
        for note in found_notes:
            report.write_prose(report.harmless(note.line))
    end_with_failure(failed=not found["ok"])


def _is_late(settings: Settings, last_check: datetime | None) -> bool:
    """Say whether the last check is longer ago than the page may be believed."""
    if last_check is None:
        return False
    until = valid_until(settings.sources, last_check, settings.stale_after)
    return until < now()


def status_object(settings: Settings, store: Store) -> dict[str, Any]:
    """Give the object of ``watcher status --json``."""
    sources = [
        _source_object(health, settings, store)
        for health in operator.source_healths(settings, store)
    ]
    # Counted in SQL: a run that writes figures asks it each time
    counts = store.delivery_counts()
    given_up = store.given_up(ALL_GIVEN_UP) if counts.given_up else []
    refused = sum(delivery.state is DeliveryState.REFUSED for _, delivery in given_up)
    waiting = []
    if counts.waiting:
        waiting = [_delivery_object(*pair, settings) for pair in store.waiting()]
    # What was never tried waits for its time, and nothing is wrong
    failing = counts.given_up or any(delivery["attempts"] for delivery in waiting)
    blind = complaints.unseen(unseen.patterns(settings, store))
    return {
        "ok": not failing and not blind and all(map(_is_well, sources)),
        "unseen": list(blind),
        "sources": sources,
        "deliveries": {
            "waiting": counts.waiting,
            "refused": refused,
            "given_up": counts.given_up,
        },
        "waiting": waiting,
        "given_up": [
            _delivery_object(*pair, settings) for pair in given_up[:MOST_GIVEN_UP]
        ],
    }


def _delivery_object(
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


def _source_object(
    health: SourceHealth, settings: Settings, store: Store
) -> dict[str, Any]:
    source = health.source
    documents = store.documents(source.name)
    accepted = filter(None, (document.accepted for document in documents.values()))
    entries = 0
    for name in documents:
        entries += len(store.fingerprints(source.name, name))
    silent = source_health.silent(health)
    failing = [each for each in health.times if each.failures]
    return {
        "name": source.name,
        "kind": source.kind,
        "url": settings.masked(source.url),
        "last_success": _time(health.succeeded),
        "last_change": _time(max(accepted, default=None)),
        "failures": max((each.failures for each in failing), default=0),
        "failure": settings.masked("; ".join(each.failure for each in failing)),
        "documents": len(documents),
        "entries": entries,
        "moved": health.moved or None,
        "silent": complaints.silence(silent) if silent else None,
    }


def _is_well(source: dict[str, Any]) -> bool:
    """Say whether a source is well: what moved is read all the same."""
    return not (source["failures"] or source["silent"] or _never_read(source))


def _never_read(source: dict[str, Any]) -> bool:
    """Say whether a source should have been read and never was.

    One that only follows updates may have nothing to read.
    """
    return (
        not source["last_success"] and not SOURCE_KINDS[source["kind"]].follows_updates
    )


def _write_status(found: dict[str, Any]) -> None:
    report.write_table(HEAD, _source_rows(found["sources"]))
    deliveries = found["deliveries"]
    report.write_prose(
        f"deliveries: {deliveries['waiting']} waiting, "
        f"{deliveries['refused']} refused, {deliveries['given_up']} given up"
    )
    for line in _delivery_lines(found):
        report.write_prose(report.harmless(line))
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


def _source_rows(sources: Iterable[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Give a row of the table for each source."""
    for source in sources:
        nothing = "never"
        # KB articles are asked for when a young update names one
        follows = SOURCE_KINDS[source["kind"]].follows_updates
        if follows and not source["failures"]:
            nothing = NOTHING_YET
        yield (
            source["name"],
            short(source["last_success"], nothing),
            short(source["last_change"]),
            str(source["failures"]),
            str(source["documents"]),
            str(source["entries"]),
        )


def _delivery_lines(found: dict[str, Any]) -> Iterator[str]:
    """Name the deliveries that wait, and those given up, each with the last answer."""
    for kind in ("waiting", "given_up"):
        for delivery in found[kind][:MOST_LINES]:
            to = f"{delivery['recipient']} ({delivery['subject']})"
            said = f": {delivery['answer']}" if delivery["answer"] else ""
            later = ""
            if delivery["next_try"]:
                later = f"; next try {short(delivery['next_try'])}"
            yield f"  {delivery['state']}: {to}{said}{later}"
        more = found["deliveries"][kind] - MOST_LINES
        if more > 0:
            yield f"  and {more} more {kind.replace('_', ' ')}: watcher status --json"


def _failure_lines(settings: Settings, store: Store) -> list[tuple[int, str]]:
    """Name the sources that fail, each with its cause and remedy, for the log."""
    times: list[Times] = []
    for health in operator.source_healths(settings, store):
        times += health.times
    # A failure quotes the address that was asked, which may hold a token
    lines = map(settings.masked, complaints.still_failing(times))
    return [(logging.ERROR, line) for line in lines]


def _complaints(sources: Iterable[dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Say what is wrong with sources that do not fail, each with how grave it is for the log."""
    for source in sources:
        if _never_read(source) and not source["failures"]:
            yield (
                logging.ERROR,
                f"{source['name']}: it was never read. Start a check: watcher run",
            )
        if source["silent"]:
            yield (
                logging.ERROR,
                f"{source['name']}: {source['silent']}. Open its address in a browser.",
            )
        if source["moved"]:
            yield (
                logging.WARNING,
                f"{source['name']}: {'. '.join(complaints.moved(source['moved']))}",
            )


def _time(time: datetime | None) -> str | None:
    return event_json.time(time) if time else None
