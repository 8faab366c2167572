"""Every document is read when it is fetched.

Version 0.1.0 kept a feed's first copy unread when it named nothing of Microsoft's.
What such a feed had is not known: with its entries taken for none, its next copy would
be news from top to bottom.  So the document is forgotten, and read for the first time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Forget the documents that were never read; their copies go with them."""
    connection = op.get_bind()
    connection.execute(sa.text("DELETE FROM copies"))
    connection.execute(
        sa.text("DELETE FROM documents WHERE record LIKE :unread"),
        {"unread": '%"unread":true%'},
    )
