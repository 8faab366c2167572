"""What the live web and a recorded one share.

What is wanted, how politely it is asked for, what comes back.

Both ``fetch.Fetcher`` and ``recording.Recording`` offer ``get_all(wanted, now, use)``.
Importing this package opens nothing and loads no HTTP library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

from watcher.records import Failure, NotModified, Page, Source, Validators

Outcome = Page | NotModified | Failure

GONE = frozenset({404, 410})
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


class FetchError(Exception):
    """A document could not be had.

    ``passing``: another attempt may succeed.  ``retry_after``: seconds that the server
    asks for. ``unreachable``: the host itself does not answer, so that its other
    documents need not be tried either.
    """

    def __init__(
        self,
        cause: str,
        remedy: str,
        *,
        passing: bool = False,
        unreachable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """Keep cause and remedy apart: a failure shows both."""
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy
        self.passing = passing
        self.unreachable = unreachable
        self.retry_after = retry_after


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
    secrets: Mapping[str, str] = field(default_factory=dict)
    sleep: Callable[[float], None] | None = None

    def __repr__(self) -> str:
        """Name whom servers may write to; never a secret."""
        return f"FetchSettings(contact={self.contact!r})"
