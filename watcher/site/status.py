"""``status.json``.

How each source fares, and until when the page may be believed.  The one file that
every run writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from watcher.records import Source, State, Times
from watcher.text.event_json import time
from watcher.text.plain import line, link

SCHEMA = 1
SHORTEST = timedelta(hours=6)
"""A schedule may be late, or a run be dropped, without the page calling itself stale."""


class Health(Struct, frozen=True):
    """A source and how it fares.

    ``times`` of all its documents, ``changed`` when a copy last differed.
    """

    source: Source
    times: tuple[Times, ...]
    changed: datetime | None


def valid_until(
    sources: Iterable[Source], now: datetime, stale_after: timedelta | None = None
) -> datetime:
    """Say until when the page may be believed.

    Three times the shortest interval, six hours at least, or as configured.
    """
    shortest = min(
        (source.every for source in sources if source.enabled), default=timedelta()
    )
    return now + (stale_after or max(SHORTEST, 3 * shortest))


def status(
    healths: Sequence[Health],
    now: datetime,
    until: datetime,
    standing: Iterable[tuple[str, State, str]],
    titles: dict[str, str],
    unseen: Sequence[str] = (),
) -> bytes:
    """Write the file; ``standing`` are the updates that are pulled or doubted: id, state, title.

    ``unseen`` are the watched patterns that see nothing: of what they mean nothing is
    known to be well.

    What a failure says stays in the log and in ``watcher status``: it may name
    machines that are nobody's business.
    """
    rows = [_source(health, titles) for health in healths]
    pulled = [
        {"id": line(i, 200), "title": line(title, 200), "state": state.value}
        for i, state, title in standing
    ]
    shown = {
        "schema": SCHEMA,
        "checked": time(now),
        "valid_until": time(until),
        "well": not unseen and all(row["failures"] == 0 for row in rows),
        "unseen": [line(pattern, 200) for pattern in unseen],
        "pulled": pulled,
        "sources": rows,
    }
    return (json.dumps(shown, indent=1) + "\n").encode()


def _source(health: Health, titles: dict[str, str]) -> dict[str, object]:
    source = health.source
    succeeded = max((t.succeeded for t in health.times if t.succeeded), default=None)
    return {
        "name": line(source.name, 80),
        "title": line(titles.get(source.name, source.name), 100),
        "kind": source.kind,
        "url": link(source.url),
        "every_minutes": round(source.every.total_seconds() / 60),
        "documents": len(health.times),
        "succeeded": time(succeeded) if succeeded else None,
        "changed": time(health.changed) if health.changed else None,
        "failures": max((t.failures for t in health.times), default=0),
    }
