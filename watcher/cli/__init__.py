"""The commands of ``watcher``, each module a group of them; see docs/commands.md.

A run loads the module of its command alone: the others, and what they need, would cost
more than many a check. ``watcher.cli.app`` is the whole of them.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

    app: typer.Typer

COMMANDS = {
    "run": "checking",
    "send": "checking",
    "replay": "replaying",
    "status": "asking",
    "doctor": "doctoring",
    "events": "asking",
    "show": "telling",
    "build": "servers",
    "sources": "fetching",
    "check": "setting_up",
    "init": "setting_up",
    "wording": "reading",
    "ack": "noting",
    "mute": "noting",
    "publish": "keeping",
    "mail": "mailing",
    "state": "keeping",
}
"""The module of each command, in the order in which help lists them; groups of commands come last."""


def load(command: str = "") -> typer.Typer:
    """Load the module of ``command``; all of them where it names none."""
    from watcher.cli.root import app

    named = COMMANDS.get(command)
    for module in dict.fromkeys(COMMANDS.values()) if named is None else (named,):
        import_module(f"watcher.cli.{module}")
    order = list(COMMANDS)
    app.registered_commands.sort(key=lambda each: order.index(each.name or ""))
    return app


def __getattr__(name: str) -> object:
    if name == "app":
        return load()
    raise AttributeError(name)


def _loaded(phase: str, _about: dict[str, int]) -> None:
    """Collect as usual from the first collection on, and leave out what was loaded until then."""
    if phase == "stop" and _loaded in gc.callbacks:
        gc.callbacks.remove(_loaded)
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)


def main() -> None:
    """Run the command that the command line names."""
    # Hundreds of modules are loaded, and none of them is garbage: to look through them
    # costs a tenth of a run
    gc.set_threshold(300_000)
    gc.callbacks.append(_loaded)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that lacks a letter shows its code
            stream.reconfigure(errors="backslashreplace")
    load(sys.argv[1] if len(sys.argv) > 1 else "")(prog_name="watcher")
