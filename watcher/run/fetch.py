"""Asks the due sources, follows what their indexes lead to, and parses each answer in the
worker that fetched it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Protocol, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from watcher import sources
from watcher.errors import ParseError
from watcher.judgement import believe, guesses, schedule
from watcher.kinds import SOURCE_KINDS
from watcher.plural import counted
from watcher.records import (
    Document,
    Entry,
    Failure,
    Follow,
    NotModified,
    Page,
    Snapshot,
    Source,
    Validators,
    Watch,
)
from watcher.run.evidence import EvidenceFolder
from watcher.store import Store
from watcher.web import NEVER, Answer, Answered, Asking, Outcome, SourceAnswers, Wanted

# So many sources are asked and judged together: their answers are in memory at a time.
# The first check of a thousand feeds once held all of them.
TOGETHER = 64
# Provider metadata, its feed, its documents
DEPTH = 3
# Pages of one list
PAGES = 50

T = TypeVar("T")


class Web(Protocol):
    """The live web or a recorded one."""

    def get_all(
        self, wanted: Iterable[Wanted], now: datetime, use: Callable[[Outcome], T]
    ) -> list[tuple[Wanted, T]]:
        """Ask for documents, and give what ``use`` makes of each.

        ``use`` is what becomes of an outcome, a page or a failure.
        """
        ...

    def asking(self, now: datetime, use: Callable[[Outcome], T]) -> Asking[T]:
        """Give what documents can be added to, and what gives their answers as they come."""
        ...


class Requests(Struct, frozen=True):
    """What all requests of a check have in common.

    ``evidence`` is where copies are kept, None when none are.
    """

    web: Web
    watch: Watch
    now: datetime
    say: Callable[[str], None]
    evidence: EvidenceFolder | None
    parse: sources.Parse = sources.parse
    # Seconds for which a source that has answered waits for one that is judged before it
    patience: float = 60.0
    # What comes later anyway, in small steps that are taken while answers are waited for
    meanwhile: Iterator[object] = iter(())

    def lacks(self, document: Document | None) -> bool:
        """Say whether the copy that the state has read should be kept, and is not."""
        if self.evidence is None:
            return False
        # A document that a list only named was never read
        if document is None or document.accepted is None:
            return False
        return not self.evidence.has(document)


class Progress(Struct):
    """How far a source has come: what it was asked, and what it answered."""

    source: Source
    previous: dict[str, Document]
    suspected: bool
    # What is asked now, and what has answered of it
    level: list[Wanted]
    found: dict[str, Answer | None] = field(default_factory=dict)
    # Of the levels before, in the order in which they were asked
    answers: list[Answer] = field(default_factory=list)
    depth: int = 0
    # What is asked first has answered
    opened: bool = False
    asked: set[str] = field(default_factory=set)
    listed: dict[str, Follow] = field(default_factory=dict)
    complete: bool = False

    def take(self, answered: Answered[Answer]) -> bool:
        """Take an answer; say whether all of this level have come.

        Documents of one level are asked together; what they lead to is the next.
        """
        self.found[answered.wanted.document] = answered.answer
        return len(self.found) == len(self.level)

    def gather(self) -> None:
        """Put what this level answered behind the answers of those before.

        An index's mark of a document (its date of revision) is kept with what was read,
        so that the next check asks only for those whose mark has changed.
        """
        for wanted in self.level:
            answer = self.found.get(wanted.document)
            self.asked.add(wanted.document)
            if answer is None:
                continue
            row = self.listed.get(wanted.document)
            if row is not None and row.instead and _is_gone(answer):
                other = _list_instead(row)
                self.listed[other.document] = other
                continue
            if row is not None and row.optional and _is_gone(answer):
                continue
            self.answers.append(replace(answer, mark=row.mark) if row else answer)
        self.level, self.found = [], {}


def fetch_sources(
    due: Iterable[Source], store: Store, requests: Requests
) -> Iterator[SourceAnswers]:
    """Ask all due sources, and give their answers source by source, in the order of judging.

    A source that answers slowly is not waited for longer than the others' patience: it
    is judged when it has answered.  A source that a recording says nothing of is left
    out.  What is followed for watched updates is asked last, when the ledger has this
    check's updates.  A copy that should be kept and is not is asked for again, whole.
    """
    chosen = list(due)
    founding = [s.name for s in chosen if SOURCE_KINDS[s.kind].founds]
    documents = store.documents_of(founding)
    read = {name for name in founding if documents[name]}
    for stage in schedule.judging_stages(chosen, read):
        yield from _Stage(stage, store, requests).answers()


class _Stage:
    """Sources that are asked together, so many at a time, and judged one after the other."""

    def __init__(self, sources: list[Source], store: Store, requests: Requests) -> None:
        self._waiting = deque(sources)
        self._store = store
        self._requests = requests
        # In the order of judging
        self._begun: dict[str, Progress] = {}
        self._asking = requests.web.asking(requests.now, self._use)
        # What bears the vendor's name of an update, in the first documents of all
        self._stated: dict[str, list[Entry]] = {}
        # time.monotonic() when whoever has answered is judged before who has not
        self._patience_ends = NEVER

    def answers(self) -> Iterator[SourceAnswers]:
        """Give the answers source by source.

        In the order in which sources are judged, whichever answered first; one that keeps the
        others waiting for long is passed over, and comes when it is there.
        """
        while self._waiting or self._begun:
            if self._waiting and len(self._begun) <= TOGETHER // 2:
                self._begin()
            judged = self._next_to_judge()
            if judged is None:
                self._take_next()
                continue
            # What has been judged need not be kept
            if judged is next(iter(self._begun.values())):
                self._patience_ends = NEVER
            del self._begun[judged.source.name]
            if judged.answers:
                name, found = judged.source.name, judged.answers
                self._requests.say(f"{name}: {_how_it_went(found)}")
                yield SourceAnswers(
                    judged.source,
                    tuple(found),
                    judged.previous,
                    judged.suspected,
                    tuple(chain(*self._stated.values())),
                )

    def _begin(self) -> None:
        """Ask as many sources for their first documents as may be in memory at a time."""
        requests, group = self._requests, list[Source]()
        while self._waiting and len(self._begun) + len(group) < TOGETHER:
            group.append(self._waiting.popleft())
        previous = self._store.documents_of([source.name for source in group])
        suspected = self._store.suspected_sources()
        wanted: list[Wanted] = []
        for source in group:
            name = source.name
            first = _first_documents(source, previous[name], self._store, requests)
            progress = Progress(source, previous[name], name in suspected, first)
            progress.complete = progress.opened = not first
            self._begun[name] = progress
            self._stated[name] = []
            wanted += first
        if wanted:
            documents = counted(len(wanted), "document")
            requests.say(f"asking {documents} of {counted(len(group), 'source')}")
        self._asking.add(wanted)

    def _next_to_judge(self) -> Progress | None:
        """Give the first source in the order of judging, when all its answers are there
        and the first ones of all others, which may state what it only guesses; any
        other one when that keeps it waiting for long.
        """
        is_patient = time.monotonic() < self._patience_ends
        if is_patient and not all(each.opened for each in self._begun.values()):
            return None
        for progress in self._begun.values():
            if progress.complete:
                return progress
            if is_patient:
                return None
        return None

    def _take_next(self) -> None:
        """Wait for an answer, and ask for what it leads to."""
        patience = NEVER
        if any(progress.complete for progress in self._begun.values()):
            now = time.monotonic()
            self._patience_ends = min(
                self._patience_ends, now + self._requests.patience
            )
            patience = max(0.0, self._patience_ends - now)
        answered = self._answer(patience)
        if answered is None:
            return
        progress = self._begun[answered.wanted.source.name]
        if progress.take(answered):
            progress.gather()
            if not progress.opened:
                progress.opened = True
                self._stated[progress.source.name] += stated_in(
                    progress.answers, progress.previous
                )
            progress.level = self._followed(progress)
            progress.complete = not progress.level
            self._asking.add(progress.level)

    def _answer(self, patience: float) -> Answered[Answer] | None:
        """Wait for an answer, and take steps of what comes later until there is one."""
        answered = self._asking.next(0)
        while answered is None and next(self._requests.meanwhile, None) is not None:
            answered = self._asking.next(0)
        return answered or self._asking.next(patience)

    def _followed(self, progress: Progress) -> list[Wanted]:
        """Give the documents that a source's answers lead to, to the depth that an index
        may have.
        """
        source, previous, requests = progress.source, progress.previous, self._requests
        kind = SOURCE_KINDS[source.kind]
        is_over = progress.depth == (PAGES if kind.leads_on else DEPTH)
        if not kind.indexed or not progress.answers or is_over:
            return []
        progress.depth += 1
        for answer in progress.answers:
            for follow in _leads_to(answer, previous):
                progress.listed[follow.document] = follow
        failed = self._store.failed_documents(source.name)
        rows = progress.listed.values()
        chosen = schedule.followed(source.kind, rows, previous, requests.now, failed)
        unasked = [each for each in chosen if each.document not in progress.asked]
        # Also of those that the index dropped, and that are asked all the same
        progress.listed |= {each.document: each for each in unasked}
        if unasked:
            requests.say(f"{source.name}: {counted(len(unasked), 'document')} to read")
        return [_wanted(source, each, previous, requests) for each in unasked]

    def _use(self, outcome: Outcome) -> Answer:
        """Make an answer of what came, in the thread that fetched it."""
        if isinstance(outcome, Page):
            progress = self._begun[outcome.source]
            document = progress.previous.get(outcome.document)
            return _read(outcome, progress.source.kind, document, self._requests)
        if isinstance(outcome, NotModified):
            return Answer(outcome.document, outcome.url, None, moved=outcome.moved)
        return Answer(outcome.document, outcome.url, outcome)


def stated_in(
    answers: Iterable[Answer], previous: dict[str, Document]
) -> tuple[Entry, ...]:
    """Give the entries of credible copies that bear the vendor's name of an update.

    What they name is known to the records of the same check, though those are judged
    first.
    """
    found: list[Entry] = []
    for answer in answers:
        snapshot, before = answer.result, previous.get(answer.document)
        if isinstance(snapshot, Snapshot) and not believe.doubt(snapshot, before):
            found += guesses.stating(snapshot.entries)
    return tuple(found)


def _first_documents(
    source: Source, previous: dict[str, Document], store: Store, requests: Requests
) -> list[Wanted]:
    """Give what is asked first of a source: its address, or the pages of young updates."""
    if not SOURCE_KINDS[source.kind].follows_updates:
        return [_wanted(source, Follow("", source.url), previous, requests)]
    young = store.young_updates(requests.now - schedule.YOUNG)
    pages = schedule.pages_of(young, source.kind)
    if len(pages) > schedule.AT_ONCE:
        tried = {page: store.times(source.name, page.document).tried for page in pages}
        pages = schedule.longest_waiting(tried)
    return [_wanted(source, page, previous, requests) for page in pages]


def _wanted(
    source: Source, page: Follow, previous: dict[str, Document], requests: Requests
) -> Wanted:
    """Ask conditionally, unless other products are watched than when the copy was read,
    or the copy is wanted as evidence.
    """
    whole = Wanted(source, page.document, page.url, Validators())
    document = previous.get(page.document)
    if document is None or requests.lacks(document):
        return whole
    # A page that is "not modified" would not say where the next one is
    if SOURCE_KINDS[source.kind].leads_on:
        return whole
    # Of a product that is watched from now on the stored copy says nothing: "304 Not
    # Modified" would keep its updates away until the page changes
    if document.watch != requests.watch.mark:
        return whole
    return replace(whole, validators=document.validators)


def _read(
    page: Page, kind: str, document: Document | None, requests: Requests
) -> Answer:
    """Parse a page, unless it is the very copy that was read last."""
    answer = Answer(page.document, page.url, None, page.validators, moved=page.moved)
    # An index is read all the same: what it leads to may not have been
    row = SOURCE_KINDS[kind]
    is_index = row.leads_on or (row.indexed and page.document == "")
    was_read = _is_last_read(page, document, requests.watch)
    if was_read and not is_index:
        return replace(answer, page=page if requests.lacks(document) else None)
    try:
        # What was read before is known to be harmless: no process is started for an
        # index that is as it was
        parse = sources.parse if was_read else requests.parse
        snapshot = parse(kind, page, requests.watch)
    except ParseError as error:
        failure = _unreadable(page, error)
        return Answer(page.document, page.url, failure)
    kept = page if requests.evidence is not None else None
    return replace(answer, result=snapshot, page=kept)


def _is_last_read(page: Page, document: Document | None, watch: Watch) -> bool:
    """Say whether a page is, byte for byte, the copy that was read last for this watch."""
    if document is None or document.sha256 != page.sha256:
        return False
    # A copy that was doubted since was not the last word: this one is judged anew
    return document.watch == watch.mark and document.suspect_since is None


def _unreadable(page: Page, error: ParseError) -> Failure:
    """Name the failure of a page that is not of its kind, and where it leads for good."""
    remedy = error.remedy
    if page.moved:
        hint = f"The address leads for good to {page.moved}: see what is there."
        remedy = f"{hint} {remedy}".rstrip()
    return Failure(
        page.source,
        page.document,
        page.url,
        page.time,
        error.cause,
        remedy,
        suspect=True,
    )


def _is_gone(answer: Answer) -> bool:
    return isinstance(answer.result, Failure) and answer.result.gone


def _list_instead(row: Follow) -> Follow:
    """Give what stands in the place of a list that is not there: index.txt."""
    folder = row.document.rpartition("/")[0]
    name = f"{folder}/{row.instead.rpartition('/')[2]}".removeprefix("/")
    return Follow(name, row.instead)


def _leads_to(answer: Answer, previous: dict[str, Document]) -> tuple[Follow, ...]:
    """What a credible index leads to; nothing new where the copy is in doubt."""
    snapshot = answer.result
    if not isinstance(snapshot, Snapshot):
        return ()
    before = previous.get(answer.document)
    if believe.doubt(snapshot, before):
        return ()
    return snapshot.follow


def _how_it_went(answers: list[Answer]) -> str:
    """Say how many documents were asked for, and what of them failed."""
    failed = sum(isinstance(answer.result, Failure) for answer in answers)
    if failed == len(answers):
        return "failed"
    some = f", {failed} of them failed" if failed else ""
    return counted(len(answers), "document") + some
