"""Kinds of events as administrators write them."""

from __future__ import annotations

import typer

from watcher.records import Kind

_WORDS = {
    Kind.PULLED: ("recalled", "withdrawn", "paused", "revoked", "removed", "expired"),
    Kind.EXPLOITED: ("attacked", "disclosed", "zero-day", "0-day", "kev"),
    Kind.RE_RELEASED: ("rereleased", "reissued", "reoffered", "v2"),
    Kind.CORRECTED: ("correction",),
    Kind.KNOWN_ISSUE: ("issue", "issues", "known-issues", "bug", "workaround"),
    Kind.RELEASED: ("release", "available", "published", "update"),
    Kind.ANNOUNCED: ("advisory", "announcement", "vulnerability", "cve"),
    Kind.REVISED: ("revision", "changed", "edited", "informational"),
    Kind.NEWS: ("post", "entry", "new"),
}


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
        word: each.value
        for each, others in _WORDS.items()
        for word in (each.value, *others)
    }
    near = nearest(text, list(words))
    return f' Do you mean "{words[near]}"?' if near else ""
