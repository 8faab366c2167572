"""The live web and its sources, as commands ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.errors import ConfigurationError
from watcher.records import Source

if TYPE_CHECKING:
    from watcher.config import Settings
    from watcher.web.fetch import Fetcher


@contextmanager
def live_web(settings: Settings, record: Path | None = None) -> Iterator[Fetcher]:
    """Open the live web, asked as the configuration says.

    Every response is appended to the recording ``record``.
    """
    from watcher.web import FetchSettings
    from watcher.web.fetch import Fetcher

    secrets = {secret.name: secret.reveal() for secret in settings.secrets}
    asked = FetchSettings(
        contact=settings.contact, ca_bundle=settings.ca_bundle, secrets=secrets
    )
    if record is None:
        with Fetcher(asked) as web:
            yield web
        return
    from watcher.web.recorder import Recorder

    with Recorder(record, secrets) as recorder, Fetcher(asked, recorder) as web:
        yield web


def named(settings: Settings, name: str) -> Source:
    """Give the configured source of that name.

    Raises ConfigurationError that names the nearest one.
    """
    from watcher.config.complaints import meant

    found = next((source for source in settings.sources if source.name == name), None)
    if found is None:
        raise ConfigurationError(
            f'there is no source "{name}". '
            f"{meant(name, [source.name for source in settings.sources])}"
        )
    return found
