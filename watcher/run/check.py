"""One check from top to bottom.

A source that fails stops no other; what it said before stays as it was.

    due      = schedule.due(sources, times, now)
    for answers in fetch_sources(due):               asked in parallel, and parsed there
        checks   = check_documents(answers)          believe each copy, and compare it
        outcome  = interpret_changes(checks)         match, and decide
        evidence.keep(answers, outcome)
        store.record(checks, outcome)                ONE transaction
    compose.seal(events)                             fixed before anything is sent
    send_due(deliveries)                             each receipt is kept as it comes
    publish_site(what changed)

What a killed run has recorded, the next one tells.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from time import monotonic, sleep

from msgspec import Struct, field
from msgspec.structs import replace

from watcher import sources
from watcher.errors import WatcherError
from watcher.judgement import schedule
from watcher.judgement.source_health import sees_nothing
from watcher.plural import counted
from watcher.records import (
    ChangeKind,
    Event,
    Failure,
    Outcome,
    Source,
    Times,
    Watch,
)
from watcher.run import compose, evidence, replies, servers, unseen
from watcher.run.fetch import Requests, Web, fetch_sources
from watcher.run.publish import Basis, Touched, basis, publish_site
from watcher.run.record import (
    DocumentCheck,
    check_documents,
    check_times,
    documents_to_store,
    interpret_changes,
)
from watcher.run.send import Sent, Shares, send_due
from watcher.settings import Settings
from watcher.site import feeds
from watcher.store import Store
from watcher.text import complaints, templates
from watcher.web import SourceAnswers

# Seconds until what is asked has gone out: Python runs one thread at a time
GOING_OUT = 0.02


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
    # None of what is watched can be seen
    blind: bool = False

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
    parse: sources.Parse = sources.parse,
) -> Report:
    """Make one check of every due source and tell what it establishes.

    ``only`` names the sources to ask; ``dry_run`` expects a rehearsing store, and
    delivers and publishes nothing; ``force`` asks sources and tries waiting messages
    before their time; without ``send`` the messages are made and kept; without
    ``publish`` the site is left to whoever checks several times in a row.  ``parse``
    reads the documents, of the live web in a process of its own.
    """
    begun = monotonic()
    publishes, sends = publish and not dry_run, send and not dry_run
    site_before = basis(settings, store, now) if publishes else None
    last_run, sealed_until = store.last_check(), compose.sealed_until(store)
    folder = None if dry_run else evidence.folder(settings, last_run)

    chosen = [s for s in settings.sources if only is None or s.name in only]
    times = schedule.source_times(store.all_times())
    due = schedule.due(chosen, times, now, force=force or only is not None)
    patience = settings.limits.source.total_seconds() / 10
    requests = Requests(web, settings.watch, now, say, folder, parse, patience)
    if last_run is None:
        requests = replace(requests, meanwhile=_get_ready(settings))
    note = compose.unsealed_note(settings, sealed_until, now)
    reports = _check_sources(due, store, requests, note)
    if last_run is not None and last_run > now:
        store.touch(schedule.set_back(store.all_times(), now))

    # Before the page is made, which must not say that nothing is pulled where nothing
    # can be seen
    blind = unseen.look(settings, store)
    warnings = [] if dry_run else list(replies.take_in(settings, store))
    events = store.unsealed_events()
    compose.seal(events, settings, store, sealed_until, now)
    sent = Sent()
    if sends:
        spent = timedelta(seconds=monotonic() - begun)
        shares = Shares.of(settings.limits.run, spent)
        sent = send_due(settings, store, now, say, force=force, shares=shares)
    troubles = list(sent.troubles)
    if publishes:
        troubles += _publish(settings, store, now, site_before, reports, say)
    # A full disk troubles every source alike: it is said once
    for trouble in dict.fromkeys(report.trouble for report in reports):
        if trouble and trouble not in troubles:
            troubles.append(trouble)
    warnings += servers.complaints(settings)
    warnings += complaints.unseen(blind)
    if sent.patience:
        warnings.append(sent.patience)
    return Report(
        now,
        tuple(reports),
        events,
        sent.accepted,
        tuple(troubles),
        tuple(warnings),
        sees_nothing(settings.watch, blind),
    )


def _get_ready(settings: Settings) -> Iterator[str]:
    """Load what a first check shows, in steps of some milliseconds.

    It takes 0.1 s, as long as a server takes to answer.
    """
    sleep(GOING_OUT)
    yield from templates.compile_first(settings.templates)
    feeds.load_calendar()
    yield "calendar"


def _check_sources(
    due: Collection[Source], store: Store, requests: Requests, notes: dict[str, str]
) -> list[SourceReport]:
    """Ask the due sources, and record what each answers as soon as it has.

    ``notes`` go with whatever is written.
    """
    reports: list[SourceReport] = []
    # Of sources of which nothing else is to be written: one transaction for all
    unchanged: list[Times] = []
    for answers in fetch_sources(due, store, requests):
        judged = judge_source(
            answers, store, requests.watch, requests.now, requests.evidence, notes
        )
        unchanged += judged.unchanged
        reports.append(judged.report)
    if unchanged:
        store.touch(unchanged, notes)
    return reports


class Judged(Struct, frozen=True):
    """How a source's check went, and the check times where nothing else was written."""

    report: SourceReport
    unchanged: tuple[Times, ...] = ()


def judge_source(
    answers: SourceAnswers,
    store: Store,
    watch: Watch,
    now: datetime,
    folder: evidence.EvidenceFolder | None,
    notes: dict[str, str],
) -> Judged:
    """Believe, compare and interpret what a source answered, and record what is new.

    Evidence is kept in ``folder``; ``notes`` go with what is recorded.
    """
    source = answers.source
    checks = check_documents(answers, store, watch, now)
    outcome = interpret_changes(answers, checks, store, now)
    documents = documents_to_store(answers, checks)
    entries = [check.entries for check in checks if check.entries]
    times = check_times(answers, checks, store, now)
    # Before the event is recorded: whatever is recorded has its evidence
    trouble = ""
    if folder is not None:
        believed = [each.answer for each in checks if each.failure is None]
        trouble = folder.keep(answers, believed, outcome, store, now)
    report = _report(answers, checks, outcome, trouble)
    if not (documents or entries or outcome != Outcome()):
        return Judged(report, tuple(times))
    store.record(
        source.name,
        documents=documents,
        entries=entries,
        outcome=outcome,
        times=times,
        notes=notes,
    )
    return Judged(report)


def _report(
    answers: SourceAnswers,
    checks: Collection[DocumentCheck],
    outcome: Outcome,
    trouble: str,
) -> SourceReport:
    kinds = [change.kind for check in checks for change in check.changes]
    new = kinds.count(ChangeKind.APPEARED)
    failures = tuple(check.failure for check in checks if check.failure is not None)
    return SourceReport(
        answers.source.name,
        len(checks),
        new,
        len(kinds) - new,
        failures,
        outcome,
        trouble,
    )


def _publish(
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
    touched = Touched.by(report.outcome for report in reports)
    try:
        changed = publish_site(settings, store, now, before, touched)
    except WatcherError as error:
        return (str(error),)
    say(f"site: {counted(changed, 'file')} changed")
    return ()
