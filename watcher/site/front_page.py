"""The front page: each product's newest good build, and what is pulled at this moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import newest_build, normalize
from watcher.records import State
from watcher.site.lists import Listing, Offer, as_update
from watcher.text.story import kb_url


class BadBuild(Struct, frozen=True):
    """A build that is not to be installed, because its update is pulled or may be."""

    build: str
    kb: str
    title: str
    page: str
    suspected: bool


class Product(Struct, frozen=True):
    """Where a product stands.

    ``build`` is "" when no good one is known; ``state`` is good, suspected or pulled.
    """

    name: str
    state: str
    bad: tuple[BadBuild, ...]
    build: str = ""
    kb: str = ""
    kb_url: str = ""
    # The update
    title: str = ""
    page: str = ""
    released: datetime | None = None
    issues: int = 0
    # The update fixes what is exploited
    exploited: bool = False
    # Had an update within a year
    fresh: bool = True


class Alarm(Struct, frozen=True):
    """An update that is pulled, or may be.

    ``replaced``: every product of it has a newer good build.
    """

    title: str
    page: str
    kbs: tuple[tuple[str, str], ...]
    # Product, build
    rows: tuple[tuple[str, str], ...]
    since: datetime | None
    suspected: bool
    replaced: bool


def current(listings: Sequence[Listing]) -> tuple[Listing, ...]:
    """Give the updates that decide where a product stands.

    Who holds its newest good build, and what is pulled or doubted.

    ``listings`` in order, newest first.  Nothing else of all updates is needed here;
    the vulnerabilities are left out.
    """
    wanted = {listing.id for listing in _newest_good(listings)}
    wanted |= {listing.id for listing in filter(_is_bad, listings)}
    chosen = [listing for listing in listings if listing.id in wanted]
    return tuple(replace(listing, cves=()) for listing in chosen)


def products(listings: Sequence[Listing], now: datetime) -> tuple[Product, ...]:
    """Give where each product stands, newest product first.

    ``listings`` in order, newest first: those that are ``current`` are enough.
    ``now``: when anything was last established.
    """
    good = _newest_good(listings)
    owners = {}
    for listing in good:
        for offer in _offers(listing):
            owners[offer.product, offer.build, offer.kb] = listing
    bad = _bad_builds(listings)
    found: dict[str, Product] = {}
    for row in newest_build.newest_builds([as_update(each) for each in good], now):
        owner = owners[row.product, row.build, row.kb]
        # A pulled build below the good one is nobody's trouble any more
        build = normalize.build_key(row.build)
        of_product = bad.pop(row.product, [])
        newer = tuple(
            each for each in of_product if normalize.build_key(each.build) > build
        )
        recent = row.released is not None and now - row.released <= newest_build.FRESH
        found[row.product] = Product(
            row.product,
            _state(newer),
            newer,
            row.build,
            row.kb,
            kb_url(row.kb),
            owner.title,
            owner.page,
            owner.current,
            owner.issues,
            owner.exploited,
            recent,
        )
    offered: set[str] = set()
    for listing in listings:
        if _is_offered(listing):
            offered.update(offer.product for offer in _offers(listing))
    # Products of which there is nothing but what is pulled or doubted
    for name in sorted(bad.keys() - offered):
        found[name] = Product(name, _state(bad[name]), tuple(bad[name]))
    return tuple(found.values())


def _newest_good(listings: Sequence[Listing]) -> list[Listing]:
    """Give the updates that hold some product's newest good build.

    Of equal builds the newest update, then the first id.
    """
    highest: dict[str, tuple[int, ...]] = {}
    holders: dict[str, str] = {}
    for listing in listings:
        if not _is_offered(listing):
            continue
        for offer in _offers(listing):
            build = _numbers(offer.build)
            if offer.product in holders and highest[offer.product] >= build:
                continue
            highest[offer.product] = build
            holders[offer.product] = listing.id
    # A package without a product says nothing of any
    holders.pop("", None)
    wanted = set(holders.values())
    return [listing for listing in listings if listing.id in wanted]


def _numbers(build: str) -> tuple[int, ...]:
    # As the state compares builds, which finds the best of each product there: what is
    # not all numbers comes first
    try:
        return tuple(map(int, build.split(".")))
    except ValueError:
        return ()


def _is_offered(listing: Listing) -> bool:
    return listing.state in (State.RELEASED, State.PULLED_IN_PART)


def _offers(listing: Listing) -> list[Offer]:
    """Give the packages of the current version, without those that are pulled in part."""
    current = [offer for offer in listing.packages if offer.version >= listing.version]
    return [offer for offer in current if not offer.pulled]


def _is_pulled(listing: Listing) -> bool:
    return listing.state in (State.PULLED, State.PULLED_IN_PART)


def _is_bad(listing: Listing) -> bool:
    return _is_pulled(listing) or listing.suspected


def _state(bad: Iterable[BadBuild]) -> str:
    doubts = [each.suspected for each in bad]
    if not doubts:
        return "good"
    # One build that is surely pulled decides
    if all(doubts):
        return "suspected"
    return "pulled"


def _bad_builds(listings: Iterable[Listing]) -> dict[str, list[BadBuild]]:
    """Give the builds of each product whose update is pulled or doubted."""
    found: dict[str, list[BadBuild]] = defaultdict(list)
    for listing in filter(_is_bad, listings):
        suspected = not _is_pulled(listing)
        for offer in _newest_offers(listing):
            build = BadBuild(
                offer.build, offer.kb, listing.title, listing.page, suspected
            )
            found[offer.product].append(build)
    return found


def _newest_offers(listing: Listing) -> list[Offer]:
    """Give the packages of the current version, else all; the highest build first."""
    pulled_in_part = [offer for offer in listing.packages if offer.pulled]
    offers = pulled_in_part or _offers(listing) or list(listing.packages)
    offers.sort(key=lambda offer: normalize.build_key(offer.build), reverse=True)
    # The same package may stand there under two versions
    unversioned = (replace(offer, version=0) for offer in offers)
    return list(dict.fromkeys(unversioned))


def alarms(
    listings: Sequence[Listing], products: Iterable[Product]
) -> tuple[Alarm, ...]:
    """Give what is pulled or doubted, what matters most first: no newer build, then the newest.

    ``products`` are those that the page shows: what is bad of one that has a newer
    build comes later.
    """
    pages: set[str] = set()
    for product in products:
        pages.update(bad.page for bad in product.bad)
    found = [_alarm(listing, pages) for listing in filter(_is_bad, listings)]
    found.sort(key=lambda alarm: (alarm.replaced, alarm.suspected))
    return tuple(found)


def _alarm(listing: Listing, pages: set[str]) -> Alarm:
    """Warn of an update; ``pages`` are those of which a product has nothing newer."""
    return Alarm(
        listing.title,
        listing.page,
        _articles(listing),
        _affected(listing),
        listing.pulled or listing.changed,
        not _is_pulled(listing),
        bool(listing.packages) and listing.page not in pages,
    )


def _articles(listing: Listing) -> tuple[tuple[str, str], ...]:
    """Give the KB articles that are pulled, where others are not, else those of the
    current version, else all; each with its address.
    """
    # December 2014: "Do not install" is said of the one rollup, not of the other two
    pulled_in_part = [offer for offer in listing.packages if offer.pulled]
    current = dict.fromkeys(offer.kb for offer in pulled_in_part or _offers(listing))
    current.pop("", None)
    kbs = current or dict.fromkeys(listing.kbs)
    return tuple((kb, kb_url(kb)) for kb in kbs)


def _affected(listing: Listing) -> tuple[tuple[str, str], ...]:
    """Give the products and builds of an update; products alone where it has no package."""
    offers = _newest_offers(listing)
    if not offers:
        return tuple((product, "") for product in listing.products)
    return tuple(dict.fromkeys((offer.product, offer.build) for offer in offers))
