"""``watcher work``: a worker, one of any number of machines'."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import Call, command, end_with_failure, live_web, now
from watcher.config import Settings
from watcher.errors import ConfigurationError
from watcher.parsing.parsers import Parsers
from watcher.plural import counted
from watcher.run import queue
from watcher.run.work import Work
from watcher.run.worker import work as work_on
from watcher.store.address import address_of

# Seconds that a job may wait beyond its time before that is unwell
LONGEST_WAIT = 600


@command("work", "watcher work --jobs 16")
def work(
    call: Call,
    *,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, max=64, help="So many jobs side by side.")
    ] = 8,
    site: Annotated[
        bool,
        typer.Option(
            "--site/--no-site",
            help="Publish feeds and page here, or leave it to another machine.",
        ),
    ] = True,
    once: Annotated[
        bool, typer.Option("--once", help="End when nothing is left to do now.")
    ] = False,
    patience: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0.5,
            help="A worker not heard of for so long is dead; the same on all machines.",
        ),
    ] = 30,
    health: Annotated[
        bool,
        typer.Option(
            "--health", help="Say how the workers are; exit code 1 when unwell."
        ),
    ] = False,
) -> None:
    """Work, beside any number of others, on one state in PostgreSQL.

    Checks of sources, letters, deliveries and the site are jobs in the state's own
    database: whoever is free takes the next. It works until SIGTERM, and ends the jobs
    it has begun. A worker that is killed is replaced: its jobs begin again.
    """
    settings = call.settings(sends=not health)
    queue.require()
    if address_of(settings.state).is_sqlite:
        raise ConfigurationError(
            "workers share a PostgreSQL database, and the state is a file. Write "
            'state = "postgresql+psycopg://user@host/database" in [watch], or start '
            "watcher run by a schedule, which is all that one machine needs."
        )
    if health:
        _say_health(call, settings, patience)
        return
    if sys.platform == "win32":
        raise ConfigurationError(
            "watcher work needs signals that Windows does not have. Start it on Linux or "
            "macOS, or let Task Scheduler start `watcher run`."
        )
    queues = [name for name in queue.QUEUES if site or name != queue.SITE]
    with Parsers(settings.limits) as parsers:
        web = partial(live_web, settings)
        shared = Work(settings, web, now, _warn, parsers.parse)
        work_on(shared, jobs=jobs, patience=patience, once=once, queues=queues)


def _warn(text: str) -> None:
    report.LOG.warning("%s", text)


def _say_health(call: Call, settings: Settings, patience: float) -> None:
    """Say how the workers are, and end with 1 when something is unwell."""
    with call.store(settings) as store:
        found = store.work_health(patience)
    if found is None:
        raise ConfigurationError(
            "no worker has worked on this state yet. Start one: watcher work"
        )
    report.write(
        f"{counted(found.workers, 'worker')}; "
        f"{counted(found.waiting, 'job waits', 'jobs wait')}, "
        f"the first for {found.longest_wait:.0f} s; "
        f"{counted(found.stalled, 'job')} of dead workers; "
        f"{counted(found.failing, 'job fails', 'jobs fail')} again and again"
    )
    unwell = not found.workers or found.stalled or found.failing
    end_with_failure(failed=bool(unwell) or found.longest_wait > LONGEST_WAIT)
