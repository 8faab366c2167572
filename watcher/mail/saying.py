"""What a mail says of an event in its reader's own language, in a sentence or two that
need no title.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watcher.text.plain import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watcher.records import Event
    from watcher.text.words import Words

_FOR_WHOM = {"released", "announced", "issue-listed", "re-released"}
"""Sentences that name products, and have a form without (``released-alone``) for where the title names them or nothing does."""


def sentence(event: Event, words: Words, places: Mapping[str, Any]) -> str:
    """Say what happened; in the English of the ledger where the language has no words for it."""
    if event.phrase not in words.tables.get("summary", {}):
        return line(event.summary, 600)
    own = {name: line(text, 300) for name, text in event.places}
    filled = {
        **places,
        **own,
        "source": words.name("source", own.get("source", "")),
        "cves": words.series(own.get("cves", "").split(", ")),
    }
    said = [words.say("summary", _form(event), **filled)]
    if event.phrase in {"released", "announced"}:
        said += _urgent(event, words)
    return " ".join(said)


def _form(event: Event) -> str:
    named = all(product in event.update.title for product in event.update.products)
    return (
        f"{event.phrase}-alone" if named and event.phrase in _FOR_WHOM else event.phrase
    )


def _urgent(event: Event, words: Words) -> list[str]:
    attacked = [
        line(advisory.id, 40) for advisory in event.advisories if advisory.exploited
    ]
    known = [
        line(advisory.id, 40) for advisory in event.advisories if advisory.disclosed
    ]
    if attacked:
        return [words.say("summary", "exploited-already", cves=words.series(attacked))]
    return (
        [words.say("summary", "disclosed-already", cves=words.series(known))]
        if known
        else []
    )
