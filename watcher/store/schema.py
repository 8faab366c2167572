"""Create a state's schema, or bring it up to date by its migrations.

Alembic, and SQLAlchemy below it, are imported only when there is something to migrate:
their import costs more than most checks. A new state is made from the tables as they
are now, and marked as being there; a test holds both ways together.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from watcher.errors import StateError, StateRefusedError
from watcher.store.link import SQLITE
from watcher.store.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config
    from sqlalchemy import Connection

    from watcher.store.link import Link
    from watcher.store.place import Place

# The newest migration in migrations/versions; a test holds the two together
HEAD = "0004"

# Alembic's own table, in its form.
_VERSION = (
    "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def version(link: Link) -> str:
    """Say which migration the schema is at; "" when there is none yet."""
    if "alembic_version" not in _tables(link):
        return ""
    return str(link.scalar("SELECT version_num FROM alembic_version") or "")


def _tables(link: Link) -> set[str]:
    """Name the tables that are there."""
    if link.dialect == SQLITE:
        return set(link.scalars("SELECT name FROM sqlite_master WHERE type = 'table'"))
    return set(
        link.scalars(
            "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
        )
    )


def migrate(link: Link, place: Place) -> None:
    """Run the missing migrations inside the transaction of ``link``: all of them, or none.

    StateRefusedError when a newer version of the program wrote the schema, or when
    another program's tables are there; StateError when a record that a step reads is
    damaged.
    """
    found = version(link)
    if found == HEAD:
        return
    if not found:
        _refuse_strangers(link, place)
        _create(link)
        return
    # See above
    from alembic import command
    from alembic.script import ScriptDirectory

    known = {
        script.revision
        for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    }
    if found not in known:
        msg = (
            f"The state {place} was written by a newer version of this "
            f"program (schema {found}, this one knows {HEAD}). "
            "Install the newer version, or restore the backup made before it was used."
        )
        raise StateRefusedError(msg)
    try:
        with _borrowed(link) as connection:
            command.upgrade(alembic_config(connection), "head")
    except (LookupError, TypeError, ValueError) as error:
        # Of a record that a step cannot read
        msg = (
            f"The state {place} cannot be brought from schema {found} to "
            f"{HEAD}: {error}. It is as it was. Restore it from a backup, or "
            "import its last export into a new one with 'watcher state import'."
        )
        raise StateError(msg) from error


@contextmanager
def _borrowed(link: Link) -> Iterator[Connection]:
    """Give the connection as SQLAlchemy's, which the migrations are written for.

    It ends no transaction.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    with link.lending() as driver:
        form: dict[str, Any] = (
            {"url": "sqlite://"}
            if link.dialect == SQLITE
            else {"url": "postgresql+psycopg://", "use_native_hstore": False}
        )
        engine = create_engine(**form, creator=lambda: driver, poolclass=StaticPool)
        try:
            with engine.connect() as connection, connection.begin():
                yield connection
        except DBAPIError as error:
            raise (error.orig or error) from error
        finally:
            engine.dispose()


def _create(link: Link) -> None:
    """Create all tables where there are none."""
    for table in TABLES:
        for statement in table.statements(link.dialect):
            link.run(statement)
    # An interrupted migration may have left it empty
    link.run(_VERSION)
    link.run("INSERT INTO alembic_version (version_num) VALUES (:head)", head=HEAD)


def alembic_config(connection: Connection | None = None) -> Config:
    """Name the package's migrations and the connection that they run on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "watcher.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _refuse_strangers(link: Link, place: Place) -> None:
    taken = sorted(_tables(link) & {table.name for table in TABLES})
    if taken:
        msg = (
            f"The state {place} has tables that this program did not make ({', '.join(taken)}). "
            "Give the watcher a database, or a schema, of its own."
        )
        raise StateRefusedError(msg)
