"""How a letter or a page is written: for whom, in which words and zone, and how much of it."""

from __future__ import annotations

from datetime import tzinfo

from msgspec import Struct

from watcher.text.words import Words


class Form(Struct, frozen=True):
    """How a letter is written.

    Its words, time zone, the page's address ("" without one), and how much is quoted.
    """

    words: Words
    zone: tzinfo
    base_url: str = ""
    # Of the usual lengths; less when a letter would become too large
    share: float = 1.0

    def most(self, usual: int) -> int:
        """Give the share of a usual length or number, at least one."""
        return max(1, int(usual * self.share))
