"""``watcher state export``, ``watcher state import`` and ``watcher state folders``.

The whole state as sorted text, made for git, and what lies beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import Call, Commands, app, command
from watcher.errors import StateError
from watcher.run.monitoring import ask

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
    try:
        with call.store(settings, hold=True) as store:
            store.import_(folder)
    except StateError:
        # A scheduled run begins with it, and there is none when it fails
        if settings.heartbeat is not None:
            ask(settings.heartbeat.failure, settings, warn)
        raise
    report.write(f"The state of {folder} was read.")


def warn(text: str) -> None:
    """Say what went wrong with the heartbeat."""
    report.LOG.warning("%s", text)


@command("folders", "watcher state folders", group)
def folders(call: Call) -> None:
    """Name the folders that a run writes beside the state, a line each.

    Name and path, with a tab between: outbox, evidence (where it is kept) and site.
    A machine that is lost after each run carries the first two with the export.
    """
    settings = call.settings()
    beside = {
        "outbox": settings.mail.outbox,
        "evidence": settings.evidence,
        "site": settings.site,
    }
    for name, path in beside.items():
        if path is not None:
            report.write(f"{name}\t{path.absolute()}")
