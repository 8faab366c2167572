"""What did not arrive, once a setting was put right.

    send_due, after a change of the configuration:   store.mark(put_right(...))
    watcher send --again ID:                         store.mark(asked_again(...))

No message is lost for good because of an address, a right or a secret: what waits for a
setting is tried at once when the settings have changed, and what was refused is tried
once more, by the addresses that hold now.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from watcher import notifiers
from watcher.judgement.delivery import APPRISE, MAIL, tried_again
from watcher.records import Delivery, DeliveryState, Message, Subscriber
from watcher.settings import Settings
from watcher.store import Store

# Notes: how mail left, and by which configuration it was sent, when something was last
# tried in vain
LEFT_BY, SENT_BY = "mail left by", "sent by"

# Deliveries: more than any state will ever hold
_ALL = 1_000_000


def reader_of(message: Message, settings: Settings) -> Subscriber | None:
    """Give the reader whom a message is for as the configuration has them now."""
    if message.kind == "operator":
        return settings.operator.reader if settings.operator else None
    for subscriber in settings.subscribers:
        if subscriber.name == message.subscriber:
            return subscriber
    return None


def note_settings(settings: Settings, store: Store) -> None:
    """Note how mail leaves and by which configuration, where something failed."""
    for name, now in _marks(settings).items():
        if store.meta(name) != now:
            store.set_meta(name, now)


def put_right(settings: Settings, store: Store, now: datetime) -> list[Delivery]:
    """Give the deliveries that a change of the configuration since the last failure
    makes due, as they are to be kept.
    """
    changed = []
    for name, mark in _marks(settings).items():
        if store.meta(name) not in {"", mark}:
            changed.append(name)
    if not changed:
        return []
    found = []
    for message, delivery in (*store.waiting(), *store.given_up(_ALL)):
        is_meant = delivery.settings_wrong or _has_moved(message, delivery, settings)
        # A mail server that was away may be another one now
        by_mail = delivery.channel == MAIL and delivery.settled is None
        if is_meant or (by_mail and LEFT_BY in changed):
            found += _anew(message, delivery, settings, store, now)
    return found


def _has_moved(message: Message, delivery: Delivery, settings: Settings) -> bool:
    """Say whether a reader was refused at an address that is not theirs any more."""
    reader = reader_of(message, settings)
    return (
        delivery.state is DeliveryState.REFUSED
        and delivery.channel == MAIL
        and reader is not None
        and delivery.recipient not in reader.to
    )


def asked_again(
    messages: Iterable[Message], settings: Settings, store: Store, now: datetime
) -> list[Delivery]:
    """Give the deliveries of ``messages`` that did not arrive, or of which nobody knows
    it, to be tried anew.
    """
    found = []
    for message in messages:
        for delivery in store.deliveries_of(message.id):
            if delivery.state is not DeliveryState.ACCEPTED and not delivery.replaced:
                found += _anew(message, delivery, settings, store, now)
    return found


def _anew(
    message: Message,
    delivery: Delivery,
    settings: Settings,
    store: Store,
    now: datetime,
) -> list[Delivery]:
    """Give a delivery to be tried anew; others in its place where its reader has moved."""
    reader = reader_of(message, settings)
    if delivery.channel == APPRISE:
        channels = {channel.name for channel in settings.channels}
        if notifiers.channel_of(delivery.recipient) not in channels:
            return []
        return [tried_again(delivery)]
    # Of a reader who is no more in the configuration nobody knows another address
    if reader is None or delivery.recipient in reader.to or not reader.to:
        return [tried_again(delivery)]
    gone = replace(
        delivery,
        state=DeliveryState.REFUSED,
        next_try=None,
        settled=delivery.settled or now,
        replaced=True,
    )
    written_to = {each.recipient for each in store.deliveries_of(message.id)}
    others = [address for address in reader.to if address not in written_to]
    return [gone, *(Delivery(message.id, address) for address in others)]


def _marks(settings: Settings) -> dict[str, str]:
    return {LEFT_BY: notifiers.way(settings), SENT_BY: settings.mark}
