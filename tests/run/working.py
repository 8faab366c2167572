"""Real workers in processes of their own, whose clock is a file: a story's time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from tests.run import killed
from watcher import config
from watcher.run import queue
from watcher.run.work import Work
from watcher.run.worker import work as work_on
from watcher.web import FetchSettings
from watcher.web.fetch import Fetcher

ROOT = Path(__file__).parents[2]
CLOCK = "clock"
# Seconds: the shortest with which a busy machine's workers are seldom taken for dead
PATIENCE = 3.0
JOBS = 4
FETCHING = FetchSettings(attempts=1, sleep=lambda _seconds: None)


def context() -> ForkServerContext:
    """Give what starts workers: what they load is loaded once."""
    made = killed.context()
    made.set_forkserver_preload([*killed.LOADED, "tests.run.working", "procrastinate"])
    return made


def set_clock(folder: Path, time: str) -> None:
    """Let it be ``time`` for every worker of the folder."""
    new = folder / f"{CLOCK}.new"
    new.write_text(f"{time.removesuffix('Z')}+00:00", "utf-8")
    new.replace(folder / CLOCK)


def work_of(folder: Path) -> Work:
    """Give the jobs of the configuration in a folder, by the clock there."""

    def clock() -> datetime:
        return datetime.fromisoformat((folder / CLOCK).read_text("utf-8"))

    def say(text: str) -> None:
        with (folder / "said").open("a") as said:
            said.write(f"{os.getpid()}: {text}\n")

    settings = config.load(folder / "watcher.toml", {})
    return Work(settings, lambda: Fetcher(FETCHING), clock, say)


def one_worker(folder: Path, once: bool) -> None:
    """Work until told to stop, or once; what the interpreter says goes into a file."""
    with (folder / "crashed").open("a") as crashed:
        os.dup2(crashed.fileno(), 2)
    work_on(
        work_of(folder),
        jobs=JOBS,
        patience=PATIENCE,
        once=once,
        queues=queue.QUEUES,
    )


def start(
    processes: ForkServerContext, folder: Path, *, once: bool = False
) -> ForkServerProcess:
    """Start a worker."""
    process = processes.Process(target=one_worker, args=(folder, once))
    process.start()
    return process


def work_once(folder: Path, time: str) -> None:
    """Let a worker do what is to be done at ``time``, and end."""
    set_clock(folder, time)
    worker = start(context(), folder, once=True)
    worker.join(120)
    assert worker.exitcode == 0, said(folder)


def said(folder: Path) -> str:
    """Give what workers have said so far."""
    files = [folder / "said", folder / "crashed"]
    return "".join(
        each.read_text("utf-8", "replace") for each in files if each.exists()
    )


def until(condition: Callable[[], bool], tries: int = 2400) -> None:
    """Look again and again until something is so."""
    never = threading.Event()
    for _ in range(tries):
        if condition():
            return
        never.wait(0.05)
    raise AssertionError(condition)


@contextmanager
def workers(folder: Path, count: int) -> Iterator[list[ForkServerProcess]]:
    """Start workers, and kill at the end those that are still there."""
    processes = context()
    running = [start(processes, folder) for _ in range(count)]
    try:
        yield running
    finally:
        for each in running:
            each.kill()
            each.join()
