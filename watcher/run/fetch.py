"""Asks the due sources, follows what their indexes lead to, and parses each answer in the
worker that fetched it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from watcher import sources
from watcher.counted import counted
from watcher.errors import ParseError
from watcher.judgement import believe, guesses, schedule
from watcher.kinds import SOURCE_KINDS
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
from watcher.run.answer import Answer, SourceAnswers
from watcher.run.evidence import EvidenceFolder
from watcher.store import Store
from watcher.web import Outcome, Wanted

# So many sources are asked and judged together: their answers are in memory at a time.
# The first check of a thousand feeds once held all of them.
TOGETHER = 64
# Provider metadata, its feed, its documents
DEPTH = 3

T = TypeVar("T")


class Web(Protocol):
    """The live web or a recorded one."""

    def get_all(
        self, wanted: Iterable[Wanted], now: datetime, use: Callable[[Outcome], T]
    ) -> list[tuple[Wanted, T]]:
        """Ask for documents, and give what ``use`` makes of each."""
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

    def lacks(self, document: Document | None) -> bool:
        """Say whether the copy that the state has read should be kept, and is not."""
        if self.evidence is None:
            return False
        # A document that a list only named was never read
        if document is None or document.accepted is None:
            return False
        return not self.evidence.has(document)


def fetch_sources(
    due: Iterable[Source], store: Store, requests: Requests
) -> Iterator[SourceAnswers]:
    """Ask all due sources, and give their answers source by source, in the order of judging.

    A source that a recording says nothing of is left out.  What is followed for
    watched updates is asked last, when the ledger has this check's updates.  A copy
    that should be kept and is not is asked for again, whole.
    """
    for group in _groups(due, store):
        previous = store.documents_of([source.name for source in group])
        suspected = store.suspected_sources()
        wanted: list[Wanted] = []
        for source in group:
            wanted += _first_documents(source, previous[source.name], store, requests)
        if wanted:
            requests.say(
                f"asking {counted(len(wanted), 'document')} of {counted(len(group), 'source')}"
            )
        answers = _ask(wanted, previous, requests)
        stated = _stated(answers, previous)
        for source in group:
            # What has been judged need not be kept
            mine = answers.pop(source.name, [])
            mine = _with_followed(source, mine, previous[source.name], requests)
            if not mine:
                continue
            requests.say(f"{source.name}: {_how_it_went(mine)}")
            yield SourceAnswers(
                source,
                tuple(mine),
                previous[source.name],
                source.name in suspected,
                stated,
            )


def _stated(
    answers: dict[str, list[Answer]], previous: dict[str, dict[str, Document]]
) -> tuple[Entry, ...]:
    """Give the entries of all sources that bear the vendor's name of an update."""
    found: list[Entry] = []
    for source, mine in answers.items():
        found += stated_in(mine, previous[source])
    return tuple(found)


def stated_in(
    answers: Iterable[Answer], previous: dict[str, Document]
) -> tuple[Entry, ...]:
    """Give the entries of credible copies that bear the vendor's name of an update."""
    found: list[Entry] = []
    for answer in answers:
        snapshot, before = answer.result, previous.get(answer.document)
        if isinstance(snapshot, Snapshot) and not believe.doubt(snapshot, before):
            found += guesses.stating(snapshot.entries)
    return tuple(found)


def _groups(due: Iterable[Source], store: Store) -> Iterator[list[Source]]:
    """Divide the sources into groups that are asked together, in the order of judging."""
    chosen = list(due)
    founding = [s.name for s in chosen if SOURCE_KINDS[s.kind].founds]
    documents = store.documents_of(founding)
    read = {name for name in founding if documents[name]}
    stages = schedule.judging_stages(chosen, read)
    for stage in stages:
        for start in range(0, len(stage), TOGETHER):
            yield stage[start : start + TOGETHER]


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
    # Of a product that is watched from now on the stored copy says nothing: "304 Not
    # Modified" would keep its updates away until the page changes
    if document.watch != requests.watch.mark:
        return whole
    return replace(whole, validators=document.validators)


def _ask(
    wanted: list[Wanted], previous: dict[str, dict[str, Document]], requests: Requests
) -> dict[str, list[Answer]]:
    """Ask for documents, and give the answers by source."""
    kinds = {one.source.name: one.source.kind for one in wanted}

    def use(outcome: Outcome) -> Answer:
        if isinstance(outcome, Page):
            document = previous[outcome.source].get(outcome.document)
            return _read(outcome, kinds[outcome.source], document, requests)
        if isinstance(outcome, NotModified):
            return Answer(outcome.document, outcome.url, None, moved=outcome.moved)
        return Answer(outcome.document, outcome.url, outcome)

    answers: dict[str, list[Answer]] = {}
    for one, answer in requests.web.get_all(wanted, requests.now, use):
        answers.setdefault(one.source.name, []).append(answer)
    return answers


def _read(
    page: Page, kind: str, document: Document | None, requests: Requests
) -> Answer:
    """Parse a page, unless it is the very copy that was read last."""
    answer = Answer(page.document, page.url, None, page.validators, moved=page.moved)
    # An index is read all the same: what it leads to may not have been
    is_index = SOURCE_KINDS[kind].indexed and page.document == ""
    if _is_last_read(page, document, requests.watch) and not is_index:
        return replace(answer, page=page if requests.lacks(document) else None)
    try:
        snapshot = sources.parser(kind)(page, requests.watch)
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


def _with_followed(
    source: Source,
    answers: list[Answer],
    previous: dict[str, Document],
    requests: Requests,
) -> list[Answer]:
    """Add the answers of the documents that an index leads to, to the depth that one may
    have.
    """
    if not SOURCE_KINDS[source.kind].indexed or not answers:
        return answers
    answers = list(answers)
    asked = {answer.document for answer in answers}
    listed: dict[str, Follow] = {}
    for _ in range(DEPTH):
        for answer in answers:
            for follow in _leads_to(answer, previous):
                listed[follow.document] = follow
        chosen = schedule.followed(source.kind, listed.values(), previous, requests.now)
        unasked = {
            follow.document: follow for follow in chosen if follow.document not in asked
        }
        if not unasked:
            break
        requests.say(f"{source.name}: {counted(len(unasked), 'document')} to read")
        wanted = [
            _wanted(source, follow, previous, requests) for follow in unasked.values()
        ]
        found = _ask(wanted, {source.name: previous}, requests)
        # An index's mark of a document (its date of revision) is kept with what was
        # read, so that the next check asks only for those whose mark has changed
        for answer in found.get(source.name, []):
            marked = replace(answer, mark=unasked[answer.document].mark)
            answers.append(marked)
        asked |= unasked.keys()
    return answers


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
