"""``kill -9`` at any moment loses no event, and repeats at most the message whose sending was cut, byte for byte."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.mailing import MailServer, Postbox
from tests.run.killed import context, start
from tests.run.stage import ROWS, Stage
from tests.servers import SourceServer
from tests.stories.pages import table

IN_THE_SUITE = 20
SOAKING = 200


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


def row(number: int) -> tuple[str, str, str, str]:
    """The row of the update of a month of 2023 and on."""
    year, place = 2023 + number // 12, number % 12
    month = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")[
        place
    ]
    name = f"Exchange Server 2019 CU14 {month[:3]}{year % 100:02d}SU"
    return name, f"{month} 10, {year}", f"15.2.1544.{100 + number}", f"KB51{number:05d}"


def update(number: int) -> str:
    return f"exchange-server-{2023 + number // 12}-{number % 12 + 1:02d}-su"


def killed_runs(stage: Stage, postbox: Postbox, count: int, seed: int, *, publish: bool) -> None:
    """Release an update, kill the run that tells of it at some moment, let the next run end; ``count`` times."""
    chance = random.Random(seed)
    processes = context()
    ended(start(processes, stage.file, datetime(2022, 12, 11, 18, tzinfo=UTC), publish=publish))  # the baseline
    shown: list[tuple[str, ...]] = list(ROWS)
    lasts = 0.0
    for number in range(count + 1):
        shown.insert(0, row(number))
        stage.show(builds=table(*shown))
        at = datetime(2023 + number // 12, number % 12 + 1, 11, 18, tzinfo=UTC)
        before = len(postbox.messages)
        started = time.monotonic()
        process = start(processes, stage.file, at, publish=publish)
        if number == 0:  # the first one is the measure
            ended(process)
            lasts = time.monotonic() - started
        else:
            process.join(chance.uniform(0, lasts * 1.1))
            process.kill()
            process.join(60)
            ended(start(processes, stage.file, at, publish=publish))
        sent = [message.body for message in postbox.messages[before:]]
        assert len(sent) <= len(set(sent)) + 1, "more than the one message whose sending was cut was repeated"


def ended(process: BaseProcess) -> None:
    """Let a run end well."""
    process.join(120)
    assert process.exitcode == 0


def identity(body: bytes) -> bytes:
    return next(line for line in body.splitlines() if line.lower().startswith(b"message-id:"))


def assert_nothing_lost(stage: Stage, postbox: Postbox, count: int) -> None:
    told = Counter(event for event in stage.events() if event.startswith("released "))
    assert told == Counter(f"released {update(number)} {row(number)[3]}" for number in range(count + 1))

    bodies: dict[bytes, set[bytes]] = {}
    for message in postbox.messages:
        bodies.setdefault(identity(message.body), set()).add(message.body)
    assert all(len(same) == 1 for same in bodies.values()), "a message was repeated with another Date or body"
    assert len(bodies) == count + 2  # the welcome, and one for each update
    assert max(Counter(message.body for message in postbox.messages).values()) <= 2


def killed(web: SourceServer, folder: Path, url: str, count: int, seed: int, *, publish: bool = False) -> None:
    postbox = Postbox()
    with MailServer(postbox) as mail:
        stage = Stage(web, folder, url, more=f'[mail]\nfrom = "watcher@example.org"\nsmtp = "{mail.url}?starttls=never"\n')
        killed_runs(stage, postbox, count, seed, publish=publish)
        assert_nothing_lost(stage, postbox, count)


def test_a_killed_run_loses_no_event_and_repeats_at_most_the_cut_message(web: SourceServer, tmp_path: Path, database_url: str) -> None:
    killed(web, tmp_path, database_url, IN_THE_SUITE, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 5))
def test_hundreds_of_killed_runs(web: SourceServer, tmp_path: Path, database_url: str, seed: int) -> None:
    killed(web, tmp_path, database_url, SOAKING, seed, publish=True)
