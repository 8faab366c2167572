"""A vendor's life through a real check, its sources telling what is new in any order."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from msgspec import Struct

from tests.laws.releases import FIRST_RELEASE, SOURCES, Act, Release, Truth, Vendor
from tests.stories import pages
from tests.stories.pages import index
from tests.stories.telling import MSRC, URLS, Shown, Web
from watcher.config import Settings
from watcher.config.source_settings import BUILTIN
from watcher.records import Event, Update, Watch
from watcher.run.check import check
from watcher.store import Store


class Told(Struct, frozen=True):
    """An event, and what the sources had named and the vendor had done by then."""

    event: Event
    named: frozenset[str]
    pulled: frozenset[str]
    back: frozenset[str]


class Lived(Struct, frozen=True):
    """All that was told in a life, and the ledger at its end."""

    told: tuple[Told, ...]
    updates: Mapping[str, Update]
    releases: tuple[Release, ...]

    def update_of(self, event: Event) -> Update | None:
        """Give the update that an event is about, as it is known at the end."""
        return self.updates.get(event.update.id)


class Telling(Struct, frozen=True):
    """In which order sources tell what is new.

    ``how``: "settings" (all at one check, in that order of the configuration), "alone" (one
    after the other at one minute, as workers may judge them), "apart" (an hour apart, the
    others as they were).  ``seed`` shuffles the entries of documents, 0 does not.
    """

    how: str = "settings"
    order: tuple[str, ...] = SOURCES
    seed: int = 0


def _settings(order: Sequence[str]) -> Settings:
    by_name = {source.name: source for source in BUILTIN}
    return Settings(
        watch=Watch(("Exchange Server*",)),
        sources=tuple(by_name[name] for name in order),
        subscribers=(),
    )


class _Pages:
    """What the web shows, of each source as of when its turn came."""

    def __init__(self, telling: Telling) -> None:
        self.telling = telling
        self.shown: dict[str, dict[str, Shown]] = {}
        self.named: set[str] = set()
        self.count = 0

    def show(self, source: str, truth: Truth) -> None:
        """Let a source show the truth."""
        self.count += 1
        mixed = random.Random(self.telling.seed + self.count)
        posts, rows = list(truth.posts), list(truth.rows)
        cves = {name: list(each) for name, each in truth.cves.items()}
        if self.telling.seed:
            mixed.shuffle(posts)
            mixed.shuffle(rows)
            for each in cves.values():
                mixed.shuffle(each)
        self.named |= truth.named[source]
        if source == "exchange-blog":
            items = [
                pages.post(
                    post.number,
                    post.title,
                    post.day,
                    "".join(f"<p>{each.english}</p>" for each in post.sentences),
                )
                for post in posts
            ]
            self.shown[source] = {URLS["blog"]: pages.blog(*items)}
        elif source == "exchange-builds":
            body = pages.table(*(row.cells for row in rows))
            body += f"<!-- {self.count} -->".encode()
            self.shown[source] = {URLS["table"]: body}
        elif source == "msrc-cvrf":
            months = [pages.month("2024-Oct", linux=3)]
            months += [pages.month(name, *each, linux=2) for name, each in cves.items()]
            shown: dict[str, Shown] = {
                pages.address(each.name): each.body for each in months
            }
            shown[MSRC] = index({each.name: each for each in months})
            self.shown[source] = shown
        else:
            self.shown[source] = dict(truth.downloads)

    def all(self) -> dict[str, Shown]:
        """Give all pages by address."""
        found: dict[str, Shown] = {}
        for shown in self.shown.values():
            found |= shown
        return found


class World:
    """What sources show, and the watcher that reads it."""

    def __init__(self, store: Store, vendor: Vendor, telling: Telling) -> None:
        self.store, self.vendor, self.telling = store, vendor, telling
        self.settings = _settings(telling.order)
        self.pages = _Pages(telling)
        self.told: list[Told] = []

    def show_all(self) -> None:
        """Let every source show the truth."""
        truth = self.vendor.truth()
        for source in SOURCES:
            self.pages.show(source, truth)

    def ask(self, hours: int, only: Collection[str] | None = None) -> None:
        """Make a check, so many hours after what the vendor did."""
        web = Web()
        web.shown = self.pages.all()
        now = self.vendor.now + timedelta(hours=hours)
        report = check(
            self.settings,
            self.store,
            web,
            now,
            only=only,
            force=True,
            publish=False,
            send=False,
        )
        named = frozenset(self.pages.named)
        pulled, back = set[str](), set[str]()
        for release in self.vendor.releases:
            pulled |= release.ever_pulled
            back |= release.ever_back
        self.told += [
            Told(event, named, frozenset(pulled), frozenset(back))
            for event in report.events
        ]

    def tell(self) -> None:
        """Let the sources tell what is new."""
        if self.telling.how == "apart":
            truth = self.vendor.truth()
            for hour, source in enumerate(self.telling.order):
                self.pages.show(source, truth)
                self.ask(1 + hour)
            return
        self.show_all()
        if self.telling.how == "settings":
            self.ask(1)
            return
        for source in self.telling.order:
            self.ask(1, only=(source,))

    def updates(self) -> dict[str, Update]:
        """Give all updates by id, and by the ids that events knew them under."""
        found = {each.id: each for each in self.store.updates()}
        for each in self.told:
            update = self.store.update(each.event.update.id)
            if update is not None:
                found[each.event.update.id] = update
        return found


def live(life: Sequence[Act], telling: Telling) -> Lived:
    """Live a life, told in some order, and give what was told of it."""
    vendor = Vendor()
    with Store.open("sqlite:///nowhere.db", rehearse=True) as store:
        world = World(store, vendor, telling)
        world.show_all()
        world.ask(0)
        for act in (FIRST_RELEASE, *life):
            vendor.act(act)
            world.tell()
            vendor.now += timedelta(hours=6)
        vendor.put_all_right()
        world.tell()
        world.ask(30)
        return Lived(tuple(world.told), world.updates(), tuple(vendor.releases))
