"""One check in a process of its own, to be killed in the middle of it."""

from __future__ import annotations

import multiprocessing
import sys
from datetime import datetime
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import pytest

from watcher import config
from watcher.errors import StateHeldError
from watcher.run.check import check
from watcher.store import Store
from watcher.web import FetchSettings
from watcher.web.fetch import Fetcher

# What a check loads, loaded once: a process then starts in milliseconds and can be
# killed hundreds of times.
LOADED = [
    "tests.run.killed",
    "watcher.mail.render",
    "watcher.notifiers.smtp",
    "watcher.notifiers.apprise",
    "apprise",
    "watcher.run.shown",
    "watcher.mail.message",
    "jinja2",
    "css_inline",
    "tenacity",
    "watcher.run.record",
    "psycopg",
    "watcher.sources.cvrf",
    "watcher.sources.build_table",
    "watcher.sources.feed",
    "watcher.sources.issues_page",
]


# Seconds: a run takes one or two; on a machine that others keep busy it once took 60
PATIENCE = 600


def context() -> ForkServerContext:
    """Give what starts such processes: each a fork of a server that has no threads."""
    if sys.platform == "win32":
        pytest.skip("Windows has no fork, and a kill there is an end like any other")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(LOADED)
    return made


def start(
    processes: ForkServerContext, file: Path, now: datetime, *, publish: bool
) -> ForkServerProcess:
    """Start a check as ``watcher run --force`` makes it, with or without the site."""
    process = processes.Process(target=one_check, args=(file, now, publish))
    process.start()
    return process


def one_check(file: Path, now: datetime, publish: bool) -> None:
    """Make the check; a database server may need a moment to see that the run before was killed."""
    settings = config.load(file, {})
    fetching = FetchSettings(attempts=1, sleep=lambda _seconds: None)
    with _opened(settings.state) as store, Fetcher(fetching) as web:
        check(settings, store, web, now, force=True, publish=publish)


def _opened(state: str) -> Store:
    for _ in range(1000):
        try:
            return Store.open(state)
        except StateHeldError:
            continue
    return Store.open(state)
