"""The tables of the state: one schema for SQLite and PostgreSQL.

A record is stored whole as JSON in the column ``record``; the columns beside it are those that are searched.
``migrations/`` builds the same schema step by step; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


def clean(text: str) -> str:
    """Replace what a database's text cannot hold: NUL (PostgreSQL) and lone surrogates (both)."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class Word(TypeDecorator[str]):
    """Text that sorts by code point on both databases, whatever the server's collation."""

    impl = Text().with_variant(Text(collation="C"), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Clean what a source may have said."""
        del dialect
        return None if value is None else clean(value)


class Instant(TypeDecorator[datetime]):
    """An aware time as ISO 8601 text in UTC, of one width, so that text order is time order."""

    impl = Text().with_variant(Text(collation="C"), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write the time in UTC to the microsecond; a naive time is a bug: ValueError."""
        del dialect
        return None if value is None else written(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Read the time back, in UTC."""
        del dialect
        return None if value is None else datetime.fromisoformat(value)


def written(time: datetime) -> str:
    """Write ``time`` as the column type Instant does: ``2024-11-14T18:00:00.000000+00:00``."""
    if time.tzinfo is None:
        msg = f"a time without a zone cannot be stored: {time.isoformat()}"
        raise ValueError(msg)
    return time.astimezone(UTC).isoformat(timespec="microseconds")


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    },
)

DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("source", Word, primary_key=True),
    Column("document", Word, primary_key=True),
    Column("record", Text, nullable=False),
)

# Check times lie apart: they change with every run, and nobody wants them in a commit.
TIMES = Table(
    "times",
    METADATA,
    Column("source", Word, primary_key=True),
    Column("document", Word, primary_key=True),
    Column("tried", Instant),
    Column("record", Text, nullable=False),
)

ENTRIES = Table(
    "entries",
    METADATA,
    Column("source", Word, primary_key=True),
    Column("document", Word, primary_key=True),
    Column("key", Word, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("missing_since", Instant),
    Column("lost", Boolean, nullable=False),
    Column("silent", Text, nullable=False),  # why the last change of it was not told, "" when it was
    Column("record", Text, nullable=False),
    ForeignKeyConstraint(["source", "document"], ["documents.source", "documents.document"], ondelete="CASCADE"),
)

UPDATES = Table(
    "updates",
    METADATA,
    Column("id", Word, primary_key=True),
    Column("family", Word, nullable=False),
    Column("state", Word, nullable=False),
    Column("dated", Instant, nullable=False),  # the vendor's date, else when we first saw it
    Column("record", Text, nullable=False),
)
Index("ix_updates_dated", UPDATES.c.dated, UPDATES.c.id)
Index("ix_updates_state", UPDATES.c.state)

# Derived from the updates: by which references each is found again.
NAMES = Table(
    "names",
    METADATA,
    Column("name", Word, primary_key=True),
    Column("update_id", Word, ForeignKey("updates.id", ondelete="CASCADE"), primary_key=True, index=True),
)

# Derived from the updates: which packages are offered, so that a product's newest good build is found without reading them all.
OFFERS = Table(
    "offers",
    METADATA,
    Column("product", Word, primary_key=True),
    Column("update_id", Word, ForeignKey("updates.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("rank", Word, nullable=False),  # sorts as build, then the update's date
)
Index("ix_offers_rank", OFFERS.c.product, OFFERS.c.rank, OFFERS.c.update_id)

# Derived from the updates: where an absence is not yet a verdict.
SUSPICIONS = Table(
    "suspicions",
    METADATA,
    Column("source", Word, primary_key=True),
    Column("document", Word, primary_key=True),
    Column("update_id", Word, ForeignKey("updates.id", ondelete="CASCADE"), primary_key=True, index=True),
)

# Ids of updates that were found to be another update's: an old id still leads to it.
ABSORBED = Table(
    "absorbed",
    METADATA,
    Column("id", Word, primary_key=True),
    Column("update_id", Word, nullable=False, index=True),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("id", Word, nullable=False, unique=True),
    Column("update_id", Word, nullable=False, index=True),  # who has it now; the record keeps the id it was told under
    Column("kind", Word, nullable=False),
    Column("time", Instant, nullable=False, index=True),
    Column("queued", Boolean, nullable=False),
    Column("record", Text, nullable=False),
)
Index("ix_events_queued", EVENTS.c.queued, EVENTS.c.sequence)

# Derived from the events: which products each was about when it was told.
CONCERNED = Table(
    "concerned",
    METADATA,
    Column("product", Word, primary_key=True),
    Column("sequence", Integer, ForeignKey("events.sequence", ondelete="CASCADE"), primary_key=True, autoincrement=False),
)

MESSAGES = Table(
    "messages",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("id", Word, nullable=False, unique=True),
    Column("update_id", Word, nullable=False),
    Column("subscriber", Word, nullable=False),
    Column("kind", Word, nullable=False),
    Column("record", Text, nullable=False),  # without the body
    Column("body", LargeBinary, nullable=False),
)
Index("ix_messages_update_id", MESSAGES.c.update_id, MESSAGES.c.subscriber)
Index("ix_messages_kind", MESSAGES.c.kind, MESSAGES.c.subscriber)

# Derived from the messages: which events each tells of.
TOLD = Table(
    "told",
    METADATA,
    Column("event", Word, primary_key=True),
    Column("message", Word, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, index=True),
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("message", Word, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Word, primary_key=True),
    Column("recipient", Word, primary_key=True),
    Column("open", Boolean, nullable=False),  # still on its way
    Column("given_up", Boolean, nullable=False),  # will never arrive, or nobody knows whether it did
    Column("next_try", Instant),
    Column("record", Text, nullable=False),
)
Index("ix_deliveries_open", DELIVERIES.c.open, DELIVERIES.c.next_try)
Index("ix_deliveries_given_up", DELIVERIES.c.given_up)

ACKS = Table(
    "acks",
    METADATA,
    Column("update_id", Word, primary_key=True),
    Column("time", Instant, nullable=False),
)

MUTES = Table(
    "mutes",
    METADATA,
    Column("target", Word, primary_key=True),
    Column("until", Instant),  # NULL: for good
)

META = Table(
    "meta",
    METADATA,
    Column("key", Word, primary_key=True),
    Column("value", Text, nullable=False),
)
