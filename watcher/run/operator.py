"""What the operator is told.

Troubles of the watcher itself, each once, and once when it is over; weekly how all is.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from watcher.judgement import audience
from watcher.records import Letter, Times

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.judgement.source_health import Standing
    from watcher.store import Store
    from watcher.text.story import Form

TOLD, WEEKLY = "operator told", "operator weekly"
# Deliveries given up that are looked at; more of them are told by `watcher status`
MOST_LOST = 200


def letters(
    settings: Settings, store: Store, now: datetime
) -> tuple[list[Letter], dict[str, str]]:
    """Compose what the operator is to hear now.

    Give it with the notes that are to be sealed with it.
    """
    if settings.operator is None:
        return [], {}
    from watcher.judgement import source_health
    from watcher.mail import operator

    found = standings(settings, store)
    lost = store.given_up(MOST_LOST) if store.delivery_counts().given_up else []
    wrong = source_health.troubles(found, lost, settings.operator.failures)
    told: dict[str, str] = json.loads(store.meta(TOLD) or "{}")
    turn = source_health.turn(
        wrong, told, [standing.source.name for standing in found], now
    )
    weekly = settings.operator.quiet and audience.has_come(
        source_health.WEEKLY, settings.zone, _time(store.meta(WEEKLY)), now
    )
    kept = {key: told.get(key, now.isoformat()) for key in turn.kept}
    notes = (
        {} if kept == told else {TOLD: json.dumps(kept, sort_keys=True) if kept else ""}
    )
    if not (turn.new or turn.over or weekly):
        return [], notes
    reader, form = (
        settings.operator.reader,
        _form(settings, settings.operator.reader.language),
    )
    made = [operator.changed(reader, turn, form)] if turn.new or turn.over else []
    if weekly:
        made.append(operator.weekly(reader, found, wrong, form))
        notes[WEEKLY] = now.isoformat()
    return made, notes


def standings(settings: Settings, store: Store) -> tuple[Standing, ...]:
    """Give each source that is on, with the documents of those that can be silent."""
    from watcher.judgement.source_health import Standing

    times: dict[str, list[Times]] = {}
    for one in store.all_times():
        times.setdefault(one.source, []).append(one)
    sources = [source for source in settings.sources if source.enabled]
    documents = store.documents_of(
        source.name for source in sources if source.monthly or source.silent
    )
    return tuple(
        Standing(
            source,
            tuple(times.get(source.name, ())),
            tuple(documents.get(source.name, {}).values()),
        )
        for source in sources
    )


def _form(settings: Settings, language: str) -> Form:
    # A check with nothing to tell loads no template engine
    from watcher.text.story import Form
    from watcher.text.words import words_of

    return Form(
        words_of(settings.templates, language), settings.zone, settings.base_url
    )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
