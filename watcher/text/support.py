"""Products near the end of their support, or past it, in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from watcher.judgement import lifecycle
from watcher.judgement.lifecycle import Stage, Support
from watcher.records import LeftLevel
from watcher.text.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable

# Of an advisory of Windows, which names forty products, most of them ended long ago
MOST = 6
# Pairs of a sentence and the address of the vendor's page
SupportTexts = tuple[tuple[str, str], ...]


def support_texts(
    products: Iterable[str],
    moment: datetime,
    words: Words,
    left: Iterable[LeftLevel | None] = (),
) -> SupportTexts:
    """Say which of the products are near the end of their support, or past it.

    Each product once, where there are many those whose end is nearest to today; of
    cumulative updates that newer ones have left behind, which ``left`` are.
    """
    today = moment.date()
    ending = lifecycle.ending(products, today)
    if len(ending) > MOST:
        nearest = sorted(ending, key=lambda each: abs(each.ends - today))[:MOST]
        ending = tuple(each for each in ending if each in nearest)
    texts = [(_said(support, today, words), support.url) for support in ending]
    texts += [(_said_of_level(each, words), each.url) for each in left if each]
    return tuple(dict.fromkeys(texts))


def _said(support: Support, today: date, words: Words) -> str:
    if support.editions:
        parts = ", ".join(
            words.say(
                "note",
                "support_part_ended" if today > each.ends else "support_part_ends",
                day=_day(each.ends, words),
                editions=each.name,
            )
            for each in support.editions
        )
        return words.say(
            "note", "support_in_parts", product=support.product, parts=parts
        )
    stage, days = support.stage(today), (support.ends - today).days
    key = "support_ended" if stage is Stage.ENDED else "support_ends"
    if stage is not Stage.ENDED and days < 2:
        key = "support_ends_tomorrow" if days else "support_ends_today"
    return words.say(
        "note", key, product=support.product, day=_day(support.ends, words), count=days
    )


def _said_of_level(left: LeftLevel, words: Words) -> str:
    newer = words.series(left.newer)
    return words.say("note", "support_left", product=left.product, newer=newer)


def _day(day: date, words: Words) -> str:
    return words.day(datetime.combine(day, time(12), UTC), UTC)
