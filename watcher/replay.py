"""Relives recordings.

The code of a check, with the recording as the web and its dates as the clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from watcher import private
from watcher.config import Settings
from watcher.errors import ConfigurationError
from watcher.plural import counted
from watcher.records import Event
from watcher.run.check import Report, check
from watcher.run.publish import publish_site
from watcher.settings import NOBODY_NAMED
from watcher.store import Store
from watcher.text import event_json
from watcher.web.recording import Recording


def replay(
    settings: Settings,
    recordings: list[Path],
    out: Path,
    every: timedelta | None,
    start: datetime | None,
    until: datetime | None,
    say: Callable[[str], None] = lambda _text: None,
) -> Report:
    """Relive recordings into ``out``; one that exists is continued after its last check.

    Writes ``events.jsonl``, ``mail/*.eml``, ``site/`` and ``state.db`` there.  The
    report holds every event of these checks; failures that the recording shows are
    what happened then, not failures of the replay.
    """
    settings = _relived(settings, out)
    events: list[Event] = []
    failures = 0
    # Before anything is written: what cannot be read leaves nothing behind
    web = Recording(recordings)
    warnings = _unmatched(settings, web)
    out.mkdir(parents=True, exist_ok=True)
    with web, Store.open(settings.state) as store:
        last = now = store.last_check()
        for now in checks(web.dates(), every, start, until):
            if last is not None and now <= last:
                continue
            report = check(
                settings, store, web, now, force=True, publish=False, say=say
            )
            events += report.events
            failures += sum(len(source.failures) for source in report.sources)
            say(
                f"{now:%Y-%m-%d %H:%M} {counted(len(events), 'event')}, "
                f"{counted(failures, 'failure')} of sources"
            )
        _write_events(out / "events.jsonl", store.events())
        if (seen := store.last_check()) is not None:
            publish_site(settings, store, seen, once=True)
    return Report(
        now or datetime.min.replace(tzinfo=UTC), (), tuple(events), warnings=warnings
    )


def _unmatched(settings: Settings, web: Recording) -> tuple[str, ...]:
    """Say that no source's address was recorded: then nothing is told, whatever happened."""
    wanted = [source.url for source in settings.enabled_sources if source.url]
    if any(web.holds(url) for url in wanted):
        return ()
    recorded = web.addresses()
    text = (
        f"None of the addresses of {counted(len(wanted), 'source')} was recorded, so "
        "nothing can be told. Recorded are "
        f"{counted(len(recorded), 'address', 'addresses')}, {', '.join(recorded[:3])} "
        "among them. Name a source for one of them, or another recording."
    )
    return (text,)


def checks(
    dates: tuple[datetime, ...],
    every: timedelta | None,
    start: datetime | None,
    until: datetime | None,
) -> Iterator[datetime]:
    """The times of the checks.

    Each distinct date, or one every so often from the first to the last.
    """
    if every is None:
        times: Iterator[datetime] = iter(dates)
    else:
        times = _steps(dates, every)
    yield from (
        time
        for time in times
        if (start is None or time >= start) and (until is None or time <= until)
    )


def _steps(dates: tuple[datetime, ...], every: timedelta) -> Iterator[datetime]:
    time = dates[0] if dates else None
    while time is not None and time <= dates[-1]:
        yield time
        time += every


def _relived(settings: Settings, out: Path) -> Settings:
    """The settings of a replay.

    One subscriber at once, messages as files, everything under ``out``.
    """
    first = settings.subscribers[0]
    subscriber = replace(
        first,
        organisation="",
        watched=("*",),
        when="at-once",
        to=first.to[:1] or NOBODY_NAMED.to,
        channels=(),
        fallback=(),
    )
    mail = replace(
        settings.mail,
        smtp="",
        user=None,
        password=None,
        oauth=None,
        replies=None,
        outbox=out / "mail",
    )
    alone = replace(
        settings,
        subscribers=(subscriber,),
        organisations=(),
        channels=(),
        operator=None,
        heartbeat=None,
        evidence=None,
        mail=mail,
    )
    return replace(alone, state=f"sqlite:///{out / 'state.db'}", site=out / "site")


def _write_events(path: Path, events: tuple[Event, ...]) -> None:
    lines = "".join(f"{event_json.line(event)}\n" for event in events)
    with private.new_file(path, 0o666) as file:
        file.write(lines.encode())


def differences(out: Path, against: Path) -> Iterator[str]:
    """What one replay tells otherwise than another.

    A line for each event that only one of them has.

    ``+`` is told by ``out`` only, ``-`` by ``against`` only, ``~`` by both in other
    words.  Raises ConfigurationError when ``against`` is no replay's folder.
    """
    mine, other = read_events(out), read_events(against)
    for event_id in sorted(
        mine.keys() | other.keys(), key=lambda i: ((mine.get(i) or other[i])["time"], i)
    ):
        event = mine.get(event_id) or other[event_id]
        line = f"{event['time']} {event['kind']} {event['update']['id']}: {event['summary']}"
        if event_id not in other:
            yield f"+ {line}"
        elif event_id not in mine:
            yield f"- {line}"
        elif mine[event_id]["summary"] != other[event_id]["summary"]:
            yield f"~ {line} (before: {other[event_id]['summary']})"


def read_events(folder: Path) -> dict[str, dict[str, Any]]:
    """Read a replay's events by id.  Raises ConfigurationError when the folder holds none."""
    path = folder / "events.jsonl"
    try:
        return {
            event["id"]: event
            for event in map(
                json.loads, path.read_text(encoding="utf-8").split("\n")[:-1]
            )
        }
    except OSError as error:
        msg = (
            f"{path}: cannot be read ({error.strerror or error}). Name the folder "
            "that an earlier replay wrote with --out."
        )
        raise ConfigurationError(msg) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path}: holds no events ({error}). Name the folder that an "
            "earlier replay wrote with --out."
        ) from error
