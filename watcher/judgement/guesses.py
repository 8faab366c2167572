"""Names that a date suggests, and what becomes of them when the vendor's own name comes.

A month is not a name.  On a Patch Tuesday an unlabelled record belongs to its month's
update; on another day its date says no more than that an update of that day is out.
Case: MSRC filed September 2026's V2, of the second of October, under "October 2026 Early
Security Updates"; the true October update came on the thirteenth.
"""

from __future__ import annotations

from calendar import TUESDAY
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.change_reading import ChangeReading
from watcher.judgement.ledger import Ledger, Matches
from watcher.judgement.names import (
    LABELLED,
    day_identity,
    day_name,
    is_named_by_words,
    label_names,
    label_of,
    month_named,
    month_of,
    monthly_identity,
    open_name,
)
from watcher.judgement.packages import (
    as_version,
    builds_of,
    current_packages,
    has_product,
    has_version,
    is_row,
    kb_articles,
    only_words_tell_of_version,
)
from watcher.records import Change, Entry, Label, Package, Update

# For how long packages without a label are taken as those of a version that words told,
# or as further ones of their month's update
SAME_RELEASE = timedelta(days=7)
# A record is dated a day early or late, by the zone and by when it was filed
PATCH_TUESDAY_LASTS = timedelta(days=3)


def suggests_month(time: datetime) -> bool:
    """Say whether a date is a Patch Tuesday's, of which all updates bear the month.

    The second Tuesday of a month, from a day before until ``PATCH_TUESDAY_LASTS`` after.
    """
    first = time.replace(day=1)
    second_tuesday = first + timedelta(days=(TUESDAY - first.weekday()) % 7 + 7)
    return timedelta(days=-1) <= time - second_tuesday <= PATCH_TUESDAY_LASTS


def is_of_patch_tuesday(reading: ChangeReading, when: datetime) -> bool:
    """Say whether a record without a label offers the update of a Patch Tuesday.

    What an older record comes to offer on that day may be its own update's next version.
    """
    return suggests_month(when) and not _older_month(reading, when)


def _older_month(reading: ChangeReading, when: datetime) -> str:
    """The month of the record that has come to offer something else in a later one; else "".

    What has waited for an update gets the one of that later month.
    """
    before = reading.change.before
    if before is None or not before.packages:
        return ""
    month = month_of(reading.entry.published)
    return "" if month == month_of(when) else month


def version_told_by_words(
    package: Package, reading: ChangeReading, matches: Matches
) -> Update | None:
    """Give the update of whose current version words alone have told lately, if any.

    The first version, too, where a title has named it.

    A record without a label offers its packages: those are of that version.
    """
    if reading.entry.label is not None:
        return None
    when = matches.date_of(reading)
    if is_of_patch_tuesday(reading, when):
        return None
    family = normalize.family(package.product)
    for update in matches.ledger.find_all((open_name(family),)):
        # Hotfixes come on any day, and the post may be first: what it has named is not
        # told again as "the update of 17 November"
        if is_named_by_words(update):
            if abs(when - update.dated) <= PATCH_TUESDAY_LASTS:
                return update
        elif only_words_tell_of_version(update):
            is_recent = abs(when - update.last_changed) <= SAME_RELEASE
            if is_recent and has_product(update.packages, package.product):
                return update
    return None


def beside_it(
    package: Package, reading: ChangeReading, ledger: Ledger, now: datetime
) -> Update | None:
    """Give the update to whose newest version a package beside this one belongs.

    One record offers the files of one release: where a table has named one of them, the
    others have that name, too.
    """
    if not reading.is_first or reading.entry.label is not None:
        return None
    for kb in kb_articles(reading.entry.packages):
        update = ledger.with_article(kb)
        if kb == package.kb or update is None or update.version == 1:
            continue
        is_newest = kb in kb_articles(current_packages(update))
        if is_newest and now - update.last_changed <= SAME_RELEASE:
            return update
    return None


def founded_of_day(family: str, reading: ChangeReading, matches: Matches) -> Update:
    """Give the update that is known by its day alone, founded where it is new.

    Where a record of an older month offers it, it may be that month's next version.
    """
    when = matches.date_of(reading)
    month = _older_month(reading, when)
    update = matches.ledger.find((day_name(family, when),))
    if update is not None and update.is_guessed and update.month == month:
        return update
    identity = day_identity(family, when)
    update = matches.new_update(identity, family, "SU", when)
    guessed = replace(
        update, month=month, names=(day_name(family, when),), is_guessed=True
    )
    return matches.ledger.found(guessed)


def named_by_label(guessed: Update, label: Label, ledger: Ledger) -> Update:
    """Give the update that a vendor's label names, with what was told under a guess.

    An update of that name takes the guessed one over: its packages, its mail thread and
    what was established of it.  Without one, the guessed update gets the name in place.
    """
    stated = ledger.with_label(label)
    if stated is not None and stated.id != guessed.id:
        packages = as_version(guessed.packages, label.version)
        heir = replace(stated, packages=(*stated.packages, *packages))
        if label.version > stated.version:
            # The re-release itself is decided by what states it
            heir = replace(heir, names=tuple({*heir.names, *guessed.names}))
        ledger.absorb(guessed, heir)
        return ledger[stated.id]
    identity = monthly_identity(label.family, label.month, label.type)
    named = replace(
        guessed,
        title=identity.title,
        type=label.type,
        month=label.month,
        names=(*guessed.names, *label_names(label)),
        is_guessed=False,
    )
    ledger.put(named)
    return named


def guessed_for(
    label: Label, reading: ChangeReading, matches: Matches
) -> Update | None:
    """Give the guessed update that a post with a label tells of, if any.

    Of the label's month, or the second version of an older one; told within a week.
    """
    if not month_named(label):
        return None
    when = matches.date_of(reading)
    for update in matches.ledger.find_all((open_name(label.family),)):
        if not update.is_guessed or abs(when - update.dated) > SAME_RELEASE:
            continue
        is_next_version = label.version > 1 and not update.month
        month = update.month or month_of(update.dated)
        if is_next_version or month == label.month:
            return update
    return None


# -- names that other sources state at the same check


def stating(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Give the entries that bear the vendor's name of a monthly update: rows and posts."""
    found = []
    for entry in entries:
        label = label_of(entry)
        names_month = label.family in LABELLED and month_named(label)
        is_post = entry.published is not None and not entry.packages
        if names_month and (is_post or is_row(entry)):
            found.append(entry)
    return tuple(found)


def with_stated_label(
    change: Change, stated: Sequence[Entry], ledger: Ledger
) -> Change:
    """Give a new record's change with the name that another source states at this check.

    Records are judged first, for they know articles and CVEs; but what a row or a post
    of the same check says of them is known, and no date need be asked.
    """
    entry = change.after
    if change.before is not None or entry is None or entry.label is not None:
        return change
    if not entry.packages:
        return change
    label = _label_of_rows(entry.packages, stated)
    label = label or _label_of_posts(entry, stated, ledger)
    return replace(change, after=replace(entry, label=label))


def _label_of_rows(
    packages: Sequence[Package], stated: Sequence[Entry]
) -> Label | None:
    """The one label that rows give to packages: by KB article, else by build."""
    names = {*kb_articles(packages), *builds_of(packages)}
    labels = []
    for row in stated:
        of_row = {*kb_articles(row.packages), *builds_of(row.packages)}
        if not names.isdisjoint(of_row):
            labels.append(row.label)
    return _only(labels)


def _label_of_posts(
    entry: Entry, stated: Sequence[Entry], ledger: Ledger
) -> Label | None:
    """The label of the post that tells of a record's release, on another day than a
    Patch Tuesday.
    """
    when = entry.published
    families = {normalize.family(package.product) for package in entry.packages}
    if when is None or suggests_month(when) or len(families) > 1:
        return None
    of_family = [each for each in stated if label_of(each).family in families]
    labels = [post.label for post in of_family if _tells_of_release(post, when)]
    label = _only(labels)
    update = ledger.with_label(label)
    if label is None or update is None:
        return label
    # Of a version whose packages are known a record of other ones tells nothing
    return None if has_version(update.packages, label.version) else label


def _tells_of_release(post: Entry, when: datetime) -> bool:
    """Whether a post's label may be that of a release of that day.

    It names the month, or a second version of an older one, and came within a week.
    """
    if post.packages or post.published is None:
        return False
    label = label_of(post)
    is_of_month = label.version > 1 or month_of(when) == label.month
    return is_of_month and abs(when - post.published) <= SAME_RELEASE


def _only(labels: Iterable[Label | None]) -> Label | None:
    """The label that all of these are, whatever product each is for."""
    given = [label for label in labels if label is not None]
    every = {replace(label, product="", pulled=False) for label in given}
    return every.pop() if len(every) == 1 else None
