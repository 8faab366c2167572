"""One check, top to bottom.

A source that fails stops no other; what it said before stays as it was.

    due = schedule.due(sources, times, now)
    for source, answers in gather.answers(due):  fetched in parallel, parsed in the same worker; failures are values
        verdict = credible.judge(...)            a copy that is not credible changes nothing but its validators
        changes = compare.changes(...)
        outcome = interpret.events(...)
        store.record(...)                        one transaction; from here a killed run loses nothing
    compose.seal(...)                            messages are fixed before any is sent
    send.due(...)                                per recipient
    publish_site(...)                            feeds and page, when anything that they show has changed
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct, field

from watcher.counted import counted
from watcher.errors import WatcherError
from watcher.judgement import schedule
from watcher.records import Event, Failure, Outcome, Source, Times
from watcher.run import compose, gather, servers, told
from watcher.run import send as sending
from watcher.run.publish import Basis, Touched, basis, publish_site

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.run.evidence import Shelf
    from watcher.run.gather import Web
    from watcher.store import Store


class SourceReport(Struct, frozen=True):
    """How one source's check went; ``new`` and ``changed`` count watched entries."""

    name: str
    documents: int
    new: int
    changed: int
    failures: tuple[Failure, ...]
    outcome: Outcome = field(default_factory=Outcome)
    # Its evidence could not be kept
    trouble: str = ""


class Report(Struct, frozen=True):
    """How a check went.  ``failed``: a source or a delivery did, and the next run tries again."""

    time: datetime
    sources: tuple[SourceReport, ...] = ()
    events: tuple[Event, ...] = ()
    sent: int = 0
    # Deliveries that failed, each named with its cause; a site or evidence that cannot
    # be written
    troubles: tuple[str, ...] = ()
    # What is wrong with the inventory, and what mail waits for a later try
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a source or a delivery failed."""
        return bool(self.troubles) or any(source.failures for source in self.sources)


def check(  # noqa: PLR0913 - what a check depends on
    settings: Settings,
    store: Store,
    web: Web,
    now: datetime,
    *,
    only: Collection[str] | None = None,
    force: bool = False,
    dry_run: bool = False,
    publish: bool = True,
    send: bool = True,
    say: Callable[[str], None] = lambda _text: None,
) -> Report:
    """Make one check of every due source and tell what it establishes.

    ``only`` names the sources to ask; ``dry_run`` expects a rehearsing store, and
    delivers and publishes nothing; ``force`` asks sources and tries waiting messages
    before their time; without ``send`` the messages are made and kept; without
    ``publish`` the site is left to whoever checks several times in a row.
    """
    before = basis(settings, store) if publish and not dry_run else None
    last_run, told_until = store.last_check(), told.until(store)
    chosen = [
        source for source in settings.sources if only is None or source.name in only
    ]
    due = schedule.due(
        sorted(chosen, key=gather.rank),
        _times(store),
        now,
        force=force or only is not None,
    )
    kept = None if dry_run else _shelf(settings, last_run)
    asking = gather.Round(
        web,
        settings.watch,
        now,
        say,
        kept,
        partial(_prepare, settings, first=last_run is None),
    )
    reports = _asked(due, settings, store, asking, told_until)
    events = store.unsealed_events()
    compose.seal(events, settings, store, told_until, now)
    sent = (
        sending.Sent()
        if dry_run or not send
        else sending.due(settings, store, now, say, force=force)
    )
    troubles = sent.troubles
    if publish and not dry_run:
        troubles += _published(settings, store, now, before, reports, say)
    troubles += tuple(
        dict.fromkeys(report.trouble for report in reports if report.trouble)
    )
    warnings = (*servers.complaints(settings), *filter(None, (sent.patience,)))
    return Report(now, tuple(reports), events, sent.accepted, troubles, warnings)


def _asked(
    due: Iterable[Source],
    settings: Settings,
    store: Store,
    asking: gather.Round,
    told_until: datetime | None,
) -> list[SourceReport]:
    """Ask the due sources, and record what each answers as soon as it has."""
    reports, quiet = [], list[Times]()
    for source, answers in gather.answers(due, store, asking):
        # A check with nothing due loads no judgement
        from watcher.run import record

        reports.append(
            record.source(
                source,
                answers,
                store,
                settings,
                asking.now,
                quiet,
                asking.kept,
                notes=told.noted(told_until),
            )
        )
    if quiet:
        store.touch(quiet)
    return reports


def _prepare(settings: Settings, *, first: bool) -> None:
    """Load what follows the answers, while they are awaited.

    The ``first`` check of all has something to tell and to show.
    """
    from watcher.text import templates
    from watcher.text.words import words_of

    for name in (
        "run.record",
        "run.compose",
        "run.send",
        *(("mail.context", "mail.message", "run.publish") if first else ()),
    ):
        importlib.import_module(f"watcher.{name}")
    words_of(settings.templates)
    if first:
        templates.of(settings.templates)


def _shelf(settings: Settings, last_run: datetime | None) -> Shelf | None:
    """Where evidence is kept, None when it is not."""
    if settings.evidence is None:
        return None
    from watcher.run import evidence

    return evidence.shelf(settings, last_run)


def _published(
    settings: Settings,
    store: Store,
    now: datetime,
    before: Basis | None,
    reports: list[SourceReport],
    say: Callable[[str], None],
) -> tuple[str, ...]:
    """Publish what the check changed.

    A site that cannot be written is told, and takes nothing from what was recorded and
    sent.
    """
    try:
        changed = publish_site(
            settings,
            store,
            now,
            before,
            Touched.by(report.outcome for report in reports),
        )
    except WatcherError as error:
        return (str(error),)
    say(f"site: {counted(changed, 'file')} changed")
    return ()


def _times(store: Store) -> dict[str, Times]:
    """One row a source: its index's times, with the failures of all its documents."""
    found: dict[str, Times] = {}
    for times in store.all_times():
        old = found.get(times.source)
        if old is None:
            found[times.source] = times
            continue
        latest = max(
            (t for t in (old.succeeded, times.succeeded) if t is not None), default=None
        )
        found[times.source] = Times(
            times.source, "", old.tried, latest, max(old.failures, times.failures)
        )
    return found
