"""``watcher publish``, ``watcher state export`` and ``watcher state import``.

The whole state as sorted text, made for git.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from watcher import report
from watcher.cli.calling import Call, command
from watcher.cli.root import Commands, app
from watcher.counted import counted
from watcher.errors import ConfigurationError

group = typer.Typer(
    cls=Commands,
    help="Write the whole state as sorted text, or read it back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(group, name="state")


@command("publish", "watcher publish")
def publish(call: Call) -> None:
    """Rebuild feeds and page from the ledger.

    A run publishes by itself what it has changed.  This looks through everything, and
    writes the files that differ.
    """
    from watcher.run import site

    settings = call.settings()
    # To read, which creates none
    with call.store(settings) as store:
        now = store.last_check()
    if now is None:
        raise ConfigurationError(
            "there is nothing to publish yet. Start a check first: watcher run"
        )
    with call.store(settings, hold=True) as store:
        changed = site.write(settings, store, now)
    report.write(f"{settings.site}: {counted(changed, 'file')} changed.")


@command("export", "watcher state export state-text", group)
def export(
    call: Call,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to write to.")
    ],
) -> None:
    """Write the state as sorted text, a file a table.

    Equal state gives equal bytes; check times lie in times.jsonl, which need not be
    kept.
    """
    settings = call.settings()
    with call.store(settings) as store:
        store.export(folder)
    report.write(f"The state lies in {folder}.")


@command("import", "watcher state import state-text", group)
def import_(
    call: Call,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that export wrote.")
    ],
) -> None:
    """Fill an empty state from an export."""
    settings = call.settings()
    with call.store(settings, hold=True) as store:
        store.import_(folder)
    report.write(f"The state of {folder} was read.")
