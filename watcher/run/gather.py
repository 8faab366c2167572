"""Asks the due sources, follows what their indexes lead to, and parses each answer in the worker that fetched it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeVar

from watcher import sources
from watcher.errors import ParseError
from watcher.judgement import credible, schedule
from watcher.records import Document, Failure, Follow, NotModified, Page, Snapshot, Source, Validators, Watch
from watcher.store import Store
from watcher.web import Outcome, Wanted

# The order in which a check's sources are judged, whatever the order of the configuration: records that know KB articles
# and builds first, then tables, pages, posts.
RANK = ("cvrf", "csaf", "build-table", "download", "catalog", "kb-article", "feed", "issues-page", "kev")
FOLLOWING = schedule.FOLLOWED  # asked about watched updates only
INDEXED = {"cvrf": schedule.months, "csaf": schedule.moved}
DEPTH = 3  # provider metadata, its feed, its documents

T = TypeVar("T")


class Web(Protocol):
    """The live web or a recorded one."""

    def get_all(self, wanted: Iterable[Wanted], now: datetime, use: Callable[[Outcome], T]) -> list[tuple[Wanted, T]]:
        """Ask for documents, and give what ``use`` makes of each."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one document: a snapshot, None when it is the copy that is known, or a failure.

    ``page`` is kept for evidence only when it was parsed; ``mark`` is what the index said of it.
    """

    document: str
    url: str
    result: Snapshot | Failure | None
    validators: Validators = field(default_factory=Validators)
    page: Page | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """A source's answers of one check, with what the state knew of its documents before."""

    answers: tuple[Answer, ...]
    known: dict[str, Document]


def rank(source: Source) -> tuple[int, str]:
    """A source's place in the order of judging."""
    return (RANK.index(source.kind) if source.kind in RANK else len(RANK), source.name)


def answers(
    due: Iterable[Source], store: Store, web: Web, watch: Watch, now: datetime, say: Callable[[str], None]
) -> Iterator[tuple[Source, Answers]]:
    """Ask all due sources; their answers, source by source.  A source that a recording says nothing of is left out.

    What is followed for watched updates is asked last, when the ledger knows this check's updates.  A table that is read
    for the first time comes first: it knows the names of what the records only number.
    """
    ordered = list(due)
    first = [source for source in ordered if source.kind not in FOLLOWING]
    later = [source for source in ordered if source.kind in FOLLOWING]
    for group in (first, later):
        known = store.documents_of([source.name for source in group])
        wanted = [one for source in group for one in _first(source, known[source.name], store, watch, now)]
        say(f"asking {len(wanted)} documents of {len(group)} sources")
        got = _ask(web, wanted, known, watch, now)
        for source in sorted(group, key=lambda source: (source.kind != "build-table" or bool(known[source.name]), rank(source))):
            found = _followed(source, got, known[source.name], web, watch, now, say)
            if found:
                say(f"{source.name}: {len(found)} documents")
                yield source, Answers(tuple(found), known[source.name])


def _first(source: Source, known: dict[str, Document], store: Store, watch: Watch, now: datetime) -> list[Wanted]:
    if source.kind not in FOLLOWING:
        return [_wanted(source, Follow("", source.url), known, watch)]
    pages: dict[str, str] = {}
    for update in store.young_updates(now - schedule.YOUNG):
        pages.update(schedule.pages(update, source.kind))
    return [_wanted(source, Follow(document, url), known, watch) for document, url in sorted(pages.items())]


def _wanted(source: Source, row: Follow, known: dict[str, Document], watch: Watch) -> Wanted:
    """Ask conditionally, unless other products are watched than when the copy was read."""
    document = known.get(row.document)
    validators = document.validators if document and document.watch == watch.mark else Validators()
    return Wanted(source, row.document, row.url, validators)


def _ask(
    web: Web, wanted: list[Wanted], known: dict[str, dict[str, Document]], watch: Watch, now: datetime
) -> dict[str, list[tuple[Wanted, Answer]]]:
    kinds = {one.source.name: one.source.kind for one in wanted}

    def use(outcome: Outcome) -> Answer:
        if isinstance(outcome, Page):
            return _read(outcome, kinds[outcome.source], known[outcome.source].get(outcome.document), watch)
        result = None if isinstance(outcome, NotModified) else outcome
        return Answer(outcome.document, outcome.url, result)

    got: dict[str, list[tuple[Wanted, Answer]]] = {}
    for one, answer in web.get_all(wanted, now, use):
        got.setdefault(one.source.name, []).append((one, answer))
    return got


def _read(page: Page, kind: str, known: Document | None, watch: Watch) -> Answer:
    """Parse a page, unless it is the very copy that was read last."""
    same = known is not None and known.sha256 == page.sha256 and known.watch == watch.mark and known.suspect_since is None
    if same and not (kind in INDEXED and page.document == ""):
        return Answer(page.document, page.url, None, page.validators)
    try:
        snapshot = sources.parser(kind)(page, watch)
    except ParseError as error:
        failure = Failure(page.source, page.document, page.url, page.time, error.cause, error.remedy, suspect=True)
        return Answer(page.document, page.url, failure)
    return Answer(page.document, page.url, snapshot, page.validators, page)


def _followed(
    source: Source,
    got: dict[str, list[tuple[Wanted, Answer]]],
    known: dict[str, Document],
    web: Web,
    watch: Watch,
    now: datetime,
    say: Callable[[str], None],
) -> list[Answer]:
    """The source's answers, and those of the documents that its index leads to, to the depth that an index may have."""
    found = [answer for _, answer in got.get(source.name, [])]
    choose = INDEXED.get(source.kind)
    if choose is None or not found:
        return found
    asked = {answer.document for answer in found}
    listed: dict[str, Follow] = {}
    for _ in range(DEPTH):
        fresh = {row.document: row for answer in found for row in _leads(answer, known)}
        listed.update(fresh)
        rows = [row for row in choose(tuple(listed.values()), known, now) if row.document not in asked]
        if not rows:
            break
        say(f"{source.name}: {len(rows)} documents to read")
        marks = {row.document: row.mark for row in rows}
        more = _ask(web, [_wanted(source, row, known, watch) for row in rows], {source.name: known}, watch, now)
        asked |= set(marks)
        found += [replace(answer, mark=marks[answer.document]) for _, answer in more.get(source.name, [])]
    return found


def _leads(answer: Answer, known: dict[str, Document]) -> tuple[Follow, ...]:
    """What a credible index leads to; nothing new where the copy is in doubt."""
    snapshot = answer.result
    if not isinstance(snapshot, Snapshot) or credible.doubt(snapshot, known.get(answer.document)):
        return ()
    return snapshot.follow
