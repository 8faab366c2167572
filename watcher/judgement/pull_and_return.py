"""Was it pulled, is it back: what changes an update's state, from words and from packages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from watcher.judgement import normalize, schedule, tracks
from watcher.judgement.change_reading import (
    MatchedChange,
    PackageChange,
    PassageStatement,
    UpdateChanges,
    keeps_label,
)
from watcher.judgement.event import is_before, is_later, is_older, last_time
from watcher.judgement.matching import is_about
from watcher.judgement.names import LABELLED, label_of
from watcher.judgement.packages import (
    all_among,
    all_articles,
    build_grew,
    builds_of,
    current_packages,
    is_one_named,
    is_successor,
    kb_articles,
    only_words_tell_of_version,
    packages_until_now,
    products_of,
    pulled_packages,
    stated_articles,
    those_among,
    without,
)
from watcher.judgement.prose import (
    articles_of_return,
    named_packages,
    packages_meant,
    under_new_articles,
    unless_all,
)
from watcher.records import Kind, Package, Update

# A revision dated later than this after a re-release tells of another one
SAME_RE_RELEASE = timedelta(days=2)
# How long a word of a re-release repeats the last one
REPEATED_FOR = timedelta(days=45)


class StateChange(Struct, frozen=True):
    """What changes establish of an update's state.

    That it is pulled, re-released or never was pulled, at which version, by which
    changes, statements and packages.  ``repeats``: it is established already, and what
    is said again is further evidence.
    """

    kind: Kind
    version: int
    changes: tuple[MatchedChange, ...]
    statements: tuple[PassageStatement, ...] = ()
    packages: tuple[Package, ...] = ()
    repeats: bool = False
    # The new version that is known first at the check at which its pull is
    pulled_at_once: StateChange | None = None

    @property
    def is_new_version(self) -> bool:
        """Whether it is a re-release that is not established yet."""
        return self.kind is Kind.RE_RELEASED and not self.repeats


class Spoken(Struct, frozen=True):
    """A statement that counts for an update, with the change that it stands in."""

    matched: MatchedChange
    statement: PassageStatement


def state_change(
    update: Update, changes: UpdateChanges, now: datetime
) -> StateChange | None:
    """Give what changes establish of the state of a known update, if anything.

    A new package outweighs words, the later word the earlier.
    """
    shown = _shown_by_packages(update, changes, now)
    pulled = _spoken(Kind.PULLED, update, changes)
    back = _spoken(Kind.RE_RELEASED, update, changes)
    is_back = bool(back) and not is_later(_statements(pulled), _statements(back))
    if shown is not None and not _words_outweigh(shown, pulled, is_back=is_back):
        return _pulled_at_once(shown, pulled) or shown
    if is_back:
        return _re_released(update, back, now)
    if pulled:
        return _pulled(update, _changes(pulled), _statements(pulled))
    if is_recalled(update, changes):
        return _pulled(update, tuple(_recalled_rows(changes)), ())
    return _denied(update, changes)


def is_recalled(update: Update, changes: UpdateChanges) -> bool:
    """Say whether a row's name itself says that the update's version is "(recalled)".

    Of a row that names an earlier version it says nothing; a later one is the next.
    """
    labels = [label_of(matched.entry) for matched in _recalled_rows(changes)]
    return any(label.version >= update.version for label in labels)


def _words_outweigh(
    shown: StateChange, pulled: Sequence[Spoken], *, is_back: bool
) -> bool:
    """Whether words of a pull count for more than the version that packages show."""
    if is_back or not pulled or not shown.repeats:
        return False
    # The label of a version that was told says nothing new: a record of v2 that says
    # "pulled" pulls v2
    if not shown.packages:
        return True
    # A record may come late to a version that was told, and to its pull at once
    return last_time(_statements(pulled)) is not None


def _denied(update: Update, changes: UpdateChanges) -> StateChange | None:
    """The vendor's word that a pulled update never was pulled, if there is one."""
    if not update.has_pulled_packages:
        return None
    spoken = _spoken(Kind.CORRECTED, update, changes)
    denied = [each for each in spoken if _is_about_all(each.statement, update)]
    if not denied:
        return None
    return StateChange(
        Kind.CORRECTED, update.version, _changes(denied), _statements(denied)
    )


def _pulled_at_once(shown: StateChange, pulled: Sequence[Spoken]) -> StateChange | None:
    """The pull of a new version, where a record tells of both at once, the pull last.

    A source that was away for some days comes late to a version and to its pull: "back
    as v2, install it" is wrong by then.
    """
    last = [
        each
        for each in pulled
        if is_later([each.statement], shown.statements) or _is_last_word(each, shown)
    ]
    if shown.repeats or not last:
        return None
    return StateChange(
        Kind.PULLED,
        shown.version,
        _changes(last),
        _statements(last),
        pulled_at_once=shown,
    )


def _is_last_word(pull: Spoken, shown: StateChange) -> bool:
    """Whether a pull is the last revision of a record that shows a new version."""
    entry, statement = pull.matched.entry, pull.statement
    if pull.matched not in shown.changes or not statement.in_revision:
        return False
    if statement.time is None or entry.updated is None:
        return False
    return statement.time.date() >= entry.updated.date()


def _pulled(
    update: Update,
    changes: tuple[MatchedChange, ...],
    statements: tuple[PassageStatement, ...],
) -> StateChange:
    """A pull of the packages that the words name, else of those that their entries offer."""
    meant = packages_meant(update, changes, statements)
    pulled_before = pulled_packages(update)
    repeats = all_among(meant, pulled_before) if meant else update.is_pulled
    return StateChange(
        Kind.PULLED, update.version, changes, statements, meant, repeats=repeats
    )


def _changes(spoken: Sequence[Spoken]) -> tuple[MatchedChange, ...]:
    return tuple(each.matched for each in spoken)


def _statements(spoken: Sequence[Spoken]) -> tuple[PassageStatement, ...]:
    return tuple(each.statement for each in spoken)


# -- what packages show


def _shown_by_packages(
    update: Update, changes: UpdateChanges, now: datetime
) -> StateChange | None:
    """A re-release that packages show.

    Successors, a higher label, a build or file that grew under its name.
    """
    only_words = only_words_tell_of_version(update)
    # New packages are the next version, or the one of which only words have told yet
    next_version = update.version if only_words else update.version + 1
    version = update.version
    showing: list[MatchedChange] = []
    packages: list[Package] = []
    statements: list[PassageStatement] = []
    for matched in changes.changes:
        named = matched.reading.version
        new = _new_packages(update, matched, now)
        if new:
            version = max(version, next_version, named)
        elif named >= next_version and _may_be_next(update, matched):
            version = max(version, named)
            new = matched.packages
        else:
            continue
        showing.append(matched)
        packages += new
        statements += matched.statements_of(Kind.RE_RELEASED)
    if not showing:
        return None
    return StateChange(
        Kind.RE_RELEASED,
        version,
        tuple(showing),
        tuple(statements),
        tuple(packages),
        repeats=version == update.version,
    )


def _may_be_next(update: Update, matched: MatchedChange) -> bool:
    """Whether a row that bears the name of a later version is one.

    It is not one where it gives the pulled packages that name: a record without a label
    was taken for the first version, and what it pulled is the later one.
    """
    if matched.reading.is_gone:
        return False
    if update.is_pulled and matched.packages:
        return not all_among(matched.packages, pulled_packages(update))
    return True


def _new_packages(
    update: Update, matched: MatchedChange, now: datetime
) -> list[Package]:
    """The packages of a change that no one had of the update before."""
    grown = [
        pair.after
        for pair in matched.reading.changed_packages
        if pair.after in matched.packages and _grew(update, pair, now)
    ]
    return [
        *matched.successors,
        *grown,
        *_swapped_packages(update, matched),
        *_packages_after_pull(update, matched),
    ]


def _swapped_packages(update: Update, matched: MatchedChange) -> list[Package]:
    """The packages that have taken the place of others in a row that kept its name.

    January 2026: the row "CU1" of SQL Server 2025 got another article and a higher build;
    of the pulled CU1 nothing was left.  A row of Exchange whose article alone is another
    is a corrected link, and its v2 says so.
    """
    change = matched.reading.change
    if update.family in LABELLED or not keeps_label(change.before, change.entry):
        return []
    swapped = []
    for package in without(matched.reading.new_packages, update.packages):
        build = normalize.build_key(package.build)
        former = [
            normalize.build_key(lost.build)
            for lost in matched.reading.lost_packages
            if lost.product == package.product and lost.kb != package.kb
        ]
        if max(former, default=build) < build:
            swapped.append(package)
    return swapped


def _packages_after_pull(update: Update, matched: MatchedChange) -> list[Package]:
    """The packages of higher builds, in rows dated after the pull of an update.

    Whatever version their label gives: what was offered again as it was counts as a
    version here, and not in the vendor's names.
    """
    published, turned = matched.entry.published, update.turned
    if not update.is_pulled or matched.entry.label is None:
        return []
    if published is None or turned is None or published.date() <= turned.date():
        return []
    current = current_packages(update)
    new = without(matched.packages, update.packages)
    return [
        package
        for package in new
        if any(is_successor(package, each) for each in current)
    ]


def _grew(update: Update, pair: PackageChange, now: datetime) -> bool:
    """Whether a package has a higher build, another file or another size."""
    before, after = pair.before, pair.after
    # What changes in an old row is a correction, unless the update waits for its return
    if is_before(update.released, now - schedule.YOUNG) and not update.is_pulled:
        return False
    if before.build == after.build:
        other_file = (before.file, before.size) != (after.file, after.size)
        return other_file and "" not in (before.file, after.file)
    # A build that was corrected downwards and is put back is no re-release, nor is one
    # that another source has given before
    stored_builds = builds_of(packages_until_now(update))
    if after.build in (*update.corrected_builds, *stored_builds):
        return False
    return build_grew(before, after)


def _recalled_rows(changes: UpdateChanges) -> list[MatchedChange]:
    """The changes of rows whose name itself says "(recalled)"."""
    return [each for each in changes.changes if each.entry.is_recalled]


# -- what words say


def _spoken(kind: Kind, update: Update, changes: UpdateChanges) -> list[Spoken]:
    """The statements of a kind that are about this update and its version."""
    found = []
    for matched in changes.changes:
        for statement in matched.statements_of(kind):
            if not _speaks_of_update(statement, update, matched):
                continue
            if _counts(statement, update, matched):
                found.append(Spoken(matched, statement))
    return found


def _speaks_of_update(
    statement: PassageStatement, update: Update, matched: MatchedChange
) -> bool:
    """Whether an entry's words are about this update, by the packages that it offers."""
    reading = matched.reading
    # A sentence that takes packages out of its record is about those, not about the
    # ones that stay
    if statement.kind is Kind.PULLED and reading.lost_packages:
        return bool(those_among(reading.lost_packages, update.packages))
    if not matched.entry.packages:
        return True
    if reading.is_first:
        return bool(matched.packages)
    # Words of a record that has only now come to point at this update are about another
    return any(each not in reading.new_packages for each in matched.packages)


def _counts(
    statement: PassageStatement, update: Update, matched: MatchedChange
) -> bool:
    """Whether a statement is about this version.

    Not about another update, nor older than the last change of state.
    """
    entry = matched.entry
    if not is_about(statement, update, entry) or is_older(statement, update):
        return False
    if not _names_its_products(statement, update, matched):
        return False
    if _names_another_month(statement, update):
        return False
    # What a new record's FAQ carries is no news: it may tell of earlier months. Its
    # revisions are its own
    is_new_record = bool(matched.reading.is_first and entry.revision and entry.packages)
    if is_new_record and not statement.in_revision:
        return False
    if statement.kind is Kind.RE_RELEASED:
        return not _offers_out_of_band(statement, matched)
    # The row of an earlier version is called "(recalled)"
    in_title = statement.passage == "title" and matched.packages
    if in_title and matched.reading.version < update.version:
        return False
    return _is_of_version(statement, update, matched)


def _offers_out_of_band(statement: PassageStatement, matched: MatchedChange) -> bool:
    """Whether what is said to be back is an out-of-band update of its own articles.

    "An out-of-band update is now available to address a known issue affecting Kerberos
    authentication", November 2020: six new articles, and none that was there before.
    """
    types = {package.type for package in matched.packages}
    return types == {tracks.OUT_OF_BAND} and not statement.kbs


def _names_another_month(statement: PassageStatement, update: Update) -> bool:
    """Whether a sentence names months, and not the update's.

    "It replaces the November 2024 SU, which was paused" pulls nothing of January.
    """
    if not update.month:
        return False
    months = normalize.months_in(statement.sentence, update.released)
    return bool(months) and update.month not in months


def _is_of_version(
    statement: PassageStatement, update: Update, matched: MatchedChange
) -> bool:
    """Whether the KB articles that a sentence names are the current version's.

    Or of the next one, which its own entry has come to offer.
    """
    if update.version == 1 or not statement.kbs:
        return True
    # Of a version of which words alone tell, any article but the former ones
    if stated_articles(update):
        return not set(statement.kbs) <= set(update.former)
    articles = kb_articles((*current_packages(update), *matched.successors))
    if not articles or only_words_tell_of_version(update):
        return True
    return not set(articles).isdisjoint(statement.kbs)


def _is_about_all(statement: PassageStatement, update: Update) -> bool:
    """Whether a sentence is about all of an update's products.

    It names none, or what all of them are: "the update was not withdrawn for Exchange
    Server 2019" says nothing of 2016.
    """
    named = [name.lower() for name in normalize.products_in(statement.sentence)]
    if not named:
        return True
    others = list(update.products)
    for name in named:
        others = [product for product in others if name not in product.lower()]
    return not others


def _names_its_products(
    statement: PassageStatement, update: Update, matched: MatchedChange
) -> bool:
    """Whether a passage that names products names one of this update's.

    Asked only where the entry speaks of several updates: a CVE's record offers packages
    for Exchange and for Windows.
    """
    if products_of(matched.entry.packages).issubset(update.products):
        return True
    passage = matched.reading.new_text(statement.passage)
    return is_one_named(update.products, normalize.products_in(passage))


def _re_released(update: Update, back: Sequence[Spoken], now: datetime) -> StateChange:
    """A re-release that words tell of, or repeat."""
    repeats = _repeats_re_release(update, back, now)
    changes, statements = _changes(back), _statements(back)
    meant: tuple[Package, ...] = ()
    if update.has_pulled_packages:
        meant = packages_meant(update, changes, statements)
    elif not repeats:
        meant = _part_named(update, statements)
    if update.is_pulled_in_part:
        pulled = pulled_packages(update)
        # What was never pulled cannot be back
        meant = tuple(those_among(meant, pulled)) or pulled
    version = update.version
    if not repeats:
        version = update.version + 1
        meant = under_new_articles(update, statements) or meant
    return StateChange(
        Kind.RE_RELEASED, version, changes, statements, meant, repeats=repeats
    )


def _part_named(
    update: Update, statements: Sequence[PassageStatement]
) -> tuple[Package, ...]:
    """The packages of an offered update that each word of its return names; () for all.

    Case: a copy that was read on the twelfth of December 2014 alone says that one rollup
    was recalled, and that its new version is available.
    """
    current = current_packages(update)
    meant: list[Package] = []
    for statement in statements:
        named = named_packages(statement, current)
        if not named:
            return ()
        meant += named
    return unless_all(current, meant)


def _repeats_re_release(update: Update, back: Sequence[Spoken], now: datetime) -> bool:
    """Whether words of a return are about the one that the update has had already.

    They are dated no later than that, or they bear no date and come soon after it.
    """
    turned = update.last_turned
    if update.version == 1 or update.has_pulled_packages or turned is None:
        return False
    if _names_new_articles(update, back):
        return False
    statements = _statements(back)
    last_revision = last_time(each for each in statements if each.in_revision)
    # A later revision of a record is a further re-release
    if last_revision is not None:
        return last_revision <= turned + SAME_RE_RELEASE
    last_word = last_time(statements)
    if last_word is not None and last_word <= turned + SAME_RE_RELEASE:
        return True
    return now - turned < REPEATED_FOR


def _names_new_articles(update: Update, back: Sequence[Spoken]) -> bool:
    """Whether words say that an update is back under articles that it has not had.

    A third version a day after the second is no repetition of that.
    """
    current = kb_articles(current_packages(update)) or stated_articles(update)
    if not current or only_words_tell_of_version(update):
        return False
    named: set[str] = set()
    for said in back:
        named.update(articles_of_return(said.statement))
    return bool(named) and named.isdisjoint(all_articles(update))
