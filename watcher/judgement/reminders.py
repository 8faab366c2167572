"""The weekly reminder: a pulled build is still installed on somebody's server.

Pure: exposures, acknowledgements and what was read when in, letters out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from watcher.judgement import audience, server_status
from watcher.judgement.audience import reader_target
from watcher.records import Exposure, Fitness, Kind, Letter, Subscriber, Update

REMINDER = "reminder"

# A job that comes a little early is meant to remind
EVERY = timedelta(days=7) - timedelta(hours=1)


class InstalledPull(Struct, frozen=True):
    """An update of which a pulled version is installed, and what was said of it."""

    update: Update
    # When it was last pulled; None where the first check found it so
    pulled: datetime | None
    # When each subscriber was last written to of it, by name; their welcome told of it,
    # too
    last_read: Mapping[str, datetime]


class Settled(Struct, frozen=True):
    """What administrators have dealt with or want to hear no more of, by target."""

    acknowledged: Mapping[str, datetime]
    muted: Collection[str]


def installed_pulls(exposures: Iterable[Exposure]) -> tuple[str, ...]:
    """Give the ids of the updates of which a pulled version is installed, in order."""
    found = set()
    for exposure in exposures:
        if exposure.installed and exposure.fitness is Fitness.PULLED:
            found.add(exposure.installed.update)
    return tuple(sorted(found))


def pull_events(update: Update) -> tuple[str, ...]:
    """Give the ids of the events that said that a version of an update was pulled."""
    # What was pulled at the first check was told by no event
    return tuple(
        each.event for each in update.established if each.is_pull and each.event
    )


def newest_pull(update: Update | None) -> str:
    """Give the id of the event that told of an update's newest pull, "" where none did."""
    events = pull_events(update) if update else ()
    return events[-1] if events else ""


def reminders(
    pulls: Iterable[InstalledPull],
    exposures: Collection[Exposure],
    subscribers: Collection[Subscriber],
    settled: Settled,
    beside: Iterable[Letter],
    now: datetime,
) -> list[Letter]:
    """Compose the reminders that are due now.

    ``beside`` are the letters that go out anyway: who gets one about the update, or is
    only welcomed now, is not reminded as well.
    """
    written_to = _written_to(beside)
    letters = []
    for pull in pulls:
        for subscriber in subscribers:
            if not _is_due(pull, subscriber, written_to[subscriber.name], now):
                continue
            owned = server_status.owned(subscriber, exposures)
            theirs = _unsettled(pull, owned, settled, subscriber)
            if theirs:
                letters.append(_reminder(subscriber, pull.update, theirs))
    return letters


def _written_to(letters: Iterable[Letter]) -> dict[str, set[str]]:
    """Say of what each subscriber is written to anyway: kinds and updates, by their name."""
    found: dict[str, set[str]] = defaultdict(set)
    for letter in letters:
        about = found[letter.subscriber.name]
        about.add(letter.kind)
        about.update(event.update.id for event in letter.events)
    return found


def _unsettled(
    pull: InstalledPull,
    exposures: Iterable[Exposure],
    settled: Settled,
    subscriber: Subscriber,
) -> tuple[Exposure, ...]:
    """Give the servers that still run the pulled version and are not dealt with.

    What a subscriber has answered by mail counts for that one only.
    """
    targets = _settled_targets(pull, settled)
    if reader_target(subscriber.name, pull.update.id) in targets:
        return ()
    if {pull.update.id, f"{audience.KIND}{Kind.PULLED.value}"} & targets:
        return ()
    on_pulled = server_status.on_pulled(pull.update.id, exposures)
    # Who mutes Exchange Server 2016 is still reminded of the servers with 2019
    return tuple(
        exposure
        for exposure in on_pulled
        if not audience.covers(targets, exposure.product)
    )


def _settled_targets(pull: InstalledPull, settled: Settled) -> set[str]:
    """Give the targets that a pull needs no reminder of."""
    targets = set()
    for target in settled.muted:
        targets.add(target.removeprefix(audience.REMINDER))
    for target, since in settled.acknowledged.items():
        # An acknowledgement is of one pull: what is pulled again is reminded of again
        if pull.pulled is None or since >= pull.pulled:
            targets.add(target)
    return targets


def _is_due(
    pull: InstalledPull, subscriber: Subscriber, about: Collection[str], now: datetime
) -> bool:
    """Say whether a subscriber is to be reminded of a pull now.

    ``about`` names the kinds and updates that they are written to of anyway.
    """
    if "welcome" in about or pull.update.id in about:
        return False
    hears_of_it = audience.names_product(subscriber.products, pull.update.products)
    if Kind.PULLED not in subscriber.kinds or not hears_of_it:
        return False
    last = pull.last_read.get(subscriber.name)
    return last is None or now - last >= EVERY


def _reminder(
    subscriber: Subscriber, update: Update, servers: tuple[Exposure, ...]
) -> Letter:
    """Compose a reminder; its subject names the KB articles that are installed."""
    articles = _installed_articles(servers)
    title = update.title
    # "2024-11 Cumulative Update (KB5044284)" names its article itself
    title_names_one = any(article in title for article in articles)
    if articles and not title_names_one:
        title = f"{title} ({', '.join(articles)})"
    return Letter(
        REMINDER,
        subscriber,
        (),
        update.id,
        update.thread or update.id,
        (update,),
        subject=title,
        servers=servers,
    )


def _installed_articles(servers: Iterable[Exposure]) -> list[str]:
    """Give the KB articles that servers run, each once, in the inventory's order."""
    articles: dict[str, None] = {}
    for exposure in servers:
        installed = exposure.installed
        if installed is not None and installed.package.kb:
            articles[installed.package.kb] = None
    return list(articles)
