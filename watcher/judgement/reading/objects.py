"""What a statement is said of: the KB articles, builds, versions, products and names of its clause.

"KB1 is pulled, KB2 remains available" pulls KB1 alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from watcher.judgement.normalize import builds_in, kbs_in, products_in
from watcher.judgement.normalize.dates import MONTH
from watcher.judgement.reading.phrases import is_verb
from watcher.judgement.reading.tokens import Token, Tokens, place_from

CHANNELS = ("download-center", "update-catalog", "windows-update", "wsus")
JOINTS = frozenset((",", ";", ":", "\u2013", "\u2014", "and", "und"))
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


NOTHING = Objects()


def objects_of(
    tokens: Tokens, place: int | None = None, last: int | None = None
) -> Objects:
    """Return what a sentence names; with `place`, what the clause of the word there names.

    A clause that names no update takes those of its whole sentence, but not what another verb
    has for itself.  `last` is where the object of the word's verb ends.
    """
    words = tokens.words
    whole = _named(tokens, 0, len(words))
    if place is None or whole == NOTHING:
        return whole
    start, end = _own_clause(words, place)
    if last is not None:
        end = _further_verb(words, max(last, place + 1), end)
    own = _named(tokens, start, end)
    if own.kbs or own.builds or own.versions or own.names:
        return Objects(
            own.kbs,
            own.builds,
            own.versions,
            own.products,
            own.names,
            whole.scope,
            whole.replaces,
        )
    return _named(tokens, 0, end) if _is_of_another(words, end) else whole


def _named(tokens: Tokens, start: int, end: int) -> Objects:
    words = tokens.words[start:end]
    if not words:
        return NOTHING
    others = _aside(words)
    kbs: list[str] = []
    replaces: list[str] = []
    versions: list[str] = []
    for number, word in enumerate(words):
        if word.has("kb"):
            articles = kbs_in(word.key.upper())
            if number in others:
                replaces.extend(articles)
            else:
                kbs.extend(articles)
        elif word.has("version") and number not in others:
            versions.append(word.key.lstrip("v"))
    if not kbs:
        kbs, replaces = replaces, []
    text = tokens.said(start, end)
    builds = builds_in(text)
    products = products_in(text)
    names = _names(text, products)
    return Objects(
        kbs=_unique(kbs),
        builds=builds,
        versions=_unique(version for version in versions if version not in builds),
        products=products,
        names=_unique(names),
        scope=_scope(words),
        replaces=_unique(replaces),
    )


def _names(text: str, products: tuple[str, ...]) -> list[str]:
    """The names of updates: "CU14" in "Exchange Server 2019 CU14" is its product's."""
    found = _NAME.findall(text)
    return [
        name
        for name in found
        if not any(each.endswith(f" {name}") for each in products)
    ]


def _aside(words: list[Token]) -> set[int]:
    """The places of what is named as another update: "replaces KB..."."""
    others = set()
    for start, word in enumerate(words):
        if not word.has("aside"):
            continue
        for place in range(start + 1, min(len(words), start + 1 + ASIDE)):
            if words[place].key in {";", "."}:
                break
            if words[place].key == "," and not _lists_on(words, place):
                break
            others.add(place)
    return others


def _lists_on(words: list[Token], place: int) -> bool:
    return place + 1 < len(words) and words[place + 1].has("kb", "version", "conj")


def _own_clause(words: list[Token], place: int) -> tuple[int, int]:
    """The clause of a word: up to where another one with a verb of its own begins."""
    start = 0
    for before in range(place - 1, -1, -1):
        is_joint = _parts(words, before) and _has_verb(words, before + 1, place + 1)
        if is_joint and _has_verb(words, 0, before):
            start = before + 1
            break
    end = len(words)
    for after in range(place + 1, len(words)):
        if _parts(words, after) and _begins_clause(words, after + 1):
            end = after
            break
    return start, end


def _further_verb(words: list[Token], place: int, end: int) -> int:
    """Where the same subject goes on with another act: "withdrew KB1 and released KB2".

    Both articles were told as pulled, the good one too.
    """
    for joint in range(place, end):
        if not _parts(words, joint):
            continue
        following = place_from(words, joint, "conj", "but", "adverb", "again", "mark")
        if following < end and is_verb(words, following):
            return joint
    return end


def _is_of_another(words: list[Token], end: int) -> bool:
    """Whether what follows a clause has its update for itself.

    "We withdrew the update and KB2 replaces it", "... and released KB2": KB2 is not withdrawn;
    but it is in "We withdrew the update, this concerns KB2".
    """
    for place, word in enumerate(words[end:], end):
        # "..., because KB1 stops mail": that is why
        if word.has("reason"):
            return False
        if word.has("kb", "version"):
            return True
        if _is_finite(words, place):
            return bool(word.verbs)
    return False


def _parts(words: list[Token], place: int) -> bool:
    """Whether a clause may end here."""
    return words[place].key in JOINTS or words[place].has("but")


def _begins_clause(words: list[Token], place: int) -> bool:
    """Whether a subject and then a verb follow: "KB2 remains available"."""
    for following in range(place, min(len(words), place + 12)):
        word = words[following]
        if word.key in {",", ";", ":"}:
            return False
        if _is_finite(words, following):
            leading = words[following - 1]
            # "We pulled KB1 and KB2 and are working on it" is one clause
            if following == place or leading.has("conj"):
                return False
            return (
                following > place + 1
                or leading.has("noun")
                or leading.has("kb", "version")
            )
    return False


def _has_verb(words: list[Token], start: int, end: int) -> bool:
    return any(_is_finite(words, place) for place in range(start, end))


def _is_finite(words: list[Token], place: int) -> bool:
    return words[place].has("be", "have", "modal", "verb") or is_verb(words, place)


def _scope(words: list[Token]) -> tuple[str, ...]:
    return tuple(
        name for name in CHANNELS if any(word.has(f"scope:{name}") for word in words)
    )


def _unique(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))
