"""Letters to messages: who is owed what is fixed before anything is sent.

    letters = letters_at_once(...) + digests that are due + reminders + the operator's
    store.seal(messages, events, notes)     ONE transaction: a killed run repeats none

Who is owed what is decided in ``judgement``: ``audience``, ``reminders``,
``source_health``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from watcher.config import Settings
from watcher.judgement import audience, further, reminders, server_status, source_health
from watcher.judgement.reminders import InstalledPull, Settled
from watcher.mail import render
from watcher.records import (
    Event,
    Exposure,
    Kind,
    Letter,
    Message,
    Source,
    State,
    Subscriber,
    Update,
)
from watcher.run import operator, patch_tuesday, send, servers
from watcher.run import unseen as unseen_patterns
from watcher.store import Store

DIGEST = "digest "
"""Note, with a subscriber's name: the sequence of the last event that their digests hold."""

# Note: it stands from when a run that comes at somebody's time has written anything, until
# its messages are sealed
SEALED_UNTIL = "told until"


LETTERS_UNTIL = "letters until "
"""Note, with an organisation's name: the number of the last event that workers have composed
its letters of."""

LETTERS_AT = "letters at "
"""Note, with an organisation's name: when workers composed its letters last.  Their check times
say nothing of letters."""

# A message, and to whom it goes: recipients with their channels
Queued = tuple[Message, list[tuple[str, str]]]


class Owed(Struct):
    """Letters that are owed, and the notes that are sealed with them ("" takes one away)."""

    letters: list[Letter] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)


class OwedEvent(Struct, frozen=True):
    """The part of an earlier event that a reader is owed, and since when."""

    subscriber: Subscriber
    event: Event
    since: datetime


def seal(
    events: tuple[Event, ...],
    settings: Settings,
    store: Store,
    last_run: datetime | None,
    now: datetime,
) -> None:
    """Compose the letters that are owed, fix them as messages and queue them, in one
    transaction with their events.

    ``events`` are those that no message has been made of yet; ``last_run`` is when the
    run before was that sealed its own.
    """
    notes = _forgotten_digests(settings, store)
    messages: list[Queued] = []
    ledger = servers.Ledger(store)
    sealed = store.last_sealed()
    times = store.metas(LETTERS_AT)
    for each in settings.each_organisation:
        since = last_run
        if each.organisation in times:
            since = datetime.fromisoformat(times[each.organisation])
        owed = letters_owed(events, each, store, ledger, since, now, sealed)
        messages += rendered(owed.letters, each, now)
        notes |= owed.notes
        is_somebodys = since is not None and _is_somebodys_time(each, since, now)
        if each.organisation in times and is_somebodys:
            notes |= {f"{LETTERS_AT}{each.organisation}": now.isoformat()}
    to_operator, operator_notes = operator.letters(settings, store, now)
    messages += rendered(to_operator, settings, now)
    notes |= operator_notes
    if store.meta(SEALED_UNTIL):
        notes |= {SEALED_UNTIL: ""}
    if events:
        notes |= _sealed_for_workers(sealed, store)
    if messages or events or notes:
        store.seal(messages, events, notes)


def _sealed_for_workers(sealed: int, store: Store) -> dict[str, str]:
    """Note how far each organisation has been told, where workers have noted that before.

    Whoever goes back to single runs, and to workers again, repeats nothing.
    """
    noted = store.metas(LETTERS_UNTIL)
    if not noted:
        return {}
    newest = max(store.events_after(sealed), default=sealed)
    return {f"{LETTERS_UNTIL}{name}": str(newest) for name in noted}


def letters_owed(
    events: tuple[Event, ...],
    settings: Settings,
    store: Store,
    ledger: servers.Ledger,
    last_run: datetime | None,
    now: datetime,
    sealed: int,
) -> Owed:
    """Compose what one organisation is owed, of these events and besides.

    ``sealed`` is the number of the last event of which its letters were sealed before.
    """
    exposures = servers.exposures(settings, store, ledger)
    # A clock that was ahead and has gone back keeps no event waiting
    latest = max([now, *(event.time for event in events)])
    owed_events = _owed_events(events, settings, store, exposures, now)
    at_once = audience.letters_at_once(
        unmuted(events, store, now),
        settings.subscribers,
        latest,
        readers(events, store),
        exposures,
    )
    digests = _digests(settings, store, exposures, last_run, now, sealed, owed_events)
    monthly, monthly_notes = _monthly(events, settings, store, exposures, last_run, now)
    letters = [*_welcomes(settings, store), *at_once, *_at_once(owed_events)]
    letters += [*digests.letters, *monthly]
    due = reminders_due(letters, settings, store, exposures, last_run, now)
    letters = [with_story(with_servers(letter, exposures), store) for letter in letters]
    return Owed([*letters, *due], digests.notes | monthly_notes)


def _owed_events(
    events: tuple[Event, ...],
    settings: Settings,
    store: Store,
    exposures: tuple[Exposure, ...],
    now: datetime,
) -> list[OwedEvent]:
    """Give the parts of earlier events that concern readers by products named later.

    Each reader is told once, and who has been welcomed since knows it from there.
    ``events`` are those that they are told of now, anyway.
    """
    owed_events: list[OwedEvent] = []
    told_now = {event.id for event in events}
    for event_id, widened in store.widened_events().items():
        event = store.event(event_id)
        is_owed = now - widened.since <= further.OWED_FOR
        if event is None or event_id in told_now or not is_owed:
            continue
        # What has been pulled or replaced since is told by that
        update = store.update(event.update.id)
        if update is None or update.state is not State.RELEASED:
            continue
        is_replaced = update.version > event.update.version
        if is_replaced or not unmuted([event], store, now):
            continue
        welcomed = {
            each.subscriber
            for each in store.messages(kind="welcome")
            if each.date <= widened.since
        }
        readers_of_event = {
            each.subscriber for each, _ in store.messages_of(event=event_id)
        }
        for subscriber in settings.subscribers:
            if subscriber.name not in welcomed or subscriber.name in readers_of_event:
                continue
            owed_event = further.part_for(
                subscriber, event, widened.products, exposures
            )
            if owed_event is not None:
                owed_events.append(OwedEvent(subscriber, owed_event, widened.since))
    return owed_events


def _at_once(owed_events: Iterable[OwedEvent]) -> list[Letter]:
    return [
        audience.single(owed_event.subscriber, owed_event.event)
        for owed_event in owed_events
        if audience.digest_time(owed_event.subscriber.when) is None
    ]


def _monthly(
    events: tuple[Event, ...],
    settings: Settings,
    store: Store,
    exposures: tuple[Exposure, ...],
    last_run: datetime | None,
    now: datetime,
) -> tuple[list[Letter], dict[str, str]]:
    """Compose the notes after a Patch Tuesday, with what they note."""
    if not any(subscriber.patch_tuesday for subscriber in settings.subscribers):
        return [], {}
    recent = store.events(since=patch_tuesday.since(now))
    everything = dict.fromkeys((*recent, *events))
    return patch_tuesday.letters(
        unmuted(everything, store, now), settings, store, exposures, last_run, now
    )


def sealed_until(store: Store) -> datetime | None:
    """Say when the last run was that came as far as its messages.

    Times of digests, reminders and notes are measured from there, also after a kill.
    """
    note = store.meta(SEALED_UNTIL)
    return datetime.fromisoformat(note) if note else store.last_check()


def unsealed_note(
    settings: Settings, until: datetime | None, now: datetime
) -> dict[str, str]:
    """Give the note that is written with check times, until the run's messages are sealed.

    Check times say that a run was there: without it, whose time came with a run that was
    killed then would wait for their next one.  A run at nobody's time needs none.
    """
    if until is None:
        return {}
    for each in settings.each_organisation:
        if _is_somebodys_time(each, until, now):
            return {SEALED_UNTIL: until.isoformat()}
    return {}


def _is_somebodys_time(settings: Settings, since: datetime, now: datetime) -> bool:
    """Say whether a subscriber's own time has come since then."""
    for subscriber in settings.subscribers:
        has_times = audience.digest_time(subscriber.when) is not None
        zone = settings.zone_of(subscriber)
        if has_times and audience.is_scheduled(subscriber.when, zone, since, now):
            return True
    return False


def unmuted(events: Iterable[Event], store: Store, now: datetime) -> tuple[Event, ...]:
    """Leave out the events that are muted.

    What was muted under an id that went is muted under the one that took it over.
    """
    muted = store.mutes(now)
    return audience.unmuted(events, muted, store.absorbed() if muted else {})


def readers(events: Iterable[Event], store: Store) -> dict[str, set[str]]:
    """Name the subscribers who read of the events that corrections correct, by id.

    Of a correction nobody else hears.
    """
    found = {}
    for event in events:
        if event.corrects:
            messages = store.messages_of(event=event.corrects)
            found[event.corrects] = {message.subscriber for message, _ in messages}
    return found


def _welcomes(settings: Settings, store: Store) -> list[Letter]:
    """Welcome every subscriber who was not, as soon as a source has been read."""
    welcomed = store.subscribers_of("welcome")
    new = [each for each in settings.subscribers if each.name not in welcomed]
    if not new:
        return []
    # Before the first copy a welcome could only say that nothing is pulled, which
    # nobody knows yet
    read = [each for each in store.documents().values() if each.accepted]
    if not read:
        return []
    # An advisory without an update says nothing of where a product stands
    updates = store.updates()
    standing = [
        each
        for each in updates
        if (each.packages or each.state is State.PULLED)
        and audience.names_product(new[0].watched, each.products)
    ]
    sources = _sources_of(settings, store)
    # The same letter to everybody but for the name on it
    letter = Letter(
        "welcome",
        new[0],
        standing=tuple(standing),
        sources=sources,
        products=settings.watch.products,
        thread="welcome",
        # An all-clear from sources that could not be read would be none
        unread=source_health.unread(sources, store.all_times()),
    )
    blind = unseen_patterns.patterns(settings, store)
    return [
        replace(
            letter,
            subscriber=subscriber,
            unseen=source_health.of_reader(blind, subscriber),
            hears_nothing=source_health.hears_nothing(
                subscriber, settings.watch, blind
            ),
        )
        for subscriber in new
    ]


def _sources_of(settings: Settings, store: Store) -> tuple[Source, ...]:
    """Give the sources that may say something to these readers.

    Of a service provider's those that concern the organisation: another customer's feed
    is nothing to it, nor that there is such a customer.
    """
    if not settings.organisation:
        return settings.enabled_sources
    found = []
    for source in settings.enabled_sources:
        if source.products:
            concerns = bool(source.asked_for(settings.watch))
        else:
            # What Microsoft says of all its products concerns everybody
            concerns = not source.own or _speaks_to(source, settings, store)
        if concerns:
            found.append(source)
    return tuple(found)


def _speaks_to(source: Source, settings: Settings, store: Store) -> bool:
    """Say whether a source has an entry of what is watched; of what names no product,
    where somebody hears of news.
    """
    hears_news = any(Kind.NEWS in each.kinds for each in settings.subscribers)
    for document in store.documents(source.name):
        for stored in store.entries(source.name, document).values():
            products = stored.entry.products
            if not products and not hears_news:
                continue
            if audience.names_product(settings.watch.products, products):
                return True
    return False


def _forgotten_digests(settings: Settings, store: Store) -> dict[str, str]:
    """Take away the notes of digests whose readers are not named any more."""
    subscribed = {subscriber.name for subscriber in settings.subscribers}
    gone = store.metas(DIGEST).keys() - subscribed
    return {f"{DIGEST}{name}": "" for name in gone}


def _digests(
    settings: Settings,
    store: Store,
    exposures: tuple[Exposure, ...],
    last_run: datetime | None,
    now: datetime,
    last_sealed: int,
    owed_events: Iterable[OwedEvent],
) -> Owed:
    """Compose the digests that are due; note how far each subscriber's digests have come.

    Whoever is new begins with the events that this run seals.  Who changed to
    ``at-once`` gets what had waited until then.
    """
    read_until = store.metas(DIGEST)
    owed = Owed()
    for subscriber in settings.subscribers:
        name = subscriber.name
        at_once = audience.digest_time(subscriber.when) is None
        if at_once and name not in read_until:
            continue
        until = int(read_until.get(name, last_sealed))
        waiting = store.events_after(until)
        if at_once:
            # What this run seals goes to them as letters of their own
            waiting = {
                sequence: event
                for sequence, event in waiting.items()
                if sequence <= last_sealed
            }
        events = tuple(waiting.values())
        zone = settings.zone_of(subscriber)
        times = [event.time for event in events]
        waits = {event.id for event in events}
        for owed_event in owed_events:
            is_theirs = owed_event.subscriber.name == name and not at_once
            if is_theirs and owed_event.event.id not in waits:
                events = (*events, owed_event.event)
                times.append(owed_event.since)
        if audience.is_digest_due(subscriber.when, zone, times, last_run, now):
            digest = audience.digest(
                subscriber,
                unmuted(events, store, now),
                readers(events, store),
                exposures,
            )
            # Events of which none passes this reader's filter make no letter, and are
            # not looked at again
            if digest is not None:
                owed.letters.append(digest)
            until = max(waiting, default=until)
        note = "" if at_once else str(until)
        if note != read_until.get(name):
            owed.notes[f"{DIGEST}{name}"] = note
    return owed


def reminders_due(
    beside: list[Letter],
    settings: Settings,
    store: Store,
    exposures: tuple[Exposure, ...],
    last_run: datetime | None,
    now: datetime,
) -> list[Letter]:
    """Compose the reminders that are due beside the letters that go out anyway.

    Whoever has digests is reminded at their time, too: nobody who asks for mail on
    Mondays at seven gets some on a Saturday night.
    """
    ids = reminders.installed_pulls(exposures)
    installed = filter(None, map(store.update, ids))
    names = [subscriber.name for subscriber in settings.subscribers]
    pulls = [_installed_pull(update, names, store) for update in installed]
    if not pulls:
        return []
    return reminders.reminders(
        pulls,
        exposures,
        _to_be_reminded(settings, last_run, now),
        Settled(store.acks(), store.mutes(now)),
        beside,
        now,
    )


def _to_be_reminded(
    settings: Settings, last_run: datetime | None, now: datetime
) -> list[Subscriber]:
    """Give the subscribers who want reminders, and whose time it is."""
    found = []
    for subscriber in settings.subscribers:
        zone = settings.zone_of(subscriber)
        is_time = audience.is_scheduled(subscriber.when, zone, last_run, now)
        if subscriber.reminders and is_time:
            found.append(subscriber)
    return found


def _installed_pull(
    update: Update, subscribers: list[str], store: Store
) -> InstalledPull:
    """Gather what was said to subscribers of a pulled update that is installed somewhere."""
    events = filter(None, map(store.event, reminders.pull_events(update)))
    pulled = max((event.time for event in events), default=None)
    # A welcome names what is pulled, too: whoever has just read it is not reminded
    written = store.messages_to(subscribers, update=update.id)
    last_read = _newest_dates(each for each in written if each.kind == "welcome")
    last_read |= _newest_dates(each for each in written if each.kind != "welcome")
    return InstalledPull(update, pulled, last_read)


def _newest_dates(messages: Iterable[Message]) -> dict[str, datetime]:
    """Give the date of the newest message to each subscriber."""
    found: dict[str, datetime] = {}
    for message in messages:
        newest = found.get(message.subscriber, message.date)
        found[message.subscriber] = max(newest, message.date)
    return found


def with_servers(letter: Letter, exposures: tuple[Exposure, ...]) -> Letter:
    """Give a letter with the servers of its reader's inventory and owners.

    Of those alone that the reader's ``owners`` name.
    """
    owned = server_status.owned(letter.subscriber, exposures)
    return replace(letter, servers=owned)


def with_story(letter: Letter, store: Store) -> Letter:
    """Give a letter what happened before each of its events, as its reader read it.

    Of a correction that is the event that it corrects.
    """
    found = []
    reader = letter.subscriber.name
    for event in letter.events:
        earlier = _earlier(event, store)
        if earlier:
            # Two readers of one event may have read different things before: one had a
            # filter that let the release pass, the other heard first of the pull
            read = store.events_sent(reader, [one.id for one in earlier])
            found.append(audience.before(event, earlier, read))
    if not found:
        return letter
    return replace(letter, before=tuple(found))


def _earlier(event: Event, store: Store) -> list[Event]:
    """Give what happened to an event's update before it, in order."""
    if event.kind is Kind.CORRECTED and event.corrects:
        corrected = store.event(event.corrects)
        return [corrected] if corrected else []
    of_update = store.events_of(event.update.id)
    return [one for one in of_update if one.time < event.time]


def rendered(letters: list[Letter], settings: Settings, now: datetime) -> list[Queued]:
    """Render each letter, and say to whom it goes."""
    queued = []
    for letter in letters:
        message = render.message(letter, settings, now)
        queued.append((message, send.recipients(letter.subscriber)))
    return queued
