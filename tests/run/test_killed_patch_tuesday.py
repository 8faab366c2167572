"""The note after a Patch Tuesday is neither lost nor repeated, wherever a run is killed."""

from __future__ import annotations

import email
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.mailing import MailServer, Postbox
from tests.office import FEED, Office
from tests.run.killed import PATIENCE, context, start
from tests.servers import Reply, SourceServer
from watcher.store import Store

# The release is on 14 May 2030, 17:00 in UTC; six hours later, and the digest of 07:00 in
# Berlin, have come
MORNING = datetime(2030, 5, 15, 5, 30, tzinfo=UTC)
IN_THE_SUITE, SOAKING = 8, 200
READERS = """
[[subscriber]]
name = "now"
to = ["now@example.org"]
patch_tuesday = true
[[subscriber]]
name = "daily"
to = ["daily@example.org"]
when = "daily 07:00"
patch_tuesday = true
"""
ONCE = {"now@example.org", "daily@example.org"}


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def prepared(tmp_path: Path, postbox: Postbox) -> Iterator[Office]:
    """An office whose readers were welcomed before the release."""
    with SourceServer() as web, MailServer(postbox) as mail:
        web.play("/feed", Reply(FEED))
        office = Office(tmp_path / "prepared", web.url("/feed"), more=READERS)
        office.smtp = f"{mail.url}?starttls=never"
        office.folder.mkdir()
        assert office.run("2030-05-14T05:00:00+00:00").exit_code == 0
        postbox.messages.clear()
        yield office


def notes(postbox: Postbox) -> Counter[str]:
    """Give to whom notes came, as often as they came; all of one reader's are one message."""
    came = Counter[str]()
    identities: dict[str, set[str]] = {}
    for received in postbox.messages:
        message = email.message_from_bytes(received.body)
        assert message["X-Watcher-Event"] == "patch-tuesday"
        came.update(received.recipients)
        for reader in received.recipients:
            identities.setdefault(reader, set()).add(message["Message-ID"])
    assert all(len(each) == 1 for each in identities.values())
    return came


def test_a_run_that_broke_off_before_its_messages_loses_no_note(
    prepared: Office, postbox: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read is recorded by then, and so are the check's times."""
    with monkeypatch.context() as broken:
        broken.setattr("watcher.run.compose.rendered", _broken_off)
        assert prepared.run(MORNING.isoformat()).exit_code == 1
    assert notes(postbox) == Counter()

    # Half an hour on it is not the daily reader's time
    later = (MORNING + timedelta(minutes=30)).isoformat()
    assert prepared.run(later).exit_code == 0
    assert notes(postbox) == Counter(ONCE)
    assert prepared.run(later).exit_code == 0
    assert notes(postbox) == Counter(ONCE)


def _broken_off(*_: object) -> None:
    raise RuntimeError


def killed(prepared: Office, postbox: Postbox, times: int, seed: int) -> Counter[str]:
    """Kill a run ``times`` times at any moment, and run again; give when the kills were."""
    chance, processes, lasts = random.Random(seed), context(), 0.0
    moments = Counter[str]()
    for number in range(times + 1):
        folder = prepared.folder.parent / f"run{number}"
        shutil.copytree(prepared.folder, folder)
        postbox.messages.clear()
        begun = time.monotonic()
        first = start(processes, folder / "watcher.toml", MORNING, publish=False)
        if number:  # the first round is the measure
            first.join(chance.uniform(0, lasts))
            first.kill()
        first.join(PATIENCE)
        lasts = lasts or time.monotonic() - begun
        before = len(postbox.messages)
        for minutes in (1, 2):
            now = MORNING + timedelta(minutes=minutes)
            again = start(processes, folder / "watcher.toml", now, publish=False)
            again.join(PATIENCE)
            assert again.exitcode == 0
        came = notes(postbox)
        assert came.keys() == ONCE
        # The one whose sending was cut may come again, the same to the byte
        assert came.total() - len(ONCE) <= (1 if before else 0)
        with Store.open(f"sqlite:///{folder / 'state' / 'watcher.db'}") as store:
            assert store.waiting() == []
        moments[f"after {before} of {len(ONCE)}"] += 1
        shutil.rmtree(folder)
    return moments


def test_a_killed_run_neither_loses_nor_repeats_the_notes(
    prepared: Office, postbox: Postbox
) -> None:
    moments = killed(prepared, postbox, IN_THE_SUITE, seed=1)

    assert moments.total() == IN_THE_SUITE + 1


@pytest.mark.soak
def test_hundreds_of_killed_runs_neither_lose_nor_repeat_the_notes(
    prepared: Office, postbox: Postbox
) -> None:
    moments = killed(prepared, postbox, SOAKING, seed=2)

    assert len(moments) == len(ONCE) + 1
