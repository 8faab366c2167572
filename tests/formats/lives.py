"""Updates made up for tests of feeds and page, and the site that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from watcher.config import Settings
from watcher.judgement import server_status
from watcher.records import (
    Advisory,
    Confidence,
    Event,
    Evidence,
    Kind,
    Package,
    Server,
    Source,
    State,
    Suspicion,
    Table,
    Times,
    Update,
    UpdateRef,
)
from watcher.run.publish import of_all
from watcher.site import folder as site_folder
from watcher.site import pages
from watcher.site.feeds import SiteAddress
from watcher.site.lists import listing_of
from watcher.site.pages import Contents, Life, files
from watcher.text import templates
from watcher.text.words import Form, words_of

T0 = datetime(2030, 5, 14, 18, tzinfo=UTC)
DAY = timedelta(days=1)
ADDRESS = SiteAddress("https://advisories.example.org/", "advisories.example.org")
NOWHERE = SiteAddress("", "localhost")
SETTINGS = Settings(
    base_url=ADDRESS.base_url,
    sources=(
        Source("msrc-cvrf", "cvrf", "https://api.example.org/updates"),
        Source(
            "exchange-builds",
            "build-table",
            "https://learn.example.org/builds",
            timedelta(hours=1),
        ),
        Source("off", "feed", "https://off.example.org/", enabled=False),
    ),
)
FORM = Form(words_of(SETTINGS.templates), UTC, ADDRESS.base_url)
CU2, CU1 = "Exchange Server 2030 CU2", "Exchange Server 2030 CU1"
BUILDS = {1: ("15.4.1544.13", "15.4.1258.38"), 2: ("15.4.1544.14", "15.4.1258.39")}


def packages(version: int = 1, kb: str = "") -> tuple[Package, ...]:
    article = kb or f"KB900000{version}"
    return tuple(
        Package(
            product,
            article,
            build,
            f"https://download.example.org/details?id={version}",
            version=version,
            supersedes=("KB9000000",),
        )
        for product, build in zip((CU2, CU1), BUILDS[version], strict=True)
    )


def proof(
    source: str = "msrc-cvrf",
    time: datetime = T0,
    before: str = "",
    after: str = "It is out.",
    url: str = "",
) -> Evidence:
    change = "modified" if before and after else ("added" if after else "removed")
    return Evidence(
        source,
        url or f"https://{source}.example.org/page",
        time,
        "0" * 64,
        change,
        before,
        after,
    )


def event(
    kind: Kind,
    days: float = 0,
    version: int = 1,
    update: str = "exchange-server-2030-05-su",
    **more: Any,
) -> Event:
    """Give an event of an update, ``days`` after the first."""
    time = T0 + days * DAY
    owned = packages(version)
    ref = UpdateRef(
        update,
        "Exchange Server May 2030 SU",
        version,
        tuple(p.product for p in owned),
        tuple(dict.fromkeys(p.kb for p in owned)),
        ("CVE-2030-10001",),
        tuple(p.build for p in owned),
    )
    given: dict[str, Any] = {
        "summary": f"{ref.title} is {kind.value}.",
        "evidence": (proof(time=time),),
        "thread": update,
        "packages": owned,
        "advisories": (
            Advisory(
                "CVE-2030-10001",
                "A flaw",
                "Critical",
                8.1,
                url="https://msrc.example.org/CVE-2030-10001",
            ),
        ),
        "guidance": ("Do as it says here.",),
    }
    return Event(
        f"{kind.value}{int(days * 24)}",
        time,
        kind,
        Confidence.CONFIRMED,
        ref,
        **(given | more),
    )


def update(
    state: State = State.RELEASED,
    version: int = 1,
    name: str = "exchange-server-2030-05-su",
    **more: Any,
) -> Update:
    owned = tuple(
        package for number in range(1, version + 1) for package in packages(number)
    )
    given: dict[str, Any] = {
        "released": T0,
        "changed": T0,
        "products": (CU2, CU1),
        "packages": owned,
        "advisories": (
            Advisory(
                "CVE-2030-10001",
                "A flaw",
                "Critical",
                8.1,
                url="https://msrc.example.org/CVE-2030-10001",
            ),
        ),
        "links": ("https://learn.example.org/builds", "javascript:alert(1)"),
    }
    return Update(
        name,
        "Exchange Server May 2030 SU",
        "Exchange Server",
        "SU",
        "2030-05",
        version,
        state,
        T0,
        **(given | more),
    )


RELEASED = event(
    Kind.RELEASED,
    evidence=(
        proof(),
        proof(
            "exchange-builds", T0 + DAY, after="Exchange Server 2030 CU2 15.4.1544.13"
        ),
    ),
)
PULLED = event(
    Kind.PULLED,
    2,
    evidence=(
        proof(
            "msrc-cvrf",
            T0 + 2 * DAY,
            "The update is available for download.",
            "The update is temporarily not available for download.",
        ),
    ),
)
CASES = Table(
    ("If version 1", "Then"),
    (
        ("was installed by hand", "version 2 is recommended."),
        ("was never installed", "install version 2."),
    ),
)
ISSUE = event(
    Kind.KNOWN_ISSUE,
    3,
    evidence=(proof("exchange-issues", T0 + 3 * DAY, after="Mail may stop."),),
    pulled=True,
    guidance=(
        "Do as it says here.",
        "If version 1 Then was installed by hand version 2 is recommended.",
        "was never installed install version 2.",
    ),
    tables=(CASES,),
)
BACK = event(
    Kind.RE_RELEASED,
    15,
    2,
    evidence=(proof(time=T0 + 15 * DAY, after="Version 2 is available."),),
)
STORY = (RELEASED, PULLED, ISSUE, BACK)
WHOLE_LIFE = Life(update(version=2, changed=T0 + 15 * DAY), STORY)
OLD_LIFE = Life(
    update(
        name="exchange-server-2030-02-su",
        released=T0 - 90 * DAY,
        changed=None,
        packages=(
            Package(CU2, "KB8999999", "15.4.1544.9"),
            Package("Exchange Server 2020 CU9", "KB8999999", "15.0.1.9"),
        ),
    ),
    (),
)


SERVERS = (
    Server("EX01", BUILDS[1][0]),
    Server("EX02", "15.4.1544.9"),
    Server("EX03", BUILDS[1][1]),
    Server("A-SERVER-OF-A-LONG-NAME-IN-ITS-DOMAIN.example.org", "1.2.3.4"),
)
_PULLED = update(State.PULLED, changed=T0 + 3 * DAY)
PULLED_LIFE = Life(
    _PULLED, STORY[:3], server_status.exposures(SERVERS, (_PULLED, OLD_LIFE.update))
)


def suspicion() -> Suspicion:
    return Suspicion("download-center", "x", ("x",), T0, "e", whole=True)


def contents(
    lives: Iterable[Life],
    address: SiteAddress = ADDRESS,
    moved: tuple[tuple[str, str], ...] = (),
    **more: Any,
) -> Contents:
    """Give whole lives as the contents of a site."""
    all_lives = tuple(lives)
    listings = {
        life.update.id: listing_of(life.update, life.events)
        for life in all_lives
        if life.update.type != "news"
    }
    events = tuple(
        sorted(
            (event for life in all_lives for event in life.events),
            key=lambda event: (event.time, event.id),
        )
    )
    given: dict[str, Any] = {
        "address": address,
        "words": FORM.words,
        "zone": UTC,
        "watched": ("Exchange Server*",),
        "sources": SETTINGS.sources,
        "lives": all_lives,
        "moved": tuple(
            (gone, listings[heir]) for gone, heir in moved if heir in listings
        ),
        **of_all(listings.values(), events),
    }
    return Contents(**(given | more))


def made(lives: Iterable[Life], **more: Any) -> dict[str, bytes]:
    """Give the files of a site."""
    return dict(files(contents(lives, **more), rendered))


def rendered(name: str, names: Mapping[str, Any]) -> str:
    return templates.of(SETTINGS.templates).get_template(name).render(names)


def status(
    now: datetime = T0,
    failures: int = 0,
    pulled: tuple[tuple[str, State, str], ...] = (),
) -> bytes:
    sources = [source for source in SETTINGS.sources if source.enabled]
    healths = [
        pages.Health(source, (Times(source.name, "", now, now, failures),), now)
        for source in sources
    ]
    return pages.status(
        healths,
        now,
        pages.valid_until(sources, now),
        pulled,
        {"msrc-cvrf": "Security Response Center"},
    )


def site(
    folder: Path,
    lives: Iterable[Life] = (WHOLE_LIFE, OLD_LIFE),
    now: datetime = T0,
    **more: Any,
) -> tuple[str, ...]:
    """Publish a site; give what changed."""
    return site_folder.publish(
        folder,
        files(contents(lives, **more), rendered),
        status(now),
        site_folder.WHOLE,
    )


def many(count: int) -> Life:
    """Give a life with so many events, an hour apart."""
    events = tuple(
        replace(
            event(Kind.REVISED, number / 24),
            id=f"r{number:04}",
            summary=f"Number {number}.",
            guidance=(),
        )
        for number in range(count)
    )
    return Life(update(), events)
