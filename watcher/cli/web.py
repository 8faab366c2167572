"""The live web, asked as the configuration says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from watcher.config import Settings
from watcher.web import FetchSettings
from watcher.web.fetch import Fetcher
from watcher.web.recorder import Recorder


@contextmanager
def live_web(settings: Settings, record: Path | None = None) -> Iterator[Fetcher]:
    """Open the live web, asked as the configuration says.

    Every response is appended to the recording ``record``.
    """
    secrets = {secret.name: secret.reveal() for secret in settings.secrets}
    asked = FetchSettings(
        contact=settings.contact,
        ca_bundle=settings.ca_bundle,
        secrets=secrets,
        source=settings.limits.source.total_seconds(),
        run=settings.limits.asking.total_seconds(),
    )
    if record is None:
        with Fetcher(asked) as web:
            yield web
        return
    # A recording is made to be passed on: the secrets are taken out of its addresses
    with Recorder(record, secrets) as recorder, Fetcher(asked, recorder) as web:
        yield web
