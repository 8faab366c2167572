"""How long sending may take: a run ends within its time also when a server drips."""

from __future__ import annotations

import math
import time
from datetime import timedelta

from msgspec import Struct


class SendingTime(Struct, frozen=True):
    """Until when messages are sent, as time.monotonic() counts.

    Past ``begins`` no message is begun, nor told to a further recipient, and past
    ``ends`` what is under way is cut.
    """

    begins: float = math.inf
    ends: float = math.inf

    @classmethod
    def of(cls, begins: timedelta, ends: timedelta) -> SendingTime:
        """Begin messages for so long from now, and cut what takes longer than ``ends``."""
        now = time.monotonic()
        return cls(now + begins.total_seconds(), now + ends.total_seconds())

    @property
    def is_over(self) -> bool:
        """Whether no message is begun any more."""
        return time.monotonic() >= self.begins

    def left(self, most: float) -> float:
        """Give the seconds until all is cut, ``most`` at most."""
        return max(0.0, min(most, self.ends - time.monotonic()))
