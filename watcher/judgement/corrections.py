"""What a table of builds corrects: of what records suggested, and of its own former names.

A record's date suggests which update its packages are of; a table's row states it.
Cases: MSRC's record of February 2023 was pointed at March's article, those of 2024 offer
the hotfix of April, and one names Exchange Server 2019 CU13 for the build of CU14.

A row that stood under another update's name at first moves its package to the update that
it names now.  It is a release there, unless its release was the first that was told under
the wrong name: then it was told already, and that update gets the right name in place.
Who was told of it as a part of another update hears that this was wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement.change_reading import ChangeReading, UpdateChanges
from watcher.judgement.event import Decisions, compose_event
from watcher.judgement.ledger import (
    Ledger,
    Matches,
    Relabelled,
    establish,
    establish_by_event,
    established_by,
    with_advisories_of,
)
from watcher.judgement.names import (
    MONTHLY,
    base_product,
    build_names,
    kb_names,
    label_names,
    label_of,
    month_name,
    month_named,
    month_of,
    package_names,
)
from watcher.judgement.packages import (
    contradict,
    current_packages,
    is_guess_of,
    is_row,
    newest_version,
    products_of,
    those_among,
    with_pulled,
)
from watcher.judgement.summary import other_update_summary
from watcher.records import Entry, Established, Kind, Package, State, Update


class Guess(Struct, frozen=True):
    """A package that no row has named, in the update that it was taken to be of."""

    update: Update
    package: Package


def guesses_corrected(row: Package, entry: Entry, ledger: Ledger) -> tuple[Guess, ...]:
    """Give the packages that a table's row names, and that other updates have.

    What is known by its day alone gets a monthly name in ``guesses``.
    """
    label = label_of(entry)
    names = label_names(label)
    if not names or not is_row(entry):
        return ()
    is_monthly = bool(month_named(label))
    stated = ledger.find(names)
    others = [each for each in _updates_named(row, entry, ledger) if each != stated]
    found: list[Guess] = []
    for update in others:
        if (is_monthly and update.is_guessed) or is_dated_as(entry, update):
            continue
        found += [
            Guess(update, package)
            for package in update.packages
            if is_guess_of(package, row) or _is_rollup(package, entry, update)
        ]
    return tuple(found)


def is_dated_as(entry: Entry, update: Update) -> bool:
    """Say whether a row's label names another month than its date, which is the update's.

    December's row under "Nov24SU", beside the record of December: two say the same, and
    the label is a typing error.  A second version may come in any month.
    """
    label = label_of(entry)
    if label.type not in MONTHLY or label.version > 1:
        return False
    names_another = update.month not in ("", label.month)
    return names_another and month_of(entry.published) == update.month


def _updates_named(row: Package, entry: Entry, ledger: Ledger) -> list[Update]:
    """The updates that have a row's article or build, or a rollup's month."""
    updates = list(ledger.find_all(kb_names([row.kb])))
    updates += ledger.find_all(build_names(row))
    label = label_of(entry)
    if label.type == "RU":
        month = month_of(entry.published)
        updates += ledger.find_all((month_name(label.family, month, "SU"),))
    return list({update.id: update for update in updates}.values())


def _is_rollup(package: Package, entry: Entry, update: Update) -> bool:
    """Whether a month's package is a rollup's, which its row names.

    The row of Exchange Server 2013 SP3 RU32 and MSRC's record share neither KB article
    nor build: they meet by product and month.
    """
    label = label_of(entry)
    if (label.type, update.type) != ("RU", "SU") or package.stated or package.build:
        return False
    return base_product(package.product) == base_product(label.product)


def take_from_guesses(
    update: Update,
    row: Package,
    version: int,
    guesses: Sequence[Guess],
    matches: Matches,
) -> Update:
    """Give the update that a row states with the packages that others had of it.

    One that the row founds is what was known under the guess: in its mail thread, with
    what was told of it, and no news.
    """
    ledger = matches.ledger
    taken = list(update.packages)
    for guess in guesses:
        package = guess.package
        matches.corrected.setdefault(guess.update.id, []).append(update.id)
        # Records bear wrong builds at times: a build that is known under another KB
        # article says nothing of theirs
        if package.build and contradict(package.kb, row.kb):
            replace_package(guess, replace(package, build=""), ledger)
            continue
        replace_package(guess, None, ledger)
        taken.append(replace(package, product=row.product, version=version))
    if len(taken) == len(update.packages):
        return update
    if ledger.is_new(update.id):
        former = guesses[0].update
        return ledger.name_anew(_known_as(update, former, version, taken))
    pulled = [each.update for each in guesses if each.update.is_pulled]
    if pulled and version > update.version:
        update = _pulled_under_guess(update, pulled[0], version)
    ledger.put(replace(update, packages=tuple(taken)))
    return ledger[update.id]


def _pulled_under_guess(update: Update, guess: Update, version: int) -> Update:
    """The update whose next version was told, and pulled, under a guessed name."""
    update = replace(
        update,
        version=version,
        state=State.PULLED,
        changed=guess.changed,
        turned=guess.turned,
        last=guess.last,
    )
    for each in guess.established:
        if each.kind is Kind.PULLED:
            update = establish(update, replace(each, version=version))
        if each.kind is Kind.RELEASED and not each.detail:
            return_told = Established(Kind.RE_RELEASED, version, event=each.event)
            update = establish(update, return_told)
    return update


def _known_as(
    update: Update, former: Update, version: int, packages: Sequence[Package]
) -> Update:
    """The update that a row founds, as it was known under another name before."""
    return replace(
        update,
        version=version,
        state=State.PULLED if former.is_pulled else State.RELEASED,
        first_seen=former.first_seen,
        changed=former.changed,
        last=former.last,
        thread=former.thread if former.established else update.id,
        established=former.established,
        source_states=former.source_states,
        packages=tuple(packages),
    )


def replace_package(guess: Guess, correct: Package | None, ledger: Ledger) -> None:
    """Put the guessed update without the package, or with the one that is ``correct``.

    It loses the names, articles and products that no package of it bears any more, and
    the version that none is of.
    """
    update = ledger[guess.update.id]
    packages = tuple(each for each in update.packages if each != guess.package)
    if correct is not None:
        packages += (correct,)
    gone = set(package_names(guess.package))
    for each in packages:
        gone.difference_update(package_names(each))
    newest = newest_version(packages, default=update.version)
    named = replace(
        update,
        packages=packages,
        products=tuple(sorted(products_of(packages))),
        kbs=tuple(kb for kb in update.kbs if gone.isdisjoint(kb_names([kb]))),
        version=min(update.version, newest),
        names=tuple(name for name in update.names if name not in gone),
    )
    ledger.put(named)


def leave_to_heirs(matches: Matches) -> None:
    """Let the updates go whose packages are all others', with what was told of them.

    The one that got most has their mail thread; what they fix all of their heirs fix.
    """
    ledger = matches.ledger
    for gone_id, heirs in matches.corrected.items():
        if gone_id not in ledger or ledger[gone_id].packages:
            continue
        gone = ledger[gone_id]
        # February 2023 has rows of its own, beside the package that was March's
        own = matches.by_update.get(gone_id, UpdateChanges(gone_id))
        if any(each.packages for each in own.changes):
            continue
        for heir_id in dict.fromkeys(heirs):
            ledger.put(with_advisories_of(ledger[heir_id], gone))
        ledger.absorb(gone, ledger[max(sorted(set(heirs)), key=heirs.count)])


def named_wrongly(row: Package, reading: ChangeReading, ledger: Ledger) -> Guess | None:
    """Give the package that a row stated under its former name, in the update of that.

    None where the row's name is as it was, or no update has what it named.
    """
    before = reading.change.before
    if before is None or not _corrects_name(before, reading.entry):
        return None
    update = ledger.with_label(before.label)
    if update is None:
        return None
    for package in those_among(update.packages, before.packages):
        if package.stated and package.build == row.build:
            return Guess(update, package)
    return None


def _corrects_name(before: Entry, after: Entry) -> bool:
    """Whether a row has got another update's name, and not one that its date denies.

    Of December's row under "Nov24SU" one of the two names is a typing error, and its date
    says which.  A second version may come in any month.
    """
    if not (is_row(before) and is_row(after)):
        return False
    old, new = label_of(before), label_of(after)
    if label_names(old) == label_names(new) or "" in map(month_named, (old, new)):
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
    update = ledger.with_article(package.kb)
    month = month_of(when)
    if update is None or not reading.is_first or update.month in ("", month):
        return None
    for stored in update.packages:
        is_first_row = stored.stated and stored.version == 1
        is_of_month = month_of(stored.released) == month
        if stored.kb == package.kb and is_first_row and is_of_month:
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
    """Leave the update that a row named wrongly as it was before that row.

    ``right`` is the update that the package is of; ``tell_wrong_names`` tells of both.
    """
    ledger = matches.ledger
    version = wrong.update.version
    replace_package(wrong, None, ledger)
    update = ledger[wrong.update.id]
    if update.version < version:
        ledger.put(_never_re_released(update))
    matches.relabelled.append(Relabelled(update.id, right.id, wrong.package, reading))


def _never_re_released(update: Update) -> Update:
    """The update without the versions that it never had."""
    established = [
        each
        for each in update.established
        if each.kind is not Kind.RE_RELEASED or each.version <= update.version
    ]
    stated = [each for each in update.source_states if each.version <= update.version]
    update = replace(
        update,
        state=State.RELEASED,
        turned=None,
        established=tuple(established),
        source_states=tuple(stated),
    )
    pulled = [each for each in current_packages(update) if each.pulled]
    return with_pulled(update, pulled) if pulled else update


def tell_wrong_names(matches: Matches, decisions: Decisions) -> None:
    """Correct what was told of packages under the name of another update.

    One event for each that told of them goes to ``decisions``; of what nobody was told
    there is none.
    """
    ledger = matches.ledger
    told: dict[tuple[str, str], list[Relabelled]] = {}
    for each in matches.relabelled:
        if each.package.told:
            told.setdefault((each.wrong, each.package.told), []).append(each)
    for (update_id, wrong), moved in told.items():
        update = ledger[update_id]
        packages = [each.package for each in moved]
        event = compose_event(
            update,
            Kind.CORRECTED,
            matches.now,
            summary=other_update_summary(update, packages, ledger[moved[0].right]),
            readings=[each.reading for each in moved],
            packages=packages,
            corrects=wrong,
            distinction=wrong,
        )
        decisions.events.append(event)
        fact = Established(Kind.CORRECTED, detail=wrong)
        ledger.put(establish_by_event(update, fact, event))
