"""Patterns of classes and words, looked for in a sentence in one pass.

The places that a step of a pattern may stand at are one number, a bit a word: each step is a few
shifts of it, so that no pattern backtracks and the cost is linear in the sentence's length.
"""

from __future__ import annotations

from watcher.judgement.reading.lexicon import Element
from watcher.judgement.reading.tokens import Tokens

BARRIER = ";"


def find(tokens: Tokens, pattern: tuple[Element, ...]) -> tuple[int, ...]:
    """Return the places of a pattern's words where it first stands; empty when it does not."""
    count = len(tokens.words)
    at_start = pattern[0].choices == ("^",)
    at_end = pattern[-1].choices == ("$",)
    steps = pattern[at_start : len(pattern) - at_end]
    matched: list[int] = []
    reached: list[int] = []
    everywhere = (1 << count) - 1
    for number, step in enumerate(steps):
        here = _places(tokens, step)
        if number == 0:
            allowed = (
                (1 << (_first(tokens) + step.gap + 1)) - 1 if at_start else everywhere
            )
        else:
            allowed = _within(
                reached[-1], step.gap, tokens.masks.get(BARRIER, 0), everywhere
            )
        matched.append(here & allowed)
        skipped = reached[-1] if step.optional and number else 0
        reached.append(matched[-1] | skipped)
        if not reached[-1]:
            return ()
    final = reached[-1]
    if at_end:
        final &= ~((1 << _last(tokens)) - 1)
    if not final:
        return ()
    return _span(matched, reached, final)


def _places(tokens: Tokens, step: Element) -> int:
    """The places at which a step's words stand."""
    masks = tokens.masks
    found = 0
    for choice in step.choices:
        found |= masks.get(choice, 0)
    return found


def _within(places: int, gap: int, barrier: int, everywhere: int) -> int:
    """The places after `places` with at most `gap` words between, none of them a barrier."""
    reach = places << 1
    found = reach
    for _ in range(gap):
        reach = (reach & ~barrier & everywhere) << 1
        if not reach:
            break
        found |= reach
    return found & everywhere


def _first(tokens: Tokens) -> int:
    """The first word that is no quotation mark or bracket."""
    for place, word in enumerate(tokens.words):
        if not word.has("mark"):
            return place
    return 0


def _last(tokens: Tokens) -> int:
    """The last word that is no full stop."""
    for place in range(len(tokens.words) - 1, -1, -1):
        if not tokens.words[place].has("mark"):
            return place
    return 0


def _span(matched: list[int], reached: list[int], final: int) -> tuple[int, ...]:
    """From the earliest end back to the nearest beginning."""
    place = (final & -final).bit_length() - 1
    places = [place]
    for number in range(len(matched) - 1, 0, -1):
        if matched[number] >> place & 1:
            before = reached[number - 1] & ((1 << place) - 1)
            place = before.bit_length() - 1
            places.append(place)
    return tuple(reversed(places))
