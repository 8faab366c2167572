"""Events and times as several commands print them."""

from __future__ import annotations

from collections.abc import Iterable

from watcher import report
from watcher.records import Confidence, Event
from watcher.text import event_json


def write_events(events: Iterable[Event]) -> None:
    """Print events, a line each."""
    for event in events:
        suspected = ""
        if event.confidence is Confidence.SUSPECTED:
            suspected = f" ({event.confidence.value})"
        kbs = f" ({', '.join(event.update.kbs)})" if event.update.kbs else ""
        title = f"{event.update.title}{kbs}: "
        # Most summaries name their update
        if event.update.title in event.summary:
            title = ""
        time = short(event_json.time(event.time))
        what = f"{event.kind.value}{suspected}  {title}{event.summary}"
        # A vendor's title may hold what moves a terminal's cursor
        report.write(report.harmless(f"{time}  {what}"))


def short(time: str | None, none: str = "never") -> str:
    """Write an RFC 3339 time to the minute, ``none`` for None."""
    return f"{time[:16].replace('T', ' ')}Z" if time else none
