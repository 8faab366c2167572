"""Channels beside mail: the text in short arrives, nothing in it can mention anybody, and an address never shows."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.edges.test_smtp import MESSAGE, Channel, Mail, Secret, Settings
from tests.mailing import free_port
from tests.services import Service
from watcher import notifiers, render
from watcher.config import settings as configured
from watcher.formats import chat, samples
from watcher.notifiers import Receipt
from watcher.notifiers import apprise as channels
from watcher.records import DeliveryState, Kind, Letter

SAID = replace(MESSAGE, subject="[PULLED] Exchange Server May 2030 SU", chat="Do not install it.\nhttps://a.example.org/x.html")


@pytest.fixture
def hook() -> Iterator[Service]:
    with Service() as service:
        yield service


def to(**addresses: str) -> Settings:
    return Settings(Mail(""), channels=tuple(Channel(name, Secret(url)) for name, url in addresses.items()))


def at(hook: Service, path: str = "/hook-of-secret-4711") -> str:
    return f"json://127.0.0.1:{hook.port}{path}"


def send(settings: Settings, *names: str) -> list[Receipt]:
    with notifiers.connect(settings, "apprise") as notifier:
        return notifier.send(SAID, names)


def test_a_channel_is_told_subject_and_text(hook: Service) -> None:
    assert send(to(teams=at(hook)), "teams") == [Receipt("teams", DeliveryState.ACCEPTED, "taken")]
    (posted,) = hook.posted
    said = json.loads(posted.body)
    assert (said["title"], said["message"], said["type"]) == ("(PULLED) Exchange Server May 2030 SU", SAID.chat, "failure")


@pytest.mark.parametrize(("status", "state"), [(404, "refused"), (403, "refused"), (429, "deferred"), (500, "deferred"), (503, "deferred")])
def test_the_services_answer_says_whether_to_try_again(hook: Service, status: int, state: str) -> None:
    hook.statuses["/hook-of-secret-4711"] = [status]
    (receipt,) = send(to(teams=at(hook)), "teams")
    assert (receipt.state.value, receipt.answer) == (state, f"the service did not take it (HTTP {status})")


def test_one_channel_that_fails_stops_no_other(hook: Service) -> None:
    hook.statuses["/bad"] = [404]
    receipts = send(to(one=at(hook, "/bad"), two=at(hook, "/good")), "one", "two")
    assert [receipt.state.value for receipt in receipts] == ["refused", "accepted"]


def test_an_address_is_never_shown(hook: Service, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG, logger="apprise")
    hook.statuses["/hook-of-secret-4711"] = [500]
    settings = to(teams=at(hook), ntfy=f"json://127.0.0.1:{free_port()}/secret-4711", wrong="nonsense://secret-4711")
    receipts = send(settings, "teams", "ntfy", "wrong")
    assert [receipt.state.value for receipt in receipts] == ["deferred", "deferred", "refused"]
    assert receipts[1].answer == "the service could not be reached"
    shown = (
        repr(receipts) + "".join(capfd.readouterr()) + "".join(record.getMessage() for record in caplog.records if record.name == "apprise")
    )
    assert "4711" not in shown


def test_a_channel_that_is_no_longer_configured_is_refused_by_name() -> None:
    assert send(to(), "teams") == [Receipt("teams", DeliveryState.REFUSED, "there is no [[channel]] of that name any more")]


def test_an_address_that_apprise_does_not_know_is_a_mistake_that_names_the_channel() -> None:
    assert channels.mistakes(to(one="nonsense://x", two="json://hook.example.org")) == [
        "the channel one: no address that Apprise knows; see its documentation for the form of the service's address"
    ]


# --- the text in short --------------------------------------------------------------------------------------------------


def short(letter: Letter) -> str:
    reader = replace(letter.subscriber, channels=("teams",))
    return render.message(replace(letter, subscriber=reader), configured.Settings(base_url="https://a.example.org/"), samples.NOW).chat


def told(kind: Kind, **changes: str) -> Letter:
    event = replace(samples.event(kind), **changes)  # type: ignore[arg-type]
    return Letter(kind.value, samples.letters()[0].subscriber, (event,), event.update.id, event.update.id)


def test_the_text_says_what_happened_what_to_do_and_where_to_read_on() -> None:
    assert short(told(Kind.RE_RELEASED)).split("\n")[:2] == ["A sample of an event: re-released.", "- Install version 2 (KB9000002)."]
    assert short(told(Kind.PULLED)).split("\n")[-1] == "https://a.example.org/updates/exchange-server-2030-05-su.html"


def test_only_a_reader_with_channels_has_one() -> None:
    letter = told(Kind.PULLED)
    assert render.message(letter, configured.Settings(), samples.NOW).chat == ""
    fallback = replace(letter, subscriber=replace(letter.subscriber, fallback=("teams",)))
    assert render.message(fallback, configured.Settings(), samples.NOW).chat != ""


@pytest.mark.parametrize(
    "hostile", ["<!channel> <@U123>", "@everyone @here", "[click](https://evil.example)", "`code` ```", "**bold**", "<at>All</at>", "a|b"]
)
def test_what_a_source_says_mentions_nobody_and_links_nowhere(hostile: str) -> None:
    said = short(told(Kind.PULLED, summary=f"Sample {hostile} end."))
    assert "Sample" in said
    assert not any(sign in said for sign in ("<", ">", "](", "[", "`", "*", "|"))
    assert "@" not in said.replace("@\u200b", "")


def test_a_digest_names_its_events_and_how_many_more() -> None:
    events = tuple(replace(samples.event(Kind.RELEASED), id=f"e{number}") for number in range(20))
    rows = short(Letter("digest", samples.letters()[0].subscriber, events)).split("\n")
    assert rows[0] == "- RELEASED: Exchange Server May 2030 SU (KB9000001)"
    assert len(rows) == chat.MOST_LINES + 2
    assert rows[-2:] == ["and 8 more", "https://a.example.org/"]


def test_a_long_text_is_cut_and_its_link_stays_whole() -> None:
    link = "https://a.example.org/updates/x.html"
    said = chat.tidy(f"{'word ' * 1000}\n\n{link}\n")
    assert len(said) <= chat.LONGEST
    assert said.endswith(f"…\n{link}")
    assert chat.tidy("\n  \n") == ""


def test_an_address_that_is_none_is_left_out() -> None:
    assert chat.address("javascript:alert(1)") == ""
    assert chat.address("https://a.example.org/*x@y") == "https://a.example.org/%2Ax%40y"
