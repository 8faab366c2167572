"""Products near the end of their support, or past it, in words."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from watcher.judgement import lifecycle
from watcher.text.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable


def support_texts(
    products: Iterable[str], moment: datetime, words: Words
) -> tuple[tuple[str, str], ...]:
    """Say which of the products are near the end of their support, or past it.

    Pairs of a sentence and the address of the vendor's page.
    """
    texts = []
    today = moment.date()
    for support in lifecycle.ending(products, today):
        key = "support_ended" if support.has_ended(today) else "support_ends"
        end = datetime.combine(support.ends, time(12), UTC)
        said = words.say("note", key, product=support.product, day=words.day(end, UTC))
        texts.append((said, support.url))
    return tuple(texts)
