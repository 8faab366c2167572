"""What is true of each kind of source and of each kind of event: one row a kind.

Everything else reads these tables and keeps no list of its own.  A row names every
field, and the tables are checked when they are imported: a kind that lacks something
stops the program at its start, not in somebody's mail.  CONTRIBUTING.md lists what else
a new kind touches.
"""

from watcher.kinds.events import EVENT_KINDS, EventKind, Kind, complete
from watcher.kinds.sources import (
    SOURCE_KINDS,
    Follows,
    Rhythm,
    SourceKind,
    gone_speaks,
    largest,
    logs_in,
    source_kind,
)

__all__ = [
    "EVENT_KINDS",
    "SOURCE_KINDS",
    "EventKind",
    "Follows",
    "Kind",
    "Rhythm",
    "SourceKind",
    "complete",
    "gone_speaks",
    "largest",
    "logs_in",
    "source_kind",
]
