"""Which update each change is about.

Unknown packages found a new one, or follow the ones that they replace.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.change_reading import (
    ChangeReading,
    PassageStatement,
    history_of,
)
from watcher.judgement.ledger import Ledger
from watcher.judgement.matches import Matches, dated
from watcher.judgement.names import (
    LABELLED,
    MADE,
    MONTHLY,
    base_product,
    label_names,
    lone_identity,
    made_identity,
    made_name,
    month_name,
    month_of,
    monthly_identity,
    package_names,
)
from watcher.judgement.prose import match_prose
from watcher.records import Entry, Kind, Package, State, Update


def is_about(said: PassageStatement, row: Update, entry: Entry) -> bool:
    """Whether a sentence that names KB articles names one of this update's, or one that
    its entry is about.
    """
    mine = (
        {p.kb for p in row.packages}
        | set(row.kbs)
        | {p.kb for p in entry.packages}
        | set(entry.kbs)
    )
    return not said.kbs or bool(mine & set(said.kbs)) or not mine


# For how long a package that bears no label is taken as a further one of the month's
# update.
SAME_RELEASE = timedelta(days=7)


def match(read: Iterable[ChangeReading], ledger: Ledger, now: datetime) -> Matches:
    """Open a case for every update that the facts concern.

    Labelled facts go first (a table knows the release's name), entries that appeared
    before those that were altered (what a new advisory offers is new; what an old one
    now points to may be the same).
    """
    docket = Matches(ledger, now)
    ordered = sorted(
        read,
        key=lambda fact: (
            fact.entry.label is None,
            fact.change.before is not None,
            fact.entry.key,
        ),
    )
    cumulative = _of_one_date(ordered)
    for fact in ordered:
        if fact.entry.packages or fact.gone:
            _place_packages(fact, docket, cumulative)
        else:
            match_prose(fact, docket)
    return docket


def _place_packages(
    fact: ChangeReading, docket: Matches, cumulative: dict[str, tuple[str, ...]]
) -> None:
    ledger = docket.ledger
    for package in fact.entry.packages if fact.change.after else ():
        row = _known(package, fact.entry, ledger)
        succeeded = (
            _succeeded(fact, package, ledger, docket.now)
            or _named_again(fact, package, ledger)
            if row is None
            else None
        )
        if row is None and succeeded is not None:
            docket.case(succeeded).item(fact).successors.append(package)
            continue
        if row is None:
            row = _found(fact, package, docket, cumulative)
        docket.case(row).item(fact).packages.append(package)
    for package in fact.gone or (
        fact.entry.packages if fact.change.after is None else ()
    ):
        row = ledger.find(package_names(package)) or ledger.find(
            label_names(fact.entry.label)
        )
        if row is not None:
            docket.case(row).item(fact)


def _known(package: Package, entry: Entry, ledger: Ledger) -> Update | None:
    """The update that a package belongs to by its own names, or by the label of the row
    it stands in.
    """
    row = _by_article(package, entry, ledger) or _by_build(package, ledger)
    return (
        row
        or ledger.find(label_names(entry.label))
        or _same_rollup(package, entry, ledger)
    )


def _by_article(package: Package, entry: Entry, ledger: Ledger) -> Update | None:
    """By KB article; a row whose label names another month outweighs a link, for tables
    link wrong articles at times.
    """
    row = ledger.find((f"kb:{package.kb}",)) if package.kb else None
    label = entry.label
    if (
        row is None
        or label is None
        or label.type not in MONTHLY
        or row.month in ("", label.month)
    ):
        return row
    return (
        row
        if any(package.build and p.build == package.build for p in row.packages)
        else None
    )


def _by_build(package: Package, ledger: Ledger) -> Update | None:
    """By build, unless that build is known under another KB article."""
    row = ledger.find(
        name for name in package_names(package) if name.startswith("build:")
    )
    if row is None:
        return None
    articles = {p.kb for p in row.packages if p.build == package.build}
    return row if not package.kb or articles <= {"", package.kb} else None


def _same_rollup(package: Package, entry: Entry, ledger: Ledger) -> Update | None:
    """A rollup's row and MSRC's record of it share neither KB article nor build.

    They meet by product and month.
    """
    if (
        entry.label is None
        or entry.label.type != "RU"
        or entry.published is None
        or not entry.label.product
    ):
        return None
    family, product = (
        normalize.family(package.product),
        base_product(entry.label.product),
    )
    row = ledger.find((month_name(family, month_of(entry.published), "SU"),))
    if row is None:
        return None
    mine = [p for p in row.packages if base_product(p.product) == product]
    return row if mine and all(not p.build for p in mine) else None


def _succeeded(
    fact: ChangeReading, package: Package, ledger: Ledger, now: datetime
) -> Update | None:
    """The update whose package of the same product an unknown package replaces in the
    same entry.

    Where updates bear a month, a package of another month is another update, unless
    this one is pulled and waits for it. Elsewhere the vendor's words decide: MSRC also
    corrects wrong articles that way.
    """
    waiting = _waiting(fact, package, ledger)
    if waiting is not None:
        return waiting
    for gone in (*fact.gone, *(pair[0] for pair in fact.grown if pair[1] == package)):
        if base_product(gone.product) != base_product(package.product):
            continue
        row = ledger.find(package_names(gone))
        if row is None or (
            fact.entry.label
            and fact.entry.label.type in MONTHLY
            and fact.entry.label.month != row.month
        ):
            continue
        same_month = (
            bool(row.month)
            and month_of(now) == row.month
            and _published_with(fact.entry, row)
        )
        if (
            row.state is State.PULLED
            or same_month
            or (not row.month and fact.says(Kind.RE_RELEASED))
        ):
            return row
    return None


def _waiting(fact: ChangeReading, package: Package, ledger: Ledger) -> Update | None:
    """The pulled update that a new sentence names beside the package which takes its place."""
    named = [normalize.kbs_in(text) for _, text in fact.sentences]
    for kb in (kb for kbs in named if package.kb in kbs for kb in kbs):
        row = ledger.find((f"kb:{kb}",))
        if (
            row is not None
            and row.state is State.PULLED
            and any(p.product == package.product for p in row.packages)
        ):
            return row
    return None


def _named_again(
    fact: ChangeReading, package: Package, ledger: Ledger
) -> Update | None:
    """The month's update whose re-release as this very article, or if it names none of
    the same day, a new record's history tells.
    """
    entry = fact.entry
    said = (
        history_of(entry)
        if fact.change.before is None and package.kb and entry.published
        else None
    )
    if (
        said is None
        or said.kind is not Kind.RE_RELEASED
        or entry.published is None
        or (said.kbs and package.kb not in said.kbs)
    ):
        return None
    row = ledger.find(
        (
            month_name(
                normalize.family(package.product),
                month_of(entry.published),
                "SU",
            ),
        )
    )
    covered = row is not None and any(
        base_product(p.product) == base_product(package.product) for p in row.packages
    )
    same_day = (
        row is not None
        and row.released is not None
        and row.released.date() == entry.published.date()
    )
    return row if covered and (said.kbs or same_day) else None


def _published_with(entry: Entry, row: Update) -> bool:
    return entry.published is None or month_of(entry.published) == row.month


def _found(
    fact: ChangeReading,
    package: Package,
    docket: Matches,
    cumulative: dict[str, tuple[str, ...]],
) -> Update:
    """The new update that an unknown package founds, or the month's update that it
    further belongs to.
    """
    family = normalize.family(package.product)
    label = fact.entry.label
    if label is not None and label.type and label.type not in MONTHLY and label.product:
        return _made(label.product, family, label.type, docket, fact, cumulative)
    if family not in LABELLED or (label is None and not (package.kb or package.build)):
        return _lone(package, family, docket, fact)
    kind = (label.type if label else "") or package.type or "SU"
    kind = kind if kind in MONTHLY else "SU"
    when = dated(fact, docket.now)
    month = (label.month if label else "") or month_of(when)
    row = docket.ledger.find((month_name(family, month, kind),))
    if row is not None:
        return (
            row
            if _further(row, package, fact, docket)
            else _lone(package, family, docket, fact)
        )
    update_id, title = monthly_identity(family, month, kind)
    name = month_name(family, month, kind)
    return docket.found(
        Update(
            update_id,
            title,
            family,
            kind,
            month,
            1,
            State.RELEASED,
            docket.now,
            names=(name,),
        ),
        when,
    )


def _further(
    row: Update, package: Package, fact: ChangeReading, docket: Matches
) -> bool:
    """Whether an unlabelled package is one more of the month's update, not an update of its own.

    Of what appears its own date counts: a record that is read late, or for the first
    time, tells of the same release.
    """
    if docket.ledger.is_new(row.id) or not row.packages:
        return True
    covered = any(
        base_product(p.product) == base_product(package.product) for p in row.packages
    )
    dated = fact.entry.published if fact.change.before is None else None
    return (
        not covered
        and abs((dated or docket.now) - (row.released or row.first_seen))
        <= SAME_RELEASE
    )


def _made(
    product: str,
    family: str,
    kind: str,
    docket: Matches,
    fact: ChangeReading,
    cumulative: dict[str, tuple[str, ...]],
) -> Update:
    update_id, title = made_identity(product)
    names = [made_name(product)]
    together = cumulative.get(product, ())
    when = dated(fact, docket.now)
    if len(together) > 1:
        update_id, title = monthly_identity(family, month_of(when), "CU")
        names = [made_name(name) for name in together] + [
            month_name(family, month_of(when), "CU")
        ]
    row = docket.ledger.find([name for name in names if name.startswith(MADE)])
    if row is not None:
        return row
    return docket.found(
        Update(
            update_id,
            title,
            family,
            kind,
            "",
            1,
            State.RELEASED,
            docket.now,
            names=tuple(names),
        ),
        when,
    )


def _lone(
    package: Package, family: str, docket: Matches, fact: ChangeReading
) -> Update:
    named = (
        package
        if package.kb or package.build
        else replace(package, build=month_of(dated(fact, docket.now)))
    )
    update_id, title = lone_identity(named)
    if update_id in docket.ledger:
        return docket.ledger[update_id]
    return docket.found(
        Update(update_id, title, family, "update", "", 1, State.RELEASED, docket.now),
        dated(fact, docket.now),
    )


def _of_one_date(read: Iterable[ChangeReading]) -> dict[str, tuple[str, ...]]:
    """Products made by cumulative updates of one family and date, each with all of that date."""
    dates: dict[tuple[str, datetime], set[str]] = defaultdict(set)
    for fact in read:
        label, entry = fact.entry.label, fact.entry
        if (
            label is not None
            and label.type == "CU"
            and label.product
            and entry.published
            and fact.change.after
        ):
            dates[label.family, entry.published].add(label.product)
    return {
        product: tuple(sorted(products))
        for products in dates.values()
        for product in products
    }
