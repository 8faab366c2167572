"""Texts as markup: what is not a link or a line's end of ours is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from watcher.judgement.advice import HEALTH_CHECKER

if TYPE_CHECKING:
    from collections.abc import Iterable


def linked(text: str) -> Markup:
    """Make a link of Health Checker's address, the one address in our own words.

    The rest is escaped.
    """
    return Markup(  # noqa: S704 - escaped before
        str(escape(text)).replace(
            HEALTH_CHECKER, f'<a href="{HEALTH_CHECKER}">{HEALTH_CHECKER}</a>'
        )
    )


def lines(texts: Iterable[str]) -> Markup:
    """Set lines of text one below the other, escaped."""
    return Markup("<br>").join(texts)
