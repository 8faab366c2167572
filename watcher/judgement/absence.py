"""Absence is evidence, never a verdict.

Rows that are gone from a healthy table, pages that say their download is gone.

    absences = find_absences(readings)       what is gone and what is back, by update
    restore(absences.back)                   what is back: a correction, or a re-release
    suspect(absences.gone)                   what is gone: a suspicion, or a pull

One source is one witness.  What is gone there is a suspicion however many of its checks
agree, until words or a second source, another document on another host, confirm it.  A
suspicion is told once of a version, and taken back once, when all is back as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from watcher.judgement import schedule
from watcher.judgement.change_reading import ChangeReading
from watcher.judgement.event import (
    TAKEN_BACK,
    compose_event,
    unique_evidence,
    was_away_before,
    was_short,
)
from watcher.judgement.ledger import (
    Ledger,
    establish_by_event,
    established_by,
    forget_pull,
    pulled_by_absence,
)
from watcher.judgement.names import label_names, link_name, package_names, row_name
from watcher.judgement.packages import (
    all_among,
    all_offered,
    current_among,
    current_packages,
    is_successor,
    names_of_part,
    part_gone,
    pulled_packages,
    those_among,
    with_pulled,
)
from watcher.judgement.summary import (
    gone_summary,
    re_released_summary,
    restored_summary,
    suspected_summary,
)
from watcher.judgement.suspicions import (
    channel_of,
    confirms,
    document_of,
    evidence_of,
    offers_packages,
    packages_gone,
    suspicion_at,
    suspicion_of,
    suspicions_elsewhere,
)
from watcher.kinds import source_kind
from watcher.records import (
    Change,
    ChangeKind,
    Confidence,
    Established,
    Event,
    Kind,
    Outcome,
    Package,
    State,
    Suspicion,
    Update,
)

# Vendors pull one update, or the one and its sibling: SQL Server 2022 CU23 and 2025 CU1
# of January 2026. More at once were a table cut at a row, rows hidden by a line break in
# a cell, a year's rows moved to an archive
PULLED_AT_ONCE = 2


class Absences(Struct, frozen=True):
    """What is gone and what is back, by the ids of the updates that it concerns.

    A page that says why it was away is neither: it is judged by its words.
    ``is_bulk``: so much is gone at once that it is the source's trouble.
    """

    # All absences and ends of absences, also of updates that nobody knows
    found: list[ChangeReading] = field(default_factory=list)
    gone: dict[str, list[ChangeReading]] = field(default_factory=dict)
    back: dict[str, list[ChangeReading]] = field(default_factory=dict)
    is_bulk: bool = False

    def is_all_of(self, reading: ChangeReading) -> bool:
        """Say whether a change says no more than that a download is gone, or back."""
        if _availability(reading.change) is None:
            return False
        concerning = [*self.gone.values(), *self.back.values()]
        return any(reading in readings for readings in concerning)


class AbsenceCheck(Struct, frozen=True):
    """One check of a source: its time and the source's kind; and where decisions go.

    The updates that are concerned go to the ledger, what is told to ``events``.
    """

    ledger: Ledger
    now: datetime
    events: list[Event]
    kind: str = ""


def find_absences(
    readings: Sequence[ChangeReading],
    ledger: Ledger,
    kind: str = "",
    *,
    offers_others: bool = True,
) -> Absences:
    """Sort absences and their ends by the update that they concern.

    ``kind`` is the source's; ``offers_others`` says whether it still has anything that
    is not gone.
    """
    new_rows = [each for each in readings if each.is_first and each.entry.packages]
    replaced = _replaced_updates(new_rows, ledger)
    come: list[Package] = []
    for row in new_rows:
        come += row.entry.packages
    # Tables that show each product's newest row alone let the one before go. A list
    # of all releases does not: 2.1.29 was gone for good, 2.1.30 in its place
    may_give_way = not source_kind(kind).absence_waits
    absences = Absences()
    for reading in filter(is_absence, readings):
        update = _update_of(reading, ledger)
        # v1's rows go when v2's come: in November 2024 the build table was put right
        # in one edit
        if reading.is_gone and update in replaced:
            continue
        if reading.is_gone and may_give_way and _gives_way(reading, come):
            continue
        absences.found.append(reading)
        if update is None or _says_why(reading, update):
            continue
        is_gone = reading.is_gone or _availability(reading.change) is False
        mine = absences.gone if is_gone else absences.back
        mine.setdefault(update.id, []).append(reading)
    return replace(absences, is_bulk=_is_bulk(absences, offers_others=offers_others))


def _gives_way(reading: ChangeReading, come: Sequence[Package]) -> bool:
    """Whether a row's products all get a row of a higher build at the check at which it goes."""
    for package in reading.entry.packages:
        if not any(is_successor(other, package) for other in come):
            return False
    return bool(reading.entry.packages)


def _is_bulk(absences: Absences, *, offers_others: bool) -> bool:
    """Whether so much is gone at once that the source is in trouble.

    A catalogue that finds nothing has once found none of all updates.
    """
    rows = {row_name(reading.entry) for reading in absences.found if reading.is_gone}
    most = PULLED_AT_ONCE if offers_others else 1
    return max(len(rows), len(absences.gone)) > most


def is_absence(reading: ChangeReading) -> bool:
    """Whether a change is an absence, or its end, in a source whose absence means something.

    A row of a table or list of releases, with or without a label; a package page.
    """
    change, entry = reading.change, reading.change.entry
    if change.kind in (ChangeKind.MISSING, ChangeKind.RETURNED):
        # Records of CVEs leave MSRC's months for hours, with packages and all
        is_named_row = entry.label is not None or not entry.is_record
        is_row = bool(entry.packages) and is_named_row
        is_package_page = entry.available is not None
        return is_row or is_package_page
    return _availability(change) is not None


def _replaced_updates(
    new_rows: Sequence[ChangeReading], ledger: Ledger
) -> list[Update]:
    """The updates of which this check has rows of a higher version."""
    replaced = []
    for row in new_rows:
        update = _update_of(row, ledger)
        if update is not None and row.version > update.version:
            replaced.append(update)
    return replaced


def _availability(change: Change) -> bool | None:
    """False when a page has come to say that its download is gone, True when it takes
    that back, None otherwise.
    """
    before, after = change.before, change.after
    if before is None or after is None or before.available == after.available:
        return None
    return after.available


def _update_of(reading: ChangeReading, ledger: Ledger) -> Update | None:
    """The update that a row or page is, or was, about."""
    entry = reading.former_entry
    names = [name for package in entry.packages for name in package_names(package)]
    names += label_names(entry.label)
    names += [f"kb:{kb}" for kb in entry.kbs]
    names.append(link_name(entry.url))
    return ledger.find(names)


def _says_why(reading: ChangeReading, update: Update) -> bool:
    """Whether a page that is there again, or at last, says that the update was pulled.

    An old word of that is none: a download page of the first version once took a
    pulled second one back to released, in silence.
    """
    is_back = bool(_availability(reading.change))
    if update.version > 1 or not is_back or not reading.says(Kind.PULLED):
        return False
    if suspicion_at(update, reading.change.source) is not None:
        return True
    return not update.turns


def suspect(
    gone: dict[str, list[ChangeReading]],
    check: AbsenceCheck,
) -> None:
    """Suspect a pull, or confirm one by a second source.

    After all else of the check is decided: what words establish needs no suspicion
    beside it.
    """
    for update_id, readings in sorted(gone.items()):
        _suspect(check.ledger[update_id], readings, check)


def _suspect(
    update: Update,
    readings: list[ChangeReading],
    check: AbsenceCheck,
) -> None:
    now, ledger = check.now, check.ledger
    lost: list[Package] = []
    for reading in readings:
        lost += reading.former_entry.packages
    if not _may_be_suspected(update, lost, now):
        return
    first = readings[0].change
    earlier = suspicion_at(update, first.source)
    suspicion = suspicion_of(update, readings, earlier, tuple(lost), now, check.kind)
    others = suspicions_elsewhere(update, first.source)
    with_suspicion = replace(update, suspicions=(*others, suspicion))
    # Where nothing is told before a while has passed, nothing is confirmed before, either
    if source_kind(check.kind).absence_waits:
        ledger.put(with_suspicion)
        return
    agreeing = [other for other in others if confirms(other, suspicion)]
    if agreeing:
        evidence = [piece for s in (*agreeing, suspicion) for piece in s.evidence]
        joint = replace(suspicion, evidence=tuple(evidence))
        part = _gone_at_both(update, suspicion, agreeing)
        _pull(with_suspicion, joint, part, check)
        return
    # What has been suspected of a version and taken back, as a lagging server has it, is
    # not suspected aloud again; nor is what another source is suspected to lack already
    if established_by(update, _suspected_pull(update)) is None:
        titles = [reading.former_entry.title for reading in readings]
        row_gone = first.kind is ChangeKind.MISSING
        with_suspicion = _tell_suspicion(
            update, suspicion, titles, check, row_gone=row_gone
        )
    ledger.put(with_suspicion)


def _suspected_pull(update: Update) -> Established:
    """The fact that a pull of an update's version was suspected, once for each version."""
    return Established(Kind.PULLED, update.version, suspected=True)


def _tell_suspicion(
    update: Update,
    suspicion: Suspicion,
    titles: list[str],
    check: AbsenceCheck,
    *,
    row_gone: bool,
) -> Update:
    """Tell of what one source lacks, in an event.

    Gives the update with the suspicion, which names the event.
    """
    part = part_gone(update, suspicion.lost)
    event = compose_event(
        update,
        Kind.PULLED,
        check.now,
        summary=suspected_summary(
            update, suspicion.source, titles, part, row_gone=row_gone
        ),
        evidence=suspicion.evidence,
        confidence=Confidence.SUSPECTED,
        packages=part,
        distinction=" ".join(suspicion.keys),
        scope=channel_of(suspicion.kind),
    )
    check.events.append(event)
    others = suspicions_elsewhere(update, suspicion.source)
    named = replace(suspicion, event=event.id)
    with_suspicion = replace(update, suspicions=(*others, named))
    return establish_by_event(with_suspicion, _suspected_pull(update), event)


def _gone_at_both(
    update: Update, suspicion: Suspicion, agreeing: Sequence[Suspicion]
) -> tuple[Package, ...]:
    """The packages that another source lacks, too; () for all of the update's."""
    found: list[Package] = []
    for other in agreeing:
        both = packages_gone(update, suspicion, other)
        if not both:
            return ()
        found += both
    return tuple(dict.fromkeys(found))


def _may_be_suspected(update: Update, lost: Sequence[Package], now: datetime) -> bool:
    """Only a released update's current version is suspected, and only while it is young.

    Vendors take old rows and files away; v1's rows may go when v2's have come.
    """
    if update.state is not State.RELEASED:
        return False
    # What nobody was told of, and what bears no date, may be of any age
    if update.released is None and not update.was_told:
        return False
    if now - update.dated > schedule.YOUNG:
        return False
    return not lost or bool(current_among(update, lost))


def tell_what_waited(
    suspected: Sequence[Update], source: str, documents: Sequence[str], now: datetime
) -> Outcome:
    """Tell the suspicions of which nothing is told before a while has passed.

    ``documents`` are those of the source that were healthy now.
    """
    check = AbsenceCheck(Ledger(suspected), now, events=[])
    for update in sorted(suspected, key=lambda update: update.id):
        suspicion = suspicion_at(update, source)
        if suspicion is None or update.state is not State.RELEASED:
            continue
        waits = source_kind(suspicion.kind).absence_waits
        waits_still = not waits or now - suspicion.since < waits
        asked = set(documents).issuperset(map(document_of, suspicion.keys))
        if waits_still or not asked:
            continue
        if established_by(update, _suspected_pull(update)) is not None:
            continue
        titles = [key.partition("|")[2] for key in suspicion.keys]
        told = _tell_suspicion(update, suspicion, titles, check, row_gone=True)
        check.ledger.put(told)
    return Outcome(events=tuple(check.events), updates=check.ledger.changed_updates())


def _pull(
    update: Update,
    suspicion: Suspicion,
    part: tuple[Package, ...],
    check: AbsenceCheck,
) -> None:
    """Establish a pull that absence alone has shown: it claims no words of the vendor.

    Of the packages that two sources lack, and of no others.
    """
    update = with_pulled(update, part)
    update = replace(
        update,
        changed=check.now,
        turned=check.now,
        turned_before=update.turned,
    )
    gone = those_among(current_packages(update), part)
    event = compose_event(
        update,
        Kind.PULLED,
        check.now,
        summary=gone_summary(update, gone),
        packages=gone or None,
        evidence=suspicion.evidence,
        because="absence: gone at two sources",
        scope=channel_of(suspicion.kind),
    )
    check.events.append(event)
    pulled = Established(Kind.PULLED, update.version, detail=names_of_part(gone))
    update = establish_by_event(update, pulled, event)
    by_absence = replace(pulled, by_absence=True)
    check.ledger.put(establish_by_event(update, by_absence, event))


def restore(
    back: dict[str, list[ChangeReading]],
    check: AbsenceCheck,
) -> None:
    """Take back, or tell of a re-release, where rows or pages are back."""
    for update_id, readings in sorted(back.items()):
        update = check.ledger[update_id]
        # An article that was away for a day while its update was pulled is no
        # re-release: it offers no package
        source = readings[0].change.source
        if not offers_packages(check.kind) and suspicion_at(update, source) is None:
            continue
        pages, rows = [], []
        for reading in readings:
            if _availability(reading.change):
                pages.append(reading)
            # A row with another build is judged as that
            elif not (reading.new_packages or reading.changed_packages):
                rows.append(reading)
        if rows or pages:
            altered = not all(_offers_what_it_did(page, update) for page in pages)
            _restore(update, [*rows, *pages], check, altered=altered)


def _offers_what_it_did(page: ChangeReading, update: Update) -> bool:
    """Whether a page that is back offers what it did.

    The lost packages with their files, or, later, the update's.
    """
    suspicion = suspicion_at(update, page.change.source)
    if suspicion is not None and suspicion.lost:
        return all_among(page.entry.packages, suspicion.lost)
    any_file = [replace(each, file="", size=None) for each in update.packages]
    return all_among(page.entry.packages, any_file)


def _proves_no_return(
    update: Update, readings: list[ChangeReading], now: datetime
) -> bool:
    """Whether what is back says nothing of an update that words have pulled.

    A page that was away for an hour says nothing, nor does a row, for however long a late
    copy of its table hid it: a row offers nothing.
    """
    if was_short(readings, update, now) or was_away_before(readings, update):
        return True
    return _are_rows(readings)


def _are_rows(readings: list[ChangeReading]) -> bool:
    """Whether all that is back are rows of tables, and no page of a package is."""
    return all(_availability(each.change) is None for each in readings)


def _restore(
    update: Update,
    readings: list[ChangeReading],
    check: AbsenceCheck,
    *,
    altered: bool,
) -> None:
    """What is back as it was takes a suspicion back, or a verdict of absence alone.

    Later, or altered, it is a re-release.
    """
    now, ledger = check.now, check.ledger
    source = readings[0].change.source
    suspicion = suspicion_at(update, source)
    verdict = pulled_by_absence(update)
    is_pulled = update.is_pulled or (update.is_pulled_in_part and verdict is not None)
    if suspicion is None and not is_pulled:
        return
    by_words = update.is_pulled and verdict is None
    if by_words and not altered and _proves_no_return(update, readings, now):
        return
    others = suspicions_elsewhere(update, source)
    if not altered and _is_still_gone(suspicion, verdict, others, readings):
        # The event of the suspicion stands, too
        if suspicion is not None and suspicion.event:
            others = (replace(others[0], event=suspicion.event), *others[1:])
        ledger.put(replace(update, suspicions=others))
        return
    offered = replace(
        update,
        state=State.RELEASED,
        suspicions=others,
        # A page that is back before the words are says the same of its packages
        packages=all_offered(update.packages),
    )
    wrong = "" if altered else _taken_back(update, suspicion, verdict, now)
    if wrong:
        offered = forget_pull(offered)
        part = _part_back(update, suspicion, verdict)
        summary = restored_summary(offered, part)
        fact = Established(Kind.CORRECTED, detail=wrong)
    else:
        part = ()
        offered = replace(offered, version=update.version + 1, changed=now, turned=now)
        summary = re_released_summary(offered)
        fact = Established(Kind.RE_RELEASED, offered.version)
    event = compose_event(
        offered,
        fact.kind,
        now,
        summary=summary,
        packages=part or None,
        evidence=unique_evidence(evidence_of(readings)),
        corrects=wrong,
        distinction=wrong,
    )
    check.events.append(event)
    ledger.put(establish_by_event(offered, fact, event))


def _is_still_gone(
    suspicion: Suspicion | None,
    verdict: str | None,
    others: Sequence[Suspicion],
    readings: list[ChangeReading],
) -> bool:
    """Whether a suspicion or verdict stands though one source shows its packages again.

    It does as long as another source lacks them, too; not a verdict where their page is
    back.  A suspicion of which nobody was told just goes.
    """
    if verdict is not None:
        return bool(others) and _are_rows(readings)
    return suspicion is not None and (bool(others) or not suspicion.event)


def _taken_back(
    update: Update, suspicion: Suspicion | None, verdict: str | None, now: datetime
) -> str:
    """The event that told of what was none; "" where it was a pull, and this a return.

    A verdict is what is taken back, not the suspicions that it was made of.
    """
    if verdict is None:
        return suspicion.event if suspicion is not None else ""
    was_early = update.changed is None or now - update.changed <= TAKEN_BACK
    return verdict if was_early else ""


def _part_back(
    update: Update, suspicion: Suspicion | None, verdict: str | None
) -> tuple[Package, ...]:
    """The packages that are offered again, where they were not all of the update's."""
    part: tuple[Package, ...] = ()
    if verdict is None and suspicion is not None:
        part = packages_gone(update, suspicion)
    if update.is_pulled_in_part:
        part = part or pulled_packages(update)
    return part
