"""Channels beside mail.

The text in short arrives, nothing in it can mention anybody, and an address never
shows.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import trustme
from msgspec.structs import replace

from tests.attacks import tried
from tests.edges.test_smtp import MESSAGE, delivering, hidden, mail_by
from tests.mailing import free_port
from tests.proxy import ProxyServer
from tests.services import Service
from watcher import notifiers
from watcher.mail import render, samples
from watcher.notifiers import Receipt, http
from watcher.notifiers import apprise as channels
from watcher.records import DeliveryState, Letter
from watcher.settings import Channel, Settings
from watcher.text import event_json

SAID = replace(
    MESSAGE,
    subject="[PULLED] Exchange Server May 2030 SU",
    chat="Do not install it.\nhttps://a.example.org/x.html",
)


@pytest.fixture
def hook() -> Iterator[Service]:
    with Service() as service:
        yield service


def to(**addresses: str) -> Settings:
    return delivering(
        mail_by(""),
        channels=tuple(Channel(name, hidden(url)) for name, url in addresses.items()),
    )


def at(hook: Service, path: str = "/hook-of-secret-4711") -> str:
    return f"json://127.0.0.1:{hook.port}{path}"


def send(settings: Settings, *names: str) -> list[Receipt]:
    with notifiers.connect(settings, "apprise") as notifier:
        return notifier.send(SAID, names)


def test_a_channel_is_told_subject_and_text(hook: Service) -> None:
    assert send(to(teams=at(hook)), "teams") == [
        Receipt("teams", DeliveryState.ACCEPTED, "taken")
    ]
    (posted,) = hook.posted
    said = json.loads(posted.body)
    assert (said["title"], said["message"], said["type"]) == (
        "(PULLED) Exchange Server May 2030 SU",
        SAID.chat,
        "failure",
    )


SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "webhook.schema.json").read_text("utf-8")
)


def letters() -> list[Letter]:
    return [
        replace(letter, subscriber=replace(letter.subscriber, channels=("tickets",)))
        for letter in samples.letters()
    ]


@pytest.mark.parametrize("kind", sorted({letter.kind for letter in letters()}))
def test_what_a_ticket_system_gets_is_of_the_documented_form(
    hook: Service, kind: str
) -> None:
    settings = to(tickets=at(hook))
    letter = next(each for each in letters() if each.kind == kind)
    message = render.message(letter, settings, samples.NOW)
    with notifiers.connect(settings, "apprise") as notifier:
        notifier.send(message, ["tickets"])

    said = json.loads(hook.posted[-1].body)
    jsonschema.validate(said, SCHEMA)
    told = said["advisory_watcher"]
    assert (told["kind"], told["subject"]) == (kind, message.subject)
    assert told["id"] == message.id.strip("<>")
    assert told["events"] == list(message.events)
    assert "\u200b" not in told["text"]
    assert told["text"].startswith(message.subject[1:4])


def test_the_form_refuses_what_is_not_of_it() -> None:
    told = event_json.payload(SAID)
    whole = {"title": "a", "message": "b", "type": "info", "advisory_watcher": told}
    jsonschema.validate(whole, SCHEMA)
    for wrong in ({"schema": 2}, {"kind": "withdrawn"}, {"time": "yesterday"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(
                {**whole, "advisory_watcher": {**told, **wrong}}, SCHEMA
            )


@pytest.mark.parametrize(
    ("status", "state", "settings_wrong"),
    [
        (400, "refused", True),
        (401, "deferred", True),
        (403, "deferred", True),
        (404, "deferred", True),
        (410, "deferred", True),
        (302, "deferred", True),
        (429, "deferred", False),
        (500, "deferred", False),
        (503, "deferred", False),
    ],
)
def test_the_services_answer_says_whether_to_try_again(
    hook: Service, status: int, state: str, settings_wrong: bool
) -> None:
    hook.statuses["/hook-of-secret-4711"] = [status]
    (receipt,) = send(to(teams=at(hook)), "teams")
    assert (receipt.state.value, receipt.settings_wrong) == (state, settings_wrong)
    assert receipt.answer.startswith(f"the service did not take it (HTTP {status})")


@pytest.mark.parametrize("status", [0, 502, 504])
def test_a_service_that_may_have_taken_the_text_is_not_said_to_have_refused_it(
    hook: Service, status: int
) -> None:
    hook.statuses["/hook-of-secret-4711"] = [status]
    (receipt,) = send(to(teams=at(hook)), "teams")
    assert receipt.state is DeliveryState.UNKNOWN
    assert "may have taken the text" in receipt.answer
    assert len(hook.posted) == 1


def test_a_service_that_answers_too_late_may_have_taken_the_text() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"json://127.0.0.1:{server.getsockname()[1]}/?rto=0.3"
        (receipt,) = send(to(teams=url), "teams")
    assert receipt.state is DeliveryState.UNKNOWN


@tried("limits")
@pytest.mark.parametrize(
    ("how", "state"),
    [
        ("body", "accepted"),
        ("body, slowly", "accepted"),
        ("head", "unknown"),
        ("head, slowly", "accepted"),
    ],
)
@pytest.mark.parametrize("scheme", ["json", "jsons"])
def test_a_service_that_never_comes_to_an_end_is_left(
    how: str, state: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LONGEST_EXCHANGE", 0.5)
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with (
        Service(tls if scheme == "jsons" else None) as hook,
        authority.cert_pem.tempfile() as bundle,
    ):
        hook.never_ends = how
        settings = to(teams=at(hook).replace("json:", f"{scheme}:"))
        settings = replace(settings, ca_bundle=Path(bundle))
        (receipt,) = send(settings, "teams")
    assert receipt.state.value == state


@tried("unknown")
@pytest.mark.parametrize(
    ("status", "state"), [(301, "deferred"), (302, "unknown"), (303, "accepted")]
)
def test_a_service_that_leads_to_another_page_is_judged_by_how_it_leads_there(
    hook: Service, status: int, state: str
) -> None:
    hook.statuses["/hook-of-secret-4711"] = [status]
    hook.headers["Location"] = "/another"
    (receipt,) = send(to(teams=at(hook)), "teams")
    assert receipt.state.value == state
    assert len(hook.posted) == 1


@tried("patience")
@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_a_service_that_defers_a_text_is_not_asked_for_the_next_one(
    hook: Service, status: int
) -> None:
    hook.statuses["/hook-of-secret-4711"] = [status]
    hook.headers["Retry-After"] = "120"
    with notifiers.connect(to(teams=at(hook)), "apprise") as notifier:
        first, second = (notifier.send(SAID, ["teams"]) for _ in range(2))
    assert first == second
    assert first[0].wait == timedelta(seconds=120)
    assert len(hook.posted) == 1


def encrypted(authority: trustme.CA) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    return tls


@tried("unknown")
@pytest.mark.parametrize("proxied", [False, True])
def test_tls_that_breaks_behind_a_text_leaves_open_whether_it_was_taken(
    proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "The certificate is not trusted" had it sent again with every run."""
    authority = trustme.CA()
    with (
        Service(encrypted(authority)) as hook,
        ProxyServer({"127.0.0.1": hook.port}) as proxy,
        authority.cert_pem.tempfile() as bundle,
    ):
        if proxied:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        hook.garbles = "/hook-of-secret-4711"
        settings = to(teams=at(hook).replace("json:", "jsons:"))
        (receipt,) = send(replace(settings, ca_bundle=Path(bundle)), "teams")
        assert len(hook.posted) == 1
        assert bool(proxy.requests) is proxied
    assert receipt.state is DeliveryState.UNKNOWN
    assert "may have taken the text" in receipt.answer


@tried("unknown")
@pytest.mark.parametrize("proxied", [False, True])
def test_a_certificate_that_nobody_knows_has_taken_nothing(
    proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said to a proxy on the way is none of the text."""
    with (
        Service(encrypted(trustme.CA())) as hook,
        ProxyServer({"127.0.0.1": hook.port}) as proxy,
    ):
        if proxied:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        (receipt,) = send(to(teams=at(hook).replace("json:", "jsons:")), "teams")
        assert hook.posted == []
        assert bool(proxy.requests) is proxied
    assert receipt.state is DeliveryState.DEFERRED
    assert receipt.settings_wrong


@tried("unknown")
def test_a_proxy_that_is_away_has_taken_nothing(
    hook: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    (receipt,) = send(to(teams=at(hook)), "teams")
    assert receipt.state is DeliveryState.DEFERRED
    assert hook.posted == []


def test_a_service_that_nobody_reached_has_taken_nothing() -> None:
    (receipt,) = send(to(teams=f"json://127.0.0.1:{free_port()}/"), "teams")
    assert receipt.state is DeliveryState.DEFERRED


def test_one_channel_that_fails_stops_no_other(hook: Service) -> None:
    hook.statuses["/bad"] = [404]
    receipts = send(to(one=at(hook, "/bad"), two=at(hook, "/good")), "one", "two")
    assert [receipt.state.value for receipt in receipts] == ["deferred", "accepted"]


def test_an_address_is_never_shown(
    hook: Service, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="apprise")
    hook.statuses["/hook-of-secret-4711"] = [500]
    settings = to(
        teams=at(hook),
        ntfy=f"json://127.0.0.1:{free_port()}/secret-4711",
        wrong="nonsense://secret-4711",
    )
    receipts = send(settings, "teams", "ntfy", "wrong")
    assert [receipt.state.value for receipt in receipts] == [
        "deferred",
        "deferred",
        "refused",
    ]
    assert receipts[1].answer == "the service could not be reached"
    shown = (
        repr(receipts)
        + "".join(capfd.readouterr())
        + "".join(
            record.getMessage() for record in caplog.records if record.name == "apprise"
        )
    )
    assert "4711" not in shown


def test_a_channel_that_is_no_longer_configured_is_refused_by_name() -> None:
    assert send(to(), "teams") == [
        Receipt(
            "teams",
            DeliveryState.REFUSED,
            "there is no [[channel]] of that name any more",
            settings_wrong=True,
        )
    ]


def test_an_address_that_apprise_does_not_know_is_a_mistake_that_names_the_channel() -> (
    None
):
    assert channels.mistakes(to(one="nonsense://x", two="json://hook.example.org")) == [
        (
            "the channel one: no address that Apprise knows; see its "
            "documentation for the form of the service's address"
        )
    ]
