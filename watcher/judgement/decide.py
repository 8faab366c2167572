"""One case against the ledger.

Which events it makes, which it only supports, and what stays untold and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import believe, lesser, phrases, rows, tell, turns
from watcher.judgement.facts import Fact
from watcher.judgement.matching import Case, Docket
from watcher.judgement.told import Told
from watcher.records import Event, Kind, State, Update


def decide(case: Case, docket: Docket, told: Told) -> None:
    """Decide one case and put the update's new row."""
    row = docket.ledger[case.update]
    if docket.ledger.is_new(row.id):
        first(row, case, docket, told)
    else:
        _again(row, case, docket, told)


def first(row: Update, case: Case, docket: Docket, told: Told) -> None:
    """An update or advisory that nobody knew."""
    now = docket.now
    for item in case.items:
        item.packages += item.successors
    row = rows.takeover(rows.merged(row, case), docket.ledger)
    if row.type == "advisory":
        row = replace(
            row,
            title=", ".join(advisory.id for advisory in row.advisories[:3])
            or row.title,
        )
    facts = [item.fact for item in case.items]
    recalled = any(
        fact.entry.label is not None
        and fact.entry.label.pulled
        and fact.version >= row.version
        for fact in facts
    )
    turn = turns.turn(replace(row, changed=None), case, now)
    kind = _first_kind(row, facts, turn, now, recalled=recalled)
    if kind is Kind.PULLED:
        row = replace(row, state=State.PULLED)
    if kind is Kind.RE_RELEASED:
        row = replace(row, version=max(2, row.version))
        row = replace(
            row, packages=tuple(replace(p, version=row.version) for p in row.packages)
        )
    known = rows.told(row, _key(kind, row)) if kind is Kind.PULLED else None
    # Told of the advisory, before the update that fixes it was known
    if known:
        told.support(known, case.items)
        docket.ledger.put(row)
        return
    said = turn.said if turn else ()
    evidence = [
        piece
        for fact in facts
        for piece in tell.evidence(fact, [s for s in fact.said if s in said])
    ]
    event = tell.event(
        row,
        kind,
        now,
        summary=phrases.first(row, kind),
        evidence=evidence,
        facts=facts,
        because=phrases.because(said),
    )
    _finish(row, docket, told, [(_key(kind, row), event)])


def _first_kind(
    row: Update,
    facts: Sequence[Fact],
    turn: turns.Turn | None,
    now: datetime,
    *,
    recalled: bool,
) -> Kind:
    old = believe.back_filled(row.released, now)
    if row.type == "advisory":
        # A catalogue of exploited ones
        listed = any(fact.entry.exploited and not fact.entry.revision for fact in facts)
        return Kind.EXPLOITED if listed else Kind.REVISED if old else Kind.ANNOUNCED
    if row.type == "issue":
        return Kind.REVISED if old else Kind.KNOWN_ISSUE
    if old:
        return Kind.REVISED
    if recalled or (turn is not None and turn.kind is Kind.PULLED):
        return Kind.PULLED
    if row.version > 1 or (turn is not None and turn.kind is Kind.RE_RELEASED):
        return Kind.RE_RELEASED
    return Kind.RELEASED


def _key(kind: Kind, row: Update) -> str:
    return (
        f"{kind} {row.version}"
        if kind in (Kind.PULLED, Kind.RE_RELEASED)
        else str(kind)
    )


def _finish(
    row: Update, docket: Docket, told: Told, events: Sequence[tuple[str, Event]]
) -> None:
    for key, event in events:
        told.events.append(event)
        row = rows.tell_event(replace(row, changed=docket.now), key, event)
    docket.ledger.put(row)


def _again(row: Update, case: Case, docket: Docket, told: Told) -> None:
    """An update that the ledger knows."""
    before, now = row, docket.now
    turn = turns.turn(row, case, now)
    row = _turned(row, case, turn)
    row = rows.takeover(rows.merged(row, case), docket.ledger)
    if turn is not None and turn.kind is Kind.RE_RELEASED and not turn.echo:
        row = _with_articles(before, row, turn)
    events: list[tuple[str, Event]] = []
    if turn is not None:
        _tell_turn(row, turn, now, told, events)
        if not turn.echo:
            row = replace(row, suspicions=())
        if turn.kind is Kind.CORRECTED:
            row = rows.forget_pull(row)
    untold = turn is None or (turn.kind is Kind.CORRECTED and not events)
    used = {id(item) for item in turn.items} if turn and not untold else set()
    events += lesser.exploited(before, row, case, now, told)
    events += lesser.further(before, row, case, now, told, used)
    events += lesser.known_issues(row, case, now, used)
    if not events:
        events += lesser.revised(before, row, case, now, told, used)
    _finish(row, docket, told, events)


def _turned(row: Update, case: Case, turn: turns.Turn | None) -> Update:
    """The row after its turn; packages that made it bear the new version."""
    if turn is None:
        return row
    if turn.kind is Kind.PULLED:
        return replace(row, state=State.PULLED)
    if turn.kind is Kind.CORRECTED:
        return replace(row, state=State.RELEASED)
    packages = row.packages
    for package in (package for package in turn.packages if package.product):
        # A record each CVE offers it
        packages = rows.put(
            packages, replace(package, version=turn.version), certain=False
        )
    for item in case.items:
        item.packages += item.successors
    state = State.RELEASED
    return replace(row, version=turn.version, state=state, packages=packages)


def _with_articles(before: Update, row: Update, turn: turns.Turn) -> Update:
    """The row that knows which KB articles are those of a version of which words alone
    tell, and which were the earlier ones'.
    """
    if any(package.version == turn.version for package in row.packages):
        return row
    former = {*row.former, *before.kbs, *rows.all_kbs(before.packages)}
    said = {kb for piece in turn.said for kb in piece.kbs} - former
    fresh = (
        said
        or {*row.kbs, *(kb for item in turn.items for kb in item.fact.entry.kbs)}
        - former
    )
    return (
        replace(
            row, kbs=tuple(sorted({*row.kbs, *fresh})), former=tuple(sorted(former))
        )
        if fresh
        else row
    )


def _tell_turn(
    row: Update,
    turn: turns.Turn,
    now: datetime,
    told: Told,
    events: list[tuple[str, Event]],
) -> None:
    if turn.kind is Kind.CORRECTED:
        _tell_correction(row, turn, now, events)
        return
    key = f"{turn.kind} {turn.version}"
    known = rows.told(row, key)
    if turn.echo or known is not None:
        told.support(
            known if known is not None else rows.last_told(row, str(turn.kind)),
            turn.items,
        )
        return
    facts = [item.fact for item in turn.items]
    evidence = [
        piece
        for fact in facts
        for piece in tell.evidence(fact, [s for s in fact.said if s in turn.said])
    ]
    summary = (
        phrases.pulled(row) if turn.kind is Kind.PULLED else phrases.re_released(row)
    )
    because = phrases.because(turn.said)
    events.append(
        (
            key,
            tell.event(
                row,
                turn.kind,
                now,
                summary=summary,
                evidence=evidence,
                facts=facts,
                because=because,
            ),
        )
    )


def _tell_correction(
    row: Update, turn: turns.Turn, now: datetime, events: list[tuple[str, Event]]
) -> None:
    """The vendor says that there was no pull: told to whoever was told of one."""
    wrong = rows.told(row, f"pulled {turn.version}")
    if not wrong:
        return
    facts = [item.fact for item in turn.items]
    evidence = [
        piece
        for fact in facts
        for piece in tell.evidence(fact, [s for s in fact.said if s in turn.said])
    ]
    event = tell.event(
        row,
        Kind.CORRECTED,
        now,
        summary=phrases.denied(row),
        evidence=evidence,
        facts=facts,
        because=phrases.because(turn.said),
        corrects=wrong,
        mark=wrong,
    )
    events.append((f"corrected {wrong}", event))
