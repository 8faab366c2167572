"""How messages leave by HTTP: whose certificates are trusted, and what was answered.

requests' adapter, for sessions of our own and for those that libraries make.
"""

from __future__ import annotations

import ssl
from datetime import timedelta
from typing import Any

import requests
from msgspec import Struct
from requests.adapters import HTTPAdapter

LONGEST_WAIT = timedelta(days=1)
"""Longer than this no server's word keeps a message waiting."""


class Exchange(Struct, frozen=True):
    """One request and what came of it: a status, 0 for none, and what broke, if anything."""

    method: str
    status: int = 0
    wait: timedelta = timedelta()
    trouble: Exception | None = None

    @property
    def never_made(self) -> bool:
        """Whether no connection was made, so that nothing can have been taken."""
        never = (
            requests.ConnectTimeout,
            requests.exceptions.ProxyError,
            requests.exceptions.SSLError,
            ValueError,
        )
        # requests has no type of its own for a name that is not found or a refusal
        return isinstance(self.trouble, never) or "NewConnectionError" in repr(
            self.trouble
        )


class Adapter(HTTPAdapter):
    """Sends by the trust that all have, and keeps what was answered in ``exchanges``."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        """Trust what ``trust`` does, at a proxy of https, too."""
        self._trust = trust
        self.exchanges: list[Exchange] = []
        super().__init__()

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401
        """Send one request, and read its whole answer."""
        method = str(request.method)
        # One that a server has tired of would look like a message that was lost
        request.headers["Connection"] = "close"
        status = 0
        try:
            response = super().send(request, **more)
            status = response.status_code
            # Read here, or what breaks now would not be seen
            _ = response.content
        except (requests.RequestException, OSError, ValueError) as error:
            self.exchanges.append(Exchange(method, status, trouble=error))
            raise
        wait = asked_wait(response.headers.get("Retry-After", ""))
        self.exchanges.append(Exchange(method, status, wait))
        return response

    def build_connection_pool_key_attributes(
        self,
        request: Any,  # noqa: ANN401
        verify: Any,  # noqa: ANN401
        cert: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Verify always, by the one trust."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            pool = {"cert_reqs": "CERT_REQUIRED", "ssl_context": self._trust}
        return host, pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ANN401
        """Leave the pool as it is: it verifies by the one trust."""

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401
        """Verify a proxy of https likewise; SOCKS brings its own."""
        if proxy.lower().startswith("https"):
            kwargs["proxy_ssl_context"] = self._trust
        return super().proxy_manager_for(proxy, **kwargs)


def asked_wait(header: str) -> timedelta:
    """Read Retry-After in its form in seconds; nothing where it has another."""
    text = header.strip()
    if not (text.isascii() and text.isdigit()):
        return timedelta()
    return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
