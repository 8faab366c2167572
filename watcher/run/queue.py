"""The queue of jobs, which lies in the state's own database (Procrastinate).

A job is deferred in the transaction that records what it is about: either both are
there afterwards or none is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from watcher.errors import ConfigurationError
from watcher.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

# The names of jobs
CHECK_DUE = "check_due"
CHECK_SOURCE = "check_source"
JUDGE = "judge"
COMPOSE = "compose"
LETTERS = "letters"
DELIVER = "deliver"
PUBLISH = "publish"
FOLLOW_UP = "follow_up"
REPLACE_DEAD = "replace_dead"

# What is fixed leaves first: while mail servers are waited for, further letters are made
FIRST = 1

# Those that are deferred again by the clock
COME_AGAIN = (CHECK_DUE, CHECK_SOURCE, FOLLOW_UP, REPLACE_DEAD)

# The names of queues
SOURCES, LETTERS_QUEUE, MAIL, SITE = "sources", "telling", "mail", "site"
QUEUES = (SOURCES, LETTERS_QUEUE, MAIL, SITE)
QUEUE_OF = {
    CHECK_DUE: SOURCES,
    CHECK_SOURCE: SOURCES,
    JUDGE: LETTERS_QUEUE,
    COMPOSE: LETTERS_QUEUE,
    LETTERS: LETTERS_QUEUE,
    DELIVER: MAIL,
    PUBLISH: SITE,
    FOLLOW_UP: LETTERS_QUEUE,
    REPLACE_DEAD: SOURCES,
}


def require() -> None:
    """Raise ConfigurationError where what workers need is not installed."""
    if find_spec("procrastinate") is None:
        raise ConfigurationError(
            "watcher work needs Procrastinate, which is not installed. Install it with "
            'the watcher: pip install "advisory-watcher[work]"'
        )


class Queue:
    """Defers jobs within the transactions of a state."""

    def __init__(self) -> None:
        """Prepare; it has no connection of its own."""
        import procrastinate

        connector = procrastinate.SyncPsycopgConnector()
        self._app = procrastinate.App(connector=connector)

    def add(
        self,
        store: Store,
        name: str,
        *rows: dict[str, Any],
        lock: str = "",
        priority: int = 0,
        after: timedelta = timedelta(),
    ) -> None:
        """Defer a job for each of ``rows``, its arguments, in the open transaction.

        Of jobs with one ``lock`` one runs at a time, the one of highest ``priority``
        first.  None begins before ``after``.
        """
        from procrastinate.jobs import Job

        jobs = [
            Job(
                queue=QUEUE_OF[name],
                task_name=name,
                task_kwargs=row,
                lock=lock or None,
                queueing_lock=None,
                priority=priority,
                scheduled_at=datetime.now(UTC) + after if after else None,
            )
            for row in rows
        ]
        if jobs:
            connection = store.connection.driver
            self._app.job_manager.batch_defer_jobs(jobs, connection=connection)

    def add_once(
        self, store: Store, name: str, keys: Iterable[str], argument: str
    ) -> None:
        """Defer a job for each of ``keys`` unless such a job waits already.

        For what is looked at again and again only: of something new that is recorded
        in this transaction, a job that is about to begin would not know.
        """
        from procrastinate.exceptions import AlreadyEnqueued

        for key in keys:
            one = f"{name} {key}"
            deferrer = self._app.configure_task(
                name,
                queue=QUEUE_OF[name],
                lock=one,
                queueing_lock=one,
                connection=store.connection.driver,
            )
            try:
                with store.connection.savepoint():
                    deferrer.defer(**{argument: key})
            except AlreadyEnqueued:
                continue
