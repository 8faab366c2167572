"""Evidence: the bodies that led to events, kept as WARC (ISO 28500), each with what a
replay needs to tell the same.

``current/`` holds the last two believed copies of every document, so that there is a
copy before when an event comes.  An event's file has, for its update: the copies
before and the copies that changed, the lists they are reached by, what other sources
had of it, and the file of an earlier event on which this one rests (a suspicion, what
is corrected).  A copy from before bears the time of the check before, when it was last
found to be the newest: a replay begins there.

    watcher replay state/evidence/20241114T180000Z-msrc-cvrf.warc.gz --out relived

A file is written before the event is recorded: whatever was recorded has its evidence.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from watcher import private
from watcher.errors import WatcherError
from watcher.judgement.names import entry_names, slug, update_names
from watcher.kinds import SOURCE_KINDS
from watcher.records import (
    Document,
    Entry,
    Event,
    Outcome,
    Page,
    Snapshot,
    Update,
    Validators,
)
from watcher.settings import Settings
from watcher.site.lists import file_name
from watcher.store import Store
from watcher.web import Answer, SourceAnswers, recording
from watcher.web.recorder import Recorder, RecordingError

# Bytes of a kept copy that are read
LARGEST = 1 << 30
# Believed copies of a document that are kept: a source that is judged later in a check
# sees what another had before
GENERATIONS = 2


class EvidenceFolder:
    """The folder of evidence."""

    def __init__(
        self, folder: Path, settings: Settings, last_run: datetime | None
    ) -> None:
        """Keep in ``folder``.

        Secrets of the settings are taken out of addresses.  ``last_run`` is when the
        check before was.
        """
        self.folder = folder
        self._last_run = last_run
        self._secrets = {secret.name: secret.reveal() for secret in settings.secrets}
        self._most, self._largest = settings.evidence_files, settings.evidence_bytes
        self._sources = tuple(source.name for source in settings.sources)

    def has(self, document: Document) -> bool:
        """Say whether the copy that the state knows is kept.

        Whatever its name: files are found by source, document and hash.
        """
        return any(self._copies(document.source, document.document, document.sha256))

    def keep(
        self,
        answers: SourceAnswers,
        believed: Sequence[Answer],
        outcome: Outcome,
        store: Store,
        now: datetime,
    ) -> str:
        """Keep what led to the outcome's events, and the new copies.

        ``believed`` are those of the answers that were.  Gives what went wrong, "" when
        nothing did.
        """
        try:
            # It shows what is watched: nobody else may read it
            private.folder(self.folder)
            if outcome.events:
                self._keep_events(answers, believed, outcome, store, now)
            for answer in believed:
                if answer.page is not None:
                    self._keep_copy(answer.page)
        except (OSError, WatcherError) as error:
            return (
                f"{self.folder}: evidence cannot be kept ({error}). Make room "
                "there, or name another folder in [watch] evidence."
            )
        return ""

    def _keep_events(
        self,
        answers: SourceAnswers,
        believed: Sequence[Answer],
        outcome: Outcome,
        store: Store,
        now: datetime,
    ) -> None:
        """Write the file of the events: what was before, and what has come."""
        source = answers.source
        updates = _updates(outcome, store)
        documents = _documents(source.name, updates, store)
        documents |= _new_documents(believed, updates)
        documents |= _lists(answers)
        documents |= _quoted(outcome.events, answers, believed)
        earlier = self._earlier(outcome.events, updates, store)

        target = self.file(now, source.name)
        written = self.folder / f".{target.name}"
        with _replacing(written, target):
            with private.new_file(written) as file:
                file.write(b"".join(path.read_bytes() for path in earlier))
            recorder = Recorder(written, self._secrets)
            for path in self._copies_before(source.name, documents, updates, store):
                recorder.add(self._dated(_page(path), now))
            for answer in believed:
                if answer.document not in documents:
                    continue
                if answer.page is not None:
                    recorder.add(answer.page)
                else:
                    recorder.add_answer(answer.url, now, 304, {}, b"")
        self._prune()

    def _dated(self, copy: Page, now: datetime) -> Page:
        """Date a copy from before by the last check that found it to be the newest.

        A replay begins there.  A copy of this very check keeps its time.
        """
        time = copy.time if copy.time == now else self._last_run or copy.time
        return replace(copy, time=min(time, now))

    def _copies_before(
        self,
        source: str,
        documents: Iterable[str],
        updates: tuple[Update, ...],
        store: Store,
    ) -> Iterator[Path]:
        """Give the copies that are kept of the source's documents, and of what other
        sources have of the updates.
        """
        for name in sorted(documents):
            yield from self._copies(source, name)[-1:]
        speaking: set[str] = set()
        for update in updates:
            speaking.update(state.source for state in update.source_states)
        speaking.discard(source)
        for other in self._sources:
            if other in speaking:
                documents_there = _documents(other, updates, store)
                for name in sorted(documents_there | {""}):
                    yield from self._copies(other, name)

    def _earlier(
        self, events: Iterable[Event], updates: Iterable[Update], store: Store
    ) -> list[Path]:
        """Give the files of the events on which these rest.

        Open suspicions, and what is corrected.
        """
        names: list[str] = []
        for update in updates:
            names += [suspicion.event for suspicion in update.suspicions]
        names += [event.corrects for event in events]
        named = filter(None, dict.fromkeys(names))
        files: list[Path] = []
        # An event may be forgotten (``keep``): then its file need not be there either
        for earlier in filter(None, map(store.event, named)):
            files += self.files_of(earlier)
        return files

    def files_of(self, event: Event) -> list[Path]:
        """Give the files that hold what led to an event, as far as they are still there."""
        named = sorted({evidence.source for evidence in event.evidence})
        files = [self.file(event.time, source) for source in named]
        return [path for path in files if path.exists()]

    def _keep_copy(self, page: Page) -> None:
        """Put a copy beside the one before; older ones go."""
        newest = self._copies(page.source, page.document)[-1:]
        same_body = self._copies(page.source, page.document, page.sha256)[-1:]
        if newest and newest == same_body:
            return
        folder = self._current(page.source)
        for each in (folder.parent, folder):
            private.without_link(each)
            private.folder(each)
        name = f"{_mark(page.document)}-{page.time:%Y%m%dT%H%M%SZ}-{page.sha256[:16]}"
        target = folder / f"{name}.warc.gz"
        written = folder / f".{target.name}"
        with _replacing(written, target):
            Recorder(written, self._secrets).add(page)
        for old in self._copies(page.source, page.document)[:-GENERATIONS]:
            old.unlink(missing_ok=True)

    def _copies(self, source: str, document: str, sha256: str = "") -> list[Path]:
        """List the copies of a document, oldest first; of one body where its hash is given."""
        folder = self._current(source)
        return sorted(folder.glob(f"{_mark(document)}-*-{sha256[:16] or '*'}.warc.gz"))

    def _current(self, source: str) -> Path:
        """Name the folder of a source's copies.

        One that Windows takes, also of a source called "aux".
        """
        return self.folder / "current" / file_name(source)

    def file(self, time: datetime, source: str) -> Path:
        """Name the file of a source's events of one check."""
        return self.folder / f"{time:%Y%m%dT%H%M%SZ}-{slug(source)}.warc.gz"

    def _prune(self) -> None:
        """Let the oldest files go: those beyond the number or the size that are kept."""
        size = 0
        newest_first = sorted(self.folder.glob("*.warc.gz"), reverse=True)
        for number, path in enumerate(newest_first):
            size += path.stat().st_size
            # The newest stays, however large it is
            if number and (number >= self._most or size > self._largest):
                path.unlink(missing_ok=True)


def folder(settings: Settings, last_run: datetime | None) -> EvidenceFolder | None:
    """Give the folder of evidence that is configured, None without one.

    ``last_run`` is when the check before was.
    """
    if settings.evidence is None:
        return None
    return EvidenceFolder(settings.evidence, settings, last_run)


def files_of(settings: Settings, event: Event) -> list[Path]:
    """Give the files that hold what led to an event, as far as they are still there."""
    kept = folder(settings, None)
    return kept.files_of(event) if kept is not None else []


def forget(settings: Settings, store: Store) -> None:
    """Delete the copies of documents that the state has forgotten.

    Where that is not allowed they stay.
    """
    if settings.evidence is None:
        return
    stored: dict[str, set[str]] = {}
    for row in store.documents().values():
        stored.setdefault(file_name(row.source), set()).add(_mark(row.document))
    with contextlib.suppress(OSError):
        for path in (settings.evidence / "current").glob("*/*.warc.gz"):
            mark = path.name.rsplit("-", 2)[0]
            if mark not in stored.get(path.parent.name, set()):
                path.unlink(missing_ok=True)


def _page(path: Path) -> Page:
    """Read a kept copy.  Raises RecordingError that names the file when it is broken."""
    for record, content in recording.records(path):
        headers = record.headers
        etag = headers.get("etag", "")
        modified = headers.get("last-modified", "")
        # Source and document are not kept with it: a replay finds a copy by its address
        return Page(
            "",
            "",
            record.url,
            record.date,
            record.status,
            recording.body(content, LARGEST) or b"",
            headers.get("content-type", ""),
            Validators(etag, modified),
        )
    raise RecordingError(
        f"{path}: holds no copy. Delete it: the next check asks for it again."
    )


@contextlib.contextmanager
def _replacing(written: Path, target: Path) -> Iterator[None]:
    """Write beside a file, and replace it in one step.

    What killed runs left there goes.
    """
    for left in written.parent.glob(".*.warc.gz"):
        left.unlink(missing_ok=True)
    try:
        yield
        written.replace(target)
    finally:
        written.unlink(missing_ok=True)


def _mark(document: str) -> str:
    """Name a document in a file name: readable, and one of its own."""
    readable = slug(document)[:40] or "index"
    return f"{readable}-{hashlib.sha256(document.encode()).hexdigest()[:8]}"


def _updates(outcome: Outcome, store: Store) -> tuple[Update, ...]:
    """Give the updates of the outcome's events, as they were before and as they are to be."""
    ids = sorted({event.update.id for event in outcome.events})
    # An update that this check founds was not there before
    before = filter(None, map(store.update, ids))
    after = [update for update in outcome.updates if update.id in ids]
    return (*before, *after)


def _lists(answers: SourceAnswers) -> set[str]:
    """Name the lists by which a source's documents are reached."""
    if not SOURCE_KINDS[answers.source.kind].indexed:
        return set()
    lists = {name for name, row in answers.previous.items() if not row.mark}
    return lists | {""}


def _new_documents(believed: Sequence[Answer], updates: Iterable[Update]) -> set[str]:
    """Name the documents whose new copies have an entry about one of the updates."""
    names = _names(updates)
    found = set()
    for answer in believed:
        snapshot = answer.result
        if isinstance(snapshot, Snapshot) and _are_about(snapshot.entries, names):
            found.add(answer.document)
    return found


def _names(updates: Iterable[Update]) -> set[str]:
    """Give all names of the updates: those that are kept, and those of what they hold."""
    names: set[str] = set()
    for update in updates:
        names.update(update.names)
        names.update(update_names(update))
    return names


def _are_about(entries: Iterable[Entry], names: set[str]) -> bool:
    """Say whether one of the entries bears one of the names."""
    entries_names = map(entry_names, entries)
    return not all(map(names.isdisjoint, entries_names))


def _documents(source: str, updates: Iterable[Update], store: Store) -> set[str]:
    """Name the documents of a source that have an entry about one of the updates."""
    names = _names(updates)
    found = set()
    for document in store.documents(source):
        stored = store.entries(source, document).values()
        if _are_about((each.entry for each in stored), names):
            found.add(document)
    return found


def _quoted(
    events: Iterable[Event], answers: SourceAnswers, believed: Sequence[Answer]
) -> set[str]:
    """Name the documents whose bodies the events quote."""
    bodies: set[str] = set()
    for event in events:
        bodies.update(piece.sha256 for piece in event.evidence)
    found = set()
    for answer in believed:
        before = answers.previous.get(answer.document)
        # A copy that is as before has no snapshot; an event may quote it all the same,
        # when another document of the source led to it
        sha256 = before.sha256 if before else ""
        if isinstance(answer.result, Snapshot):
            sha256 = answer.result.sha256
        if sha256 in bodies:
            found.add(answer.document)
    return found
