"""What one line of an exported state holds, table by table.

Tables that are derived from others (names, suspicions, told) are not exported: an
import derives them again.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from watcher.records import Document, Entry, Event, Message

# Of the exported text; a reader refuses what it does not know
FORM = "1"


class DocumentLine(Document, frozen=True):
    """A document, as exports have it.

    Version 0.1.0 kept a feed's first copy ``unread`` when it named nothing.  Nothing
    is known of what such a feed had, so its next reading has to count as its first.
    """

    unread: bool = False

    def document_record(self) -> Document:
        """Give the document alone."""
        return Document(
            **{name: getattr(self, name) for name in Document.__struct_fields__}
        )


class EntryLine(Struct, frozen=True):
    """An entry as last seen."""

    source: str
    document: str
    entry: Entry
    fingerprint: str
    missing_since: datetime | None = None
    lost: bool = False
    silent: str = ""


class EventLine(Struct, frozen=True):
    """An event, its place in the order, and the update that has it now."""

    sequence: int
    event: Event
    update: str
    queued: bool


class MessageLine(Struct, frozen=True):
    """A message, its place in the order, and the update that has it now.

    ``message.body`` is empty; ``body`` has the text's lines, which are joined by CRLF.
    A body that is no UTF-8 is one line in ``base64`` instead.
    """

    sequence: int
    message: Message
    update: str
    body: tuple[str, ...] = ()
    base64: bytes = b""


class AbsorbedLine(Struct, frozen=True):
    """An id that went, and the update that has it now."""

    id: str
    update: str


class AckLine(Struct, frozen=True):
    """An update that has been dealt with."""

    update: str
    time: datetime


class MuteLine(Struct, frozen=True):
    """What nobody wants to hear of, for good or until a time."""

    target: str
    until: datetime | None = None


class MetaLine(Struct, frozen=True):
    """A single value; the key ``form`` names the form of the exported text."""

    key: str
    value: str
