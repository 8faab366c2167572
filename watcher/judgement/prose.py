"""Which updates a change without packages speaks of: a post's, an article's, a note's; and which
packages of an update a sentence means.

A sentence that names KB articles or versions is about the updates that these are of.
All else in the text is about what its entry is about: by label, title, article, CVE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.change_reading import (
    PULL_OR_RETURN,
    ChangeReading,
    MatchedChange,
    PassageStatement,
)
from watcher.judgement.event import packages_of
from watcher.judgement.guesses import guessed_for, named_by_label
from watcher.judgement.ledger import Ledger, Matches
from watcher.judgement.names import (
    LABELLED,
    MONTHLY,
    NO_LABEL,
    advisory_identity,
    base_product,
    cve_names,
    kb_names,
    label_names,
    label_of,
    lone_identity,
    made_identity,
    made_name,
    monthly_identity,
)
from watcher.judgement.normalize.products import (
    own_versions_in,
    product_of,
    version_name,
    versions_of_articles,
)
from watcher.judgement.packages import current_packages, of_articles, those_among
from watcher.judgement.reading import sentences
from watcher.records import Entry, Kind, Label, Package, State, Update

# "KB5129235 for Windows Server 2025", "KB5129235 is now available for ..."
_FOR = re.compile(r"\)? (?:(?:is|are|now|available) ){0,3}for ")
# "as KB5049233", "als KB5049233"
_BACK_UNDER = re.compile(
    r"\b(?:as|by|with|als|durch|mit)\b(?=\W*KB ?\d)", re.IGNORECASE
)
# What says that something is, or was, offered: it founds an update of which nobody told
OFFERS = (Kind.RELEASED, *PULL_OR_RETURN)
# KB articles that a post leads to and may be about
MOST_LINKED = 2


class Named(Struct, frozen=True):
    """What a sentence names: updates of the ledger, and packages that it does not hold.

    ``made`` are those packages that are their product's version, not an update for it.
    """

    updates: tuple[Update, ...]
    packages: tuple[Package, ...]
    made: tuple[Package, ...] = ()

    @property
    def unknown(self) -> tuple[Package, ...]:
        """All packages that the ledger does not hold."""
        return (*self.packages, *self.made)


def match_prose(reading: ChangeReading, matches: Matches) -> None:
    """Match a change without packages with the updates that it is about.

    One that is about none is unmatched.  Case: in January 2022 one sentence pulled
    KB5009624, KB5009557 and KB5009555; the fourth update of that day stayed what it was.
    """
    subjects = _subjects(reading, matches)
    for subject in subjects:
        change = matches.matched(subject, reading)
        change.is_subject, change.bound = True, []
        change.packages.extend(reading.prose_packages)
    meant = list(subjects)
    for statement in reading.statements:
        updates = _updates_meant(statement, reading, subjects, matches)
        for update in updates:
            matches.matched(update, reading).bind(statement)
        meant += updates
    if not meant:
        matches.unmatched.append(reading)


def _updates_meant(
    statement: PassageStatement,
    reading: ChangeReading,
    subjects: list[Update],
    matches: Matches,
) -> list[Update]:
    """The updates that one sentence is about: those that it names, else the subjects."""
    named = _named(statement, reading.entry, matches.ledger)
    updates = list(named.updates)
    if len(subjects) > 1 and not updates:
        # "The new version of Exchange Server 2010 SP3 Update Rollup 8 is now available"
        before = sentence_before(statement, reading.entry)
        products = statement.products or normalize.products_in(before)
        subjects = _of_products(products, subjects)
    is_return = statement.kind is Kind.RE_RELEASED
    if any(subject.family in LABELLED for subject in subjects):
        if is_return and len(subjects) == 1:
            return _with_guesses(subjects[0], updates, matches)
        # A month's update has the articles that its posts name, in all its versions
        return updates or subjects
    if is_return and subjects and named.unknown:
        return _back_under(named, statement, reading, subjects, matches)
    if _may_found(statement, subjects, matches.ledger):
        packages = named.packages
        if not (updates or subjects or named.unknown):
            packages = _linked_packages(statement, reading, matches)
        updates += [_found_lone(each, reading, matches) for each in packages]
        updates += [_found_made(each, reading, matches) for each in named.made]
    return updates or subjects


def _may_found(
    statement: PassageStatement, subjects: list[Update], ledger: Ledger
) -> bool:
    """Whether what a sentence names, and nobody knew, is an update that was offered.

    What a new update's release names beside it is not released with it; what is pulled
    with it, is: "SQL Server 2022 CU23 and SQL Server 2025 CU1 are unavailable".
    """
    if statement.kind is Kind.RELEASED:
        return not any(ledger.is_new(subject.id) for subject in subjects)
    return statement.kind in OFFERS


def _back_under(
    named: Named,
    statement: PassageStatement,
    reading: ChangeReading,
    subjects: list[Update],
    matches: Matches,
) -> list[Update]:
    """The updates that are back under articles or versions that nobody knew."""
    # "KB4340557 is available again; KB4346877 fixes the problem on Windows 10"
    if _updates_of(statement.kbs, matches.ledger):
        return list(named.updates)
    # "It has been re-released as KB5078297": the next version of the subject
    for subject in subjects:
        successors = matches.matched(subject, reading).successors
        successors += named.unknown
    return subjects


def _linked_packages(
    statement: PassageStatement, reading: ChangeReading, matches: Matches
) -> tuple[Package, ...]:
    """What a new post offers whose sentence names no article, but that leads to one or two.

    "Today we released an update for Exchange Server 2019 CU15", with a link.
    """
    if statement.kind is not Kind.RELEASED or not reading.is_first:
        return ()
    entry = reading.entry
    products = normalize.products_in(statement.sentence)
    products = products or normalize.products_in(entry.title)
    text = "\n".join(passage.text for passage in entry.passages)
    of_versions = _versions_of_articles(text, entry)
    unknown = _unknown_articles(entry.kbs, matches.ledger)
    kbs = [kb for kb in unknown if kb not in of_versions]
    # A post that leads to many articles tells of none of them
    if len(kbs) > MOST_LINKED:
        return ()
    return tuple(Package(product, kb) for kb in kbs for product in products[:1])


def _unknown_articles(kbs: Iterable[str], ledger: Ledger) -> list[str]:
    """Those of KB articles that are no known update's."""
    return [kb for kb in kbs if ledger.with_article(kb) is None]


def _with_guesses(
    subject: Update, named: list[Update], matches: Matches
) -> list[Update]:
    """The updates that a re-release is of: the subject, with what a date was guessed of it.

    Case: a record of November was told as "the update of 22 November"; the post on
    November's update says that this was re-released as that record's article.
    """
    stated = []
    for update in named:
        if update.is_guessed and not subject.is_guessed and subject.month:
            version = subject.version + 1
            label = Label(subject.family, "", subject.type, subject.month, version)
            named_by_label(update, label, matches.ledger)
        else:
            stated.append(update)
    return stated or [subject]


def sentence_before(statement: PassageStatement, entry: Entry) -> str:
    """Give the sentence before a statement's in its entry, "" where it is the first.

    Case: "An issue has been identified in Exchange Server 2010 SP3 Update Rollup 8. The
    update has been recalled", in the post of December 2014 on three products' rollups.
    """
    before = ""
    for sentence in _sentences_of(entry):
        if normalize.fold(sentence) == statement.sentence:
            return before
        before = sentence
    return ""


def _sentences_of(entry: Entry) -> Iterator[str]:
    """The sentences of an entry's passages, in their order."""
    for passage in entry.passages:
        yield from sentences(passage.text)


def articles_of_return(statement: PassageStatement) -> tuple[str, ...]:
    """Give the KB articles under which a sentence says that something is back.

    "KB5044062 has been re-released as KB5049233": the later one, not the former.
    """
    parts = _BACK_UNDER.split(statement.sentence, maxsplit=1)
    return tuple(normalize.kbs_in(parts[1])) if len(parts) > 1 else ()


def under_new_articles(
    update: Update, statements: Sequence[PassageStatement]
) -> tuple[Package, ...]:
    """Give the packages that are back under KB articles that nobody has offered yet.

    () for none.  Posts tell of them before any table or record: who takes the former
    article for the one that is back is told to install what was pulled.  Each sentence
    names one of each: of several it is not said which takes which place.
    """
    current = current_packages(update)
    found: list[Package] = []
    for statement in statements:
        articles = articles_of_return(statement)
        former = of_articles(current, statement.kbs)
        if len(articles) != 1 or len({package.kb for package in former}) != 1:
            return ()
        if of_articles(update.packages, articles):
            return ()
        found += [
            Package(package.product, articles[0], type=package.type)
            for package in former
        ]
    return tuple(found)


def _of_products(names: tuple[str, ...], subjects: list[Update]) -> list[Update]:
    """Those of several subjects that have a product of these names; all where none has."""
    meant = []
    for subject in subjects:
        products = " ".join(package.product for package in subject.packages).lower()
        if any(base_product(name).lower() in products for name in names):
            meant.append(subject)
    return meant or subjects


def _subjects(reading: ChangeReading, matches: Matches) -> list[Update]:
    """The updates that an entry as a whole is about; founded where nobody knew them.

    The one that its label names; else those of the KB articles in its title; else the
    first known one of its articles; else the one that fixes its CVEs.
    """
    entry, ledger = reading.entry, matches.ledger
    by_label = _by_label(reading, matches)
    if by_label is not None:
        return [by_label]
    by_articles = _updates_of(normalize.kbs_in(entry.title), ledger)
    by_articles = by_articles or _updates_of(_first_articles(entry), ledger)
    if by_articles:
        return by_articles
    by_name = ledger.find((*kb_names(entry.kbs), *cve_names(entry.cves)))
    if by_name is not None:
        return [by_name]
    label = update_label(entry) or NO_LABEL
    is_offered = label.version > 1 or reading.says(*OFFERS)
    if label_names(label) and is_offered:
        return [_labelled(label, reading, matches)]
    if entry.products and entry.key.upper() in entry.cves:
        return [_announced(reading, matches)]
    return []


def _by_label(reading: ChangeReading, matches: Matches) -> Update | None:
    """The update that an entry's label names, if it is known, by its name or by a guess."""
    label = update_label(reading.entry)
    if label is None:
        return None
    stated = matches.ledger.with_label(label)
    if stated is None or label.version > stated.version:
        # A record without a name may have come first
        guessed = guessed_for(label, reading, matches)
        if guessed is not None:
            return named_by_label(guessed, label, matches.ledger)
    return stated


def _first_articles(entry: Entry) -> tuple[str, ...]:
    """The KB articles that the first sentence with any names: what a post is about.

    Case: "The July 2018 rollups (KB4340557, KB4340558) were released earlier this month.
    ... We have stopped distributing the July 2018 updates" stops both.
    """
    named = map(normalize.kbs_in, _sentences_of(entry))
    return next(filter(None, named), ())


def _updates_of(kbs: Iterable[str], ledger: Ledger) -> list[Update]:
    """The known updates of KB articles, each once, in the order of the articles."""
    found = [ledger.with_article(kb) for kb in kbs]
    return list(dict.fromkeys(filter(None, found)))


def update_label(entry: Entry) -> Label | None:
    """Return an entry's label where it names one update.

    "November 2024 security update KB5046617" of Windows is one of many of that month:
    KB5046616 of the same day is another one.
    """
    label = entry.label
    if label is None:
        return None
    if label.family not in LABELLED and not label.product:
        return None
    return label


def _named(statement: PassageStatement, entry: Entry, ledger: Ledger) -> Named:
    """What a sentence names: by KB article, else by product and version."""
    updates = _updates_of(statement.kbs, ledger)
    packages: list[Package] = []
    made: list[Package] = []
    versions = _versions_of_articles(statement.sentence, entry)
    beside = _updates_of(normalize.kbs_in(statement.sentence), ledger)
    for kb in _unknown_articles(statement.kbs, ledger):
        if kb in versions:
            made.append(Package(versions[kb], kb))
            continue
        products = _products_of(kb, statement.sentence, entry)
        if beside and not normalize.products_in(statement.sentence):
            # "We withdrew KB1 and released KB2 in its place": for what KB1 was
            current = current_packages(beside[0])
            of_beside = dict.fromkeys(package.product for package in current)
            products = tuple(of_beside) or products
        packages += [Package(product, kb) for product in products]
    for version in _versions_named(statement, entry):
        update = ledger.find((made_name(version),))
        if update is not None and update not in updates:
            updates.append(update)
        elif update is None and not statement.kbs:
            made.append(Package(version))
    return Named(tuple(updates), tuple(packages), tuple(made))


def _versions_named(statement: PassageStatement, entry: Entry) -> tuple[str, ...]:
    """The versions of an entry's products that a sentence names: "QTS 5.2.2.2950"."""
    versions = own_versions_in(statement.sentence, _products_with_versions(entry))
    # Exchange's posts name cumulative updates as what their month's update, or an issue,
    # is for; "We have removed Exchange Server 2019 CU15" is of the update itself
    if statement.kind in PULL_OR_RETURN and not label_of(entry).month:
        versions += own_versions_in(statement.sentence, LABELLED)
    return tuple(version for version in versions if version in entry.products)


def _versions_of_articles(sentence: str, entry: Entry) -> dict[str, str]:
    """The versions that KB articles are of, by how a sentence puts them in brackets."""
    found = versions_of_articles(sentence, _products_with_versions(entry))
    if not label_of(entry).month:
        found |= versions_of_articles(sentence, LABELLED, spelled_out=True)
    return found


def _products_with_versions(entry: Entry) -> dict[str, None]:
    """The entry's products whose updates bear versions of their own, not a month's name.

    As its versions call them: "Microsoft Edge" of "Microsoft Edge 130.0.2849.46".
    """
    return dict.fromkeys(
        product_of(name)
        for name in entry.products
        if product_of(name) != name and normalize.family(name) not in LABELLED
    )


def _products_of(kb: str, sentence: str, entry: Entry) -> tuple[str, ...]:
    """The products that a KB article is for: the one behind "for", else the entry's.

    Case: "KB5129235 for Windows Server 2025 and KB5129237 for Windows Server 2022".
    KB4524244 was removed on the page of Windows 10 1909 and of Windows Server 1909.
    """
    behind = re.split(kb.removeprefix("KB"), sentence, maxsplit=1)[-1]
    until_next = re.split(r"\bKB ?\d", behind, maxsplit=1)[0]
    if _FOR.match(until_next):
        named = normalize.products_in(until_next)
        if named:
            return named[:1]
    # The posts of 2014 name the product first, the article behind it in brackets
    before = normalize.products_in(sentence.partition(kb.removeprefix("KB"))[0])
    if before:
        return before[-1:]
    return normalize.products_in(sentence)[:1] or entry.products


def _found_lone(package: Package, reading: ChangeReading, matches: Matches) -> Update:
    """The update that a sentence founds by a KB article."""
    identity = lone_identity(package)
    family = normalize.family(package.product)
    when = matches.date_of(reading)
    update = matches.new_update(identity, family, "update", when)
    return _with_package(update, package, reading, matches)


def _found_made(package: Package, reading: ChangeReading, matches: Matches) -> Update:
    """The update that a sentence founds as a version of its product."""
    identity = made_identity(package.product)
    family = product_of(package.product)
    when = matches.date_of(reading)
    update = matches.new_update(identity, family, "release", when)
    names = (made_name(package.product),)
    return _with_package(replace(update, names=names), package, reading, matches)


def _with_package(
    update: Update, package: Package, reading: ChangeReading, matches: Matches
) -> Update:
    """The ledger's update of that id, new or known; a new one gets the package."""
    ledger = matches.ledger
    if update.id not in ledger:
        ledger.found(update)
    elif not ledger.is_new(update.id):
        return ledger[update.id]
    packages = matches.matched(ledger[update.id], reading).packages
    if package not in packages:
        packages.append(package)
    return ledger[update.id]


def _labelled(label: Label, reading: ChangeReading, matches: Matches) -> Update:
    """The update that a title names before any table or record does."""
    month = ""
    identity = made_identity(label.product)
    if label.type in MONTHLY:
        month = label.month
        identity = monthly_identity(label.family, month, label.type)
    names = [*label_names(label), *_same_version_names(label, reading.entry)]
    when = matches.date_of(reading)
    update = matches.new_update(identity, label.family, label.type, when)
    unique = tuple(dict.fromkeys(names))
    return matches.ledger.found(replace(update, month=month, names=unique))


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


def _announced(reading: ChangeReading, matches: Matches) -> Update:
    """The advisory without update that a change tells of.

    Those of one family and day that appear at one check are one thing.
    """
    family = normalize.family(reading.entry.products[0])
    published = reading.entry.published or matches.now
    for update_id in matches.by_update:
        other = matches.ledger[update_id]
        is_alike = (other.type, other.family) == ("advisory", family)
        same_day = other.dated.date() == published.date()
        if is_alike and same_day and matches.ledger.is_new(other.id):
            return other
    identity = advisory_identity(reading.entry.cves[0])
    update = matches.new_update(identity, family, "advisory", published)
    return matches.ledger.found(replace(update, state=State.ANNOUNCED))


def packages_meant(
    update: Update,
    changes: Sequence[MatchedChange],
    statements: Sequence[PassageStatement],
) -> tuple[Package, ...]:
    """Give the packages of the current version that words are about; () for all of them.

    Case: of the three rollups of December 2014 "Update Rollup 8 for Exchange Server 2010
    SP3" was recalled; who told "do not install" of all three gave a wrong order to two
    thirds of the readers.
    """
    current = current_packages(update)
    if not statements:
        return unless_all(current, packages_of(changes))
    meant: list[Package] = []
    for statement in statements:
        meant += (
            named_packages(statement, current)
            or _rollup_before(changes, statement, current)
            or _offered_in(changes, statement, current)
        )
    return unless_all(current, meant)


def unless_all(
    current: Sequence[Package], meant: Sequence[Package]
) -> tuple[Package, ...]:
    """Give those of the current packages that are meant; () where all of them are."""
    kept = those_among(current, meant)
    return () if len(kept) == len(current) else tuple(kept)


def named_packages(
    statement: PassageStatement, current: Sequence[Package]
) -> list[Package]:
    """Give the packages that a statement names: by KB article, by build, else by product.

    [] where it names none of the current ones.
    """
    by_article = list(of_articles(current, statement.kbs))
    by_build = [package for package in current if package.build in statement.builds]
    return by_article or by_build or _packages_of_products(statement.products, current)


def _packages_of_products(
    names: Sequence[str], current: Sequence[Package]
) -> list[Package]:
    return [each for each in current if normalize.is_named(each.product, names)]


def _rollup_before(
    changes: Sequence[MatchedChange],
    statement: PassageStatement,
    current: Sequence[Package],
) -> list[Package]:
    """The packages of the rollup that the sentence before names; a rollup is an update.

    Case: MSRC offers one update for three products, of which the post says "An issue has
    been identified in the Exchange Server 2010 SP3 Update Rollup 8. The update has been
    recalled".
    """
    for matched in changes:
        if matched.entry.packages or not _is_said_in(statement, matched):
            continue
        before = sentence_before(statement, matched.entry)
        label = normalize.label(before)
        if label is not None and label.type == "RU":
            return _packages_of_products([label.product], current)
    return []


def _offered_in(
    changes: Sequence[MatchedChange],
    statement: PassageStatement,
    current: Sequence[Package],
) -> list[Package]:
    """The packages of the entry in which a statement stands; all where it offers none.

    An article is about its own: KB2986475's says nothing of the other rollups of
    December 2014.
    """
    for matched in changes:
        if not _is_said_in(statement, matched):
            continue
        if matched.packages:
            return those_among(current, matched.packages)
        kbs = normalize.kbs_in(matched.entry.title)
        if not kbs and len(matched.entry.kbs) == 1:
            kbs = matched.entry.kbs
        own = of_articles(current, kbs)
        if own:
            return list(own)
    return list(current)


def _is_said_in(statement: PassageStatement, matched: MatchedChange) -> bool:
    return statement in matched.statements_of(statement.kind)
