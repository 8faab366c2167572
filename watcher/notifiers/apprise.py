"""Channels beside mail through Apprise.

Teams, Slack, ntfy, webhooks and the many others that it knows.

Recipients are names of channels.  Apprise says only whether a service took a text; the
HTTP status that it logs tells whether it is worth another try.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from watcher.kinds import EVENT_KINDS
from watcher.notifiers import Notifier, Receipt
from watcher.records import DeliveryState, Message
from watcher.settings import Secret, Settings
from watcher.text import chat

_STATUS = re.compile(r"error=(\d{3})\b")
_TRANSIENT = frozenset({408, 425, 429})
# A gateway says that nobody answered it in time
_LATE = frozenset({502, 504})
# As Apprise's plugins log an exception of requests
_CONNECTION = re.compile(r"Socket Exception: (.*)")
_NEVER_MADE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|connect timeout|ProxyError"
    r"|SSLError|certificate|Invalid URL|No connection adapters",
    re.IGNORECASE,
)
_LOUDNESS = {row.kind.value: row.loudness for row in EVENT_KINDS.values()} | {
    "operator": "warning"
}
_UNKNOWN = (
    "no address that Apprise knows; see its documentation for the form of the "
    "service's address"
)


@contextmanager
def connect(settings: Settings) -> Iterator[Notifier]:
    """Give a notifier of the configured channels; each is opened when it is first needed."""
    yield Channels({channel.name: channel.url for channel in settings.channels})


def mistakes(settings: Settings) -> list[str]:
    """Name the channels whose addresses Apprise does not know."""
    channels = Channels({channel.name: channel.url for channel in settings.channels})
    return [
        f"the channel {name}: {_UNKNOWN}"
        for name in channels.addresses
        if channels.service(name) is None
    ]


@dataclass(slots=True)
class Channels:
    """The channels by name.

    ``open`` holds those that were used: a service may want pauses between two texts.
    """

    addresses: Mapping[str, Secret]
    open: dict[str, Any] = field(default_factory=dict, repr=False)

    def send(self, message: Message, recipients: Sequence[str]) -> list[Receipt]:
        """Send ``message`` in short to each of the channels ``recipients``."""
        return [Receipt(name, *self._send(message, name)) for name in recipients]

    def service(self, name: str) -> Any:  # noqa: ANN401 - Apprise has no types
        """Give Apprise's object for a channel, None when its address is none."""
        if name not in self.open:
            from apprise import Apprise, AppriseAsset

            with _silence():
                asset = AppriseAsset(
                    app_id="Advisory Watcher",
                    app_desc="Advisory Watcher",
                    async_mode=False,
                )
                service = Apprise(asset=asset)
                known = service.add(self.addresses[name].reveal())
                self.open[name] = service if known else None
        return self.open[name]

    def _send(self, message: Message, name: str) -> tuple[DeliveryState, str]:
        if name not in self.addresses:
            return (
                DeliveryState.REFUSED,
                "there is no [[channel]] of that name any more",
            )
        service = self.service(name)
        if service is None:
            return DeliveryState.REFUSED, _UNKNOWN
        from apprise import LogCapture, NotifyFormat, NotifyType

        # Services show it as a colour or a sign, and ntfy rings for it
        grave = getattr(NotifyType, _LOUDNESS.get(message.kind, "info").upper())
        title, text = (
            str(chat.apart(message.subject)),
            message.chat or str(chat.apart(message.subject)),
        )
        with _silence(), LogCapture(level=logging.DEBUG) as said:  # type: ignore[no-untyped-call]
            taken = service.notify(
                body=text, title=title, notify_type=grave, body_format=NotifyFormat.TEXT
            )
        return (DeliveryState.ACCEPTED, "taken") if taken else _refusal(said.getvalue())


def _refusal(said: str) -> tuple[DeliveryState, str]:
    """Judge by the HTTP status; the rest of what Apprise logs may hold parts of the address."""
    found = _STATUS.search(said)
    if found is None:
        return _unanswered(said)
    status = int(found[1])
    if status in _LATE:
        answer = f"a gateway answered in the service's place (HTTP {status})"
        return DeliveryState.UNKNOWN, f"{answer}; it may have taken the text"
    for_good = 400 <= status < 500 and status not in _TRANSIENT
    state = DeliveryState.REFUSED if for_good else DeliveryState.DEFERRED
    return state, f"the service did not take it (HTTP {status})"


def _unanswered(said: str) -> tuple[DeliveryState, str]:
    """Judge a text that no answer came to, by what requests said of the connection.

    One that was made and then lost may have brought the text: a webhook that took it and
    answered late got it again at each try.
    """
    lost = _CONNECTION.search(said)
    if lost is None or _NEVER_MADE.search(lost[1]):
        return DeliveryState.DEFERRED, "the service could not be reached"
    return (
        DeliveryState.UNKNOWN,
        "the service did not answer; it may have taken the text",
    )


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what Apprise logs, which may hold parts of an address, from everybody's eyes,
    and what its plugins' libraries warn of.
    """
    log = logging.getLogger("apprise")
    before, nobody = log.propagate, logging.NullHandler()
    log.propagate = False
    log.addHandler(nobody)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        log.propagate = before
        log.removeHandler(nobody)
