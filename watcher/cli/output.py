"""Events and times as several commands print them."""

from __future__ import annotations

from collections.abc import Iterable

from watcher import report
from watcher.records import Event
from watcher.text import event_json


def write_events(events: Iterable[Event]) -> None:
    """Print events, a line each."""
    for event in events:
        suspected = (
            f" ({event.confidence.value})"
            if event.confidence.value == "suspected"
            else ""
        )
        kbs = f" ({', '.join(event.update.kbs)})" if event.update.kbs else ""
        title = (
            ""
            if event.update.title in event.summary
            else f"{event.update.title}{kbs}: "
        )
        time = short(event_json.time(event.time))
        report.write(
            report.harmless(
                f"{time}  {event.kind.value}{suspected}  {title}{event.summary}"
            )
        )


def short(time: str | None, none: str = "never") -> str:
    """Write an RFC 3339 time to the minute, ``none`` for None."""
    return f"{time[:16].replace('T', ' ')}Z" if time else none
