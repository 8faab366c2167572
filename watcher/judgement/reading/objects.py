"""What a statement is said of: the KB articles, builds, versions, products and names of its clause.

"KB1 is pulled, KB2 remains available" pulls KB1 alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from watcher.judgement.normalize import builds_in, kbs_in, products_in
from watcher.judgement.normalize.dates import MONTH
from watcher.judgement.reading.tokens import (
    Token,
    Tokens,
    first_place,
    holds,
    no,
    place_from,
    places_of,
    some_have,
    word_at,
    yes,
)

CHANNELS = ("download-center", "update-catalog", "windows-update", "wsus")
# Words with which a clause may end.
JOINTS = ("but", "=,", "=;", "=:", "=\u2013", "=\u2014", "=and", "=und")
# Words that are the verb of a clause.
FINITE = ("be", "have", "modal", "verb", "verb-here")
ASIDE = 12  # words after "replaces" within which an article is another update's

_NAME = re.compile(
    rf"\b(?i:{MONTH}) 20\d\d (?:V\d )?(?:[A-Z][\w.]* ){{0,5}}?"
    r"(?:SUs?|HUs?|CUs?|Security Updates?|Hotfix(?: Updates?)?)\b"
    r"|\b[A-Z][a-z]{2}\d\d[SH]Uv?\d?\b"
    r"|\b(?:CU|RU|SU|HU|SP) ?\d{1,2}(?:v\d)?(?![\w.])"
    r"|\b(?:Cumulative Update|Update Rollup|Rollup|Service Pack) \d{1,2}(?![\w.])"
)


class Objects(Struct, frozen=True):
    """What a stretch of text names."""

    kbs: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()

    @property
    def names_update(self) -> bool:
        """Whether it tells which update is meant; a product alone does not."""
        return any((self.kbs, self.builds, self.versions, self.names))


NOTHING = Objects()


def objects_of(tokens: Tokens) -> Objects:
    """Return what a sentence names."""
    return _named(tokens, 0, len(tokens.words))


def objects_around(tokens: Tokens, place: int, last: int = 0) -> Objects:
    """Return what the clause of the word at a place names.

    A clause that names no update takes those of its whole sentence, but not what another verb
    has for itself.  `last` is where the object of the word's verb ends, if it is one.
    """
    words = tokens.words
    whole = objects_of(tokens)
    if whole == NOTHING:
        return whole
    start, end = _own_clause(words, place)
    if last:
        end = _further_verb(words, max(last, place + 1), end)
    own = _named(tokens, start, end)
    if own.names_update:
        return replace(own, scope=whole.scope, replaces=whole.replaces)
    return _named(tokens, 0, end) if _is_of_another(words, end) else whole


def _named(tokens: Tokens, start: int, end: int) -> Objects:
    words = tokens.words[start:end]
    aside = _aside(words)
    own = [word for place, word in enumerate(words) if place not in aside]
    kbs = _articles(own)
    replaces = _articles([words[place] for place in sorted(aside)])
    # "It replaces KB1" alone is said of KB1.
    if not kbs:
        kbs, replaces = replaces, ()
    text = tokens.said(start, end)
    builds = builds_in(text)
    products = products_in(text)
    versions = [word.key.lstrip("v") for word in own if word.has("version")]
    return Objects(
        kbs=kbs,
        builds=builds,
        versions=_unique(version for version in versions if version not in builds),
        products=products,
        names=_names(text, products),
        scope=tuple(name for name in CHANNELS if some_have(words, f"scope:{name}")),
        replaces=replaces,
    )


def _articles(words: list[Token]) -> tuple[str, ...]:
    """The KB articles that are among words."""
    found: list[str] = []
    for word in words:
        if word.has("kb"):
            found.extend(kbs_in(word.key.upper()))
    return _unique(found)


def _names(text: str, products: tuple[str, ...]) -> tuple[str, ...]:
    """The names of updates: "CU14" in "Exchange Server 2019 CU14" is its product's."""
    return _unique(
        name
        for name in _NAME.findall(text)
        if not any(product.endswith(f" {name}") for product in products)
    )


# Whether what is named as another update's ends here: "replaces KB1, KB2 and KB3."
_ENDS_ASIDE = (
    yes(here="=; =."),
    no(here="=,", after="kb version conj"),
    yes(here="=,"),
)


def _aside(words: list[Token]) -> set[int]:
    """The places of what is named as another update: "replaces KB..."."""
    others = set()
    for start in places_of(words, "aside"):
        for place in range(start + 1, min(len(words), start + 1 + ASIDE)):
            if holds(_ENDS_ASIDE, words, place):
                break
            others.add(place)
    return others


def _own_clause(words: list[Token], place: int) -> tuple[int, int]:
    """The clause of a word: up to where another one with a verb of its own begins."""
    start = 0
    for joint in reversed(range(place)):
        if not words[joint].has(*JOINTS):
            continue
        own, former = words[joint + 1 : place + 1], words[:joint]
        if some_have(own, *FINITE) and some_have(former, *FINITE):
            start = joint + 1
            break
    for joint in range(place + 1, len(words)):
        if words[joint].has(*JOINTS) and _begins_clause(words, joint + 1):
            return start, joint
    return start, len(words)


def _further_verb(words: list[Token], place: int, end: int) -> int:
    """Where the same subject goes on with another act: "withdrew KB1 and released KB2".

    Both articles were told as pulled, the good one too.
    """
    for joint in range(place, end):
        if not words[joint].has(*JOINTS):
            continue
        following = place_from(words, joint, "conj", "but", "adverb", "again", "mark")
        if following < end and words[following].has("verb-here"):
            return joint
    return end


def _is_of_another(words: list[Token], end: int) -> bool:
    """Whether what follows a clause has its update for itself.

    "We withdrew the update and KB2 replaces it", "... and released KB2": KB2 is not withdrawn;
    but it is in "We withdrew the update, this concerns KB2".
    """
    # "..., because KB1 stops mail": that is why
    place = first_place(words, end, len(words), "reason", "kb", "version", *FINITE)
    telling = word_at(words, place)
    return telling.has("kb", "version", "verbal") and not telling.has("reason")


def _begins_clause(words: list[Token], place: int) -> bool:
    """Whether a subject and then a verb follow: "KB2 remains available"."""
    for verb in range(place, min(len(words), place + 12)):
        if words[verb].has("=,", "=;", "=:"):
            return False
        if not words[verb].has(*FINITE):
            continue
        leading = words[verb - 1]
        # "We pulled KB1 and KB2 and are working on it" is one clause
        if verb == place or leading.has("conj"):
            return False
        return verb > place + 1 or leading.has("noun", "kb", "version")
    return False


def _unique(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))
