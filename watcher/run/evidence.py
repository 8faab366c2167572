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
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watcher.errors import WatcherError
from watcher.judgement.names import entry_names, slug, update_names
from watcher.kinds import SOURCE_KINDS
from watcher.records import (
    Document,
    Event,
    Outcome,
    Page,
    Snapshot,
    Source,
    Update,
    Validators,
)
from watcher.site.lists import file_name
from watcher.web import warc
from watcher.web.recorder import Recorder, RecordingError

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.run.gather import Answer, Answers
    from watcher.store import Store

LARGEST = 1 << 30
"""Bytes of a kept copy that are read."""

GENERATIONS = 2
"""Believed copies of a document that are kept: a source that is judged later in a check sees what another had before."""


class Shelf:
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

    def has(self, known: Document) -> bool:
        """Say whether the copy that the state knows is kept."""
        return any(self._copies(known.source, known.document, known.sha256))

    def keep(
        self,
        source: Source,
        answers: Answers,
        outcome: Outcome,
        store: Store,
        now: datetime,
    ) -> str:
        """Keep what led to the outcome's events, and the new copies.

        Give what went wrong, "" when nothing did.

        ``answers`` are those that were believed.
        """
        try:
            # It shows what is watched
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if outcome.events:
                self._keep_events(source, answers, outcome, store, now)
            for answer in answers.answers:
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
        source: Source,
        answers: Answers,
        outcome: Outcome,
        store: Store,
        now: datetime,
    ) -> None:
        updates = _updates(outcome, store)
        target = self.file(now, source.name)
        mine = (
            _documents(source.name, updates, store)
            | _about(answers, updates)
            | _lists(source, answers)
        )
        mine |= {name for event in outcome.events for name in _of_event(event, answers)}
        written = self.folder / f".{target.name}"
        with _put(written, target):
            written.write_bytes(
                b"".join(
                    path.read_bytes()
                    for path in self._earlier(outcome.events, updates, store)
                )
            )
            recorder = Recorder(written, self._secrets)
            for path in self._before(source.name, mine, updates, store):
                copy = _page(path)
                recorder.add(
                    replace(
                        copy,
                        time=min(
                            copy.time
                            if copy.time == now
                            else self._last_run or copy.time,
                            now,
                        ),
                    )
                )
            for answer in (
                answer for answer in answers.answers if answer.document in mine
            ):
                if answer.page is not None:
                    recorder.add(answer.page)
                else:
                    recorder.add_answer(answer.url, now, 304, {}, b"")
        self._prune()

    def _before(
        self,
        source: str,
        mine: Iterable[str],
        updates: tuple[Update, ...],
        store: Store,
    ) -> Iterator[Path]:
        """Give the copies that are known.

        Of the source's documents, and of what other sources have of the updates.
        """
        for name in sorted(mine):
            yield from self._copies(source, name)[-1:]
        for other in self._sources:
            if other != source and any(
                other == named for row in updates for named, _, _ in row.standings
            ):
                for name in sorted(_documents(other, updates, store) | {""}):
                    yield from self._copies(other, name)

    def _earlier(
        self, events: Iterable[Event], updates: Iterable[Update], store: Store
    ) -> Iterator[Path]:
        """Give the files of the events on which these rest.

        Open suspicions, and what is corrected.
        """
        names = [suspicion.event for row in updates for suspicion in row.suspicions] + [
            event.corrects for event in events
        ]
        for earlier in filter(
            None, (store.event(name) for name in dict.fromkeys(names) if name)
        ):
            for named in sorted({evidence.source for evidence in earlier.evidence}):
                path = self.file(earlier.time, named)
                if path.exists():
                    yield path

    def _keep_copy(self, page: Page) -> None:
        """Put a copy beside the one before; older ones go."""
        if (
            self._copies(page.source, page.document, page.sha256)[-1:]
            == self._copies(page.source, page.document)[-1:]
            != []
        ):
            return
        folder = self._current(page.source)
        folder.mkdir(parents=True, exist_ok=True)
        target = (
            folder
            / f"{_mark(page.document)}-{page.time:%Y%m%dT%H%M%SZ}-{page.sha256[:16]}.warc.gz"
        )
        written = folder / f".{target.name}"
        with _put(written, target):
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
        for place, path in enumerate(
            sorted(self.folder.glob("*.warc.gz"), reverse=True)
        ):
            size += path.stat().st_size
            if place and (place >= self._most or size > self._largest):
                path.unlink(missing_ok=True)


def kept(settings: Settings, event: Event) -> tuple[Path, ...]:
    """Give the files that hold what led to an event, as far as they are still there."""
    if settings.evidence is None:
        return ()
    folder = Shelf(settings.evidence, settings, None)
    files = (
        folder.file(event.time, source)
        for source in sorted({evidence.source for evidence in event.evidence})
    )
    return tuple(path for path in files if path.exists())


def shelf(settings: Settings, last_run: datetime | None) -> Shelf | None:
    """Give the folder of evidence that is configured, None without one.

    ``last_run`` is when the check before was.
    """
    return (
        None
        if settings.evidence is None
        else Shelf(settings.evidence, settings, last_run)
    )


def forget(settings: Settings, store: Store) -> None:
    """Delete the copies of documents that the state has forgotten.

    Where that is not allowed they stay.
    """
    if settings.evidence is None:
        return
    known: dict[str, set[str]] = {}
    for row in store.documents().values():
        known.setdefault(file_name(row.source), set()).add(_mark(row.document))
    with contextlib.suppress(OSError):
        for path in (settings.evidence / "current").glob("*/*.warc.gz"):
            if path.name.rsplit("-", 2)[0] not in known.get(path.parent.name, set()):
                path.unlink(missing_ok=True)


def _page(path: Path) -> Page:
    """Read a kept copy.  Raises RecordingError that names the file when it is broken."""
    for record, content in warc.records(path):
        content_type, etag, modified = (
            record.headers.get(name, "")
            for name in ("content-type", "etag", "last-modified")
        )
        found = warc.body(content, LARGEST) or b""
        return Page(
            "",
            "",
            record.url,
            record.date,
            record.status,
            found,
            content_type,
            Validators(etag, modified),
        )
    raise RecordingError(
        f"{path}: holds no copy. Delete it: the next check asks for it again."
    )


@contextlib.contextmanager
def _put(written: Path, target: Path) -> Iterator[None]:
    """Write beside a file, and put it in its place in one step.

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
    return f"{slug(document)[:40] or 'index'}-{hashlib.sha256(document.encode()).hexdigest()[:8]}"


def _updates(outcome: Outcome, store: Store) -> tuple[Update, ...]:
    """Give the updates of the outcome's events, as they were before and as they are to be."""
    told = {event.update.id for event in outcome.events}
    new = [row for row in outcome.updates if row.id in told]
    known = filter(None, (store.update(name) for name in sorted(told)))
    return (*known, *new)


def _lists(source: Source, answers: Answers) -> set[str]:
    """Name the lists by which a source's documents are reached."""
    if not SOURCE_KINDS[source.kind].indexed:
        return set()
    return {""} | {
        name for name, document in answers.known.items() if not document.mark
    }


def _about(answers: Answers, updates: Iterable[Update]) -> set[str]:
    """Name the documents whose new copies have an entry about one of the updates."""
    names = _names(updates)
    snapshots = [
        answer.result
        for answer in answers.answers
        if isinstance(answer.result, Snapshot)
    ]
    return {
        found.document
        for found in snapshots
        if any(names & set(entry_names(entry)) for entry in found.entries)
    }


def _names(updates: Iterable[Update]) -> set[str]:
    return {name for row in updates for name in (*row.names, *update_names(row))}


def _documents(source: str, updates: Iterable[Update], store: Store) -> set[str]:
    """Name the documents of a source that have an entry about one of the updates."""
    names = _names(updates)
    return {
        document
        for document in store.documents(source)
        if any(
            names & set(entry_names(stored.entry))
            for stored in store.entries(source, document).values()
        )
    }


def _of_event(event: Event, answers: Answers) -> set[str]:
    """Name the documents whose bodies an event quotes."""
    bodies = {evidence.sha256 for evidence in event.evidence}
    return {
        answer.document
        for answer in answers.answers
        if _sha256(answer, answers) in bodies
    }


def _sha256(answer: Answer, answers: Answers) -> str:
    if isinstance(answer.result, Snapshot):
        return answer.result.sha256
    known = answers.known.get(answer.document)
    return known.sha256 if known else ""
