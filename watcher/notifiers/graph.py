"""Messages by Microsoft Graph's sendMail, in MIME form.

Base64 in a text/plain body, answered by 202 where all is well.

Graph sends to whom the message's headers name, to all of them or to none, so one
answer is every recipient's.
https://learn.microsoft.com/graph/outlook-send-mime-message
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import requests
from msgspec import Struct
from msgspec.structs import replace

from watcher import trust
from watcher.errors import ConfigurationError, DeliveryError
from watcher.notifiers import Notifier, Receipt, SendingTime, addressed
from watcher.notifiers.http import Adapter, asked_wait
from watcher.notifiers.microsoft import UNREACHABLE, Tokens, session
from watcher.records import DeliveryState, Message
from watcher.settings import Settings

_UNAUTHORIZED = 401
# Wrong rights or mailbox: the configuration's mistake, not the message's
_OURS = frozenset({_UNAUTHORIZED, 403, 404, 405, 410})
_TRANSIENT = frozenset({408, 429})
# A gateway says that nobody answered it in time: what it had handed on may be done
_LATE = frozenset({502, 504})
_RECIPIENTS = "ErrorInvalidRecipients"


class Answer(Struct, frozen=True):
    """What came of one request, for every recipient."""

    state: DeliveryState
    answer: str
    wait: timedelta = timedelta()
    settings_wrong: bool = False
    # One of the recipients is the cause
    blames_recipients: bool = False

    def receipt(self, recipient: str) -> Receipt:
        """Give it as a recipient's receipt."""
        return Receipt(
            recipient, self.state, self.answer, self.wait, self.settings_wrong
        )


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
    adapter = Adapter(trust.context(tokens.ca_bundle))
    with session(adapter) as opened:
        mailbox = settings.mail.smtp.removeprefix("graph://")
        yield Mailbox(mailbox, tokens, opened, adapter)


class Mailbox(Struct):
    """A mailbox that sends.

    ``away`` is what came of it when Graph could not be asked in this run, None when it
    can.
    """

    name: str
    tokens: Tokens
    session: requests.Session
    # By which the session asks
    adapter: Adapter
    away: Answer | None = None

    def send(
        self,
        message: Message,
        recipients: Sequence[str],
        time: SendingTime | None = None,
    ) -> list[Receipt]:
        """Send ``message``, once for all its recipients.

        Where Graph refuses one of them, and so all, it is sent to each alone.
        """
        time = time or SendingTime()
        if time.is_over:
            return []
        self.adapter.time = self.tokens.adapter.time = time
        answer = self._send(message)
        if len(recipients) > 1 and answer.blames_recipients:
            receipts = []
            for recipient in recipients:
                alone = replace(message, body=addressed(message.body, to=[recipient]))
                receipts += self.send(alone, [recipient], time)
            return receipts
        return [answer.receipt(recipient) for recipient in recipients]

    def targets(self, recipient: str) -> list[str]:
        """Name the recipient: it stands for itself."""
        return [recipient]

    def _send(self, message: Message) -> Answer:
        if self.away:
            return self.away
        body = io.BytesIO(base64.b64encode(message.body))
        try:
            answer = self._posted(body)
            # A token may end, or be revoked, before its time
            if answer.status_code == _UNAUTHORIZED:
                self.tokens.forget()
                body.seek(0)
                answer = self._posted(body)
        except DeliveryError as error:
            self.away = Answer(
                DeliveryState.DEFERRED,
                error.answer,
                settings_wrong=error.settings_wrong,
            )
            return self.away
        except requests.RequestException as error:
            return self._cut(error, is_whole=body.tell() == len(body.getbuffer()))
        return self._judged(answer)

    def _posted(self, body: io.BytesIO) -> requests.Response:
        """Ask for a token, and Graph to send.

        Raises DeliveryError without a token, RequestException without an answer.
        """
        oauth = self.tokens.oauth
        token = self.tokens.token(f"{oauth.graph}/.default")
        self.adapter.exchanges.clear()
        return self.session.post(
            f"{oauth.graph}/v1.0/users/{quote(self.name, safe='@')}/sendMail",
            data=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "text/plain"},
            allow_redirects=False,
        )

    def _cut(self, error: requests.RequestException, *, is_whole: bool) -> Answer:
        """Judge a request without an answer.

        What was cut after a connection was made, and all of it was sent, may have been
        taken.
        """
        where = self.tokens.oauth.graph
        lost = f"{where}: the connection was lost before its answer"
        # Also TLS that breaks behind the message, which says nothing of a certificate
        if is_whole:
            return Answer(
                DeliveryState.UNKNOWN, f"{lost}; the message may have been sent"
            )
        if isinstance(error, requests.exceptions.SSLError):
            self.away = Answer(
                DeliveryState.DEFERRED,
                f"{where}: its certificate is not trusted. Name its authority's "
                "file as ca_bundle in [watch]",
                settings_wrong=True,
            )
            return self.away
        exchanges = self.adapter.exchanges
        if not exchanges or exchanges[-1].never_made:
            self.away = Answer(DeliveryState.DEFERRED, f"{where}: {UNREACHABLE}")
            return self.away
        return Answer(DeliveryState.DEFERRED, f"{lost}, in the middle of the message")

    def _judged(self, answer: requests.Response) -> Answer:
        status = answer.status_code
        if 200 <= status < 300:
            answered = f"{status} {answer.headers.get('request-id', '')}"
            return Answer(DeliveryState.ACCEPTED, answered.strip())
        said = f"Graph answered {status} {_said(answer)}".strip()
        if status in _LATE:
            return Answer(
                DeliveryState.UNKNOWN, f"{said}; the message may have been sent"
            )
        if status in _OURS:
            check = (
                f"Check that {self.name} is a mailbox, and that the client has "
                "Mail.Send for it"
            )
            return Answer(
                DeliveryState.DEFERRED, f"{said}. {check}", settings_wrong=True
            )
        if status < 400:
            return Answer(
                DeliveryState.DEFERRED,
                f"{said}. Correct graph in [mail], or the proxy",
                settings_wrong=True,
            )
        if status < 500 and status not in _TRANSIENT:
            return Answer(
                DeliveryState.REFUSED, said, blames_recipients=_RECIPIENTS in said
            )
        wait = asked_wait(answer.headers.get("Retry-After", ""))
        deferred = Answer(DeliveryState.DEFERRED, said, wait)
        # https://learn.microsoft.com/graph/throttling: ask no more until then
        self.away = deferred if wait else None
        return deferred


def _said(answer: requests.Response) -> str:
    """Give Graph's own words: ``{"error": {"code": ..., "message": ...}}``."""
    try:
        error: Any = answer.json()["error"]
        return " ".join(f"{error['code']}: {error['message']}".split())[:300]
    except (ValueError, KeyError, TypeError):
        return ""
