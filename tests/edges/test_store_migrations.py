"""From every schema that ever was to the one of today.

Nothing is lost, also when the migration is killed at any statement.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from scripts.manifest import manifest
from tests.edges.ledger_samples import SU, fill
from tests.unit.builders import CU13, CU14
from watcher.errors import StateError
from watcher.records import Established, Kind, SourceState, Update
from watcher.store import Store
from watcher.store.address import address_of
from watcher.store.connection import Connection, record_text
from watcher.store.migrations import NEWEST, STEPS, VERSIONS, run_step, tables

ROOT = Path(__file__).parents[2]

OLD = VERSIONS[:-1]


def rows_of(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Give every row of every table, also of those that are derived from others."""
    found = {
        name: connection.execute(f"SELECT * FROM {name}").fetchall()
        for name in tables(connection)
    }
    return {
        name: sorted(rows, key=lambda row: [str(plain(value)) for value in row])
        for name, rows in found.items()
    }


def plain(value: Any) -> Any:
    """SQLite gives Booleans as numbers."""
    return int(value) if isinstance(value, bool) else value


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Connect to a database as it is."""
    address = address_of(url)
    connection = (
        Connection.to_file(address.file, 15)
        if address.is_sqlite
        else Connection.to_server(address.server, "test", 10)
    )
    try:
        yield connection
    finally:
        connection.close()


def at_version(url: str, version: str) -> None:
    """Make a state as the program of that schema left it.

    With whatever of today's sample it could hold.
    """
    with connected(url) as connection, connection.transaction("BEGIN"):
        for step in STEPS:
            if step.version <= version:
                run_step(connection, step)
        there = tables(connection)
        with Store.open("sqlite://") as today:
            fill(today)
            for name in ORDER:
                if name in there:
                    copy(today.connection, connection, name)


# What others refer to comes first.
ORDER = (
    *("documents", "times", "entries", "updates", "names", "offers"),
    *("suspicions", "absorbed", "events", "concerned", "messages", "told"),
    *("deliveries", "acks", "mutes", "meta"),
)
BOOLEANS = {"lost", "queued", "open", "given_up"}


def copy(today: Connection, other: Connection, table: str) -> None:
    """Copy a table's rows, where today's schema has it."""
    if table not in tables(today):
        return
    columns = [row[1] for row in today.execute(f"PRAGMA table_info({table})")]
    names = ", ".join(columns)
    values = ", ".join(f":{name}" for name in columns)
    insert = f"INSERT INTO {table} ({names}) VALUES ({values})"
    for row in today.execute(f"SELECT {names} FROM {table}"):
        values_of_row = dict(zip(columns, row, strict=True))
        for name in BOOLEANS & set(columns):
            values_of_row[name] = bool(values_of_row[name])
        other.execute(insert, **values_of_row)


def exported(store: Store, folder: Path) -> dict[str, bytes]:
    store.export(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("version", OLD)
def test_a_state_of_an_older_schema_is_the_same_state_in_todays(
    database_url: str, tmp_path: Path, version: str
) -> None:
    at_version(database_url, version)
    with Store.open("sqlite://") as wanted, Store.open(database_url) as migrated:
        fill(wanted)
        # What stands in the last copies is all that an older state remembers
        with wanted.writing():
            wanted.connection.execute("DELETE FROM remembered")
        assert exported(migrated, tmp_path / "migrated") == exported(
            wanted, tmp_path / "wanted"
        )
        mine, theirs = (rows_of(each.connection) for each in (migrated, wanted))
        assert mine == theirs, "what is derived from other tables is not"


OF_0_1_0 = '{"document":"kept","source":"builds","total":2,"unread":true,"url":""}'


def test_what_version_0_1_0_kept_unread_is_forgotten(database_url: str) -> None:
    """A feed's first copy that named nothing was kept as it came.

    With its entries taken for none, the next copy would be news from top to bottom.
    """
    at_version(database_url, "0003")
    with connected(database_url) as connection, connection.transaction("BEGIN"):
        connection.execute(
            "UPDATE documents SET record = :record WHERE document = 'kept'",
            record=OF_0_1_0,
        )
        connection.execute(
            "INSERT INTO copies (source, document, url, time, content_type, body) "
            "VALUES ('builds', 'kept', 'https://example.org', '', '', :body)",
            body=b"x",
        )
    with Store.open(database_url) as store:
        assert sorted(store.documents("builds")) == ["", "2024-Nov"]
        assert "copies" not in tables(store.connection)


KILLED = """
import os, signal, sys
from tests.edges.test_store_migrations import connected, rows_of
from tests.statements import heard
from watcher.errors import StateHeldError
from watcher.store import Store

url = sys.argv[1]

def rows():
    with connected(url) as connection:
        return rows_of(connection)

def opened():
    while True:
        try:
            return Store.open(url)
        except StateHeldError:  # the server has not seen yet that the one before was killed
            continue

before, left = rows(), []
for at in range(1, 500, int(sys.argv[2])):
    child = os.fork()
    if not child:
        seen = 0

        def die(*_):
            global seen
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

        with heard(die):
            opened()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
    left.append(rows())
after = rows()
assert before != after
cut = [each for each in left if each != after]
assert all(each == before for each in cut), "a part of it was written"
assert len(left) - len(cut) <= 1, [at for at, each in enumerate(left) if each == after]
print(len(cut))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize("version", ["", *OLD])
def test_a_migration_that_is_killed_at_any_statement_leaves_the_state_as_it_was(
    database_url: str, version: str
) -> None:
    if version:
        at_version(database_url, version)
    words = [sys.executable, "-c", KILLED, database_url, "5"]
    ran = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= 3, "hardly a statement was reached"
    with Store.open(database_url) as store, store.reading() as sql:
        assert sql.schema_version() == NEWEST


def test_a_migration_that_fails_says_so_and_leaves_the_state_as_it_was(
    database_url: str,
) -> None:
    at_version(database_url, "0001")  # the step from there reads updates
    with connected(database_url) as connection:
        connection.execute("UPDATE updates SET record = 'spoilt'")
        before = rows_of(connection)
    with pytest.raises(
        StateError, match=rf"schema 0001 to {NEWEST}.*as it was.*state import"
    ):
        Store.open(database_url)
    with connected(database_url) as connection:
        assert rows_of(connection) == before


TOLD_IN_0_1_0 = (
    ("had 15.2.1544.14", ""),
    ("released", "e1"),
    (f"released {CU14} {CU13}", "e2"),
    ("exploited CVE-2030-0001", "e3"),
    ("suspected 1 e4", "e4"),
    ("pulled 1", "e5"),
    ("pulled 1 by absence", "e5"),
    ("corrected e5", "e6"),
    ("re-released 2", ""),
    ("known-issue e7", "e7"),
)
ESTABLISHED = (
    Established(Kind.RELEASED, event="e1"),
    Established(Kind.RELEASED, detail=f"{CU14} {CU13}", event="e2"),
    Established(Kind.EXPLOITED, detail="CVE-2030-0001", event="e3"),
    Established(Kind.PULLED, 1, "e4", suspected=True, event="e4"),
    Established(Kind.PULLED, 1, event="e5"),
    Established(Kind.PULLED, 1, by_absence=True, event="e5"),
    Established(Kind.CORRECTED, detail="e5", event="e6"),
    Established(Kind.RE_RELEASED, 2),
    Established(Kind.KNOWN_ISSUE, detail="e7", event="e7"),
)


def written_by_0_1_0(update: Update) -> str:
    """Give an update's JSON as version 0.1.0 wrote it."""
    fields = msgspec.to_builtins(update)
    for name in ("established", "source_states", "corrected_builds"):
        del fields[name]
    fields["told"] = TOLD_IN_0_1_0
    fields["standings"] = (("msrc", "revision 3.0", "2"),)
    return record_text(fields)


def as_it_is_now(update: Update) -> Update:
    return replace(
        update,
        established=ESTABLISHED,
        source_states=(SourceState("msrc", "revision 3.0", 2),),
        corrected_builds=("15.2.1544.14",),
    )


def test_what_0_1_0_established_of_an_update_is_established_still(
    database_url: str,
) -> None:
    at_version(database_url, "0004")
    with Store.open("sqlite://") as today:
        fill(today)
        update = today.update(SU)
    assert update is not None
    with connected(database_url) as connection, connection.transaction("BEGIN"):
        connection.execute(
            "UPDATE updates SET record = :record WHERE id = :id",
            record=written_by_0_1_0(update),
            id=SU,
        )
    with Store.open(database_url) as migrated:
        assert migrated.update(SU) == as_it_is_now(update)
        row = migrated.connection.execute(
            "SELECT record FROM updates WHERE id = :id", id=SU
        ).fetchone()
        assert row == (record_text(as_it_is_now(update)),)


def test_an_export_of_0_1_0_is_imported_with_what_it_established(
    tmp_path: Path,
) -> None:
    with Store.open("sqlite://") as today:
        fill(today)
        today.export(tmp_path)
        update = today.update(SU)
    assert update is not None
    file = tmp_path / "updates.jsonl"
    lines = file.read_text("utf-8").splitlines()
    old = [written_by_0_1_0(update) if f'"id":"{SU}"' in it else it for it in lines]
    assert old != lines
    file.write_text("\n".join(old) + "\n", "utf-8")
    (tmp_path / "manifest.json").write_text(manifest(tmp_path), "utf-8")
    with Store.open("sqlite://") as empty:
        empty.import_(tmp_path)
        assert empty.update(SU) == as_it_is_now(update)
