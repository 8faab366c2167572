"""What the operator hears of the watcher itself.

Problems, each once and once more when it is over; weekly how all is.  What is a problem
is decided in ``judgement.source_health``.
"""

from __future__ import annotations

import json
from datetime import datetime

from watcher.config import Settings
from watcher.judgement import audience, source_health
from watcher.judgement.source_health import ProblemKey, SourceHealth
from watcher.mail import operator as operator_mail
from watcher.records import Letter, Times
from watcher.run import unseen
from watcher.store import Store
from watcher.text.words import Form, words_of

OPEN_PROBLEMS = "operator told"
"""Note: the problems that are open, by their keys, each with when it was told."""

WEEKLY = "operator weekly"
"""Note: when the operator was last told how all is."""

# Deliveries given up that are looked at; more of them are told by `watcher status`
MOST_GIVEN_UP = 200


def letters(
    settings: Settings, store: Store, now: datetime
) -> tuple[list[Letter], dict[str, str]]:
    """Compose what the operator is to hear now.

    Give it with the notes that are to be sealed with it.
    """
    if settings.operator is None:
        return [], {}
    healths = source_healths(settings, store)
    given_up = store.given_up(MOST_GIVEN_UP) if store.delivery_counts().given_up else []
    problems = source_health.problems(
        healths,
        given_up,
        settings.operator.failures,
        store.waiting(),
        unseen.last_seen(settings, store),
    )
    opened: dict[str, str] = json.loads(store.meta(OPEN_PROBLEMS) or "{}")
    news = source_health.news(
        problems,
        [ProblemKey.read(key) for key in opened],
        [health.source.name for health in healths],
        now,
    )
    # A problem that stays keeps the time at which it was told first
    still_open = {str(key): opened.get(str(key), now.isoformat()) for key in news.open}
    notes = {}
    if still_open != opened:
        notes[OPEN_PROBLEMS] = (
            json.dumps(still_open, sort_keys=True) if still_open else ""
        )
    reader = settings.operator.reader
    words = words_of(settings.templates, reader.language)
    form = Form(words, settings.zone, settings.base_url)
    found = []
    if news.new or news.over:
        found.append(operator_mail.changed(reader, news, form))
    if settings.operator.quiet:
        last = _time(store.meta(WEEKLY))
        if audience.has_come(source_health.WEEKLY, settings.zone, last, now):
            found.append(operator_mail.weekly(reader, healths, problems, form))
            notes[WEEKLY] = now.isoformat()
    return found, notes


def source_healths(settings: Settings, store: Store) -> tuple[SourceHealth, ...]:
    """Give each source that is on, with the documents of those that can be silent."""
    times: dict[str, list[Times]] = {}
    for each in store.all_times():
        times.setdefault(each.source, []).append(each)
    sources = settings.enabled_sources
    can_be_silent = [each.name for each in sources if each.monthly or each.silent]
    documents = store.documents_of(can_be_silent)
    healths = []
    for source in sources:
        read = documents.get(source.name, {})
        health = SourceHealth(
            source, tuple(times.get(source.name, ())), tuple(read.values())
        )
        healths.append(health)
    return tuple(healths)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
