"""Messages to mailboxes and channels: what is due is sent, each receipt noted as it comes.

When grave mail does not go out, the reader's fallback channels are queued in the
transaction that notes so, and are told in the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher import notifiers
from watcher.counted import counted
from watcher.judgement import sending
from watcher.records import Delivery, DeliveryState, Message, Subscriber

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

# Ways: a delivery's channel; by Apprise its recipient is a channel's name
MAIL, APPRISE = "mail", "apprise"
# Note: how mail was last tried in vain
LEFT_BY = "mail left by"


class Sent(Struct, frozen=True):
    """What became of the messages that were due.

    ``accepted`` counts deliveries, ``troubles`` are those that failed, in words, and
    ``patience`` says what was not due yet, "" when nothing else waits.
    """

    accepted: int = 0
    troubles: tuple[str, ...] = ()
    patience: str = ""


def ways(reader: Subscriber) -> list[tuple[str, str]]:
    """Say where a reader's messages go: recipient and way."""
    return [
        *((address, MAIL) for address in reader.to),
        *((name, APPRISE) for name in reader.channels),
    ]


def due(
    settings: Settings,
    store: Store,
    now: datetime,
    say: Callable[[str], None],
    *,
    force: bool = False,
) -> Sent:
    """Send what is due, mail first.

    With ``force`` everything that waits is due, and mail is when how it leaves has
    changed since it was last tried in vain: whoever has corrected the settings wants
    to see it work.
    """
    done: list[tuple[Message, Delivery]] = []
    way = notifiers.way(settings)
    for channel, kind in ((MAIL, ""), (APPRISE, APPRISE)):
        at_once = force or (channel == MAIL and store.meta(LEFT_BY) not in {"", way})
        waiting = [
            pair
            for pair in store.due_deliveries(None if at_once else now)
            if pair[1].channel == channel
        ]
        if waiting:
            with notifiers.connect(settings, kind) as notifier:
                done += _sent(waiting, notifier, settings, store, now, say)
    failed = [pair for pair in done if pair[1].state is not DeliveryState.ACCEPTED]
    if (
        any(each.channel == MAIL and each.next_try for _, each in failed)
        and store.meta(LEFT_BY) != way
    ):
        store.set_meta(LEFT_BY, way)
    return Sent(
        len(done) - len(failed),
        tuple(_trouble(*pair, now) for pair in failed),
        _patience(done, store),
    )


def _sent(
    waiting: list[tuple[Message, Delivery]],
    notifier: notifiers.Notifier,
    settings: Settings,
    store: Store,
    now: datetime,
    say: Callable[[str], None],
) -> Iterator[tuple[Message, Delivery]]:
    """Send each message to all who wait for it; give every delivery as it was noted."""
    for message, deliveries in _together(waiting):
        say(f"sending {message.subject}")
        receipts = notifier.send(
            message, [delivery.recipient for delivery in deliveries]
        )
        settled = [
            sending.after(
                delivery,
                receipt.state,
                receipt.answer,
                now - message.date,
                settings.mail.give_up,
                now,
                receipt.wait,
            )
            for delivery, receipt in zip(deliveries, receipts, strict=True)
        ]
        store.mark(*settled, *_instead(message, settled, settings, store, now))
        yield from ((message, delivery) for delivery in settled)


def _together(
    waiting: list[tuple[Message, Delivery]],
) -> list[tuple[Message, list[Delivery]]]:
    """Group what goes out in one piece.

    A message to all its mailboxes, but to each channel by itself.

    What a run sends between two notes is what it repeats when it is killed there.
    """
    grouped: dict[tuple[str, str], tuple[Message, list[Delivery]]] = {}
    for message, delivery in waiting:
        alone = "" if delivery.channel == MAIL else delivery.recipient
        grouped.setdefault((message.id, alone), (message, []))[1].append(delivery)
    return list(grouped.values())


def _instead(
    message: Message,
    settled: list[Delivery],
    settings: Settings,
    store: Store,
    now: datetime,
) -> list[Delivery]:
    """Queue the reader's fallback channels, each once a message, when grave mail did not go out."""
    lost = any(
        each.channel == MAIL and sending.lost(each, now - message.date)
        for each in settled
    )
    fallback = _fallback(message, settings) if lost else ()
    if not fallback:
        return []
    events = filter(None, (store.event(event) for event in message.events))
    if not sending.grave(message.kind, (event.kind for event in events)):
        return []
    known = {
        delivery.recipient
        for delivery in store.deliveries_of(message.id)
        if delivery.channel == APPRISE
    }
    return [
        Delivery(message.id, name, APPRISE) for name in fallback if name not in known
    ]


def _fallback(message: Message, settings: Settings) -> tuple[str, ...]:
    """Name the channels that are told instead of whom the message is for."""
    if message.kind == "operator":
        return settings.operator.reader.fallback if settings.operator else ()
    return next(
        (
            subscriber.fallback
            for subscriber in settings.subscribers
            if subscriber.name == message.subscriber
        ),
        (),
    )


def _trouble(message: Message, delivery: Delivery, now: datetime) -> str:
    if delivery.next_try is None:
        again = "It will not be tried again; see `watcher status`."
    elif delivery.next_try <= now:
        again = "It is kept and tried again by the next run."
    else:
        mended = " or when [mail] has changed" if delivery.channel == MAIL else ""
        again = (
            "It is kept and tried again by the first run after "
            f"{_time(delivery.next_try)}; sooner by `watcher run --force`{mended}."
        )
    to = (
        f"mail to {delivery.recipient}"
        if delivery.channel == MAIL
        else f"the channel {delivery.recipient}"
    )
    return f"{to} ({message.subject}): {delivery.state}: {delivery.answer}. {again}"


def _patience(done: list[tuple[Message, Delivery]], store: Store) -> str:
    """Say how many deliveries wait that were not tried now, and for when the first of them."""
    tried = {(each.message, each.channel, each.recipient) for _, each in done}
    left = [
        each
        for _, each in store.waiting()
        if (each.message, each.channel, each.recipient) not in tried
    ]
    if not left:
        return ""
    first = min((each.next_try for each in left if each.next_try), default=None)
    until = f", the first one until {_time(first)}" if first else ""
    many = counted(len(left), "delivery waits", "deliveries wait")
    return (
        f"{many} to be tried again{until}. See why: watcher status. Try at once: "
        "watcher run --force"
    )


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z"
