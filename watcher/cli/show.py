"""``watcher show``: one update's life."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import Call, command, now, short
from watcher.cli.target import find_updates, notes, unknown_reference
from watcher.config import Settings
from watcher.judgement import audience, normalize
from watcher.judgement.audience import Refusal
from watcher.judgement.names import entry_names, update_names
from watcher.judgement.packages import all_articles, kb_articles, pulled_packages
from watcher.records import (
    Confidence,
    Delivery,
    Entry,
    Event,
    Evidence,
    Exposure,
    Kind,
    StoredEntry,
    Subscriber,
    Update,
)
from watcher.run import servers
from watcher.run.evidence import files_of
from watcher.store import Store
from watcher.text import event_json

Id = Annotated[
    str, typer.Argument(metavar="ID", help="Update id, KB article, CVE or build.")
]


@command("show", "watcher show KB5044062")
def show(call: Call, identifier: Id) -> None:
    """Tell one update's life.

    What each source has of it, and where they disagree; its events, the evidence with
    before and after, who was told when, and why somebody was not; what was seen of it
    and not told, and why.
    """
    settings = call.settings()
    with call.store(settings) as store:
        updates = find_updates(store, identifier)
        lines = [line for update in updates for line in life(update, settings, store)]
        if not lines:
            lines = list(untold(identifier, settings, store))
    if not lines:
        raise unknown_reference(identifier)
    report.write_prose(
        settings.masked("\n".join(report.harmless(line) for line in lines))
    )


def life(update: Update, settings: Settings, store: Store) -> Iterator[str]:
    """Write one update's life, line by line."""
    yield f"{update.title} ({update.id})"
    released = ""
    if update.released:
        released = f", released {event_json.time(update.released)[:10]}"
    yield f"  {update.state.value}, version {update.version}{released}"
    builds = dict.fromkeys(package.build for package in update.packages)
    advisories = (advisory.id for advisory in update.advisories)
    yield from _list_line("products", update.products)
    yield from _list_line("KB articles", all_articles(update))
    if update.is_pulled_in_part:
        yield from _list_line("pulled", kb_articles(pulled_packages(update)))
    yield from _list_line("builds", builds)
    yield from _list_line("advisories", advisories)
    for note in notes(store):
        if audience.is_about(note.target, update):
            yield f"  {note.line}"
    for state in update.source_states:
        yield f"  {state.source} has it as v{state.version}: {state.stated}"
    if disagreement := disagreeing(update):
        yield f"  The sources disagree: {disagreement}"
    events = store.events_of(update.id)
    # What was out before the watcher was set up is in the ledger, and was never told
    if not events:
        yield "  No event: it was known from the first check on."
    for event in events:
        yield from _event(event, update.id, settings, store)
    yield from _reminders(update, store)
    yield from unsaid(update, settings, store)


def _list_line(name: str, words: Iterable[str]) -> Iterator[str]:
    listed = ", ".join(filter(None, words))
    if listed:
        yield f"  {name}: {listed}"


def _reminders(update: Update, store: Store) -> Iterator[str]:
    for message, deliveries in store.messages_of(update=update.id):
        # Letters about events stand beside their events
        if message.kind != "reminder":
            continue
        for delivery in deliveries:
            yield (
                f"  reminded: {message.subscriber}, {_delivery(delivery)}, "
                f"by {message.id}"
            )


def disagreeing(update: Update) -> str:
    """Say which sources have an older version than the others; "" when they agree."""
    versions = {state.version for state in update.source_states}
    if len(versions) < 2:
        return ""
    newest = max(versions)
    ahead = [state.source for state in update.source_states if state.version == newest]
    older = [state for state in update.source_states if state.version < newest]
    behind = [
        f"{state.source} still v{state.version} ({state.stated})" for state in older
    ]
    have = "has" if len(ahead) == 1 else "have"
    return f"{', '.join(ahead)} {have} v{newest}; {'; '.join(behind)}"


def unsaid(update: Update, settings: Settings, store: Store) -> Iterator[str]:
    """Say what was seen of an update and led to no event, and why."""
    names = {*update.names, *update_names(update)}
    # Each entry keeps why it led to no event, so that "why did I hear nothing" is answered
    for document, stored in _stored_entries(settings, store):
        if stored.silent and names & set(entry_names(stored.entry)):
            yield f"  not told: {document}, {stored.entry.title}: {stored.silent}"


def _stored_entries(
    settings: Settings, store: Store
) -> Iterator[tuple[str, StoredEntry]]:
    """Give every entry that the state holds, with the name of its document."""
    for source in settings.sources:
        for document in store.documents(source.name):
            for stored in store.entries(source.name, document).values():
                yield f"{source.name} {document}".strip(), stored


def _event(
    event: Event, update: str, settings: Settings, store: Store
) -> Iterator[str]:
    suspected = " (suspected)" if event.confidence is Confidence.SUSPECTED else ""
    time = short(event_json.time(event.time))
    yield f"  {time}  {event.kind.value}{suspected}: {event.summary}"
    if event.because:
        yield f"    because: {event.because}"
    for evidence in event.evidence:
        yield from _evidence(evidence)
    if settings.evidence is not None:
        for path in files_of(settings, event):
            yield f"    kept in {path}"
    written_to: set[str] = set()
    for message, deliveries in store.messages_of(event=event.id):
        written_to.add(message.subscriber)
        for delivery in deliveries:
            yield (
                f"    told: {message.subscriber}, {_delivery(delivery)}, "
                f"by {message.id}"
            )
    yield from _others(event, update, written_to, settings, store)


def _others(
    event: Event, update: str, written_to: set[str], settings: Settings, store: Store
) -> Iterator[str]:
    """Say why each subscriber beside those who were written to heard nothing.

    Of what is older than messages are kept, nobody can say that they did not.
    """
    is_forgotten = event.time < now() - settings.keep
    muted = audience.is_muted(store.mutes(now()), event, update)
    ledger = servers.Ledger(store)
    for each in settings.each_organisation:
        others = [
            reader for reader in each.subscribers if reader.name not in written_to
        ]
        exposures: tuple[Exposure, ...] = ()
        # The inventory is read and judged only where somebody's owners ask for it
        if any(subscriber.owners for subscriber in others):
            exposures = servers.exposures(each, store, ledger)
        for subscriber in others:
            reason = why_not(subscriber, event, exposures, muted=muted)
            if is_forgotten and reason in (NEVER_WRITTEN, _next_digest(subscriber)):
                kept = f"messages are kept for {settings.keep.days} days"
                yield f"    not known any more whether told: {subscriber.name}; {kept}"
            else:
                yield f"    not told: {subscriber.name}, {reason}"


def _evidence(evidence: Evidence) -> Iterator[str]:
    yield (
        f"    {evidence.source}: {evidence.change} "
        f"{short(event_json.time(evidence.time))}, {evidence.url}"
    )
    if evidence.before:
        yield f"      before: {evidence.before}"
    if evidence.after:
        yield f"      after:  {evidence.after}"


def _delivery(delivery: Delivery) -> str:
    when = f" {short(event_json.time(delivery.settled))}" if delivery.settled else ""
    answer = f" ({delivery.answer})" if delivery.answer else ""
    return f"{delivery.recipient} by {delivery.channel}: {delivery.state.value}{when}{answer}"


NEVER_WRITTEN = (
    "who was not subscribed then, or whose message is still to be made by the next run"
)
_REFUSALS = {
    Refusal.KIND: "who does not ask for {kind}",
    Refusal.SUSPECTED: "who asks for confirmed events only",
    Refusal.PRODUCTS: "whose products ({products}) are others",
    Refusal.SEVERITY: "who asks for what is {severity} or graver",
    Refusal.OWNERS: "for it concerns no server of {owners}",
}


def why_not(
    subscriber: Subscriber,
    event: Event,
    exposures: tuple[Exposure, ...] = (),
    *,
    muted: bool = False,
) -> str:
    """Say why nobody wrote to ``subscriber`` of ``event``.

    ``exposures`` are those of the servers, ``muted``: its update, products or kind are.
    """
    # Whoever never read that it was pulled need not read that it was not
    if event.kind is Kind.CORRECTED:
        return "who was not told of what it corrects"
    refusal = audience.refusal(subscriber, event, exposures=exposures)
    if refusal is not None:
        return _REFUSALS[refusal].format(
            kind=event.kind.value,
            products=", ".join(subscriber.products),
            severity=subscriber.severity,
            owners=", ".join(subscriber.owners),
        )
    if muted:
        return "for it is muted"
    if subscriber.when != "at-once":
        return _next_digest(subscriber)
    return NEVER_WRITTEN


def _next_digest(subscriber: Subscriber) -> str:
    return f"whose next digest is yet to come ({subscriber.when})"


def untold(identifier: str, settings: Settings, store: Store) -> Iterator[str]:
    """Say of a reference that is part of no update where it was seen, and why nothing was told."""
    wanted = {
        normalize.kb(identifier),
        normalize.build(identifier),
        *normalize.cves_in(identifier),
    } - {""}
    for document, stored in _stored_entries(settings, store):
        if wanted & _references(stored.entry):
            yield f"{document}: {stored.entry.title} {stored.entry.url}".rstrip()
            reason = stored.silent or "it was known from the first check on"
            yield f"  No event: {reason}."


def _references(entry: Entry) -> set[str]:
    references = {*entry.cves, *entry.kbs}
    for package in entry.packages:
        references |= {package.kb, package.build}
    return references
