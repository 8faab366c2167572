"""A run that sends fifty messages, killed at any moment, and run again: everybody has everything, and at most one message twice."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.mailing import MailServer, Postbox
from tests.office import FEED, Office, event
from tests.run.killed import context, start
from tests.run.test_killed import identity
from tests.servers import Reply, SourceServer
from watcher import report
from watcher.records import Kind

READERS, KINDS = 10, (Kind.PULLED, Kind.EXPLOITED, Kind.RE_RELEASED, Kind.RELEASED, Kind.ANNOUNCED)
MORNING = datetime(2030, 5, 15, 6, tzinfo=UTC)  # 08:00 in Berlin: the digest of 07:00 is due, too
IN_THE_SUITE, SOAKING = 20, 200


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Office]:
    """An office where all have been welcomed, and five events wait to be told to ten readers, and to one in a digest."""
    log = report.LOG
    before = (log.handlers[:], log.level, log.propagate)
    with SourceServer() as web:
        web.play("/feed", Reply(FEED, etag='"1"'))
        readers = "".join(f'[[subscriber]]\nname = "r{n}"\nto = ["r{n}@example.org"]\n' for n in range(READERS))
        daily = '[[subscriber]]\nname = "daily"\nto = ["daily@example.org"]\nwhen = "daily 07:00"\n'
        office = Office(tmp_path / "prepared", web.url("/feed"), more=readers + daily)
        office.folder.mkdir()
        office.run("2030-05-14T05:00:00+00:00")
        office.happens(*(event(kind, number) for number, kind in enumerate(KINDS)))
        yield office
    log.handlers[:], log.level, log.propagate = before


def killed(prepared: Office, times: int, seed: int) -> None:
    chance = random.Random(seed)
    processes, lasts = context(), 0.0
    postbox = Postbox()
    with MailServer(postbox) as mail:
        prepared.smtp = f"{mail.url}?starttls=never"
        prepared.write()
        for number in range(times + 1):
            folder = prepared.folder.parent / f"run{number}"
            shutil.copytree(prepared.folder, folder)
            postbox.messages.clear()
            begun = time.monotonic()
            process = start(processes, folder / "watcher.toml", MORNING, publish=False)
            if number:  # the first one is the measure
                process.join(chance.uniform(0, lasts))
                process.kill()
            process.join(60)
            lasts = lasts or time.monotonic() - begun
            if number:
                again = start(processes, folder / "watcher.toml", MORNING, publish=False)
                again.join(60)
                assert again.exitcode == 0
            assert_everybody_has_everything(postbox, repeats=min(number, 1))
            shutil.rmtree(folder)


def assert_everybody_has_everything(postbox: Postbox, repeats: int) -> None:
    arrived = [(recipient, received.body) for received in postbox.messages for recipient in received.recipients]
    different = set(arrived)
    wanted = {f"r{number}@example.org": len(KINDS) for number in range(READERS)} | {"daily@example.org": 1}
    assert Counter(recipient for recipient, _ in different) == wanted
    assert len(arrived) - len(different) <= repeats, "more than the one message whose sending was cut was repeated"
    assert len({identity(body) for _, body in different}) == len(different), "a Message-ID stands for two contents"


def test_a_killed_run_of_fifty_messages_loses_none_and_repeats_at_most_one(prepared: Office) -> None:
    killed(prepared, IN_THE_SUITE, seed=1)


@pytest.mark.soak
def test_hundreds_of_killed_runs_of_fifty_messages(prepared: Office) -> None:
    killed(prepared, SOAKING, seed=2)
