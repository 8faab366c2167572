"""Runs that are killed at any moment.

The operator hears of a trouble once, and once that it is over.
"""

from __future__ import annotations

import email
import random
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.office import ADMINS, FEED, Office
from tests.run.killed import PATIENCE, context, start
from tests.servers import Reply, SourceServer

BEGINNING = datetime(2030, 5, 14, 6, tzinfo=UTC)
IN_THE_SUITE, SOAKING = 4, 100
ONCE = {("[OPERATOR] blog fails", "[OPERATOR] blog is well again")}


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[tuple[Office, SourceServer]]:
    """An office whose one source was read once."""
    with SourceServer() as web:
        office = Office(tmp_path / "prepared", web.play("/feed", Reply(FEED)))
        office.folder.mkdir()
        office.more = ADMINS + '[operator]\nto = ["it@example.org"]\nfailures = 1\n'
        office.run(BEGINNING.isoformat())
        yield office, web


def told(folder: Path) -> list[tuple[str, str]]:
    """Give Message-ID and subject of what was told the operator, each file once."""
    messages = [
        email.message_from_bytes(file.read_bytes())
        for file in sorted((folder / "outbox").glob("*.eml"))
    ]
    return [
        (message["Message-ID"], message["Subject"])
        for message in messages
        if message["X-Watcher-Event"] == "operator"
    ]


def killed(
    prepared: tuple[Office, SourceServer], times: int, seed: int
) -> set[tuple[str, ...]]:
    """Let a source fail and be well again ``times`` times, in runs killed and run again.

    Give the subjects that the operator got.
    """
    heard = set[tuple[str, ...]]()
    (office, web), chance, processes, lasts = (
        prepared,
        random.Random(seed),
        context(),
        0.0,
    )
    for number in range(times + 1):
        folder = office.folder.parent / f"run{number}"
        shutil.copytree(office.folder, folder)
        for hour, reply in enumerate((Reply(status=403), Reply(FEED)), 1):
            web.play("/feed", reply)
            begun = time.monotonic()
            first = start(
                processes,
                folder / "watcher.toml",
                BEGINNING + timedelta(hours=hour),
                publish=False,
            )
            if number:  # the first round is the measure
                first.join(chance.uniform(0, lasts))
                first.kill()
            first.join(PATIENCE)
            lasts = lasts or time.monotonic() - begun
            for minutes in (1, 2):
                again = start(
                    processes,
                    folder / "watcher.toml",
                    BEGINNING + timedelta(hours=hour, minutes=minutes),
                    publish=False,
                )
                again.join(PATIENCE)
                assert again.exitcode == 0
        found = told(folder)
        assert len({identity for identity, _ in found}) == len(found)
        heard.add(tuple(subject for _, subject in found))
        shutil.rmtree(folder)
    return heard


def test_a_trouble_is_told_once_and_its_end_once_though_runs_are_killed(
    prepared: tuple[Office, SourceServer],
) -> None:
    assert killed(prepared, IN_THE_SUITE, seed=1) == ONCE


@pytest.mark.soak
def test_hundreds_of_killed_runs_tell_the_operator_once(
    prepared: tuple[Office, SourceServer],
) -> None:
    assert killed(prepared, SOAKING, seed=2) == ONCE
