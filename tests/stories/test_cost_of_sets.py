"""Watching every set costs a check one request for each document that is due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from tests.stories.pages import month
from tests.stories.telling import Web, World
from tests.stories.test_thirty_servers import older, pages, records
from watcher.config.source_settings import BUILTIN
from watcher.kinds import SOURCE_KINDS
from watcher.records import Source, Watch
from watcher.web import AskingInTurn, Outcome, Wanted

T = TypeVar("T")


class CountingWeb(Web):
    """A web that counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def asking(self, now: datetime, use: Callable[[Outcome], T]) -> AskingInTurn[T]:
        def answer(one: Wanted) -> Outcome | None:
            self.asked[one.url] += 1
            return self._answer(one, now) if one.url in self.shown else None

        return AskingInTurn(answer, use)


def concerns(source: Source, watch: Watch) -> bool:
    """Whether a built-in source is on, as the configuration has it."""
    return not source.products or bool(source.asked_for(watch))


def counting(world: World, *products: str) -> CountingWeb:
    web = CountingWeb()
    world.web = web
    world.watches(*products)
    watch = world.settings.watch
    sources = tuple(
        replace(source, enabled=source.enabled and concerns(source, watch))
        for source in BUILTIN
    )
    world.settings = replace(world.settings, sources=sources)
    return web


ALL = (
    "Exchange Server*",
    "Windows*",
    "SQL Server*",
    "SharePoint*",
    ".NET*",
    "Edge*",
    "Microsoft 365 Apps*",
)


def due(world: World) -> int:
    """How many documents the state knows, and sources that have none of their own yet."""
    own = [
        s
        for s in world.settings.sources
        if s.enabled and not SOURCE_KINDS[s.kind].follows_updates
    ]
    return max(len(world.store.documents()), len(own))


def test_all_sets_cost_no_more_than_twice_as_many_requests_as_documents_are_due(
    world: World,
) -> None:
    web = counting(world, *ALL)
    world.at("2031-03-01 06:00", month("2031-Feb", older()), pages=pages(march=False))
    web.asked.clear()
    world.at("2031-03-11 19:00", month("2031-Mar", records()), pages=pages(march=True))
    changed = sum(web.asked.values())
    # Pages of updates that are young are due as well: an article and a search each
    young = world.store.young_updates(
        datetime.fromisoformat("2030-12-11T00:00:00+00:00")
    )
    followed = 3 * len(young)
    assert max(web.asked.values()) == 1
    assert changed <= 2 * (due(world) + followed)
    web.asked.clear()
    world.at("2031-03-11 20:00")
    assert max(web.asked.values()) == 1
    assert sum(web.asked.values()) <= 2 * (due(world) + followed)


def test_exchange_alone_asks_what_it_asked_before_there_were_sets(world: World) -> None:
    web = counting(world, "Exchange Server*")
    world.at("2031-03-01 06:00", pages=pages(march=False))
    assert set(web.asked) == {
        "https://api.msrc.microsoft.com/cvrf/v3.0/updates",
        "https://api.msrc.microsoft.com/update-guide/rss",
        "https://msrc.microsoft.com/csaf/provider-metadata.json",
        "https://techcommunity.microsoft.com/t5/s/gxcuf89792/rss/board?board.id=Exchange",
        "https://microsoft.github.io/CSS-Exchange/Emerging-Issues/",
        "https://learn.microsoft.com/en-us/exchange/new-features/build-numbers-and-release-dates",
        "https://github.com/microsoft/CSS-Exchange/releases.atom",
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
        *(url for url in web.asked if "support.microsoft.com/help/" in url),
        *(url for url in web.asked if "catalog.update.microsoft.com" in url),
        *(url for url in web.asked if "download/details.aspx" in url),
    }
