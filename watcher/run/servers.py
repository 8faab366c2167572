"""The administrator's own servers.

Read from the inventory, judged by the ledger, told in mail; ``concerned`` may publish
them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watcher.errors import ConfigurationError, ParseError
from watcher.judgement import audience, muting
from watcher.records import Event, Exposure, Kind, Letter, Server, Subscriber, Update

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.inventory import Inventory
    from watcher.store import Store

# A job that comes a little early is meant to remind
EVERY = timedelta(days=7) - timedelta(hours=1)
REMINDER = "reminder"


def read(path: Path) -> Inventory:
    """Read an inventory file.

    Raises ConfigurationError with cause and remedy when it cannot be read at all.
    """
    from watcher import inventory

    try:
        return inventory.parse(path.read_bytes())
    except ParseError as error:
        raise ConfigurationError(f"{path}: {error.cause}. {error.remedy}") from error
    except OSError as error:
        remedy = "Correct the path, or write the file; a run goes on without it."
        raise ConfigurationError(
            f"{path}: the inventory cannot be read ({error.strerror or error}). {remedy}"
        ) from error


def complaints(settings: Settings) -> tuple[str, ...]:
    """Say what is wrong with the configured inventory, line by line, and which owners it
    does not know; nothing without one.
    """
    if settings.inventory is None:
        return ()
    try:
        found = read(settings.inventory)
    except ConfigurationError as error:
        return (str(error),)
    wrong = [
        f"{settings.inventory}: {text}. The other lines count."
        for text in found.complaints
    ]
    owners = {owner.lower() for server in found.servers for owner in server.owners}
    strangers = [
        f'{settings.inventory}: no server has an owner "{name}", whom the '
        f"subscriber {subscriber.name} names. "
        "Correct one of the two; a subscriber whose owners have no server at "
        "all is told of everything."
        for subscriber in settings.subscribers
        for name in subscriber.owners
        if not any(fnmatchcase(owner, name.lower()) for owner in owners)
    ]
    return (*wrong, *strangers)


def listed(settings: Settings) -> tuple[Server, ...]:
    """Give the servers of the configured inventory.

    None without one, and none where it cannot be read (``complaints`` says so).
    """
    if settings.inventory is None:
        return ()
    try:
        return read(settings.inventory).servers
    except ConfigurationError:
        return ()


def exposures(settings: Settings, store: Store) -> tuple[Exposure, ...]:
    """Judge the servers of the configured inventory."""
    servers = listed(settings)
    if not servers:
        return ()
    from watcher.judgement import server_status

    return server_status.exposures(servers, store.updates())


def unmuted(events: Iterable[Event], store: Store, now: datetime) -> tuple[Event, ...]:
    """Leave out the events that are muted.

    A correction is for whoever was told what it corrects, and stays.
    """
    muted = store.mutes(now)
    heirs = store.absorbed() if muted else {}
    return tuple(
        event
        for event in events
        if not muting.mutes(muted, event, heirs.get(event.update.id, event.update.id))
    )


def aware(
    letters: list[Letter],
    known: tuple[Exposure, ...],
    settings: Settings,
    store: Store,
    now: datetime,
) -> list[Letter]:
    """Give the letters with the servers that their readers have, and the reminders that
    are due beside them.
    """
    if not known:
        return letters
    return [
        *(
            with_servers(letter, known)
            if letter.events or letter.kind == "welcome"
            else letter
            for letter in letters
        ),
        *reminders(letters, known, settings, store, now),
    ]


def with_servers(letter: Letter, known: tuple[Exposure, ...]) -> Letter:
    """Give a letter with the servers of its reader's owners."""
    from watcher.judgement import server_status

    return replace(letter, servers=server_status.owned(letter.subscriber.owners, known))


def reminders(
    letters: Iterable[Letter],
    known: tuple[Exposure, ...],
    settings: Settings,
    store: Store,
    now: datetime,
) -> list[Letter]:
    """Compose what is due once a week: a pulled build is still installed.

    An update and servers of a product that are acknowledged since it was pulled, or
    muted, are left out; so is an update that the same subscriber gets a letter about
    anyway, and everything for a subscriber who is only welcomed now.
    """
    from watcher.judgement import server_status

    installed = sorted(
        {
            each.installed.update
            for each in known
            if each.installed and server_status.reminded(each.installed.update, [each])
        }
    )
    beside = {
        (letter.subscriber.name, told)
        for letter in letters
        for told in (letter.kind, *(event.update.id for event in letter.events))
    }
    made = []
    for update in filter(None, map(store.update, installed)):
        mine = _unsettled(server_status.reminded(update.id, known), update, store, now)
        for subscriber in settings.subscribers if mine else ():
            welcomed = (subscriber.name, "welcome") in beside or (
                subscriber.name,
                update.id,
            ) in beside
            theirs = tuple(
                each
                for each in server_status.owned(subscriber.owners, known)
                if each in mine
            )
            if (
                theirs
                and not welcomed
                and _wanted(subscriber, update)
                and _due(subscriber, update, store, now)
            ):
                made.append(_reminder(subscriber, update, theirs))
    return made


def _reminder(
    subscriber: Subscriber, update: Update, mine: tuple[Exposure, ...]
) -> Letter:
    kbs = dict.fromkeys(
        each.installed.package.kb
        for each in mine
        if each.installed and each.installed.package.kb
    )
    title = (
        f"{update.title} ({', '.join(kbs)})"
        if kbs and not any(kb in update.title for kb in kbs)
        else update.title
    )
    return Letter(
        REMINDER,
        subscriber,
        (),
        update.id,
        update.thread or update.id,
        (update,),
        subject=title,
        servers=mine,
    )


def _unsettled(
    mine: tuple[Exposure, ...], update: Update, store: Store, now: datetime
) -> tuple[Exposure, ...]:
    """Leave out the servers of which nobody wants to be reminded.

    Muted, or acknowledged since the update was last pulled.
    """
    events = (
        store.event(event)
        for key, event in update.told
        if key.startswith("pulled ") and event
    )
    pulled = max((event.time for event in events if event is not None), default=None)
    settled = {
        target
        for target, time in store.acks().items()
        if pulled is None or time >= pulled
    }
    settled |= {target.removeprefix(muting.REMINDER) for target in store.mutes(now)}
    if update.id in settled or f"{muting.KIND}{Kind.PULLED.value}" in settled:
        return ()
    return tuple(
        each
        for each in mine
        if not muting.covers(
            settled,
            each.product or (each.installed.package.product if each.installed else ""),
        )
    )


def _wanted(subscriber: Subscriber, update: Update) -> bool:
    return Kind.PULLED in subscriber.kinds and audience.touches(
        subscriber.products, update.products
    )


def _due(subscriber: Subscriber, update: Update, store: Store, now: datetime) -> bool:
    """Say whether a week has passed since the last message about the update to a subscriber.

    The welcome told of it, too.
    """
    told = [
        message.date
        for message, _ in store.messages_of(update=update.id)
        if message.subscriber == subscriber.name
    ]
    told = told or [
        message.date
        for message in store.messages(kind="welcome")
        if message.subscriber == subscriber.name
    ]
    return not told or now - max(told) >= EVERY
