"""Counts the calls that some work takes: steps, which no busy machine makes more of."""

from __future__ import annotations

import sys
from typing import Self


class Steps:
    """Counts while it is entered; calls of C functions are steps, too."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._before = sys.getprofile()
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _count(self, _frame: object, event: str, _value: object) -> None:
        self.count += event in ("call", "c_call")
