"""What publishing costs, in CPU time, which a busy machine does not blur.

Many updates, and one new event among them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from scripts.bench import state
from watcher import config
from watcher.config import Settings
from watcher.records import Kind, Outcome, State, Update
from watcher.run import publish
from watcher.run.publish import Touched, publish_site
from watcher.site import pages
from watcher.site.feeds import SiteAddress
from watcher.site.pages import Life
from watcher.store import Store
from watcher.text import templates


def publishing(folder: Path, size: int) -> list[str]:
    """Publish ``size`` updates, then one new event.

    A row: updates, all of it, one update's page, one event, files changed.
    """
    state.fill(folder, size)
    settings = config.load(folder / "watcher.toml", {})
    now = datetime.now(UTC)
    with Store.open(settings.state) as store:
        whole = _timed(lambda: publish_site(settings, store, now))
        newest = store.updates(limit=1)[0]
        spent, changed = _one_event(settings, store, newest, now)
        # The page that the event changed
        page = min(
            _timed(lambda: _one_page(settings, store, newest.id)) for _ in range(20)
        )
    return [
        f"{size:,}",
        f"{whole:.1f} s",
        f"{page * 1000:.1f} ms",
        f"{spent * 1000:.0f} ms",
        f"{spent / page:.1f}x",
        str(changed),
    ]


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _one_page(settings: Settings, store: Store, name: str) -> None:
    """Make the page of one update, from what the state holds of it."""
    life = Life(some, store.events_of(name)) if (some := store.update(name)) else None
    assert life is not None  # it was asked of the same state  # noqa: S101
    contents = publish.contents_of(
        settings,
        SiteAddress("", "localhost"),
        lives=(life,),
        moved=(),
        **publish.of_all((), ()),
    )
    next(pages.files(contents, partial(templates.render, settings.templates)))


def _one_event(
    settings: Settings, store: Store, update: Update, now: datetime
) -> tuple[float, int]:
    """Tell that the newest update was pulled, and publish that.

    The best of four, after one for what is read for the first time.
    """
    spent, changed = [], 0
    for turn in range(5):
        told = replace(
            store.events_of(update.id)[0],
            id=f"turn{turn}",
            kind=Kind.PULLED,
            time=now + timedelta(seconds=turn),
        )
        outcome = Outcome(
            events=(told,),
            updates=(replace(update, state=State.PULLED, changed=told.time),),
        )
        before = publish.basis(settings, store, now)
        store.record("msrc-cvrf", outcome=outcome)
        start = time.process_time()
        changed = publish_site(settings, store, now, before, Touched.by([outcome]))
        spent.append(time.process_time() - start)
    return min(spent[1:]), changed
