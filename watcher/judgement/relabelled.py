"""Rows that stood under another update's name at first, and have got their right one.

The package moves to the update that its row names now.  It is a release there, unless its
release was the first that was told under the wrong name: then it was told already, and
that update gets the right name in place.  Who was told of it as a part of another update
hears that this was wrong.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from watcher.judgement.change_reading import ChangeReading
from watcher.judgement.corrections import Guess, replace_package
from watcher.judgement.decisions import Decisions
from watcher.judgement.event import compose_event, quote_all
from watcher.judgement.ledger import Ledger, establish_by_event, established_by
from watcher.judgement.matches import Matches, Relabelled
from watcher.judgement.names import MONTHLY, kb_names, label_names, month_of
from watcher.judgement.packages import current_packages, is_row, same_package
from watcher.judgement.summary import other_update_summary
from watcher.records import Entry, Established, Kind, Package, State, Update


def named_wrongly(row: Package, reading: ChangeReading, ledger: Ledger) -> Guess | None:
    """Give the package that a row stated under its former name, in the update of that."""
    before, after = reading.change.before, reading.change.after
    if before is None or after is None or not _corrects_name(before, after):
        return None
    update = ledger.find(label_names(before.label))
    if update is None:
        return None
    for package in update.packages:
        is_its = any(same_package(package, each) for each in before.packages)
        if is_its and package.stated and package.build == row.build:
            return Guess(update, package)
    return None


def _corrects_name(before: Entry, after: Entry) -> bool:
    """Whether a row has got another update's name, and not one that its date denies.

    Of December's row under "Nov24SU" one of the two names is a typing error, and its date
    says which.  A second version may come in any month.
    """
    if not (is_row(before) and is_row(after)):
        return False
    old, new = before.label, after.label
    if old is None or new is None or not (old.month and new.month):
        return False
    if old.type not in MONTHLY or new.type not in MONTHLY:
        return False
    if label_names(old) == label_names(new):
        return False
    if after.published is None or new.version > 1:
        return True
    month = month_of(after.published)
    return new.month == month or old.month != month


def denied_by_date(
    package: Package, reading: ChangeReading, when: datetime, ledger: Ledger
) -> Guess | None:
    """Give a new record's package that a row has put into another month's update.

    The row's own date, and the record's, are of the month that its label does not name.
    """
    update = ledger.find(kb_names([package.kb])) if package.kb else None
    if update is None or not update.month or not reading.is_first:
        return None
    for stored in update.packages:
        if stored.kb != package.kb or not stored.stated or stored.version > 1:
            continue
        dated = stored.released
        is_of_record = dated is not None and month_of(dated) == month_of(when)
        if is_of_record and month_of(when) != update.month:
            return Guess(update, stored)
    return None


def is_news(wrong: Guess) -> bool:
    """Say whether the release of what stood under a wrong name is yet to be told.

    Not what was known from the start, nor what was told as the release of an update that
    there never was.
    """
    update, package = wrong.update, wrong.package
    if not package.told:
        released = package.released
        return released is None or released > update.first_seen
    return package.told != established_by(update, Established(Kind.RELEASED))


def take_from_wrong_name(
    wrong: Guess, right: Update, reading: ChangeReading, matches: Matches
) -> None:
    """Leave the update that a row named wrongly as it was before that row."""
    ledger = matches.ledger
    version = wrong.update.version
    replace_package(wrong, None, ledger)
    update = ledger[wrong.update.id]
    if update.version < version:
        ledger.put(_never_re_released(update))
    matches.relabelled.append(Relabelled(update.id, right.id, wrong.package, reading))


def _never_re_released(update: Update) -> Update:
    """The update without the versions that it never had."""
    kept = [
        each
        for each in update.established
        if each.kind is not Kind.RE_RELEASED or each.version <= update.version
    ]
    stated = [each for each in update.source_states if each.version <= update.version]
    current = current_packages(update)
    state = State.RELEASED
    if current and all(package.pulled for package in current):
        state = State.PULLED
    elif any(package.pulled for package in current):
        state = State.PULLED_IN_PART
    return replace(
        update,
        state=state,
        turned=None,
        established=tuple(kept),
        source_states=tuple(stated),
    )


def tell_wrong_names(matches: Matches, decisions: Decisions) -> None:
    """Correct what was told of packages under the name of another update."""
    ledger = matches.ledger
    told: dict[tuple[str, str], list[Relabelled]] = {}
    for each in matches.relabelled:
        if each.package.told:
            told.setdefault((each.wrong, each.package.told), []).append(each)
    for (update_id, wrong), moved in told.items():
        update = ledger[update_id]
        packages = [each.package for each in moved]
        readings = [each.reading for each in moved]
        event = compose_event(
            update,
            Kind.CORRECTED,
            matches.now,
            summary=other_update_summary(update, packages, ledger[moved[0].right]),
            evidence=quote_all(readings),
            readings=readings,
            packages=packages,
            corrects=wrong,
            distinction=wrong,
        )
        decisions.events.append(event)
        fact = Established(Kind.CORRECTED, detail=wrong)
        ledger.put(establish_by_event(update, fact, event))
