"""The packages of an update: which are one and the same, which its current version has.

An update's state is to be read off them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.names import LABELLED, LEVELS, base_product, label_of, made_name
from watcher.judgement.tracks import BASELINE
from watcher.records import Entry, Event, Package, State, Update

# Types of update that make the product that they are named after
MAKES_A_PRODUCT = ("CU", "RU", "SP", "RTM")

_LEVEL = re.compile(f" {LEVELS}")


def contradict(one: str, other: str) -> bool:
    """Say whether two names are given, and are not the same one.

    What names nothing ("") contradicts nothing: a record without a build may be of any.
    """
    return one != other and "" not in (one, other)


def same_package(one: Package, other: Package) -> bool:
    """Say whether two packages are one and the same.

    Product, KB article, build and file, as far as both name them.
    """
    if one.product != other.product:
        return False
    names, other_names = _own_names(one), _own_names(other)
    if any(map(contradict, names, other_names)):
        return False
    # What names nothing is not the same as what is named
    return any(names) == any(other_names)


def _own_names(package: Package) -> tuple[str, str, str]:
    """What a package is known by beside its product; "" for each that no source gave."""
    # A file of another size is another one
    file = f"{package.file} {package.size}" if package.file else ""
    return package.kb, package.build, file


def is_among(package: Package, others: Iterable[Package]) -> bool:
    """Say whether one of ``others`` is this very package.

    What is compared is what both name: ``same_package`` says.
    """
    return any(same_package(package, other) for other in others)


def those_among(
    packages: Iterable[Package], others: Sequence[Package]
) -> list[Package]:
    """Give those of the packages that are among ``others``, as ``same_package`` says."""
    return [package for package in packages if is_among(package, others)]


def without(packages: Iterable[Package], others: Sequence[Package]) -> list[Package]:
    """Give those of the packages that are none of ``others``, as ``same_package`` says."""
    return [package for package in packages if not is_among(package, others)]


def all_among(packages: Iterable[Package], others: Sequence[Package]) -> bool:
    """Say whether each of the packages is among ``others``; so it is where there is none."""
    return all(is_among(package, others) for package in packages)


def build_grew(before: Package, after: Package) -> bool:
    """Say whether a build went up as a re-release's does.

    The last number is higher, all before it are equal.
    """
    # A row gives its build twice, as 15.2.1544.13 and 15.02.1544.013. A build that the
    # row gave before in its other form has not gone up: one form was a typing error.
    if after.build == before.disputed:
        return False
    old = normalize.build_key(before.build)
    new = normalize.build_key(after.build)
    if not old or len(old) != len(new):
        return False
    return old[:-1] == new[:-1] and new[-1] > old[-1]


def is_successor(package: Package, former: Package) -> bool:
    """Say whether a package has a higher build than another of its product.

    As a re-release has: ``build_grew`` says.
    """
    return package.product == former.product and build_grew(former, package)


def kb_articles(packages: Iterable[Package]) -> tuple[str, ...]:
    """Give the KB articles of packages, sorted.

    Each once; () where packages are known by build or file alone.
    """
    return tuple(sorted({package.kb for package in packages if package.kb}))


def in_build_order(builds: Iterable[str]) -> tuple[str, ...]:
    """Give builds, each once, the lowest first; "" is none."""
    return tuple(sorted(set(builds) - {""}, key=normalize.build_key))


def builds_of(packages: Iterable[Package]) -> tuple[str, ...]:
    """Give the builds of packages, each once, the lowest first.

    () where packages are known by KB article or file alone.
    """
    return in_build_order(package.build for package in packages)


def products_of(packages: Iterable[Package]) -> set[str]:
    """Give the products of packages; "" is among them where a package names none."""
    return {package.product for package in packages}


def of_articles(
    packages: Iterable[Package], kbs: Collection[str]
) -> tuple[Package, ...]:
    """Give those of the packages that have one of these KB articles."""
    return tuple(package for package in packages if package.kb in kbs)


def has_version(packages: Iterable[Package], version: int) -> bool:
    """Say whether one of the packages is of that version of its update, or of a later one."""
    return any(package.version >= version for package in packages)


def newest_version(packages: Iterable[Package], default: int) -> int:
    """Give the highest version that a package is of; ``default`` where there is none."""
    return max((package.version for package in packages), default=default)


def as_version(packages: Iterable[Package], version: int) -> tuple[Package, ...]:
    """Give the packages as those of that version of their update."""
    return tuple(replace(package, version=version) for package in packages)


def current_packages(update: Update) -> tuple[Package, ...]:
    """Give the packages of an update's current version.

    Those of the newest version that has any, unless words name other articles.
    """
    if stated_articles(update):
        return ()
    until_now = packages_until_now(update)
    newest = newest_version(until_now, default=1)
    return tuple(each for each in until_now if each.version == newest)


def packages_until_now(update: Update) -> tuple[Package, ...]:
    """Give the packages of an update's versions that are told of: no later one's.

    A row may show a later version before that is told.
    """
    return tuple(each for each in update.packages if each.version <= update.version)


def current_among(update: Update, lost: Sequence[Package]) -> tuple[Package, ...]:
    """Give the packages of the current version that are lost, by KB article or build.

    One of the two is enough, where the product is the same.
    """
    found = []
    for package in current_packages(update):
        for each in lost:
            same_name = package.build == each.build or package.kb == each.kb
            if same_name and package.product == each.product:
                found.append(package)
                break
    return tuple(found)


def part_gone(update: Update, lost: Sequence[Package]) -> tuple[Package, ...] | None:
    """Give the packages that are lost, where others of the current version are still there.

    Three KB articles have three download pages: that one of them is gone says nothing of
    the other two.
    """
    gone = current_among(update, lost)
    return gone if 0 < len(gone) < len(current_packages(update)) else None


def pulled_packages(update: Update) -> tuple[Package, ...]:
    """Give the packages of an update's current version that are pulled.

    Case: in December 2014 one rollup of three was pulled; the others stayed offered.
    """
    current = current_packages(update)
    if update.is_pulled:
        return current
    if update.is_pulled_in_part:
        return tuple(package for package in current if package.pulled)
    return ()


def names_of_part(part: Iterable[Package]) -> str:
    """Name some packages of an update, in the fact that they turned.

    Product and KB article of each, sorted: sources that name them in another order tell
    of the same fact.  "" for all of the update.
    """
    named = {f"{package.product} {package.kb}".strip() for package in part}
    return ", ".join(sorted(named))


def is_pulled_package(update: Update, package: Package) -> bool:
    """Say whether this package of an update is not to be installed at this moment.

    Of an update that is pulled as a whole, each of the current version is.
    """
    return is_among(package, pulled_packages(update))


def with_pulled(update: Update, packages: Sequence[Package]) -> Update:
    """Give the update with these of its current packages pulled; with all, where none is named.

    Case: of three rollups of December 2014 one was recalled, and its update was pulled
    in part.  Packages of versions before stay as they were.
    """
    current = current_packages(update)
    pulled = [*pulled_packages(update), *(packages or current)]
    return replace(
        update,
        packages=_in_place(update.packages, current, _as_pulled(current, pulled)),
        state=State.PULLED_IN_PART if without(current, pulled) else State.PULLED,
    )


def with_part_offered_again(
    update: Update, packages: Sequence[Package], version: int
) -> Update:
    """Give the update after some of its packages came back, as ``version``.

    The others are the new version's, too, and stay as they are: offered or pulled.
    """
    current = current_packages(update)
    still_pulled = without(pulled_packages(update), packages)
    of_version = as_version(_as_pulled(current, still_pulled), version)
    return replace(
        update,
        packages=_in_place(update.packages, current, of_version),
        version=version,
        state=State.PULLED_IN_PART if still_pulled else State.RELEASED,
    )


def _as_pulled(
    packages: Iterable[Package], pulled: Sequence[Package]
) -> tuple[Package, ...]:
    """The packages as pulled where they are among ``pulled``, else as offered."""
    return tuple(
        replace(package, pulled=is_among(package, pulled)) for package in packages
    )


def _in_place(
    packages: Iterable[Package], former: Iterable[Package], changed: Iterable[Package]
) -> tuple[Package, ...]:
    """The packages with each of the former ones changed, and in the order that they had."""
    forms = dict(zip(former, changed, strict=True))
    return tuple(forms.get(package, package) for package in packages)


def with_told(packages: Sequence[Package], event: Event) -> tuple[Package, ...]:
    """Give packages with the event for their first one, where it tells of them.

    Which event told of a package first decides whom a correction goes to.
    """
    marked = []
    for package in packages:
        is_first = not package.told and is_among(package, event.packages)
        marked.append(replace(package, told=event.id) if is_first else package)
    return tuple(marked)


def all_offered(packages: Iterable[Package]) -> tuple[Package, ...]:
    """Give the packages as offered, in their order: none of them is pulled any more."""
    return tuple(replace(package, pulled=False) for package in packages)


def stated_articles(update: Update) -> tuple[str, ...]:
    """Give the KB articles of a version of which words alone have told.

    () when it has packages or is offered under the articles it had.
    """
    if not update.former or has_version(update.packages, update.version):
        return ()
    return tuple(kb for kb in update.kbs if kb not in update.former)


def all_articles(update: Update) -> tuple[str, ...]:
    """Give all KB articles of an update.

    Those of a version of which words alone have told come first.
    """
    of_packages = [package.kb for package in update.packages if package.kb]
    articles = [*stated_articles(update), *of_packages, *update.kbs]
    return tuple(dict.fromkeys(articles))


def only_words_tell_of_version(update: Update) -> bool:
    """Say whether only words have told of the current version, which is not the first.

    No package of it is known, and it is not pulled.
    """
    if update.version == 1 or update.is_pulled:
        return False
    return not has_version(update.packages, update.version)


def holds_package(update: Update, package: Package) -> bool:
    """Say whether the update has this very package, in any version."""
    return is_among(package, update.packages)


def covers_product(update: Update, package: Package) -> bool:
    """Say whether the update's current version has a package for that product.

    A package without a product is for those that the update has.
    """
    if not package.product:
        return True
    return has_product(current_packages(update), package.product)


def is_one_named(products: Iterable[str], named: Collection[str]) -> bool:
    """Say whether one of the products is named; where no name is given, each is meant."""
    if not named:
        return True
    return any(normalize.is_named(product, named) for product in products)


def has_product(packages: Iterable[Package], product: str) -> bool:
    """Say whether one of the packages is for that product, whatever rollup it is at.

    "Exchange Server 2019" is that of an update for its CU14, and the other way round:
    sources name the same server more or less exactly.
    """
    base = base_product(product)
    for package in packages:
        stored = base_product(package.product)
        if stored == base or _is_level_or_edition(stored, base):
            return True
    return False


def _is_level_or_edition(product: str, other: str) -> bool:
    """Whether the longer of two names is a level or an edition of the other product.

    MSRC's records say "Windows 11 Version 24H2 for x64-based Systems", Windows' tables of
    builds "Windows 11 Version 24H2": the later one tells of no further product.
    """
    short, long = sorted((product, other), key=len)
    if short.startswith("Windows "):
        return long.startswith((f"{short} for ", f"{short} (Server Core"))
    return is_level_of(long, short)


def is_level_of(product: str, line: str) -> bool:
    """Say whether a product is a level of a line of products that is named without any.

    "Exchange Server 2016 CU23" is one of "Exchange Server 2016", which a post names.
    Where updates bear no month, the bare name may be a product of its own: "SQL Server
    2019" without a cumulative update.
    """
    if normalize.family(line) not in LABELLED:
        return False
    rest = product.removeprefix(line)
    return rest != product and _LEVEL.match(rest) is not None


def exact_products(products: Iterable[str]) -> tuple[str, ...]:
    """Give products, sorted, without a line of which a level is named: the exact one counts.

    "Exchange Server 2019" and "Exchange Server 2019 CU14" give the second alone.
    """
    named = sorted(set(products))
    return tuple(
        line for line in named if not any(is_level_of(each, line) for each in named)
    )


def package_version(update: Update, package: Package) -> int:
    """Give the version of the update that a package is.

    That of the same package, else that of its KB article, else the current one.
    """
    stored: Sequence[Package] = those_among(update.packages, [package])
    if not stored and package.kb:
        stored = of_articles(update.packages, (package.kb,))
    return newest_version(stored, default=update.version)


def as_made_product(update: Update, package: Package) -> Package:
    """Give the package under the product that a cumulative update makes.

    As it is where the update makes no product, or has no package of that build.
    """
    # MSRC names the product to be updated (2019 CU14), the table of builds the one that
    # it becomes (2019 CU15)
    if update.type not in MAKES_A_PRODUCT or not package.build:
        return package
    for stored in update.packages:
        makes = made_name(stored.product) in update.names
        if stored.build == package.build and makes:
            return replace(package, product=stored.product)
    return package


def with_names_of(update: Update, offered: Iterable[Package]) -> Update:
    """Give the update whose packages have the articles and builds that a check tells of them.

    A row whose link was broken by a line break names no article; the record does, and says
    that it has been withdrawn.
    """
    every = list(offered)
    packages = []
    for package in update.packages:
        for each in every:
            if same_package(package, each):
                kb, build = package.kb or each.kb, package.build or each.build
                package = replace(package, kb=kb, build=build)  # noqa: PLW2901 - named
        packages.append(package)
    return replace(update, packages=tuple(packages))


def add_package(
    packages: tuple[Package, ...], package: Package, *, certain: bool
) -> tuple[Package, ...]:
    """Add a package to ``packages``, or complete the one among them that it is.

    Of two builds under one name a table's (``certain``) stays.
    """
    for number, stored in enumerate(packages):
        if _is_one_name(stored, package):
            completed = _completed(stored, package, certain=certain)
            return (*packages[:number], completed, *packages[number + 1 :])
    return (*packages, package)


def _is_one_name(stored: Package, package: Package) -> bool:
    """Whether two packages of one version may be one, by product and KB article."""
    if stored.version != package.version or contradict(stored.kb, package.kb):
        return False
    if stored.product == package.product:
        return True
    # A post names "Exchange Server 2016", the table its CU23
    short, long = sorted((stored.product, package.product), key=len)
    return is_level_of(long, short) and "" not in (stored.kb, package.kb)


def _completed(stored: Package, new: Package, *, certain: bool) -> Package:
    """The new form of a package, with what only the stored one says."""
    build = new.build or stored.build
    if not certain and stored.build:
        # MSRC's records bear wrong builds at times, tables do not
        build = stored.build
    url = new.url or stored.url
    if normalize.download_page(stored.url) and not normalize.download_page(new.url):
        url = stored.url
    product = new.product
    if is_level_of(stored.product, product):
        product = stored.product
    return replace(
        new,
        product=product,
        kb=new.kb or stored.kb,
        build=build,
        url=url,
        file=new.file or stored.file,
        size=stored.size if new.size is None else new.size,
        supersedes=new.supersedes or stored.supersedes,
        # A calendar of hotpatches says what a record does not
        type=BASELINE if stored.type == BASELINE else new.type or stored.type,
        pulled=stored.pulled,
        stated=new.stated or stored.stated,
        released=new.released or stored.released,
        told=stored.told,
        # A table says nothing of who may have a package
        esu=stored.esu if certain else new.esu,
    )


# -- what a table's row states


def is_row(entry: Entry) -> bool:
    """Say whether an entry is a row of a table that names the update of each build.

    Such rows state a name, where records only suggest one by their date.
    """
    if label_of(entry).family not in LABELLED or entry.revision:
        return False
    return bool(entry.packages) and all(package.build for package in entry.packages)


def is_guess_of(package: Package, row: Package) -> bool:
    """Say whether a package that no row has named is the one that a row is about.

    By build, else by KB article and product.  A record names CU13 where the row says
    CU14, of one article: it is the row's.
    """
    if package.stated:
        return False
    if package.build:
        return package.build == row.build
    if not row.kb or package.kb != row.kb:
        return False
    if is_level_of(row.product, package.product):
        return True
    return base_product(package.product) == base_product(row.product)


def add_row(
    packages: tuple[Package, ...], row: Package, corrected: Package | None
) -> tuple[Package, ...]:
    """Add what a table's row offers to ``packages``, in place of what was guessed of it.

    Product, version, KB article, build and date are the row's. ``corrected`` is what the
    row offered before it was corrected. Two rows may share a product and a version
    ("Exchange 2000 Server post-SP3" has five builds): each is a package.
    """
    guesses = [each for each in packages if is_guess_of(each, row)]
    rows = [each for each in packages if _is_row_before(each, row, corrected)]
    former = [*guesses, *rows]
    if not former:
        unstated = [each for each in packages if not each.stated]
        former = [each for each in unstated if _is_one_name(each, row)]
    kept = tuple(each for each in packages if each not in former)
    for each in former:
        row = _completed(each, row, certain=True)
    return (*kept, row)


def after_row(packages: tuple[Package, ...], row: Package) -> tuple[Package, ...]:
    """Give the packages with those that were guessed to be of a row's version, and are later.

    A record offers the newest alone: where the table names an older one of that product,
    which has another article, the newest is the version after it.
    """
    found = []
    of_row = (row.product, row.version)
    for package in packages:
        is_guess = not package.stated and (package.product, package.version) == of_row
        if is_guess and contradict(package.kb, row.kb) and build_grew(row, package):
            package = replace(package, version=row.version + 1)  # noqa: PLW2901
        found.append(package)
    return tuple(found)


def _is_row_before(stored: Package, row: Package, corrected: Package | None) -> bool:
    """Whether a row is told again, or corrected, that named this package before."""
    if stored.version != row.version:
        return False
    if (stored.product, stored.build) == (row.product, row.build):
        return True
    return corrected is not None and same_package(stored, corrected)


def released_of(update: Update, package: Package) -> datetime | None:
    """Give when a package came out: by its row, else by those of its version, else as
    its update did.

    Case: November 2024's v2 came on the twenty-seventh, its first version on the twelfth.
    """
    if package.released is not None:
        return package.released
    same_version = [
        each.released
        for each in update.packages
        if each.released is not None and each.version == package.version
    ]
    return max(same_version, default=update.released)
