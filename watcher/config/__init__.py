"""One TOML file becomes one frozen ``Settings`` record, or an error that names file,
line, key, cause and remedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from watcher.config import reading, settling
from watcher.config.complaints import Complaints
from watcher.settings import Channel, Heartbeat, Mail, OAuth, Operator, Secret, Settings

__all__ = [
    "Channel",
    "Heartbeat",
    "Mail",
    "OAuth",
    "Operator",
    "Secret",
    "Settings",
    "load",
]


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the configuration.

    ``path`` is what ``--config`` names, None to look in the usual places; without any
    file the built-in defaults run. Raises ConfigurationError with everything that is
    wrong, a line each.
    """
    file = reading.find(path, environ)
    text = reading.read(file) if file else ""
    complaints = Complaints(str(file) if file else "(built-in defaults)", text)
    tables = reading.tables(text, complaints)
    settings = settling.settings(tables, file, environ, complaints)
    complaints.settle()
    return settings
