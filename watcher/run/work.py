"""What a worker does: each step of a check as a job, on any number of machines.

    check_due      every minute: a check of each source that is due
    check_source   fetch, parse; where something is new, leave the answers to judge
    judge          believe, compare, decide, record          one at a time (a lock)
    compose        seal what was recorded, and leave it to:  under the same lock
    letters          one organisation: who is owed what, fixed as messages
    deliver          one message to its mailboxes, or to one channel
    publish          feeds and pages
    follow_up      digests, welcomes, reminders, the operator's mail
    replace_dead   jobs of workers that died begin again

Every job is one transaction, or is found out to be done when it is done again: a worker
that is killed loses nothing, and repeats at most the message that it was sending.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from watcher import notifiers, sources, web
from watcher.errors import WatcherError
from watcher.judgement import audience, schedule
from watcher.judgement.delivery import MAIL
from watcher.judgement.source_health import sees_nothing
from watcher.records import Delivery, DeliveryState, Event, Message
from watcher.run import (
    compose,
    evidence,
    operator,
    queue,
    replies,
    send,
    servers,
    unseen,
)
from watcher.run.check import judge_source
from watcher.run.fetch import Requests, Web, fetch_sources, stated_in
from watcher.run.monitoring import beating
from watcher.run.publish import Touched, publish_site
from watcher.run.queue import Queue
from watcher.run.record import check_documents, says_nothing_new
from watcher.settings import Settings
from watcher.store import Store
from watcher.web import SourceAnswers

JUDGEMENT = "judgement"
"""The lock of judging: what two sources say of one update is judged one after the other."""

# Letters wait until everything that was fetched is judged: one event has the evidence of
# all sources that told of it
AFTER_JUDGING = -1
# Note: until when digests, reminders and the like were followed up
FOLLOWED_UP = "followed up until"
# A mail connection that was idle for longer is not used again: servers hang up
IDLE = timedelta(seconds=20)


class Work:
    """The jobs, and what they share: settings, states to work on, the web, the queue."""

    def __init__(
        self,
        settings: Settings,
        web: Callable[[], AbstractContextManager[Web]],
        clock: Callable[[], datetime],
        warn: Callable[[str], None],
        parse: sources.Parse = sources.parse,
    ) -> None:
        """Prepare; connections are opened as jobs need them.

        ``parse`` reads documents, of the live web in a process of its own.
        """
        self._parse = parse
        self.settings = settings
        self.queue = Queue()
        self.warn = warn
        self._web = web
        self._clock = clock
        self._stores: Pool[Store] = Pool(
            lambda: Store.open(settings.state, hold=False), timedelta.max
        )
        self._mailers: dict[str, Pool[notifiers.Notifier]] = {}
        self._by_name = {each.organisation: each for each in settings.each_organisation}

    def close(self) -> None:
        """Close every connection."""
        for mailers in self._mailers.values():
            mailers.close()
        self._stores.close()

    def begin(self) -> None:
        """Leave to the queue what a worker looks at first when it starts."""
        with self._stores.borrowed() as store, store.writing():
            self.queue.add(store, queue.CHECK_DUE, {})
            self.queue.add(store, queue.FOLLOW_UP, {}, lock=queue.FOLLOW_UP)

    # --- sources ----------------------------------------------------------------------

    def check_due(self) -> None:
        """Leave a check of each source that is due to whoever is free."""
        with self._stores.borrowed() as store:
            now = self._clock()
            last = store.last_check()
            # The clocks of several machines differ a little
            if last is not None and last > now + schedule.SLACK:
                store.touch(schedule.set_back(store.all_times(), now))
            times = schedule.source_times(store.all_times())
            due = schedule.due(self.settings.sources, times, now)
            documents = store.documents_of([source.name for source in due])
            read = [name for name, each in documents.items() if each]
            waiting = store.answered_sources()
            names = [
                source.name
                for source in schedule.asked_now(due, read, times, now)
                if source.name not in waiting
            ]
            with store.writing():
                self.queue.add_once(store, queue.CHECK_SOURCE, names, "source")

    def check_source(self, source: str) -> None:
        """Ask a source; leave to judge what is new in its answers."""
        named = [each for each in self.settings.sources if each.name == source]
        with self._stores.borrowed() as store, self._web() as web:
            folder = evidence.folder(self.settings, store.last_check())
            watch, now = self.settings.watch, self._clock()
            requests = Requests(
                web, watch, now, lambda _text: None, folder, self._parse
            )
            for answers in fetch_sources(named, store, requests):
                self._keep(answers, store, requests)

    def _keep(self, answers: SourceAnswers, store: Store, requests: Requests) -> None:
        """Keep answers for whoever judges them; only the times, where nothing is new."""
        now = requests.now
        checks = check_documents(answers, store, requests.watch, now)
        if says_nothing_new(answers, checks):
            judged = judge_source(answers, store, requests.watch, now, None, {})
            store.touch(judged.unchanged)
            return
        key = uuid4().hex
        with store.writing():
            store.keep_answers(key, answers.source.name, web.pack(answers, now))
            self.queue.add(store, queue.JUDGE, {"answers": key}, lock=JUDGEMENT)

    # --- judgement --------------------------------------------------------------------

    def judge(self, answers: str) -> None:
        """Judge what a source answered, and record it; leave letters to compose.

        What cannot be judged is dropped, and its source asked anew when it is due: tried
        again for ever, it would hold the lock that all other sources wait for.
        """
        try:
            self._judge(answers)
        except WatcherError:
            # The state's, not the answer's
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            with self._stores.borrowed() as store, store.writing():
                store.take_answers(answers)
            self.warn(
                f"{queue.JUDGE}: an answer was dropped, and is asked for: {error}"
            )

    def _judge(self, answers: str) -> None:
        sources = {each.name: each for each in self.settings.sources}
        with self._stores.borrowed() as store, store.writing():
            content = store.take_answers(answers)
            # Judged already, by a worker that was taken for dead
            if content is None:
                return
            packed = web.unpack(content)
            # Not named any more
            if packed.source not in sources:
                return
            previous = store.documents_of(sources)
            # What other sources of these minutes say of names, as in one check
            stated = stated_in(packed.answers, previous[packed.source])
            for content in store.waiting_answers():
                try:
                    each = web.unpack(content)
                except ValueError:
                    # Its own job says so
                    continue
                stated += stated_in(each.answers, previous.get(each.source, {}))
            found = SourceAnswers(
                sources[packed.source],
                packed.answers,
                previous[packed.source],
                packed.source in store.suspected_sources(),
                stated,
            )
            folder = evidence.folder(self.settings, store.last_check())
            watch = self.settings.watch
            judged = judge_source(found, store, watch, packed.time, folder, {})
            store.touch(judged.unchanged)
            outcome = judged.report.outcome
            if outcome.events or outcome.further:
                self._compose_later(store)
            # What follows updates, or has waited for a first table, need not wait longer
            if outcome.updates:
                self.queue.add(store, queue.CHECK_DUE, {}, lock=queue.CHECK_DUE)
        if judged.report.trouble:
            self.warn(judged.report.trouble)

    def _compose_later(self, store: Store) -> None:
        self.queue.add(store, queue.COMPOSE, {}, lock=JUDGEMENT, priority=AFTER_JUDGING)

    def compose(self) -> None:
        """Seal the events of which no letter was composed, and leave those to a job for
        each organisation.
        """
        with self._stores.borrowed() as store, store.writing():
            events = store.unsealed_events()
            if not events and not store.widened_events():
                return
            # Whoever is new here has been told of nothing before these
            stored = store.metas(compose.LETTERS_UNTIL)
            last = str(store.last_sealed())
            new = self._by_name.keys() - stored.keys()
            notes = {f"{compose.LETTERS_UNTIL}{name}": last for name in new}
            store.seal((), events, notes)
            self._letters(store, list(self._by_name))
            self.queue.add(store, queue.PUBLISH, {}, lock=queue.SITE)

    def _letters(self, store: Store, organisations: Collection[str]) -> None:
        rows = [{"organisation": name} for name in organisations]
        # Without a lock: to fetch a job took the longer, the more locks were waited for.
        # Two of one organisation find each other by their notes
        self.queue.add(store, queue.LETTERS, *rows)

    # --- letters ----------------------------------------------------------------------

    def letters(self, organisation: str) -> None:
        """Compose what one organisation is owed, and fix it as messages."""
        settings = self._by_name.get(organisation)
        # Not named any more
        if settings is None:
            return
        now = self._clock()
        key = f"{compose.LETTERS_UNTIL}{organisation}"
        at_key = f"{compose.LETTERS_AT}{organisation}"
        with self._stores.borrowed() as store:
            with store.reading():
                stored = store.meta(key)
                last = store.last_sealed()
                since = int(stored or last)
                at = store.meta(at_key)
                last_time = datetime.fromisoformat(at) if at else None
                events = _between(store, since, last)
                ledger = servers.Ledger(store)
                owed = compose.letters_owed(
                    events, settings, store, ledger, last_time, now, since
                )
            notes = owed.notes | {
                key: str(last),
                at_key: now.isoformat(),
            }
            messages = compose.rendered(owed.letters, settings, now)
            with store.sealing():
                # Another worker was faster: this begins anew, with what that one left
                if store.meta(key) != stored or store.meta(at_key) != at:
                    self._letters(store, [organisation])
                    return
                store.seal(messages, (), notes)
                self._deliver(store, [message for message, _ in messages])

    def _deliver(self, store: Store, messages: Collection[Message]) -> None:
        for message in messages:
            rows = _jobs_of(message.id, store.deliveries_of(message.id))
            self.queue.add(store, queue.DELIVER, *rows, priority=queue.FIRST)

    def follow_up(self) -> None:
        """Leave to others what time has made due: welcomes, digests, reminders, the
        operator's mail; and deliveries that have no job.
        """
        now = self._clock()
        with (
            beating(self.settings, self.warn) as beat,
            self._stores.borrowed() as store,
        ):
            blind = unseen.look(self.settings, store)
            # Whoever has answered a reminder gets none of those that are due now
            for trouble in replies.take_in(self.settings, store):
                self.warn(trouble)
            with store.writing():
                if store.unsealed_events():
                    self._compose_later(store)
                self._letters(store, self._due(store, now))
                store.set_meta(FOLLOWED_UP, now.isoformat())
                self.queue.add(store, queue.PUBLISH, {}, lock=queue.SITE)
            self._operator(store, now)
            self._deliver_what_is_left(store, now)
            if store.prune(now - self.settings.keep).documents:
                evidence.forget(self.settings, store)
            beat.failed = sees_nothing(self.settings.watch, blind)

    def _due(self, store: Store, now: datetime) -> list[str]:
        """Name the organisations that may be owed something that no event brings."""
        stored = store.meta(FOLLOWED_UP)
        last = datetime.fromisoformat(stored) if stored else None
        welcomed = store.subscribers_of("welcome")
        # A welcome says where each product stands: it waits until all has been asked
        times = schedule.source_times(store.all_times())
        is_read = schedule.are_all_tried(self.settings.sources, times)
        found = []
        for number, (name, settings) in enumerate(self._by_name.items()):
            # Reminders: each has its turn of the day, not all at one time
            share_of_day = number / len(self._by_name)
            if schedule.turn_has_come(share_of_day, last, now):
                found.append(name)
                continue
            for reader in settings.subscribers:
                is_new = is_read and reader.name not in welcomed
                digest = audience.digest_time(reader.when) is not None
                zone = settings.zone_of(reader)
                if is_new or (
                    digest and audience.has_come(reader.when, zone, last, now)
                ):
                    found.append(name)
                    break
        return found

    def _operator(self, store: Store, now: datetime) -> None:
        with store.reading():
            letters, notes = operator.letters(self.settings, store, now)
        if not letters and not notes:
            return
        messages = compose.rendered(letters, self.settings, now)
        with store.sealing():
            store.seal(messages, (), notes)
            self._deliver(store, [message for message, _ in messages])

    def _deliver_what_is_left(self, store: Store, now: datetime) -> None:
        """Give deliveries a job that have none: a single run has left them, or they had
        waited for a setting that has been put right.
        """
        with store.writing():
            mended = send.put_right(self.settings, store, now)
            store.mark(*mended)
            due = {(each.message, *_place(each)) for each in mended}
            queued = store.queued_messages()
            left: dict[str, list[Delivery]] = {}
            for message, delivery in store.waiting():
                is_due = (message.id, *_place(delivery)) in due
                if is_due or message.id not in queued:
                    left.setdefault(message.id, []).append(delivery)
            for message_id, deliveries in left.items():
                self._again(store, message_id, deliveries, now)

    # --- deliveries -------------------------------------------------------------------

    def deliver(self, message: str, channel: str, recipient: str) -> None:
        """Send a message to all its mailboxes, or to one channel, and keep each receipt.

        What is to be tried again is left to a later job.
        """
        now = self._clock()
        with self._stores.borrowed() as store:
            with store.writing(durable=True):
                mine = [
                    each
                    for each in store.claim_deliveries(message)
                    if each.channel == channel
                    and recipient in ("", each.recipient)
                    and (each.next_try is None or each.next_try <= now)
                ]
                whole = store.message(message)
                if whole is None or not mine:
                    return
                tried = self._send(store, whole, mine, now)
            if any(each.state is not DeliveryState.ACCEPTED for each in tried):
                send.note_settings(self.settings, store)

    def _send(
        self, store: Store, message: Message, deliveries: list[Delivery], now: datetime
    ) -> list[Delivery]:
        """Send, and leave to jobs what is to be sent again, or by a fallback."""
        before = {_place(each) for each in store.deliveries_of(message.id)}
        waiting = [(message, each) for each in deliveries]
        mailers = self._mailers_of(message, deliveries[0].channel)
        with mailers.borrowed() as mailer:
            time = send.Shares.of(self.settings.limits.sending).channels
            sent = send.send_each(
                waiting, mailer, self.settings, store, now, lambda _text: None, time
            )
        tried = [each.delivery for each in sent.tried]
        # A server that was away is asked anew, not by what this connection remembers
        if any(each.state is not DeliveryState.ACCEPTED for each in tried):
            mailers.close()
        before |= {_place(each) for each in (*tried, *sent.left)}
        later = [each for each in tried if each.next_try is not None]
        after = store.deliveries_of(message.id)
        fallbacks = [each for each in after if _place(each) not in before]
        self._again(store, message.id, later, now)
        self._again(store, message.id, fallbacks, now)
        # Whose turn did not come: some of its recipients, or none
        self._again(store, message.id, sent.left, now)
        return tried

    def _again(
        self,
        store: Store,
        message: str,
        deliveries: Collection[Delivery],
        now: datetime,
    ) -> None:
        """Leave deliveries to jobs that begin when the first of each is due."""
        for row in _jobs_of(message, deliveries):
            times = [
                each.next_try or now
                for each in deliveries
                if each.channel == row["channel"]
                and row["recipient"] in ("", each.recipient)
            ]
            wait = max(min(times) - now, timedelta())
            self.queue.add(store, queue.DELIVER, row, after=wait, priority=queue.FIRST)

    def _mailers_of(self, message: Message, channel: str) -> Pool[notifiers.Notifier]:
        """Give the connections by which a message leaves."""
        sender = self.settings.of(message.subscriber).mail.sender
        mail = replace(self.settings.mail, sender=sender)
        settings = replace(self.settings, mail=mail)
        kind = "" if channel == MAIL else channel
        return self._mailers.setdefault(
            f"{kind} {sender}", Pool(lambda: notifiers.connect(settings, kind), IDLE)
        )

    # --- the site ---------------------------------------------------------------------

    def publish(self) -> None:
        """Publish what has changed since the last time."""
        with self._stores.borrowed() as store:
            publish_site(self.settings, store, self._clock(), None, Touched())


def _between(store: Store, since: int, last: int) -> tuple[Event, ...]:
    """Give the events after number ``since`` up to ``last``."""
    after = store.events_after(since) if since < last else {}
    return tuple(event for number, event in after.items() if number <= last)


def _jobs_of(message: str, deliveries: Collection[Delivery]) -> list[dict[str, str]]:
    """Give the arguments of the jobs that deliver: one for all mail, one a channel."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for each in deliveries:
        alone = "" if each.by_mail else each.recipient
        rows[each.channel, alone] = {
            "message": message,
            "channel": each.channel,
            "recipient": alone,
        }
    return list(rows.values())


def _place(delivery: Delivery) -> tuple[str, str]:
    return delivery.channel, delivery.recipient


T = TypeVar("T")


class _Idle(Struct, Generic[T]):
    """A connection that nobody uses, since when, and how it is closed."""

    connection: T
    stack: ExitStack
    since: float


class Pool(Generic[T]):
    """Opens a connection when none is idle, and keeps it for the next who needs one."""

    def __init__(
        self, connect: Callable[[], AbstractContextManager[T]], idle: timedelta
    ) -> None:
        """Open nothing yet; what was ``idle`` for longer is not used again."""
        self._connect = connect
        self._most = idle.total_seconds()
        self._idle: list[_Idle[T]] = []
        self._lock = Lock()

    @contextmanager
    def borrowed(self) -> Iterator[T]:
        """Give a connection; one at which something went wrong is closed afterwards."""
        found = self._take()
        if found is None:
            with ExitStack() as stack:
                connection = stack.enter_context(self._connect())
                found = _Idle(connection, stack.pop_all(), 0)
        with ExitStack() as at_once:
            at_once.push(found.stack)
            yield found.connection
            at_once.pop_all()
        found.since = time.monotonic()
        with self._lock:
            self._idle.append(found)

    def _take(self) -> _Idle[T] | None:
        oldest = time.monotonic() - self._most
        while True:
            with self._lock:
                if not self._idle:
                    return None
                found = self._idle.pop()
            if found.since >= oldest:
                return found
            found.stack.close()

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.stack.close()
