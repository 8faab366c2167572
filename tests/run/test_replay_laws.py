"""Laws of ``watcher replay``.

The same input twice gives the same bytes, in one piece or in several.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from tests.run.stage import POSTS, STORY, TOLD, Stage, moment, written
from tests.servers import SourceServer
from tests.stories.pages import blog, post
from watcher import config, demo
from watcher.records import Event
from watcher.replay import replay
from watcher.store import Store

TURNS = ["released", "pulled", "re-released"]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """November 2024 as the demo's pages tell it."""
    path = tmp_path_factory.mktemp("recording") / "november-2024.warc.gz"
    demo.record(demo.pages_folder(), path)
    return path


@pytest.fixture(scope="module")
def whole(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the whole recording was relived."""
    folder = tmp_path_factory.mktemp("whole")
    relive(recording, folder)
    return folder


def relive(
    recording: Path, out: Path, start: str = "", until: str = ""
) -> tuple[Event, ...]:
    """Relive a recording, or a part of it, with the built-in configuration."""
    nothing = out.parent / "nothing.toml"
    nothing.touch()
    report = replay(
        config.load(nothing, {}), [recording], out, None, time(start), time(until)
    )
    return report.events


def time(text: str) -> datetime | None:
    return moment(text) if text else None


def told(folder: Path) -> dict[str, bytes]:
    """What a replay tells: its events and its mails, by file."""
    return {
        name: body
        for name, body in written(folder).items()
        if name == "events.jsonl" or name.startswith("mail/")
    }


def shown(folder: Path) -> dict[str, bytes]:
    """What it shows: its pages and feeds."""
    return {
        name: body for name, body in written(folder).items() if name.startswith("site/")
    }


def kinds(folder: Path) -> list[str]:
    events = map(
        json.loads, (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    )
    return [event["kind"] for event in events if event["kind"] in TURNS]


def test_twice_gives_the_same_bytes(
    recording: Path, whole: Path, tmp_path: Path
) -> None:
    relive(recording, tmp_path / "out")

    assert kinds(whole) == TURNS
    assert told(tmp_path / "out") == told(whole)
    assert shown(tmp_path / "out") == shown(whole)


def test_a_replay_that_is_continued_gives_nothing_new(
    recording: Path, whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole, tmp_path / "out")

    assert relive(recording, tmp_path / "out") == ()
    assert told(tmp_path / "out") == told(whole)
    assert shown(tmp_path / "out") == shown(whole)


@pytest.mark.parametrize(
    "middle",
    [
        "2024-11-13T00:00:00Z",
        "2024-11-14T18:00:00Z",
        "2024-11-20T17:00:00Z",
        "2024-11-28T00:00:00Z",
    ],
)
def test_two_halves_equal_the_whole(
    recording: Path, whole: Path, tmp_path: Path, middle: str
) -> None:
    relive(recording, tmp_path / "out", until=middle)
    relive(recording, tmp_path / "out", start=middle)

    assert told(tmp_path / "out") == told(whole)
    assert shown(tmp_path / "out") == shown(whole)


def test_a_replay_begun_in_the_middle_announces_nothing_and_welcomes_with_what_is_pulled(
    recording: Path, tmp_path: Path
) -> None:
    relive(
        recording,
        tmp_path / "out",
        start="2024-11-20T00:00:00Z",
        until="2024-11-20T23:59:59Z",
    )

    assert (tmp_path / "out" / "events.jsonl").read_bytes() == b""
    (welcome,) = demo.mails(tmp_path / "out")
    part = welcome[1].get_body(("plain",))
    assert part is not None
    assert "KB5044062" in part.get_content()
    assert "pulled" in part.get_content().lower()

    relive(recording, tmp_path / "out", start="2024-11-20T00:00:00Z")
    assert kinds(tmp_path / "out") == ["re-released"]


def test_several_recordings_are_merged_by_date(whole: Path, tmp_path: Path) -> None:
    parts = []
    for number in (0, 1):
        pages = tmp_path / f"pages-{number}"
        pages.mkdir()
        shutil.copy(demo.pages_folder() / "manifest.toml", pages)
        for place, (_, folder) in enumerate(demo.moments(demo.pages_folder())):
            if place % 2 == number:
                shutil.copytree(folder, pages / folder.name)
        parts.append(tmp_path / f"{number}.warc.gz")
        demo.record(pages, parts[-1])
    nothing = tmp_path / "nothing.toml"
    nothing.touch()

    replay(
        config.load(nothing, {}),
        list(reversed(parts)),
        tmp_path / "out",
        None,
        None,
        None,
    )

    assert told(tmp_path / "out") == told(whole)


def test_what_a_run_recorded_is_relived_to_the_same_events(tmp_path: Path) -> None:
    recording = tmp_path / "seen.warc.gz"
    with SourceServer() as web:
        stage = Stage(web, tmp_path, "sqlite:///state/watcher.db")
        stage.check("2024-11-08T06:00:00Z", record=recording)
        for at, document in STORY:
            stage.show(
                document,
                blog=blog(
                    post(4300001, f"At {at[:10]}", at[:10], "<p>Something else.</p>"),
                    *POSTS,
                ),
            )
            stage.check(at, record=recording)
        events = stage.events()
        settings = stage.settings
    replayed = replay(settings, [recording], tmp_path / "out", None, None, None)

    lines = [
        json.loads(line)
        for line in (tmp_path / "out" / "events.jsonl")
        .read_text(encoding="utf-8")
        .splitlines()
    ]
    assert [line for line in events if not line.startswith("news")] == TOLD
    assert [
        (event["kind"], event["update"]["id"], event["time"]) for event in lines
    ] == [
        (event.kind, event.update.id, f"{event.time:%Y-%m-%dT%H:%M:%SZ}")
        for event in replayed.events
    ]
    assert len(events) == len(lines)
    assert {event["id"] for event in lines} == set(_ids(stage))


def _ids(stage: Stage) -> list[str]:
    with Store.open(stage.settings.state, hold=False) as store:
        return [event.id for event in store.events()]


# --- the same laws on the recordings that lie beside a developer's tree ---------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A real recording of winter 2024, and the folder into which it was relived."""
    found = sorted(
        (Path(__file__).parents[3] / "shared" / "corpus").glob("d1-*.warc.gz")
    )
    if not found:
        pytest.skip("the recordings are not beside this tree (../shared/corpus)")
    folder = tmp_path_factory.mktemp("real")
    relive(found[0], folder)
    return found[0], folder


@pytest.mark.soak
def test_a_real_recording_twice_gives_the_same_bytes_and_continued_nothing(
    real: tuple[Path, Path], tmp_path: Path
) -> None:
    recording, folder = real
    relive(recording, tmp_path / "out")
    assert told(tmp_path / "out") == told(folder)
    assert relive(recording, tmp_path / "out") == ()
    assert told(tmp_path / "out") == told(folder)


@pytest.mark.soak
def test_two_halves_of_a_real_recording_equal_the_whole(
    real: tuple[Path, Path], tmp_path: Path
) -> None:
    recording, folder = real
    relive(recording, tmp_path / "out", until="2024-11-20T12:00:00Z")
    relive(recording, tmp_path / "out", start="2024-11-20T12:00:00Z")
    assert told(tmp_path / "out") == told(folder)


@pytest.mark.soak
def test_a_real_recording_begun_while_the_update_was_pulled_says_so_and_tells_the_re_release(
    real: tuple[Path, Path], tmp_path: Path
) -> None:
    recording, _ = real
    relive(
        recording,
        tmp_path / "out",
        start="2024-11-20T00:00:00Z",
        until="2024-11-20T12:00:00Z",
    )
    assert (tmp_path / "out" / "events.jsonl").read_bytes() == b""
    (welcome,) = demo.mails(tmp_path / "out")
    part = welcome[1].get_body(("plain",))
    assert part is not None
    assert "KB5044062" in part.get_content()

    relive(
        recording,
        tmp_path / "out",
        start="2024-11-20T00:00:00Z",
        until="2024-12-01T00:00:00Z",
    )
    assert kinds(tmp_path / "out") == ["re-released"]
