"""What tells others that the watcher runs: a heartbeat when a run begins, went well or failed, so
that somebody notices when there are no runs any more; figures of a run for Prometheus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from watcher.config import Settings
from watcher.records import Failure, Source
from watcher.web import FetchSettings, Outcome, Wanted
from watcher.web.fetch import Fetcher

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

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


def write(file: Path, status: dict[str, Any], now: datetime) -> None:
    """Write ``standing``, the object of ``watcher status --json``.

    Raises OSError when the file cannot be written.
    """
    # Few write figures, and loading it takes a tenth of a run with nothing due
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()
    run = Gauge(
        "watcher_last_run_timestamp_seconds",
        "When the last run ended",
        registry=registry,
    )
    run.set(now.timestamp())
    well = Gauge(
        "watcher_well",
        "1 when no source and no delivery has failed, else 0",
        registry=registry,
    )
    well.set(int(status["ok"]))
    _sources(status["sources"], registry)
    deliveries = Gauge(
        "watcher_deliveries",
        "Messages to recipients, by what became of them",
        ["state"],
        registry=registry,
    )
    for state, count in status["deliveries"].items():
        deliveries.labels(state).set(count)
    # By a run that was killed while it wrote
    for left in file.parent.glob(f"{escape(file.name)}.[0-9]*.[0-9]*"):
        left.unlink(missing_ok=True)
    write_to_textfile(str(file), registry)
    # The collector runs as somebody else
    file.chmod(0o644)


def _sources(sources: list[dict[str, Any]], registry: CollectorRegistry) -> None:
    from prometheus_client import Gauge

    success = Gauge(
        "watcher_source_last_success_timestamp_seconds",
        "When a source was last read",
        ["source"],
        registry=registry,
    )
    failures = Gauge(
        "watcher_source_failures",
        "Failures of a source in a row",
        ["source"],
        registry=registry,
    )
    entries = Gauge(
        "watcher_source_entries",
        "Entries that are known of a source",
        ["source"],
        registry=registry,
    )
    for source in sources:
        if source["last_success"]:
            success.labels(source["name"]).set(
                datetime.fromisoformat(source["last_success"]).timestamp()
            )
        failures.labels(source["name"]).set(source["failures"])
        entries.labels(source["name"]).set(source["entries"])
