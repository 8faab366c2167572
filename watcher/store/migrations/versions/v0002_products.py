"""What is offered of each product, and which events are about it.

Derived from the updates and events that are there.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def word() -> sa.types.TypeEngine[str]:
    """Text that sorts by code point."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables, and fill them."""
    offers = op.create_table(
        "offers",
        sa.Column("product", word(), nullable=False),
        sa.Column("update_id", word(), nullable=False),
        sa.Column("rank", word(), nullable=False),
        sa.PrimaryKeyConstraint("product", "update_id", name="pk_offers"),
        sa.ForeignKeyConstraint(
            ["update_id"], ["updates.id"], name="fk_offers_updates", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_offers_update_id", "offers", ["update_id"])
    op.create_index("ix_offers_rank", "offers", ["product", "rank", "update_id"])
    concerned = op.create_table(
        "concerned",
        sa.Column("product", word(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("product", "sequence", name="pk_concerned"),
        sa.ForeignKeyConstraint(
            ["sequence"],
            ["events.sequence"],
            name="fk_concerned_events",
            ondelete="CASCADE",
        ),
    )
    connection = op.get_bind()
    for owner, dated, record in connection.execute(
        sa.text("SELECT id, dated, record FROM updates")
    ).all():
        op.bulk_insert(offers, _offers(owner, dated, json.loads(record)))
    for sequence, record in connection.execute(
        sa.text("SELECT sequence, record FROM events")
    ).all():
        named = sorted(set(json.loads(record)["update"].get("products", ())) - {""})
        op.bulk_insert(
            concerned, [{"product": product, "sequence": sequence} for product in named]
        )


def _offers(
    owner: str, dated: str, update: dict[str, object]
) -> list[dict[str, object]]:
    """Give the rows of a stored update, as ``watcher.store.products`` gave them when this
    was written.
    """
    best: dict[str, str] = {}
    packages = update.get("packages", ()) if update["state"] == "released" else ()
    for package in packages:  # type: ignore[attr-defined]  # a list in JSON
        if package["product"] and package.get("version", 1) >= update["version"]:
            numbers = package.get("build", "").split(".")
            ordered = (
                ".".join(number.zfill(10) for number in numbers)
                if all(map(str.isdecimal, numbers))
                else ""
            )
            best[package["product"]] = max(
                best.get(package["product"], ""), f"{ordered} {dated}"
            )
    return [
        {"product": product, "update_id": owner, "rank": rank}
        for product, rank in sorted(best.items())
    ]
