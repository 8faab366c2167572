"""The live web: asks hosts in parallel, each of them politely, and makes every outcome a value.

with Fetcher(settings) as web:
    for wanted, parsed in web.get_all(documents, now, parse): ...
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from msgspec import Struct

from watcher.records import Failure
from watcher.web import FetchError, FetchSettings, Outcome, Wanted, address
from watcher.web.failures import AGAIN
from watcher.web.recorder import Recorder

if TYPE_CHECKING:
    from watcher.web.client import Client

T = TypeVar("T")


class _Round(Struct, Generic[T]):
    """One host's share of a ``get_all``: what its workers take from, and where they put results."""

    documents: list[Wanted]
    places: deque[int]
    now: datetime
    use: Callable[[Outcome], T]
    results: dict[int, T]
    unreachable: Failure | None = None


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

    def __enter__(self) -> Self:
        """Open nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Cut what is still under way and close every connection."""
        self._stop.set()
        for client in self._clients:
            client.gate.cut()
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
        if not documents:
            return []
        groups: dict[str, deque[int]] = defaultdict(deque)
        for place, one in enumerate(documents):
            groups[
                address.host_key(address.with_own_secrets(one, self._settings.secrets))
            ].append(place)
        results: dict[int, T] = {}
        threads = self._ready()
        jobs: list[Future[None]] = []
        for host, places in groups.items():
            round_ = _Round(documents, places, now, use, results)
            jobs += [
                threads.submit(self._serve, host, round_)
                for _ in range(min(self._settings.per_host, len(places)))
            ]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            self._stop.set()
            for client in self._clients:
                client.gate.cut()
            raise
        return [
            (one, results[place])
            for place, one in enumerate(documents)
            if place in results
        ]

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

    def _serve(self, host: str, work: _Round[T]) -> None:
        """Ask one host for the documents of one round, until none is left."""
        client = self._client(host)
        while not self._stop.is_set():
            try:
                place = work.places.popleft()
            except IndexError:
                break
            work.results[place] = work.use(
                self._ask(client, work, work.documents[place])
            )
        self._rest(host, client)

    def _ask(self, client: Client, work: _Round[T], wanted: Wanted) -> Outcome:
        if work.unreachable is not None and not address.asks_for_secret(
            wanted
            # What is refused says why
        ):
            silent = work.unreachable
            url = address.for_log(wanted.url, self._settings.secrets)
            return Failure(
                wanted.source.name,
                wanted.document,
                url,
                work.now,
                silent.cause,
                silent.remedy,
                asked=False,
            )
        outcome, unreachable = client.ask(wanted, work.now)
        if self._recorder:
            for answer in client.trail:
                self._recorder.add_answer(
                    answer.url, work.now, answer.status, answer.headers, answer.body
                )
        if unreachable and isinstance(outcome, Failure):
            work.unreachable = outcome
        return outcome

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
