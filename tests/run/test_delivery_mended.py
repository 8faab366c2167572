"""What a setting got wrong, setting it right mends; what may have arrived comes twice at most.

Through ``watcher run`` and ``watcher send``, with real servers that count the copies.
"""

from __future__ import annotations

import email
import email.policy
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.attacks import tried
from tests.mailing import MailServer, Postbox, ScriptedServer, free_port
from tests.office import FEED, Office, event
from tests.servers import Reply, SourceServer
from tests.services import Service
from watcher.store import Store

START = datetime.fromisoformat("2030-05-14T05:00:00+00:00")
TO_ONE = '[[subscriber]]\nname = "admins"\nto = ["{to}"]\n'
ONE, TWO = "one@example.org", "two@example.org"
HOOKS = '[[subscriber]]\nname = "chat"\nchannels = ["teams"]\n[[channel]]\nname = "teams"\nurl = "{url}"\n'


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office that has been welcomed."""
    with SourceServer() as web:
        web.play("/feed", Reply(FEED, etag='"1"'))
        made = Office(tmp_path, web.url("/feed"), more=TO_ONE.format(to=ONE))
        assert made.run(START.isoformat()).exit_code == 0
        yield made


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def server(postbox: Postbox) -> Iterator[MailServer]:
    with MailServer(postbox, utf8=True) as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Service]:
    with Service() as service:
        yield service


def minutes(number: float) -> str:
    return (START + timedelta(minutes=number)).isoformat()


def days_of_runs(office: Office, days: int = 5) -> None:
    """Run whenever a try is due: at once, then after 15 minutes, 1, 4 and every 8 hours."""
    for hour in (1, 2, 3, 4, 8, *range(16, 24 * days, 8)):
        said = office.run(minutes(60 * hour))
        assert said.exit_code in {0, 1}, said.stderr


def waiting(office: Office, at: str) -> list[str]:
    said = json.loads(office.call(at, "status", "--json").stdout)
    return [each["state"] for each in said["waiting"]]


# --- what may have arrived ------------------------------------------------------------


@tried("unknown")
@pytest.mark.parametrize("status", [0, 502, 504, 524])
def test_a_channel_that_may_have_taken_the_text_gets_two_copies_and_the_operator_hears(
    office: Office, hook: Service, status: int
) -> None:
    office.more = HOOKS.format(url=f"json://127.0.0.1:{hook.port}/hook")
    office.run(minutes(1))  # the welcome
    hook.posted.clear()
    office.more += '[operator]\nto = ["ops@example.org"]\n'
    office.happens(event())
    hook.statuses["/hook"] = [status]
    days_of_runs(office)
    assert len(hook.posted) == 2
    assert [state for way, _, state in office.deliveries() if way == "apprise"] == [
        "unknown"
    ]
    told = [file.name for file in (office.folder / "outbox").glob("*operator*")]
    assert len(told) == 1


@tried("unknown")
@pytest.mark.parametrize("answer", ["", "251 will forward", "252 try", "299 well"])
def test_a_mail_server_that_took_the_message_gets_two_copies_at_most(
    office: Office, answer: str
) -> None:
    office.happens(event())
    with ScriptedServer({".": answer}) as server:
        office.smtp = server.url
        days_of_runs(office)
        assert server.commands.count(".") == (1 if answer else 2)


@tried("unknown")
def test_of_several_targets_only_the_one_that_failed_is_told_again(
    office: Office, hook: Service
) -> None:
    urls = [f"json://127.0.0.1:{hook.port}/{name}" for name in ("a", "b", "c")]
    office.more = HOOKS.format(url=",".join(urls))
    office.happens(event())
    hook.statuses["/b"] = [503, 503, 503, 200]
    days_of_runs(office, 1)
    copies = Counter(
        (posted.path, json.loads(posted.body)["title"][:8]) for posted in hook.posted
    )
    welcome, pulled = "(WELCOME", "(PULLED)"
    assert {copies["/a", pulled], copies["/c", pulled]} == {1}
    assert {copies["/a", welcome], copies["/c", welcome]} == {1}
    assert sum(copies["/b", kind] for kind in (welcome, pulled)) == 5
    delivered = [(to, state) for way, to, state in office.deliveries()]
    assert delivered == [(f"teams#{number}", "accepted") for number in (1, 2, 3)]


def test_the_topics_of_one_service_are_targets_each(
    office: Office, hook: Service
) -> None:
    office.more = HOOKS.format(url=f"ntfy://127.0.0.1:{hook.port}/one/two")
    office.happens(event())
    office.run(minutes(1))
    states = [(to, state) for _, to, state in office.deliveries()]
    assert states == [("teams#1", "accepted"), ("teams#2", "accepted")]


# --- what a setting got wrong ---------------------------------------------------------


@tried("settings")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_channels_wrong_address_is_mended_by_the_right_one_at_once(
    office: Office, hook: Service, status: int
) -> None:
    office.more = HOOKS.format(url=f"json://127.0.0.1:{hook.port}/wrong")
    office.happens(event())
    hook.statuses["/wrong"] = [status]
    days_of_runs(office, 6)
    office.more = HOOKS.format(url=f"json://127.0.0.1:{hook.port}/right")
    assert office.run(minutes(60 * 145)).exit_code == 0
    right = [posted for posted in hook.posted if posted.path == "/right"]
    assert len(right) == 2  # the welcome, and that it was pulled


REFUSALS = [
    (
        "MAIL",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    ),
    ("MAIL", "501 5.1.7 Bad sender address syntax"),
    ("RCPT", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
    ("RCPT", "554 5.7.1 <one@example.org>: Relay access denied"),
    ("RCPT", "554 no"),
    ("RCPT", "553 5.7.1 <w@example.org>: Sender address rejected: not owned by user"),
    ("RCPT", "501 5.5.4 Invalid domain name"),
    ("RCPT", "550 relaying denied"),
    (".", "550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
    (".", "550 5.7.1 not allowed"),
    ("DATA", "554 5.7.1 relay access denied"),
]


@tried("settings")
@pytest.mark.parametrize(("command", "answer"), REFUSALS)
def test_a_refused_sender_or_relay_waits_and_leaves_with_the_new_from(
    office: Office, server: MailServer, postbox: Postbox, command: str, answer: str
) -> None:
    office.more += '[operator]\nto = ["ops@example.org"]\n'
    office.happens(event())
    with ScriptedServer({command: answer}) as refusing:
        office.smtp = refusing.url
        days_of_runs(office, 8)
        # The operator's word of it waits for the same setting
        assert set(waiting(office, minutes(8 * 24 * 60))) == {"deferred"}
    office.smtp = server.url
    office.sender = "Wächter <alerts@example.net>"
    assert office.run(minutes(8 * 24 * 60 + 1)).exit_code == 0
    with Store.open(office.state) as store:
        (kept,) = (each.body for each in store.messages() if each.kind == "pulled")
    (received,) = (each for each in postbox.messages if each.recipients == [ONE])
    said = email.message_from_bytes(received.body, policy=email.policy.default)
    assert received.sender == "alerts@example.net"
    assert said["From"] == "Wächter <alerts@example.net>"
    # Whoever a message is from, out of it leads to who can act on it
    assert "mailto:ops@example.org?" in said["List-Unsubscribe"]
    # All else is as it was fixed
    assert from_line(received.body) != from_line(kept)
    assert received.body.replace(from_line(received.body), from_line(kept)) == kept


def from_line(body: bytes) -> bytes:
    return next(row for row in body.split(b"\r\n") if row.startswith(b"From:"))


@tried("settings")
def test_a_refused_address_is_mended_by_the_right_one(
    office: Office, server: MailServer, postbox: Postbox
) -> None:
    office.smtp = server.url
    postbox.rcpt = {ONE: "550 5.1.1 no such user"}
    office.happens(event())
    assert office.run(minutes(1)).exit_code == 1
    assert office.run(minutes(2)).exit_code == 0  # told, and not tried again
    office.more = TO_ONE.format(to=TWO)
    assert office.run(minutes(3)).exit_code == 0
    (received,) = postbox.messages
    assert received.recipients == [TWO]
    assert b"\r\nTo: two@example.org\r\n" in received.body
    assert office.status(minutes(4)) == (
        0,
        {"waiting": 0, "refused": 0, "given_up": 0},
    )


@tried("settings")
def test_a_server_that_nobody_reached_for_five_days_was_the_wrong_one(
    office: Office, server: MailServer, postbox: Postbox
) -> None:
    office.happens(event())
    office.smtp = f"smtp://127.0.0.1:{free_port()}"
    days_of_runs(office, 7)
    assert office.status(minutes(7 * 24 * 60))[1]["given_up"] == 1
    office.smtp = server.url
    assert office.run(minutes(7 * 24 * 60 + 1)).exit_code == 0
    assert len(postbox.messages) == 1


@tried("settings")
@pytest.mark.parametrize("by", ["Message-ID", "event"])
def test_what_was_refused_is_sent_again_to_who_asks_and_what_arrived_is_not(
    office: Office, server: MailServer, postbox: Postbox, by: str
) -> None:
    office.more = f'[[subscriber]]\nname = "admins"\nto = ["{ONE}", "{TWO}"]\n'
    office.smtp = server.url
    postbox.rcpt = {ONE: "550 5.1.1 no such user"}
    office.happens(event())
    office.run(minutes(1))
    postbox.rcpt = {}
    with Store.open(office.state) as store:
        message = store.messages()[-1]
    known = {"Message-ID": message.id, "event": "pulled-1"}
    said = office.call(minutes(2), "send", "--again", known[by])
    assert said.exit_code == 0, said.stderr
    assert [received.recipients for received in postbox.messages] == [[TWO], [ONE]]
    office.call(minutes(3), "send", "--again", known[by])
    assert len(postbox.messages) == 2


@tried("settings")
@pytest.mark.parametrize(
    "answer", ["452 4.5.3 Too many recipients", "552 Too many recipients"]
)
def test_more_recipients_than_a_server_takes_at_once_get_it_at_once_in_several_pieces(
    office: Office, answer: str
) -> None:
    to = [f"r{number}@example.org" for number in range(7)]
    office.more = f'[[subscriber]]\nname = "admins"\nto = {json.dumps(to)}\n'
    office.happens(event())
    postbox = Few(answer, 3)
    with MailServer(postbox) as server:
        office.smtp = server.url
        assert office.run(minutes(1)).exit_code == 0
    assert [received.recipients for received in postbox.messages] == [
        to[:3],
        to[3:6],
        to[6:],
    ]


class Few(Postbox):
    """Takes so many recipients a message."""

    def __init__(self, answer: str, most: int) -> None:
        super().__init__()
        self.answer, self.most = answer, most

    async def handle_RCPT(self, server, session, envelope, address, options):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, N802
        if len(envelope.rcpt_tos) == self.most:
            return self.answer
        return await super().handle_RCPT(server, session, envelope, address, options)


# --- addresses beyond ASCII -----------------------------------------------------------


@tried("settings")
@pytest.mark.parametrize("knows", [True, False])
def test_an_address_beyond_ascii_works_or_is_refused_and_stops_nobody_else(
    office: Office, knows: bool
) -> None:
    office.more = (
        f'[[subscriber]]\nname = "admins"\nto = ["{ONE}", "größe@example.org"]\n'
    )
    office.happens(event())
    postbox = Postbox()
    with MailServer(postbox, utf8=knows) as server:
        office.smtp = server.url
        said = office.run(minutes(1))
    assert len(postbox.messages) == 1, said.stderr
    (received,) = postbox.messages
    head = received.body.partition(b"\r\n\r\n")[0]
    if knows:
        assert said.exit_code == 0
        assert sorted(received.recipients) == ["größe@example.org", ONE]
        assert "größe@example.org".encode() in head
    else:
        assert "does not know SMTPUTF8. Write another address" in said.stderr
        assert received.recipients == [ONE]
        assert head.isascii()


# --- time -----------------------------------------------------------------------------


@tried("age")
@pytest.mark.parametrize(
    "gap", [timedelta(days=days) for days in (6, 7, 30, 365, 3650)]
)
def test_a_machine_that_was_off_or_a_clock_that_was_ahead_gives_nothing_up(
    office: Office, server: MailServer, postbox: Postbox, gap: timedelta
) -> None:
    office.happens(event())
    office.smtp = f"smtp://127.0.0.1:{free_port()}"
    office.run(minutes(1))
    said = office.run((START + gap).isoformat())
    assert "given up" not in said.stderr
    assert waiting(office, (START + gap).isoformat()) == ["deferred"]
    office.smtp = server.url
    office.run(minutes(60))
    assert len(postbox.messages) == 1


@tried("age")
def test_a_clock_a_year_ahead_for_one_run_forgets_nothing(office: Office) -> None:
    office.mail = 'keep = "30d"'
    office.happens(event())
    office.run(minutes(1))
    with Store.open(office.state) as store:
        before = store.messages()
    office.run((START + timedelta(days=365)).isoformat())
    office.run(minutes(60))
    with Store.open(office.state) as store:
        assert store.messages() == before
