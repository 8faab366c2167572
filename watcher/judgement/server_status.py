"""What each of the administrator's servers runs, and which news may concern it.

Pure: servers and the ledger's updates in, exposures out.  A branch is a build's first
three numbers (``15.2.1544``: Exchange Server 2019 CU14); a product's line is its name
without level ("Exchange Server 2019").

    exposures(servers, updates)            what each server's build means at this moment
    servers_of_event, servers_of_update    which of them an event or an update may concern

What to do there is said in ``server_steps``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cache

from msgspec import Struct, field
from msgspec.structs import replace

from watcher.judgement import lifecycle, normalize, tracks
from watcher.judgement.ledger import established_by
from watcher.judgement.newest_build import product_line
from watcher.judgement.normalize.products import EXCHANGE
from watcher.judgement.packages import (
    builds_of,
    current_packages,
    is_pulled_package,
    products_of,
    released_of,
)
from watcher.judgement.tracks import branch_of, may_share
from watcher.records import (
    NEVER,
    Established,
    Event,
    Exposure,
    Fitness,
    Kind,
    LeftLevel,
    Offer,
    Package,
    Server,
    Subscriber,
    Update,
)
from watcher.records.source import fits_any

MAKES_A_BRANCH = ("CU", "SP", "RTM", "Preview")
"""Types of updates that make a product of a new branch."""


BuildKey = tuple[int, ...]


class KnownBuild(Struct, frozen=True):
    """What a build is: the package that has it, and the update that it is of."""

    update: Update
    package: Package

    @property
    def offer(self) -> Offer:
        """The package as an offer, of its own version."""
        return _offer(self.update, self.package, self.package.version)

    @property
    def is_pulled(self) -> bool:
        """Whether that package is pulled, or was until a newer one replaced it."""
        return _is_pulled(self.update, self.package)


class BuildIndex(Struct):
    """The ledger's packages that have a build, by what servers are compared by.

    Offers are packages that are good to install at this moment.
    """

    of_build: dict[str, list[KnownBuild]] = field(
        default_factory=lambda: defaultdict(list)
    )
    products_of_branch: dict[BuildKey, set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    offers_of_branch: dict[tuple[str, BuildKey], list[Offer]] = field(
        default_factory=lambda: defaultdict(list)
    )
    offers_of_line: dict[str, list[Offer]] = field(
        default_factory=lambda: defaultdict(list)
    )
    offers_of_family: dict[str, list[Offer]] = field(
        default_factory=lambda: defaultdict(list)
    )
    newest_of_branch: dict[BuildKey, BuildKey] = field(default_factory=dict)
    left_levels: dict[str, LeftLevel] = field(default_factory=dict)


def exposures(
    servers: Iterable[Server], updates: Iterable[Update]
) -> tuple[Exposure, ...]:
    """Say of each server what its build means at this moment.

    By the packages of all updates, whatever order they are in.
    """
    return exposures_by(build_index(updates), servers)


def exposures_by(index: BuildIndex, servers: Iterable[Server]) -> tuple[Exposure, ...]:
    """Say the same by an index that several inventories are judged by.

    Servers of one build, product and track are judged once.
    """
    # A hundred servers run a handful of builds
    judged: dict[tuple[str, str, str], Exposure] = {}
    found = []
    for server in servers:
        alike = server.build, server.product, server.track
        if alike not in judged:
            judged[alike] = _exposure(server, index)
        found.append(replace(judged[alike], server=server))
    return tuple(found)


def _is_pulled(update: Update, package: Package) -> bool:
    """Say whether a package is not to be installed, for the vendor pulled it.

    Of an older version: whether it was, and is not offered again as it was.
    """
    if package in current_packages(update):
        return is_pulled_package(update, package)
    if package.version >= update.version:
        return update.is_pulled
    # December 2014: one rollup of three was pulled, and stays so when its v2 is out
    if any(each.pulled for each in update.packages if each.version == package.version):
        return package.pulled
    # November 2024: v1 stays pulled when v2 is out
    fact = Established(Kind.PULLED, package.version)
    return established_by(update, fact) is not None


def build_index(updates: Iterable[Update]) -> BuildIndex:
    """Sort the packages of all updates by what servers are compared by.

    What tables state of a build goes before what records say of it.
    """
    index = BuildIndex()
    every = tuple(updates)
    stated = {
        (normalize.family(package.product), package.build)
        for update in every
        for package in update.packages
        if package.stated
    }
    levels: dict[str, str] = {}
    for update in every:
        good = _good_packages(update)
        for package in update.packages:
            name = normalize.family(package.product), package.build
            # Of a build that a table names nothing else counts that records say of it
            if not package.stated and name in stated:
                continue
            if normalize.build_key(package.build):
                _add_build(index, KnownBuild(update, package))
            if package in good:
                _add_offer(index, _offer(update, package, update.version))
                levels[package.product] = package.build
    index.left_levels = lifecycle.left_levels(levels)
    return index


def _good_packages(update: Update) -> list[Package]:
    """Give the packages of an update that can be recommended, by build and product."""
    # What may be pulled is recommended to nobody
    if not update.has_offered_packages or update.suspicions:
        return []
    good = []
    for package in current_packages(update):
        has_build = bool(normalize.build_key(package.build))
        if has_build and package.product and not _is_pulled(update, package):
            good.append(package)
    return good


def _add_build(index: BuildIndex, installed: KnownBuild) -> None:
    """Add what a build is, and the product that its branch stands for."""
    package = installed.package
    index.of_build[package.build].append(installed)
    # A row of the build table may give its build in two forms that differ: one of them
    # is a typing error, and a server shows the other one
    if package.disputed not in {"", package.build}:
        index.of_build[package.disputed].append(installed)
    build = normalize.build_key(package.build)
    branch = branch_of(build, package.product)
    index.products_of_branch[branch].add(package.product)
    index.newest_of_branch[branch] = max(build, index.newest_of_branch.get(branch, ()))


def _add_offer(index: BuildIndex, offer: Offer) -> None:
    """Add what is good to install."""
    product = offer.package.product
    family = normalize.family(product)
    index.offers_of_branch[family, branch_of(_key(offer), product)].append(offer)
    index.offers_of_line[product_line(product)].append(offer)
    index.offers_of_family[family].append(offer)


def _offer(update: Update, package: Package, version: int) -> Offer:
    return Offer(
        update.id,
        update.title,
        update.type,
        version,
        update.version,
        package,
        released_of(update, package),
    )


def _exposure(server: Server, index: BuildIndex) -> Exposure:
    """Judge one server by its build.

    What is newer in its branch is to be installed.  What is newer in another branch of
    its product is only named, until later updates are for that branch only.
    """
    known_build = _known_build(server, index)
    if known_build is None:
        return _exposure_of_unknown(server, index)

    product = known_build.package.product
    newer = _newer_in_branch(server, product, index)
    newest = max(newer, key=_rank, default=None)
    if tracks.is_hotpatched(server, product):
        branch = branch_of(normalize.build_key(server.build), product)
        offers = index.offers_of_branch.get(("Windows", branch), ())
        newer = tracks.newer_of_hotpatching(known_build.offer, offers)
        newest = max(newer, key=_released, default=None)
    # When the last update came out that the server's branch got
    last = max(map(_released, filter(None, (known_build.offer, newest))))
    elsewhere = _newer_in_other_branches(server, product, index)
    overtaking = [offer for offer in elsewhere if _overtakes(offer, last)]
    left = None if overtaking else _left_behind(server, product, last, index)
    is_outdated = newest is not None or bool(overtaking) or left is not None
    return Exposure(
        server=server,
        fitness=_fitness(known_build, is_outdated=is_outdated),
        product=product,
        installed=known_build.offer,
        newest=newest,
        unrestricted=_unrestricted(newest, newer),
        ahead=max(overtaking or elsewhere, key=_rank, default=None),
        overtaken=bool(overtaking),
        left=left,
        left_level=index.left_levels.get(product),
        may_hide=_may_hide(server, known_build, index),
        off_track=tracks.is_off_track(server, known_build.offer),
    )


def _may_hide(server: Server, known_build: KnownBuild, index: BuildIndex) -> bool:
    """Say whether a build may stand for a later one of its branch that is installed."""
    # Get-ExchangeServer's AdminDisplayVersion often stays at the cumulative update's
    # build when a security update is installed: the pulled one is not seen
    if server.exact or normalize.family(known_build.package.product) != EXCHANGE:
        return False
    if known_build.update.type not in MAKES_A_BRANCH:
        return False
    build = normalize.build_key(server.build)
    product = known_build.package.product
    return index.newest_of_branch[branch_of(build, product)] > build


def _exposure_of_unknown(server: Server, index: BuildIndex) -> Exposure:
    """Judge a server by the branch of its build, which itself no update has."""
    product = _product_of_branch(server, index)
    if not product:
        return Exposure(server, Fitness.UNKNOWN)
    newer = _newer_in_branch(server, product, index)
    newest = max(newer, key=_rank, default=None)
    elsewhere = _newer_in_other_branches(server, product, index)
    return Exposure(
        server=server,
        fitness=Fitness.UNKNOWN,
        product=product,
        newest=newest,
        unrestricted=_unrestricted(newest, newer),
        ahead=max(elsewhere, key=_rank, default=None),
        left_level=index.left_levels.get(product),
    )


def _known_build(server: Server, index: BuildIndex) -> KnownBuild | None:
    """Find what a build is: what the server's track is offered first, then what is pulled."""
    candidates = index.of_build.get(server.build, ())
    return max(
        (each for each in candidates if _is_of_family(server, each.package.product)),
        key=lambda each: (
            tracks.is_offered(each.package, server),
            each.is_pulled,
            each.package.version,
            bool(each.package.kb),
            each.update.id,
        ),
        default=None,
    )


def _product_of_branch(server: Server, index: BuildIndex) -> str:
    """Name the product of a build that no update has, by its branch."""
    build = normalize.build_key(server.build)
    # Which numbers make a branch depends on the product
    candidates = sorted(
        {
            product
            for branch, products in index.products_of_branch.items()
            for product in products
            if branch_of(build, product) == branch
        }
    )
    fitting = [product for product in candidates if _is_of_family(server, product)]
    # "Exchange Server 2019 CU14" says more than "Exchange Server"
    return max(fitting, key=len, default="")


def _is_of_family(server: Server, product: str) -> bool:
    """Say whether a product may be the server's, as far as the inventory names one."""
    if not server.product:
        return True
    family = normalize.family(server.product)
    if family != normalize.family(product):
        return family == ""
    # "Windows Server 2025" is no "Windows 11 Version 24H2", of the same builds
    return server.product == family or may_share(server.product, product)


def _newer_in_branch(server: Server, product: str, index: BuildIndex) -> list[Offer]:
    build = normalize.build_key(server.build)
    branch = normalize.family(product), branch_of(build, product)
    newer = []
    for offer in index.offers_of_branch.get(branch, ()):
        is_for_product = may_share(product, offer.package.product)
        if is_for_product and _is_newer(offer, server):
            newer.append(offer)
    return newer


def _newer_in_other_branches(
    server: Server, product: str, index: BuildIndex
) -> list[Offer]:
    build = normalize.build_key(server.build)
    branch = branch_of(build, product)
    newer = []
    for offer in index.offers_of_line.get(product_line(product), ()):
        is_elsewhere = branch_of(_key(offer), offer.package.product) != branch
        if is_elsewhere and _is_newer(offer, server):
            newer.append(offer)
    return newer


def _is_newer(offer: Offer, server: Server) -> bool:
    """Say whether a server is offered a build that is newer than its own, by its track."""
    is_higher = _key(offer) > normalize.build_key(server.build)
    return is_higher and tracks.is_offered(offer.package, server)


def _overtakes(offer: Offer, last: datetime) -> bool:
    """Say whether what is for another branch shows that a branch gets no more.

    ``last`` is when the last update of that branch came out.
    """
    # The GDRs and the cumulative updates of SQL Server go on side by side
    if normalize.family(offer.package.product) != EXCHANGE:
        return False
    # Exchange Server 2019 CU13 when the May SU is for CU14 and CU15 only: a new
    # cumulative update alone leaves an older branch good
    return offer.type not in MAKES_A_BRANCH and _released(offer) > last


def _left_behind(
    server: Server, product: str, last: datetime, index: BuildIndex
) -> Offer | None:
    """Find a security update that came later, for newer products of the family only."""
    build, line = normalize.build_key(server.build), product_line(product)
    later: list[Offer] = []
    for_line: set[str] = set()
    for offer in index.offers_of_family.get(normalize.family(product), ()):
        # A hotfix, or what came before, says nothing of support
        if offer.type != "SU" or _released(offer) <= last:
            continue
        if product_line(offer.package.product) == line:
            for_line.add(offer.update)
        if _key(offer) > build:
            later.append(offer)
    # Exchange Server 2013 CU23 after its last SU: each later one leaves its line out
    leaving = [offer for offer in later if offer.update not in for_line]
    return max(leaving, key=lambda each: (_released(each), _rank(each)), default=None)


def _unrestricted(newest: Offer | None, newer: Iterable[Offer]) -> Offer | None:
    """Give what everybody gets, where the newest is for extended security updates."""
    if newest is None or not newest.package.esu:
        return None
    # Exchange Server 2016 and 2019 since October 2025: who has not paid must still hear
    # of the last update that everybody got
    everybodys = [offer for offer in newer if not offer.package.esu]
    return max(everybodys, key=_rank, default=None)


def _fitness(known_build: KnownBuild, *, is_outdated: bool) -> Fitness:
    """Say how good a build is: what is pulled is worse than what is replaced."""
    update, package = known_build.update, known_build.package
    if known_build.is_pulled:
        return Fitness.PULLED
    if package.version < update.version:
        return Fitness.REPLACED
    if update.suspicions and not update.is_pulled:
        return Fitness.SUSPECTED
    return Fitness.NEWER if is_outdated else Fitness.GOOD


def _key(offer: Offer) -> BuildKey:
    return normalize.build_key(offer.package.build)


def _released(offer: Offer) -> datetime:
    return offer.released or NEVER


def _rank(offer: Offer) -> tuple[BuildKey, bool, bool, bool, str]:
    """Order offers by build; of one build the one for everybody, with an article, counts."""
    package = offer.package
    # SharePoint's language patch comes with the server's own package
    is_whole = not tracks.is_language_patch(package)
    return _key(offer), not package.esu, bool(package.kb), is_whole, offer.update


def owned(
    subscriber: Subscriber, exposures: Iterable[Exposure]
) -> tuple[Exposure, ...]:
    """Give the servers of a subscriber's inventory, and of those owners whom they name.

    Owners are patterns, case ignored.  All servers of the inventory where no owner is
    named, and where those named have none.
    """
    every, theirs = [], []
    for exposure in exposures:
        server = exposure.server
        # One customer of a service provider never reads of another one's servers
        if server.inventory != subscriber.inventory:
            continue
        every.append(exposure)
        if any(fits_any(owner, subscriber.owners) for owner in server.owners):
            theirs.append(exposure)
    # A name that is mistyped silences nobody
    return tuple(theirs or every)


class _Target(Struct, frozen=True):
    """What an update is for: builds as numbers, products, and the lines that these are of."""

    builds: tuple[BuildKey, ...]
    products: frozenset[str]
    lines: frozenset[str]

    def fits(self, build: str, product: str) -> bool:
        """Say whether an update that is not installed is for a server.

        It is for its product, and not older than what it runs.
        """
        if not product:
            return False
        # An advisory may name the family alone: "Exchange Server"
        if (
            product_line(product) not in self.lines
            and normalize.family(product) not in self.products
        ):
            return False
        builds = self.builds_of_branch(build, product) or self.builds
        return not builds or max(builds) > normalize.build_key(build)

    def builds_of_branch(self, build: str, product: str) -> list[BuildKey]:
        """Give the update's builds that are of the branch of ``build``.

        A build is compared with those of its own branch only.
        """
        branch = branch_of(normalize.build_key(build), product)
        return [other for other in self.builds if branch_of(other, product) == branch]


def _target(products: Iterable[str], builds: Iterable[str]) -> _Target:
    named = frozenset(products)
    return _Target(
        tuple(normalize.build_key(build) for build in builds if build),
        named,
        frozenset(map(product_line, named)),
    )


def servers_of_event(
    event: Event, exposures: Iterable[Exposure]
) -> tuple[Exposure, ...]:
    """Give the servers that ``event`` concerns.

    Its update is installed there, or is for that server's product.
    """
    target = _target(
        [*event.update.products, *products_of(event.packages)],
        [*event.update.builds, *builds_of(event.packages)],
    )
    return tuple(
        exposure
        for exposure in exposures
        if runs(exposure, event.update.id)
        or target.fits(exposure.server.build, exposure.product)
    )


def servers_of_update(
    update: Update, exposures: Iterable[Exposure]
) -> tuple[Exposure, ...]:
    """Give the servers that ``update`` concerns at this moment, of all ``exposures``.

    By product and branch of build; and those that run a version of it.
    """
    target = _target(
        [*update.products, *products_of(update.packages)],
        builds_of(update.packages),
    )
    dated = update.dated

    # Every page is asked about every server, and a hundred servers run a handful of
    # builds
    @cache
    def concerns(build: str, product: str, installed: datetime) -> bool:
        if not target.fits(build, product):
            return False
        # Where no build of its branch is known, only the dates tell whether a server is
        # beyond the update
        return bool(target.builds_of_branch(build, product)) or installed <= dated

    found = []
    for exposure in exposures:
        installed = _released(exposure.installed) if exposure.installed else NEVER
        if runs(exposure, update.id) or concerns(
            exposure.server.build, exposure.product, installed
        ):
            found.append(exposure)
    return tuple(found)


def may_concern(event: Event, exposures: Iterable[Exposure]) -> bool:
    """Say whether ``event`` may concern one of the servers.

    True where the event names no product, or no source knows a server's build and the
    inventory names such a product: who may be concerned hears it.
    """
    products, every = event.update.products, tuple(exposures)
    if not products or servers_of_event(event, every):
        return True
    # What no source knows is judged by the product that the inventory names
    unknown = [exposure.server for exposure in every if not exposure.product]
    return any(_may_be_of(server.product, products) for server in unknown)


def _may_be_of(product: str, products: Iterable[str]) -> bool:
    """Say whether a product is one of ``products``, as far as it is named."""
    if not product:
        return True
    line, family = product_line(product), normalize.family(product)
    lines = {product_line(other) for other in products}
    if line in lines or family in lines:
        return True
    # The inventory names the family alone: "Exchange Server"
    return line == family and family in map(normalize.family, lines)


def runs(exposure: Exposure, update: str) -> bool:
    """Say whether a version of an update is what the server runs."""
    return exposure.installed is not None and exposure.installed.update == update


def on_pulled(update: str, exposures: Iterable[Exposure]) -> tuple[Exposure, ...]:
    """Give the servers on which a pulled version of an update is installed."""
    return tuple(
        exposure
        for exposure in exposures
        if exposure.fitness is Fitness.PULLED and runs(exposure, update)
    )
