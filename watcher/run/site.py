"""The site after a check.

What it would show, whether that is published already, and the one file that every
check writes.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher import __version__
from watcher.judgement import source_health
from watcher.records import Outcome, State, Times
from watcher.run import servers
from watcher.site import publish, status_json
from watcher.text import templates
from watcher.text.words import words_of

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.site.desk import Render
    from watcher.store import Store

PUBLISHED = "published"


class Touched(Struct, frozen=True):
    """What a check has changed in the ledger, by ids.

    Updates, new events, events that got more evidence.
    """

    updates: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    evidence: frozenset[str] = frozenset()

    @classmethod
    def by(cls, outcomes: Iterable[Outcome]) -> Touched:
        """Give what several outcomes have changed."""
        known = tuple(outcomes)
        updates = {update.id for outcome in known for update in outcome.updates}
        updates |= {
            name for outcome in known for pair in outcome.absorbed for name in pair
        }
        events = frozenset(event.id for outcome in known for event in outcome.events)
        evidence = frozenset(name for outcome in known for name, _ in outcome.evidence)
        return cls(frozenset(updates), events, evidence - events)


def mark(settings: Settings, store: Store) -> str:
    """Say what a site made now would show.

    It changes with events, updates, settings, templates and published servers.
    """
    form = hashlib.sha256()
    shown = (
        settings.base_url,
        settings.timezone,
        settings.watch.mark,
        [(s.name, s.kind, s.url) for s in settings.sources if s.enabled],
    )
    unread = [
        name for name, _ in source_health.unread(settings.sources, store.all_times())
    ]
    form.update(
        repr((__version__, shown, unread, str(settings.site.absolute()))).encode()
    )
    for folder in filter(None, (templates.shipped_folder(), settings.templates)):
        for path in sorted((folder / "site").rglob("*")) + sorted(
            (folder / "mail" / "words").glob("*.toml")
        ):
            if path.is_file():
                form.update(path.name.encode() + b"\0" + path.read_bytes())
    return (
        f"{store.edition()} {form.hexdigest()[:32]} {servers.inventory_mark(settings)}"
    )


def write(
    settings: Settings,
    store: Store,
    now: datetime,
    before: str = "",
    touched: Touched | None = None,
    *,
    once: bool = False,
) -> int:
    """Publish what has changed; give how many files that were, ``status.json`` left out.

    ``before`` is the mark of before this check, and ``touched`` what it changed;
    without them, or when something else was published last, all is looked through.
    ``once``: a relived site, which nothing follows.

    Raises PublishError, ConfigurationError when a template is wrong.
    """
    # One transaction for all that is asked
    with store.reading():
        status = _status(settings, store, now)
        published, after = store.meta(PUBLISHED), mark(settings, store)
    if published == after and touched is not None and publish.is_there(settings.site):
        publish.status(settings.site, status)
        return 0
    # A check that changes nothing loads no page
    from watcher.run import part, shown

    some, mine = None, servers.published(settings, store)
    if touched is not None and _follows(published, before, after):
        some = part.part(settings, store, touched, mine)
    names = publish.write(
        settings.site,
        some or shown.whole(settings, store, mine.servers),
        _renderer(settings),
        status,
        once=once,
    )
    servers.keep_published(store, mine)
    if published != after:
        store.set_meta(PUBLISHED, after)
    return len(names)


def _follows(published: str, before: str, after: str) -> bool:
    """Say whether what is published is the ledger of before the check in the same form.

    Which servers it shows is looked at apart.
    """
    (was, form), (old, same), (_, now) = (
        text.split(" ")[:2] if text else ("", "") for text in (published, before, after)
    )
    return was == old and form == same == now


def _renderer(settings: Settings) -> Render:
    return partial(templates.render, settings.templates)


def _status(settings: Settings, store: Store, now: datetime) -> bytes:
    """How the sources fare, and what is pulled or doubted at this moment."""
    times: dict[str, list[Times]] = defaultdict(list)
    for one in store.all_times():
        times[one.source].append(one)
    enabled = [source for source in settings.sources if source.enabled]
    changed: dict[str, datetime | None] = {}
    for name, documents in store.documents_of(
        source.name for source in enabled
    ).items():
        changed[name] = max(
            (document.accepted for document in documents.values() if document.accepted),
            default=None,
        )
    healths = [
        status_json.Health(source, tuple(times[source.name]), changed[source.name])
        for source in enabled
    ]
    doubted = {
        update.id: update
        for update in (*store.updates(state=State.PULLED), *store.suspicions())
    }
    standing = [
        (update.id, update.state, update.title) for _, update in sorted(doubted.items())
    ]
    titles = dict(words_of(settings.templates).tables.get("source", {}))
    return status_json.status(
        healths,
        now,
        status_json.valid_until(enabled, now, settings.stale_after),
        standing,
        titles,
    )
