"""Builds in their short form.

Microsoft writes one build as ``15.2.1544.4``, ``15.02.1544.004`` and ``15.2.1544.04``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from watcher.judgement.normalize.characters import fold

_BUILD = re.compile(
    r"(?:(?:version|build|v)\.? *)?(\d{1,6}(?:\.\d{1,6}){2,3})", re.IGNORECASE
)
_BUILD_IN_PROSE = re.compile(r"(?<![\w.])\d{1,2}(?:\.\d{1,6}){3}(?![\w.]*\d)")
# No number of an IPv4 address is higher
_HIGHEST_OF_ADDRESS = 255


def build(text: str) -> str:
    """Return the short form ``15.2.1544.4`` of a build however padded.

    "" when ``text`` is no build.
    """
    found = _BUILD.fullmatch(fold(text))
    if found is None:
        return ""
    return ".".join(str(int(number)) for number in found[1].split("."))


# Servers are compared with every build of their product
@lru_cache(1 << 15)
def build_key(text: str) -> tuple[int, ...]:
    """Return a build's numbers, for comparing two builds of one product.

    () when ``text`` is no build.
    """
    short = build(text)
    if not short:
        return ()
    return tuple(map(int, short.split(".")))


def builds_in(text: str) -> tuple[str, ...]:
    """Return the builds that prose names, in its order.

    What reads as an IPv4 address is none.
    """
    found: dict[str, None] = {}
    for match in _BUILD_IN_PROSE.finditer(fold(text)):
        short = build(match[0])
        # "from 192.168.100.10": prose names addresses of servers, too
        if max(build_key(short)) > _HIGHEST_OF_ADDRESS:
            found[short] = None
    return tuple(found)
