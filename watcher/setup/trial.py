"""What is answered is tried out at once: the host is there, it answers, it lets us in."""

from __future__ import annotations

import socket
from datetime import datetime

from watcher import notifiers
from watcher.config import Settings
from watcher.errors import ConfigurationError
from watcher.mail import render
from watcher.notifiers import Receipt, smtp
from watcher.notifiers.microsoft import Tokens
from watcher.records import Letter, Message, Subscriber
from watcher.setup.words import say
from watcher.text.words import words_of

# Where mail servers take mail, in the order of RFC 8314 and 6409, then each other's
PORTS = (587, 465, 25)
# Seconds that a connection may take; a firewall that drops it says nothing
PATIENCE = 5.0


def open_port(host: str) -> int:
    """Give the first of the usual ports that ``host`` answers on.

    Raises ConfigurationError when there is no such host, or none of them is open.
    """
    _resolve(host)
    for port in PORTS:
        try:
            with socket.create_connection((host, port), PATIENCE):
                return port
        except OSError:
            continue
    raise ConfigurationError(
        say("error.closed", host=host, ports=", ".join(map(str, PORTS)))
    )


def _resolve(host: str) -> None:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        raise ConfigurationError(say("error.host", host=host)) from None


def sign_in(settings: Settings) -> str:
    """Do as before a message, and say what was agreed.

    Raises DeliveryError, ConfigurationError.
    """
    if not settings.mail.smtp.startswith("graph:"):
        return smtp.greet(settings)
    tokens = Tokens.of(settings)
    if tokens is None:
        raise ConfigurationError("graph:// needs tenant and client.")
    tokens.token(f"{tokens.oauth.graph}/.default")
    return f"{tokens.oauth.authority} gives a token"


def test_message(reader: Subscriber, settings: Settings, at: datetime) -> Message:
    """Compose the message that says that mail works."""
    words = words_of(settings.templates)
    letter = Letter(
        "operator",
        reader,
        subject=words.say("operator", "test"),
        lines=(words.say("operator", "test_text"),),
    )
    return render.message(letter, settings, at)


def send_test(settings: Settings, to: str, at: datetime) -> Receipt:
    """Send one test message to an address, as every message leaves."""
    message = test_message(Subscriber("test", (to,)), settings, at)
    with notifiers.connect(settings) as notifier:
        (receipt,) = notifier.send(message, [to])
    return receipt
