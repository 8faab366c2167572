"""Absence is evidence, never a verdict.

Rows that are gone from a healthy table, pages that say their download is gone.

A pull is suspected by absence alone and confirmed by the next healthy check at least
an hour later, when all of the update's packages are gone there, or by a second source.
What comes back as it was corrects the suspicion.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import schedule
from watcher.judgement.change_reading import ChangeReading
from watcher.judgement.event import Summary, compose_event
from watcher.judgement.evidence import quote_evidence, unique_evidence
from watcher.judgement.ledger import (
    Ledger,
    establish_event,
    established_by,
    forget_pull,
)
from watcher.judgement.names import label_names, link_name, package_names
from watcher.judgement.packages import current_packages, same_package
from watcher.judgement.summary import (
    gone_summary,
    re_released_summary,
    restored_summary,
    suspected_summary,
)
from watcher.kinds import SOURCE_KINDS
from watcher.records import (
    Change,
    ChangeKind,
    Confidence,
    Event,
    Kind,
    Outcome,
    Package,
    State,
    Suspicion,
    Update,
)

CONFIRMING = timedelta(hours=1)
# What is restored within this was never pulled
TAKEN_BACK = timedelta(hours=24)


def concerns(fact: ChangeReading) -> bool:
    """Whether a change is an absence, or its end, in a source whose absence means something.

    A labelled row, a package page.
    """
    change = fact.change
    if change.kind in (ChangeKind.MISSING, ChangeKind.RETURNED):
        return (
            change.entry.label is not None and bool(change.entry.packages)
        ) or change.entry.available is not None
    return _availability(change) is not None


def concerning(facts: Sequence[ChangeReading], ledger: Ledger) -> list[ChangeReading]:
    """The absences and their ends among facts.

    Rows that give way to those of a higher version at this very check are none.
    """
    come = [
        (fact, _row(fact, ledger))
        for fact in facts
        if fact.change.before is None and fact.entry.label and fact.entry.packages
    ]
    replaced = {
        row.id for fact, row in come if row is not None and fact.version > row.version
    }
    found = [fact for fact in facts if concerns(fact)]
    return [
        fact
        for fact in found
        if fact.change.after is not None
        or (row := _row(fact, ledger)) is None
        or row.id not in replaced
    ]


class Absences(Struct, frozen=True):
    """What is gone and what is back, by update; a page that says why it was away is neither."""

    gone: dict[str, list[ChangeReading]]
    back: dict[str, list[ChangeReading]]

    @property
    def mere(self) -> list[ChangeReading]:
        """The facts that say no more than that.

        Pages that have come to say that their download is gone, or back.
        """
        return [
            fact
            for mine in (*self.gone.values(), *self.back.values())
            for fact in mine
            if _availability(fact.change) is not None
        ]


def sorted_out(facts: Sequence[ChangeReading], ledger: Ledger) -> Absences:
    """Sort absences and their ends by the update that they concern."""
    found = Absences({}, {})
    for fact in facts:
        row = _row(fact, ledger)
        if row is not None and not _says_why(fact, row):
            leaves = (
                fact.change.kind is ChangeKind.MISSING
                or _availability(fact.change) is False
            )
            (found.gone if leaves else found.back).setdefault(row.id, []).append(fact)
    return found


def suspect(
    gone: dict[str, list[ChangeReading]],
    ledger: Ledger,
    now: datetime,
    made: list[Event],
    kind: str = "",
) -> None:
    """Suspect a pull, or confirm one by a second source.

    The events are added to ``made``.  ``kind`` is the source's.

    After all else of the check is decided: what words establish needs no suspicion
    beside it.
    """
    for update_id, mine in sorted(gone.items()):
        _gone(ledger[update_id], mine, ledger, now, made, kind)


def restore(
    back: dict[str, list[ChangeReading]],
    ledger: Ledger,
    now: datetime,
    made: list[Event],
    kind: str = "",
) -> None:
    """Take back, or tell of a re-release, where rows or pages are back.

    The events are added to ``made``.
    """
    for update_id, mine in sorted(back.items()):
        # Another build is judged as that
        rows_back = [
            f
            for f in mine
            if _availability(f.change) is None and not (f.fresh or f.grown)
        ]
        pages_back = [f for f in mine if _availability(f.change)]
        offers = _offers(kind) or _suspicion_at(
            ledger[update_id], mine[0].change.source
        )
        if offers and (rows_back or pages_back):
            altered = not all(
                _as_it_was(fact, ledger[update_id]) for fact in pages_back
            )
            _back(
                ledger[update_id],
                [*rows_back, *pages_back],
                ledger,
                now,
                made,
                altered=altered,
            )


def _says_why(fact: ChangeReading, row: Update) -> bool:
    """Whether a page that is there again, or at last, says that the update was pulled.

    An old word of that is none.
    """
    if row.version > 1 or not (_availability(fact.change) and fact.says(Kind.PULLED)):
        return False
    turned = any(
        key.startswith(("pulled", "re-released", "corrected")) for key, _ in row.told
    )
    return _suspicion_at(row, fact.change.source) is not None or not turned


def _suspicion_at(row: Update, source: str) -> Suspicion | None:
    return next(
        (suspicion for suspicion in row.suspicions if suspicion.source == source), None
    )


def _as_it_was(fact: ChangeReading, row: Update) -> bool:
    """Whether a page that is back offers what it did.

    The lost packages with their files, or, later, the update's.
    """
    lost = [
        package
        for s in row.suspicions
        if s.source == fact.change.source
        for package in s.lost
    ]
    known = lost or [replace(package, file="", size=None) for package in row.packages]
    return all(
        any(same_package(package, other) for other in known)
        for package in fact.entry.packages
    )


def confirm(
    suspected: Sequence[Update], source: str, documents: Sequence[str], now: datetime
) -> Outcome:
    """Confirm what still is gone at a healthy check.

    ``documents`` are those of the source that were healthy now.
    """
    ledger = Ledger(suspected)
    made: list[Event] = []
    for row in sorted(suspected, key=lambda update: update.id):
        for suspicion in row.suspicions:
            asked = {key.partition("|")[0] for key in suspicion.keys} <= set(documents)
            ripe = (
                suspicion.source == source
                and asked
                and now - suspicion.since >= CONFIRMING
            )
            if ripe and suspicion.whole and row.state is State.RELEASED:
                _confirm(
                    row,
                    suspicion,
                    now,
                    ledger,
                    made,
                    "still gone at the next healthy check",
                )
                break
    return Outcome(events=tuple(made), updates=ledger.rows())


def _availability(change: Change) -> bool | None:
    """False when a page has come to say that its download is gone, True when it takes
    that back, None otherwise.
    """
    if (
        change.before is None
        or change.after is None
        or change.before.available == change.after.available
    ):
        return None
    return change.after.available


def _row(fact: ChangeReading, ledger: Ledger) -> Update | None:
    entry = fact.change.before or fact.entry
    names = [name for package in entry.packages for name in package_names(package)]
    names += [
        *label_names(entry.label),
        *(f"kb:{kb}" for kb in entry.kbs),
        link_name(entry.url),
    ]
    return ledger.find(names)


def _gone(
    row: Update,
    facts: list[ChangeReading],
    ledger: Ledger,
    now: datetime,
    made: list[Event],
    kind: str,
) -> None:
    """Suspect a pull: only of a released update's current version, and only while it is young."""
    old = row.released is not None and now - row.released > schedule.YOUNG
    lost = tuple(
        package
        for fact in facts
        for package in (fact.change.before or fact.entry).packages
    )
    if (
        row.state is not State.RELEASED
        or old
        or (lost and not any(_mine(package, row) for package in lost))
    ):
        return
    change = facts[0].change
    earlier = _suspicion_at(row, change.source)
    others = tuple(s for s in row.suspicions if s.source != change.source)
    suspicion = _suspicion(row, facts, earlier, lost, now, kind)
    if others and (
        suspicion.whole or any(s.whole or _overlap(s, suspicion) for s in others)
    ):
        joint = replace(
            suspicion,
            evidence=tuple(e for s in (*others, suspicion) for e in s.evidence),
        )
        _confirm(row, joint, now, ledger, made, "gone at two sources")
        return
    if earlier is None:
        event = compose_event(
            row,
            Kind.PULLED,
            now,
            summary=_suspected(row, facts),
            evidence=suspicion.evidence,
            confidence=Confidence.SUSPECTED,
            mark=" ".join(suspicion.keys),
            scope=_channel(kind),
        )
        made.append(event)
        suspicion = replace(suspicion, event=event.id)
        row = establish_event(row, f"suspected {row.version} {event.id}", event)
    ledger.put(replace(row, suspicions=(*others, suspicion)))


def _suspicion(
    row: Update,
    facts: Sequence[ChangeReading],
    earlier: Suspicion | None,
    lost: tuple[Package, ...],
    now: datetime,
    kind: str,
) -> Suspicion:
    """What is gone there by now, with what was gone there before.

    The wait begins again when all has come to be gone.
    """
    change = facts[0].change
    keys = {f"{fact.change.document}|{fact.entry.key}" for fact in facts}
    evidence = tuple(piece for fact in facts for piece in quote_evidence(fact))
    if earlier is not None:
        keys |= set(earlier.keys)
        lost = (*earlier.lost, *lost)
        evidence = (*earlier.evidence, *evidence)
    whole = _whole(row, kind, keys, lost)
    return Suspicion(
        source=change.source,
        document=change.document,
        keys=tuple(sorted(keys)),
        since=earlier.since if earlier and (earlier.whole or not whole) else now,
        event=earlier.event if earlier else "",
        whole=whole,
        kind=kind,
        lost=lost,
        evidence=unique_evidence(evidence),
    )


def _whole(row: Update, kind: str, keys: set[str], lost: Sequence[Package]) -> bool:
    """Whether every package of the current version is gone there.

    All of its pages, or all of its rows; never an article.
    """
    if kind in SOURCE_KINDS and SOURCE_KINDS[kind].follows_updates:
        pages = set(schedule.pages(row, kind))
        return (
            bool(SOURCE_KINDS[kind].channel)
            and bool(pages)
            and pages <= {key.partition("|")[0] for key in keys}
        )
    gone = {(p.product, p.build) for p in lost}
    return (
        bool(gone)
        and {(p.product, p.build) for p in current_packages(row) if p.build} <= gone
    )


def _channel(kind: str) -> tuple[str, ...]:
    row = SOURCE_KINDS.get(kind)
    return (row.channel,) if row and row.channel else ()


def _offers(kind: str) -> bool:
    """Say whether a source of this kind shows that a package is offered: an article does not."""
    row = SOURCE_KINDS.get(kind)
    return row is None or bool(row.channel) or not row.follows_updates


def _mine(package: Package, row: Update) -> bool:
    """Whether a package is of the current version: v1's rows may go when v2's have come."""
    return any(
        package.product == p.product
        and (package.build == p.build or package.kb == p.kb)
        for p in current_packages(row)
    )


def _overlap(one: Suspicion, other: Suspicion) -> bool:
    return bool({p.product for p in one.lost} & {p.product for p in other.lost})


def _suspected(row: Update, facts: Sequence[ChangeReading]) -> Summary:
    titles = [(fact.change.before or fact.entry).title for fact in facts]
    change = facts[0].change
    return suspected_summary(
        row, change.source, titles, row_gone=change.kind is ChangeKind.MISSING
    )


def _confirm(
    row: Update,
    suspicion: Suspicion,
    now: datetime,
    ledger: Ledger,
    made: list[Event],
    why: str,
) -> None:
    row = replace(row, state=State.PULLED, suspicions=(), changed=now)
    scope = _channel(suspicion.kind)
    event = compose_event(
        row,
        Kind.PULLED,
        now,
        summary=gone_summary(row),
        evidence=suspicion.evidence,
        because=f"absence: {why}",
        scope=scope,
    )
    made.append(event)
    row = establish_event(row, f"pulled {row.version}", event)
    ledger.put(establish_event(row, f"pulled {row.version} by absence", event))


def _back(
    row: Update,
    facts: list[ChangeReading],
    ledger: Ledger,
    now: datetime,
    made: list[Event],
    *,
    altered: bool,
) -> None:
    """What is back as it was takes a suspicion back, or a verdict of absence alone.

    Later, or altered, it is a re-release.
    """
    source = facts[0].change.source
    suspicion = _suspicion_at(row, source)
    absent = established_by(row, f"pulled {row.version} by absence")
    if suspicion is None and row.state is not State.PULLED:
        return
    evidence = unique_evidence(
        piece for fact in facts for piece in quote_evidence(fact)
    )
    rest = tuple(s for s in row.suspicions if s.source != source)
    early = row.changed is None or now - row.changed <= TAKEN_BACK
    if altered or (suspicion is None and not (absent and early)):
        row = replace(
            row,
            state=State.RELEASED,
            version=row.version + 1,
            suspicions=rest,
            changed=now,
        )
        event = compose_event(
            row,
            Kind.RE_RELEASED,
            now,
            summary=re_released_summary(row),
            evidence=evidence,
        )
        made.append(event)
        ledger.put(establish_event(row, f"re-released {row.version}", event))
        return
    wrong = suspicion.event if suspicion else absent or ""
    row = forget_pull(replace(row, state=State.RELEASED, suspicions=rest))
    event = compose_event(
        row,
        Kind.CORRECTED,
        now,
        summary=restored_summary(row),
        evidence=evidence,
        corrects=wrong,
        mark=wrong,
    )
    made.append(event)
    ledger.put(establish_event(row, f"corrected {wrong}", event))
