"""The mail server's address as ``[mail] smtp`` has it, read into what a connection needs."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from watcher.errors import ConfigurationError

TIMEOUT = 30.0
"""Seconds that the server may take for any one answer."""

_PORTS = {"smtp": 587, "smtps": 465}


class Server(Struct, frozen=True):
    """Where mail is handed over.

    ``starttls`` is ``required`` or ``never`` as the address's ``?starttls=`` says;
    without it, required when there is a password and else ``offered`` (used when the
    server offers it).
    """

    host: str
    port: int
    # TLS from the start
    implicit: bool
    starttls: str
    xoauth2: bool
    timeout: float


def server(address: str, *, credentials: bool) -> Server:
    """Read ``smtp://host:587``, ``smtps://host``.

    ``?starttls=never``, ``?auth=xoauth2`` and ``?timeout=10`` may follow.

    Raises ConfigurationError that names what is wrong.
    """
    try:
        parts = urlsplit(address)
        options = {
            key: values[-1]
            for key, values in parse_qs(
                parts.query, strict_parsing=bool(parts.query)
            ).items()
        }
        port = parts.port or _PORTS[parts.scheme]
        timeout = float(options.pop("timeout", TIMEOUT))
    except (ValueError, KeyError) as error:
        raise ConfigurationError(
            "[mail] smtp: write smtp://mail.example.org:587 or smtps://mail.example.org."
        ) from error
    starttls, auth = options.pop("starttls", ""), options.pop("auth", "password")
    if parts.username or parts.password:
        raise ConfigurationError(
            "[mail] smtp: the password is WATCHER_SMTP_PASSWORD; it has no place in the address."
        )
    known = (
        starttls in {"", "required", "never"}
        and auth in {"password", "xoauth2"}
        and timeout > 0
    )
    if not parts.hostname or options or not known:
        raise ConfigurationError(
            "[mail] smtp: only starttls=required or never, auth=password or "
            "xoauth2, and timeout=SECONDS may follow the host."
        )
    chosen = starttls or ("required" if credentials else "offered")
    return Server(
        parts.hostname,
        port,
        parts.scheme == "smtps",
        chosen,
        auth == "xoauth2",
        timeout,
    )
