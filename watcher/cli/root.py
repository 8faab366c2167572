"""The command line's root: ``watcher`` itself, which only says its version; the commands hang themselves on it."""

from __future__ import annotations

from typing import Annotated

import typer

from watcher import __version__

app = typer.Typer(
    name="watcher",
    epilog="Example: watcher init && watcher check && watcher run",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: rich is not loaded for it
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _say_version(wanted: bool) -> None:  # typer calls it with the flag's value
    if wanted:
        typer.echo(f"watcher {__version__}")
        raise typer.Exit


@app.callback()
def watcher(
    *,
    _version: Annotated[bool, typer.Option("--version", help="Say which version this is.", callback=_say_version, is_eager=True)] = False,
) -> None:
    """Tells administrators that an update is out, was pulled, or is back as v2."""
