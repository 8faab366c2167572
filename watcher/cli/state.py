"""``watcher state export`` and ``watcher state import``.

The whole state as sorted text, made for git.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import Call, Commands, app, command

group = typer.Typer(
    cls=Commands,
    help="Write the whole state as sorted text, or read it back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


app.add_typer(group, name="state")


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
