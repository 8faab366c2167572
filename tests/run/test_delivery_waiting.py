"""Mail that waits.

It is said when it is tried again, who waits for what, and how it is tried at once.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.mailing import PASSWORD, USER, MailServer, Postbox, free_port
from tests.office import FEED, Office
from tests.run.test_delivery import channelled
from tests.servers import Reply, SourceServer
from tests.services import Posted, Service
from watcher.store import Store

NEWCOMER = '[[subscriber]]\nname = "newcomer"\nto = ["one@example.org"]\n'
AT = [f"2030-05-14T18:{minute:02}:00+00:00" for minute in (0, 1, 2, 3, 4)]
WELCOME = "[WELCOME] Advisory Watcher: Exchange Server*"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office whose first check is yet to come."""
    with SourceServer() as web:
        web.play("/feed", Reply(FEED, etag='"1"'))
        yield Office(tmp_path, web.url("/feed"), more=NEWCOMER)


@pytest.fixture
def greylisting() -> Iterator[MailServer]:
    with MailServer(Postbox(rcpt={"one@example.org": "450 later"})) as server:
        yield server


def waiting(office: Office, at: str) -> tuple[int, list[dict[str, Any]]]:
    said = office.call(at, "status", "--json")
    return said.exit_code, json.loads(said.stdout)["waiting"]


def twice_deferred(office: Office, server: MailServer) -> None:
    """Let the first mail fail twice: the next try is fifteen minutes later."""
    office.smtp = server.url
    assert [office.run(at).exit_code for at in AT[:2]] == [1, 1]
    assert isinstance(server.postbox, Postbox)
    server.postbox.rcpt = {}


# --- what is said ---------------------------------------------------------------------


def test_the_error_names_when_mail_is_tried_again_and_how_sooner(
    office: Office, greylisting: MailServer
) -> None:
    office.smtp = greylisting.url
    assert (
        "deferred: 450 later. It is kept and tried again by the next run."
        in office.run(AT[0]).stderr
    )
    sooner = "sooner by `watcher run --force` or when [mail] has changed."
    assert (
        f"It is kept and tried again by the first run after 2030-05-14 18:16Z; {sooner}"
        in office.run(AT[1]).stderr
    )


def test_a_run_in_which_mail_is_not_yet_due_says_that_it_waits(
    office: Office, greylisting: MailServer
) -> None:
    twice_deferred(office, greylisting)
    said = office.run(AT[2])
    assert said.exit_code == 0
    waits = "1 delivery waits to be tried again, the first one until 2030-05-14 18:16Z."
    assert (
        f"{waits} See why: watcher status. Try at once: watcher run --force"
        in said.stderr
    )
    assert greylisting.postbox.messages == []


def test_a_run_that_leaves_nothing_waiting_says_nothing_of_it(office: Office) -> None:
    with MailServer(Postbox()) as server:
        office.smtp = server.url
        assert "to be tried again" not in office.run(AT[0]).stderr


def test_status_lists_who_waits_for_what_and_why(
    office: Office, greylisting: MailServer
) -> None:
    office.smtp = greylisting.url
    office.run(AT[0])
    said = office.call(AT[0], "status")
    assert said.exit_code == 1
    assert (
        f"deferred: one@example.org ({WELCOME}): 450 later; next try 2030-05-14 18:00Z"
        in said.stdout
    )
    assert (
        "Correct what the answers name, and try at once: watcher run --force"
        in said.stderr
    )
    code, (delivery,) = waiting(office, AT[0])
    assert code == 1
    assert delivery.pop("message").startswith("<")
    assert delivery == {
        "subject": WELCOME,
        "recipient": "one@example.org",
        "channel": "mail",
        "state": "deferred",
        "attempts": 1,
        "answer": "450 later",
        "next_try": "2030-05-14T18:00:00Z",
    }


def test_mail_that_was_not_tried_yet_is_listed_and_well(office: Office) -> None:
    office.call(AT[0], "run", "--no-send")
    code, (delivery,) = waiting(office, AT[0])
    assert code == 0
    assert (delivery["state"], delivery["answer"], delivery["next_try"]) == (
        "queued",
        "",
        None,
    )


def test_an_answer_that_echoes_the_password_does_not_show_it(
    office: Office, tmp_path: Path
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    office.mail = 'ca_bundle = "ca.pem"'
    office.environ = {"WATCHER_SMTP_USER": USER, "WATCHER_SMTP_PASSWORD": PASSWORD}
    with MailServer(
        Postbox(rcpt={"one@example.org": f"450 is {PASSWORD} yours?"}),
        tls=context,
        auth=True,
    ) as server:
        office.smtp = server.url
        assert PASSWORD not in office.run(AT[0]).stderr
    said = (
        office.call(AT[0], "status", "--json").stdout
        + office.call(AT[0], "status").stdout
    )
    assert PASSWORD not in said
    assert "450 is ${WATCHER_SMTP_PASSWORD} yours?" in said


def test_status_names_what_was_given_up_and_no_more_lines_than_a_screen_holds(
    office: Office,
) -> None:
    office.more = (
        "[[subscriber]]\nname = 'many'\nto = ["
        + ", ".join(f"'r{n}@example.org'" for n in range(25))
        + "]\n"
    )
    nobody = {f"r{n}@example.org": "550 no such user" for n in range(25)}
    with MailServer(Postbox(rcpt=nobody)) as server:
        office.smtp = server.url
        office.run(AT[0])
    said = office.call(AT[0], "status")
    assert said.stdout.count(f"({WELCOME}): 550 no such user") == 20
    assert "and 5 more given up: watcher status --json" in said.stdout
    found = json.loads(office.call(AT[0], "status", "--json").stdout)
    assert (len(found["given_up"]), found["deliveries"]["given_up"]) == (25, 25)


# --- at once --------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("run", "--force"), ("send", "--force")])
def test_force_tries_at_once_what_waits(
    office: Office, greylisting: MailServer, words: tuple[str, ...]
) -> None:
    twice_deferred(office, greylisting)
    assert office.call(AT[2], words[0]).exit_code == 0
    assert greylisting.postbox.messages == []
    assert office.call(AT[3], *words).exit_code == 0
    assert len(greylisting.postbox.messages) == 1
    assert waiting(office, AT[3]) == (0, [])


def test_a_rehearsed_run_with_force_names_what_it_would_send(
    office: Office, greylisting: MailServer
) -> None:
    twice_deferred(office, greylisting)
    assert "would be sent" not in office.call(AT[2], "run", "--dry-run").stdout
    assert (
        f"would be sent to one@example.org: {WELCOME}"
        in office.call(AT[2], "run", "--dry-run", "--force").stdout
    )


@pytest.mark.parametrize(
    "changed", ["port", "user", "way to log in", "sender", "authority"]
)
def test_corrected_settings_of_mail_are_tried_by_the_next_run(
    office: Office, tmp_path: Path, changed: str
) -> None:
    office.environ = {"WATCHER_SMTP_USER": "wacher", "WATCHER_SMTP_PASSWORD": PASSWORD}
    office.smtp = f"smtp://127.0.0.1:{free_port()}?timeout=5"
    assert [office.run(at).exit_code for at in AT[:2]] == [1, 1]
    (tmp_path / "ca.pem").write_text("", encoding="utf-8")
    match changed:
        case "port":
            office.smtp = f"smtp://127.0.0.1:{free_port()}"
        case "user":
            office.environ["WATCHER_SMTP_USER"] = "watcher"
        case "way to log in":
            office.smtp += "&auth=xoauth2"
        case "authority":
            office.mail = 'ca_bundle = "ca.pem"'
        case "sender":
            office.sender = "watcher@example.org"
    assert office.run(AT[2]).exit_code == 1  # tried again
    assert office.run(AT[3]).exit_code == 0  # and from then on in growing steps


def test_another_password_alone_waits_for_its_time_for_no_secret_is_noted(
    office: Office,
) -> None:
    office.environ = {
        "WATCHER_SMTP_USER": "watcher",
        "WATCHER_SMTP_PASSWORD": "a wrong one",
    }
    office.smtp = f"smtp://127.0.0.1:{free_port()}"
    assert [office.run(at).exit_code for at in AT[:2]] == [1, 1]
    office.environ["WATCHER_SMTP_PASSWORD"] = PASSWORD
    assert office.run(AT[2]).exit_code == 0
    assert office.call(AT[3], "run", "--force").exit_code == 1


def test_a_channel_does_not_care_how_mail_leaves(office: Office) -> None:
    with Service() as hook:
        hook.statuses["/hook"] = [503]
        channelled(
            office, hook, '[[subscriber]]\nname = "chat"\nchannels = ["teams"]\n'
        )
        assert [office.run(at).exit_code for at in AT[:2]] == [1, 1]
        office.sender = "watcher@example.org"
        assert office.run(AT[2]).exit_code == 0
        assert len(hook.posted) == 2


def test_an_answer_that_wants_a_login_is_no_refusal_of_the_first_mail(
    office: Office,
) -> None:
    postbox = Postbox(mail="530 5.7.0 Authentication required")
    with MailServer(postbox) as server:
        office.smtp = server.url
        said = office.run(AT[0])
        assert (
            "It wants a login: set WATCHER_SMTP_USER and WATCHER_SMTP_PASSWORD. It is kept"
            in said.stderr
        )
        postbox.mail = ""
        assert office.run(AT[1]).exit_code == 0
    assert len(postbox.messages) == 1


# --- in pieces ------------------------------------------------------------------------


class Curious(Service):
    """A channel's service that looks into the state whenever it is told something."""

    state = ""
    seen: tuple[str, ...] = ()

    def answer(self, posted: Posted) -> tuple[int, bytes]:
        with Store.open(self.state, hold=False) as store:
            noted = [
                f"{each.recipient} {each.state}"
                for message in store.messages()
                for each in store.deliveries_of(message.id)
            ]
        self.seen += (f"{posted.path}: {', '.join(noted)}",)
        return super().answer(posted)


def test_each_channel_is_noted_before_the_next_one_is_told(office: Office) -> None:
    with Curious() as hook:
        hook.state = office.state
        channels = "".join(
            f'[[channel]]\nname = "{name}"\nurl = "json://127.0.0.1:{hook.port}/{name}"\n'
            for name in ("a", "b")
        )
        office.more = (
            f'[[subscriber]]\nname = "chat"\nchannels = ["a", "b"]\n{channels}'
        )
        assert office.run(AT[0]).exit_code == 0
        assert hook.seen == ("/a: a queued, b queued", "/b: a accepted, b queued")
