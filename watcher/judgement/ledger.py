"""The updates that a check concerns, as a working copy, brought up to date by changes; and the
changes that were matched to each of them so far.

Nothing here decides what is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.change_reading import (
    ChangeReading,
    MatchedChange,
    UpdateChanges,
    whole_text,
)
from watcher.judgement.names import (
    Identity,
    cve_names,
    kb_names,
    label_names,
    made_name,
    update_names,
)
from watcher.judgement.normalize.products import (
    product_of,
    version_name,
    versions_in,
    versions_of_articles,
)
from watcher.judgement.packages import (
    add_package,
    add_row,
    after_row,
    as_made_product,
    build_grew,
    exact_products,
    is_guess_of,
    is_row,
    newest_version,
    package_version,
    products_of,
    same_package,
)
from watcher.records import (
    Absorption,
    Advisory,
    Entry,
    Established,
    Event,
    Kind,
    Label,
    Package,
    SourceState,
    State,
    Update,
)

# How long before its month an update may come: "early" ones of a few days are known
BEFORE_ITS_MONTH = timedelta(days=15)


class Ledger:
    """Updates by id and by name.

    Updates are replaced, never altered.
    """

    def __init__(self, updates: Iterable[Update]) -> None:
        """Start from the updates that the state has for the names in question."""
        self.stored: dict[str, Update] = {}
        self._updates: dict[str, Update] = {}
        self._ids_of_name: dict[str, set[str]] = defaultdict(set)
        self._changed: set[str] = set()
        self._heirs: dict[str, str] = {}
        self._named_anew: set[str] = set()
        for update in updates:
            self.stored[update.id] = update
            self._index(update)

    def __getitem__(self, update_id: str) -> Update:
        """Give the update of an id; its heir when it was absorbed."""
        return self._updates[self._heirs.get(update_id, update_id)]

    def __contains__(self, update_id: object) -> bool:
        """Say whether there is an update of that id."""
        return update_id in self._updates

    def is_new(self, update_id: str) -> bool:
        """Say whether the update was founded at this check."""
        return update_id not in self.stored and update_id not in self._named_anew

    def name_anew(self, update: Update) -> Update:
        """Put an update that was known under a guessed name: it is no news.

        So it is no news by itself: who was told of the day's update is not told again
        when its name comes.
        """
        self._named_anew.add(update.id)
        self.put(update)
        return self._updates[update.id]

    def put(self, update: Update) -> None:
        """Set an update; its names are brought up to date.

        Nothing is noted as changed where it is as it was: law 1, the same input twice
        writes nothing.
        """
        named = replace(update, names=update_names(update))
        if self._updates.get(named.id) != named:
            self._index(named)
            self._changed.add(named.id)

    def found(self, update: Update) -> Update:
        """Put a new update under its id, or under a number of it when that is taken.

        ``kb5044062-2``, where an id was given to another update before.
        """
        update_id, number = update.id, 2
        while update_id in self._updates:
            update_id, number = f"{update.id}-{number}", number + 1
        self.put(replace(update, id=update_id, thread=update_id))
        return self._updates[update_id]

    def find(self, names: Iterable[str]) -> Update | None:
        """Give the update with the strongest of the names; of several the newest.

        ``names`` go from the strongest to the weakest, as ``watcher.judgement.names``
        gives them.
        """
        return next(iter(self.find_all(names)), None)

    def with_article(self, kb: str) -> Update | None:
        """Give the update that has a KB article; of several the newest."""
        return self.find(kb_names([kb]))

    def with_label(self, label: Label | None) -> Update | None:
        """Give the update that a label names, in any of its versions."""
        return self.find(label_names(label))

    def find_all(self, names: Iterable[str]) -> tuple[Update, ...]:
        """Give all updates with the strongest name that any has, newest first.

        A weaker name is not asked once a stronger one has found any: a shared CVE says
        nothing beside a KB article.
        """
        for name in names:
            ids = self._ids_of_name.get(name, ())
            updates = [self._updates[each] for each in ids if each in self._updates]
            if updates:
                updates.sort(key=lambda each: (each.dated, each.id), reverse=True)
                return tuple(updates)
        return ()

    def absorb(self, advisory: Update, update: Update) -> None:
        """Let an update take over an advisory that had none: its mail thread goes on."""
        self._updates.pop(advisory.id, None)
        self._changed.discard(advisory.id)
        self._heirs[advisory.id] = update.id
        thread = update.thread
        if not update.established:
            thread = advisory.thread or advisory.id
        facts = (*advisory.established, *update.established)
        established = {each.fact: each for each in facts}
        heir = replace(update, thread=thread, established=tuple(established.values()))
        self.put(with_advisories_of(heir, advisory))

    @property
    def absorptions(self) -> tuple[Absorption, ...]:
        """The stored updates that went, each with the one that took it over."""
        return tuple(
            Absorption(gone, heir)
            for gone, heir in sorted(self._heirs.items())
            if gone in self.stored
        )

    def changed_updates(self) -> tuple[Update, ...]:
        """Give the updates that were put, by id."""
        ids = sorted(self._changed.intersection(self._updates))
        return tuple(self._updates[update_id] for update_id in ids)

    def _index(self, update: Update) -> None:
        former = self._updates.get(update.id, update)
        # Packages that went to another update take their names along
        for name in set(former.names).difference(update.names):
            self._ids_of_name[name].discard(update.id)
        self._updates[update.id] = update
        for name in update_names(update):
            self._ids_of_name[name].add(update.id)


def merge_changes(update: Update, changes: UpdateChanges) -> Update:
    """Give the update with the packages, advisories, products and links of changes.

    Its version rises to the highest label.
    """
    version, packages = update.version, update.packages
    for matched in changes.changes:
        # A record may bear the name that a row states, but not its certain builds
        certain = matched.entry.label is not None and not matched.entry.revision
        stated = is_row(matched.entry)
        for offered in matched.packages:
            if stated:
                row = _row_of(offered, matched, replace(update, packages=packages))
                packages = add_row(packages, row, _row_before(matched))
                packages = after_row(packages, row)
                version = max(version, newest_version(packages, default=version))
                continue
            # A page that names no product tells of the packages that are known
            if not offered.product and packages:
                continue
            package = as_made_product(update, offered)
            number = max(matched.reading.version, package_version(update, package))
            package = replace(package, version=number)
            packages = add_package(packages, package, certain=certain)
            version = max(version, number)

    now_for = products_of(packages)
    # What a row has named wrongly is for another product
    formerly_for = products_of(update.packages) - now_for
    products = {*update.products, *now_for} - formerly_for
    kbs = set(update.kbs)
    links = set(update.links)
    with_advisories: list[Entry] = []
    for matched in changes.changes:
        entry = matched.entry
        if matched.reading.is_gone or not matched.is_subject:
            continue
        links.add(entry.url)
        # A record that offers packages of other updates only, and names no CVE, says
        # nothing of this one's advisories
        if matched.packages or not entry.packages or entry.cves:
            with_advisories.append(entry)
        if entry.packages:
            continue
        others = _named_for_others(entry, update)
        products |= set(entry.products) - others
        if not packages:
            kbs |= set(entry.kbs) - others
    return replace(
        update,
        packages=packages,
        version=version,
        released=_date_of_rows(packages) or update.released,
        advisories=merge_advisories(update, with_advisories),
        products=exact_products(products),
        kbs=tuple(sorted(kbs)),
        links=tuple(sorted(links - {""})),
        source_states=_source_states(update, changes, version),
        corrected_builds=_corrected_builds(update, changes),
    )


def _named_for_others(entry: Entry, update: Update) -> set[str]:
    """The products and KB articles that a post names for other versions than the update's.

    Case: the post on SQL Server 2022 CU23 and SQL Server 2025 CU1 gives neither what is
    the other's.
    """
    prefix = made_name("")
    own = [
        name.removeprefix(prefix) for name in update.names if name.startswith(prefix)
    ]
    if not own:
        return set()
    text = whole_text(entry)
    families = {product_of(product) for product in entry.products}
    versions = set(versions_in(text, families))
    others = {each for each in versions if version_name(each) not in own}
    if others == versions:
        return set()
    articles = versions_of_articles(text, families)
    found = {kb for kb, version in articles.items() if version in others}
    names_of_others = set(map(version_name, others))
    for product in entry.products:
        if _is_line(product, names_of_others) and not _is_line(product, own):
            found.add(product)
    return found


def _is_line(product: str, versions: Collection[str]) -> bool:
    """Whether one of the versions' names is of a product: "SQL Server 2022" of its CU23."""
    line = version_name(product)
    return any(version.startswith(line) for version in versions)


def _row_of(offered: Package, matched: MatchedChange, update: Update) -> Package:
    """The package of a table's row, with the version and the date that the row states."""
    build = normalize.build_key(offered.build)
    # The newest versions that it is stored as, and that an earlier build of its product is
    stored_as = earlier = 0
    was_stated = False
    for each in update.packages:
        if same_package(each, offered) or is_guess_of(each, offered):
            stored_as = max(stored_as, each.version)
            was_stated = was_stated or each.stated
        is_of_product = each.product == offered.product
        if is_of_product and normalize.build_key(each.build) < build:
            earlier = max(earlier, each.version)
    version = named = matched.reading.version
    # A row is what it calls itself. But of a version that was told already the table may
    # not yet bear the name: there the version before is known, or this very row was
    if stored_as and (earlier or was_stated):
        version = max(named, stored_as)
    elif earlier >= named:
        version = max(named, update.version)
    return replace(
        offered, version=version, stated=True, released=_date_of_row(matched)
    )


def _row_before(matched: MatchedChange) -> Package | None:
    """What a row offered before it was corrected."""
    return next(iter(matched.reading.change.entry_before.packages), None)


def _date_of_row(matched: MatchedChange) -> datetime | None:
    """The date that a row gives, unless it cannot be: before its month, or in the future."""
    date, label = matched.entry.published, matched.entry.label
    if date is None or precedes_label(date, label):
        return None
    tomorrow = matched.reading.change.time + timedelta(days=1)
    return date if date <= tomorrow else None


def precedes_label(date: datetime, label: Label | None) -> bool:
    """Say whether a date is older than the month that a label names allows.

    A hand that writes last year's number in January dates "Jan27SU" January 2026.
    """
    if label is None or not label.month:
        return False
    year, month = map(int, label.month.split("-"))
    return date < datetime(year, month, 1, tzinfo=UTC) - BEFORE_ITS_MONTH


def _date_of_rows(packages: Iterable[Package]) -> datetime | None:
    """The date of an update's first version by its rows: March 2023's SU is of the 14th."""
    dates = [
        each.released
        for each in packages
        if each.released is not None and each.version == 1
    ]
    return min(dates, default=None)


def _corrected_builds(update: Update, changes: UpdateChanges) -> tuple[str, ...]:
    """The builds that the update's rows have had before they were corrected downwards.

    One of them that is put back is no re-release.
    """
    builds = set()
    for matched in changes.changes:
        if matched.entry.label is None:
            continue
        for pair in matched.reading.changed_packages:
            if build_grew(pair.after, pair.before):
                builds.add(pair.before.build)
    return tuple(sorted({*update.corrected_builds, *builds}))


def _source_states(
    update: Update, changes: UpdateChanges, version: int
) -> tuple[SourceState, ...]:
    """What each source has the update as: its newest revision or label, and version."""
    by_source = {state.source: state for state in update.source_states}
    for matched in changes.changes:
        source, entry = matched.reading.change.source, matched.entry
        stated = f"revision {entry.revision}" if entry.revision else entry.title
        number = _stated_version(update, matched, version)
        state = SourceState(source, stated, number)
        if by_source.get(source, state).version <= number:
            by_source[source] = state
    return tuple(by_source[source] for source in sorted(by_source))


def _stated_version(update: Update, matched: MatchedChange, version: int) -> int:
    if matched.entry.label:
        return matched.reading.version
    versions = [package_version(update, package) for package in matched.packages]
    return max(versions, default=version)


def merge_advisories(update: Update, entries: Iterable[Entry]) -> tuple[Advisory, ...]:
    """Give the update's advisories with what entries newly say of them; yes stays yes.

    Sorted by id.  A later copy without "exploited" takes nothing back: sources lag
    behind each other.
    """
    advisories = {advisory.id: advisory for advisory in update.advisories}
    for entry in entries:
        for cve in entry.cves:
            stored = advisories.get(cve, Advisory(cve))
            advisories[cve] = _merge_advisory(stored, entry)
    return tuple(advisories[cve] for cve in sorted(advisories))


def with_advisories_of(update: Update, other: Update) -> Update:
    """Give the update with the advisories of another one that it has not."""
    further = [each for each in other.advisories if each.id not in update.cves]
    return replace(update, advisories=(*update.advisories, *further))


def _merge_advisory(stored: Advisory, entry: Entry) -> Advisory:
    key, cve = entry.key.upper(), stored.id
    given: dict[str, object] = {
        "severity": entry.severity,
        "cvss": entry.cvss,
        "vector": entry.vector,
        "likely": entry.likely,
    }
    # Only the advisory itself gives title and address: a post about two zero-days
    # headed "Two bugs" gives them to neither
    if cve in key:
        given["url"] = entry.url
        if entry.title != cve:
            given["title"] = entry.title
    # What a post about several says is exploited need not be this one; yes stays yes
    if len(entry.cves) == 1 or key == cve:
        given["exploited"] = entry.exploited or None
        given["disclosed"] = entry.disclosed or None
    # What an entry says nothing of stays as it was
    said = {name: value for name, value in given.items() if value not in ("", None)}
    return replace(stored, **said)


def establish(update: Update, established: Established) -> Update:
    """Give the update with a fact that is established; one that was stays as it was.

    The same fact is told once: who says it later gives evidence for it.
    """
    if established_by(update, established) is not None:
        return update
    return replace(update, established=(*update.established, established))


def establish_by_event(update: Update, fact: Established, event: Event) -> Update:
    """Give the update with a fact that an event establishes.

    What the event said is kept for the next mail to repeat.
    """
    kind = event.kind.upper().replace("-I", " I")
    last = f"{kind}, {event.time:%d %B %Y}: {event.summary}"
    return replace(establish(update, replace(fact, event=event.id)), last=last)


def established_by(update: Update, fact: Established) -> str | None:
    """Give the event that established a fact.

    "" when it was so from the start, None when it is not established.
    """
    for each in update.established:
        if each.fact == fact.fact:
            return each.event
    return None


def pulled_by_absence(update: Update) -> str | None:
    """Give the event of a pull of this version that absence alone has shown, None without.

    Such a pull may be taken back by the same page; one that words confirmed may not.
    """
    for each in update.established:
        if each.by_absence and each.version == update.version:
            return each.event
    return None


def last_event(update: Update, kind: Kind, version: int = 0) -> str:
    """Give the event that last established a fact of that kind, "" when none did.

    ``version`` is the fact's, where it matters.
    """
    for each in reversed(update.established):
        if each.kind is kind and not each.suspected and version in (0, each.version):
            return each.event
    return ""


def forget_pull(update: Update) -> Update:
    """Give the update without the pull of its version, which was none.

    Another pull of it will be told anew.
    """
    version = update.version
    kept = [e for e in update.established if not (e.is_pull and e.version == version)]
    return replace(update, established=tuple(kept))


def pulled_by_words(update: Update) -> Update:
    """Give the update whose pull words have confirmed: what is there again is no return.

    What absence alone had shown is no longer what the pull rests on.
    """
    kept = tuple(each for each in update.established if not each.by_absence)
    return replace(update, established=kept)


def take_over_advisories(update: Update, ledger: Ledger) -> Update:
    """Take over the advisories without update that this update now fixes.

    Their mail thread goes on here.
    """
    if update.is_advisory:
        return update
    fixed = update.cves
    for name in cve_names(sorted(fixed)):
        for alone in ledger.find_all((name,)):
            if not alone.is_advisory:
                continue
            if not update.established:
                last = update.last or alone.last
                update = replace(update, thread=alone.thread, last=last)
            ledger.put(update)
            left = tuple(each for each in alone.advisories if each.id not in fixed)
            if left:
                ledger.put(replace(alone, advisories=left, names=()))
            else:
                ledger.absorb(alone, ledger[update.id])
            update = ledger[update.id]
    return update


class Relabelled(Struct, frozen=True):
    """A package whose row stood under the name of the update ``wrong``; ids of updates."""

    wrong: str
    right: str
    package: Package
    reading: ChangeReading


class Matches(Struct):
    """The changes of each update by its id, in the order in which they were matched.

    ``unmatched`` are the changes that name no update.  ``made_together`` are the
    products that cumulative updates of one family and date make, by each of them.
    ``corrected`` are the updates that a table's rows took packages from, with those that
    got them, ``relabelled`` the packages that stood under the name of another update.
    ``now`` is the time of the check.
    """

    ledger: Ledger
    now: datetime
    by_update: dict[str, UpdateChanges] = field(default_factory=dict)
    unmatched: list[ChangeReading] = field(default_factory=list)
    made_together: dict[str, tuple[str, ...]] = field(default_factory=dict)
    corrected: dict[str, list[str]] = field(default_factory=dict)
    relabelled: list[Relabelled] = field(default_factory=list)

    def matched(self, update: Update, reading: ChangeReading) -> MatchedChange:
        """Give a reading as far as it concerns an update, matched with it from now on.

        What it says of the update is added there.
        """
        changes = self.by_update.setdefault(update.id, UpdateChanges(update.id))
        return changes.of(reading)

    def date_of(self, reading: ChangeReading) -> datetime:
        """Give the vendor's date of what a change offers.

        An altered entry's newest revision, else its publication, else the check's time:
        also where the date is older than the month in the entry's own label.  Case: in
        January a row "Jan27SU" is dated January 12, 2026, for the hand still writes last
        year's number.
        """
        entry = reading.entry
        found = entry.dated if reading.is_first else entry.updated or entry.published
        if found is None or precedes_label(found, entry.label):
            return self.now
        return found

    def new_update(
        self, identity: Identity, family: str, kind: str, released: datetime
    ) -> Update:
        """Give an update as it is founded at this check, without its names."""
        return Update(
            identity.id,
            identity.title,
            family,
            kind,
            month="",
            version=1,
            state=State.RELEASED,
            first_seen=self.now,
            released=released,
        )
