"""Channels beside mail through Apprise.

Teams, Slack, ntfy, webhooks and the many others that it knows.

Recipients are names of channels, or of one target of several.  Apprise says only whether
a service took a text; what was asked and answered tells whether it is worth another try.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import BaseAdapter

from watcher import trust
from watcher.kinds import EVENT_KINDS
from watcher.notifiers import Notifier, Receipt, SendingTime, channel_of
from watcher.notifiers.http import Adapter, Exchange
from watcher.records import DeliveryState, Message
from watcher.settings import Secret, Settings
from watcher.text import event_json, templates

# Somebody else stands there, or the right or the address is missing
_SETTINGS = frozenset({401, 402, 403, 404, 405, 407, 410})
_TRANSIENT = frozenset({408, 425, 429})
# A page to log in, or a service that has done its work (Google's Apps Script)
_FOUND = 302
# A gateway says that nobody answered it in time, or that it does not know
_LATE = frozenset({502, 504, 520, 524})
# A library's words for a way that is not HTTP, where no connection was made
_NEVER_MADE = re.compile(
    r"refused|unreachable|not known|resolv|certificate|connect timeout|authenticat",
    re.IGNORECASE,
)
_LOUDNESS = {row.kind.value: row.loudness for row in EVENT_KINDS.values()} | {
    "operator": "warning"
}
_UNKNOWN = (
    "no address that Apprise knows; see its documentation for the form of the "
    "service's address"
)
_GONE = "there is no [[channel]] of that name any more"
# Seconds: a service that has taken a text is heard out, or it gets the text again
_PATIENCE = 30.0


@contextmanager
def connect(settings: Settings) -> Iterator[Notifier]:
    """Give a notifier of the configured channels; each is opened when it is first needed.

    Connections verify by the one trust, and are closed at the end.
    """
    adapter = Adapter(trust.context(settings.ca_bundle))
    try:
        yield Channels(_addresses(settings), adapter)
    finally:
        adapter.close()


def mistakes(settings: Settings) -> list[str]:
    """Name the channels whose addresses Apprise does not know.

    For ``watcher check``: no service is asked.
    """
    channels = Channels(_addresses(settings), Adapter(trust.context(None)))
    return [
        f"the channel {name}: {_UNKNOWN}"
        for name, address in channels.addresses.items()
        # One whose secret is not set was warned of
        if address.reveal() and not channels.services(name)
    ]


def _addresses(settings: Settings) -> dict[str, Secret]:
    return {channel.name: channel.url for channel in settings.channels}


@dataclass(slots=True)
class Channels:
    """The channels by name.

    ``open`` holds a channel's services, one a target; a service may want pauses between
    two texts.  ``adapter`` saw what was asked and answered.
    """

    addresses: Mapping[str, Secret]
    adapter: Adapter = field(repr=False)
    open: dict[str, list[Any]] = field(default_factory=dict, repr=False)
    # What deferred a text is not asked again for the next one
    deferring: dict[str, Receipt] = field(default_factory=dict, repr=False)

    def send(
        self,
        message: Message,
        recipients: Sequence[str],
        time: SendingTime | None = None,
    ) -> list[Receipt]:
        """Send ``message`` in short to each of ``recipients``, channels or their targets.

        A receipt each, in their order.  What a service defers is deferred for the rest
        of this run, too: a limit that was hit once would only be hit again.
        """
        self.adapter.time = time or SendingTime()
        receipts = []
        for name in recipients:
            if self.adapter.time.is_over:
                break
            receipt = self.deferring.get(name) or self._send(message, name)
            if receipt.state is DeliveryState.DEFERRED:
                self.deferring[name] = receipt
            receipts.append(receipt)
        return receipts

    def targets(self, recipient: str) -> list[str]:
        """Name the targets of a channel, each a recipient: ``teams#1``, ``teams#2``.

        Itself where it has one, or is one, and where no service is known.
        """
        services = self.services(recipient)
        if len(services) < 2 or channel_of(recipient) != recipient:
            return [recipient]
        return [f"{recipient}#{number}" for number in range(1, len(services) + 1)]

    def services(self, recipient: str) -> list[Any]:
        """Give Apprise's objects for a channel, one a target; [] when its address is none.

        Apprise is loaded when the first channel is sent to, and a channel's objects are kept.
        """
        name = channel_of(recipient)
        if name not in self.addresses:
            return []
        if name not in self.open:
            with _silence():
                self.open[name] = _services(self.addresses[name].reveal())
        return self.open[name]

    def _send(self, message: Message, recipient: str) -> Receipt:
        if channel_of(recipient) not in self.addresses:
            return Receipt(recipient, DeliveryState.REFUSED, _GONE, settings_wrong=True)
        services = self.services(recipient)
        number = int(recipient.partition("#")[2] or 1)
        if not services:
            return Receipt(
                recipient, DeliveryState.REFUSED, _UNKNOWN, settings_wrong=True
            )
        if number > len(services):
            return Receipt(recipient, DeliveryState.REFUSED, _GONE, settings_wrong=True)
        from apprise import LogCapture, NotifyFormat, NotifyType

        # Services show it as a colour or a sign, and ntfy rings for it
        grave = getattr(NotifyType, _LOUDNESS.get(message.kind, "info").upper())
        service = services[number - 1]
        title = str(templates.apart(message.subject))
        if _is_for_machines(service):
            # Apprise posts what is here beside its own fields, and leaves out what is ""
            extra = {event_json.KEY: event_json.payload(message), "attachments": ""}
            service.payload_extras = {**service.payload_extras, **extra}
        exchanges = self.adapter.exchanges
        exchanges.clear()
        said = LogCapture(level=logging.DEBUG)  # type: ignore[no-untyped-call]
        with _silence(), _sending_by(self.adapter), said as words:
            try:
                taken = service.notify(
                    body=message.chat or title,
                    title=title,
                    notify_type=grave,
                    body_format=NotifyFormat.TEXT,
                )
            # A plugin of Apprise's that fails is no failure of the run
            except Exception:  # noqa: BLE001
                taken = False
        return _receipt(recipient, exchanges, words.getvalue(), taken=bool(taken))


def _is_for_machines(service: Any) -> bool:  # noqa: ANN401 - Apprise has no types
    """Say whether a service posts JSON to an address of the user's own."""
    from apprise.plugins.custom_json import NotifyJSON

    return isinstance(service, NotifyJSON)


def _services(address: str) -> list[Any]:
    """Make Apprise's objects for a channel's address, one a target.

    An address may hold several services, and a service several targets: topics, chats,
    numbers, mailboxes.  Where one of them fails, Apprise says that all have.
    """
    from apprise import Apprise, AppriseAsset
    from apprise.plugins import url_to_dict
    from apprise.utils.parse import parse_urls

    asset = AppriseAsset(
        app_id="Advisory Watcher", app_desc="Advisory Watcher", async_mode=False
    )
    found: list[Any] = []
    for url in parse_urls(address):  # type: ignore[no-untyped-call]
        whole = Apprise.instantiate(url, asset=asset)
        if whole is None:
            return []
        parts: dict[str, Any] = url_to_dict(url)  # type: ignore[no-untyped-call]
        targets = parts.get("targets")
        alone = []
        if isinstance(targets, list | tuple | set) and len(whole) > 1:
            for target in targets:
                one = {**parts, "targets": [target]}
                alone.append(Apprise.instantiate(one, asset=asset))
        # Some cannot be had alone, or were one and the same
        is_split = len(alone) > 1 and all(each and len(each) == 1 for each in alone)
        found += alone if is_split else [whole]
    for service in found:
        # The tries are ours: Apprise's own would repeat what may have been taken
        service.retry = 0
        if service.socket_read_timeout == type(service).socket_read_timeout:
            service.socket_read_timeout = _PATIENCE
    return found


def _receipt(
    recipient: str, exchanges: Sequence[Exchange], said: str, *, taken: bool
) -> Receipt:
    """Judge by what was asked and answered; what Apprise logs may hold parts of the address."""
    moved = [each for each in exchanges if _is_redirect(each)]
    if taken and not moved:
        return Receipt(recipient, DeliveryState.ACCEPTED, "taken")
    # A redirect of a POST is followed by a GET, which tells nobody anything
    last = moved[-1] if moved else next(reversed(exchanges), None)
    if taken and moved and moved[-1].status == _FOUND:
        return Receipt(
            recipient,
            DeliveryState.UNKNOWN,
            "the service led to another page (HTTP 302); it may have taken the text",
        )
    if last is None:
        return _by_words(recipient, said)
    if last.failure is not None:
        return _broken(recipient, last)
    return _answered(recipient, last)


def _is_redirect(exchange: Exchange) -> bool:
    # 303 leads from what was done to its result (RFC 9110 section 15.4.4)
    return exchange.method == "POST" and exchange.status in {301, _FOUND}


def _answered(recipient: str, exchange: Exchange) -> Receipt:
    """Judge an answer by its HTTP status."""
    status = exchange.status
    if status in _LATE:
        answer = f"a gateway answered in the service's place (HTTP {status})"
        return Receipt(
            recipient,
            DeliveryState.UNKNOWN,
            f"{answer}; it may have taken the text",
            exchange.wait,
        )
    answer = f"the service did not take it (HTTP {status})"
    if status < 400 or status in _SETTINGS:
        return Receipt(
            recipient,
            DeliveryState.DEFERRED,
            f"{answer}. See whether its address holds, and may be written to",
            exchange.wait,
            settings_wrong=True,
        )
    for_good = status < 500 and status not in _TRANSIENT
    if for_good:
        # A chat or a topic that is none is said so, too (Telegram: 400)
        return Receipt(recipient, DeliveryState.REFUSED, answer, settings_wrong=True)
    return Receipt(recipient, DeliveryState.DEFERRED, answer, exchange.wait)


def _broken(recipient: str, exchange: Exchange) -> Receipt:
    """Judge a text that no whole answer came to.

    A connection that was made and then lost may have brought the text: a webhook that
    took it and answered late got it again at each try.
    """
    if not exchange.never_made:
        is_late = isinstance(exchange.failure, requests.Timeout)
        why = "did not answer in time" if is_late else "broke off before its answer"
        return Receipt(
            recipient,
            DeliveryState.UNKNOWN,
            f"the service {why}; it may have taken the text",
        )
    if isinstance(exchange.failure, requests.exceptions.SSLError):
        return Receipt(
            recipient,
            DeliveryState.DEFERRED,
            "the service's certificate is not trusted. Name its authority's file as "
            "ca_bundle in [watch]",
            settings_wrong=True,
        )
    return Receipt(
        recipient, DeliveryState.DEFERRED, "the service could not be reached"
    )


def _by_words(recipient: str, said: str) -> Receipt:
    """Judge a way that is not HTTP, of which only Apprise's words are known."""
    if _NEVER_MADE.search(said):
        return Receipt(
            recipient, DeliveryState.DEFERRED, "the service could not be reached"
        )
    return Receipt(
        recipient,
        DeliveryState.UNKNOWN,
        "the service did not take it, or it may have taken the text; Apprise does not "
        "say which",
    )


# By which adapter this thread's plugins send; workers tell several channels at a time
_SENDING = threading.local()
_OWN_ADAPTER = requests.Session.get_adapter


def _adapter_of(session: requests.Session, url: str | bytes) -> BaseAdapter:
    chosen: BaseAdapter | None = getattr(_SENDING, "adapter", None)
    return chosen or _OWN_ADAPTER(session, str(url))


@contextmanager
def _sending_by(adapter: Adapter) -> Iterator[None]:
    """Let Apprise's plugins, which make sessions of their own, send by ``adapter``."""
    requests.Session.get_adapter = _adapter_of  # type: ignore[method-assign,assignment]
    _SENDING.adapter = adapter
    try:
        yield
    finally:
        _SENDING.adapter = None


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
