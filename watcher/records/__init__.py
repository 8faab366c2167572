"""The words of the trade as frozen records: what floors hand to each other.

Every time is an aware datetime in UTC.  Every record can be written and read back by
msgspec. Products are canonical names ("Exchange Server 2019 CU14"), KB articles are
written ``KB5044062``, builds in the short form ``15.2.1544.13``.
"""

from watcher.kinds import Kind
from watcher.records.entry import (
    Anchor,
    Change,
    ChangeKind,
    Entry,
    Evidence,
    Label,
    Package,
    Passage,
    Table,
)
from watcher.records.event import (
    Absorption,
    Confidence,
    Event,
    EventEvidence,
    EventFurther,
    EventGuidance,
    Outcome,
    Silence,
)
from watcher.records.letter import (
    Before,
    Delivery,
    DeliveryState,
    Letter,
    Message,
    Subscriber,
    Unread,
    UnseenPattern,
)
from watcher.records.server import Exposure, Fitness, LeftLevel, Offer, Server
from watcher.records.snapshot import (
    Coverage,
    Document,
    Failure,
    Follow,
    NotModified,
    Page,
    Snapshot,
    StoredEntry,
    Times,
    Validators,
)
from watcher.records.source import Source, Watch
from watcher.records.update import (
    Advisory,
    Established,
    SourceState,
    State,
    Suspicion,
    Update,
    UpdateRef,
)

__all__ = [
    "Absorption",
    "Advisory",
    "Anchor",
    "Before",
    "Change",
    "ChangeKind",
    "Confidence",
    "Coverage",
    "Delivery",
    "DeliveryState",
    "Document",
    "Entry",
    "Established",
    "Event",
    "EventEvidence",
    "EventFurther",
    "EventGuidance",
    "Evidence",
    "Exposure",
    "Failure",
    "Fitness",
    "Follow",
    "Kind",
    "Label",
    "LeftLevel",
    "Letter",
    "Message",
    "NotModified",
    "Offer",
    "Outcome",
    "Package",
    "Page",
    "Passage",
    "Server",
    "Silence",
    "Snapshot",
    "Source",
    "SourceState",
    "State",
    "StoredEntry",
    "Subscriber",
    "Suspicion",
    "Table",
    "Times",
    "Unread",
    "UnseenPattern",
    "Update",
    "UpdateRef",
    "Validators",
    "Watch",
]
