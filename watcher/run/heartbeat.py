"""Asks an address when a run begins, went well or failed, so that somebody notices when
there are no runs any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec import Struct, field

from watcher.config import Settings
from watcher.records import Failure, Source
from watcher.web import FetchSettings, Outcome, Wanted
from watcher.web.fetch import Fetcher

NAME = "heartbeat"
# Seconds for a connection and for an answer: a run does not wait for its heartbeat
PATIENCE = 5.0


class Beat(Struct):
    """How the run goes.

    ``failed`` is set when it ends with a failure, and is true until somebody knows
    better.
    """

    failed: bool = field(default=True)


@contextmanager
def beating(settings: Settings, warn: Callable[[str], None]) -> Iterator[Beat]:
    """Ask before and after what is done inside.

    What goes wrong with that is a warning, and no failure of the run.
    """
    beat = Beat()
    if settings.heartbeat is None:
        yield beat
        return
    ask(settings.heartbeat.start, settings, warn)
    try:
        yield beat
    finally:
        ask(
            settings.heartbeat.failure if beat.failed else settings.heartbeat.url,
            settings,
            warn,
        )


def ask(url: str, settings: Settings, warn: Callable[[str], None]) -> None:
    """Ask ``url`` once and once more, "" not at all.

    ``warn`` is told when there was no answer, without the secrets in it.
    """
    if not url:
        return
    secrets = {secret.name: secret.reveal() for secret in settings.secrets}
    asked = FetchSettings(
        contact=settings.contact,
        ca_bundle=settings.ca_bundle,
        connect_timeout=PATIENCE,
        read_timeout=PATIENCE,
        deadline=2 * PATIENCE,
        max_bytes=1024 * 1024,
        attempts=2,
        longest_wait=1.0,
        retry_after_cap=0.0,
        secrets=secrets,
    )

    def use(outcome: Outcome) -> None:
        if isinstance(outcome, Failure):
            warn(str(outcome))

    with Fetcher(asked) as web:
        web.get_all([Wanted(Source(NAME, NAME, url), "", url)], datetime.now(UTC), use)
