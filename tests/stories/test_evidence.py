"""Each body that led to an event is kept, with what a replay needs to tell the same event again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from tests.stories.november import (
    OCTOBER,
    OLD_ROW,
    PAUSED,
    PUBLISHED,
    RESPACED_ROW,
    SU,
    V1_ROW,
    V2_ROW,
)
from tests.stories.pages import (
    CU13,
    CU14,
    Cve,
    Fix,
    catalog,
    download,
    issues,
    month,
    table,
)
from tests.stories.telling import GONE, World, line
from watcher.replay import replay
from watcher.run import evidence
from watcher.run.check import check
from watcher.web.recording import Recording

PAGES = {
    CU14: "https://www.microsoft.com/download/details.aspx?id=106500",
    CU13: "https://www.microsoft.com/download/details.aspx?id=106501",
}
CATALOG = "https://www.catalog.update.microsoft.com/Search.aspx?q=KB5044062"
FOUND = catalog(
    "KB5044062", ("2", "Security Update For Exchange Server 2019 CU14", 174838472)
)
OLD_ISSUE = (
    "3/20/2024",
    (
        '<a href="https://support.microsoft.com/help/5036401">March 2024 '
        "Security Update for Exchange 2019</a>"
    ),
    "Links fail",
    "Wait",
)
ISSUE = (
    "11/14/2024",
    (
        '<a href="https://support.microsoft.com/help/5044062">November Exchange '
        "Security Update for Exchange 2019</a>"
    ),
    "Transport rules may stop after the update was installed",
    "Wait",
)


def released(
    *revisions: tuple[str, str, str], kb: str = "5044062", last: int = 13
) -> Cve:
    return Cve(
        "CVE-2024-49040",
        (Fix(CU14, kb, f"15.02.1544.0{last}", PAGES[CU14]),),
        (PUBLISHED, *revisions),
    )


def keeps(world: World) -> Path:
    """Have the watcher keep evidence; give the folder."""
    folder = world.folder / "evidence"
    world.settings = replace(world.settings, evidence=folder)
    return folder


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.warc.gz"))


def relived(world: World, name: str) -> list[str]:
    """Replay one file of evidence, and give what is told at its last check."""
    told = replay(
        world.settings,
        [world.folder / "evidence" / name],
        world.folder / "relived" / name,
        None,
        None,
        None,
    )
    return [line(event) for event in told.events if event.time == told.time]


def begin(world: World) -> None:
    world.at(
        "2024-11-08 06:00", OCTOBER, table=table(OLD_ROW), issues=issues(OLD_ISSUE)
    )
    world.at("2024-11-12 07:00")


def test_each_turn_of_an_updates_life_is_told_again_from_its_evidence_alone(
    world: World,
) -> None:
    folder = keeps(world)
    begin(world)
    told = {
        "20241112T180000Z-msrc-cvrf.warc.gz": world.at(
            "2024-11-12 18:00", month("2024-Nov", released())
        ),
        "": world.at("2024-11-13 06:00", table=table(V1_ROW, OLD_ROW)),
        "20241114T174000Z-exchange-issues.warc.gz": world.at(
            "2024-11-14 17:40", issues=issues(ISSUE, OLD_ISSUE)
        ),
        "20241114T200000Z-msrc-cvrf.warc.gz": world.at(
            "2024-11-14 20:00", month("2024-Nov", released(PAUSED))
        ),
        "20241128T060000Z-exchange-builds.warc.gz": world.at(
            "2024-11-28 06:00", table=table(V2_ROW, V1_ROW, OLD_ROW)
        ),
    }

    assert told.pop("") == []
    assert [len(events) for events in told.values()] == [1, 1, 1, 1]
    assert files(folder) == sorted(told)
    assert {name: relived(world, name) for name in told} == told


def test_a_hotfix_keeps_its_name_for_the_table_that_knows_it_is_kept_too(
    world: World,
) -> None:
    keeps(world)
    begin(world)
    row = (
        "Exchange Server 2019 CU14 Nov24HU",
        "November 12, 2024",
        "15.2.1544.13",
        "KB5044062",
    )
    world.at("2024-11-12 18:00", table=table(row, OLD_ROW))
    world.at("2024-11-13 06:00", month("2024-Nov", released()))
    told = world.at("2024-11-14 20:00", month("2024-Nov", released(PAUSED)))

    assert told == ["pulled exchange-server-2024-11-hu KB5044062"]
    assert relived(world, "20241114T200000Z-msrc-cvrf.warc.gz") == told


def test_a_suspicion_is_told_again_by_its_file(world: World) -> None:
    folder = keeps(world)
    begin(world)
    world.at("2024-11-12 18:00", table=table(V1_ROW, OLD_ROW))
    suspected = world.at("2024-11-15 06:00", table=table(RESPACED_ROW))
    assert world.at("2024-11-15 08:00") == []

    assert suspected == [f"pulled? {SU} KB5044062"]
    assert files(folder)[1:] == ["20241115T060000Z-exchange-builds.warc.gz"]
    assert relived(world, files(folder)[1]) == suspected


def test_what_is_taken_back_is_told_again_with_what_it_corrects(world: World) -> None:
    folder = keeps(world)
    begin(world)
    world.at("2024-11-12 18:00", table=table(V1_ROW, OLD_ROW))
    world.at("2024-11-15 06:00", table=table(RESPACED_ROW))
    corrected = world.at("2024-11-15 06:30", table=table(V1_ROW, OLD_ROW))

    assert corrected == [f"corrected {SU} KB5044062"]
    assert relived(world, files(folder)[-1]) == corrected


def test_an_event_names_its_file(world: World) -> None:
    folder = keeps(world)
    begin(world)
    world.at("2024-11-12 18:00", month("2024-Nov", released()))

    assert evidence.files_of(world.settings, world.last) == [
        folder / "20241112T180000Z-msrc-cvrf.warc.gz"
    ]
    without = replace(world.settings, evidence=None)
    assert evidence.files_of(without, world.last) == []


def test_nothing_is_kept_that_led_to_nothing(world: World) -> None:
    folder = keeps(world)
    begin(world)
    world.at(
        "2024-11-12 18:00",
        table=table(("Exchange Server 2019 CU14 Apr24 HU", *OLD_ROW[1:])),
    )

    assert files(folder) == []


def test_two_copies_of_each_document_are_kept(world: World) -> None:
    folder = keeps(world)
    begin(world)
    for day, rows in enumerate(
        [
            (V1_ROW, OLD_ROW),
            (V2_ROW, V1_ROW, OLD_ROW),
            (V1_ROW, OLD_ROW),
            (V2_ROW, V1_ROW, OLD_ROW),
        ],
        13,
    ):
        world.at(f"2024-11-{day} 06:00", table=table(*rows))

    assert (
        len(list((folder / "current" / "exchange-builds").glob("*")))
        == evidence.GENERATIONS
    )
    assert all(
        path.name.startswith("index-")
        for path in (folder / "current" / "exchange-builds").iterdir()
    )


def test_a_copy_that_is_not_believed_is_not_kept(world: World) -> None:
    folder = keeps(world)
    rows = [
        (f"Exchange Server 2019 CU{number}", "April 23, 2024", f"15.2.{number}.4", "")
        for number in range(1, 13)
    ]
    world.at("2024-11-08 06:00", table=table(*rows))
    world.at("2024-11-09 06:00", table=table(*rows[:3]))

    assert world.failures
    (copy,) = (folder / "current" / "exchange-builds").iterdir()
    assert "20241108T060000Z" in copy.name


def test_evidence_that_is_wanted_from_now_on_asks_again_for_the_copies_before(
    world: World,
) -> None:
    begin(world)
    folder = keeps(world)
    assert world.at("2024-11-12 09:00") == []

    assert list((folder / "current" / "exchange-builds").iterdir())
    told = world.at("2024-11-12 18:00", table=table(V1_ROW, OLD_ROW))
    assert relived(world, files(folder)[0]) == told != []


def test_an_old_file_goes_when_there_are_too_many(world: World) -> None:
    folder = keeps(world)
    world.settings = replace(world.settings, evidence_files=1)
    begin(world)
    world.at("2024-11-12 18:00", month("2024-Nov", released()))
    world.at("2024-11-14 20:00", month("2024-Nov", released(PAUSED)))

    assert files(folder) == ["20241114T200000Z-msrc-cvrf.warc.gz"]


def test_old_files_go_when_they_are_too_large_but_never_the_newest(
    world: World,
) -> None:
    folder = keeps(world)
    begin(world)
    world.at("2024-11-12 18:00", month("2024-Nov", released()))
    world.settings = replace(world.settings, evidence_bytes=4000)
    world.at("2024-11-14 20:00", month("2024-Nov", released(PAUSED)))

    assert files(folder) == ["20241114T200000Z-msrc-cvrf.warc.gz"]


def test_a_folder_that_cannot_be_written_is_named_and_loses_no_event(
    world: World,
) -> None:
    folder = keeps(world)
    begin(world)
    (folder / "current").rename(folder / "aside")
    (folder / "current").write_bytes(b"in the way")
    told = world.at("2024-11-12 18:00", month("2024-Nov", released()))

    assert told == [f"released {SU} KB5044062"]
    assert world.report is not None
    assert world.report.troubles
    assert all(
        trouble.startswith(f"{folder}: evidence cannot be kept (")
        for trouble in world.report.troubles
    )
    assert all(
        trouble.endswith("Make room there, or name another folder in [watch] evidence.")
        for trouble in world.report.troubles
    )
    assert world.report.failed


def test_a_broken_copy_is_named_and_loses_no_event(world: World) -> None:
    folder = keeps(world)
    begin(world)
    for path in (folder / "current" / "exchange-builds").iterdir():
        path.write_bytes(b"no recording")
    told = world.at("2024-11-12 18:00", table=table(V1_ROW, OLD_ROW))

    assert told == [f"released {SU} KB5044062"]
    assert world.report is not None
    assert "exchange-builds" in world.report.troubles[0]
    assert files(folder) == []
    assert list(folder.glob(".*")) == []


def test_a_dry_run_keeps_nothing(world: World) -> None:
    folder = keeps(world)
    world.shows(OCTOBER, table=table(OLD_ROW))
    check(
        world.settings,
        world.store,
        world.web,
        datetime(2024, 11, 8, tzinfo=UTC),
        force=True,
        dry_run=True,
    )

    assert not folder.exists()


def test_absences_at_two_sources_are_told_again_each_with_the_page_before(
    world: World,
) -> None:
    folder = keeps(world)
    begin(world)
    offered = download(
        "Security Update For Exchange Server 2019 CU14 (KB5044062)",
        ("Exchange2019CU14-KB5044062-x64-en.exe", 174838472),
    )
    world.at(
        "2024-11-12 18:00",
        month("2024-Nov", released()),
        pages={PAGES[CU14]: offered, CATALOG: FOUND},
    )
    world.at("2024-11-12 20:00")
    suspected = world.at("2024-11-14 16:00", pages={PAGES[CU14]: GONE})
    confirmed = world.at("2024-11-14 16:20", pages={CATALOG: catalog("KB5044062")})

    assert (suspected, confirmed) == (
        [f"pulled? {SU} KB5044062"],
        [f"pulled {SU} KB5044062"],
    )
    assert files(folder)[1:] == [
        "20241114T160000Z-download-center.warc.gz",
        "20241114T162000Z-update-catalog.warc.gz",
    ]
    assert relived(world, files(folder)[1]) == suspected
    assert relived(world, files(folder)[2]) == confirmed
    assert (
        Recording([folder / files(folder)[1]]).dates()[-1].isoformat()
        == "2024-11-14T16:00:00+00:00"
    )
