"""Which patterns of products can see nothing: mistyped, or outside of what is watched.

A pattern that matches none of the names that the sources gave tells nothing, and silence
looks like good news.  Pure: patterns and names in, what is to be said out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from msgspec import Struct

from watcher.records import Subscriber, UnseenPattern, Watch

# How many names are offered in place of one that is unknown
NEAREST = 3
_LIKE = 0.6
# So like a name of another spelling that it is a typing error
_TYPING_ERROR = 0.85
_WILD = re.compile(r"[*?\[]")


class Names(Struct, frozen=True):
    """The names that are known of products.

    ``given`` by the sources, as far as they were read; ``usual`` are those that the
    built-in sources give; ``open_ended``: other sources are read as well, which may give
    any.  ``unread``: not all sources could be read yet.
    """

    given: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    open_ended: bool = False
    unread: bool = True


def unseen(
    watch: Watch, subscribers: Iterable[Subscriber], names: Names
) -> tuple[UnseenPattern, ...]:
    """Give the patterns that can see nothing, those of what is watched first."""
    found = [_unknown(pattern, "", names) for pattern in _different(watch.products)]
    kept = [each for each in found if each is not None]
    blind = {each.pattern for each in kept}
    for subscriber in subscribers:
        watched = tuple(
            p for p in watch.products if _overlaps_any(p, subscriber.watched)
        )
        for pattern in _different(subscriber.products):
            if not _overlaps_any(pattern, watched):
                near = _different(watched)[:NEAREST]
                kept.append(UnseenPattern(pattern, subscriber.name, near, outside=True))
            elif pattern not in blind:
                unknown = _unknown(pattern, subscriber.name, names)
                kept += [unknown] if unknown is not None else []
    return tuple(kept)


def sees_nothing(watch: Watch, found: Iterable[UnseenPattern]) -> bool:
    """Say whether none of the watched patterns sees anything."""
    blind = {each.pattern for each in found if not each.subscriber}
    return bool(blind) and set(_different(watch.products)) <= blind


def _unknown(pattern: str, subscriber: str, names: Names) -> UnseenPattern | None:
    """Give a pattern that matches no name, None for one that does or may."""
    if any(fnmatchcase(name.lower(), pattern.lower()) for name in names.given):
        return None
    begins = _begins(pattern)
    if not begins or _begins_like(begins, names.usual):
        # What a source would say that was not read yet nobody knows
        if names.unread or not begins:
            return None
    elif names.open_ended and not _is_mistyped(begins, (*names.usual, *names.given)):
        return None
    near = nearest(begins, (*names.given, *names.usual))
    return UnseenPattern(pattern, subscriber, near)


def nearest(written: str, names: Iterable[str]) -> tuple[str, ...]:
    """Give the names that are most like what is written, three at most."""
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(written.lower(), by_lower, n=NEAREST, cutoff=_LIKE)
    return tuple(by_lower[name] for name in close)


def _is_mistyped(begins: str, names: Iterable[str]) -> bool:
    families = {" ".join(name.lower().split()[:2]) for name in names}
    every = [*families, *(name.lower() for name in names)]
    return bool(get_close_matches(begins, every, n=1, cutoff=_TYPING_ERROR))


def _begins(pattern: str) -> str:
    """Give a pattern's letters before the first wildcard."""
    return _WILD.split(pattern, maxsplit=1)[0].strip().lower()


def _begins_like(begins: str, names: Iterable[str]) -> bool:
    """Whether a name begins so, or is the beginning: "SQL Server 2022 for x64 ..."."""
    return any(
        name.lower().startswith(begins) or begins.startswith(f"{name.lower()} ")
        for name in names
    )


def _overlaps_any(pattern: str, others: Iterable[str]) -> bool:
    """Whether a name may match a pattern and one of the others, too."""
    begins = _begins(pattern)
    for other in others:
        start = _begins(other)
        if begins.startswith(start) or start.startswith(begins):
            return True
    return False


def _different(patterns: Collection[str]) -> tuple[str, ...]:
    """Give patterns without the second name of one product, and without "everything"."""
    kept = []
    for pattern in patterns:
        is_second = f"Microsoft {pattern}" in patterns or (
            pattern.endswith(" [!R]*") and pattern.removesuffix(" [!R]*") in patterns
        )
        if pattern != "*" and not is_second:
            kept.append(pattern)
    return tuple(kept)


def of_reader(
    found: Iterable[UnseenPattern], reader: Subscriber
) -> tuple[UnseenPattern, ...]:
    """Give the patterns that concern a reader: their own, and their organisation's."""
    everything = "*" in reader.watched
    return tuple(
        each
        for each in found
        if each.subscriber == reader.name
        or (not each.subscriber and (everything or each.pattern in reader.watched))
    )


def hears_nothing(
    reader: Subscriber, watch: Watch, found: Iterable[UnseenPattern]
) -> bool:
    """Say whether a reader can hear of nothing: no pattern of theirs sees anything."""
    concerning = of_reader(found, reader)
    mine = {each.pattern for each in concerning if each.subscriber}
    if mine and set(_different(reader.products)) <= mine:
        return True
    watched = watch if "*" in reader.watched else Watch(reader.watched)
    return sees_nothing(watched, concerning)
