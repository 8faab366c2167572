"""The words of the trade as frozen records: what floors hand to each other.

Every time is an aware datetime in UTC.  Every record can be written and read back by
msgspec. Products are canonical names ("Exchange Server 2019 CU14"), KB articles are
written ``KB5044062``, builds in the short form ``15.2.1544.13``.
"""

from watcher.kinds import Kind
from watcher.records.change import Change, ChangeKind, Evidence
from watcher.records.entry import Anchor, Entry, Label, Package, Passage, Table
from watcher.records.event import (
    Absorption,
    Confidence,
    Event,
    EventEvidence,
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
from watcher.records.page import Failure, NotModified, Page, Validators
from watcher.records.server import Exposure, Fitness, Offer, Server
from watcher.records.snapshot import (
    Coverage,
    Document,
    Follow,
    Snapshot,
    StoredEntry,
    Times,
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
    "EventGuidance",
    "Evidence",
    "Exposure",
    "Failure",
    "Fitness",
    "Follow",
    "Kind",
    "Label",
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
