"""Kinds of events as administrators write them."""

from __future__ import annotations

import typer

from watcher.kinds import EVENT_KINDS
from watcher.records import Kind


def find(text: str) -> Kind | None:
    """Read a kind in any case, its words apart or not; None when it is none."""
    folded = "-".join(text.lower().replace("_", " ").split())
    return Kind(folded) if folded in set(Kind) else None


def kind(text: str) -> Kind:
    """Read a kind likewise.  Raises typer.BadParameter that says which is meant."""
    found = find(text)
    if found is None:
        raise typer.BadParameter(
            f'"{text}" is no kind of event.{_hint(text)} The kinds are: {", ".join(Kind)}.'
        )
    return found


def _hint(text: str) -> str:
    from watcher.config.complaints import nearest

    words = {
        word: row.kind.value
        for row in EVENT_KINDS.values()
        for word in (row.kind.value, *row.synonyms)
    }
    near = nearest(text, list(words))
    return f' Do you mean "{words[near]}"?' if near else ""
