"""Tokens of Microsoft 365 by client credentials (RFC 6749 section 4.4), through msal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import requests

from watcher import trust
from watcher.errors import DeliveryError
from watcher.notifiers.http import Adapter
from watcher.settings import OAuth, Settings

SMTP_SCOPE = "https://outlook.office365.com/.default"
TIMEOUT = 30.0
"""Seconds that an answer may take."""

# RFC 6749 section 4.1.2.1
_PASSING = {"temporarily_unavailable", "server_error"}

UNREACHABLE = (
    "it could not be reached; see whether this machine reaches the internet, and "
    "whether it needs a proxy (HTTPS_PROXY)"
)


def session(adapter: Adapter) -> requests.Session:
    """Give a session that asks by ``adapter``, and waits for no answer for ever."""
    made = requests.Session()
    made.request = partial(made.request, timeout=TIMEOUT)  # type: ignore[method-assign]  # as msal's own documentation does
    made.mount("https://", adapter)
    return made


@dataclass(slots=True)
class Tokens:
    """Fetches tokens when they are needed; msal keeps each until shortly before it ends.

    ``adapter`` is by which Microsoft is asked for them.
    """

    oauth: OAuth
    ca_bundle: str | None = None
    adapter: Adapter = field(init=False, repr=False)
    application: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Make the adapter."""
        self.adapter = Adapter(trust.context(self.ca_bundle))

    @classmethod
    def of(cls, settings: Settings) -> Tokens | None:
        """Give the tokens of the configured client, None without one."""
        bundle = str(settings.ca_bundle) if settings.ca_bundle else None
        return cls(settings.mail.oauth, bundle) if settings.mail.oauth else None

    def token(self, scope: str) -> str:
        """Fetch a token for ``scope``.

        Raises DeliveryError with Microsoft's own words when there is none.
        """
        try:
            self.application = self.application or self._application()
            answer = self.application.acquire_token_for_client(scopes=[scope])
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            # Requests' errors are OSErrors; msal raises the others
            raise DeliveryError(
                f"{self.oauth.authority}: no token could be fetched ({_cause(error)})",
                settings_wrong=isinstance(error, requests.exceptions.SSLError)
                or not isinstance(error, OSError),
            ) from error
        if "access_token" not in answer:
            # "AADSTS7000215: Invalid client secret provided." and a trace of lines
            why = answer.get("error_description") or answer.get("error")
            said = " ".join(str(why or "no reason was given").split())[:300]
            check = "Check tenant and client in [mail], and the client's secret or certificate"
            raise DeliveryError(
                f"{self.oauth.authority}: it gave no token ({said}). {check}",
                # AADSTS90033 and its like come with a 5xx; a wrong client does not
                settings_wrong=answer.get("error") not in _PASSING,
            )
        return str(answer["access_token"])

    def forget(self) -> None:
        """Let the next token be a new one.

        Microsoft does not take the one that msal keeps any more.
        """
        self.application = None

    def _application(self) -> Any:  # noqa: ANN401 - msal has no types
        """Make msal's application.

        The authority is taken as it is configured, without asking Microsoft whether it
        is one.
        """
        import msal

        secret, certificate = self.oauth.secret, self.oauth.certificate
        pem = certificate.reveal() if certificate else ""
        credential: Any = secret.reveal() if secret else None
        if pem:
            credential = {"private_key": _key(pem), "public_certificate": pem}
        return msal.ConfidentialClientApplication(
            self.oauth.client,
            authority=f"{self.oauth.authority}/{self.oauth.tenant}",
            client_credential=credential,
            instance_discovery=False,
            http_client=session(self.adapter),
        )


def _key(pem: str) -> str:
    """Take the private key out of a PEM text that holds its certificate, too."""
    found = re.search(
        r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", pem, re.DOTALL
    )
    if found is None:
        raise ValueError("the certificate's private key cannot be read")
    return found[0]


def _cause(error: Exception) -> str:
    """Name what failed; the whole text of a certificate or an address is nothing for a log."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted; name its authority's file as ca_bundle in [watch]"
    if isinstance(error, requests.RequestException):
        return UNREACHABLE
    return type(error).__name__ if len(text) > 200 or not text else text
