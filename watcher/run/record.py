"""One source's check.

Believe or doubt each copy, compare, interpret, and write it all in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from watcher.judgement import believe, schedule
from watcher.records import (
    Change,
    ChangeKind,
    Coverage,
    Document,
    Failure,
    Follow,
    Outcome,
    Snapshot,
    Source,
    Times,
    Update,
    Validators,
)
from watcher.run.gather import Answer, Answers
from watcher.store import EntryChanges, Store, StoredEntry

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.run import SourceReport
    from watcher.run.evidence import Shelf

# After this an entry that left a feed is not expected there again
_COMES_BACK = timedelta(days=90)


class Check(Struct):
    """What one source's check has come to so far."""

    source: Source
    documents: list[Document] = field(default_factory=list)
    entries: list[EntryChanges] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    # Changes that are taken as known
    known: set[tuple[str, str, ChangeKind]] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    # Documents that answered well, and where their addresses lead for good
    healthy: dict[str, str] = field(default_factory=dict)
    # Documents that existed when their list was first read
    noted: dict[str, Follow] = field(default_factory=dict)


def source(  # noqa: PLR0913 - what a source's check depends on
    source: Source,
    answers: Answers,
    store: Store,
    settings: Settings,
    now: datetime,
    quiet: list[Times],
    kept: Shelf | None = None,
    *,
    notes: Mapping[str, str] | None = None,
) -> SourceReport:
    """Judge and record one source's answers.

    ``notes`` go with events, the times of one without changes are left in ``quiet``.
    """
    from watcher.run import SourceReport

    check = Check(source, noted=_noted(answers))
    _judge(answers, store, settings, now, check)
    _note(source, answers, check)
    suspected = store.suspicions(source.name) if answers.suspected else ()
    outcome = (
        _interpreted(source, check, store, suspected, now)
        if check.changes or suspected
        else Outcome()
    )
    _doubted(answers, check, now)
    times = _times(source, check, store, now)
    trouble = (
        kept.keep(source, _believed(answers, check), outcome, store, now)
        if kept
        else ""
    )
    if check.documents or check.entries or outcome != Outcome():
        store.record(
            source.name,
            documents=check.documents,
            entries=check.entries,
            outcome=outcome,
            times=times,
            notes=notes if outcome.events else None,
        )
    else:
        quiet += times
    kinds = [change.kind for change in check.changes]
    new = kinds.count(ChangeKind.APPEARED)
    return SourceReport(
        source.name,
        len(answers.answers),
        new,
        len(kinds) - new,
        tuple(check.failures),
        outcome,
        trouble,
    )


def _judge(
    answers: Answers, store: Store, settings: Settings, now: datetime, check: Check
) -> None:
    """Sort the answers: failures, copies, and what is the same as before."""
    for answer in answers.answers:
        if isinstance(answer.result, Failure):
            check.failures.append(answer.result)
            continue
        check.healthy[answer.document] = answer.moved
        if isinstance(answer.result, Snapshot):
            _snapshot(answer.result, answer, answers, store, settings, now, check)
        else:
            _unchanged(answer, answers.known.get(answer.document), check)


def _believed(answers: Answers, check: Check) -> Answers:
    """Give the answers that were believed."""
    return replace(
        answers,
        answers=tuple(
            answer for answer in answers.answers if answer.document in check.healthy
        ),
    )


def _doubted(answers: Answers, check: Check, now: datetime) -> None:
    """A suspect copy's document loses its validators, or a bad copy would be pinned by
    its own ETag, and is doubted from now on.
    """
    for failure in check.failures:
        if failure.suspect:
            known = answers.known.get(
                failure.document,
                Document(failure.source, failure.document, failure.url),
            )
            check.documents.append(
                replace(
                    known,
                    validators=Validators(),
                    suspect_since=known.suspect_since or now,
                )
            )


def _unchanged(answer: Answer, known: Document | None, check: Check) -> None:
    """The copy is the known one; only what the index or the server says of it may be newer."""
    if known is None:
        return
    validators = (
        answer.validators
        if answer.validators != type(answer.validators)()
        else known.validators
    )
    newer = replace(
        known, mark=answer.mark or known.mark, validators=validators, suspect_since=None
    )
    if newer != known:
        check.documents.append(newer)


def _snapshot(
    snapshot: Snapshot,
    answer: Answer,
    answers: Answers,
    store: Store,
    settings: Settings,
    now: datetime,
    check: Check,
) -> None:
    """Believe or doubt one copy, and note what is different in it."""
    # A check in which nothing changed loads none of it
    from watcher.judgement import compare

    known = answers.known.get(snapshot.document)
    stored = store.entries(known.source, known.document) if known else {}
    verdict = believe.judge(snapshot, known, now)
    changes = compare.changes(stored, snapshot) if verdict.believed else ()
    if (
        verdict.believed
        and known is not None
        and known.accepted is not None
        and believe.is_table(snapshot)
    ):
        layout = believe.judge_layout(changes, known, now)
        verdict = layout if not layout.believed or layout.late else verdict
    if not verdict.believed:
        del check.healthy[snapshot.document]
        remedy = (
            "Nothing was changed. A copy that is still so after "
            f"{believe.PATIENCE.total_seconds() / 3600:.0f} hours is accepted."
        )
        check.failures.append(
            Failure(
                snapshot.source,
                snapshot.document,
                snapshot.url,
                now,
                verdict.doubt,
                remedy,
                suspect=True,
            )
        )
        return
    widened = (
        known is not None
        and known.accepted is not None
        and known.watch != settings.watch.mark
    )
    read = compare.rewatched(changes, settings.watch) if widened else changes
    quiet = {change for change in read if _quiet(change, verdict.late, widened, now)}
    check.changes += [
        change
        for change in read
        if change not in quiet or change.kind is ChangeKind.APPEARED
    ]
    first = snapshot.document in check.noted or _first(snapshot.document, answers, now)
    check.known |= {_mark(change) for change in (read if first else quiet)}
    entries = _entry_changes(
        changes,
        snapshot,
        now,
        _forgotten(stored, snapshot, now),
        lost=verdict.late or widened,
    )
    if entries is not None:
        check.entries.append(entries)
    document = _read(
        snapshot,
        answer,
        known,
        settings,
        now,
        known_from_list=snapshot.document in check.noted,
    )
    if document != known:
        check.documents.append(document)


def _read(
    snapshot: Snapshot,
    answer: Answer,
    known: Document | None,
    settings: Settings,
    now: datetime,
    *,
    known_from_list: bool,
) -> Document:
    """Say what is known of a document from now on."""
    return Document(
        source=snapshot.source,
        document=snapshot.document,
        url=answer.url,
        validators=answer.validators,
        sha256=snapshot.sha256,
        identity=snapshot.identity,
        total=snapshot.total,
        revisions=snapshot.revisions,
        watch=settings.watch.mark,
        mark=answer.mark or (known.mark if known else ""),
        accepted=(known.accepted if known and known.sha256 == snapshot.sha256 else None)
        or now,
        known=known_from_list or (known.known if known else False),
        newest=snapshot.newest,
    )


def _mark(change: Change) -> tuple[str, str, ChangeKind]:
    return change.document, change.entry.key, change.kind


def _quiet(change: Change, late: bool, widened: bool, now: datetime) -> bool:  # noqa: FBT001 - a verdict's parts
    """What is taken as known.

    Of a copy believed only for its age all but fresh rows; of newly watched products
    all that appears.
    """
    if widened and change.kind in (ChangeKind.APPEARED, ChangeKind.MISSING):
        return True
    fresh = change.kind is ChangeKind.APPEARED and not believe.back_filled(
        change.entry.published, now
    )
    return late and not fresh


def _first(document: str, answers: Answers, now: datetime) -> bool:
    """Whether a document's entries are taken as known.

    At the source's first check, what was listed then, and old months.
    """
    known = answers.known.get(document)
    if known is not None and known.accepted is not None:
        return False
    index = answers.known.get("")
    if document and index is not None and index.accepted is not None:
        return (known is not None and known.known) or _old_month(document, now)
    return True


def _old_month(document: str, now: datetime) -> bool:
    return schedule.month_end(document) is not None and not schedule.young(
        document, now
    )


def _forgotten(
    stored: Mapping[str, StoredEntry], snapshot: Snapshot, now: datetime
) -> list[str]:
    """Entries that left a window without a date to say why, so long ago that they will
    not come back.
    """
    if snapshot.coverage is Coverage.COMPLETE:
        return []
    shown = {entry.key for entry in snapshot.entries}
    return [
        key
        for key, old in stored.items()
        if key not in shown
        and old.missing_since
        and now - old.missing_since > _COMES_BACK
    ]


def _entry_changes(
    changes: Iterable[Change],
    snapshot: Snapshot,
    now: datetime,
    removed: list[str],
    *,
    lost: bool,
) -> EntryChanges | None:
    from watcher.judgement import normalize

    upserts, missing, returned = [], [], []
    for change in changes:
        if change.after is not None:
            upserts.append(
                StoredEntry(change.after, normalize.fingerprint(change.after))
            )
            if change.before is not None and change.before.key != change.after.key:
                removed.append(change.before.key)
            if change.kind is ChangeKind.RETURNED:
                returned.append(change.after.key)
        elif change.kind is ChangeKind.AGED_OUT:
            removed.append(change.entry.key)
        else:
            missing.append(change.entry.key)
    if not (upserts or missing or removed):
        return None
    return EntryChanges(
        snapshot.document,
        tuple(upserts),
        tuple(missing),
        now,
        lost,
        tuple(returned),
        tuple(removed),
    )


def _noted(answers: Answers) -> dict[str, Follow]:
    """What a list leads to when it is read for the first time.

    It existed, so its first reading is no news.
    """
    noted: dict[str, Follow] = {}
    for answer in answers.answers:
        known = answers.known.get(answer.document)
        if isinstance(answer.result, Snapshot) and (
            known is None or known.accepted is None
        ):
            noted.update({row.document: row for row in answer.result.follow})
    return noted


def _note(source: Source, answers: Answers, check: Check) -> None:
    """Note the documents that a list led to at its first reading and that were not read
    themselves.
    """
    written = {document.document for document in check.documents} | set(answers.known)
    check.documents += [
        Document(source.name, row.document, row.url, mark=row.mark, known=True)
        for name, row in sorted(check.noted.items())
        if name not in written
    ]


def _interpreted(
    source: Source,
    check: Check,
    store: Store,
    suspected: tuple[Update, ...],
    now: datetime,
) -> Outcome:
    """What the changes mean; and what a healthy check confirms of earlier suspicions."""
    from watcher.judgement import absence, interpret

    outcome = Outcome()
    if check.changes:
        rows = {
            row.id: row
            for row in (*store.updates_for(interpret.names(check.changes)), *suspected)
        }
        known = check.known
        outcome = interpret.events(
            check.changes,
            rows.values(),
            now,
            lambda change: _mark(change) in known,
            source.kind,
        )
    changed = {row.id: row for row in outcome.updates}
    confirmed = absence.confirm(
        [changed.get(row.id, row) for row in suspected],
        source.name,
        tuple(check.healthy),
        now,
    )
    rows = {**changed, **{row.id: row for row in confirmed.updates}}
    return replace(
        outcome,
        events=(*outcome.events, *confirmed.events),
        updates=tuple(rows[i] for i in sorted(rows)),
    )


def _times(source: Source, check: Check, store: Store, now: datetime) -> list[Times]:
    """The check times of each document; a failed one keeps its last success and counts.

    Only of the source's own address it is noted where it leads for good: pages that it
    links may move as they like.
    """
    rows = [
        Times(source.name, name, now, now, moved="" if name else moved)
        for name, moved in check.healthy.items()
    ]
    for failure in check.failures:
        old = store.times(source.name, failure.document)
        failed = replace(
            old, tried=now, failures=old.failures + 1, failure=str(failure)
        )
        rows.append(
            replace(
                failed,
                cause=failure.cause,
                remedy=failure.remedy,
                suspect=failure.suspect,
            )
        )
    return rows
