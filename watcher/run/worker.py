"""A worker: takes jobs from the queue, as many side by side as it may, until it is told
to stop.

What Procrastinate has is used as it is: the queue, its locks, periodic jobs, tries
again, heartbeats of workers, the end after the running jobs.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from watcher.errors import StateError
from watcher.run import queue
from watcher.run.work import Work
from watcher.store import Store
from watcher.store.address import address_of

if TYPE_CHECKING:
    import procrastinate

# Jobs are tried again for ever, each time ten seconds later than before
FIRST_WAIT, LONGER_BY = 1, 10
# Connections that the queue itself needs: to fetch jobs, to end them, to listen
CONNECTIONS = 4

# Seconds: of a lock that has become free nobody is told, as of a new job
LOOKS_AGAIN = 0.5

LOST = (
    "The queue was lost, or this worker was taken for dead, and it has ended. Start it "
    "again: nothing that was begun is lost."
)


def work(
    work: Work,
    *,
    jobs: int,
    patience: float,
    once: bool,
    queues: Collection[str],
) -> None:
    """Work until SIGTERM or SIGINT, or with ``once`` until nothing is left to do now.

    ``jobs`` are done side by side.  A worker that was not heard of for ``patience``
    seconds is dead: its jobs begin again.

    Raises StateError when the queue is lost.
    """
    from procrastinate.exceptions import ConnectorException

    with Store.open(work.settings.state, hold=False, share=True) as store:
        store.make_queue(_schema)
        work.begin()
        try:
            asyncio.run(_work(work, jobs, patience, once=once, queues=queues))
        except ConnectorException as error:
            raise StateError(LOST) from error
        finally:
            work.close()


def _schema() -> str:
    from procrastinate.schema import SchemaManager

    return SchemaManager.get_schema()


async def _work(
    work: Work, jobs: int, patience: float, *, once: bool, queues: Collection[str]
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(jobs, thread_name_prefix="job"))
    app = app_of(work, patience)
    stopped = False

    async with app.open_async():
        while True:
            running = asyncio.ensure_future(
                app.run_worker_async(
                    queues=list(queues),
                    concurrency=jobs,
                    wait=not once,
                    delete_jobs="always",
                    fetch_job_polling_interval=LOOKS_AGAIN,
                    install_signal_handlers=False,
                    update_heartbeat_interval=patience / 3,
                    stalled_worker_timeout=patience,
                )
            )

            def stop() -> None:
                nonlocal stopped
                stopped = True
                running.cancel()  # noqa: B023 - the one that runs now

            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stop)
            with suppress(asyncio.CancelledError):
                await running
            if stopped:
                return
            if not once:
                raise StateError(LOST)
            if not await _is_any_left(app, queues):
                return


async def _is_any_left(app: procrastinate.App, queues: Collection[str]) -> bool:
    """Say whether a job waits that may begin now."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    for name in queues:
        for job in await app.job_manager.list_jobs_async(queue=name, status="todo"):
            if job.scheduled_at is None or job.scheduled_at <= now:
                return True
    return False


def app_of(work: Work, patience: float) -> procrastinate.App:
    """Give the app that knows the jobs of ``work``."""
    import procrastinate
    from procrastinate.exceptions import ConnectorException, UniqueViolation
    from procrastinate.jobs import Status

    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    connector = procrastinate.PsycopgConnector(
        conninfo=address_of(work.settings.state).server,
        min_size=1,
        max_size=CONNECTIONS,
    )
    app = procrastinate.App(connector=connector)
    again = procrastinate.RetryStrategy(wait=FIRST_WAIT, linear_wait=LONGER_BY)
    bodies: dict[str, Callable[..., None]] = {
        queue.CHECK_DUE: work.check_due,
        queue.CHECK_SOURCE: work.check_source,
        queue.JUDGE: work.judge,
        queue.COMPOSE: work.compose,
        queue.LETTERS: work.letters,
        queue.DELIVER: work.deliver,
        queue.FOLLOW_UP: work.follow_up,
        queue.PUBLISH: work.publish,
    }
    for name, body in bodies.items():
        # What comes again by itself is not tried again: beside another one that waits
        # under its name it could not be put back
        retry = None if name in queue.COME_AGAIN else again
        task = app.task(name=name, queue=queue.QUEUE_OF[name], retry=retry or False)
        task(_said(name, body, work))
    for name, cron in (
        (queue.CHECK_DUE, "* * * * *"),
        (queue.FOLLOW_UP, "*/5 * * * *"),
    ):
        app.periodic(cron=cron, lock=name, queueing_lock=name)(app.tasks[name])

    async def replace_dead(timestamp: int) -> None:  # noqa: ARG001 - of a periodic job
        manager = app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=patience):
            try:
                await manager.retry_job(job)
            except UniqueViolation:
                # One like it waits already, and for the lock that this one has
                await manager.finish_job(job, Status.ABORTED, delete_job=True)
            except ConnectorException:
                # It has ended in this very moment
                continue
        await manager.prune_stalled_workers(patience)

    name = queue.REPLACE_DEAD
    replacing = app.task(name=name, queue=queue.QUEUE_OF[name])
    # The sixth field are seconds
    cron = f"* * * * * */{max(1, round(patience / 3))}"
    app.periodic(cron=cron, queueing_lock=name)(replacing(replace_dead))
    return app


def _said(name: str, body: Callable[..., None], work: Work) -> Callable[..., None]:
    """Do a job, and say what went wrong: it is tried again by whoever is free."""

    def done(timestamp: int = 0, **given: Any) -> None:  # noqa: ANN401, ARG001 - of a periodic job
        try:
            body(**given)
        except Exception as error:
            work.warn(f"{name}: {error}")
            raise

    return done
