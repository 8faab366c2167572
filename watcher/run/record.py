"""One source's check, step by step.

    checks  = check_documents(answers)       believe each copy, or doubt it; compare it
    outcome = interpret_changes(checks)      what the changes mean
    write_check(checks, outcome)             ONE transaction

A copy that is doubted changes nothing but its validators.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import absence, believe, compare, first_reading, interpret
from watcher.judgement.believe import PATIENCE, Verdict
from watcher.judgement.normalize import fingerprint
from watcher.kinds import SOURCE_KINDS, Follows
from watcher.records import (
    Change,
    ChangeKind,
    Document,
    Entry,
    Failure,
    Follow,
    Outcome,
    Snapshot,
    Times,
    Update,
    Validators,
    Watch,
)
from watcher.store import EntryChanges, Store, StoredEntry
from watcher.web import Answer, SourceAnswers


class DocumentCheck(Struct, frozen=True):
    """What one answer comes to.

    ``document`` and ``entries`` are what is to be stored, None where nothing is new.
    Of the changes ``news`` may be told, and ``taken_as_known`` only sets the ledger
    right.
    """

    answer: Answer
    failure: Failure | None = None
    document: Document | None = None
    entries: EntryChanges | None = None
    news: tuple[Change, ...] = ()
    taken_as_known: tuple[Change, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes of watched entries."""
        return self.news + self.taken_as_known


def check_documents(
    answers: SourceAnswers, store: Store, watch: Watch, now: datetime
) -> tuple[DocumentCheck, ...]:
    """Believe or doubt each copy, and find what is different in it.

    In the order of the answers; a failure, and "not modified", are checks too.
    """
    listed = _listed_at_first(answers)
    checks = []
    for answer in answers.answers:
        before = answers.previous.get(answer.document)
        if isinstance(answer.result, Failure):
            is_month = SOURCE_KINDS[answers.source.kind].follows is Follows.MONTHS
            is_listed = is_month and bool(answer.document)
            check = _failed(answer, answer.result, before, now, is_listed=is_listed)
        elif answer.result is None:
            check = DocumentCheck(answer, document=_confirmed(answer, before))
        else:
            check = _check_copy(
                answer.result, answer, answers.previous, store, watch, now, listed
            )
        checks.append(check)
    return tuple(checks)


def _listed_at_first(answers: SourceAnswers) -> dict[str, Follow]:
    """What a list leads to when it is read for the first time.

    It existed, so its first reading is no news.
    """
    listed: dict[str, Follow] = {}
    for answer in answers.answers:
        before = answers.previous.get(answer.document)
        if before is not None and before.accepted is not None:
            continue
        if isinstance(answer.result, Snapshot):
            for follow in answer.result.follow:
                listed[follow.document] = follow
    return listed


def _failed(
    answer: Answer,
    failure: Failure,
    before: Document | None,
    now: datetime,
    *,
    is_listed: bool,
) -> DocumentCheck:
    """Doubt a suspect copy from now on.

    Its document loses its validators, or a bad copy would be pinned by its own ETag.
    """
    if not failure.suspect:
        # What a list leads to is asked again, though that list stays as it is: a month of
        # MSRC's that was down at first was read only when the index changed
        unread = None
        if before is None and is_listed and not failure.late:
            unread = Document(failure.source, failure.document, failure.url)
        return DocumentCheck(answer, failure, unread)
    if before is None:
        before = Document(failure.source, failure.document, failure.url)
    doubted = believe.doubted(replace(before, validators=Validators()), now)
    return DocumentCheck(answer, failure, doubted)


def _confirmed(answer: Answer, before: Document | None) -> Document | None:
    """The copy is the one that was read; only what index and server say of it may be newer."""
    if before is None:
        return None
    newer = replace(
        before,
        mark=answer.mark or before.mark,
        suspect_since=None,
        suspect_at=None,
        suspect_for=0.0,
    )
    # "304 Not Modified" need not repeat the validators (RFC 9110, 15.4.5): then those
    # of the copy hold
    if answer.validators != Validators():
        newer = replace(newer, validators=answer.validators)
    return newer if newer != before else None


def _check_copy(
    snapshot: Snapshot,
    answer: Answer,
    previous: Mapping[str, Document],
    store: Store,
    watch: Watch,
    now: datetime,
    listed: Mapping[str, Follow],
) -> DocumentCheck:
    """Believe or doubt one copy, and sort what is different in it."""
    source, name = snapshot.source, snapshot.document
    before = previous.get(name)
    stored = store.entries(before.source, before.document) if before else {}

    verdict = believe.judge(snapshot, before, now)
    accepted = before.accepted if before else None
    changes = compare.changes(stored, snapshot, accepted) if verdict.believed else ()
    verdict = believe.judge_age(verdict, snapshot, changes, before, now)
    verdict = believe.judge_table(verdict, snapshot, changes, before, now)
    if not verdict.believed:
        doubt = _doubt(snapshot, verdict, now)
        return _failed(answer, doubt, before, now, is_listed=False)

    other_watch = _was_read_for_another_watch(before, watch)
    # What appears only because a product is watched from now on did not happen today
    read = compare.rewatched(changes, watch) if other_watch else changes
    remembered = store.remembered(source, name) if read else frozenset()
    read = compare.recall(read, remembered)
    news, taken_as_known = [], []
    first = name in listed
    if not first:
        first = first_reading.is_first_reading(snapshot.document, previous, now)
    for change in read:
        quiet = first_reading.is_quiet(
            change, now, only_for_its_age=verdict.late, other_watch=other_watch
        )
        if not quiet and not first:
            news.append(change)
        elif not quiet or change.kind is ChangeKind.APPEARED:
            taken_as_known.append(change)

    document = _document(snapshot, answer, before, watch, now)
    forgotten = compare.not_expected_back(stored, snapshot, now)
    # What a late copy lost, or one read for another watch, is never a pull
    lost = verdict.late or other_watch
    entries = _entry_changes(changes, snapshot, now, forgotten, lost=lost)
    return DocumentCheck(
        answer,
        document=document if document != before else None,
        entries=entries,
        news=tuple(news),
        taken_as_known=tuple(taken_as_known),
    )


def _was_read_for_another_watch(before: Document | None, watch: Watch) -> bool:
    """Say whether the stored copy was read for other products than are watched now."""
    if before is None or before.accepted is None:
        return False
    return before.watch != watch.mark


def _doubt(snapshot: Snapshot, verdict: Verdict, now: datetime) -> Failure:
    hours = PATIENCE.total_seconds() / 3600
    return Failure(
        snapshot.source,
        snapshot.document,
        snapshot.url,
        now,
        verdict.doubt,
        "Nothing was changed. A copy that is still so after "
        f"{hours:.0f} hours is accepted.",
        suspect=True,
    )


def _document(
    snapshot: Snapshot,
    answer: Answer,
    before: Document | None,
    watch: Watch,
    now: datetime,
) -> Document:
    """Say what is known of a document from now on."""
    before = before or Document(snapshot.source, snapshot.document, answer.url)
    # A copy that is read again (for another watch, or after a doubt) is as old as it was
    accepted = None
    if before.sha256 == snapshot.sha256:
        accepted = before.accepted
    return Document(
        source=snapshot.source,
        document=snapshot.document,
        url=answer.url,
        validators=answer.validators,
        sha256=snapshot.sha256,
        identity=snapshot.identity,
        total=snapshot.total,
        revisions=snapshot.revisions,
        watch=watch.mark,
        mark=answer.mark or before.mark,
        accepted=accepted or now,
        known=before.known,
        newest=snapshot.newest,
        bodies=believe.bodies_before(before, snapshot),
    )


def _entry_changes(
    changes: Iterable[Change],
    snapshot: Snapshot,
    now: datetime,
    forgotten: Iterable[str],
    *,
    lost: bool,
) -> EntryChanges | None:
    """Say what changes in the stored entries, None when nothing does."""
    upserts, missing, returned, removed = [], [], [], list(forgotten)
    for change in changes:
        before, after = change.before, change.after
        if after is not None:
            upserts.append(StoredEntry(after, fingerprint(after)))
            if before is not None and before.key != after.key:
                removed.append(before.key)
            if change.kind is ChangeKind.RETURNED:
                returned.append(after.key)
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
        compare.leaving(changes),
    )


def interpret_changes(
    answers: SourceAnswers,
    checks: Iterable[DocumentCheck],
    store: Store,
    now: datetime,
) -> Outcome:
    """Say what the changes mean.

    Only the updates that the changes name are loaded: a ledger holds thousands.
    """
    source = answers.source
    suspected = store.suspicions(source.name) if answers.suspected else ()
    news: list[Change] = []
    taken_as_known: list[Change] = []
    for check in checks:
        news += check.news
        taken_as_known += check.taken_as_known
    outcome = Outcome()
    if news or taken_as_known:
        # Only the updates that the changes name are loaded: a ledger holds thousands
        names = interpret.names([*news, *taken_as_known], answers.stated)
        updates = _distinct((*store.updates_for(names), *suspected))
        outcome = interpret.events(
            news,
            taken_as_known,
            updates,
            now,
            source.kind,
            source.language,
            stated=answers.stated,
            offers_others=_offers_others(answers, checks, news, store),
        )
    # A suspicion may have been changed by what this check itself says
    changed = {update.id: update for update in outcome.updates}
    latest = [changed.get(update.id, update) for update in suspected]
    # A failure says nothing of what is away
    healthy = [check.answer.document for check in checks if check.failure is None]
    late = absence.tell_what_waited(latest, source.name, healthy, now)
    updates = _distinct((*outcome.updates, *late.updates))
    return replace(
        outcome,
        events=(*outcome.events, *late.events),
        updates=tuple(sorted(updates, key=lambda update: update.id)),
    )


def _offers_others(
    answers: SourceAnswers,
    checks: Iterable[DocumentCheck],
    news: Iterable[Change],
    store: Store,
) -> bool:
    """Whether a source of pages still offers anything, where any page of it is gone."""
    if not any(_is_gone(change.after) for change in news):
        return True
    for check in checks:
        if check.failure is not None:
            continue
        snapshot = check.answer.result
        if isinstance(snapshot, Snapshot):
            entries = snapshot.entries
        else:
            stored = store.entries(answers.source.name, check.answer.document)
            entries = tuple(each.entry for each in stored.values())
        if any(entry.available for entry in entries):
            return True
    return False


def _is_gone(page: Entry | None) -> bool:
    """Whether a page says that its download is gone."""
    return page is not None and page.available is False


def _distinct(updates: Iterable[Update]) -> tuple[Update, ...]:
    """Give each update once, as it came last."""
    return tuple({update.id: update for update in updates}.values())


def says_nothing_new(answers: SourceAnswers, checks: Iterable[DocumentCheck]) -> bool:
    """Say whether a check changes nothing but check times, whatever else is judged now."""
    # What is suspected may be told when its time has come, though nothing has changed
    if answers.suspected:
        return False
    checks = tuple(checks)
    if any(check.entries or check.changes for check in checks):
        return False
    return not documents_to_store(answers, checks)


def check_times(
    answers: SourceAnswers,
    checks: Iterable[DocumentCheck],
    store: Store,
    now: datetime,
) -> list[Times]:
    """The check times of each document; a failed one keeps its last success and counts.

    Only of the source's own address it is noted where it leads for good: pages that it
    links may move as they like.
    """
    source = answers.source.name
    times = []
    for check in checks:
        answer, failure = check.answer, check.failure
        # It was not tried: the next check goes on with it
        if failure is not None and failure.late:
            continue
        if failure is None:
            moved = "" if answer.document else answer.moved
            times.append(Times(source, answer.document, now, now, moved=moved))
            continue
        before = store.times(source, failure.document)
        times.append(
            replace(
                before,
                tried=now,
                failures=before.failures + 1,
                failure=str(failure),
                cause=failure.cause,
                remedy=failure.remedy,
                suspect=failure.suspect,
                rests_until=now + failure.rest if failure.rest else None,
            )
        )
    return times


def documents_to_store(
    answers: SourceAnswers, checks: Iterable[DocumentCheck]
) -> list[Document]:
    """The documents that are new or otherwise than before.

    Those that a list led to at its first reading are noted, also when they were not
    read themselves: they existed then, and what they say later of that time is no news.
    """
    listed = _listed_at_first(answers)
    documents = []
    for check in checks:
        document = check.document
        if document is not None:
            # Also one whose first copy could not be read: its next one made news of a
            # month that was over when the watcher was set up
            if document.document in listed:
                document = replace(document, known=True)
            documents.append(document)
    written = {document.document for document in documents} | set(answers.previous)
    source = answers.source.name
    for name in sorted(listed.keys() - written):
        row = listed[name]
        unread = Document(source, row.document, row.url, mark=row.mark, known=True)
        documents.append(unread)
    return documents
