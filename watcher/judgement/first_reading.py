"""A first reading.

Its histories set every update's state right from the start; only a turn after a told
release is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from watcher.judgement import believe, schedule
from watcher.judgement.change_reading import (
    MatchedChange,
    PassageStatement,
    UpdateChanges,
    history_of,
    tells_of_pull,
)
from watcher.judgement.event import compose_event, quote_all
from watcher.judgement.ledger import (
    Ledger,
    establish,
    merge_changes,
    take_over_advisories,
)
from watcher.judgement.matching import is_about
from watcher.judgement.names import month_of
from watcher.judgement.other_events import Establishing, UpdateCheck
from watcher.judgement.packages import current_packages, with_pulled
from watcher.judgement.prose import named_packages
from watcher.judgement.pull_and_return import state_change
from watcher.judgement.summary import first_summary
from watcher.records import (
    Change,
    ChangeKind,
    Document,
    Entry,
    Established,
    Kind,
    State,
    Update,
)

# So long after an update became known an article's first text may speak of the one
# before
CARRIED_OVER = timedelta(days=1)
# Vendors date a release to the midnight before it
_DAY_OF_RELEASE = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


def is_first_reading(
    document: str, previous: Mapping[str, Document], now: datetime
) -> bool:
    """Say whether all of a document's entries are taken as known.

    They are at the source's first check; later only what was listed then and is read
    now, and months that were over long ago.
    """
    before = previous.get(document)
    if before is not None and before.accepted is not None:
        return False
    index = previous.get("")
    if not document or index is None or index.accepted is None:
        return True
    listed_at_first = before is not None and before.known
    return listed_at_first or _is_old_month(document, now)


def _is_old_month(document: str, now: datetime) -> bool:
    is_month = schedule.month_end(document) is not None
    return is_month and not schedule.young(document, now)


def is_quiet(
    change: Change, now: datetime, *, only_for_its_age: bool, other_watch: bool
) -> bool:
    """Say whether a change of a document that was read before is no news.

    Of a copy that is believed ``only_for_its_age`` nothing is but a row with a recent
    date.  Of a document that is read for other products than before (``other_watch``)
    nothing is that only the other choice brings or takes.
    """
    if other_watch and change.kind in (ChangeKind.APPEARED, ChangeKind.MISSING):
        return True
    is_fresh_row = change.kind is ChangeKind.APPEARED and not believe.back_filled(
        change.entry.published, now
    )
    return only_for_its_age and not is_fresh_row


def untold(case: UpdateChanges, ledger: Ledger, now: datetime) -> list[MatchedChange]:
    """The items that tell of a turn which the readers of the release must hear of, though
    they are read for the first time.

    An article may appear only days after its update, and say at once that the update
    was pulled.  What it says on the update's first day it may have carried over from
    the month before; after a turn that was told, only a later date counts.
    """
    row = ledger[case.update_id]
    if not _followed(row, now) or now - row.first_seen < CARRIED_OVER:
        return []
    turned = any(each.of_state for each in row.established)
    items = []
    for item in case.changes:
        said = _turn(item, row)
        # A history that is about another update says nothing here
        may_say = said is not None or history_of(item.entry) is None
        if _newer(said, row) or (may_say and not turned):
            items.append(item)
    turn = state_change(row, UpdateChanges(case.update_id, items), now)
    if turn is None or turn.repeats or turn.kind is Kind.CORRECTED:
        return []
    return list(turn.changes)


def _followed(row: Update, now: datetime) -> bool:
    """Whether somebody was told of the update, and it is young.

    What is read for the first time does not turn it in silence.
    """
    young = row.released is not None and now - row.released <= schedule.YOUNG
    return (
        young
        and row.state is State.RELEASED
        and any(each.event for each in row.established)
    )


def _newer(said: PassageStatement | None, row: Update) -> bool:
    return (
        said is not None
        and said.time is not None
        and row.changed is not None
        and said.time > row.changed
    )


def settle(case: UpdateChanges, ledger: Ledger, now: datetime) -> None:
    """Bring a case's update up to what its entries and their histories say."""
    row = ledger[case.update_id]
    for item in case.changes:
        if item.successors:
            row = replace(row, version=max(row.version, 2))
            item.packages += item.successors
    row = merge_changes(row, case)
    turns = [_turn(item, row) for item in case.changes]
    last = max(
        (said for said in turns if said is not None),
        # Of a pull and a return of one day the return is the later
        key=lambda said: (said.time or _NEVER, said.kind is Kind.RE_RELEASED),
        default=None,
    )
    before = ledger[case.update_id]
    newest = _standing(row, case, last, before)
    if newest.packages != row.packages:
        # What its sources have it as goes by the version that is theirs now
        newest = merge_changes(newest, case)
    turns_it = (newest.state, newest.version) != (row.state, row.version)
    silently = turns_it and _followed(before, now)
    if not silently and not _outweighed(last, row, before):
        row = newest
    ledger.put(take_over_advisories(_pulled_before(row, case), ledger))


def _outweighed(last: PassageStatement | None, row: Update, before: Update) -> bool:
    """Whether the state was told of, and what is read for the first time is no newer than that.

    It stays as it was told.
    """
    has_event = any(each.event for each in before.established if each.of_state)
    return has_event and row.version == before.version and not _newer(last, before)


def _standing(
    row: Update, case: UpdateChanges, last: PassageStatement | None, before: Update
) -> Update:
    """The row in the state that the histories of a case end with."""
    if last is not None and last.kind is Kind.RE_RELEASED:
        row = _returned(row, last, before)
    elif _is_recalled(row, case) or (last is not None and not _overtaken(last, row)):
        # December 2014's record says so of one rollup of three
        named = named_packages(last, current_packages(row)) if last else ()
        row = with_pulled(row, named)
        row = establish(row, Established(Kind.PULLED, row.version))
    elif (last is not None or row.version > 1) and row.type != "advisory":
        row = replace(row, state=State.RELEASED)
    if last is None or last.time is None:
        return row
    turned = max(last.time, row.changed or _NEVER)
    return replace(row, changed=turned, turned=turned)


def _is_recalled(row: Update, case: UpdateChanges) -> bool:
    """Whether a table's row of this version, or a later one, is called "(recalled)"."""
    entries = [matched.entry for matched in case.changes]
    labels = [entry.label for entry in entries if entry.is_recalled]
    return any(label and label.version >= row.version for label in labels)


def _returned(row: Update, last: PassageStatement, before: Update) -> Update:
    """The row after its history's last turn, a return: it is the second version at least."""
    row = replace(row, version=max(row.version, 2), state=State.RELEASED)
    row = _with_returned(row, last, before)
    return establish(row, Established(Kind.RE_RELEASED, row.version))


def _with_returned(row: Update, last: PassageStatement, before: Update) -> Update:
    """The row with the packages that are back as those of its version.

    A record that is read after November 2024's return offers KB5049233 alone, and says
    that it was re-released so.
    """
    packages = []
    for package in row.packages:
        is_named = package.kb in last.kbs if last.kbs else not before.packages
        if is_named and not package.stated:
            package = replace(package, version=row.version)  # noqa: PLW2901
        packages.append(package)
    return replace(row, packages=tuple(packages))


def _pulled_before(row: Update, case: UpdateChanges) -> Update:
    """Note which version was pulled before the current one: who still runs it is to be told."""
    if row.version < 2 or row.state is not State.RELEASED:
        return row
    for item in case.changes:
        label = item.entry.label
        if label is not None and label.pulled:
            row = establish(row, Established(Kind.PULLED, label.version))
        elif _turn(item, row) is not None and tells_of_pull(item.entry):
            row = establish(row, Established(Kind.PULLED, row.version - 1))
    return row


def _turn(item: MatchedChange, row: Update) -> PassageStatement | None:
    """The pull or re-release that an entry's history ends with, as far as it is about
    this update.
    """
    entry = item.entry
    said = history_of(entry)
    if said is None or not is_about(said, row, entry):
        return None
    if not item.packages:
        # Words without packages are about the update, unless all of the entry's
        # packages went to another one
        return said if not entry.packages else None
    if said.time is not None and row.released is not None and said.time < row.released:
        return None
    if said.kind is Kind.RE_RELEASED and _is_of_other_month(entry, row):
        return None
    return said


def _is_of_other_month(entry: Entry, row: Update) -> bool:
    """Whether an entry was published in another month than the one that names the update."""
    if not row.month or entry.published is None:
        return False
    return month_of(entry.published) != row.month


def _overtaken(said: PassageStatement, row: Update) -> bool:
    """Whether a pulled version has been replaced since by one that the tables already show."""
    newer = {p.kb for p in current_packages(row) if p.version > 1}
    return bool(newer) and newer.isdisjoint(said.kbs)


def untold_release(check: UpdateCheck) -> list[Establishing]:
    """Compose the release that a new row tells of, where nobody was told of the update.

    An article of one's own that is read for the first time on the day of the release
    founds the update in silence, hours before the table has its row.
    """
    before = check.before
    if before.established or before.released is None or check.founded_now:
        return []
    if before.first_seen - before.released > _DAY_OF_RELEASE:
        return []
    rows = [each for each in check.unused() if _is_new_row(each)]
    if not rows:
        return []
    check.used += rows
    readings = [matched.reading for matched in rows]
    event = compose_event(
        check.update,
        Kind.RELEASED,
        check.now,
        summary=first_summary(check.update, Kind.RELEASED),
        evidence=quote_all(readings),
        readings=readings,
    )
    return [Establishing(Established(Kind.RELEASED), event)]


def _is_new_row(matched: MatchedChange) -> bool:
    """Whether a table that was read before has a row now that it had not."""
    entry = matched.entry
    appeared = matched.reading.change.kind is ChangeKind.APPEARED
    is_record = bool(entry.revision or entry.cves)
    return appeared and bool(entry.packages) and not is_record
