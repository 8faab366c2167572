"""Create a state's schema, or bring it up to date by its migrations.

Alembic is imported only when there is something to migrate: its import costs more than most checks.
A new state is made from the tables as they are now, and marked as being there; a test holds both ways together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, inspect, text

from watcher.errors import StateError, StateRefusedError
from watcher.store.tables import METADATA

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

    from watcher.store.place import Place

HEAD = "0002"  # the newest migration in migrations/versions; a test holds the two together

# Alembic's own table, in its form.
_VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def version(connection: Connection) -> str:
    """Say which migration the schema is at; "" when there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


def migrate(connection: Connection, place: Place) -> None:
    """Run the missing migrations inside the transaction of ``connection``: all of them, or none.

    StateRefusedError when a newer version of the program wrote the schema, or when another program's tables are there;
    StateError when a record that a step reads is damaged.
    """
    found = version(connection)
    if found == HEAD:
        return
    if not found:
        _refuse_strangers(connection, place)
        _create(connection)
        return
    from alembic import command  # see above
    from alembic.script import ScriptDirectory

    config = alembic_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found not in known:
        msg = (
            f"The state {place} was written by a newer version of this program (schema {found}, this one knows {HEAD}). "
            "Install the newer version, or restore the backup made before it was used."
        )
        raise StateRefusedError(msg)
    try:
        command.upgrade(config, "head")
    except (LookupError, TypeError, ValueError) as error:  # of a record that a step cannot read
        msg = (
            f"The state {place} cannot be brought from schema {found} to {HEAD}: {error}. It is as it was. Restore it from a backup, or "
            "import its last export into a new one with 'watcher state import'."
        )
        raise StateError(msg) from error


def _create(connection: Connection) -> None:
    """Create all tables where there are none."""
    METADATA.create_all(connection, checkfirst=False)
    _VERSION.create(connection, checkfirst=True)  # an interrupted migration may have left it empty
    connection.execute(_VERSION.insert().values(version_num=HEAD))


def alembic_config(connection: Connection) -> Config:
    """Name the package's migrations and the connection that they run on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "watcher.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _refuse_strangers(connection: Connection, place: Place) -> None:
    taken = sorted(set(inspect(connection).get_table_names()) & set(METADATA.tables))
    if taken:
        msg = (
            f"The state {place} has tables that this program did not make ({', '.join(taken)}). "
            "Give the watcher a database, or a schema, of its own."
        )
        raise StateRefusedError(msg)
