"""Messages to mailboxes and channels: what is due is sent, each receipt kept as it comes.

    for each message that is due:
        receipts = notifier.send(message, recipients)
        store.mark(deliveries, fallbacks)    ONE transaction a message

When grave mail does not go out, the reader's fallback channels are queued in that
transaction, and are sent to in the same run.

A server or service that lets everybody wait does not hold up the run: past the time of
mail, and then of channels, nothing more is begun, and the next run goes on there.

What did not arrive is tried again, once a setting was put right:

    send_due, after a change of the configuration:   store.mark(put_right(...))
    watcher send --again ID:                         store.mark(asked_again(...))

No message is lost for good because of an address, a right or a secret: what waits for a
setting is tried at once when the settings have changed, and what was refused is tried
once more, by the addresses that hold now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from watcher import notifiers
from watcher.config import Settings
from watcher.judgement import delivery as judge
from watcher.judgement.delivery import APPRISE, MAIL, Attempt, tried_again
from watcher.notifiers import SendingTime, addressed, to_of
from watcher.plural import counted
from watcher.records import Delivery, DeliveryState, Message, Subscriber
from watcher.store import Store


class Sent(Struct, frozen=True):
    """What became of the messages that were due.

    ``accepted`` counts deliveries, ``troubles`` are those that failed, in words, and
    ``patience`` says what was not due yet, "" when nothing else waits.
    """

    accepted: int = 0
    troubles: tuple[str, ...] = ()
    patience: str = ""


class Shares(Struct, frozen=True):
    """When mail and channels are sent.

    Channels have time of their own, for they are told of grave mail that does not go
    out.
    """

    mail: SendingTime = SendingTime()
    channels: SendingTime = SendingTime()

    @classmethod
    def of(cls, limit: timedelta, spent: timedelta = timedelta()) -> Shares:
        """Divide what is left of ``limit``, of which ``spent`` has gone.

        Something is sent however late it is, or nothing ever would be; the site has
        what remains.
        """
        left = max(limit - spent, limit * 0.1)
        return cls(
            mail=SendingTime.of(left * 0.5, left * 0.65),
            channels=SendingTime.of(left * 0.75, left * 0.9),
        )


class Tried(Struct, frozen=True):
    """A delivery as it is after a try, with its message."""

    message: Message
    delivery: Delivery


class Passed(Struct, frozen=True):
    """What was sent of what waited, and what had not its turn: it waits as it was."""

    tried: list[Tried]
    left: list[Delivery]


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
    shares: Shares | None = None,
) -> Sent:
    """Send what is due, mail first, as long as there is time.

    With ``force`` everything that waits is due, and so is what a change of the
    configuration may have put right: whoever has corrected it wants to see it work.
    """
    mended = put_right(settings, store, now)
    if mended:
        store.mark(*mended)
    shares = shares or Shares()
    mail = _sent_by(MAIL, settings, store, now, say, shares.mail, at_once=force)
    # After mail: what mail has just failed with is told there in the same run
    short = _sent_by(APPRISE, settings, store, now, say, shares.channels, at_once=force)
    tried = [*mail.tried, *short.tried]
    failed = [
        each for each in tried if each.delivery.state is not DeliveryState.ACCEPTED
    ]
    if failed:
        note_settings(settings, store)
    accepted = len(tried) - len(failed)
    troubles = [_complaint(each, now) for each in failed]
    left = [*mail.left, *short.left]
    if left:
        troubles.append(_not_reached(left))
    return Sent(accepted, tuple(troubles), _patience(tried, left, store))


def send_each(
    waiting: list[tuple[Message, Delivery]],
    notifier: notifiers.Notifier,
    settings: Settings,
    store: Store,
    now: datetime,
    say: Callable[[str], None],
    time: SendingTime,
) -> Passed:
    """Send what waits as long as there is time; give every delivery as it was kept."""
    pieces = _by_target(waiting, notifier, store)
    tried = list(_sent(pieces, notifier, settings, store, now, say, time))
    done = {_identity(each.delivery) for each in tried}
    left = [each for _, each in pieces if _identity(each) not in done]
    return Passed(tried, left)


def _sent_by(
    channel: str,
    settings: Settings,
    store: Store,
    now: datetime,
    say: Callable[[str], None],
    time: SendingTime,
    *,
    at_once: bool,
) -> Passed:
    """Send what is due over a channel, over one connection."""
    due = store.due_deliveries(None if at_once else now)
    waiting = [(message, each) for message, each in due if each.channel == channel]
    kind = "" if channel == MAIL else channel
    if channel == APPRISE:
        waiting = _in_turn(waiting)
    found = Passed([], [])
    # No connection for nothing: a server that is down is no failure then
    for sender, theirs in _by_sender(waiting, settings).items():
        mail = replace(settings.mail, sender=sender)
        with notifiers.connect(replace(settings, mail=mail), kind) as notifier:
            passed = send_each(theirs, notifier, settings, store, now, say, time)
        found = Passed(found.tried + passed.tried, found.left + passed.left)
    return found


def _in_turn(waiting: list[tuple[Message, Delivery]]) -> list[tuple[Message, Delivery]]:
    """Let each channel's first text go before any channel's second.

    One that lets each text wait takes no other's turn, and comes after those that have
    not been tried yet.
    """
    waiting_of_channel: Counter[str] = Counter()
    numbered = []
    for message, delivery in waiting:
        channel = notifiers.channel_of(delivery.recipient)
        numbered.append(
            ((waiting_of_channel[channel], delivery.attempts), message, delivery)
        )
        waiting_of_channel[channel] += 1
    numbered.sort(key=lambda each: each[0])
    return [(message, delivery) for _, message, delivery in numbered]


def _by_sender(
    waiting: list[tuple[Message, Delivery]], settings: Settings
) -> dict[str, list[tuple[Message, Delivery]]]:
    """Group what waits by who sends it: the organisation's own, where it has one."""
    grouped: dict[str, list[tuple[Message, Delivery]]] = {}
    for message, delivery in waiting:
        sender = settings.of(message.subscriber).mail.sender
        grouped.setdefault(sender, []).append((message, delivery))
    return grouped


def _by_target(
    waiting: list[tuple[Message, Delivery]],
    notifier: notifiers.Notifier,
    store: Store,
) -> list[tuple[Message, Delivery]]:
    """Put a delivery for each target in place of one for a channel that has several.

    One target that fails must not repeat the message at the others.
    """
    found = []
    for message, delivery in waiting:
        targets = notifier.targets(delivery.recipient)
        if len(targets) < 2:
            found.append((message, delivery))
            continue
        by_target = [replace(delivery, recipient=target) for target in targets]
        store.exchange(delivery, by_target)
        found += [(message, one) for one in by_target]
    return found


def _sent(
    waiting: list[tuple[Message, Delivery]],
    notifier: notifiers.Notifier,
    settings: Settings,
    store: Store,
    now: datetime,
    say: Callable[[str], None],
    time: SendingTime,
) -> Iterator[Tried]:
    """Send each message to all who wait for it; give every delivery as it was kept."""
    for message, deliveries in _together(waiting):
        if time.is_over:
            break
        say(f"sending {message.subject}")
        to = [each.recipient for each in deliveries]
        whole = _as_configured(message, deliveries, settings)
        try:
            answers = notifier.send(whole, to, time)
        except BaseException:
            # Not every way can be cut (Apprise has some that are not HTTP): where the run
            # is ended in its middle the text would be sent again by each run
            if deliveries[0].channel == APPRISE and not time.left(1):
                store.mark(*(_cut(each, settings, now) for each in deliveries))
            raise
        receipts = {each.recipient: each for each in answers}
        after = []
        for delivery in deliveries:
            receipt = receipts.get(delivery.recipient)
            if receipt is None:
                # There was no time for it
                continue
            attempt = Attempt(
                receipt.state,
                # A server may say back what it was told
                settings.masked(receipt.answer),
                receipt.wait,
                receipt.settings_wrong,
            )
            after.append(judge.after_try(delivery, attempt, settings.mail.give_up, now))
        store.mark(*after, *_fallbacks(message, after, settings, store))
        yield from (Tried(message, delivery) for delivery in after)


def _cut(delivery: Delivery, settings: Settings, now: datetime) -> Delivery:
    attempt = Attempt(
        DeliveryState.UNKNOWN,
        "the run's time was over before the service had answered; it may have taken "
        "the text",
    )
    return judge.after_try(delivery, attempt, settings.mail.give_up, now)


def _together(
    waiting: list[tuple[Message, Delivery]],
) -> list[tuple[Message, list[Delivery]]]:
    """Group what goes out in one piece: a message to all its mailboxes, or to one channel."""
    # What a run sends between two transactions is what it repeats when it is killed
    # there
    grouped: dict[tuple[str, str, bool], tuple[Message, list[Delivery]]] = {}
    for message, delivery in waiting:
        alone = "" if delivery.by_mail else delivery.recipient
        piece = (message.id, alone, delivery.state is DeliveryState.UNKNOWN)
        grouped.setdefault(piece, (message, []))[1].append(delivery)
    return list(grouped.values())


def _as_configured(
    message: Message, deliveries: list[Delivery], settings: Settings
) -> Message:
    """Give a message with the sender, and where they have changed the recipients, of the
    configuration as it is now; all else is as it was fixed.

    A From that the server refuses would be refused for ever.
    """
    first = deliveries[0]
    # What may have arrived is repeated to the byte
    if not first.by_mail or first.state is DeliveryState.UNKNOWN:
        return message
    to: tuple[str, ...] = ()
    reader = reader_of(message, settings)
    written = to_of(message.body)
    if reader and any(each.recipient not in written for each in deliveries):
        to = reader.to
    sender = settings.of(message.subscriber).mail.sender
    body = addressed(message.body, sender=sender, to=to)
    return replace(message, body=body)


def _fallbacks(
    message: Message,
    after: list[Delivery],
    settings: Settings,
    store: Store,
) -> list[Delivery]:
    """Queue the reader's fallback channels, each once a message, when grave mail did not
    go out.
    """
    by_mail = [each for each in after if each.by_mail]
    failed = [each for each in by_mail if judge.needs_fallback(each)]
    reader = reader_of(message, settings)
    channels = reader.fallback if reader else ()
    if not failed or not channels:
        return []
    events = filter(None, map(store.event, message.events))
    kinds = [event.kind for event in events]
    if not judge.is_grave(message.kind, kinds):
        return []
    # One mailbox of three may fail now and another an hour later: the channel hears once
    previous = store.deliveries_of(message.id)
    by_channel = [each for each in previous if each.channel == APPRISE]
    queued = {notifiers.channel_of(each.recipient) for each in by_channel}
    return [
        Delivery(message.id, name, APPRISE) for name in channels if name not in queued
    ]


def _complaint(tried: Tried, now: datetime) -> str:
    """Say what went wrong with a delivery, and when it is tried again."""
    delivery = tried.delivery
    by_mail = delivery.by_mail
    if delivery.next_try is None:
        later = (
            "It will not be tried again by itself; when that is mended: "
            f"watcher send --again '{tried.message.id}'. See `watcher status`."
        )
    elif delivery.next_try <= now:
        later = "It is kept and tried again by the next run."
    else:
        mended = ""
        if delivery.settings_wrong:
            mended = " or when the configuration has changed"
        elif by_mail:
            mended = " or when [mail] has changed"
        later = (
            "It is kept and tried again by the first run after "
            f"{_time(delivery.next_try)}; sooner by `watcher run --force`{mended}."
        )
    to = f"{'mail to' if by_mail else 'the channel'} {delivery.recipient}"
    return (
        f"{to} ({tried.message.subject}): {delivery.state}: {delivery.answer}. {later}"
    )


def _not_reached(left: list[Delivery]) -> str:
    """Say what was not sent because the run's time was over."""
    waiting_by = Counter(
        "mail" if each.by_mail else f"the channel {each.recipient}" for each in left
    )
    named = [f"{by} ({count})" for by, count in waiting_by.most_common(5)]
    more = f" and {len(waiting_by) - 5} more" if len(waiting_by) > 5 else ""
    many = counted(len(left), "delivery", "deliveries")
    return (
        f"{many} not begun: the time that a run has for sending was over; by "
        f"{', '.join(named)}{more}. Nothing is lost: the next run goes on there. If it "
        "lasts, see which server is slow, or raise run in [limits]."
    )


def _patience(tried: list[Tried], not_reached: list[Delivery], store: Store) -> str:
    """Say how many deliveries wait that were not tried now, and for when the first of them."""
    named = {_identity(each.delivery) for each in tried}
    named |= {_identity(each) for each in not_reached}
    left = []
    for _, delivery in store.waiting():
        if _identity(delivery) not in named:
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
        by_mail = delivery.by_mail and delivery.settled is None
        if is_meant or (by_mail and LEFT_BY in changed):
            # What was never tried is due as it is.  Written again, it would be in the
            # way of the worker that is sending it
            anew = _anew(message, delivery, settings, store, now)
            found += [each for each in anew if each != delivery]
    return found


def _has_moved(message: Message, delivery: Delivery, settings: Settings) -> bool:
    """Say whether a reader was refused at an address that is not theirs any more."""
    reader = reader_of(message, settings)
    return (
        delivery.state is DeliveryState.REFUSED
        and delivery.by_mail
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
