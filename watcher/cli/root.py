"""The command line's root.

``watcher`` itself, which only says its version; the commands hang themselves on it.
"""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from watcher import __version__


class Commands(TyperGroup):
    """The commands of a group.

    Of an option before their names it says that it belongs after them.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer has moved the class of contexts
        """Read what stands before the command."""
        own = {word for parameter in self.get_params(ctx) for word in parameter.opts}
        name = next((word for word in args if word in self.commands), None)
        if name and args[0].startswith("-") and args[0].partition("=")[0] not in own:
            place = args.index(name)
            meant = shlex.join([name, *args[place + 1 :], *args[:place]])
            ctx.fail(
                f"{args[0]} stands before the command. Options of a command "
                f"belong after it: {ctx.command_path} {meant}"
            )
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="watcher",
    cls=Commands,
    epilog="Example: watcher init && watcher check && watcher run",
    add_completion=False,
    no_args_is_help=True,
    # Plain help: rich is not loaded for it
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


# Typer calls it with the flag's value
def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"watcher {__version__}")
        raise typer.Exit


@app.callback()
def watcher(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Say which version this is.",
            callback=_say_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Tells administrators that an update is out, was pulled, or is back as v2."""
