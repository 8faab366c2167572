"""Figures of a run for Prometheus' textfile collector (prometheus_client writes them, and
swaps the file in whole).
"""

from __future__ import annotations

from datetime import datetime
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def write(file: Path, standing: dict[str, Any], now: datetime) -> None:
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
    well.set(int(standing["ok"]))
    _sources(standing["sources"], registry)
    deliveries = Gauge(
        "watcher_deliveries",
        "Messages to recipients, by what became of them",
        ["state"],
        registry=registry,
    )
    for state, count in standing["deliveries"].items():
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
