"""Which of the administrator's servers an update concerns, and what to do for each.

Worked out from the builds and packages of the ledger's updates.  A branch is a build's
first three numbers (``15.2.1544``: Exchange Server 2019 CU14); a product's line is its
name without level ("Exchange Server 2019").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache

from msgspec import Struct, field
from msgspec.structs import replace

from watcher.judgement import newest_build, normalize
from watcher.judgement.packages import current_packages
from watcher.records import (
    Confidence,
    Event,
    Exposure,
    Fitness,
    Kind,
    Offer,
    Package,
    Server,
    State,
    Update,
)

Branch = tuple[str, tuple[int, ...]]

# Numbers of a build
BRANCH = 3
# Updates that make a product of a new branch
MAKING = ("CU", "SP", "RTM", "Preview")
_NEVER = datetime.min.replace(tzinfo=UTC)


class Shelf(Struct):
    """Every package with a build.

    By build, by branch, by product line, by family; good ones apart.
    """

    known: dict[str, list[tuple[Update, Package]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    good: dict[Branch, list[Offer]] = field(default_factory=lambda: defaultdict(list))
    lines: dict[str, list[Offer]] = field(default_factory=lambda: defaultdict(list))
    families: dict[str, list[Offer]] = field(default_factory=lambda: defaultdict(list))
    branches: dict[tuple[int, ...], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )


def exposures(
    servers: Iterable[Server], updates: Iterable[Update]
) -> tuple[Exposure, ...]:
    """Say of each server what its build means at this moment.

    Servers of one build are judged once.
    """
    shelf, judged = _shelf(updates), dict[tuple[str, str], Exposure]()
    found = []
    for server in servers:
        form = server.build, server.product
        if form not in judged:
            judged[form] = _exposure(server, shelf)
        found.append(replace(judged[form], server=server))
    return tuple(found)


def concerned(event: Event, known: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """Give the servers that ``event`` concerns.

    Its update is installed there, or is for that server's product.
    """
    products = (
        *event.update.products,
        *(package.product for package in event.packages),
    )
    aim = _aim(
        products, (*event.update.builds, *(package.build for package in event.packages))
    )
    return tuple(
        exposure
        for exposure in known
        if has(exposure, event.update.id)
        or _is_for(aim, exposure.server.build, exposure.product)
    )


def of_update(update: Update, known: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """Give the servers that ``update`` concerns at this moment, ``known`` being all of them.

    Where no build of its branch is known, only the dates tell whether a server is
    beyond it.
    """
    aim = _aim(
        (*update.products, *(package.product for package in update.packages)),
        (package.build for package in update.packages),
    )
    dated = update.released or update.first_seen

    @cache
    def concerns(build: str, product: str, installed: datetime) -> bool:
        branch = normalize.build_key(build)[:BRANCH]
        known_here = any(other[:BRANCH] == branch for other in aim.builds)
        return _is_for(aim, build, product) and (known_here or installed <= dated)

    def runs(each: Exposure) -> datetime:
        return each.installed.released or _NEVER if each.installed else _NEVER

    return tuple(
        each
        for each in known
        if has(each, update.id) or concerns(each.server.build, each.product, runs(each))
    )


def owned(owners: Iterable[str], known: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """Give the servers of the owners whom patterns name, case ignored.

    All of them where no owner is named, and where those named have none: a name that
    is mistyped silences nobody.
    """
    patterns, every = [owner.lower() for owner in owners], tuple(known)
    mine = tuple(
        each
        for each in every
        if any(
            fnmatchcase(o.lower(), pattern)
            for o in each.server.owners
            for pattern in patterns
        )
    )
    return mine or every


def may_concern(event: Event, known: Iterable[Exposure]) -> bool:
    """Say whether ``event`` may concern one of the servers.

    Whose build no source knows is judged by the product that it is said to be.
    """
    products, every = event.update.products, tuple(known)
    return (
        not products
        or bool(concerned(event, every))
        or any(
            not each.product and _alike(each.server.product, products) for each in every
        )
    )


def _alike(product: str, products: Iterable[str]) -> bool:
    """Say whether a product is one of ``products``, as far as it is named.

    By its line, or by its family alone.
    """
    line, family = newest_build.product_line(product), normalize.family(product)
    lines = {newest_build.product_line(other) for other in products}
    return (
        not product
        or line in lines
        or family in lines
        or (line == family and family in map(normalize.family, lines))
    )


def on_pulled(update: str, known: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """Give the servers on which a pulled version of an update is installed."""
    return tuple(
        exposure
        for exposure in known
        if exposure.fitness is Fitness.PULLED and has(exposure, update)
    )


def has(exposure: Exposure, update: str) -> bool:
    """Say whether a version of an update is what the server runs."""
    return exposure.installed is not None and exposure.installed.update == update


def line(exposure: Exposure) -> str:
    """Name the line of products that a server's is of: "Exchange Server 2019"."""
    return newest_build.product_line(exposure.product)


def step(exposure: Exposure, event: Event | None = None) -> str:
    """Name the sentence that says what to do for a server, in view of an event where
    there is one.
    """
    if event is None or exposure.installed is None:
        return _step(exposure)
    here = has(exposure, event.update.id)
    if event.kind is Kind.PULLED or event.pulled:
        if not here:
            return "keep-off"
        return "hold" if event.confidence is Confidence.SUSPECTED else _step(exposure)
    if (
        here
        and event.kind is Kind.KNOWN_ISSUE
        and exposure.fitness in (Fitness.GOOD, Fitness.NEWER)
    ):
        return "check-issue"
    if not (event.packages or event.update.kbs or event.update.builds):
        return "no-update-yet"
    return _step(exposure)


def _step(exposure: Exposure) -> str:
    installed = exposure.installed
    if installed is None:
        return _unknown(exposure)
    if exposure.fitness is Fitness.SUSPECTED:
        return "hold"
    if exposure.newest is not None:
        return _install(exposure)
    if (
        exposure.fitness in (Fitness.PULLED, Fitness.REPLACED)
        and installed.version < installed.latest
    ):
        return "again"
    if exposure.overtaken:
        return "move"
    if exposure.fitness is Fitness.PULLED:
        return "follow"
    return "nothing" if exposure.left is None else "left"


def _unknown(exposure: Exposure) -> str:
    if exposure.newest is not None:
        return "unknown-install"
    return "unknown-newer" if exposure.product else "unknown"


def _install(exposure: Exposure) -> str:
    if exposure.newest is None or not exposure.newest.package.esu:
        return "install"
    return "install-esu" if exposure.unrestricted is None else "install-esu-or"


def _shelf(updates: Iterable[Update]) -> Shelf:
    shelf = Shelf()
    for update in updates:
        current = current_packages(update)
        offered = update.state is State.RELEASED and not update.suspicions
        for package in update.packages:
            key, family = (
                normalize.build_key(package.build),
                normalize.family(package.product),
            )
            if not key:
                continue
            for build in {package.build, package.disputed} - {""}:
                shelf.known[build].append((update, package))
            shelf.branches[key[:BRANCH]].add(package.product)
            if offered and package in current:
                offer = _offer(update, package, update.version)
                shelf.good[family, key[:BRANCH]].append(offer)
                shelf.lines[newest_build.product_line(package.product)].append(offer)
                shelf.families[family].append(offer)
    return shelf


def _offer(update: Update, package: Package, version: int) -> Offer:
    return Offer(
        update.id,
        update.title,
        update.type,
        version,
        update.version,
        package,
        update.released,
    )


def _exposure(server: Server, shelf: Shelf) -> Exposure:
    found = _installed(server, shelf)
    key = normalize.build_key(server.build)
    product = found[1].product if found else _product(server, key, shelf)
    family, line = normalize.family(product), newest_build.product_line(product)
    newer = (
        [offer for offer in shelf.good[family, key[:BRANCH]] if _key(offer) > key]
        if product
        else []
    )
    newest = max(newer, key=_rank, default=None)
    other = (
        [
            offer
            for offer in shelf.lines[line]
            if _key(offer)[:BRANCH] != key[:BRANCH] and _key(offer) > key
        ]
        if product
        else []
    )
    last = max(
        (o.released or _NEVER for o in (newest, *_itself(found)) if o is not None),
        default=_NEVER,
    )
    overtaking = (
        [
            offer
            for offer in other
            if offer.type not in MAKING and (offer.released or _NEVER) > last
        ]
        if found
        else []
    )
    left = (
        _left(shelf.families[family], line, key, last)
        if found and not overtaking
        else None
    )
    return Exposure(
        server=server,
        fitness=_fitness(
            found, outdated=newest is not None or bool(overtaking) or left is not None
        ),
        product=product,
        installed=_offer(*found, found[1].version) if found else None,
        newest=newest,
        unrestricted=max(
            (o for o in newer if not o.package.esu), key=_rank, default=None
        )
        if newest and newest.package.esu
        else None,
        ahead=max(overtaking or other, key=_rank, default=None),
        overtaken=bool(overtaking),
        left=left,
    )


def _installed(server: Server, shelf: Shelf) -> tuple[Update, Package] | None:
    """Find what a build is; where several updates have it, one that is pulled says so."""
    family = normalize.family(server.product) if server.product else ""
    known = [
        (update, package)
        for update, package in shelf.known.get(server.build, ())
        if family in ("", normalize.family(package.product))
    ]
    return max(
        known,
        key=lambda pair: (
            _pulled(*pair),
            pair[1].version,
            bool(pair[1].kb),
            pair[0].id,
        ),
        default=None,
    )


def _product(server: Server, key: tuple[int, ...], shelf: Shelf) -> str:
    """Name the product of a build that no update has.

    The branch tells, as long as it is of the product that the inventory names.
    """
    family = normalize.family(server.product) if server.product else ""
    fitting = sorted(
        name
        for name in shelf.branches.get(key[:BRANCH], ())
        if family in ("", normalize.family(name))
    )
    return max(fitting, key=len, default="")


def _itself(found: tuple[Update, Package] | None) -> tuple[Offer, ...]:
    return (_offer(*found, found[1].version),) if found else ()


def _fitness(found: tuple[Update, Package] | None, *, outdated: bool) -> Fitness:
    if found is None:
        return Fitness.UNKNOWN
    update, package = found
    if _pulled(update, package):
        return Fitness.PULLED
    if package.version < update.version:
        return Fitness.REPLACED
    if update.suspicions and update.state is State.RELEASED:
        return Fitness.SUSPECTED
    return Fitness.NEWER if outdated else Fitness.GOOD


def _pulled(update: Update, package: Package) -> bool:
    """Say whether that version is pulled, or was until a newer one replaced it."""
    if package.version >= update.version:
        return update.state is State.PULLED
    # Offered again, as far as is known as it was
    again = update.state is State.RELEASED and package in current_packages(update)
    return f"pulled {package.version}" in dict(update.told) and not again


def _left(
    offers: Iterable[Offer], line: str, key: tuple[int, ...], last: datetime
) -> Offer | None:
    """Find a security update that came later, for newer products of the family only."""
    of_update: dict[str, list[Offer]] = defaultdict(list)
    for offer in offers:
        if offer.type == "SU" and (offer.released or _NEVER) > last:
            of_update[offer.update].append(offer)
    later = [
        offer
        for mine in of_update.values()
        if all(
            newest_build.product_line(other.package.product) != line for other in mine
        )
        for offer in mine
        if _key(offer) > key
    ]
    return max(
        later, key=lambda offer: (offer.released or _NEVER, _rank(offer)), default=None
    )


class _Aim(Struct, frozen=True):
    """What an update is for: builds as numbers, products, and the lines that these are of."""

    builds: tuple[tuple[int, ...], ...]
    products: frozenset[str]
    lines: frozenset[str]


def _aim(products: Iterable[str], builds: Iterable[str]) -> _Aim:
    named = frozenset(products)
    return _Aim(
        tuple(normalize.build_key(build) for build in builds if build),
        named,
        frozenset(map(newest_build.product_line, named)),
    )


def _is_for(aim: _Aim, build: str, product: str) -> bool:
    """Say whether an update that is not installed is for a server.

    For its product, and not older than what it runs.
    """
    if not product or not (
        newest_build.product_line(product) in aim.lines
        or normalize.family(product) in aim.products
    ):
        return False
    key = normalize.build_key(build)
    builds = [
        other for other in aim.builds if other[:BRANCH] == key[:BRANCH]
    ] or aim.builds
    return not builds or max(builds) > key


def _key(offer: Offer) -> tuple[int, ...]:
    return normalize.build_key(offer.package.build)


def _rank(offer: Offer) -> tuple[tuple[int, ...], bool, bool, str]:
    """Order offers by build; of one build the one for everybody, with an article, counts."""
    return _key(offer), not offer.package.esu, bool(offer.package.kb), offer.update
