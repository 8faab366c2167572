"""A mail server greeted as before a message, and nothing sent.

Can it be reached, how safe is it, does the login hold.
"""

from __future__ import annotations

import ssl

from watcher.notifiers import Settings, smtp


def greet(settings: Settings) -> str:
    """Connect, encrypt and log in, hang up.

    Say what was agreed.  Raises DeliveryError, ConfigurationError.
    """
    with smtp.connect(settings) as line:
        if not isinstance(line, smtp.Line):  # pragma: no cover - what connect gives
            return ""
        connection = line.greet()
        safe = (
            f"with {connection.sock.version()}"
            if isinstance(connection.sock, ssl.SSLSocket)
            else "without TLS"
        )
        login = "logged in" if line.credentials else "no login"
        return f"{line.server.host}:{line.server.port} answers {safe}, {login}"
