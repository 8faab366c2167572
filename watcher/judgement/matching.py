"""Which update each change is about.

Unknown packages found a new one, or follow the ones that they replace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import normalize, tracks
from watcher.judgement.change_reading import (
    ChangeReading,
    PassageStatement,
    return_in,
)
from watcher.judgement.corrections import (
    denied_by_date,
    guesses_corrected,
    is_dated_as,
    is_news,
    leave_to_heirs,
    named_wrongly,
    take_from_guesses,
    take_from_wrong_name,
)
from watcher.judgement.guesses import (
    SAME_RELEASE,
    beside_it,
    founded_of_day,
    is_of_patch_tuesday,
    named_by_label,
    suggests_month,
    version_told_by_words,
)
from watcher.judgement.ledger import Ledger, Matches
from watcher.judgement.names import (
    LABELLED,
    MONTHLY,
    NO_LABEL,
    base_product,
    build_names,
    label_names,
    label_of,
    lone_identity,
    made_identity,
    made_name,
    month_name,
    month_of,
    monthly_identity,
    package_names,
)
from watcher.judgement.packages import builds_of, contradict, has_product, products_of
from watcher.judgement.prose import match_prose
from watcher.records import Entry, Kind, Label, Package, Update


def match(readings: Iterable[ChangeReading], ledger: Ledger, now: datetime) -> Matches:
    """Match each change with the updates that it is about; ``now`` is the check's time.

    The ledger is added to: unknown packages found updates.
    """
    ordered = sorted(readings, key=_order)
    matches = Matches(ledger, now, made_together=_made_together(ordered))
    for reading in ordered:
        if reading.entry.packages or reading.lost_packages:
            _match_packages(reading, matches)
        else:
            match_prose(reading, matches)
    leave_to_heirs(matches)
    return matches


def _order(reading: ChangeReading) -> tuple[bool, bool, str]:
    """Labelled changes go first, for a table knows the release's name.

    Entries that appeared go before those that were altered: what a new advisory offers
    is new, what an old one now points to may be the same.
    """
    return reading.entry.label is None, not reading.is_first, reading.entry.key


def _made_together(readings: Iterable[ChangeReading]) -> dict[str, tuple[str, ...]]:
    """The products that cumulative updates of one family and date make.

    Exchange's CUs of one day (2016 CU21, 2019 CU10) are one update with one title.
    """
    by_date: dict[tuple[str, datetime], set[str]] = defaultdict(set)
    for reading in readings:
        label, published = label_of(reading.entry), reading.entry.published
        if label.type == "CU" and published and not reading.is_gone:
            by_date[label.family, published].add(label.product)
    together = {}
    for made in by_date.values():
        # A label that names no product makes none
        products = tuple(sorted(made - {""}))
        together.update(dict.fromkeys(products, products))
    return together


# -- changes that offer packages


def _match_packages(reading: ChangeReading, matches: Matches) -> None:
    offered = reading.entry.packages if reading.change.after else ()
    for package in offered:
        update = _update_offering(package, reading, matches)
        if update is None:
            follows = _update_followed(reading, package, matches)
            if follows is not None:
                matches.matched(follows, reading).successors.append(package)
                continue
            update = _founded_by(package, reading, matches)
        matches.matched(update, reading).packages.append(package)

    for package in reading.lost_packages:
        names = (*package_names(package), *label_names(reading.entry.label))
        update = matches.ledger.find(names)
        if update is not None:
            # What it lost is about it, too
            matches.matched(update, reading)


def _update_offering(
    package: Package, reading: ChangeReading, matches: Matches
) -> Update | None:
    """The known update, or the one that a row states, of which an entry offers a package."""
    return (
        _stated_of_guesses(package, reading, matches)
        or _denied_by_record(package, reading, matches)
        or _by_article(package, reading.entry, matches.ledger)
        or _by_build(package, matches.ledger)
        or matches.ledger.with_label(reading.entry.label)
        or beside_it(package, reading, matches.ledger, matches.now)
        or version_told_by_words(package, reading, matches)
    )


def _stated_of_guesses(
    package: Package, reading: ChangeReading, matches: Matches
) -> Update | None:
    """The update that a table's row states of a package which others were taken to have,
    or which the row itself has named wrongly.
    """
    guesses = guesses_corrected(package, reading.entry, matches.ledger)
    wrong = named_wrongly(package, reading, matches.ledger)
    if wrong is None and not guesses:
        return None
    update = matches.ledger.with_label(reading.entry.label)
    if update is None:
        update = _founded_by(package, reading, matches)
    if wrong is not None and is_news(wrong):
        take_from_wrong_name(wrong, update, reading, matches)
    elif wrong is not None:
        guesses = (*guesses, wrong)
    return take_from_guesses(update, package, reading.version, guesses, matches)


def _denied_by_record(
    package: Package, reading: ChangeReading, matches: Matches
) -> Update | None:
    """The month's update of a new record, where a row has named its package wrongly."""
    when = matches.date_of(reading)
    if reading.entry.label is not None or not suggests_month(when):
        return None
    wrong = denied_by_date(package, reading, when, matches.ledger)
    if wrong is None or not is_news(wrong):
        return None
    update = _update_of_month(package, when, matches.ledger)
    if update is None:
        update = _founded_by(package, reading, matches)
    take_from_wrong_name(wrong, update, reading, matches)
    return update


def _by_article(package: Package, entry: Entry, ledger: Ledger) -> Update | None:
    """The update that has a package's KB article, unless the row's label says otherwise."""
    update = ledger.with_article(package.kb)
    label = label_of(entry)
    if update is None or label.type not in MONTHLY:
        return update
    if update.is_guessed and label.month:
        return named_by_label(update, label, ledger)
    if update.month in ("", label.month) or is_dated_as(entry, update):
        return update
    # Tables link wrong articles at times: a row whose label names another month than
    # the update that its link leads to is believed by its label, unless its build is
    # that update's, too
    return update if package.build in builds_of(update.packages) else None


def _by_build(package: Package, ledger: Ledger) -> Update | None:
    """The update that has a package's build, unless under another KB article.

    Records bear wrong builds at times: such a build does not count.
    """
    update = ledger.find(build_names(package))
    if update is None:
        return None
    of_build = [each for each in update.packages if each.build == package.build]
    is_of_others = any(contradict(each.kb, package.kb) for each in of_build)
    return None if is_of_others else update


def _update_of_month(package: Package, time: datetime, ledger: Ledger) -> Update | None:
    family = normalize.family(package.product)
    return ledger.find((month_name(family, month_of(time), "SU"),))


# -- unknown packages that follow others


def _update_followed(
    reading: ChangeReading, package: Package, matches: Matches
) -> Update | None:
    """The update of which an unknown package is the next version, if it is of any."""
    return (
        _waiting(reading, package, matches.ledger)
        or _replaced(reading, package, matches)
        or _named_again(reading, package, matches.ledger)
    )


def _waiting(reading: ChangeReading, package: Package, ledger: Ledger) -> Update | None:
    """The pulled update that a new sentence names beside the package in its place.

    "KB5002700 replaces KB5002623", said of an update that stands pulled.
    """
    beside: list[str] = []
    for passage in reading.new_passages:
        kbs = normalize.kbs_in(passage.text)
        if package.kb in kbs:
            beside += kbs
    for kb in beside:
        update = ledger.with_article(kb)
        if update is None or not update.is_pulled:
            continue
        if package.product in products_of(update.packages):
            return update
    return None


def _replaced(
    reading: ChangeReading, package: Package, matches: Matches
) -> Update | None:
    """The update whose package an unknown one of the same product replaces in one entry."""
    former = list(reading.lost_packages)
    former += [p.before for p in reading.changed_packages if p.after == package]
    for gone in former:
        if base_product(gone.product) != base_product(package.product):
            continue
        update = matches.ledger.find(package_names(gone))
        if update is not None and _takes_place(reading, update, matches):
            return update
    return None


def _takes_place(reading: ChangeReading, update: Update, matches: Matches) -> bool:
    """Whether what replaces an update's package in an entry is its next version.

    MSRC lets old records point to the newest update: a package of another month is
    another update, not a new version of the old one.
    """
    label = label_of(reading.entry)
    if label.type in MONTHLY and label.month != update.month:
        return False
    # What is pulled waits for the package that takes its place, whatever its month
    if update.is_pulled:
        return True
    # A check may be late: the day is the record's
    when = matches.date_of(reading)
    months = {month_of(when), month_of(reading.entry.published or when)}
    if months == {update.month}:
        return True
    # Later, and where updates bear no month, the vendor's words decide: MSRC also
    # corrects wrong articles that way
    return reading.says(Kind.RE_RELEASED)


def _named_again(
    reading: ChangeReading, package: Package, ledger: Ledger
) -> Update | None:
    """The month's update that a new record's own history says was re-released.

    As this very article, or if it names none, on the same day.  Read first after the
    re-release, the November 2024 record says "re-released as v2, KB5049233".
    """
    published = reading.entry.published
    if not reading.is_first or not package.kb or published is None:
        return None
    statement = return_in(reading.entry)
    update = _update_of_month(package, published, ledger)
    if statement is None or update is None:
        return None
    if not has_product(update.packages, package.product):
        return None
    released = update.released
    same_day = released is not None and released.date() == published.date()
    is_named = package.kb in statement.kbs if statement.kbs else same_day
    return update if is_named else None


# -- unknown packages that found an update


def _founded_by(package: Package, reading: ChangeReading, matches: Matches) -> Update:
    """The new update that an unknown package founds, or the month's update that it
    further belongs to.
    """
    family = normalize.family(package.product)
    label = label_of(reading.entry)
    if label.product and label.type not in ("", *MONTHLY):
        return _founded_by_product(label, family, reading, matches)
    is_unnamed = label is NO_LABEL and not package_names(package)
    if family not in LABELLED or is_unnamed:
        return _founded_alone(package, family, reading, matches)

    when = matches.date_of(reading)
    # A month that a date suggests is a guess, one that a label names a statement
    if not label.month and not is_of_patch_tuesday(reading, when):
        return founded_of_day(family, reading, matches)
    month = label.month or month_of(when)
    kind = label.type or package.type
    if kind not in MONTHLY:
        kind = "SU"
    names = (month_name(family, month, kind),)
    update = matches.ledger.find(names)
    if update is None:
        identity = monthly_identity(family, month, kind)
        founded = matches.new_update(identity, family, kind, when)
        return matches.ledger.found(replace(founded, month=month, names=names))
    if _is_further(update, package, reading, matches):
        return update
    return _founded_alone(package, family, reading, matches)


def _is_further(
    update: Update, package: Package, reading: ChangeReading, matches: Matches
) -> bool:
    """Whether an unlabelled package is one more of the month's update.

    Else it is an update of its own.
    """
    if matches.ledger.is_new(update.id) or not update.packages:
        return True
    if has_product(update.packages, package.product):
        return False
    # Of what appears its own date counts: a record that is read late, or for the first
    # time, tells of the same release
    dated = reading.entry.published if reading.is_first else None
    released = update.dated
    return abs((dated or matches.now) - released) <= SAME_RELEASE


def _founded_by_product(
    label: Label, family: str, reading: ChangeReading, matches: Matches
) -> Update:
    """The update that makes a product: a CU, a rollup, a service pack."""
    when = matches.date_of(reading)
    together = matches.made_together.get(label.product, ())
    identity = made_identity(label.product)
    made = [made_name(label.product)]
    names = made
    if len(together) > 1:
        month = month_of(when)
        identity = monthly_identity(family, month, "CU")
        made = [made_name(product) for product in together]
        names = [*made, month_name(family, month, "CU")]
    update = matches.ledger.find(made)
    if update is not None:
        return update
    update = matches.new_update(identity, family, label.type, when)
    return matches.ledger.found(replace(update, names=tuple(names)))


def _founded_alone(
    package: Package, family: str, reading: ChangeReading, matches: Matches
) -> Update:
    """The update that is known by its KB article, else its build, its advisory, its month."""
    when = matches.date_of(reading)
    if not package_names(package):
        number = _advisory_of(reading.entry) or month_of(when)
        package = replace(package, build=number)
    identity = lone_identity(package)
    if identity.id in matches.ledger:
        return matches.ledger[identity.id]
    update = matches.new_update(identity, family, "update", when)
    return matches.ledger.found(update)


def _advisory_of(entry: Entry) -> str:
    """The id of a document that is an advisory of its own (CSAF), "" where it is a CVE's.

    Two of one month are two updates: Cisco's of June 2025 were one, named by the month.
    MSRC's records of a month without builds are one update.
    """
    is_of_cve = bool(normalize.cves_in(entry.key.replace("_", " ")))
    return entry.key if entry.revision and not is_of_cve else ""


# -- statements


def is_about(statement: PassageStatement, update: Update, entry: Entry) -> bool:
    """Say whether a statement is about an update, by the KB articles that it names.

    Without any it is about what its entry is about.
    """
    if not statement.kbs:
        return True
    mine = {*update.kbs, *entry.kbs}
    mine.update(package.kb for package in update.packages)
    # One record offers KB5009624 for Server 2012 R2 and KB5009543 for Windows 10: what it
    # says of the one is not about the other; nor is what it says of a roll-up about the
    # security-only update of the same servers
    for package in entry.packages:
        track = tracks.track(package)
        alike = [each for each in update.packages if tracks.track(each) == track]
        if not update.packages or has_product(alike, package.product):
            mine.add(package.kb)
    return not mine or not mine.isdisjoint(statement.kbs)
