"""Step 0005: what is established of an update, and what sources have it as, get names.

Version 0.1.0 wrote keys ("pulled 1 by absence") with the id of their event, and triples.
"""

from __future__ import annotations

import json
from typing import Any

from watcher.store.connection import Connection

_REWRITE = "UPDATE updates SET record = :record WHERE id = :id"


def name_established(connection: Connection) -> None:
    """Rewrite every update that was written before."""
    updates = connection.execute("SELECT id, record FROM updates").fetchall()
    for update_id, record in updates:
        update = json.loads(record)
        if "told" in update:
            named = json.dumps(
                with_names(update),
                ensure_ascii=False,
                separators=(",", ":"),
                sort_keys=True,
            )
            connection.execute(_REWRITE, record=named, id=update_id)


def with_names(update: dict[str, Any]) -> dict[str, Any]:
    """Give an update's JSON of 0.1.0 as it is now; one that is so already stays so."""
    told = update.pop("told", ())
    standings = update.pop("standings", ())
    if "established" in update and not told and not standings:
        return update
    facts = [(key, event) for key, event in told if not key.startswith("had ")]
    builds = {key.removeprefix("had ") for key, _ in told if key.startswith("had ")}
    update["established"] = [_established(key, event) for key, event in facts]
    update["corrected_builds"] = sorted(builds)
    update["source_states"] = [
        {"source": source, "stated": stated, "version": int(version)}
        for source, stated, version in standings
    ]
    return update


def _established(key: str, event: str) -> dict[str, Any]:
    """One fact of 0.1.0.

    "released", "released PRODUCTS", "announced", "exploited CVE", "pulled 1", "pulled 1
    by absence", "suspected 1 EVENT", "re-released 2", "corrected EVENT", "known-issue
    EVENT", "revised EVENT".
    """
    word, _, rest = key.partition(" ")
    version = "0"
    if word in ("pulled", "suspected", "re-released"):
        version, _, rest = rest.partition(" ")
    by_absence = word == "pulled" and rest == "by absence"
    return {
        "kind": "pulled" if word == "suspected" else word,
        "version": int(version),
        "detail": "" if by_absence else rest,
        "suspected": word == "suspected",
        "by_absence": by_absence,
        "event": event,
    }
