"""The weekly reminder: a pulled build is still installed on somebody's server.

Pure: exposures, acknowledgements and what was read when in, letters out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from watcher.judgement import audience, server_status
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
    return tuple(
        each.event
        for each in update.established
        if each.kind is Kind.PULLED and not each.suspected and each.event
    )


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
        unsettled = _unsettled(pull, exposures, settled)
        for subscriber in subscribers:
            about = written_to[subscriber.name]
            if "welcome" in about or pull.update.id in about:
                continue
            if not _wants(subscriber, pull.update):
                continue
            owned = server_status.owned(subscriber.owners, exposures)
            theirs = tuple(exposure for exposure in owned if exposure in unsettled)
            if theirs and _is_due(pull, subscriber.name, now):
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
    pull: InstalledPull, exposures: Iterable[Exposure], settled: Settled
) -> tuple[Exposure, ...]:
    """Give the servers that still run the pulled version and are not dealt with."""
    targets = {target.removeprefix(audience.REMINDER) for target in settled.muted}
    for target, since in settled.acknowledged.items():
        # An acknowledgement is of one pull: what is pulled again is reminded of again
        if pull.pulled is None or since >= pull.pulled:
            targets.add(target)
    pulls = f"{audience.KIND}{Kind.PULLED.value}"
    if pull.update.id in targets or pulls in targets:
        return ()
    return tuple(
        exposure
        for exposure in server_status.on_pulled(pull.update.id, exposures)
        if not audience.covers(targets, exposure.product)
    )


def _wants(subscriber: Subscriber, update: Update) -> bool:
    """Say whether a subscriber hears of pulls of the update's products."""
    return Kind.PULLED in subscriber.kinds and audience.names_product(
        subscriber.products, update.products
    )


def _is_due(pull: InstalledPull, subscriber: str, now: datetime) -> bool:
    """Say whether a week has passed since a subscriber was last written to of it."""
    last = pull.last_read.get(subscriber)
    return last is None or now - last >= EVERY


def _reminder(
    subscriber: Subscriber, update: Update, servers: tuple[Exposure, ...]
) -> Letter:
    """Compose a reminder; its subject names the KB articles that are installed."""
    articles: list[str] = []
    for exposure in servers:
        article = exposure.installed.package.kb if exposure.installed else ""
        if article and article not in articles:
            articles.append(article)
    title = update.title
    # "2024-11 Cumulative Update (KB5044284)" names its article itself
    if articles and not any(article in title for article in articles):
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
