"""Which language a text is written in."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from watcher.judgement.reading.lexicon import LANGUAGES, lexicon

TELLING = 5  # letters of a word that is hardly another language's by chance
LOOKED_AT = 4000  # characters: a page's beginning tells its language
_WORD = re.compile(r"[^\W\d_]+")
_JAPANESE = re.compile(r"[\u3040-\u30ff]")


@lru_cache(maxsize=1 << 10)
def language_of(text: str) -> str:
    """Return the language of which a text has most of the small words; English when it has none."""
    if _JAPANESE.search(text, 0, LOOKED_AT):
        return "ja"
    words = [word.lower() for word in _WORD.findall(text[:LOOKED_AT]) if len(word) > 1]
    best = "en"
    most = _count(words, best)
    for language in LANGUAGES:
        count = _count(words, language)
        if count > most:
            best, most = language, count
    return best


def _count(words: list[str], language: str) -> int:
    own = _own_words(language)
    return sum(word in own for word in words)


@cache
def _own_words(language: str) -> frozenset[str]:
    """The words that tell a language: its small ones, and long ones that are not English.

    English is told by its small ones alone: "update" and "patch" are in every language.
    """
    small = lexicon(language).detect
    if language == "en":
        return small
    long = {word for word in lexicon(language).entries if len(word) >= TELLING}
    for entries in lexicon("en").entries.values():
        for entry in entries:
            long.difference_update(entry.words)
    return small | long
