"""The steps by which the schema came to be what it is.

Each runs once, at the first opening after an upgrade, and a new state takes them all; no
step changes once it is released.  A step is a file of SQL, a function of Python, or one
after the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from watcher.errors import StateError, StateRefusedError
from watcher.store.address import Address
from watcher.store.connection import Connection

_ADD_OFFER = (
    "INSERT INTO offers (product, update_id, rank) VALUES (:product, :update_id, :rank)"
)
_ADD_PRODUCT = "INSERT INTO concerned (product, sequence) VALUES (:product, :sequence)"


def derive_products(connection: Connection) -> None:
    """Step 0002, second half: fill offers and concerned from the updates and events there.

    As the program did when this was written.
    """
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


_REWRITE = "UPDATE updates SET record = :record WHERE id = :id"


def name_established(connection: Connection) -> None:
    """Step 0005: name what is established of an update, and what sources have it as."""
    updates = connection.execute("SELECT id, record FROM updates").fetchall()
    for update_id, record in updates:
        update = json.loads(record)
        if "told" in update:
            named = json.dumps(
                with_names(update),
                ensure_ascii=False,
                separators=(",", ":"),
                sort_keys=True,
            )
            connection.execute(_REWRITE, record=named, id=update_id)


def with_names(update: dict[str, Any]) -> dict[str, Any]:
    """Give an update's JSON of 0.1.0 as it is now; one that is so already stays so.

    0.1.0 held facts as pairs of texts ("had 15.2.1544.13"), and what sources say as
    lists of three.
    """
    told = update.pop("told", ())
    standings = update.pop("standings", ())
    if "established" in update and not told and not standings:
        return update
    established = []
    builds = set()
    for key, event in told:
        if key.startswith("had "):
            builds.add(key.removeprefix("had "))
        else:
            established.append(_established(key, event))
    update["established"] = established
    update["corrected_builds"] = sorted(builds)
    update["source_states"] = [
        {"source": source, "stated": stated, "version": int(version)}
        for source, stated, version in standings
    ]
    return update


def _established(key: str, event: str) -> dict[str, Any]:
    """One fact of 0.1.0.

    "released", "released PRODUCTS", "announced", "exploited CVE", "pulled 1", "pulled 1
    by absence", "suspected 1 EVENT", "re-released 2", "corrected EVENT", "known-issue
    EVENT", "revised EVENT".
    """
    word, _, rest = key.partition(" ")
    version = "0"
    if word in ("pulled", "suspected", "re-released"):
        version, _, rest = rest.partition(" ")
    by_absence = word == "pulled" and rest == "by absence"
    return {
        "kind": "pulled" if word == "suspected" else word,
        "version": int(version),
        "detail": "" if by_absence else rest,
        "suspected": word == "suspected",
        "by_absence": by_absence,
        "event": event,
    }


class Step(Struct, frozen=True):
    """One step: to which version, by which file, then by which function."""

    version: str
    file: str = ""
    function: Callable[[Connection], None] | None = None


STEPS = (
    Step("0001", "0001_first.sql"),
    Step("0002", "0002_products.sql", derive_products),
    Step("0003", "0003_copies.sql"),
    Step("0004", "0004_unread.sql"),
    Step("0005", function=name_established),
    Step("0006", "0006_remembered.sql"),
)
VERSIONS = tuple(step.version for step in STEPS)
NEWEST = VERSIONS[-1]

# The table's name is that of 0.1.0, whose migrations were Alembic's.  It stays, so that
# an older program says of a newer state that it is newer, and touches nothing.
VERSION_TABLE = "alembic_version"
_CREATE_VERSION_TABLE = (
    "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)

# What the steps write, in PostgreSQL's words.
_ON_SERVER = (("COLLATE BINARY", 'COLLATE "C"'), ("BLOB", "BYTEA"))

# By these a database is known to be taken, by whichever program.
_TABLES = {
    *(
        "documents",
        "times",
        "entries",
        "copies",
        "remembered",
        "updates",
        "names",
        "offers",
    ),
    *("suspicions", "absorbed", "events", "concerned", "messages", "told"),
    *("deliveries", "acks", "mutes", "meta"),
}


def schema_version(connection: Connection) -> str:
    """Say which step the schema is at; "" when there is none yet.

    Steps are numbered by four digits, "0005": the last one that ran.
    """
    if VERSION_TABLE not in tables(connection):
        return ""
    return str(connection.sql.schema_version() or "")


def tables(connection: Connection) -> set[str]:
    """Name the tables that are there."""
    if connection.is_sqlite:
        return set(connection.sql.column("tables_of_file"))
    return set(connection.sql.column("tables_of_server"))


def migrate(connection: Connection, address: Address) -> None:
    """Run the missing steps inside the open transaction: all of them, or none.

    StateRefusedError when a newer version of the program wrote the schema, or when
    another program's tables are there; StateError when a record that a step reads is
    damaged.
    """
    found = schema_version(connection)
    if not found:
        _refuse_strangers(connection, address)
    elif found not in VERSIONS:
        msg = (
            f"The state {address} was written by a newer version of this "
            f"program (schema {found}, this one knows {NEWEST}). "
            "Install the newer version, or restore the backup made before it was used."
        )
        raise StateRefusedError(msg)
    try:
        for step in STEPS:
            if step.version > found:
                run_step(connection, step)
    except (LookupError, TypeError, ValueError) as error:
        # Of a record that a step cannot read
        msg = (
            f"The state {address} cannot be brought from schema {found} to "
            f"{NEWEST}: {error}. It is as it was. Restore it from a backup, or "
            "import its last export into a new one with 'watcher state import'."
        )
        raise StateError(msg) from error


def run_step(connection: Connection, step: Step) -> None:
    """Run one step, and note that the schema is there.

    A step is SQL, or a function that reads and writes records, or both in this order.
    It is run within the migration's transaction.
    """
    if step.file:
        for statement in _statements(step.file, is_sqlite=connection.is_sqlite):
            connection.execute(statement)
    if step.function:
        step.function(connection)
    connection.execute(_CREATE_VERSION_TABLE)
    if connection.sql.schema_version() is None:
        connection.sql.insert_schema_version(version=step.version)
    else:
        connection.sql.update_schema_version(version=step.version)


def _statements(file: str, *, is_sqlite: bool) -> list[str]:
    text = Path(__file__).with_name(file).read_text("utf-8")
    # A comment may hold a semicolon, which ends a statement
    kept = [line for line in text.splitlines() if not line.startswith("--")]
    text = "\n".join(kept)
    if not is_sqlite:
        for word, other in _ON_SERVER:
            text = text.replace(word, other)
    statements = [each.strip(" \n;") for each in text.split(";\n")]
    return list(filter(None, statements))


def _refuse_strangers(connection: Connection, address: Address) -> None:
    taken = sorted(tables(connection) & _TABLES)
    if taken:
        msg = (
            f"The state {address} has tables that this program did not make ({', '.join(taken)}). "
            "Give the watcher a database, or a schema, of its own."
        )
        raise StateRefusedError(msg)
