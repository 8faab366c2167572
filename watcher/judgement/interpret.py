"""What changes mean: those of one source's check in, events and updates out.

    readings = read each change                          (change_reading)
    matches  = which update each reading is about        (matching)
    absences = rows and pages that are gone or back      (absence)
    events   = decide on each update's changes           (decide), then suspect what is gone

A document that is read for the first time is taken as known: its histories set the
ledger's states, nothing is told but the pull or return of an update that was told as
released.  What names no update that is watched stands at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import absence, first_reading, normalize, schedule
from watcher.judgement.absence import AbsenceCheck, Absences
from watcher.judgement.change_reading import (
    ChangeReading,
    UpdateChanges,
    is_issue,
    read_change,
)
from watcher.judgement.corrections import tell_wrong_names
from watcher.judgement.decide import decide, first_sight
from watcher.judgement.event import (
    Decisions,
    Summary,
    compose_event,
    is_before,
)
from watcher.judgement.guesses import with_stated_label
from watcher.judgement.ledger import Ledger, Matches
from watcher.judgement.matching import match
from watcher.judgement.names import LABELLED, entry_names, kb_names, label_names, slug
from watcher.judgement.packages import exact_products
from watcher.judgement.prose import update_label
from watcher.records import (
    Change,
    ChangeKind,
    Entry,
    Event,
    Kind,
    Label,
    Outcome,
    State,
    Update,
    UpdateRef,
)


def names(changes: Iterable[Change], stated: Sequence[Entry] = ()) -> tuple[str, ...]:
    """Give every name under which the ledger may know what the changes are about.

    What the state is to be asked for.  ``stated`` are entries of other sources that bear
    a name at this check.
    """
    found: dict[str, None] = {}
    nothing_known = Ledger(())
    for change in changes:
        change = with_stated_label(change, stated, nothing_known)  # noqa: PLW2901
        for entry in filter(None, (change.before, change.after)):
            found |= dict.fromkeys(entry_names(entry))
        if change.before is None:
            continue
        # A sentence that is new may name the article of another update
        former = change.before.passages
        for passage in change.entry.passages:
            if passage not in former:
                found |= dict.fromkeys(kb_names(normalize.kbs_in(passage.text)))
    return tuple(found)


def events(  # noqa: PLR0913 - what a check of one source knows
    news: Iterable[Change],
    taken_as_known: Iterable[Change],
    updates: Iterable[Update],
    now: datetime,
    kind: str = "",
    language: str = "",
    *,
    stated: Sequence[Entry] = (),
    offers_others: bool = True,
) -> Outcome:
    """Interpret the changes of one source's check.

    Of ``news`` is told; ``taken_as_known`` (a first reading) sets the ledger right.
    ``updates`` are the ledger's for ``names`` of all changes and those under suspicion
    at this source; ``kind`` and ``language`` are the source's; ``stated`` are entries of
    this check's other sources that bear names (``guesses.stating``); ``offers_others``
    says whether this one has anything that is not gone.  Neither the order of changes nor that of
    updates matters.
    """
    ledger, decisions = Ledger(updates), Decisions()
    naming = filter(_may_be_about_update, taken_as_known)
    first = _read(naming, stated, ledger, language)
    _decide_first_reading(first, ledger, now, decisions)

    # What rolls out of a window says nothing
    not_aged = [each for each in news if each.kind is not ChangeKind.AGED_OUT]
    readings = _read(not_aged, stated, ledger, language)
    absences = absence.find_absences(
        readings, ledger, kind, offers_others=offers_others
    )
    check = AbsenceCheck(ledger, now, decisions.events, kind)
    absence.restore(absences.back, check)
    speaking = [each for each in readings if _speaks(each, absences)]
    matches = match(speaking, ledger, now)
    for update_changes in matches.by_update.values():
        decide(update_changes, matches, decisions)
    decide_unmatched(matches, decisions)
    tell_wrong_names(matches, decisions)
    # Last: what words establish needs no suspicion beside it
    if not absences.is_bulk:
        absence.suspect(absences.gone, check)

    for reading in readings:
        if reading.change.kind is not ChangeKind.MISSING:
            continue
        if reading not in absences.found:
            decisions.be_silent(reading, "an absence is no statement of this source")
        elif absences.is_bulk:
            decisions.be_silent(
                reading, "so much is gone at once: the source is at fault"
            )
    return Outcome(
        events=tuple(sorted(decisions.events, key=_by_update)),
        evidence=tuple(decisions.evidence),
        updates=ledger.changed_updates(),
        absorbed=ledger.absorptions,
        silent=tuple(decisions.silent),
        guidance=tuple(decisions.guidance),
        further=tuple(decisions.further),
    )


def _read(
    changes: Iterable[Change], stated: Sequence[Entry], ledger: Ledger, language: str
) -> list[ChangeReading]:
    """The readings of changes, in an order of their own: that in which they come says nothing."""
    return [
        read_change(with_stated_label(change, stated, ledger), language)
        for change in sorted(changes, key=_order)
    ]


def _order(change: Change) -> tuple[str, str, str]:
    return change.document, change.entry.key, change.kind


def _by_update(event: Event) -> tuple[str, str, str]:
    return event.update.id, event.kind, event.id


def _may_be_about_update(change: Change) -> bool:
    """Whether what is taken as known names anything; a post that names nothing is not read."""
    entry = change.entry
    named = entry.packages or entry.kbs or entry.cves or entry.label
    return change.before is not None or bool(named)


def _speaks(reading: ChangeReading, absences: Absences) -> bool:
    """Whether a change says more than that something is gone or back."""
    if reading.change.kind is ChangeKind.MISSING:
        return False
    return not absences.is_all_of(reading)


def _decide_first_reading(
    readings: Sequence[ChangeReading],
    ledger: Ledger,
    now: datetime,
    decisions: Decisions,
) -> None:
    matches = match(readings, ledger, now)
    for changes in matches.by_update.values():
        update_id = changes.update_id
        to_tell = first_reading.untold(changes, ledger, now)
        settled = [each for each in changes.changes if each not in to_tell]
        first_reading.settle(UpdateChanges(update_id, settled), ledger, now)
        if to_tell:
            decide(UpdateChanges(update_id, to_tell), matches, decisions)


_BUILD = re.compile(r"\b\d+(?:\.\d+){2,3}\b")
# Characters of an id that is made of a title
LONGEST_ID = 80


def decide_unmatched(matches: Matches, decisions: Decisions) -> None:
    """Decide on changes that name no update.

    A feed's new entry is news, a known issue of something else is a known issue.
    """
    for reading in matches.unmatched:
        entry = reading.entry
        # A record of one CVE; a post may name some
        is_catalogued = entry.key.upper() in entry.cves
        if is_issue(entry) and (
            reading.appeared or _issue_goes_on(reading, matches.now)
        ):
            _decide_other_issue(reading, matches, decisions)
        elif reading.appeared and entry.title and not is_catalogued:
            decisions.events.append(_news(reading, matches.now))
        else:
            decisions.be_silent(reading, "it names no update that is watched")


def _issue_goes_on(reading: ChangeReading, now: datetime) -> bool:
    """Whether an issue that was there at the first check is told otherwise now.

    March 2020: an issue of KB4535996 was resolved by KB4554364 four days after it was
    opened, whoever began to read the page in between.
    """
    before, entry = reading.change.before, reading.entry
    if before is None or reading.is_gone:
        return False
    is_named = bool(entry.kbs) or _own_version(entry) is not None
    if not is_named or is_before(entry.dated, now - schedule.YOUNG):
        return False
    # A row that is only reworded names nothing that it did not name before
    remedies = (reading.new_text("issue"), reading.new_text("workaround"))
    new_names = _updates_named(*remedies)
    return not new_names <= _updates_named(*(each.text for each in before.passages))


def _updates_named(*texts: str) -> set[str]:
    """The articles and builds that texts name: what brings a fix, or has the fault."""
    named: set[str] = set()
    for text in texts:
        named.update(normalize.kbs_in(text))
        named.update(_BUILD.findall(text))
    return named


def _own_version(entry: Entry) -> Label | None:
    """The version that an issue is of, where its family's updates are known by versions."""
    label = update_label(entry)
    if label is None or label.family in LABELLED:
        return None
    return label


def _decide_other_issue(
    reading: ChangeReading, matches: Matches, decisions: Decisions
) -> None:
    """A known issue of an update that no other source tells of.

    A Windows update that stops Exchange, say.
    """
    entry = reading.entry
    kb = next(iter(entry.kbs), "")
    title, name = kb or entry.title, f"issue {kb or entry.key}"
    label = _own_version(entry)
    if label is not None:
        title = name = label.product
    update_id = slug(name)[:LONGEST_ID]
    if update_id in matches.ledger:
        decisions.be_silent(reading, "its update is known by another issue")
        return
    update = Update(
        update_id,
        title=title,
        family="",
        type="issue",
        month="",
        version=1,
        state=State.RELEASED,
        first_seen=matches.now,
        released=entry.dated,
        products=entry.products,
        kbs=entry.kbs,
        thread=update_id,
        names=label_names(label),
    )
    matches.ledger.put(update)
    changes = UpdateChanges(update_id)
    changes.of(reading)
    first_sight(matches.ledger[update_id], changes, matches, decisions)


def _news(reading: ChangeReading, now: datetime) -> Event:
    entry = reading.entry
    update_id = slug(f"{reading.change.source} {entry.title}")[:LONGEST_ID].strip("-")
    update = Update(
        update_id,
        title=normalize.fold(entry.title),
        family="",
        type="news",
        month="",
        version=1,
        state=State.RELEASED,
        first_seen=now,
        products=entry.products,
        thread=update_id,
    )
    event = compose_event(
        update,
        Kind.NEWS,
        now,
        summary=Summary(update.title),
        readings=[reading],
        distinction=entry.key,
    )
    products = exact_products(entry.products)
    reference = UpdateRef(update_id, update.title, 1, products=products)
    return replace(event, update=reference)
