"""First copies of documents of which nothing had to be read yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def word(name: str) -> sa.Column[str]:
    """Text that sorts by code point."""
    return sa.Column(
        name,
        sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
        nullable=False,
    )


def upgrade() -> None:
    """Create the table: every document that is known has been read."""
    op.create_table(
        "copies",
        word("source"),
        word("document"),
        sa.Column("url", sa.Text(), nullable=False),
        word("time"),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", "document", name="pk_copies"),
        sa.ForeignKeyConstraint(
            ["source", "document"],
            ["documents.source", "documents.document"],
            name="fk_copies_documents",
            ondelete="CASCADE",
        ),
    )
