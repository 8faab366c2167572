"""The administrator's servers on the pages of updates, where they are to be published.

Which page shows which, and which is behind.

How a server stands depends on every update of its product, so that one more may change
the pages of others.  What the pages say of servers is kept as a mark of each, and only
pages of which it differs are made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from watcher.records import Exposure

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.store import Store

SHOWN = "published_servers"


class Concerned(Struct, frozen=True):
    """Servers by the id of the update whose page shows them.

    ``moved``: the published page says otherwise.
    """

    servers: Mapping[str, tuple[Exposure, ...]] = field(default_factory=dict)
    moved: frozenset[str] = frozenset()
    # The marks of all pages
    kept: str = ""


def mark(settings: Settings) -> str:
    """Give a word that changes with what is written of servers in the inventory.

    "-" where none is published.
    """
    if not settings.publish_servers or settings.inventory is None:
        return "-"
    try:
        return hashlib.sha256(settings.inventory.read_bytes()).hexdigest()[:16]
    except OSError:
        # The check warns of it
        return "none"


def concerned(settings: Settings, store: Store) -> Concerned:
    """Give the servers that pages show; none unless they are to be published."""
    before = store.meta(SHOWN)
    if not settings.publish_servers and not before:
        return Concerned()
    found = _found(settings, store) if settings.publish_servers else {}
    marks = {
        name: hashlib.sha256(repr(known).encode()).hexdigest()[:16]
        for name, known in found.items()
    }
    old: dict[str, str] = json.loads(before or "{}")
    moved = {
        name for name in marks.keys() | old.keys() if marks.get(name) != old.get(name)
    }
    heirs = store.heirs(moved)
    return Concerned(
        found,
        frozenset(moved - heirs.keys()),
        json.dumps(marks, sort_keys=True) if marks else "",
    )


def _found(settings: Settings, store: Store) -> dict[str, tuple[Exposure, ...]]:
    # A check that changes nothing loads no page
    from watcher.judgement import server_status
    from watcher.run import servers
    from watcher.run.shown import NEWS

    listed = servers.listed(settings)
    updates = store.updates() if listed else ()
    known = server_status.exposures(listed, updates)
    found = {
        update.id: server_status.of_update(update, known)
        for update in updates
        if update.type != NEWS
    }
    return {name: mine for name, mine in found.items() if mine}


def keep(store: Store, shown: Concerned) -> None:
    """Keep what is published now."""
    if shown.kept != store.meta(SHOWN):
        store.set_meta(SHOWN, shown.kept)
