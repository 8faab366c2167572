"""The live web: asks hosts in parallel, each of them politely, and makes every outcome a value.

with Fetcher(settings) as web:
    for wanted, parsed in web.get_all(documents, now, parse): ...
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from msgspec.structs import replace

from watcher.records import Failure
from watcher.web import (
    NEVER,
    Answered,
    FetchError,
    FetchSettings,
    Outcome,
    Wanted,
    address,
)
from watcher.web.failures import AGAIN, out_of_time
from watcher.web.recorder import Recorder

if TYPE_CHECKING:
    from watcher.web.client import Client

T = TypeVar("T")

# Seconds after which whoever waits sees whether the fetcher was closed
_LOOKS_UP = 0.25


class _Lane:
    """What is wanted of one host, source by source in turn, and how many serve it.

    In turn: a source that leads to many slow documents holds up no other one there.
    """

    def __init__(self) -> None:
        self.sources: dict[str, deque[Wanted]] = {}
        self.serving = 0
        self.unreachable: Failure | None = None

    def add(self, wanted: Wanted) -> None:
        self.sources.setdefault(wanted.source.name, deque()).append(wanted)

    def next(self) -> Wanted | None:
        """Take the next document, None when there is none."""
        if not self.sources:
            return None
        name, waiting = next(iter(self.sources.items()))
        del self.sources[name]
        wanted = waiting.popleft()
        if waiting:
            # Its turn comes again after the others'
            self.sources[name] = waiting
        return wanted


class AskingAtOnce(Generic[T]):
    """Documents under way: more may be added while answers come."""

    def __init__(
        self, fetcher: Fetcher, now: datetime, use: Callable[[Outcome], T]
    ) -> None:
        """Begin with none; ``use`` makes of each outcome what is given as its answer."""
        self._fetcher = fetcher
        self.now = now
        self.use = use
        self.lanes: dict[str, _Lane] = defaultdict(_Lane)
        # By source: time.monotonic() when its time is up
        self.ends: dict[str, float] = {}
        self.answers: SimpleQueue[Answered[T] | BaseException] = SimpleQueue()
        self._outstanding = 0

    def add(self, wanted: Iterable[Wanted]) -> None:
        """Ask for more documents; a source's time runs from its first one."""
        documents = list(wanted)
        self._outstanding += len(documents)
        self._fetcher.begin(self, documents)

    def next(self, patience: float) -> Answered[T] | None:
        """Wait for the next answer; None when none came in so many seconds, or none is
        under way.

        An exception of ``use`` is raised here, and ends the fetcher.
        """
        until = time.monotonic() + patience
        while self._outstanding:
            left = until - time.monotonic()
            try:
                found = self.answers.get(timeout=max(0.0, min(left, _LOOKS_UP)))
            except Empty:
                # Closed by another thread, the fetcher answers no more
                if left <= 0 or self._fetcher.is_cut:
                    return None
                continue
            except BaseException:
                self._fetcher.cut()
                raise
            if isinstance(found, BaseException):
                self._fetcher.cut()
                raise found
            self._outstanding -= 1
            return found
        return None


class Fetcher:
    """A context in which documents can be fetched; connections live as long as it does."""

    def __init__(
        self, settings: FetchSettings, recorder: Recorder | None = None
    ) -> None:
        """Prepare; ``recorder`` gets every response."""
        self._settings = settings
        self._recorder = recorder
        self._stop = threading.Event()
        self._threads: ThreadPoolExecutor | None = None
        self._watch: threading.Thread | None = None
        self._client_class: type[Client]
        self._clients: list[Client] = []
        self._idle: dict[str, list[Client]] = defaultdict(list)
        self._slots: dict[str, threading.BoundedSemaphore] = {}
        self._lock = threading.Lock()
        self._until = time.monotonic() + settings.run

    def __enter__(self) -> Self:
        """Open nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Cut what is still under way and close every connection."""
        self.cut()
        if self._threads:
            self._threads.shutdown(wait=True, cancel_futures=True)
        if self._watch:
            self._watch.join()
        for client in self._clients:
            client.close()

    def get_all(
        self,
        wanted: Iterable[Wanted],
        now: datetime,
        use: Callable[[Outcome], T],
    ) -> list[tuple[Wanted, T]]:
        """Fetch all documents; what ``use`` makes of each outcome, in the order of ``wanted``.

        ``use`` runs in the thread that fetched, so that parsing goes on beside other
        hosts' answers.
        Hosts are asked in parallel, each over ``per_host`` connections.  When a host
        does not answer at all, its remaining documents fail for the same cause without
        being asked.  Only an exception of ``use`` (or of the recorder) is raised; it
        ends the fetcher.
        """
        documents = list(wanted)
        asking = self.asking(now, use)
        asking.add(documents)
        # By the object: one document may be wanted twice
        found: dict[int, deque[T]] = defaultdict(deque)
        while (answered := asking.next(NEVER)) is not None:
            if answered.answer is not None:
                found[id(answered.wanted)].append(answered.answer)
        return [(one, found[id(one)].popleft()) for one in documents if found[id(one)]]

    def asking(self, now: datetime, use: Callable[[Outcome], T]) -> AskingAtOnce[T]:
        """Give what documents can be added to, and what gives their answers as they come.

        A source's documents take no longer than ``source`` of the settings, and
        everything that this fetcher is asked no longer than ``run``: what is left is
        a failure, and not asked.
        """
        return AskingAtOnce(self, now, use)

    def begin(self, asking: AskingAtOnce[T], documents: list[Wanted]) -> None:
        """Put documents into their hosts' lanes, and serve these."""
        if not documents:
            return
        threads = self._ready()
        ends = time.monotonic() + self._settings.source
        hosts: dict[str, None] = {}
        with self._lock:
            for one in documents:
                asking.ends.setdefault(one.source.name, min(ends, self._until))
                address_with_secrets = address.with_own_secrets(
                    one, self._settings.secrets
                )
                host = address.host_key(address_with_secrets)
                asking.lanes[host].add(one)
                hosts[host] = None
            for host in hosts:
                lane = asking.lanes[host]
                waiting = sum(map(len, lane.sources.values()))
                more = min(self._settings.per_host - lane.serving, waiting)
                lane.serving += more
                for _ in range(more):
                    threads.submit(self._serve, host, lane, asking)

    @property
    def is_cut(self) -> bool:
        """Whether nothing is asked any more."""
        return self._stop.is_set()

    def cut(self) -> None:
        """End all that is under way."""
        self._stop.set()
        for client in list(self._clients):
            client.gate.cut()

    def _ready(self) -> ThreadPoolExecutor:
        """Start the threads when something is wanted for the first time."""
        if self._threads is None:
            # requests and urllib3 take 0.06 s to load, a quarter of a run in which
            # nothing is due.  Loaded here, no thread waits for another to load them.
            from watcher.web.client import Client

            self._client_class = Client
            self._threads = ThreadPoolExecutor(
                self._settings.hosts, thread_name_prefix="fetch"
            )
            self._watch = threading.Thread(
                target=self._cut_late_ones, name="fetch-deadline", daemon=True
            )
            self._watch.start()
        return self._threads

    def _cut_late_ones(self) -> None:
        """Cut whatever is past its deadline.

        A read timeout alone lets a server send a byte a minute for ever.
        """
        while not self._stop.wait(min(0.25, self._settings.deadline / 8)):
            now = time.monotonic()
            for client in list(self._clients):
                if client.gate.due <= now:
                    client.gate.cut()

    def _serve(self, host: str, lane: _Lane, asking: AskingAtOnce[T]) -> None:
        """Ask one host for the documents of its lane, until none is left."""
        client = self._client(host)
        while not self._stop.is_set():
            with self._lock:
                wanted = lane.next()
                if wanted is None:
                    lane.serving -= 1
                    break
            try:
                outcome = self._ask(client, lane, asking, wanted)
                asking.answers.put(Answered(wanted, asking.use(outcome)))
            except BaseException as error:  # noqa: BLE001 - whoever waits raises it
                asking.answers.put(error)
                break
        self._rest(host, client)

    def _ask(
        self, client: Client, lane: _Lane, asking: AskingAtOnce[T], wanted: Wanted
    ) -> Outcome:
        ends = asking.ends[wanted.source.name]
        silent = lane.unreachable
        # What is refused says why
        if silent is not None and not address.asks_for_secret(wanted):
            unasked = self._unasked(wanted, asking.now, silent.cause, silent.remedy)
            return replace(unasked, late=False)
        if time.monotonic() >= ends:
            trouble = out_of_time(self._settings, run_is_over=ends >= self._until)
            return self._unasked(wanted, asking.now, trouble.cause, trouble.remedy)
        outcome, unreachable = client.ask(
            wanted, asking.now, ends, run_is_over=ends >= self._until
        )
        if self._recorder:
            for answer in client.trail:
                self._recorder.add_answer(
                    answer.url, asking.now, answer.status, answer.headers, answer.body
                )
        if unreachable and isinstance(outcome, Failure):
            lane.unreachable = outcome
        return outcome

    def _unasked(
        self, wanted: Wanted, now: datetime, cause: str, remedy: str
    ) -> Failure:
        return Failure(
            wanted.source.name,
            wanted.document,
            address.for_log(wanted.url, self._settings.secrets),
            now,
            cause,
            remedy,
            asked=False,
            late=True,
        )

    def _client(self, host: str) -> Client:
        """Give a worker for ``host``: one that has a connection there already, if possible."""
        with self._lock:
            if self._idle[host]:
                return self._idle[host].pop()
            client = self._client_class(
                self._settings, self._slot, self._settings.sleep or self._pause
            )
            self._clients.append(client)
            return client

    def _rest(self, host: str, client: Client) -> None:
        """Keep a worker's connection for the next round, unless there are many.

        Open files are counted by the system.
        """
        with self._lock:
            if len(self._clients) <= self._settings.hosts * 2:
                self._idle[host].append(client)
                return
            self._clients.remove(client)
        client.close()

    def _pause(self, seconds: float) -> None:
        """Wait; FetchError when the fetcher is closed meanwhile."""
        if self._stop.wait(seconds):
            raise FetchError("the run was ended before another attempt", AGAIN)

    def _slot(self, host: str) -> threading.BoundedSemaphore:
        """Give what must be held to ask ``host``: redirects bring several workers to one."""
        with self._lock:
            return self._slots.setdefault(
                host, threading.BoundedSemaphore(self._settings.per_host)
            )
