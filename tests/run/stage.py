"""Microsoft's sources as a real server on loopback plays them, and the watcher that asks them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from tests.servers import Reply, SourceServer
from tests.stories.pages import CU14 as PRODUCT
from tests.stories.pages import Cve, Fix, Month, blog, index, issues, month, post, table
from tests.stories.telling import line
from watcher import config
from watcher.run.check import Report, check
from watcher.store import Store
from watcher.web import FetchSettings
from watcher.web.fetch import Fetcher
from watcher.web.recorder import Recorder

SU = "exchange-server-2024-11-su"
PATHS = {"msrc": "/updates", "builds": "/builds", "issues": "/issues", "blog": "/blog"}
KINDS = {
    "msrc": "cvrf",
    "builds": "build-table",
    "issues": "issues-page",
    "blog": "feed",
}
HASTY = FetchSettings(
    connect_timeout=5,
    read_timeout=10,
    deadline=20,
    attempts=2,
    first_wait=0,
    max_bytes=1 << 20,
    sleep=lambda _: None,
)

ROWS = (
    (
        "Exchange Server 2019 CU14 Apr24HU",
        "April 23, 2024",
        "15.2.1544.11",
        "KB5037224",
    ),
    (
        "Exchange Server 2019 CU14 (2024H1)",
        "February 13, 2024",
        "15.2.1544.4",
        "https://www.microsoft.com/download/details.aspx?id=105878",
    ),
)
NEW_ROW = (
    "Exchange Server 2019 CU14 Nov24SU",
    "November 12, 2024",
    "15.2.1544.13",
    "KB5044062",
)
BLAMED = (
    '<a href="https://support.microsoft.com/help/5036401">March 2024 Security '
    "Update for Exchange 2019</a>"
)
ISSUE = ("3/20/2024", BLAMED, "Links fail", "Wait")
POSTS = tuple(
    post(
        4250000 + day,
        f"Something else {day}",
        f"2024-10-{day}",
        "<p>Something else.</p>",
    )
    for day in range(25, 15, -1)
)
FIRST = ("1.0", "2024-11-12", "Information published.")
PAUSED = ("2.0", "2024-11-14", "We have temporarily paused the rollout of this update.")
BACK = ("3.0", "2024-11-27", "The update has been re-released as KB5049233.")


def november(
    *revisions: tuple[str, str, str],
    kb: str = "5044062",
    build: str = "15.02.1544.013",
    linux: int = 9,
) -> Month:
    """November's document with the given revisions of its one CVE for Exchange."""
    return month(
        "2024-Nov",
        Cve("CVE-2024-49040", (Fix(PRODUCT, kb, build),), (FIRST, *revisions)),
        linux=linux,
    )


STORY: tuple[tuple[str, Month], ...] = (
    ("2024-11-12T18:00:00Z", november()),
    ("2024-11-14T18:00:00Z", november(PAUSED)),
    (
        "2024-11-27T18:00:00Z",
        november(PAUSED, BACK, kb="5049233", build="15.02.1544.014"),
    ),
)
TOLD = [
    f"released {SU} KB5044062",
    f"pulled {SU} KB5044062",
    f"re-released {SU} v2 KB5049233",
]


def served(body: bytes) -> Reply:
    """Serve a page with an ETag that changes when it does."""
    return Reply(body, etag=f'"{hashlib.sha256(body).hexdigest()[:16]}"')


def moment(time: str) -> datetime:
    """Read a time."""
    return datetime.fromisoformat(time).replace(tzinfo=UTC)


class Stage:
    """The server, and a watcher configured for it in ``folder``."""

    def __init__(
        self, web: SourceServer, folder: Path, state: str, more: str = ""
    ) -> None:
        self.web = web
        self.folder = folder
        self.months = {"2024-Oct": month("2024-Oct", linux=9)}
        sources = "".join(
            f'[[source]]\nname = "{name}"\nkind = "{KINDS[name]}"\nurl = "{web.url(path)}"\n'
            for name, path in PATHS.items()
        )
        self.file = folder / "watcher.toml"
        self.file.write_text(
            f'[watch]\nbuiltin_sources = false\nstate = "{state}"\nsite = '
            f'"public"\n{more}\n{sources}\n'
            '[[subscriber]]\nname = "admins"\nto = ["admins@example.org"]\n',
            encoding="utf-8",
        )
        self.settings = config.load(self.file, {})
        self.show(builds=table(*ROWS), issues=issues(ISSUE), blog=blog(*POSTS))

    def show(self, *months: Month, **pages: bytes | Reply) -> None:
        """Serve months and pages from now on."""
        self.months |= {each.name: each for each in months}
        for each in self.months.values():
            self.web.play(self.path(each.name), served(each.body))
        self.web.play(
            "/updates",
            served(index(self.months, lambda name: self.web.url(self.path(name)))),
        )
        for name, page in pages.items():
            self.web.play(
                PATHS.get(name) or self.path(name.replace("_", "-")),
                page if isinstance(page, Reply) else served(page),
            )

    @staticmethod
    def path(name: str) -> str:
        """Where a month's document is served."""
        return f"/cvrf/{name}"

    def check(
        self,
        time: str,
        fetching: FetchSettings = HASTY,
        record: Path | None = None,
        *,
        publish: bool = False,
    ) -> Report:
        """Make a check as ``watcher run --force`` does, with the site only where it matters."""
        recorder = Recorder(record) if record else None
        with (
            Store.open(self.settings.state) as store,
            Fetcher(fetching, recorder) as web,
        ):
            return check(
                self.settings, store, web, moment(time), force=True, publish=publish
            )

    def told(self, time: str, *months: Month, **pages: bytes | Reply) -> list[str]:
        """Serve something new, make a check, and give what it told."""
        self.show(*months, **pages)
        return [line(event) for event in self.check(time).events]

    def moved(self, name: str, url: str) -> None:
        """Ask a source elsewhere from now on."""
        sources = tuple(
            replace(source, url=url) if source.name == name else source
            for source in self.settings.sources
        )
        self.settings = replace(self.settings, sources=sources)

    def exported(self) -> dict[str, bytes]:
        """Give the whole state as sorted text, by file."""
        folder = self.folder / "export"
        with Store.open(self.settings.state, hold=False) as store:
            store.export(folder)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def events(self) -> list[str]:
        """Give the whole ledger, an event a line."""
        with Store.open(self.settings.state, hold=False) as store:
            return [line(event) for event in store.events()]


def written(folder: Path) -> dict[str, bytes]:
    """Give every file below ``folder`` with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
