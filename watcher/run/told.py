"""How far the runs before came: what was recorded and not yet told is owed from there on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watcher.store import Store

# Note: stands from when a run has recorded events until their messages are sealed
UNTIL = "told until"


def until(store: Store) -> datetime | None:
    """Say when the last run was that came as far as its messages.

    A digest's time is measured from there, also after a kill.
    """
    noted = store.meta(UNTIL)
    return datetime.fromisoformat(noted) if noted else store.last_check()


def noted(moment: datetime | None) -> dict[str, str]:
    """Write the note that is recorded with events."""
    return {UNTIL: moment.isoformat()} if moment else {}
