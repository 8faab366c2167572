"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def word() -> sa.types.TypeEngine[str]:
    """Text that sorts by code point."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    _seen()
    _ledger()
    _events()
    _mail()
    _notes()


def _seen() -> None:
    op.create_table(
        "documents",
        sa.Column("source", word(), nullable=False),
        sa.Column("document", word(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "document", name="pk_documents"),
    )
    op.create_table(
        "times",
        sa.Column("source", word(), nullable=False),
        sa.Column("document", word(), nullable=False),
        sa.Column("tried", word()),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "document", name="pk_times"),
    )
    op.create_table(
        "entries",
        sa.Column("source", word(), nullable=False),
        sa.Column("document", word(), nullable=False),
        sa.Column("key", word(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("missing_since", word()),
        sa.Column("lost", sa.Boolean(), nullable=False),
        sa.Column("silent", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "document", "key", name="pk_entries"),
        sa.ForeignKeyConstraint(
            ["source", "document"],
            ["documents.source", "documents.document"],
            name="fk_entries_documents",
            ondelete="CASCADE",
        ),
    )


def _ledger() -> None:
    op.create_table(
        "updates",
        sa.Column("id", word(), nullable=False),
        sa.Column("family", word(), nullable=False),
        sa.Column("state", word(), nullable=False),
        sa.Column("dated", word(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_updates"),
    )
    op.create_index("ix_updates_dated", "updates", ["dated", "id"])
    op.create_index("ix_updates_state", "updates", ["state"])
    for table, keys in (("names", ["name"]), ("suspicions", ["source", "document"])):
        op.create_table(
            table,
            *(sa.Column(key, word(), nullable=False) for key in keys),
            sa.Column("update_id", word(), nullable=False),
            sa.PrimaryKeyConstraint(*keys, "update_id", name=f"pk_{table}"),
            sa.ForeignKeyConstraint(
                ["update_id"],
                ["updates.id"],
                name=f"fk_{table}_updates",
                ondelete="CASCADE",
            ),
        )
        op.create_index(f"ix_{table}_update_id", table, ["update_id"])
    op.create_table(
        "absorbed",
        sa.Column("id", word(), nullable=False),
        sa.Column("update_id", word(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_absorbed"),
    )
    op.create_index("ix_absorbed_update_id", "absorbed", ["update_id"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", word(), nullable=False),
        sa.Column("update_id", word(), nullable=False),
        sa.Column("kind", word(), nullable=False),
        sa.Column("time", word(), nullable=False),
        sa.Column("queued", sa.Boolean(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
    )
    op.create_index("ix_events_update_id", "events", ["update_id"])
    op.create_index("ix_events_time", "events", ["time"])
    op.create_index("ix_events_queued", "events", ["queued", "sequence"])


def _mail() -> None:
    op.create_table(
        "messages",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", word(), nullable=False),
        sa.Column("update_id", word(), nullable=False),
        sa.Column("subscriber", word(), nullable=False),
        sa.Column("kind", word(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_messages"),
        sa.UniqueConstraint("id", name="uq_messages_id"),
    )
    op.create_index("ix_messages_update_id", "messages", ["update_id", "subscriber"])
    op.create_index("ix_messages_kind", "messages", ["kind", "subscriber"])
    op.create_table(
        "told",
        sa.Column("event", word(), nullable=False),
        sa.Column("message", word(), nullable=False),
        sa.PrimaryKeyConstraint("event", "message", name="pk_told"),
        sa.ForeignKeyConstraint(
            ["message"], ["messages.id"], name="fk_told_messages", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_told_message", "told", ["message"])
    op.create_table(
        "deliveries",
        sa.Column("message", word(), nullable=False),
        sa.Column("channel", word(), nullable=False),
        sa.Column("recipient", word(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("given_up", sa.Boolean(), nullable=False),
        sa.Column("next_try", word()),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "message", "channel", "recipient", name="pk_deliveries"
        ),
        sa.ForeignKeyConstraint(
            ["message"],
            ["messages.id"],
            name="fk_deliveries_messages",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_deliveries_open", "deliveries", ["open", "next_try"])
    op.create_index("ix_deliveries_given_up", "deliveries", ["given_up"])


def _notes() -> None:
    op.create_table(
        "acks",
        sa.Column("update_id", word(), nullable=False),
        sa.Column("time", word(), nullable=False),
        sa.PrimaryKeyConstraint("update_id", name="pk_acks"),
    )
    op.create_table(
        "mutes",
        sa.Column("target", word(), nullable=False),
        sa.Column("until", word()),
        sa.PrimaryKeyConstraint("target", name="pk_mutes"),
    )
    op.create_table(
        "meta",
        sa.Column("key", word(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
