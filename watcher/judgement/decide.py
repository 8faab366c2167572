"""What the changes of one update mean.

Which events they make, which they only support, and what stays untold and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import believe, normalize
from watcher.judgement.change_reading import ChangeReading, UpdateChanges
from watcher.judgement.decisions import Decisions
from watcher.judgement.event import Summary, compose_event
from watcher.judgement.evidence import quote_evidence
from watcher.judgement.ledger import (
    establish_event,
    established_by,
    forget_pull,
    last_event,
    merge_changes,
    take_over_advisories,
)
from watcher.judgement.matches import Matches
from watcher.judgement.names import slug
from watcher.judgement.other_events import (
    exploitation,
    further_products,
    known_issues,
    revision,
)
from watcher.judgement.packages import add_package, kb_articles
from watcher.judgement.pull_and_return import StateChange, state_change
from watcher.judgement.summary import (
    deciding_words,
    denied_summary,
    first_summary,
    pulled_summary,
    re_released_summary,
)
from watcher.records import ChangeKind, Event, Kind, State, Update, UpdateRef


def decide_unmatched(docket: Matches, told: Decisions) -> None:
    """Facts that name no update.

    A feed's new entry is news, a known issue of something else is a known issue.
    """
    for fact in docket.unplaced:
        entry, change = fact.entry, fact.change
        # A record of one CVE; a post may name some
        is_catalogued = entry.key.upper() in entry.cves
        if (
            any(passage.name == "issue" for passage in entry.passages)
            and change.kind is ChangeKind.APPEARED
        ):
            _other_issue(fact, docket, told)
        elif change.kind is ChangeKind.APPEARED and entry.title and not is_catalogued:
            told.events.append(_news(fact, docket.now))
        else:
            told.hush(fact, "it names no update that is watched")


def _other_issue(fact: ChangeReading, docket: Matches, told: Decisions) -> None:
    """A known issue of an update that no other source tells of.

    A Windows update that stops Exchange, say.
    """
    entry = fact.entry
    kb = next(iter(entry.kbs), "")
    title = kb or entry.title
    update_id = slug(f"issue {kb or entry.key}")[:80]
    if update_id in docket.ledger:
        told.hush(fact, "its update is known by another issue")
        return
    row = Update(
        update_id,
        title,
        "",
        "issue",
        "",
        1,
        State.RELEASED,
        docket.now,
        released=entry.published or entry.updated,
        products=entry.products,
        kbs=entry.kbs,
        thread=update_id,
    )
    docket.ledger.put(row)
    case = UpdateChanges(update_id)
    case.item(fact)
    first_sight(docket.ledger[update_id], case, docket, told)


def _news(fact: ChangeReading, now: datetime) -> Event:
    entry = fact.entry
    update_id = slug(f"{fact.change.source} {entry.title}")[:80].strip("-")
    row = Update(
        update_id,
        normalize.fold(entry.title),
        "",
        "news",
        "",
        1,
        State.RELEASED,
        now,
        products=entry.products,
        thread=update_id,
    )
    summary = Summary(row.title)
    event = compose_event(
        row,
        Kind.NEWS,
        now,
        summary=summary,
        evidence=quote_evidence(fact),
        facts=[fact],
        mark=entry.key,
    )
    return replace(
        event, update=UpdateRef(update_id, row.title, 1, products=entry.products)
    )


def decide(case: UpdateChanges, docket: Matches, told: Decisions) -> None:
    """Decide one case and put the update's new row."""
    row = docket.ledger[case.update]
    if docket.ledger.is_new(row.id):
        first_sight(row, case, docket, told)
    else:
        _again(row, case, docket, told)


def first_sight(
    row: Update, case: UpdateChanges, docket: Matches, told: Decisions
) -> None:
    """An update or advisory that nobody knew."""
    now = docket.now
    for item in case.items:
        item.packages += item.successors
    row = take_over_advisories(merge_changes(row, case), docket.ledger)
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
    turn = state_change(replace(row, changed=None), case, now)
    kind = _first_kind(row, facts, turn, now, recalled=recalled)
    if kind is Kind.PULLED:
        row = replace(row, state=State.PULLED)
    if kind is Kind.RE_RELEASED:
        row = replace(row, version=max(2, row.version))
        row = replace(
            row, packages=tuple(replace(p, version=row.version) for p in row.packages)
        )
    known = established_by(row, _key(kind, row)) if kind is Kind.PULLED else None
    # Told of the advisory, before the update that fixes it was known
    if known:
        told.support(known, case.items)
        docket.ledger.put(row)
        return
    said = turn.said if turn else ()
    evidence = [
        piece
        for fact in facts
        for piece in quote_evidence(fact, [s for s in fact.said if s in said])
    ]
    event = compose_event(
        row,
        kind,
        now,
        summary=first_summary(row, kind),
        evidence=evidence,
        facts=facts,
        because=deciding_words(said),
    )
    _finish(row, docket, told, [(_key(kind, row), event)])


def _first_kind(
    row: Update,
    facts: Sequence[ChangeReading],
    turn: StateChange | None,
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
    row: Update, docket: Matches, told: Decisions, events: Sequence[tuple[str, Event]]
) -> None:
    for key, event in events:
        told.events.append(event)
        row = establish_event(replace(row, changed=docket.now), key, event)
    docket.ledger.put(row)


def _again(row: Update, case: UpdateChanges, docket: Matches, told: Decisions) -> None:
    """An update that the ledger knows."""
    before, now = row, docket.now
    turn = state_change(row, case, now)
    row = _turned(row, case, turn)
    row = take_over_advisories(merge_changes(row, case), docket.ledger)
    if turn is not None and turn.kind is Kind.RE_RELEASED and not turn.echo:
        row = _with_articles(before, row, turn)
    events: list[tuple[str, Event]] = []
    if turn is not None:
        _tell_turn(row, turn, now, told, events)
        if not turn.echo:
            row = replace(row, suspicions=())
        if turn.kind is Kind.CORRECTED:
            row = forget_pull(row)
    untold = turn is None or (turn.kind is Kind.CORRECTED and not events)
    used = {id(item) for item in turn.items} if turn and not untold else set()
    events += exploitation(before, row, case, now, told)
    events += further_products(before, row, case, now, told, used)
    events += known_issues(row, case, now, used)
    if not events:
        events += revision(before, row, case, now, told, used)
    _finish(row, docket, told, events)


def _turned(row: Update, case: UpdateChanges, turn: StateChange | None) -> Update:
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
        packages = add_package(
            packages, replace(package, version=turn.version), certain=False
        )
    for item in case.items:
        item.packages += item.successors
    state = State.RELEASED
    return replace(row, version=turn.version, state=state, packages=packages)


def _with_articles(before: Update, row: Update, turn: StateChange) -> Update:
    """The row that knows which KB articles are those of a version of which words alone
    tell, and which were the earlier ones'.
    """
    if any(package.version == turn.version for package in row.packages):
        return row
    former = {*row.former, *before.kbs, *kb_articles(before.packages)}
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
    turn: StateChange,
    now: datetime,
    told: Decisions,
    events: list[tuple[str, Event]],
) -> None:
    if turn.kind is Kind.CORRECTED:
        _tell_correction(row, turn, now, events)
        return
    key = f"{turn.kind} {turn.version}"
    known = established_by(row, key)
    if turn.echo or known is not None:
        told.support(
            known if known is not None else last_event(row, str(turn.kind)),
            turn.items,
        )
        return
    facts = [item.fact for item in turn.items]
    evidence = [
        piece
        for fact in facts
        for piece in quote_evidence(fact, [s for s in fact.said if s in turn.said])
    ]
    summary = (
        pulled_summary(row) if turn.kind is Kind.PULLED else re_released_summary(row)
    )
    because = deciding_words(turn.said)
    events.append(
        (
            key,
            compose_event(
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
    row: Update, turn: StateChange, now: datetime, events: list[tuple[str, Event]]
) -> None:
    """The vendor says that there was no pull: told to whoever was told of one."""
    wrong = established_by(row, f"pulled {turn.version}")
    if not wrong:
        return
    facts = [item.fact for item in turn.items]
    evidence = [
        piece
        for fact in facts
        for piece in quote_evidence(fact, [s for s in fact.said if s in turn.said])
    ]
    event = compose_event(
        row,
        Kind.CORRECTED,
        now,
        summary=denied_summary(row),
        evidence=evidence,
        facts=facts,
        because=deciding_words(turn.said),
        corrects=wrong,
        mark=wrong,
    )
    events.append((f"corrected {wrong}", event))
