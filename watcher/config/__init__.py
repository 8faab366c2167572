"""One TOML file becomes one frozen ``Settings`` record, or an error that names file,
line, key, cause and remedy.
"""

from __future__ import annotations

from watcher.config.load import load
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
