"""What the live web and a recorded one share.

What is wanted, how politely it is asked for, what comes back, and what became of a
source's documents.

Both ``fetch.Fetcher`` and ``recording.Recording`` offer ``asking(now, use)``, to which
documents are added and which gives their answers as they come, and
``get_all(wanted, now, use)``, which waits for all of them.
Importing this package opens nothing and loads no HTTP library.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct, field

from watcher.records import (
    Document,
    Entry,
    Failure,
    NotModified,
    Page,
    Snapshot,
    Source,
    Validators,
)

Outcome = Page | NotModified | Failure

NEVER = float("inf")
GONE = frozenset({404, 410})
REFUSALS = frozenset({401, 403})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
FOR_GOOD = frozenset({301, 308})


class Wanted(Struct, frozen=True):
    """One document of a source to be had; ``validators`` make the request conditional.

    ``url`` may hold ``${NAME}`` for a secret that only the fetcher puts in, and only
    where it is the word of the configuration: the source's own address.  What a
    document leads to is refused when it holds one (``address``).
    """

    source: Source
    document: str
    url: str
    validators: Validators = Validators()


T = TypeVar("T")


class Answered(Struct, Generic[T], frozen=True):
    """What became of one document; ``answer`` is None where nothing was recorded of it."""

    wanted: Wanted
    answer: T | None


class Asking(Protocol[T]):
    """Documents under way, of one moment."""

    def add(self, wanted: Iterable[Wanted]) -> None:
        """Ask for more documents."""
        ...

    def next(self, patience: float) -> Answered[T] | None:
        """Wait for the next answer; None when none came in so many seconds."""
        ...


class AskingInTurn(Generic[T]):
    """Documents that are answered at once, one after the other, when their turn comes."""

    def __init__(
        self, answer: Callable[[Wanted], Outcome | None], use: Callable[[Outcome], T]
    ) -> None:
        """Prepare; ``answer`` gives None for what was not recorded."""
        self._answer = answer
        self._use = use
        self._waiting: deque[Wanted] = deque()

    def add(self, wanted: Iterable[Wanted]) -> None:
        """Ask for more documents."""
        self._waiting += wanted

    def next(self, patience: float) -> Answered[T] | None:  # noqa: ARG002 - nothing is waited for
        """Give the next answer; None when there is none."""
        if not self._waiting:
            return None
        wanted = self._waiting.popleft()
        outcome = self._answer(wanted)
        answer = None if outcome is None else self._use(outcome)
        return Answered(wanted, answer)


class FetchError(Exception):
    """A document could not be had.

    ``passing``: another attempt may succeed.  ``retry_after``: seconds that the server
    asks for. ``unreachable``: the host itself does not answer, so that its other
    documents need not be tried either.  ``gone``: there is no such page.
    """

    def __init__(
        self,
        cause: str,
        remedy: str,
        *,
        passing: bool = False,
        unreachable: bool = False,
        retry_after: float | None = None,
        gone: bool = False,
    ) -> None:
        """Keep cause and remedy apart: a failure shows both."""
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy
        self.passing = passing
        self.unreachable = unreachable
        self.gone = gone
        self.retry_after = retry_after


class Login(Protocol):
    """Whoever logs in at Microsoft Graph for the kinds that need it."""

    # Where Graph is, and the only server that is told a token
    graph: str

    def token(self) -> str:
        """Give a token.  Raises FetchError where there is none."""
        ...

    def forget(self) -> None:
        """Let the next token be a new one: this one was not taken."""
        ...


class FetchSettings(Struct, frozen=True):
    """How to ask; times in seconds, sizes in bytes.

    ``contact`` is a URL or mail address told to every server.  ``secrets`` are values
    by name: ``${NAME}`` in a URL becomes the value, and a value never shows in a
    page's URL, a failure or a recording.  ``sleep`` waits between attempts (None: a
    wait that ends at once when the fetcher is closed).
    """

    contact: str = ""
    ca_bundle: Path | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    # For one attempt, redirects included
    deadline: float = 120.0
    # Of a body, decompressed
    max_bytes: int = 64 * 1024 * 1024
    redirects: int = 5
    attempts: int = 3
    first_wait: float = 1.0
    longest_wait: float = 20.0
    # Whoever asks for more patience is asked again by the next run
    retry_after_cap: float = 60.0
    per_host: int = 1
    hosts: int = 16
    # For all documents of one source, and for everything
    source: float = NEVER
    run: float = NEVER
    secrets: Mapping[str, str] = field(default_factory=dict)
    # None where [mail] names no client
    login: Login | None = None
    sleep: Callable[[float], None] | None = None

    def __repr__(self) -> str:
        """Name whom servers may write to; never a secret."""
        return f"FetchSettings(contact={self.contact!r})"


class Answer(Struct, frozen=True):
    """What became of one document.

    ``result`` is its snapshot, None where the copy is the one that the state has read,
    or a failure.
    """

    document: str
    url: str
    result: Snapshot | Failure | None
    validators: Validators = Validators()
    # Where it was parsed, or is wanted as evidence
    page: Page | None = None
    # What the index said of it
    mark: str = ""
    # Where its address leads for good
    moved: str = ""


class SourceAnswers(Struct, frozen=True):
    """A source's answers of one check.

    ``previous`` is what the state had of its documents before.
    """

    source: Source
    answers: tuple[Answer, ...]
    previous: dict[str, Document]
    # Something may be suspected at this source
    suspected: bool = True
    # Entries of this check's sources that bear the vendor's name of an update
    stated: tuple[Entry, ...] = ()


class _Packed(Struct, frozen=True):
    """An answer as it is packed: its result stands in the field of its kind."""

    document: str
    url: str
    snapshot: Snapshot | None
    failure: Failure | None
    validators: Validators
    page: Page | None
    mark: str
    moved: str


class PackedAnswers(Struct, frozen=True):
    """What a source answered at a time, for whoever judges it in another process.

    Without what the state had before: that may be otherwise by then.
    """

    source: str
    time: datetime
    packed: tuple[_Packed, ...]

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The answers as they came."""
        return tuple(
            Answer(
                each.document,
                each.url,
                each.snapshot or each.failure,
                each.validators,
                each.page,
                each.mark,
                each.moved,
            )
            for each in self.packed
        )


def pack(answers: SourceAnswers, time: datetime) -> bytes:
    """Write a source's answers of ``time`` as bytes."""
    packed = []
    for answer in answers.answers:
        result = answer.result
        packed.append(
            _Packed(
                answer.document,
                answer.url,
                result if isinstance(result, Snapshot) else None,
                result if isinstance(result, Failure) else None,
                answer.validators,
                answer.page,
                answer.mark,
                answer.moved,
            )
        )
    return msgspec.msgpack.encode(
        PackedAnswers(answers.source.name, time, tuple(packed))
    )


def unpack(content: bytes) -> PackedAnswers:
    """Read what ``pack`` wrote."""
    return msgspec.msgpack.decode(content, type=PackedAnswers)
