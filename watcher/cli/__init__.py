"""The commands of ``watcher``, a file each, named like it; see docs/commands.md.

``watcher.cli.app`` is the whole of them.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import typer

from watcher.cli import call

app: typer.Typer

# In the order in which help lists them; groups of commands come last
COMMANDS = (
    "run",
    "work",
    "send",
    "replay",
    "status",
    "doctor",
    "events",
    "show",
    "build",
    "inventory",
    "sources",
    "check",
    "init",
    "demo",
    "wording",
    "ack",
    "mute",
    "publish",
    "state",
    "mail",
)


def load(command: str = "") -> typer.Typer:
    """Load ``command`` with what it needs; every command where it names none.

    ``--version`` needs no command.
    """
    # All of them take 0.1 s more, of the 0.3 s of a run that finds nothing due, and
    # 0.2 s more than the version takes
    names: tuple[str, ...] = (command,) if command in COMMANDS else COMMANDS
    if command == "--version":
        names = ()
    for name in names:
        import_module(f"watcher.cli.{name}")
    call.app.registered_commands.sort(key=lambda each: COMMANDS.index(each.name or ""))
    return call.app


def __getattr__(name: str) -> object:
    if name == "app":
        return load()
    raise AttributeError(name)


def main() -> None:
    """Run the command that the command line names."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that lacks a letter shows its code
            stream.reconfigure(errors="backslashreplace")
    try:
        load(sys.argv[1] if len(sys.argv) > 1 else "")(prog_name="watcher")
    finally:
        # Whatever needs it was closed; to look for garbage while Python ends takes 0.08 s,
        # a sixth of a run in which nothing has changed
        gc.freeze()
