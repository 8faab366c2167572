"""The live web, asked as the configuration says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.config import Settings
from watcher.errors import DeliveryError
from watcher.settings import OAuth
from watcher.web import FetchError, FetchSettings
from watcher.web.failures import AGAIN
from watcher.web.fetch import Fetcher
from watcher.web.recorder import Recorder

if TYPE_CHECKING:
    from watcher.notifiers.microsoft import Tokens


class GraphLogin:
    """The client of [mail], which logs in for the sources that Graph has, too."""

    def __init__(self, oauth: OAuth, ca_bundle: Path | None) -> None:
        """Prepare; a token is fetched when a source wants one."""
        self.graph = oauth.graph
        self._oauth = oauth
        self._ca_bundle = str(ca_bundle) if ca_bundle else None
        self._tokens: Tokens | None = None
        self._lock = threading.Lock()

    def token(self) -> str:
        """Give a token of Graph's.  Raises FetchError with Microsoft's own words."""
        # Loads requests and msal, which a run that asks nothing of Graph does not need
        from watcher.notifiers.microsoft import Tokens

        with self._lock:
            # msal keeps a token until shortly before its end
            self._tokens = self._tokens or Tokens(self._oauth, self._ca_bundle)
            try:
                return self._tokens.token(f"{self.graph}/.default")
            except DeliveryError as error:
                raise FetchError(
                    error.answer, AGAIN, passing=not error.settings_wrong
                ) from error

    def forget(self) -> None:
        """Let the next token be a new one."""
        with self._lock:
            self._tokens = None


@contextmanager
def live_web(settings: Settings, record: Path | None = None) -> Iterator[Fetcher]:
    """Open the live web, asked as the configuration says.

    Every response is appended to the recording ``record``.
    """
    secrets = {secret.name: secret.reveal() for secret in settings.secrets}
    oauth = settings.mail.oauth
    asked = FetchSettings(
        contact=settings.contact,
        ca_bundle=settings.ca_bundle,
        secrets=secrets,
        login=GraphLogin(oauth, settings.ca_bundle) if oauth else None,
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
