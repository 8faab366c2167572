"""What tests of fetching share.

A moment, impatient settings that never sleep, one document fetched.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from watcher.records import Failure, NotModified, Page, Source, Validators
from watcher.web import FetchSettings, Outcome, Wanted
from watcher.web.fetch import Fetcher
from watcher.web.recorder import Recorder

NOW = datetime(2024, 11, 12, 18, tzinfo=UTC)


class Clock:
    """A ``sleep`` that writes down how long it was asked for."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def impatient(clock: Clock | None = None, **changes: object) -> FetchSettings:
    """Settings for loopback: short timeouts, no sleeping."""
    settings = FetchSettings(
        connect_timeout=2,
        read_timeout=0.3,
        deadline=1.2,
        sleep=clock or Clock(),
        contact="watcher@example.org",
    )
    return replace(settings, **changes)


def wanted(
    url: str,
    validators: Validators | None = None,
    *,
    kind: str = "feed",
    home: str = "",
    document: str = "",
) -> Wanted:
    """One document; ``home`` is the source's own URL when the document is one that it leads to."""
    return Wanted(
        Source("blog", kind, home or url), document, url, validators or Validators()
    )


def outcome(
    document: Wanted | str,
    settings: FetchSettings | None = None,
    recorder: Recorder | None = None,
) -> Outcome:
    """Fetch one document."""
    one = wanted(document) if isinstance(document, str) else document
    with Fetcher(settings or impatient(), recorder) as fetcher:
        return fetcher.get_all([one], NOW, lambda found: found)[0][1]


def page(document: Wanted | str, settings: FetchSettings | None = None) -> Page:
    found = outcome(document, settings)
    assert isinstance(found, Page), found
    return found


def failed(document: Wanted | str, settings: FetchSettings | None = None) -> Failure:
    found = outcome(document, settings)
    assert isinstance(found, Failure), found
    return found


def unchanged(
    document: Wanted | str, settings: FetchSettings | None = None
) -> NotModified:
    found = outcome(document, settings)
    assert isinstance(found, NotModified), found
    return found
