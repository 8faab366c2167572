"""Messages to mailboxes and channels: what is due is sent, each receipt kept as it comes.

    for each message that is due:
        receipts = notifier.send(message, recipients)
        store.mark(deliveries, fallbacks)    ONE transaction a message

When grave mail does not go out, the reader's fallback channels are queued in that
transaction, and are sent to in the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher import notifiers
from watcher.config import Settings
from watcher.counted import counted
from watcher.judgement import delivery as judge
from watcher.judgement.delivery import APPRISE, MAIL
from watcher.records import Delivery, DeliveryState, Message, Subscriber
from watcher.store import Store

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


class Tried(Struct, frozen=True):
    """A delivery as it is after a try, with its message."""

    message: Message
    delivery: Delivery


def recipients(reader: Subscriber) -> list[tuple[str, str]]:
    """Say where a reader's messages go: recipient and channel."""
    mailboxes = [(address, MAIL) for address in reader.to]
    return mailboxes + [(name, APPRISE) for name in reader.channels]


def send_due(
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
    way = notifiers.way(settings)
    corrected = store.meta(LEFT_BY) not in {"", way}
    tried = [
        *_sent_by(MAIL, settings, store, now, say, at_once=force or corrected),
        # After mail: what mail has just failed with is told there in the same run
        *_sent_by(APPRISE, settings, store, now, say, at_once=force),
    ]
    failed = [
        each for each in tried if each.delivery.state is not DeliveryState.ACCEPTED
    ]
    deliveries = [each.delivery for each in failed]
    mail_waits = [each for each in deliveries if each.channel == MAIL and each.next_try]
    if mail_waits and store.meta(LEFT_BY) != way:
        store.set_meta(LEFT_BY, way)
    accepted = len(tried) - len(failed)
    troubles = tuple(_trouble(each, now) for each in failed)
    return Sent(accepted, troubles, _patience(tried, store))


def _sent_by(
    channel: str,
    settings: Settings,
    store: Store,
    now: datetime,
    say: Callable[[str], None],
    *,
    at_once: bool,
) -> list[Tried]:
    """Send what is due over a channel, over one connection."""
    due = store.due_deliveries(None if at_once else now)
    waiting = [(message, each) for message, each in due if each.channel == channel]
    kind = "" if channel == MAIL else channel
    tried: list[Tried] = []
    # No connection for nothing: a server that is down is no failure then
    for sender, theirs in _by_sender(waiting, settings).items():
        mail = replace(settings.mail, sender=sender)
        with notifiers.connect(replace(settings, mail=mail), kind) as notifier:
            tried += _sent(theirs, notifier, settings, store, now, say)
    return tried


def _by_sender(
    waiting: list[tuple[Message, Delivery]], settings: Settings
) -> dict[str, list[tuple[Message, Delivery]]]:
    """Group what waits by who sends it: the organisation's own, where it has one."""
    grouped: dict[str, list[tuple[Message, Delivery]]] = {}
    for message, delivery in waiting:
        sender = settings.of(message.subscriber).mail.sender
        grouped.setdefault(sender, []).append((message, delivery))
    return grouped


def _sent(
    waiting: list[tuple[Message, Delivery]],
    notifier: notifiers.Notifier,
    settings: Settings,
    store: Store,
    now: datetime,
    say: Callable[[str], None],
) -> Iterator[Tried]:
    """Send each message to all who wait for it; give every delivery as it was kept."""
    for message, deliveries in _together(waiting):
        say(f"sending {message.subject}")
        to = [each.recipient for each in deliveries]
        receipts = notifier.send(message, to)
        age = now - message.date
        after = []
        for delivery, receipt in zip(deliveries, receipts, strict=True):
            tried = judge.after_try(
                delivery,
                receipt.state,
                receipt.answer,
                age,
                settings.mail.give_up,
                now,
                receipt.wait,
            )
            after.append(tried)
        store.mark(*after, *_fallbacks(message, after, settings, store, now))
        yield from (Tried(message, delivery) for delivery in after)


def _together(
    waiting: list[tuple[Message, Delivery]],
) -> list[tuple[Message, list[Delivery]]]:
    """Group what goes out in one piece: a message to all its mailboxes, or to one channel."""
    # What a run sends between two transactions is what it repeats when it is killed
    # there
    grouped: dict[tuple[str, str], tuple[Message, list[Delivery]]] = {}
    for message, delivery in waiting:
        alone = "" if delivery.channel == MAIL else delivery.recipient
        grouped.setdefault((message.id, alone), (message, []))[1].append(delivery)
    return list(grouped.values())


def _fallbacks(
    message: Message,
    after: list[Delivery],
    settings: Settings,
    store: Store,
    now: datetime,
) -> list[Delivery]:
    """Queue the reader's fallback channels, each once a message, when grave mail did not
    go out.
    """
    age = now - message.date
    by_mail = [each for each in after if each.channel == MAIL]
    failed = [each for each in by_mail if judge.needs_fallback(each, age)]
    channels = _fallback_channels(message, settings)
    if not failed or not channels:
        return []
    events = filter(None, map(store.event, message.events))
    kinds = [event.kind for event in events]
    if not judge.is_grave(message.kind, kinds):
        return []
    # One mailbox of three may fail now and another an hour later: the channel hears once
    previous = store.deliveries_of(message.id)
    queued = {each.recipient for each in previous if each.channel == APPRISE}
    return [
        Delivery(message.id, name, APPRISE) for name in channels if name not in queued
    ]


def _fallback_channels(message: Message, settings: Settings) -> tuple[str, ...]:
    """Name the fallback channels of whom the message is for."""
    if message.kind == "operator":
        return settings.operator.reader.fallback if settings.operator else ()
    for subscriber in settings.subscribers:
        if subscriber.name == message.subscriber:
            return subscriber.fallback
    return ()


def _trouble(tried: Tried, now: datetime) -> str:
    """Say what went wrong with a delivery, and when it is tried again."""
    delivery = tried.delivery
    by_mail = delivery.channel == MAIL
    if delivery.next_try is None:
        again = "It will not be tried again; see `watcher status`."
    elif delivery.next_try <= now:
        again = "It is kept and tried again by the next run."
    else:
        mended = " or when [mail] has changed" if by_mail else ""
        again = (
            "It is kept and tried again by the first run after "
            f"{_time(delivery.next_try)}; sooner by `watcher run --force`{mended}."
        )
    to = f"{'mail to' if by_mail else 'the channel'} {delivery.recipient}"
    return (
        f"{to} ({tried.message.subject}): {delivery.state}: {delivery.answer}. {again}"
    )


def _patience(tried: list[Tried], store: Store) -> str:
    """Say how many deliveries wait that were not tried now, and for when the first of them."""
    just_tried = {_identity(each.delivery) for each in tried}
    left = []
    for _, delivery in store.waiting():
        if _identity(delivery) not in just_tried:
            left.append(delivery)
    if not left:
        return ""
    # One that was never tried has no time
    times = filter(None, (each.next_try for each in left))
    first = min(times, default=None)
    until = f", the first one until {_time(first)}" if first else ""
    many = counted(len(left), "delivery waits", "deliveries wait")
    return (
        f"{many} to be tried again{until}. See why: watcher status. Try at once: "
        "watcher run --force"
    )


def _identity(delivery: Delivery) -> tuple[str, str, str]:
    return delivery.message, delivery.channel, delivery.recipient


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}Z"
