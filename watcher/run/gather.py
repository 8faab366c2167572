"""Asks the due sources, follows what their indexes lead to, and parses each answer in the
worker that fetched it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from watcher import sources
from watcher.counted import counted
from watcher.errors import ParseError
from watcher.judgement import believe, schedule
from watcher.kinds import SOURCE_KINDS, Follows
from watcher.records import (
    Document,
    Failure,
    Follow,
    NotModified,
    Page,
    Snapshot,
    Source,
    Validators,
    Watch,
)
from watcher.store import Store
from watcher.web import Outcome, Wanted

# How the documents are chosen that an index leads to
CHOICES = {Follows.MONTHS: schedule.months, Follows.MOVED: schedule.moved}
TOGETHER = 64
"""Sources that are asked and judged together: so many answers are in memory at a time."""
_NEVER = datetime.min.replace(tzinfo=UTC)
# Provider metadata, its feed, its documents
DEPTH = 3

if TYPE_CHECKING:
    from watcher.run.evidence import Shelf

T = TypeVar("T")


class Web(Protocol):
    """The live web or a recorded one."""

    def get_all(
        self,
        wanted: Iterable[Wanted],
        now: datetime,
        use: Callable[[Outcome], T],
        meanwhile: Callable[[], None] = ...,
    ) -> list[tuple[Wanted, T]]:
        """Ask for documents, and give what ``use`` makes of each.

        ``meanwhile`` is called while the answers are awaited.
        """
        ...


class Answer(Struct, frozen=True):
    """What became of one document.

    A snapshot, None when it is the copy that is known, or a failure.

    ``page`` is given when it was parsed, or is wanted as evidence; ``mark`` is what
    the index said of it; ``moved`` is where its address leads for good.
    """

    document: str
    url: str
    result: Snapshot | Failure | None
    validators: Validators = field(default_factory=Validators)
    page: Page | None = None
    mark: str = ""
    moved: str = ""


class Answers(Struct, frozen=True):
    """A source's answers of one check, with what the state knew of its documents before."""

    answers: tuple[Answer, ...]
    known: dict[str, Document]
    # Something may be suspected at this source
    suspected: bool = True


class Round(Struct, frozen=True):
    """What all requests of a check have in common.

    ``meanwhile`` is called while the first answers are awaited.
    """

    web: Web
    watch: Watch
    now: datetime
    say: Callable[[str], None]
    kept: Shelf | None
    meanwhile: Callable[[], None]

    def lacks(self, known: Document | None) -> bool:
        """Say whether a copy that the state knows should be kept, and is not."""
        return (
            self.kept is not None
            and known is not None
            and known.accepted is not None
            and not self.kept.has(known)
        )


def rank(source: Source) -> tuple[int, str]:
    """A source's place in the order of judging."""
    return SOURCE_KINDS[source.kind].rank, source.name


def answers(
    due: Iterable[Source], store: Store, asking: Round
) -> Iterator[tuple[Source, Answers]]:
    """Ask all due sources.

    Their answers, source by source.  A source that a recording says nothing of is left
    out.

    What is followed for watched updates is asked last, when the ledger knows this
    check's updates.  A table that is read for the first time comes first: it knows the
    names of what the records only number. A copy that should be kept and is not is
    asked for again, whole.
    """
    ordered = list(due)
    first = _in_turn(
        [source for source in ordered if not SOURCE_KINDS[source.kind].follows_updates],
        store,
    )
    later = _in_turn(
        [source for source in ordered if SOURCE_KINDS[source.kind].follows_updates],
        store,
    )
    for group in (
        some[place : place + TOGETHER]
        for some in (first, later)
        for place in range(0, len(some), TOGETHER)
    ):
        known = store.documents_of([source.name for source in group])
        suspected = store.suspected_sources()
        wanted = [
            one
            for source in group
            for one in _first(source, known[source.name], store, asking)
        ]
        if wanted:
            asking.say(
                f"asking {counted(len(wanted), 'document')} of {counted(len(group), 'source')}"
            )
        got = _ask(wanted, known, asking)
        for source in group:
            found = _followed(source, got, known[source.name], asking)
            # What has been judged need not be kept
            got.pop(source.name, None)
            if found:
                asking.say(f"{source.name}: {_came(found)}")
                yield (
                    source,
                    Answers(tuple(found), known[source.name], source.name in suspected),
                )


def _came(found: list[Answer]) -> str:
    """Say how many documents were asked for, and what of them failed."""
    failed = sum(isinstance(answer.result, Failure) for answer in found)
    if failed == len(found):
        return "failed"
    return counted(len(found), "document") + (
        f", {failed} of them failed" if failed else ""
    )


def _in_turn(group: list[Source], store: Store) -> list[Source]:
    """Put sources into the order of judging."""
    read = {
        name
        for name, documents in store.documents_of(
            [s.name for s in group if s.kind == "build-table"]
        ).items()
        if documents
    }
    return sorted(
        group,
        key=lambda source: (
            not SOURCE_KINDS[source.kind].founds or source.name in read,
            rank(source),
        ),
    )


def _first(
    source: Source, known: dict[str, Document], store: Store, asking: Round
) -> list[Wanted]:
    if not SOURCE_KINDS[source.kind].follows_updates:
        return [_wanted(source, Follow("", source.url), known, asking)]
    pages: dict[str, str] = {}
    for update in store.young_updates(asking.now - schedule.YOUNG):
        pages.update(schedule.pages(update, source.kind))
    chosen = sorted(pages)
    # Many products are watched: the pages that have waited longest, the others by the
    # next checks
    if len(chosen) > schedule.AT_ONCE:
        chosen = sorted(
            pages,
            key=lambda name: (store.times(source.name, name).tried or _NEVER, name),
        )[: schedule.AT_ONCE]
    return [
        _wanted(source, Follow(name, pages[name]), known, asking) for name in chosen
    ]


def _wanted(
    source: Source, row: Follow, known: dict[str, Document], asking: Round
) -> Wanted:
    """Ask conditionally, unless other products are watched than when the copy was read,
    or the copy is wanted as evidence.
    """
    document = known.get(row.document)
    conditional = (
        document is not None
        and document.watch == asking.watch.mark
        and not asking.lacks(document)
    )
    return Wanted(
        source,
        row.document,
        row.url,
        document.validators if document and conditional else Validators(),
    )


def _ask(
    wanted: list[Wanted], known: dict[str, dict[str, Document]], asking: Round
) -> dict[str, list[tuple[Wanted, Answer]]]:
    kinds = {one.source.name: one.source.kind for one in wanted}

    def use(outcome: Outcome) -> Answer:
        if isinstance(outcome, Page):
            return _read(
                outcome,
                kinds[outcome.source],
                known[outcome.source].get(outcome.document),
                asking,
            )
        if isinstance(outcome, NotModified):
            return Answer(outcome.document, outcome.url, None, moved=outcome.moved)
        return Answer(outcome.document, outcome.url, outcome)

    got: dict[str, list[tuple[Wanted, Answer]]] = {}
    whole = {one.source.kind for one in wanted if one.validators == Validators()}
    for one, answer in asking.web.get_all(
        wanted, asking.now, use, partial(_prepare, whole, asking.meanwhile)
    ):
        got.setdefault(one.source.name, []).append((one, answer))
    return got


def _prepare(kinds: Iterable[str], more: Callable[[], None]) -> None:
    """Load what reads and judges the pages that will come whole, and ``more``, while the
    network is awaited.
    """
    for kind in sorted(kinds):
        sources.parser(kind)
    if kinds:
        importlib.import_module("watcher.judgement.interpret")
    more()


def _read(page: Page, kind: str, known: Document | None, asking: Round) -> Answer:
    """Parse a page, unless it is the very copy that was read last."""
    same = (
        known is not None
        and known.sha256 == page.sha256
        and known.watch == asking.watch.mark
        and known.suspect_since is None
    )
    if same and not (SOURCE_KINDS[kind].indexed and page.document == ""):
        return Answer(
            page.document,
            page.url,
            None,
            page.validators,
            page if asking.lacks(known) else None,
            moved=page.moved,
        )
    kept = page if asking.kept is not None else None
    try:
        snapshot = sources.parser(kind)(page, asking.watch)
    except ParseError as error:
        remedy = (
            (
                f"The address leads for good to {page.moved}: see what is there. "
                f"{error.remedy}"
            ).rstrip()
            if page.moved
            else error.remedy
        )
        failure = Failure(
            page.source,
            page.document,
            page.url,
            page.time,
            error.cause,
            remedy,
            suspect=True,
        )
        return Answer(page.document, page.url, failure)
    return Answer(
        page.document, page.url, snapshot, page.validators, kept, moved=page.moved
    )


def _followed(
    source: Source,
    got: dict[str, list[tuple[Wanted, Answer]]],
    known: dict[str, Document],
    asking: Round,
) -> list[Answer]:
    """The source's answers, and those of the documents that its index leads to, to the
    depth that an index may have.
    """
    found = [answer for _, answer in got.get(source.name, [])]
    choose = CHOICES.get(SOURCE_KINDS[source.kind].follows)
    if choose is None or not found:
        return found
    asked = {answer.document for answer in found}
    listed: dict[str, Follow] = {}
    for _ in range(DEPTH):
        fresh = {row.document: row for answer in found for row in _leads(answer, known)}
        listed.update(fresh)
        rows = [
            row
            for row in choose(tuple(listed.values()), known, asking.now)
            if row.document not in asked
        ]
        if not rows:
            break
        asking.say(f"{source.name}: {counted(len(rows), 'document')} to read")
        marks = {row.document: row.mark for row in rows}
        more = _ask(
            [_wanted(source, row, known, asking) for row in rows],
            {source.name: known},
            asking,
        )
        asked |= set(marks)
        found += [
            replace(answer, mark=marks[answer.document])
            for _, answer in more.get(source.name, [])
        ]
    return found


def _leads(answer: Answer, known: dict[str, Document]) -> tuple[Follow, ...]:
    """What a credible index leads to; nothing new where the copy is in doubt."""
    snapshot = answer.result
    if not isinstance(snapshot, Snapshot) or believe.doubt(
        snapshot, known.get(answer.document)
    ):
        return ()
    return snapshot.follow
