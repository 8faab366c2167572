"""Which updates a change without packages speaks of: a post's, an article's, a note's.

A sentence that names KB articles or versions is about the updates that these are of.
All else in the text is about what its entry is about: by label, title, article, CVE.
"""

from __future__ import annotations

import re

from msgspec import Struct

from watcher.judgement import normalize
from watcher.judgement.change_reading import (
    PULL_OR_RETURN,
    ChangeReading,
    PassageStatement,
)
from watcher.judgement.ledger import Ledger
from watcher.judgement.matches import Matches, dated
from watcher.judgement.names import (
    LABELLED,
    MONTHLY,
    advisory_identity,
    cve_names,
    label_names,
    lone_identity,
    made_identity,
    made_name,
    monthly_identity,
)
from watcher.judgement.normalize.versions import product_of, version_name, versions_in
from watcher.records import Entry, Kind, Label, Package, State, Update

# What says that something is, or was, offered: it founds an update of which nobody told
OFFERS = (Kind.RELEASED, *PULL_OR_RETURN)


class Named(Struct, frozen=True):
    """What a sentence names: updates of the ledger, and packages that it does not hold."""

    updates: tuple[Update, ...]
    packages: tuple[Package, ...]


def match_prose(fact: ChangeReading, matches: Matches) -> None:
    """Match a change without packages with the updates that it is about.

    Case: in January 2022 one sentence pulled KB5009624, KB5009557 and KB5009555; the
    fourth update of that day stayed what it was.
    """
    subjects = _subjects(fact, matches)
    for subject in subjects:
        item = matches.case(subject).item(fact)
        item.is_subject, item.bound = True, []
    matched = bool(subjects)
    for said in fact.said:
        updates = _updates_meant(said, fact, subjects, matches)
        for update in updates:
            matched = True
            matches.case(update).item(fact).bind(said)
    if not matched:
        matches.unplaced.append(fact)


def _updates_meant(
    said: PassageStatement,
    fact: ChangeReading,
    subjects: list[Update],
    matches: Matches,
) -> list[Update]:
    """The updates that one sentence is about: those that it names, else the subjects."""
    named = _named(said, fact.entry, matches.ledger)
    updates = list(named.updates)
    if any(subject.family in LABELLED for subject in subjects):
        # A month's update has the articles that its posts name, in all its versions
        return updates or subjects
    if named.packages and subjects and said.kind is Kind.RE_RELEASED:
        # "It has been re-released as KB5078297": the next version of the subject
        for subject in subjects:
            matches.case(subject).item(fact).successors.extend(named.packages)
        return list({update.id: update for update in (*updates, *subjects)}.values())
    if said.kind in OFFERS and not (subjects and _is_new(subjects, matches.ledger)):
        updates += [_found(package, fact, matches) for package in named.packages]
    return updates or subjects


def _is_new(updates: list[Update], ledger: Ledger) -> bool:
    return any(ledger.is_new(update.id) for update in updates)


def _subjects(fact: ChangeReading, matches: Matches) -> list[Update]:
    """The updates that an entry as a whole is about; founded where nobody knew them.

    The one that its label names; else those of the KB articles in its title; else the
    first known one of its articles; else the one that fixes its CVEs.
    """
    entry, ledger = fact.entry, matches.ledger
    label = update_label(entry)
    by_label = ledger.find(label_names(label))
    if by_label is not None:
        return [by_label]
    by_title = _updates_of(normalize.kbs_in(entry.title), ledger)
    if by_title:
        return by_title
    by_article = ledger.find(f"kb:{kb}" for kb in entry.kbs)
    if by_article is None:
        by_article = ledger.find(cve_names(entry.cves))
    if by_article is not None:
        return [by_article]
    is_offered = label is not None and (fact.says(*OFFERS) or label.version > 1)
    if label is not None and label_names(label) and is_offered:
        return [_labelled(label, fact, matches)]
    if entry.cves and entry.products and entry.key.upper() in entry.cves:
        return [_announced(fact, matches)]
    return []


def _updates_of(kbs: tuple[str, ...], ledger: Ledger) -> list[Update]:
    found: list[Update] = []
    for kb in kbs:
        update = ledger.find((f"kb:{kb}",))
        if update is not None and update not in found:
            found.append(update)
    return found


def update_label(entry: Entry) -> Label | None:
    """Return an entry's label where it names one update.

    "November 2024 security update KB5046617" of Windows is one of many of that month:
    KB5046616 of the same day is another one.
    """
    label = entry.label
    if label is None or (label.type in MONTHLY and label.family not in LABELLED):
        return None
    return label


def _named(said: PassageStatement, entry: Entry, ledger: Ledger) -> Named:
    """What a sentence names: by KB article, else by product and version."""
    updates = _updates_of(said.kbs, ledger)
    packages: list[Package] = []
    for kb in said.kbs:
        product = _product_of(kb, said.sentence, entry)
        if product and ledger.find((f"kb:{kb}",)) is None:
            packages.append(Package(product, kb))
    for version in versions_named(said.sentence, entry):
        update = ledger.find((made_name(version),))
        if update is not None and update not in updates:
            updates.append(update)
        elif update is None and not said.kbs:
            packages.append(Package(version))
    return Named(tuple(updates), tuple(packages))


def versions_named(sentence: str, entry: Entry) -> tuple[str, ...]:
    """Return the versions of an entry's products that a sentence names: "QTS 5.2.2.2950"."""
    products = dict.fromkeys(
        product_of(name)
        for name in entry.products
        if normalize.family(name) not in LABELLED
    )
    versions = versions_in(sentence, products)
    return tuple(version for version in versions if version in entry.products)


def _product_of(kb: str, sentence: str, entry: Entry) -> str:
    """The product that a KB article is for: the one behind "for", else the entry's first.

    Case: "KB5129235 for Windows Server 2025 and KB5129237 for Windows Server 2022".
    """
    behind = re.split(kb.removeprefix("KB"), sentence, maxsplit=1)[-1]
    until_next = re.split(r"\bKB ?\d", behind, maxsplit=1)[0]
    if re.match(r"\W*(?:\w+ ){0,4}?for ", until_next):
        named = normalize.products_in(until_next)
        if named:
            return named[0]
    named = normalize.products_in(sentence) or entry.products
    return named[0] if named else ""


def _found(package: Package, fact: ChangeReading, matches: Matches) -> Update:
    """The update that a sentence founds by a KB article, else by a product's version."""
    family = normalize.family(package.product)
    if package.kb:
        update_id, title = lone_identity(package)
        update_type = "update"
    else:
        family = product_of(package.product)
        update_id, title = made_identity(package.product)
        update_type = "release"
    if update_id in matches.ledger:
        return matches.ledger[update_id]
    update = Update(
        update_id,
        title,
        family,
        update_type,
        "",
        1,
        State.RELEASED,
        matches.now,
        names=() if package.kb else (made_name(package.product),),
    )
    update = matches.found(update, dated(fact, matches.now))
    matches.case(update).item(fact).packages.append(package)
    return update


def _labelled(label: Label, fact: ChangeReading, matches: Matches) -> Update:
    """The update that a title names before any table or record does."""
    month = ""
    if label.type in MONTHLY:
        month = label.month
        update_id, title = monthly_identity(label.family, month, label.type)
    else:
        update_id, title = made_identity(label.product)
    names = [*label_names(label), *_same_version_names(label, fact.entry)]
    update = Update(
        update_id,
        title,
        label.family,
        label.type,
        month,
        1,
        State.RELEASED,
        matches.now,
        names=tuple(dict.fromkeys(names)),
    )
    return matches.found(update, dated(fact, matches.now))


def _same_version_names(label: Label, entry: Entry) -> list[str]:
    """Names of the parts that are released under the same version.

    Case: "vSphere 7 Update 3" is "ESXi 7.0 Update 3" and "vCenter Server 7.0 Update 3".
    """
    if not label.product:
        return []
    family = label.family.lower()
    version = version_name(label.product).removeprefix(family)
    return [
        made_name(name)
        for name in entry.products
        if version_name(name).removeprefix(product_of(name).lower()) == version
    ]


def _announced(fact: ChangeReading, matches: Matches) -> Update:
    """The advisory without update that a change tells of.

    Those of one family and day that appear at one check are one thing.
    """
    family = normalize.family(fact.entry.products[0])
    published = fact.entry.published or matches.now
    for changes in matches.cases.values():
        other = matches.ledger[changes.update]
        is_new = other.type == "advisory" and matches.ledger.is_new(other.id)
        same_day = (
            other.released is not None and other.released.date() == published.date()
        )
        if is_new and other.family == family and same_day:
            return other
    update_id, title = advisory_identity(fact.entry.cves[0])
    update = Update(
        update_id, title, family, "advisory", "", 1, State.ANNOUNCED, matches.now
    )
    return matches.found(update, published)
