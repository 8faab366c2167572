"""What changes mean: the facts of one source's check in, events and the ledger's new rows out.

    facts    = read every change                         (facts)
    cases    = which update each fact is about           (attribute)
    absences = rows and pages that are gone or back      (absence)
    events   = decide each case against the ledger       (decide), then suspect what is gone

A document that is read for the first time is taken as known: its histories set the
ledger's states, nothing is told but the turn of an update that was told as released.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from watcher.judgement import absence, first_reading, normalize
from watcher.judgement.change_reading import ChangeReading, UpdateChanges, read_change
from watcher.judgement.decide import decide, decide_unmatched
from watcher.judgement.decisions import Decisions
from watcher.judgement.ledger import Ledger
from watcher.judgement.matching import match
from watcher.judgement.names import entry_names
from watcher.records import Change, ChangeKind, Outcome, Update


def names(changes: Iterable[Change]) -> tuple[str, ...]:
    """Every name under which the ledger may know what the changes are about.

    What the state is to be asked for.
    """
    found: dict[str, None] = {}
    for change in changes:
        for entry in (change.before, change.after):
            if entry is not None:
                found.update(dict.fromkeys(entry_names(entry)))
        if change.before is not None and change.after is not None:
            prose = (
                passage.text
                for passage in change.after.passages
                if passage not in change.before.passages
            )
            found.update(
                (f"kb:{kb}", None) for text in prose for kb in normalize.kbs_in(text)
            )
    return tuple(found)


def events(
    news: Iterable[Change],
    taken_as_known: Iterable[Change],
    updates: Iterable[Update],
    now: datetime,
    kind: str = "",
) -> Outcome:
    """Interpret the changes of one source's check.

    Of ``news`` is told; ``taken_as_known`` (a first reading) sets the ledger right.
    ``updates`` are the ledger's rows for ``names`` of all changes and those under
    suspicion at this source; ``kind`` is the source's.  Neither the order of changes
    nor that of rows matters.
    """
    ledger = Ledger(updates)
    settled = [
        read_change(change) for change in _ordered(taken_as_known) if _names_any(change)
    ]
    told = Decisions([], [], [])
    _settle(settled, ledger, now, told)
    read = [
        read_change(change)
        for change in _ordered(news)
        if change.kind is not ChangeKind.AGED_OUT
    ]
    absences = absence.find_absences(read, ledger)
    absence.restore(absences.back, ledger, now, told.events, kind)
    gone = [r for r in read if r.change.kind is ChangeKind.MISSING]
    speaking = [
        r
        for r in read
        if r.change.kind is not ChangeKind.MISSING and not absences.is_all_of(r)
    ]
    docket = match(speaking, ledger, now)
    for case in docket.cases.values():
        decide(case, docket, told)
    decide_unmatched(docket, told)
    absence.suspect(absences.gone, ledger, now, told.events, kind)
    told.silent.extend(
        (r.change.source, r.entry.key, "an absence is no statement of this source")
        for r in gone
        if r not in absences.found
    )
    return Outcome(
        events=tuple(
            sorted(
                told.events, key=lambda event: (event.update.id, event.kind, event.id)
            )
        ),
        evidence=tuple(told.evidence),
        updates=ledger.rows(),
        absorbed=ledger.absorbed,
        silent=tuple(told.silent),
        guidance=tuple(told.guidance),
    )


def _ordered(changes: Iterable[Change]) -> list[Change]:
    return sorted(changes, key=lambda c: (c.document, c.entry.key, c.kind))


def _names_any(change: Change) -> bool:
    """Whether what is taken as known can be about an update: a post that names none is not read."""
    entry = change.entry
    return change.before is not None or bool(
        entry.packages or entry.kbs or entry.cves or entry.label
    )


def _settle(
    settled: list[ChangeReading], ledger: Ledger, now: datetime, told: Decisions
) -> None:
    docket = match(settled, ledger, now)
    for case in docket.cases.values():
        untold = first_reading.untold(case, ledger, now)
        first_reading.settle(
            UpdateChanges(
                case.update, [item for item in case.items if item not in untold]
            ),
            ledger,
            now,
        )
        if untold:
            decide(UpdateChanges(case.update, untold), docket, told)
