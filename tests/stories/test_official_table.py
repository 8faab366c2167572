"""What ``watcher build`` says of a build is what the official table says, whatever was read
first.

MSRC's records only suggest which update a package is of: by their date, by the product
that they are filed under, by an article that they were pointed at later.  The table
states it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec import Struct

from tests.stories.pages import CU13, CU14, CU23, Cve, Fix, month, table
from tests.stories.telling import URLS, World
from watcher.config.source_settings import BUILTIN
from watcher.judgement import server_status
from watcher.records import Entry, Event, Page, Server, Validators, Watch
from watcher.run.check import check
from watcher.sources import build_table
from watcher.text.servers import public, server_texts
from watcher.text.words import words_of
from watcher.web import AskingInTurn, Outcome, Wanted
from watcher.web.recording import Recording

T = TypeVar("T")
ORDERS = (("msrc", "table"), ("table", "msrc"), ("msrc table",))
WATCH = Watch(("Exchange Server*",))
ENGLISH = words_of(None)


def said_of(world: World, builds: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What ``watcher build --json`` says of each build."""
    servers = [Server(build, build) for build in sorted(builds)]
    exposures = server_status.exposures(servers, world.store.updates())
    texts = server_texts(exposures, ENGLISH)
    said = map(public, exposures, texts)
    return {each["build"]: each for each in said}


def rows_of(page: bytes) -> tuple[Entry, ...]:
    """The rows of the table, as its parser reads them."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    read = build_table.parse(
        Page("exchange-builds", "", URLS["table"], now, 200, page), WATCH
    )
    return read.entries


def disagreement(row: Entry, said: dict[str, Any]) -> list[str]:
    """In what the answer about a row's build is not what the row says."""
    (package,), label, update = row.packages, row.label, said["update"]
    assert label is not None
    if update is None:
        return [f"{row.title}: unknown"]
    stated = {
        "product": package.product,
        "type": label.type,
        "kb": package.kb or update["kb"],
        "released": row.published and f"{row.published:%Y-%m-%d}",
        "version": label.version,
    }
    found = [
        f"{row.title}: {name} {update[name]}, not {value}"
        for name, value in stated.items()
        if update[name] != value
    ]
    if label.month:
        named = datetime.fromisoformat(f"{label.month}-01").strftime("%B %Y")
        if named not in update["title"]:
            found.append(f"{row.title}: {update['title']}")
    if label.pulled and said["state"] != "pulled":
        found.append(f"{row.title}: {said['state']}")
    return found


def disagreements(
    rows: Iterable[Entry], said: dict[str, dict[str, Any]]
) -> list[list[str]]:
    """Of each build what differs from all of its rows; two rows may share a build."""
    by_build: dict[str, list[list[str]]] = {}
    for row in rows:
        build = row.packages[0].build
        by_build.setdefault(build, []).append(disagreement(row, said[build]))
    return [min(found, key=len) for found in by_build.values() if all(found)]


# -- pages in the form of the real ones, with the faults of the real ones

FEBRUARY = month(
    "2024-Feb",
    Cve(
        "CVE-2024-21410",
        (
            # Filed under the product that is to be updated, not the one that it becomes
            Fix(CU13, "5035606", "15.02.1544.004"),
            # Pointed at the article of the month after
            Fix(CU23, "5036386", "15.01.2507.037"),
        ),
        revisions=(("1.0", "2024-02-13", "Information published."),),
    ),
)
MARCH = month(
    "2024-Mar",
    Cve(
        "CVE-2024-26198",
        # Pointed at the hotfix of April
        (
            Fix(CU14, "5037224", "15.02.1544.011"),
            Fix(CU13, "5037224", "15.02.1258.034"),
            Fix(CU23, "5037224", "15.01.2507.039"),
        ),
        revisions=(("1.0", "2024-03-12", "Information published."),),
    ),
)
LAST_YEAR = month(
    "2023-Feb",
    Cve(
        "CVE-2023-21529",
        # March's article for the older product, under February's record
        (Fix(CU23, "5024296", "15.01.2507.023"),),
        revisions=(("1.0", "2023-02-14", "Information published."),),
    ),
)
NOVEMBER = month(
    "2024-Nov",
    Cve(
        "CVE-2024-49040",
        (
            Fix(CU14, "5049233", "15.02.1544.014"),
            Fix(CU13, "5049233", "15.02.1258.039"),
            Fix(CU23, "5049233", "15.01.2507.044"),
        ),
        revisions=(
            ("1.0", "2024-11-12", "Information published."),
            (
                "2.0",
                "2024-11-14",
                "We have temporarily paused the rollout of this update.",
            ),
            ("3.0", "2024-11-27", "The update has been re-released as KB5049233."),
        ),
    ),
    Cve(
        "CVE-2024-49041",
        (
            Fix(
                "Microsoft Exchange Server 2010 Service Pack 3 Update Rollup 31",
                "4593467",
            ),
        ),
        revisions=(("1.0", "2020-12-08", "Information published."),),
    ),
)
MONTHS = (FEBRUARY, MARCH, LAST_YEAR, NOVEMBER)
ROWS = (
    ("Exchange Server 2019 CU14 Nov24SUv2", "November 27, 2024", "15.2.1544.14", "KB5049233"),
    ("Exchange Server 2019 CU14 Nov24SU", "November 12, 2024", "15.2.1544.13", "KB5044062"),
    ("Exchange Server 2019 CU14 Apr24HU", "April 23, 2024", "15.2.1544.11", "KB5037224"),
    ("Exchange Server 2019 CU14 Mar24SU", "March 12, 2024", "15.2.1544.9", "KB5036401"),
    ("Exchange Server 2019 CU14 (2024H1)", "February 13, 2024", "15.2.1544.4", "KB5035606"),
    ("Exchange Server 2019 CU13 Nov24SUv2", "November 27, 2024", "15.2.1258.39", "KB5049233"),
    ("Exchange Server 2019 CU13 Nov24SU", "November 12, 2024", "15.2.1258.38", "KB5044062"),
    ("Exchange Server 2019 CU13 Apr24HU", "April 23, 2024", "15.2.1258.34", "KB5037224"),
    ("Exchange Server 2019 CU13 Mar24SU", "March 12, 2024", "15.2.1258.32", "KB5036402"),
    ("Exchange Server 2019 CU13 (2023H1)", "May 3, 2023", "15.2.1258.12", "KB5020999"),
    ("Exchange Server 2016 CU23 Nov24SUv2", "November 27, 2024", "15.1.2507.44", "KB5049233"),
    ("Exchange Server 2016 CU23 Nov24SU", "November 12, 2024", "15.1.2507.43", "KB5044062"),
    ("Exchange Server 2016 CU23 Apr24HU", "April 23, 2024", "15.1.2507.39", "KB5037224"),
    ("Exchange Server 2016 CU23 Mar24SU", "March 12, 2024", "15.1.2507.37", "KB5036386"),
    ("Exchange Server 2016 CU23 Mar23SU", "March 14, 2023", "15.1.2507.23", "KB5024296"),
    ("Exchange Server 2016 CU23 Feb23SU", "February 14, 2023", "15.1.2507.21", "KB5023038"),
    ("Exchange Server 2016 CU23 (2022H1)", "April 20, 2022", "15.1.2507.6", "KB5011155"),
    ("Update Rollup 31 for Exchange Server 2010 SP3", "December 1, 2020", "14.3.509.0", ""),
    ("Update Rollup 8 v2 for Exchange Server 2010 SP3", "December 12, 2014", "14.3.224.2", ""),
    (
        "Update Rollup 8 v1 for Exchange Server 2010 SP3 (recalled)",
        "December 9, 2014",
        "14.3.224.1",
        "",
    ),
    ("Exchange 2000 Server post-SP3", "August 1, 2008", "6.0.6620.7", ""),
    ("Exchange 2000 Server post-SP3", "March 1, 2008", "6.0.6620.5", ""),
)  # fmt: skip


@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
def test_every_build_of_the_table_is_what_its_row_says(
    world: World, order: tuple[str, ...]
) -> None:
    told = []
    for number, step in enumerate(order):
        world.at(f"2025-01-{number + 1:02} 05:00")
        if "table" in step:
            world.shows(table=table(*ROWS))
        months = MONTHS if "msrc" in step else ()
        told += world.at(f"2025-01-{number + 1:02} 06:00", *months)
    rows = rows_of(table(*ROWS))
    said = said_of(world, {row.packages[0].build for row in rows})
    assert disagreements(rows, said) == []
    assert {each for each in said if said[each]["state"] == "pulled"} == {
        "14.3.224.1",
        "15.1.2507.43",
        "15.2.1258.38",
        "15.2.1544.13",
    }
    assert told == []


def test_a_name_that_the_table_corrects_is_no_mail_and_keeps_its_thread(
    world: World,
) -> None:
    """Exchange Server 2019 CU14 came with a record that names CU13 and no update."""
    old = Cve(
        "CVE-2024-0001",
        (Fix(CU13, "5032146", "15.02.1258.028"),),
        revisions=(("1.0", "2023-11-14", "Information published."),),
    )
    world.at("2024-02-01 06:00", month("2023-Nov", old), table=table(*ROWS[9:10]))
    fix = Fix(CU13, "5035606", "15.02.1544.004")
    record = Cve(
        "CVE-2024-21410", (fix,), revisions=(("1.0", "2024-02-13", "Published."),)
    )
    told = world.at("2024-02-13 19:00", month("2024-Feb", record))
    assert told == ["released exchange-server-2024-02-su KB5035606"]
    mails = len(world.mails)
    assert world.at("2024-02-13 21:00", table=table(ROWS[4], ROWS[9])) == []
    assert len(world.mails) == mails
    # Who follows the link of the first mail comes to what it is
    update = world.update("exchange-server-2024-02-su")
    assert (update.id, update.type) == ("exchange-server-2019-cu14", "CU")
    assert [each.id for each in update.advisories] == ["CVE-2024-21410"]
    assert update.thread == "exchange-server-2024-02-su"
    build = said_of(world, ["15.2.1544.4"])["15.2.1544.4"]
    assert build["update"]["product"] == "Exchange Server 2019 CU14"
    # What is told later goes on in the thread of that mail
    paused = Cve(
        "CVE-2024-21410",
        (fix,),
        revisions=(
            ("1.0", "2024-02-13", "Published."),
            ("2.0", "2024-02-15", "We have paused the rollout of this update."),
        ),
    )
    assert world.at("2024-02-15 19:00", month("2024-Feb", paused)) == [
        "pulled exchange-server-2019-cu14 KB5035606"
    ]
    assert world.last.thread == "exchange-server-2024-02-su"


def test_a_hotfix_that_a_record_takes_for_a_security_update_is_told_once(
    world: World,
) -> None:
    """April 2024's is a hotfix, and MSRC's record of March offers it."""
    first = Cve(
        "CVE-2024-26198",
        (Fix(CU14, "5036401"), Fix(CU13, "5036402"), Fix(CU23, "5036386")),
        revisions=(("1.0", "2024-03-12", "Information published."),),
    )
    march = [row for row in ROWS if "Mar24SU" in row[0] or "H1)" in row[0]]
    hotfixes = [row for row in ROWS if "Apr24HU" in row[0]]
    world.at("2024-04-01 06:00", month("2024-Mar", first), table=table(*march))
    told = world.at("2024-04-23 19:00", table=table(*hotfixes, *march))
    assert told == ["released exchange-server-2024-04-hu KB5037224"]
    told = world.at("2024-04-23 21:00", MARCH)
    assert not [line for line in told if not line.startswith("revised")]
    build = said_of(world, ["15.2.1544.11"])["15.2.1544.11"]
    assert build["update"]["type"] == "HU"


def test_a_record_that_is_read_after_the_return_alone_offers_the_second_version(
    world: World,
) -> None:
    """Without a table, too, what runs November 2024's v2 need not install it again."""
    world.at("2025-01-01 06:00", NOVEMBER)
    build = said_of(world, ["15.2.1544.14"])["15.2.1544.14"]
    assert (build["state"], build["update"]["version"]) == ("good", 2)


# -- the real pages


class At(Struct):
    """A recording as it was at one moment, as far as it is asked for what ``wanted`` names."""

    recording: Recording
    moment: datetime
    wanted: Callable[[str], bool]

    def get_all(
        self, wanted: Iterable[Wanted], _now: datetime, use: Callable[[Outcome], T]
    ) -> list[tuple[Wanted, T]]:
        asked = [each for each in wanted if self.wanted(each.url)]
        return self.recording.get_all(asked, self.moment, use)

    def asking(self, _now: datetime, use: Callable[[Outcome], T]) -> AskingInTurn[T]:
        def answer(each: Wanted) -> Outcome | None:
            if not self.wanted(each.url):
                return None
            return self.recording._outcome(each, self.moment)

        return AskingInTurn(answer, use)


def asks_for(step: str) -> Callable[[str], bool]:
    def wanted(url: str) -> bool:
        return ("table" in step and url == URLS["table"]) or (
            "msrc" in step and "api.msrc" in url
        )

    return wanted


def recorded_table(recording: Recording, moment: datetime) -> bytes:
    (source,) = (each for each in BUILTIN if each.url == URLS["table"])
    wanted = Wanted(source, "", source.url, Validators())
    ((_, page),) = recording.get_all([wanted], moment, lambda outcome: outcome)
    assert isinstance(page, Page)
    return page.body


@pytest.mark.parametrize("order", ORDERS, ids=" then ".join)
@pytest.mark.parametrize(
    ("names", "builds"),
    [
        (("d1-2024-10--2025-02",), 298),
        (("d2-2021-07--2022-06",), 269),
        (("d2-2021-07--2022-06", "d3-captured-2021"), 269),
        (("d1-2024-10--2025-02", "d4-hourly-2026-07-a"), 298),
    ],
    ids=lambda value: value[-1][:2] if isinstance(value, tuple) else "",
)
def test_every_build_of_the_recorded_table_is_what_its_row_says(
    world: World,
    corpus: Path,
    names: tuple[str, ...],
    builds: int,
    order: tuple[str, ...],
) -> None:
    paths = [corpus / f"{name}.warc.gz" for name in names]
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        pytest.skip(f"the recordings are not there: {', '.join(missing)}")
    with Recording(paths) as recording:
        now = moment = recording.dates()[-1]
        told: list[Event] = []
        for step in order:
            # The months that the list leads to are asked at the second check, too
            for _ in range(2):
                web = At(recording, moment, asks_for(step))
                report = check(
                    world.settings, world.store, web, now, force=True, publish=False
                )
                told += report.events
                now += timedelta(hours=1)
        rows = rows_of(recorded_table(recording, moment))
    said = said_of(world, {row.packages[0].build for row in rows})
    assert len(said) == builds
    assert disagreements(rows, said) == []
    assert told == []
