"""A vendor who releases, pulls and re-releases one update, and what five sources show of
that, each in its own time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from tests.unit.builders import (
    CU13,
    CU14,
    CU23,
    advisory,
    issue,
    post,
    revision,
    row,
    snapshot,
)
from watcher.records import Coverage, Entry, Package, Passage, Snapshot

PAUSED = (
    "Added an FAQ to say that we have temporarily paused the rollout of this update."
)
BACK = "The known issue has been addressed and the update is now re-released."
INFORMED = "Corrected one or more links. This is an informational change only."
FIRST_CHECK = datetime(2030, 11, 11, 9, tzinfo=UTC)
MONTH, BUILDS, ISSUES, BLOG, DOWNLOADS = "msrc", "builds", "issues", "blog", "downloads"
SOURCES = (MONTH, BUILDS, ISSUES, BLOG, DOWNLOADS)
KINDS = {
    MONTH: "cvrf",
    BUILDS: "build-table",
    ISSUES: "issues-page",
    BLOG: "feed",
    DOWNLOADS: "download",
}
LINES = {CU14: (15, 2, 1544), CU13: (15, 2, 1258), CU23: (15, 1, 2507)}
CVES = ("CVE-2030-0001", "CVE-2030-0002")
MONTHS = ("May", "Jun", "Jul", "Aug", "Sep", "Oct")


@dataclass(slots=True)
class Vendor:
    """What is true, and where it is shown."""

    now: datetime = FIRST_CHECK
    released: datetime | None = None
    version: int = 0  # the newest one that is made
    recorded: int = 0  # the version that MSRC's record offers
    # The versions that the table has rows of
    rows: list[int] = field(default_factory=list)
    hidden: set[tuple[str, int]] = field(default_factory=set)  # rows that are not there
    recalled: bool = False  # the first version's rows say so
    grown: int = 0  # how often the newest rows' builds went up under their names
    revisions: list[Passage] = field(default_factory=list)
    post: list[str] = field(default_factory=list)
    posts: int = 0  # further posts
    exploited: bool = False
    issues: list[str] = field(default_factory=list)
    workaround: str = ""
    # Products whose download page says that it is gone
    unavailable: set[str] = field(default_factory=set)
    typos: int = 0

    def offered(self, version: int) -> tuple[Package, ...]:
        """Give the packages of a version, as MSRC's record and the download pages have them."""
        return tuple(
            Package(
                product,
                f"KB900000{version}",
                self.build(product, version),
                f"https://www.microsoft.com/download/details.aspx?id={self.page(product, version)}",
            )
            for product in LINES
        )

    def build(self, product: str, version: int) -> str:
        """Give a version's build; each leaves room for builds that grow under its name."""
        grown = self.grown if version == self.version else 0
        return ".".join(map(str, (*LINES[product], 10 * version + grown)))

    @staticmethod
    def page(product: str, version: int) -> str:
        """Give the number of a package's download page."""
        return f"{version}0{list(LINES).index(product)}"

    def revise(self, text: str, *, major: bool = True) -> None:
        """Add a revision to MSRC's record."""
        last = self.revisions[-1].name.split()[1] if self.revisions else "0.0"
        whole, part = map(int, last.split("."))
        number = f"{whole + 1}.0" if major else f"{whole}.{part + 1}"
        self.revisions.append(revision(number, text, self.now))

    # --- what the sources show --------------------------------------------------------

    def shows(self, source: str) -> tuple[Snapshot, ...]:
        """Give the copies of a source's documents as they stand."""
        if source == MONTH:
            return (self._month(),)
        if source == BUILDS:
            return (self._builds(),)
        if source == ISSUES:
            listed = [
                issue(
                    f"old {n}",
                    f"Old trouble {n}.",
                    published=FIRST_CHECK - timedelta(days=200),
                    products=(CU14,),
                )
                for n in range(4)
            ]
            return (self._copy(source, [*listed, *self._issues()]),)
        if source == BLOG:
            return (self._blog(),)
        return tuple(
            self._download(package)
            for version in range(1, self.version + 1)
            for package in self.offered(version)
        )

    def _copy(self, source: str, entries: Sequence[Entry], **more: object) -> Snapshot:
        return snapshot(source, self.now, entries, **more)

    def _month(self) -> Snapshot:
        others = [
            advisory(
                f"CVE-2030-1{n:03}",
                Package("Windows Server 2019", "KB5990600", "10.0.17763.10"),
                passages=[revision("1.0", "Information published.", FIRST_CHECK)],
            )
            for n in range(6)
        ]
        mine = []
        if self.recorded:
            last = self.revisions[-1]
            for cve in CVES:
                made = advisory(
                    cve,
                    *self.offered(self.recorded),
                    passages=self.revisions,
                    published=self.released,
                    updated=last.time,
                )
                mine.append(
                    replace(
                        made, revision=last.name.split()[1], exploited=self.exploited
                    )
                )
        entries = [*others, *mine]
        count = sum(len(entry.passages) for entry in entries)
        return self._copy(
            MONTH, entries, document="2030-Nov", identity="2030-Nov", revisions=count
        )

    def _builds(self) -> Snapshot:
        rows = []
        for place, product in enumerate(LINES):
            for number, month in enumerate(MONTHS):
                build = ".".join(map(str, (*LINES[product], number + 1)))
                name = f"{product} {month}30SU"
                rows.append(
                    row(
                        name,
                        build,
                        f"KB80000{number}{place}",
                        datetime(2030, 5 + number, 10, tzinfo=UTC),
                    )
                )
            rows += [
                self._row(product, version)
                for version in self.rows
                if (product, version) not in self.hidden
            ]
        if self.typos % 2:
            rows[0] = replace(
                rows[0], published=FIRST_CHECK - timedelta(days=180 + self.typos)
            )
            rows[-1] = replace(
                rows[-1], title=f"{rows[-1].title} ", key=f"{rows[-1].key} *"
            )
        return self._copy(BUILDS, rows)

    def _row(self, product: str, version: int) -> Entry:
        name = f"{product} Nov30SU" + (f"v{version}" if version > 1 else "")
        recalled = " (recalled)" if self.recalled and version == 1 else ""
        return row(
            f"{name}{recalled}",
            self.build(product, version),
            f"KB900000{version}",
            self.released,
            key=name,
        )

    def _issues(self) -> list[Entry]:
        return [
            issue(
                f"mail {n}",
                text,
                label="Exchange Server Nov30SU",
                workaround=self.workaround,
                published=self.released,
                updated=self.now,
            )
            for n, text in enumerate(self.issues)
        ]

    def _blog(self) -> Snapshot:
        entries = [
            post(
                f"b{n}",
                f"Thoughts on mail, part {n}",
                "We like mail.",
                published=FIRST_CHECK - timedelta(days=10 - n),
            )
            for n in range(8)
        ]
        entries += [
            post(
                f"c{n}",
                f"More thoughts on mail, part {n}",
                "We like mail.",
                published=self.now,
            )
            for n in range(self.posts)
        ]
        if self.post:
            title = "Released: November 2030 Exchange Server Security Updates"
            entries.append(
                post("su", title, "\n".join(self.post), published=self.released)
            )
        newest = sorted(entries, key=lambda entry: entry.published or self.now)[-8:]
        return self._copy(
            BLOG, newest, coverage=Coverage.WINDOW, oldest=newest[0].published
        )

    def _download(self, package: Package) -> Snapshot:
        number = package.url.rpartition("=")[2]
        gone = (
            package.product in self.unavailable
            and package.kb == f"KB900000{self.version}"
        )
        entry = Entry(number, f"Download {number}", package.url, available=not gone)
        if not gone:
            file = f"Exchange-{package.kb}-x64-en.exe"
            made = Package(
                package.product,
                package.kb,
                "",
                f"https://download.example.org/{file}",
                file,
                160_000_000 + self.grown,
            )
            entry = replace(
                entry,
                title=f"Security Update For {package.product} ({package.kb})",
                packages=(made,),
                kbs=(package.kb,),
                products=(package.product,),
            )
        return self._copy(DOWNLOADS, [entry], document=number, url=package.url)
