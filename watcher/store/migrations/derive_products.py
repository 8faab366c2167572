"""The second half of step 0002: fills what it made from the updates and events there."""

from __future__ import annotations

import json
from typing import Any

from watcher.store.connection import Connection

_ADD_OFFER = (
    "INSERT INTO offers (product, update_id, rank) VALUES (:product, :update_id, :rank)"
)
_ADD_PRODUCT = "INSERT INTO concerned (product, sequence) VALUES (:product, :sequence)"


def derive_products(connection: Connection) -> None:
    """Fill offers and concerned, as the program did when this was written."""
    updates = connection.execute("SELECT id, dated, record FROM updates").fetchall()
    for update_id, dated, record in updates:
        for product, rank in _ranks(dated, json.loads(record)).items():
            connection.execute(
                _ADD_OFFER, product=product, update_id=update_id, rank=rank
            )
    events = connection.execute("SELECT sequence, record FROM events").fetchall()
    for sequence, record in events:
        products = set(json.loads(record)["update"].get("products", ()))
        for product in sorted(products - {""}):
            connection.execute(_ADD_PRODUCT, product=product, sequence=sequence)


def _ranks(dated: str, update: dict[str, Any]) -> dict[str, str]:
    """Give the highest rank that a stored update offers of each product."""
    ranks: dict[str, str] = {}
    if update["state"] != "released":
        return ranks
    for package in update.get("packages", ()):
        product = package["product"]
        if product and package.get("version", 1) >= update["version"]:
            rank = f"{_sortable(package.get('build', ''))} {dated}"
            ranks[product] = max(ranks.get(product, ""), rank)
    return ranks


def _sortable(build: str) -> str:
    numbers = build.split(".")
    if not all(map(str.isdecimal, numbers)):
        return ""
    return ".".join(number.zfill(10) for number in numbers)
