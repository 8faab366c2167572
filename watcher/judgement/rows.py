"""A ledger row brought up to date by what a case offers; nothing here decides what is told."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from watcher.judgement import identify, normalize, tell
from watcher.judgement.facts import Said, builds_grew, same
from watcher.judgement.ledger import Ledger
from watcher.judgement.matching import Case
from watcher.records import Entry, Event, Package, Update


def merged(row: Update, case: Case) -> Update:
    """The row with the packages, advisories, products and links of a case.

    Its version rises to the highest label.
    """
    packages = row.packages
    version = row.version
    for item in case.items:
        label = item.fact.entry.label
        for offered in item.packages:
            if not offered.product and packages:
                # A page that names no product tells of the packages that are known
                continue
            package = made(row, offered)
            number = max(item.fact.version, known_version(row, package))
            packages = put(
                packages, replace(package, version=number), certain=label is not None
            )
            version = max(version, number)
    entries = [
        item.fact.entry for item in case.items if item.fact.change.after is not None
    ]
    told = [
        entry
        for item, entry in zip(case.items, entries, strict=False)
        if item.packages or not entry.packages or entry.cves
    ]
    return replace(
        row,
        packages=packages,
        version=version,
        advisories=tell.advisories(row, told),
        products=tuple(
            sorted(
                {
                    *row.products,
                    *(p.product for p in packages),
                    *(p for e in entries if not e.packages for p in e.products),
                }
            )
        ),
        kbs=tuple(
            sorted(
                {
                    *row.kbs,
                    *(
                        kb
                        for entry in entries
                        if not entry.packages and not packages
                        for kb in entry.kbs
                    ),
                }
            )
        ),
        links=tuple(
            sorted({*row.links, *(entry.url for entry in entries if entry.url)})
        ),
        standings=standings(row, case, version),
        told=(
            *((key, "") for key in _lowered(case) if key not in dict(row.told)),
            *row.told,
        ),
    )


def had(build: str) -> str:
    """The key under which a build is remembered that a row has had before it was
    corrected downwards.
    """
    return f"had {build}"


def _lowered(case: Case) -> list[str]:
    pairs = [
        pair
        for item in case.items
        if item.fact.entry.label is not None
        for pair in item.fact.grown
    ]
    return sorted(
        {had(before.build) for before, after in pairs if builds_grew(after, before)}
    )


def made(row: Update, package: Package) -> Package:
    """The package as a cumulative update has it.

    MSRC names the product to be updated, the table the one that it becomes.
    """
    if row.type not in ("CU", "RU", "SP", "RTM") or not package.build:
        return package
    twin = next(
        (
            p
            for p in row.packages
            if p.build == package.build and f"made:{p.product.lower()}" in row.names
        ),
        None,
    )
    return replace(package, product=twin.product) if twin else package


def standings(
    row: Update, case: Case, version: int
) -> tuple[tuple[str, str, str], ...]:
    """What each source has it as: ``(source, newest revision or label, version)``."""
    found = {source: (source, said, number) for source, said, number in row.standings}
    for item in case.items:
        entry = item.fact.entry
        label = entry.label
        number = (
            item.fact.version
            if label
            else max((known_version(row, p) for p in item.packages), default=version)
        )
        said = f"revision {entry.revision}" if entry.revision else entry.title
        old = found.get(item.fact.change.source)
        if old is None or int(old[2]) <= number:
            found[item.fact.change.source] = (
                item.fact.change.source,
                said,
                str(number),
            )
    return tuple(found[source] for source in sorted(found))


def known_version(row: Update, package: Package) -> int:
    """The version of the update that a package is: as it is known, else the current one."""
    mine = [
        p.version
        for p in row.packages
        if p.product == package.product and same(p, package)
    ]
    if not mine and package.kb:
        mine = [p.version for p in row.packages if p.kb == package.kb]
    return max(mine, default=row.version)


def put(
    packages: tuple[Package, ...], package: Package, *, certain: bool
) -> tuple[Package, ...]:
    """Add a package, or complete the one that it is.

    Of two builds under one name a table's (``certain``) stays.
    """
    kept = []
    found = False
    for old in packages:
        twin = (
            old.product == package.product
            and old.version == package.version
            and (old.kb == package.kb or not old.kb or not package.kb)
        )
        if twin and not found:
            offered = (
                package
                if certain or not old.build
                else replace(package, build=old.build)
            )
            # A table says nothing of who may have it
            kept.append(
                _completed(old, replace(offered, esu=old.esu) if certain else offered)
            )
            found = True
        else:
            kept.append(old)
    return tuple(kept) if found else (*packages, package)


def _completed(old: Package, new: Package) -> Package:
    return replace(
        new,
        kb=new.kb or old.kb,
        build=new.build or old.build,
        url=old.url
        if normalize.download_page(old.url) and not normalize.download_page(new.url)
        else new.url or old.url,
        file=new.file or old.file,
        size=new.size if new.size is not None else old.size,
        supersedes=new.supersedes or old.supersedes,
        type=new.type or old.type,
    )


def holds(row: Update, package: Package) -> bool:
    """Whether the row has this very package in any version."""
    return any(same(known, package) for known in row.packages)


def covers(row: Update, package: Package) -> bool:
    """Whether the row's current version has a package for that product.

    One without a product is for those it has.
    """
    return not package.product or any(
        identify.base(known.product) == identify.base(package.product)
        for known in tell.current(row)
    )


def about(said: Said, row: Update, entry: Entry) -> bool:
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


def tell_key(row: Update, key: str, event: str) -> Update:
    """Note that a fact is established, and by which event ("" for a first reading)."""
    return (
        row if key in dict(row.told) else replace(row, told=(*row.told, (key, event)))
    )


def tell_event(row: Update, key: str, event: Event) -> Update:
    """Note that an event told a fact, and what it said, for the next mail to repeat."""
    return replace(
        tell_key(row, key, event.id),
        last=f"{event.kind.upper().replace('-I', ' I')}, {event.time:%d %B %Y}: {event.summary}",
    )


def told(row: Update, key: str) -> str | None:
    """The event that told a fact.

    "" when it was known from the start, None when it was not told.
    """
    return dict(row.told).get(key)


def forget_pull(row: Update) -> Update:
    """The row without the pull of its version, which was none: another one is told anew."""
    return replace(
        row,
        told=tuple(
            pair for pair in row.told if not pair[0].startswith(f"pulled {row.version}")
        ),
    )


def last_told(row: Update, prefix: str) -> str:
    """The event that last told a fact of a sort; "" when none did."""
    return next(
        (event for key, event in reversed(row.told) if key.startswith(prefix)), ""
    )


def takeover(row: Update, ledger: Ledger) -> Update:
    """Take over the advisories without update that this update now fixes.

    Their mail thread goes on here.
    """
    fixed = (
        {advisory.id for advisory in row.advisories}
        if row.type != "advisory"
        else set()
    )
    for name in identify.cve_names(sorted(fixed)):
        for gone in ledger.find_all((name,)):
            if gone.type != "advisory" or gone.id == row.id:
                continue
            left = tuple(
                advisory for advisory in gone.advisories if advisory.id not in fixed
            )
            ledger.put(
                row
                if row.told
                else replace(row, thread=gone.thread, last=row.last or gone.last)
            )
            if left:
                ledger.put(replace(gone, advisories=left, names=()))
            else:
                ledger.absorb(gone, ledger[row.id])
            row = ledger[row.id]
    return row


def all_kbs(packages: Iterable[Package]) -> tuple[str, ...]:
    """The KB articles of packages, sorted."""
    return tuple(sorted({p.kb for p in packages if p.kb}))
