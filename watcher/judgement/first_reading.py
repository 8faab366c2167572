"""A first reading.

Its histories set every update's state right from the start; only a turn after a told
release is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from watcher.judgement import believe, schedule
from watcher.judgement.change_reading import (
    MatchedChange,
    PassageStatement,
    UpdateChanges,
    history_of,
    tells_of_pull,
)
from watcher.judgement.event import is_before, readings_of
from watcher.judgement.ledger import (
    Ledger,
    establish,
    merge_changes,
    take_over_advisories,
)
from watcher.judgement.matching import is_about
from watcher.judgement.names import label_of, month_of
from watcher.judgement.other_events import Establishing, UpdateCheck
from watcher.judgement.packages import contradict, current_packages, with_pulled
from watcher.judgement.prose import named_packages
from watcher.judgement.pull_and_return import is_recalled, state_change
from watcher.judgement.summary import first_summary
from watcher.records import (
    NEVER,
    Change,
    ChangeKind,
    Document,
    Established,
    Kind,
    Package,
    State,
    Update,
)

# So long after an update became known an article's first text may speak of the one
# before
CARRIED_OVER = timedelta(days=1)
# Vendors date a release to the midnight before it
_DAY_OF_RELEASE = timedelta(days=1)
_NEVER_READ = Document(source="", document="", url="")


def is_first_reading(
    document: str, previous: Mapping[str, Document], now: datetime
) -> bool:
    """Say whether all of a document's entries are taken as known.

    They are at the source's first check; later only what was listed then and is read
    now, and months that were over long ago.
    """
    before = previous.get(document, _NEVER_READ)
    index = previous.get("", _NEVER_READ)
    if before.accepted is not None:
        return False
    if index.accepted is None or before.known:
        return True
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


def untold(
    changes: UpdateChanges, ledger: Ledger, now: datetime
) -> list[MatchedChange]:
    """Give the changes that tell of a turn which the readers of the release must hear of,
    though they are read for the first time.

    An article may appear only days after its update, and say at once that the update
    was pulled.  What it says on the update's first day it may have carried over from
    the month before; after a turn that was told, only a later date counts.
    """
    update = ledger[changes.update_id]
    if not _is_followed(update, now) or now - update.first_seen < CARRIED_OVER:
        return []
    telling = []
    for matched in changes.changes:
        said = _last_turn(matched, update)
        # A history that is about another update says nothing here
        is_of_another = said is None and history_of(matched.entry) is not None
        counts = _is_newer(said, update) if update.turns else not is_of_another
        if counts:
            telling.append(matched)
    turn = state_change(update, UpdateChanges(update.id, telling), now)
    if turn is None or turn.repeats or turn.kind is Kind.CORRECTED:
        return []
    return list(turn.changes)


def _is_followed(update: Update, now: datetime) -> bool:
    """Whether somebody was told of the update, and it is young.

    What is read for the first time does not turn it in silence.
    """
    if update.state is not State.RELEASED or update.released is None:
        return False
    return update.was_told and now - update.released <= schedule.YOUNG


def _is_newer(said: PassageStatement | None, update: Update) -> bool:
    """Whether a turn is dated after what was last established of the update."""
    return said is not None and is_before(update.changed, said.time)


def settle(changes: UpdateChanges, ledger: Ledger, now: datetime) -> None:
    """Bring the update of changes up to what its entries and their histories say.

    It is put into the ledger, and nothing is told: of a state that was told only a
    later date is believed.
    """
    before = update = ledger[changes.update_id]
    for matched in changes.changes:
        if matched.successors:
            update = replace(update, version=max(update.version, 2))
            matched.packages += matched.successors
    update = merge_changes(update, changes)
    turns = [_last_turn(matched, update) for matched in changes.changes]
    last = max(
        (said for said in turns if said is not None),
        # Of a pull and a return of one day the return is the later
        key=lambda said: (said.time or NEVER, said.kind is Kind.RE_RELEASED),
        default=None,
    )
    newest = _as_told_last(update, changes, last, before)
    if newest.packages != update.packages:
        # What its sources have it as goes by the version that is theirs now
        newest = merge_changes(newest, changes)
    turns_it = (newest.state, newest.version) != (update.state, update.version)
    silently = turns_it and _is_followed(before, now)
    if not silently and not _is_outweighed(last, update, before):
        update = newest
    update = _with_pull_before(update, changes)
    ledger.put(take_over_advisories(update, ledger))


def _is_outweighed(
    last: PassageStatement | None, update: Update, before: Update
) -> bool:
    """Whether the state was told of, and what is read for the first time is no newer than that.

    It stays as it was told.
    """
    was_told = any(each.event for each in before.turns)
    is_same = update.version == before.version and not _is_newer(last, before)
    return was_told and is_same


def _as_told_last(
    update: Update,
    changes: UpdateChanges,
    last: PassageStatement | None,
    before: Update,
) -> Update:
    """The update in the state that the histories of its changes end with."""
    if last is None:
        return _without_history(update, changes)
    if last.kind is Kind.RE_RELEASED:
        update = _as_returned(update, last, before)
    elif is_recalled(update, changes) or not _is_replaced_since(last, update):
        # December 2014's record says so of one rollup of three
        update = _as_pulled(update, named_packages(last, current_packages(update)))
    elif not update.is_advisory:
        update = replace(update, state=State.RELEASED)
    if last.time is None:
        return update
    turned = max(last.time, update.changed or NEVER)
    return replace(update, changed=turned, turned=turned)


def _without_history(update: Update, changes: UpdateChanges) -> Update:
    """The update in the state that its rows alone show."""
    if is_recalled(update, changes):
        return _as_pulled(update, ())
    if update.version > 1 and not update.is_advisory:
        return replace(update, state=State.RELEASED)
    return update


def _as_pulled(update: Update, packages: Sequence[Package]) -> Update:
    """The update after its history's last turn, a pull: of these packages, or of all."""
    update = with_pulled(update, packages)
    return establish(update, Established(Kind.PULLED, update.version))


def _as_returned(update: Update, last: PassageStatement, before: Update) -> Update:
    """The update after its history's last turn, a return: it is the second version at least.

    Its packages that are back are that version's.  A record that is read after November
    2024's return offers KB5049233 alone, and says that it was re-released so.
    """
    version = max(update.version, 2)
    packages = []
    for package in update.packages:
        is_named = package.kb in last.kbs if last.kbs else not before.packages
        if is_named and not package.stated:
            package = replace(package, version=version)  # noqa: PLW2901
        packages.append(package)
    update = replace(
        update, version=version, state=State.RELEASED, packages=tuple(packages)
    )
    return establish(update, Established(Kind.RE_RELEASED, version))


def _with_pull_before(update: Update, changes: UpdateChanges) -> Update:
    """Note which version was pulled before the current one: who still runs it is to be told."""
    if update.version < 2 or update.state is not State.RELEASED:
        return update
    for matched in changes.changes:
        label = label_of(matched.entry)
        if label.pulled:
            pull = Established(Kind.PULLED, label.version)
            update = establish(update, pull)
        elif _last_turn(matched, update) is not None and tells_of_pull(matched.entry):
            pull = Established(Kind.PULLED, update.version - 1)
            update = establish(update, pull)
    return update


def _last_turn(matched: MatchedChange, update: Update) -> PassageStatement | None:
    """The pull or re-release that an entry's history ends with, as far as it is about
    this update.
    """
    entry = matched.entry
    said = history_of(entry)
    if said is None or not is_about(said, update, entry):
        return None
    if not matched.packages:
        # Words without packages are about the update, unless all of the entry's
        # packages went to another one
        return said if not entry.packages else None
    # An entry of one month that points at the update of another
    is_of_other_month = contradict(month_of(entry.published), update.month)
    if said.kind is Kind.RE_RELEASED and is_of_other_month:
        return None
    return None if is_before(said.time, update.released) else said


def _is_replaced_since(said: PassageStatement, update: Update) -> bool:
    """Whether a pulled version has been replaced since by one that the tables already show."""
    newer = {each.kb for each in current_packages(update) if each.version > 1}
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
    summary = first_summary(check.update, Kind.RELEASED)
    event = check.compose(Kind.RELEASED, readings_of(rows), summary)
    return [Establishing(Established(Kind.RELEASED), event)]


def _is_new_row(matched: MatchedChange) -> bool:
    """Whether a table that was read before has a row now that it had not."""
    entry = matched.entry
    is_row = bool(entry.packages) and not entry.is_record
    return matched.reading.appeared and is_row
