"""What holds addresses, or shows what is watched, is for its owner only.

Whatever the umask, whoever made the folder, and whatever link lies in the way.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.attacks import tried
from tests.office import ADMINS, FEED, Office, event
from tests.servers import Reply, SourceServer
from watcher import replay
from watcher.cli import mail
from watcher.errors import StateError, StateRefusedError
from watcher.notifiers.outbox import Outbox
from watcher.records import Message
from watcher.site import folder as site_folder
from watcher.store import Store
from watcher.web.recorder import Recorder, UnwrittenError

pytestmark = pytest.mark.posix

NOW = datetime(2030, 11, 12, 18, 0, tzinfo=UTC)
MESSAGE = Message(
    "<1@example.org>",
    NOW,
    "released",
    "admins",
    "exchange-server-2030-11-su",
    "s",
    (),
    b"Message-ID: <1@example.org>\r\nContent-Type: text/html\r\n\r\n<p>x</p>",
)
NAME = "0001-released-exchange-server-2030-11-su"
SOMEBODY = 65534


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """Let the umask close nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def write_state(folder: Path) -> None:
    with Store.open(f"sqlite:///{folder}/watcher.db") as store:
        store.set_meta("a", "b")


def write_export(folder: Path) -> None:
    with Store.open("sqlite://") as store:
        store.export(folder)


def write_recording(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    Recorder(folder / "r.warc", {}).add_answer(
        "http://a.example.org/", NOW, 200, {}, b"x"
    )


PLACES: dict[str, Callable[[Path], object]] = {
    "state": write_state,
    "outbox": lambda folder: Outbox(folder).send(MESSAGE, ["a@example.org"]),
    "export": write_export,
    "preview": lambda folder: mail._write([MESSAGE], folder),
    "recording": write_recording,
}
# Of whoever names the file, not the folder
ITS_FILE_ALONE = {"recording"}


def open_to_others(folder: Path) -> dict[str, str]:
    """Give what others may do something with, by its mode."""
    found = [folder, *folder.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in found}
    return {
        path.relative_to(folder).as_posix(): f"{mode:o}"
        for path, mode in modes.items()
        if mode & 0o077
    }


@tried("modes")
@pytest.mark.parametrize("made", ["by nobody before", "by somebody, for everybody"])
@pytest.mark.parametrize("place", PLACES)
def test_each_place_is_for_its_owner_only_whatever_umask_and_whoever_made_it(
    tmp_path: Path, place: str, made: str
) -> None:
    folder = tmp_path / "made"
    if made != "by nobody before":
        folder.mkdir(mode=0o777)
    PLACES[place](folder)
    found = open_to_others(folder)
    if place in ITS_FILE_ALONE:
        found.pop(".", None)
    assert found == {}


@tried("modes")
@pytest.mark.parametrize("place", PLACES)
def test_files_that_were_open_to_others_are_closed(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "made"
    PLACES[place](folder)
    for path in folder.rglob("*"):
        path.chmod(0o666)
    if place == "outbox":
        # What was written before stays as its reader has it; the next one is closed
        for path in folder.rglob("*"):
            path.unlink()
    PLACES[place](folder)
    found = open_to_others(folder)
    if place in ITS_FILE_ALONE:
        found.pop(".", None)
    assert found == {}


# Names at which a link may be planted: place, name, whether the work is refused
PLANTED = {
    "the state": ("state", "watcher.db"),
    "the name of the state's holder": ("state", "watcher.db.holder"),
    "the state's lock": ("state", "watcher.db.lock"),
    "a message half written": ("outbox", f".{NAME}.eml.part"),
    "a table of an export": ("export", "meta.jsonl"),
    "a preview": ("preview", f"{NAME}.eml"),
    "a preview's page": ("preview", f"{NAME}.html"),
    "a recording": ("recording", "r.warc"),
}


@tried("modes")
@pytest.mark.parametrize("there", [True, False], ids=["a file", "nothing"])
@pytest.mark.parametrize("case", PLANTED)
def test_nothing_is_written_through_a_planted_link(
    tmp_path: Path, case: str, there: bool
) -> None:
    place, name = PLANTED[case]
    folder, victim = tmp_path / "made", tmp_path / "victim"
    folder.mkdir()
    if there:
        victim.write_text("mine", encoding="utf-8")
    (folder / name).symlink_to(victim)
    try:
        PLACES[place](folder)
    except (StateError, UnwrittenError) as error:
        assert str(folder / name.removesuffix(".lock")) in str(error)  # noqa: PT017 - either is well
    assert victim.exists() == there
    assert not there or victim.read_text(encoding="utf-8") == "mine"


@tried("modes")
def test_a_replays_events_are_not_written_through_a_planted_link(
    tmp_path: Path,
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (tmp_path / "events.jsonl").symlink_to(victim)
    replay._write_events(tmp_path / "events.jsonl", ())
    assert victim.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "events.jsonl").read_bytes() == b""


@tried("modes")
def test_a_page_is_not_written_through_a_planted_link_and_is_for_everybody(
    tmp_path: Path,
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (tmp_path / ".index.html.new").symlink_to(victim)
    site_folder._put(tmp_path / "index.html", b"page")
    assert victim.read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "index.html").stat().st_mode & 0o044


# Folders within ours: which lies where, what somebody leads elsewhere
LED_AWAY = [
    "evidence/current",
    "evidence/current/blog",
    ".public.next",
    ".public.old",
    "public/updates",
    "public/products",
]


@tried("modes")
@pytest.mark.parametrize("mounted", [False, True])
@pytest.mark.parametrize("place", LED_AWAY)
def test_a_folder_within_ours_that_leads_elsewhere_is_not_followed(
    tmp_path: Path, place: str, mounted: bool
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    for name in (".level", "index.html", "mine"):
        (victim / name).write_text("mine", encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    with SourceServer() as web:
        office = Office(home, web.play("/feed", Reply(FEED)), more=ADMINS)
        office.mail = 'evidence = "evidence"'
        office.run("2030-05-14T06:00:00+00:00")
        if mounted:
            # Then the site cannot change places with the next one
            (home / "public" / ".git").mkdir()
        led = home / place
        if led.is_dir():
            shutil.rmtree(led)
        led.symlink_to(victim)
        web.play("/feed", Reply(FEED.replace(b"We talked.", b"We talked again.")))
        office.happens(event(at="2030-05-14T07:00:00+00:00"))
        said = office.run("2030-05-14T08:00:00+00:00")
    assert said.exit_code == 0, said.stderr
    assert {path.name for path in victim.iterdir()} == {".level", "index.html", "mine"}
    assert {path.read_text(encoding="utf-8") for path in victim.iterdir()} == {"mine"}
    assert {path.stat().st_nlink for path in victim.iterdir()} == {1}
    assert stat.S_IMODE(victim.stat().st_mode) == 0o755


@tried("modes")
@pytest.mark.parametrize("place", ["state", "outbox", "evidence"])
def test_after_a_whole_run_nobody_else_reads_what_it_left(
    tmp_path: Path, place: str
) -> None:
    for name in ("state", "outbox", "evidence"):
        (tmp_path / name).mkdir(mode=0o777)
    with SourceServer() as web:
        office = Office(tmp_path, web.play("/feed", Reply(FEED)), more=ADMINS)
        office.mail = 'evidence = "evidence"'
        said = office.run("2030-05-14T06:00:00+00:00")
    assert said.exit_code == 0, said.stderr
    assert list((tmp_path / place).iterdir())
    assert open_to_others(tmp_path / place) == {}


@pytest.mark.parametrize(
    "why", ["started there", "configured there", "the site is there"]
)
def test_a_folder_that_is_not_the_watchers_alone_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    if why == "started there":
        monkeypatch.chdir(folder)
    elif why == "configured there":
        (folder / "watcher.toml").write_text("", encoding="utf-8")
    else:
        (folder / "public").mkdir(mode=0o755)
    write_state(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "watcher.db").stat().st_mode) == 0o600


@pytest.fixture
def theirs() -> Iterator[Path]:
    """Give a folder of somebody else's that everybody may pass."""
    if sys.platform == "win32" or os.geteuid() != 0:
        pytest.skip("only root can make files of another user")
    folder = Path(tempfile.mkdtemp(prefix="watcher-owner-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def give(folder: Path, user: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user)


@tried("modes")
@pytest.mark.parametrize(
    "case", ["a state", "a state to come", "a state that all may write"]
)
def test_root_leaves_no_files_in_somebodys_state(theirs: Path, case: str) -> None:
    if case != "a state to come":
        write_state(theirs)
    if case == "a state that all may write":
        (theirs / "watcher.db").chmod(0o666)
    give(theirs, SOMEBODY)
    before = sorted(theirs.iterdir())
    with pytest.raises(StateRefusedError) as error:
        write_state(theirs)
    assert sorted(theirs.iterdir()) == before
    assert f"chown -R root {theirs}" in str(error.value)
    assert "sudo -u " in str(error.value)
    assert error.value.exit_code == 2


@tried("modes")
@pytest.mark.parametrize("mode", [0o600, 0o666])
def test_somebody_is_refused_roots_state(theirs: Path, mode: int) -> None:
    write_state(theirs)
    theirs.chmod(0o777)
    for path in theirs.iterdir():
        path.chmod(mode)
    os.seteuid(SOMEBODY)
    try:
        with pytest.raises(StateRefusedError, match="belongs to root"):
            write_state(theirs)
    finally:
        os.seteuid(0)


@tried("modes")
def test_a_link_that_somebody_else_made_is_no_state(theirs: Path) -> None:
    real = theirs / "real"
    real.mkdir()
    write_state(real)
    (theirs / "watcher.db").symlink_to(real / "watcher.db")
    os.chown(theirs / "watcher.db", SOMEBODY, SOMEBODY, follow_symlinks=False)
    with pytest.raises(StateRefusedError, match="is a link that"):
        write_state(theirs)


def test_a_link_of_ones_own_to_a_state_is_followed(tmp_path: Path) -> None:
    real = tmp_path / "real"
    write_state(real)
    (tmp_path / "watcher.db").symlink_to(real / "watcher.db")
    with Store.open(f"sqlite:///{tmp_path}/watcher.db") as store:
        assert store.meta("a") == "b"
