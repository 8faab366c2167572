"""The front page at a glance.

For each product the newest good build, and what is pulled at this moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement import newest_build, normalize
from watcher.records import State
from watcher.site.listing import Listing, bare
from watcher.text.story import kb_url


class Bad(Struct, frozen=True):
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
    build: str
    kb: str
    kb_url: str
    # The update
    title: str
    page: str
    released: datetime | None
    state: str
    bad: tuple[Bad, ...]
    issues: int
    # The update fixes what is exploited
    exploited: bool
    # Had an update within a year
    fresh: bool


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


def current(rows: Sequence[Listing]) -> tuple[Listing, ...]:
    """Give the updates that decide where a product stands.

    Who holds its newest good build, and what is pulled or doubted.

    ``rows`` in order, newest first.  Nothing else of all updates is needed here; the
    vulnerabilities are left out.
    """
    wanted = {row.id for row in _best(rows)} | {
        row.id for row in rows if row.state is State.PULLED or row.suspected
    }
    return tuple(replace(row, cves=()) for row in rows if row.id in wanted)


def products(rows: Sequence[Listing], now: datetime) -> tuple[Product, ...]:
    """Give where each product stands, newest product first.

    ``rows`` in order, newest first: those that are ``current`` are enough.  ``now``:
    when anything was last established.
    """
    best = _best(rows)
    owners = {
        (offer.product, offer.build, offer.kb): row
        for row in best
        for offer in row.packages
        if offer.version >= row.version
    }
    bad = _bad(rows)
    found: dict[str, Product] = {}
    for row in newest_build.newest_builds(map(bare, best), now):
        owner = owners[row.product, row.build, row.kb]
        newer = tuple(
            one
            for one in bad.pop(row.product, ())
            if normalize.build_key(one.build) > normalize.build_key(row.build)
        )
        found[row.product] = Product(
            row.product,
            row.build,
            row.kb,
            kb_url(row.kb),
            owner.title,
            owner.page,
            owner.current,
            _state(newer),
            newer,
            owner.issues,
            owner.exploited,
            row.released is not None and now - row.released <= newest_build.FRESH,
        )
    known = {
        offer.product
        for row in rows
        for offer in row.packages
        if row.state is State.RELEASED and offer.version >= row.version
    }
    for name in sorted(bad.keys() - known):
        found[name] = Product(
            name,
            "",
            "",
            "",
            "",
            "",
            None,
            _state(bad[name]),
            tuple(bad[name]),
            0,
            False,
            True,
        )
    return tuple(found.values())


def _best(rows: Sequence[Listing]) -> list[Listing]:
    """Give the updates that hold some product's newest good build.

    All that judging where products stand needs of thousands.
    """
    best: dict[str, tuple[tuple[int, ...], Listing]] = {}
    for row in rows:
        if row.state is State.RELEASED:
            for offer in row.packages:
                key = _key(offer.build)
                if (
                    offer.product
                    and offer.version >= row.version
                    and (offer.product not in best or best[offer.product][0] < key)
                ):
                    best[offer.product] = (key, row)
    wanted = {row.id for _, row in best.values()}
    return [row for row in rows if row.id in wanted]


def _key(build: str) -> tuple[int, ...]:
    # As canonical.build_key says, without its care: twenty thousand builds were made
    # canonical already
    try:
        return tuple(map(int, build.split(".")))
    except ValueError:
        return ()


def _state(bad: Iterable[Bad]) -> str:
    doubts = [one.suspected for one in bad]
    return "good" if not doubts else ("suspected" if all(doubts) else "pulled")


def _bad(rows: Iterable[Listing]) -> dict[str, list[Bad]]:
    """Give the builds of each product whose update is pulled or doubted."""
    found: dict[str, list[Bad]] = defaultdict(list)
    for row in rows:
        if row.state is State.PULLED or row.suspected:
            for offer in _current(row):
                found[offer[0]].append(
                    Bad(
                        offer[1],
                        offer[2],
                        row.title,
                        row.page,
                        row.state is not State.PULLED,
                    )
                )
    return found


def _current(row: Listing) -> list[tuple[str, str, str]]:
    newest = [offer for offer in row.packages if offer.version >= row.version] or list(
        row.packages
    )
    newest.sort(key=lambda offer: normalize.build_key(offer.build), reverse=True)
    return list(
        dict.fromkeys((offer.product, offer.build, offer.kb) for offer in newest)
    )


def alarms(rows: Sequence[Listing], stand: Iterable[Product]) -> tuple[Alarm, ...]:
    """Give what is pulled or doubted, what matters most first: no newer build, then the newest."""
    pages = {bad.page for product in stand for bad in product.bad}
    found = [
        _alarm(row, pages) for row in rows if row.state is State.PULLED or row.suspected
    ]
    found.sort(key=lambda alarm: (alarm.replaced, alarm.suspected))
    return tuple(found)


def _alarm(row: Listing, pages: set[str]) -> Alarm:
    current = _current(row)
    kbs = dict.fromkeys(
        offer.kb for offer in row.packages if offer.kb and offer.version >= row.version
    ) or dict.fromkeys(row.kbs)
    return Alarm(
        row.title,
        row.page,
        tuple((kb, kb_url(kb)) for kb in kbs),
        tuple(dict.fromkeys((product, build) for product, build, _ in current))
        or tuple((product, "") for product in row.products),
        row.pulled or row.changed,
        row.state is not State.PULLED,
        bool(current) and row.page not in pages,
    )
