"""The commands of ``watcher``, each module a group of them; see docs/commands.md."""

from __future__ import annotations

import sys

from watcher.cli import asking, checking, doctoring, fetching, keeping, mailing, noting, reading, servers, setting_up, telling
from watcher.cli.app import app

__all__ = [
    "app",
    "asking",
    "checking",
    "doctoring",
    "fetching",
    "keeping",
    "mailing",
    "main",
    "noting",
    "reading",
    "servers",
    "setting_up",
    "telling",
]

ORDER = (
    "run",
    "send",
    "replay",
    "status",
    "doctor",
    "events",
    "show",
    "build",
    "sources",
    "check",
    "init",
    "wording",
    "ack",
    "mute",
    "publish",
)
app.registered_commands.sort(key=lambda command: ORDER.index(command.name or ""))


def main() -> None:
    """Run the command that the command line names."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter shows its code
    app(prog_name="watcher")
