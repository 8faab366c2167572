"""Where to read, and which products concern this installation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta
from fnmatch import fnmatchcase

from msgspec import Struct

_WILD = re.compile(r"[*?\[]")


def fits_any(name: str, patterns: Iterable[str]) -> bool:
    """Say whether a name fits one of the shell patterns; case is ignored."""
    folded = name.lower()
    return any(fnmatchcase(folded, pattern.lower()) for pattern in patterns)


def beginning(pattern: str) -> str:
    """Give what stands before a pattern's first wildcard, in lower case."""
    return _WILD.split(pattern, maxsplit=1)[0].strip().lower()


def may_overlap(pattern: str, other: str) -> bool:
    """Say whether one name may match two patterns: one begins as the other does."""
    one, two = beginning(pattern), beginning(other)
    return one.startswith(two) or two.startswith(one)


class Watch(Struct, frozen=True):
    """Which products concern this installation.

    ``products`` are shell patterns, case ignored, against canonical product names.
    Linux packages that MSRC lists by the thousand are left out unless a pattern other
    than ``*`` names them.
    """

    products: tuple[str, ...] = ("Exchange Server*",)

    def wants(self, product: str, *, linux: bool = False) -> bool:
        """Say whether the canonical ``product`` is watched.

        Shell patterns, case ignored.  ``linux``: "*" alone does not mean the thousand
        packages of Azure Linux.
        """
        patterns = (p for p in self.products if not (linux and p.strip() == "*"))
        return fits_any(product, patterns)

    @property
    def mark(self) -> str:
        """A short text that changes when the patterns do.

        16 hex digits; the order of patterns makes no difference.
        """
        return hashlib.sha256("\n".join(sorted(self.products)).encode()).hexdigest()[
            :16
        ]


class Source(Struct, frozen=True):
    """One configured place to read, of a kind that ``watcher.sources`` knows."""

    name: str
    kind: str
    url: str
    every: timedelta = timedelta(hours=1)
    enabled: bool = True
    # How long it may show nothing new; None: as long as it likes
    silent: timedelta | None = None
    # It has something new on every Patch Tuesday
    monthly: bool = False
    # The configuration gives its address: that may be mistyped
    own: bool = False
    # How the names begin of the products that it tells of; () when that is open
    products: tuple[str, ...] = ()
    # The language that it is written in; "" where each text tells its own
    language: str = ""

    def asked_for(self, watch: Watch) -> str:
        """Return the watched pattern that this source may say something of, "" for none.

        "Windows Server 2025*" is one for a source of "Windows", and "Windows*" one for
        a source of "Windows Server".
        """
        for pattern in watch.products:
            if any(may_overlap(pattern, product) for product in self.products):
                return pattern
        return ""
