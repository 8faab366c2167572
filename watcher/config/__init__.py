"""One TOML file becomes one frozen ``Settings`` record, or an error that names file, line, key and remedy."""

from __future__ import annotations

from watcher.config.settings import Channel, Mail, Secret, Settings

__all__ = ["Channel", "Mail", "Secret", "Settings"]
