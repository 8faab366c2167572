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

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine

from tests.edges.ledger_samples import fill
from watcher.errors import StateError
from watcher.store import Store
from watcher.store.link import Link
from watcher.store.place import place
from watcher.store.schema import HEAD, alembic_config
from watcher.store.schema import _tables as names
from watcher.store.tables import TABLES, Table

ROOT = Path(__file__).parents[2]


def revisions() -> list[str]:
    with create_engine("sqlite://").connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
        return [each.revision for each in script.walk_revisions()][::-1]


OLD = revisions()[:-1]


def rows_of(link: Link) -> dict[str, list[tuple[Any, ...]]]:
    """Give every row of every table, also of those that are derived from others."""
    found = {name: link.rows(f"SELECT * FROM {name}") for name in names(link)}  # noqa: S608 - our own names
    return {
        name: sorted(rows, key=lambda row: [str(plain(value)) for value in row])
        for name, rows in found.items()
    }


def plain(value: Any) -> Any:
    """SQLite gives Booleans as numbers."""
    return int(value) if isinstance(value, bool) else value


@contextmanager
def linked(url: str) -> Iterator[Link]:
    """Connect to a database as it is."""
    where = place(url)
    link = (
        Link.to_file(where.file, 15)
        if where.is_sqlite
        else Link.to_server(where.server, "test", 10)
    )
    try:
        yield link
    finally:
        link.close()


OF_0_1_0 = '{"document":"kept","source":"builds","total":2,"unread":true,"url":""}'


def at_revision(url: str, revision: str) -> None:
    """Make a state as the program of that schema left it.

    With whatever of today's sample it could hold.
    """
    with Store.open("sqlite://") as today:
        fill(today)
        held = {
            table.name: [
                dict(zip(table.columns, row, strict=True))
                for row in today._link.rows(bare(table))
            ]
            for table in TABLES
        }
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), revision)
    old = MetaData()
    old.reflect(engine)
    with engine.begin() as connection:
        for table in old.sorted_tables:
            rows = [
                {
                    key: made(value, table.c[key].type.python_type)
                    for key, value in row.items()
                }
                for row in held.get(table.name, [])
            ]
            if rows and table.name != "alembic_version":
                connection.execute(table.insert(), rows)
    engine.dispose()


def bare(table: Table) -> str:
    return f"SELECT {', '.join(table.columns)} FROM {table.name}"  # noqa: S608 - our own names


def made(value: Any, kind: type) -> Any:
    """SQLite gives Booleans as numbers when it is asked in bare SQL."""
    return bool(value) if kind is bool and value is not None else value


def exported(store: Store, folder: Path) -> dict[str, bytes]:
    store.export(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("revision", OLD)
def test_a_state_of_an_older_schema_is_the_same_state_in_todays(
    database_url: str, tmp_path: Path, revision: str
) -> None:
    at_revision(database_url, revision)
    with Store.open("sqlite://") as wanted, Store.open(database_url) as migrated:
        fill(wanted)
        assert exported(migrated, tmp_path / "migrated") == exported(
            wanted, tmp_path / "wanted"
        )
        mine, theirs = (rows_of(each._link) for each in (migrated, wanted))
        assert mine == theirs, "what is derived from other tables is not"


def test_what_version_0_1_0_kept_unread_is_forgotten(database_url: str) -> None:
    """A feed's first copy that named nothing was kept as it came.

    With its entries taken for none, the next copy would be news from top to bottom.
    """
    at_revision(database_url, "0003")
    with linked(database_url) as link, link.transaction():
        link.run(
            "UPDATE documents SET record = :record WHERE document = 'kept'",
            record=OF_0_1_0,
        )
        link.run(
            "INSERT INTO copies (source, document, url, time, content_type, body) "
            "VALUES ('builds', 'kept', 'https://example.org', '', '', :body)",
            body=b"x",
        )
    with Store.open(database_url) as store, store.reading() as link:
        assert sorted(store.documents("builds")) == ["", "2024-Nov"]
        assert not link.scalar("SELECT 1 FROM copies")


KILLED = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.edges.test_store_migrations import linked, rows_of
from tests.statements import heard
from watcher.errors import StateHeldError
from watcher.store import Store

url = sys.argv[1]
import alembic.command

def rows():
    with linked(url) as link:
        return rows_of(link)

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

        event.listen(Engine, "before_cursor_execute", die)
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


@pytest.mark.skipif(sys.platform == "win32", reason="forks, and kills")
@pytest.mark.parametrize("revision", ["", *OLD])
def test_a_migration_that_is_killed_at_any_statement_leaves_the_state_as_it_was(
    database_url: str, revision: str
) -> None:
    if revision:
        at_revision(database_url, revision)
    words = [sys.executable, "-c", KILLED, database_url, "5"]
    ran = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) >= 3, "hardly a statement was reached"
    with Store.open(database_url) as store, store.reading() as link:
        assert link.scalar("SELECT version_num FROM alembic_version") == HEAD


def test_a_migration_that_fails_says_so_and_leaves_the_state_as_it_was(
    database_url: str,
) -> None:
    at_revision(database_url, "0001")  # the step from there reads updates
    with linked(database_url) as link:
        link.run("UPDATE updates SET record = 'spoilt'")
        before = rows_of(link)
    with pytest.raises(
        StateError, match=rf"schema 0001 to {HEAD}.*as it was.*state import"
    ):
        Store.open(database_url)
    with linked(database_url) as link:
        assert rows_of(link) == before
