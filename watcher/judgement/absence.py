"""Absence is evidence, never a verdict: rows that are gone from a healthy table, pages that say their download is gone.

A pull is suspected by absence alone and confirmed by the next healthy check at least an hour later, when all of the update's
packages are gone there, or by a second source.  What comes back as it was corrects the suspicion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from watcher.judgement import identify, phrases, rows, schedule, tell
from watcher.judgement.facts import Fact
from watcher.judgement.ledger import Ledger
from watcher.records import Change, ChangeKind, Confidence, Event, Kind, Outcome, Package, State, Suspicion, Update

CONFIRMING = timedelta(hours=1)
TAKEN_BACK = timedelta(hours=24)  # what is restored within this was never pulled


def concerns(fact: Fact) -> bool:
    """Whether a change is an absence, or its end, in a source whose absence means something: a labelled row, a package page."""
    change = fact.change
    row = change.entry.label is not None and bool(change.entry.packages)
    if change.kind in (ChangeKind.MISSING, ChangeKind.RETURNED):
        return row or change.entry.available is not None
    return _availability(change) is not None


def _availability(change: Change) -> bool | None:
    """False when a page has come to say that its download is gone, True when it takes that back, None otherwise."""
    if change.before is None or change.after is None or change.before.available == change.after.available:
        return None
    return change.after.available


def judge(facts: Sequence[Fact], ledger: Ledger, now: datetime, made: list[Event]) -> None:
    """Suspect, confirm by a second source, or take back; the events are added to ``made``."""
    gone: dict[str, list[Fact]] = {}
    back: dict[str, list[Fact]] = {}
    for fact in facts:
        row = _row(fact, ledger)
        if row is None:
            continue
        leaves = fact.change.kind is ChangeKind.MISSING or _availability(fact.change) is False
        (gone if leaves else back).setdefault(row.id, []).append(fact)
    for update_id, mine in sorted(gone.items()):
        _gone(ledger[update_id], mine, ledger, now, made)
    for update_id, mine in sorted(back.items()):
        _back(ledger[update_id], mine, ledger, now, made)


def _row(fact: Fact, ledger: Ledger) -> Update | None:
    entry = fact.change.before or fact.entry
    names = [name for package in entry.packages for name in identify.package_names(package)]
    return ledger.find(names) or ledger.find(identify.label_name(entry.label)) or ledger.find(f"kb:{kb}" for kb in entry.kbs)


def _gone(row: Update, facts: list[Fact], ledger: Ledger, now: datetime, made: list[Event]) -> None:
    """Suspect a pull: only of a released update's current version, and only while it is young."""
    old = row.released is not None and now - row.released > schedule.YOUNG
    if row.state is not State.RELEASED or old or not _current(row, facts):
        return
    source, document = facts[0].change.source, facts[0].change.document
    earlier = next((s for s in row.suspicions if s.source == source), None)
    keys = tuple(sorted({*(earlier.keys if earlier else ()), *(f"{f.change.document}|{f.entry.key}" for f in facts)}))
    others = [s for s in row.suspicions if s.source != source]
    whole = (earlier.whole if earlier else False) or _whole(row, facts, earlier)
    evidence = [piece for fact in facts for piece in tell.evidence(fact)]
    if whole and any(s.whole for s in others):
        _confirm(replace(row, suspicions=()), facts[0].change.time, ledger, made, evidence=tuple(evidence))
        return
    event = tell.event(
        row,
        Kind.PULLED,
        now,
        summary=phrases.suspected(row, _what(facts, source)),
        evidence=evidence,
        facts=(),
        confidence=Confidence.SUSPECTED,
        mark=",".join(keys),
    )
    suspicion = Suspicion(source, document, keys, earlier.since if earlier else now, earlier.event if earlier else event.id, whole)
    if earlier is None:
        made.append(event)
        row = rows.tell_event(row, f"suspected {row.version} {source} {now.isoformat()}", event)
    ledger.put(replace(row, suspicions=(*others, suspicion)))


def _current(row: Update, facts: Sequence[Fact]) -> bool:
    """Whether what is gone is of the current version: v1's rows may go when v2's have come."""
    return any(_mine(package, row) for fact in facts for package in (fact.change.before or fact.entry).packages) or any(
        not (fact.change.before or fact.entry).packages for fact in facts
    )


def _mine(package: Package, row: Update) -> bool:
    return any(package.product == p.product and (package.build == p.build or package.kb == p.kb) for p in tell.current(row))


def _whole(row: Update, facts: Sequence[Fact], earlier: Suspicion | None) -> bool:
    """Whether every package of the current version is gone there."""
    packages = [p for fact in facts for p in (fact.change.before or fact.entry).packages]
    lost = {(p.product, p.build) for p in packages}
    named = {key.partition("|")[2] for key in earlier.keys} if earlier else set()
    if facts[0].entry.available is not None:
        pages = set(schedule.pages(row, facts[0].change.source))
        documents = {fact.change.document for fact in facts} | {key.partition("|")[0] for key in (earlier.keys if earlier else ())}
        return bool(documents) and pages <= documents
    shown = {(p.product, p.build) for p in tell.current(row) if p.build}
    left = {pair for pair in shown - lost if not any(pair[0] in name for name in named)}
    return bool(lost) and not left


def _what(facts: Sequence[Fact], source: str) -> str:
    titles = sorted({fact.entry.title for fact in facts})
    what = "its row is gone" if facts[0].change.kind is ChangeKind.MISSING else "its download page says that it is gone"
    return f"{what} at {source}: {tell.products(titles)}"


def _back(row: Update, facts: list[Fact], ledger: Ledger, now: datetime, made: list[Event]) -> None:
    """What is back as it was takes a suspicion, or a verdict of absence alone, back."""
    source = facts[0].change.source
    suspicion = next((s for s in row.suspicions if s.source == source), None)
    absent = rows.told(row, f"pulled {row.version} by absence")
    if suspicion is None and (absent is None or row.state is not State.PULLED):
        return
    wrong = suspicion.event if suspicion else absent or ""
    rest = tuple(s for s in row.suspicions if s.source != source)
    evidence = [piece for fact in facts for piece in tell.evidence(fact)]
    restored = row.changed is None or now - row.changed <= TAKEN_BACK
    if row.state is State.PULLED and not restored:
        row = replace(row, state=State.RELEASED, version=row.version + 1, suspicions=rest, changed=now)
        event = tell.event(row, Kind.RE_RELEASED, now, summary=phrases.re_released(row), evidence=evidence)
        made.append(event)
        ledger.put(rows.tell_event(row, f"re-released {row.version}", event))
        return
    row = replace(row, state=State.RELEASED, suspicions=rest, told=tuple(pair for pair in row.told if not pair[0].startswith(f"pulled {row.version}")))
    summary = f"{tell.named(row)} is offered after all: what was missing is back as it was."
    event = tell.event(row, Kind.CORRECTED, now, summary=summary, evidence=evidence, corrects=wrong, mark=wrong)
    made.append(event)
    ledger.put(rows.tell_event(row, f"corrected {wrong}", event))


def confirmable(row: Update, source: str, document: str, now: datetime) -> bool:
    """Whether a healthy check of a document confirms the suspicion that it raised."""
    return any(
        s.source == source and s.whole and now - s.since >= CONFIRMING and (s.document == document or not document)
        for s in row.suspicions
        if row.state is State.RELEASED
    )


def confirm(suspected: Sequence[Update], source: str, documents: Sequence[str], now: datetime) -> Outcome:
    """Confirm what still is gone at a healthy check; ``documents`` are those of the source that were healthy now."""
    ledger = Ledger(suspected)
    made: list[Event] = []
    for row in sorted(suspected, key=lambda update: update.id):
        if any(confirmable(row, source, document, now) for document in documents):
            _confirm(row, now, ledger, made)
    return Outcome(events=tuple(made), updates=ledger.rows())


def _confirm(row: Update, now: datetime, ledger: Ledger, made: list[Event], evidence: Sequence[object] = ()) -> None:
    pieces = tuple(e for e in evidence if not isinstance(e, str))
    row = replace(row, state=State.PULLED, suspicions=(), changed=now)
    event = tell.event(row, Kind.PULLED, now, summary=phrases.pulled(row), evidence=pieces, because="absence: still gone at the next healthy check")  # type: ignore[arg-type]
    made.append(event)
    row = rows.tell_event(row, f"pulled {row.version}", event)
    ledger.put(rows.tell_event(row, f"pulled {row.version} by absence", event))
