"""Messages by Microsoft Graph's sendMail, in MIME form.

Base64 in a text/plain body, answered by 202 where all is well.

Graph sends to whom the message's headers name, to all of them or to none, so one
answer is every recipient's.
https://learn.microsoft.com/graph/outlook-send-mime-message
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import requests
from msgspec import Struct

from watcher.errors import ConfigurationError, DeliveryError
from watcher.notifiers import Notifier, Receipt
from watcher.notifiers.microsoft import UNREACHABLE, Tokens, session
from watcher.records import DeliveryState, Message
from watcher.settings import Settings

_UNAUTHORIZED = 401
# Wrong rights or mailbox: the configuration's mistake, not the message's
_OURS = frozenset({_UNAUTHORIZED, 403, 404})
_TRANSIENT = frozenset({408, 429})
# A gateway says that nobody answered it in time: what it had handed on may be done
_LATE = frozenset({502, 504})
_LONGEST = timedelta(days=1)
"""Longer than this no server's word keeps a message waiting."""


@contextmanager
def connect(settings: Settings) -> Iterator[Notifier]:
    """Give a notifier that sends as the mailbox of ``graph://mailbox``.

    Raises ConfigurationError without a client to log in as.
    """
    tokens = Tokens.of(settings)
    if tokens is None:
        raise ConfigurationError(
            "[mail] smtp: graph:// needs tenant and client in [mail]."
        )
    with session(tokens.ca_bundle) as opened:
        yield Mailbox(settings.mail.smtp.removeprefix("graph://"), tokens, opened)


class Mailbox(Struct):
    """A mailbox that sends.

    ``away`` is why Graph cannot be asked in this run, "" when it can; ``wait`` is how
    long it wants to be left alone.
    """

    name: str
    tokens: Tokens
    session: requests.Session
    away: str = ""
    wait: timedelta = timedelta()

    def send(self, message: Message, recipients: Sequence[str]) -> list[Receipt]:
        """Send ``message``, once for all its recipients."""
        state, answer = DeliveryState.DEFERRED, self.away
        if not self.away:
            state, answer = self._send(message)
        # Graph answers once for all recipients
        return [
            Receipt(recipient, state, answer, self.wait) for recipient in recipients
        ]

    def _send(self, message: Message) -> tuple[DeliveryState, str]:
        try:
            answer = self._posted(message)
            # A token may end, or be revoked, before its time
            if answer.status_code == _UNAUTHORIZED:
                self.tokens.forget()
                answer = self._posted(message)
        except DeliveryError as error:
            self.away = error.answer
            return DeliveryState.DEFERRED, error.answer
        except requests.RequestException as error:
            return self._cut(error)
        return self._judged(answer)

    def _posted(self, message: Message) -> requests.Response:
        """Ask for a token, and Graph to send.

        Raises DeliveryError without a token, RequestException without an answer.
        """
        oauth = self.tokens.oauth
        token = self.tokens.token(f"{oauth.graph}/.default")
        return self.session.post(
            f"{oauth.graph}/v1.0/users/{quote(self.name, safe='@')}/sendMail",
            data=base64.b64encode(message.body),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "text/plain"},
            allow_redirects=False,
        )

    def _cut(self, error: requests.RequestException) -> tuple[DeliveryState, str]:
        """Judge a request without an answer.

        What was cut after a connection was made may have been taken.
        """
        where = self.tokens.oauth.graph
        if isinstance(error, requests.exceptions.SSLError):
            self.away = (
                f"{where}: its certificate is not trusted. Name its authority's "
                "file as ca_bundle in [watch]"
            )
            return DeliveryState.DEFERRED, self.away
        unreachable = (requests.ConnectTimeout, requests.exceptions.ProxyError)
        # Requests has no type of its own for a name that is not found or a refusal
        if isinstance(error, unreachable) or "NewConnectionError" in repr(error):
            self.away = f"{where}: {UNREACHABLE}"
            return DeliveryState.DEFERRED, self.away
        return (
            DeliveryState.UNKNOWN,
            f"{where}: the connection was lost before its answer; the message may have been sent",
        )

    def _judged(self, answer: requests.Response) -> tuple[DeliveryState, str]:
        if 200 <= answer.status_code < 300:
            answered = f"{answer.status_code} {answer.headers.get('request-id', '')}"
            return DeliveryState.ACCEPTED, answered.strip()
        said = f"Graph answered {answer.status_code} {_said(answer)}".strip()
        if answer.status_code in _LATE:
            return DeliveryState.UNKNOWN, f"{said}; the message may have been sent"
        if answer.status_code in _OURS:
            check = (
                f"Check that {self.name} is a mailbox, and that the client has "
                "Mail.Send for it"
            )
            return DeliveryState.DEFERRED, f"{said}. {check}"
        if 400 <= answer.status_code < 500 and answer.status_code not in _TRANSIENT:
            return DeliveryState.REFUSED, said
        self.wait = _wait(answer.headers.get("Retry-After", ""))
        # Https://learn.microsoft.com/graph/throttling: ask no more until then
        self.away = said if self.wait else ""
        return DeliveryState.DEFERRED, said


def _wait(seconds: str) -> timedelta:
    """Read Retry-After, of which Graph writes the form in seconds."""
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 9):
        return timedelta()
    return min(timedelta(seconds=int(seconds)), _LONGEST)


def _said(answer: requests.Response) -> str:
    """Give Graph's own words: ``{"error": {"code": ..., "message": ...}}``."""
    try:
        error: Any = answer.json()["error"]
        return " ".join(f"{error['code']}: {error['message']}".split())[:300]
    except (ValueError, KeyError, TypeError):
        return ""
