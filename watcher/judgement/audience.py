"""Who must hear of which event, when, and in which letter; and what readers answer by mail.

Pure: events, subscribers and what they read before in, letters out.  ``reminders`` says
what comes back weekly.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import server_status
from watcher.judgement.newest_build import product_line
from watcher.kinds import EVENT_KINDS
from watcher.records import (
    Advisory,
    Before,
    Confidence,
    Event,
    Exposure,
    Kind,
    Letter,
    Subscriber,
    Update,
)
from watcher.records.source import fits_any

AT_ONCE = "at-once"
MOST_SINGLE = 5
"""More events than these for one subscriber in one run become one digest."""

# Turns of an update's life
STORY = (
    Kind.ANNOUNCED,
    Kind.RELEASED,
    Kind.EXPLOITED,
    Kind.PULLED,
    Kind.RE_RELEASED,
)

SEVERITIES = ("low", "moderate", "important", "critical")
PRODUCT, KIND, REMINDER = "product:", "kind:", "reminder:"
"""What a muted target begins with when it is not an update's id."""

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DIGEST_TIME = re.compile(
    r"(?:daily|weekly +(?P<day>[a-z]{3})[a-z]*) +(?P<hour>\d{1,2}):(?P<minute>\d{2})",
    re.IGNORECASE,
)
# Vendors have two scales: Microsoft's (and CSAF's aggregate severity with many), and
# CVSS's Critical, High, Medium, Low.  They are read as one
_SCALE = {word: number for number, word in enumerate(SEVERITIES)}
_SCALE |= {"none": 0, "medium": 1, "high": 2}


class DigestTime(Struct, frozen=True):
    """When a subscriber's digest comes; ``weekday`` 0 is Monday, None is every day."""

    weekday: int | None
    at: time


def digest_time(when: str) -> DigestTime | None:
    """Read ``at-once`` (None), ``daily 07:00`` or ``weekly Mon 07:00``.

    Raises ValueError that says what is meant.
    """
    if when.strip().lower() == AT_ONCE:
        return None
    found = _DIGEST_TIME.fullmatch(when.strip())
    read = None if found is None else _time_of(found)
    if read is None:
        msg = (
            f'"{when}" is no time for mail: write "at-once", "daily 07:00" or '
            '"weekly Mon 07:00"'
        )
        raise ValueError(msg)
    return read


def _time_of(found: re.Match[str]) -> DigestTime | None:
    """Read the parts of a digest's time; None for "25:00" and "weekly Someday"."""
    day = found["day"]
    try:
        at = time(int(found["hour"]), int(found["minute"]))
        weekday = None if day is None else _WEEKDAYS.index(day.lower())
    except ValueError:
        return None
    return DigestTime(weekday, at)


def has_come(when: str, timezone: tzinfo, last: datetime | None, now: datetime) -> bool:
    """Say whether a time of ``when`` has passed since ``last`` (never: None).

    ``when`` as in the configuration, "daily 07:00", by the subscriber's zone.
    "at-once" has always come.
    """
    at = digest_time(when)
    return at is None or last is None or last < _newest_time(at, timezone, now)


def _newest_time(at: DigestTime, timezone: tzinfo, now: datetime) -> datetime:
    """Give the newest time of a digest that is not later than ``now``, in UTC."""
    # Wall-clock times: one that the change to summer time skips comes an hour later by
    # the clock, one that the change back repeats comes once, at the first of the two
    day = now.astimezone(timezone).date() + timedelta(days=1)
    while True:
        moment = datetime.combine(day, at.at, timezone).astimezone(UTC)
        if moment <= now and at.weekday in (None, day.weekday()):
            return moment
        day -= timedelta(days=1)


def is_digest_due(
    when: str,
    timezone: tzinfo,
    waiting: Iterable[datetime],
    last_run: datetime | None,
    now: datetime,
) -> bool:
    """Say whether a digest is to be sent now, given the times of the events that wait for it.

    A run that comes late, or once a day, sends what waits: nothing waits for a moment
    that has passed.
    """
    first = min(waiting, default=None)
    if first is None:
        return False
    if is_scheduled(when, timezone, first, now):
        return True
    # A watcher that runs once a day, a little late, would keep for a day what that very
    # run has established: the first run after the time takes it in
    return last_run is not None and is_scheduled(when, timezone, last_run, now)


def is_scheduled(
    when: str, timezone: tzinfo, last: datetime | None, now: datetime
) -> bool:
    """Say whether what waits for a subscriber's time since ``last`` goes out now."""
    # A clock that was ahead and has gone back keeps nothing waiting
    is_ahead = last is not None and last > now
    return is_ahead or has_come(when, timezone, last, now)


class Refusal(StrEnum):
    """Why an event is not for a subscriber."""

    NOT_CORRECTED = "did not read what it corrects"
    SUSPECTED = "asks for confirmed events only"
    KIND = "does not ask for this kind"
    PRODUCTS = "asks for other products"
    SEVERITY = "asks for what is more severe"
    OWNERS = "owns no server that it concerns"


def concerns(
    subscriber: Subscriber,
    event: Event,
    readers: Collection[str] | None = None,
    exposures: Iterable[Exposure] = (),
) -> bool:
    """Say whether ``subscriber`` is to hear of ``event``; see ``refusal``.

    ``readers`` and ``exposures`` as there.
    """
    return refusal(subscriber, event, readers, exposures) is None


def refusal(
    subscriber: Subscriber,
    event: Event,
    readers: Collection[str] | None = None,
    exposures: Iterable[Exposure] = (),
) -> Refusal | None:
    """Say why ``event`` is not for ``subscriber``, None when it is.

    ``readers`` names the subscribers who read the event that a correction corrects,
    None where that is not known.  ``exposures`` are the administrator's servers, for a
    subscriber who hears of those of some owners only.
    """
    if event.kind is Kind.CORRECTED:
        # Whoever read something wrong hears that it was wrong, whatever else they ask
        # for; nobody else needs to know
        if readers is not None:
            return None if subscriber.name in readers else Refusal.NOT_CORRECTED
    elif event.kind not in subscriber.kinds:
        return Refusal.KIND
    if event.confidence is Confidence.SUSPECTED and not subscriber.suspected:
        return Refusal.SUSPECTED
    # The patterns of a reader narrow down what their organisation watches
    for patterns in (subscriber.watched, subscriber.products):
        if not names_product(patterns, event.update.products):
            return Refusal.PRODUCTS
    if is_below_severity(subscriber.severity, event):
        return Refusal.SEVERITY
    if subscriber.owners and not _may_concern_owned(subscriber, event, exposures):
        return Refusal.OWNERS
    return None


def _may_concern_owned(
    subscriber: Subscriber, event: Event, exposures: Iterable[Exposure]
) -> bool:
    """Say whether an event may concern a server of a subscriber's owners."""
    owned = server_status.owned(subscriber, exposures)
    # Without an inventory it may concern everybody
    return not owned or server_status.may_concern(event, owned)


def names_product(patterns: Iterable[str], products: Iterable[str]) -> bool:
    """Match shell patterns, case ignored; what names no product concerns everybody."""
    named = tuple(products)
    if not named:
        return True
    # Whoever asks for "Exchange Server*" hears of an update for 2016 and 2019 alike
    # ... and whoever asks for "Exchange Server 2016" of one for its CU23
    named = (*named, *map(product_line, named))
    every = tuple(patterns)
    return any(fits_any(name, every) for name in named)


def is_below_severity(least: str, event: Event) -> bool:
    """Say whether ``event`` is less severe than ``least`` ("" for no limit).

    It is where each of its advisories has a severity that is known and lower, and none
    is exploited or disclosed.
    """
    # What is pulled, offered again, exploited, corrected or has a known issue concerns
    # whoever has the update, however severe its vulnerabilities are
    if not least or not EVENT_KINDS[event.kind].held_by_severity:
        return False
    # A cumulative update names no advisory: nobody knows how mild it is
    if not event.advisories:
        return False
    return all(_is_milder(advisory, least) for advisory in event.advisories)


def _is_milder(advisory: Advisory, least: str) -> bool:
    """Say whether a vulnerability is less severe than ``least``, and not known outside."""
    if advisory.exploited or advisory.disclosed:
        return False
    word = advisory.severity.strip().lower()
    # A word of neither scale may mean anything
    return _SCALE.get(word, len(_SCALE)) < _SCALE[least]


def unmuted(
    events: Iterable[Event], muted: Collection[str], heirs: Mapping[str, str]
) -> tuple[Event, ...]:
    """Leave out the events that are muted.

    ``muted`` are targets: an update's id, ``product:PATTERN`` or ``kind:KIND``;
    ``reminder:`` before it mutes reminders only.  ``heirs`` names the update that has
    taken another one over, by ids.
    """
    return tuple(
        event
        for event in events
        if not is_muted(muted, event, heirs.get(event.update.id, event.update.id))
    )


def is_muted(targets: Collection[str], event: Event, update: str) -> bool:
    """Say whether ``targets`` hold an event back; ``update`` is the id of who has it now.

    ``targets`` are an update's id, ``product:PATTERN`` or ``kind:KIND``, as ``watcher
    mute`` writes them.
    """
    # Whoever read something wrong hears that it was wrong
    if event.kind is Kind.CORRECTED:
        return False
    if update in targets or f"{KIND}{event.kind.value}" in targets:
        return True
    # An event of several products is held back only when each of them is muted: who
    # mutes Exchange Server 2016 still hears of a pull that names 2019, too
    products = event.update.products
    return bool(products) and all(covers(targets, product) for product in products)


def covers(targets: Iterable[str], product: str) -> bool:
    """Say whether one of the targets' product patterns names ``product``; case is ignored.

    Targets of other forms, ids and kinds, name no product.
    """
    of_products = [each for each in targets if each.startswith(PRODUCT)]
    return fits_any(product, (each.removeprefix(PRODUCT) for each in of_products))


def is_about(target: str, update: Update) -> bool:
    """Say whether a target has to do with ``update``: its id, one of its products, or a kind.

    For ``watcher show``, which lists what is muted of an update.
    """
    bare = target.removeprefix(REMINDER)
    if bare == update.id or bare.startswith(KIND):
        return True
    return any(covers((bare,), product) for product in update.products)


def target_name(target: str) -> str:
    """Write a target for a reader: ``Exchange Server 2016*``, ``known-issue``, an update's id.

    Without the marks that tell targets apart in the state.
    """
    return (
        target.removeprefix(READER)
        .removeprefix(REMINDER)
        .removeprefix(PRODUCT)
        .removeprefix(KIND)
    )


def letters_at_once(
    events: Iterable[Event],
    subscribers: Iterable[Subscriber],
    now: datetime,
    readers: Mapping[str, Collection[str]] | None = None,
    exposures: Collection[Exposure] = (),
) -> tuple[Letter, ...]:
    """Compose what goes out at once, the gravest letters first.

    Events not later than ``now`` count.  ``readers`` maps an event's id to the names of
    the subscribers who read of it, ``exposures`` are the servers.  Subscribers with
    a digest get theirs from ``digest``.
    """
    ready = [event for event in events if event.time <= now]
    readers = readers or {}
    letters: list[Letter] = []
    for subscriber in subscribers:
        if digest_time(subscriber.when) is not None:
            continue
        theirs = gravest_first(
            event
            for event in ready
            if concerns(subscriber, event, readers.get(event.corrects), exposures)
        )
        if len(theirs) > MOST_SINGLE:
            letters.append(Letter("digest", subscriber, as_it_stands(theirs)))
        else:
            letters += [single(subscriber, event) for event in theirs]
    letters.sort(
        key=lambda letter: (
            EVENT_KINDS[letter.events[0].kind].gravity,
            letter.events[0].time,
        )
    )
    return tuple(letters)


def single(subscriber: Subscriber, event: Event) -> Letter:
    """Compose the letter about one event; it stands in its update's thread."""
    update = event.update.id
    return Letter(
        event.kind.value, subscriber, (event,), update, event.thread or update
    )


def digest(
    subscriber: Subscriber,
    events: Iterable[Event],
    readers: Mapping[str, Collection[str]] | None = None,
    exposures: Collection[Exposure] = (),
) -> Letter | None:
    """Compose a subscriber's digest of ``events`` that no digest of theirs held yet, in order.

    None when none of them concerns the subscriber.
    """
    read = {event: set(names) for event, names in (readers or {}).items()}
    theirs: list[Event] = []
    for event in events:
        if concerns(subscriber, event, read.get(event.corrects), exposures):
            # A correction of what stands in the same digest stands there, too
            read.setdefault(event.id, set()).add(subscriber.name)
            theirs.append(event)
    if not theirs:
        return None
    return Letter("digest", subscriber, as_it_stands(gravest_first(theirs)))


def gravest_first(events: Iterable[Event]) -> tuple[Event, ...]:
    """Order events as letters hold them: by gravity, then by time.

    What is to be taken off a server stands above what is to be put on it.
    """
    return tuple(
        sorted(
            events,
            key=lambda event: (EVENT_KINDS[event.kind].gravity, event.time, event.id),
        )
    )


def as_it_stands(events: Sequence[Event]) -> tuple[Event, ...]:
    """Mark each event whose version was pulled later, where the same letter says so.

    An event that is so marked says "pulled since" in place of "install".
    """
    # A weekly digest of November 2024 held the release of the 12th and the pull of the
    # 14th: it must not say "install" above "do not install".  A pull that the same
    # digest corrects is none
    pulls = [event for event in _not_corrected(events) if event.kind is Kind.PULLED]
    found = []
    for event in events:
        is_pulled = any(_is_pulled_by(pull, event) for pull in pulls)
        found.append(replace(event, pulled=True) if is_pulled else event)
    return tuple(found)


def _not_corrected(events: Sequence[Event]) -> list[Event]:
    """Give the events that are confirmed and that none of the others takes back."""
    corrected = {event.corrects for event in events}
    not_corrected = []
    for event in events:
        is_confirmed = event.confidence is Confidence.CONFIRMED
        if is_confirmed and event.id not in corrected:
            not_corrected.append(event)
    return not_corrected


def _is_pulled_by(pull: Event, event: Event) -> bool:
    """Say whether a pull is of an event's update, came after it, and is of its version."""
    # The pull of v1 says nothing of v2, which is out as well
    return (
        pull.update.id == event.update.id
        and pull.time >= event.time
        and pull.update.version >= event.update.version
    )


def before(event: Event, earlier: Sequence[Event], read: Collection[str]) -> Before:
    """Say what happened before ``event``, for the reader of its letter.

    ``earlier`` is what happened to its update until then (of a correction: what it
    corrects), in order, and not empty; ``read`` are the ids of those that this reader
    read of.
    """
    # "What we told you before" must have been told to this very reader; who joined
    # later, or asks for other kinds, gets the last thing that happened
    theirs = [one for one in earlier if one.id in read]
    story = _story([*earlier, event])
    return Before(event.id, (theirs or earlier)[-1], bool(theirs), story)


def _story(events: Sequence[Event]) -> tuple[Event, ...]:
    """Give the events that made an update what it is, in order, () for less than two.

    Known issues and revisions come by the dozen, and are no turn of its life.
    """
    # A pull that never was is no part of the story, nor is one that is suspected
    of_story = [event for event in _not_corrected(events) if event.kind in STORY]
    return tuple(of_story) if len(of_story) > 1 else ()


READER = "reader:"
"""What an acknowledged target begins with that holds for one subscriber only."""

# 100 bits: far beyond what can be tried by mail
SIGNED_LETTERS = 20
# Of PBKDF2: a fifth of a second for each guess at the password
_ROUNDS = 600_000
_SUBJECT = re.compile(
    r"\back ([a-z0-9][a-z0-9._-]{0,150}) ([a-z2-7]{20})\b", re.IGNORECASE
)


class Answer(Struct, frozen=True):
    """Who has dealt with which update."""

    subscriber: str
    update: str

    @property
    def target(self) -> str:
        """What is acknowledged: for this subscriber only."""
        return reader_target(self.subscriber, self.update)


def reader_target(subscriber: str, target: str) -> str:
    """Write a target that holds for one subscriber."""
    return f"{READER}{subscriber}:{target}"


@functools.lru_cache(maxsize=4)
def key_of(password: str) -> bytes:
    """Make the key that signs answers out of the mailbox's password.

    Every reader has signatures: by a key that costs nothing, one could try passwords
    against them as fast as a machine can count.
    """
    salt = b"advisory-watcher replies"
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)


def is_signed(text: str) -> bool:
    """Say whether a subject has the form of an answer, whoever may have signed it."""
    return _SUBJECT.search(" ".join(text.split())) is not None


def subject(key: bytes, subscriber: str, update: str, pull: str = "") -> str:
    """Write the subject by which a subscriber says that an update has been dealt with.

    ``pull`` is the event that told of its newest pull, "" where none did.
    """
    return f"ack {update} {_signature(key, subscriber, update, pull)}"


def read(
    text: str,
    key: bytes,
    subscribers: Iterable[str],
    pull_of: Callable[[str], str] = lambda _update: "",
) -> Answer | None:
    """Read a subject, None for one that says nothing or is not signed for anybody.

    ``pull_of`` gives the event of an update's newest pull.
    """
    found = _SUBJECT.search(" ".join(text.split()))
    if found is None:
        return None
    update, signature = found[1].lower(), found[2].lower()
    pull = pull_of(update)
    for subscriber in subscribers:
        expected = _signature(key, subscriber, update, pull)
        if hmac.compare_digest(expected, signature):
            return Answer(subscriber, update)
    return None


def _signature(key: bytes, subscriber: str, update: str, pull: str) -> str:
    content = f"ack\n{subscriber}\n{update}\n{pull}".encode()
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:SIGNED_LETTERS]
