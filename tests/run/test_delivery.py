"""Mail that always arrives, once.

Every fault of a mail server, end to end, through ``watcher run`` and ``watcher
status``.
"""

from __future__ import annotations

import email
import json
import mailbox
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme

from tests.mailing import PASSWORD, USER, MailServer, Postbox, Received, free_port
from tests.office import ADMINS, FEED, Office, event
from tests.servers import Reply, SourceServer
from tests.services import Service
from watcher.records import Kind

ONE, TWO, THREE = "one@example.org", "two@example.org", "three@example.org"
NIGHT, FIRST, SECOND, THIRD = (
    f"2030-05-14T{hour}:00:00+00:00" for hour in ("05", "18", "19", "23")
)
TEAMS = """
[[channel]]
name = "teams"
url = "{url}"
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office that has been welcomed, and whose first real check is yet to come."""
    with SourceServer() as web:
        web.play("/feed", Reply(FEED, etag='"1"'))
        made = Office(tmp_path, web.url("/feed"))
        assert made.run(NIGHT).exit_code == 0  # the welcome goes into the outbox
        yield made


@pytest.fixture
def hook() -> Iterator[Service]:
    with Service() as service:
        yield service


def ids(messages: list[Received]) -> list[str]:
    return [
        str(email.message_from_bytes(received.body)["Message-ID"])
        for received in messages
    ]


def arrived(postbox: Postbox) -> dict[str, int]:
    """Count the messages that each recipient has."""
    found: dict[str, int] = {}
    for received in postbox.messages:
        for recipient in received.recipients:
            found[recipient] = found.get(recipient, 0) + 1
    return found


def waits(number: int) -> tuple[int, dict[str, int]]:
    """Give what status says while so many deliveries wait.

    Its exit code is 1 as long as one does.
    """
    return int(number > 0), {"waiting": number, "refused": 0, "given_up": 0}


def with_server(
    office: Office,
    postbox: Postbox,
    at: str,
    *,
    options: str = "",
    tls: ssl.SSLContext | None = None,
) -> tuple[int, str]:
    """Run while a mail server is there; the exit code, and what was said on standard error."""
    with MailServer(postbox, tls=tls, auth=bool(tls)) as server:
        office.smtp = server.url + options
        said = office.run(at)
    return said.exit_code, said.stderr


# --- what a server says ---------------------------------------------------------------


def test_a_greylisted_recipient_gets_it_from_the_next_run_and_nobody_twice(
    office: Office,
) -> None:
    office.happens(event())
    postbox = Postbox(rcpt={TWO: "450 4.2.0 greylisted, try later"})
    code, said = with_server(office, postbox, FIRST)
    assert code == 1
    assert (
        "mail to two@example.org ([PULLED] Exchange Server May 2030 SU 1 "
        "(KB9000001)): deferred: 450 4.2.0 greylisted"
    ) in said
    assert "It is kept and tried again by the next run." in said
    assert office.status(FIRST) == (1, {"waiting": 1, "refused": 0, "given_up": 0})

    postbox.rcpt = {}
    assert with_server(office, postbox, SECOND)[0] == 0
    assert arrived(postbox) == {ONE: 1, TWO: 1, THREE: 1}
    assert len(set(ids(postbox.messages))) == 1
    assert office.status(SECOND) == (0, {"waiting": 0, "refused": 0, "given_up": 0})


def test_a_message_that_is_deferred_as_a_whole_is_sent_by_the_next_run(
    office: Office,
) -> None:
    office.happens(event())
    postbox = Postbox(data="452 4.3.1 disk full")
    assert with_server(office, postbox, FIRST)[0] == 1
    assert office.status(FIRST) == waits(3)
    refused, postbox.messages, postbox.data = postbox.messages, [], ""
    assert with_server(office, postbox, SECOND)[0] == 0
    assert arrived(postbox) == {ONE: 1, TWO: 1, THREE: 1}
    assert [received.body for received in postbox.messages] == [
        received.body for received in refused
    ]
    assert office.status(SECOND) == waits(0)


def test_one_refused_of_three_is_told_kept_and_not_tried_again(office: Office) -> None:
    office.happens(event())
    postbox = Postbox(rcpt={TWO: "550 5.1.1 no such user"})
    code, said = with_server(office, postbox, FIRST)
    assert code == 1
    assert "refused: 550 5.1.1 no such user. It will not be tried again" in said
    assert arrived(postbox) == {ONE: 1, THREE: 1}
    assert with_server(office, postbox, SECOND)[0] == 0
    assert arrived(postbox) == {ONE: 1, THREE: 1}
    assert office.status(SECOND) == (1, {"waiting": 0, "refused": 1, "given_up": 1})


def test_a_refused_sender_is_every_recipients_answer_and_nothing_is_given_up_for_it(
    office: Office,
) -> None:
    office.happens(event())
    code, said = with_server(office, Postbox(mail="550 5.7.1 not you"), FIRST)
    assert code == 1
    assert said.count("the sender was refused: 550 5.7.1 not you") == 3
    assert office.status(FIRST) == waits(3)


@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
def test_a_connection_cut_before_the_message_loses_and_repeats_nothing(
    office: Office, command: str
) -> None:
    office.happens(event())
    postbox = Postbox(cut=command)
    assert with_server(office, postbox, FIRST)[0] == 1
    assert postbox.messages == []
    assert office.status(FIRST) == waits(3)
    postbox.cut = ""
    assert with_server(office, postbox, SECOND)[0] == 0
    assert arrived(postbox) == {ONE: 1, TWO: 1, THREE: 1}
    assert office.status(SECOND) == waits(0)


def test_a_connection_cut_after_the_message_repeats_it_once_to_the_byte(
    office: Office,
) -> None:
    office.happens(event())
    postbox = Postbox(cut="DATA")
    code, said = with_server(office, postbox, FIRST)
    assert code == 1
    assert "unknown" in said
    assert office.status(FIRST) == waits(3)
    assert with_server(office, postbox, SECOND)[0] == 1
    assert office.status(SECOND) == (1, {"waiting": 0, "refused": 0, "given_up": 3})
    assert with_server(office, postbox, THIRD)[0] == 0
    first, second = postbox.messages
    assert first.body == second.body
    assert office.deliveries() == [
        ("mail", to, "unknown") for to in sorted([ONE, TWO, THREE])
    ]


def test_a_server_that_does_not_answer_costs_one_time_out_and_loses_nothing(
    office: Office,
) -> None:
    office.happens(event(), event(Kind.EXPLOITED, 2))
    postbox = Postbox(hang="RCPT")
    code, said = with_server(office, postbox, FIRST, options="?timeout=1")
    assert code == 1
    assert "it did not answer in time" in said
    assert len(postbox.sessions) == 1
    assert office.status(FIRST) == waits(6)
    postbox.hang = ""
    assert with_server(office, postbox, SECOND)[0] == 0
    assert arrived(postbox) == {ONE: 2, TWO: 2, THREE: 2}
    assert office.status(SECOND) == waits(0)


def test_a_server_that_is_away_for_two_runs_is_told_and_everything_arrives_once(
    office: Office,
) -> None:
    office.happens(event())
    office.smtp = f"smtp://127.0.0.1:{free_port()}"
    first = office.run(FIRST)
    office.happens(event(Kind.EXPLOITED, 2))
    second = office.run(SECOND)
    assert (first.exit_code, second.exit_code) == (1, 1)
    assert "deferred: 127.0.0.1:" in second.stderr
    assert office.status(SECOND) == waits(6)
    postbox = Postbox()
    assert with_server(office, postbox, THIRD)[0] == 0
    assert arrived(postbox) == {ONE: 2, TWO: 2, THREE: 2}
    assert len(set(ids(postbox.messages))) == 2
    assert office.status(THIRD) == waits(0)


def test_five_days_of_failures_are_given_up_and_told(office: Office) -> None:
    office.happens(event())
    office.smtp = f"smtp://127.0.0.1:{free_port()}"
    first = datetime.fromisoformat(FIRST)
    # Whenever a try is due: at once, then after 15 minutes, 1, 4 and every 8 hours
    hours = [0, 1, 2, 3, 7, *range(15, 128, 8)]
    times = [(first + timedelta(hours=hour)).isoformat() for hour in hours]
    said = [office.run(at).stderr for at in times]
    given_up = ["given up after 5 days" in text for text in said]
    assert given_up == [False] * (len(times) - 1) + [True]
    assert office.status(times[-1]) == (
        1,
        {"waiting": 0, "refused": 3, "given_up": 3},
    )


# --- how a server is talked to --------------------------------------------------------


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_a_certificate_that_nobody_knows_is_refused_before_the_password_is_said(
    office: Office, tls: ssl.SSLContext
) -> None:
    office.environ = {"WATCHER_SMTP_USER": USER, "WATCHER_SMTP_PASSWORD": PASSWORD}
    office.happens(event())
    postbox = Postbox()
    code, said = with_server(office, postbox, FIRST, tls=tls)
    assert code == 1
    assert "its certificate is not trusted" in said
    assert (postbox.logins, postbox.messages) == ([], [])
    assert office.status(FIRST) == waits(3)


def test_a_wrong_password_is_said_once_a_run_and_the_right_one_delivers(
    office: Office, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    office.mail = 'ca_bundle = "ca.pem"'
    office.environ = {"WATCHER_SMTP_USER": USER, "WATCHER_SMTP_PASSWORD": "a wrong one"}
    office.happens(event(), event(Kind.EXPLOITED, 2))
    postbox = Postbox()
    code, said = with_server(office, postbox, FIRST, tls=context)
    assert code == 1
    assert "Check WATCHER_SMTP_USER and WATCHER_SMTP_PASSWORD" in said
    assert "a wrong one" not in said
    # The two ways to say it, and not again for the second message
    assert postbox.logins == ["PLAIN", "LOGIN"]
    assert office.status(FIRST) == waits(6)
    office.environ["WATCHER_SMTP_PASSWORD"] = PASSWORD
    assert with_server(office, postbox, SECOND, tls=context)[0] == 0
    assert arrived(postbox) == {ONE: 2, TWO: 2, THREE: 2}
    assert office.status(SECOND) == waits(0)


# --- other ways -----------------------------------------------------------------------


def channelled(office: Office, hook: Service, subscriber: str) -> None:
    office.more = subscriber + TEAMS.format(url=f"json://127.0.0.1:{hook.port}/hook")


@pytest.mark.parametrize(
    ("kind", "told"),
    [(Kind.PULLED, 1), (Kind.RE_RELEASED, 1), (Kind.EXPLOITED, 1), (Kind.RELEASED, 0)],
)
def test_the_fallback_is_told_once_in_the_run_in_which_grave_mail_is_refused(
    office: Office, hook: Service, kind: Kind, told: int
) -> None:
    channelled(office, hook, ADMINS + 'fallback = ["teams"]\n')
    office.happens(event(kind))
    postbox = Postbox(rcpt={TWO: "550 no", THREE: "550 no"})
    assert with_server(office, postbox, FIRST)[0] == 1
    assert len(hook.posted) == told
    assert with_server(office, postbox, SECOND)[0] == 0
    assert len(hook.posted) == told


def test_the_fallback_is_told_when_mail_fails_a_second_time(
    office: Office, hook: Service
) -> None:
    channelled(office, hook, ADMINS + 'fallback = ["teams"]\n')
    office.happens(event())
    office.smtp = f"smtp://127.0.0.1:{free_port()}"
    office.run(FIRST)
    assert hook.posted == []
    office.run(SECOND)
    said = json.loads(hook.posted[0].body)
    assert said["title"] == "(PULLED) Exchange Server May 2030 SU 1 (KB9000001)"
    office.run(THIRD)
    assert len(hook.posted) == 1
    postbox = Postbox()
    assert with_server(office, postbox, "2030-05-15T08:00:00+00:00")[0] == 0
    assert arrived(postbox) == {ONE: 1, TWO: 1, THREE: 1}


def test_a_fallback_that_is_down_is_tried_again(office: Office, hook: Service) -> None:
    hook.statuses["/hook"] = [503, 200]
    channelled(office, hook, ADMINS + 'fallback = ["teams"]\n')
    office.happens(event())
    _, said = with_server(office, Postbox(mail="550 no"), FIRST)
    assert (
        "the channel teams ([PULLED] Exchange Server May 2030 SU 1 "
        "(KB9000001)): deferred: the service did not take it (HTTP 503)"
    ) in said
    assert with_server(office, Postbox(), SECOND)[0] == 0
    assert ("apprise", "teams", "accepted") in office.deliveries()


def test_a_channel_may_be_a_subscriber(office: Office, hook: Service) -> None:
    channelled(office, hook, '[[subscriber]]\nname = "chat"\nchannels = ["teams"]\n')
    office.happens(event(Kind.RELEASED))
    assert office.run(FIRST).exit_code == 0
    titles = [json.loads(posted.body)["title"] for posted in hook.posted]
    assert titles[0].startswith("(WELCOME) Advisory Watcher")
    assert titles[1:] == [
        "(RELEASED) Exchange Server May 2030 SU 1 (KB9000001): exploited"
    ]
    assert office.run(SECOND).exit_code == 0
    assert len(hook.posted) == 2


# --- digests --------------------------------------------------------------------------

DAILY = (
    '[[subscriber]]\nname = "daily"\nto = ["one@example.org"]\nwhen = "daily 07:00"\n'
)
# 07:00 in Berlin is 05:00 UTC
MORNING, NEXT = "2030-05-15T05:00:00+00:00", "2030-05-16T05:30:00+00:00"


def digests(postbox: Postbox) -> list[str]:
    return [
        str(email.message_from_bytes(received.body)["X-Watcher-Event"])
        for received in postbox.messages
    ]


def test_a_digest_waits_for_its_time_and_tells_each_event_once(office: Office) -> None:
    office.more = DAILY
    postbox = Postbox()
    office.happens(event())
    with_server(office, postbox, FIRST)
    office.happens(event(Kind.EXPLOITED, 2, at=SECOND))
    with_server(office, postbox, SECOND)
    assert digests(postbox) == ["welcome"]
    with_server(office, postbox, MORNING)
    assert digests(postbox) == ["welcome", "digest"]
    body = postbox.messages[1].body.decode()
    assert "Exchange Server May 2030 SU 1" in body
    assert "Exchange Server May 2030 SU 2" in body
    office.happens(event(Kind.RELEASED, 3, at="2030-05-15T12:00:00+00:00"))
    for at in (
        "2030-05-15T06:00:00+00:00",
        "2030-05-15T12:00:00+00:00",
        NEXT,
        "2030-05-16T08:00:00+00:00",
    ):
        with_server(office, postbox, at)
    assert digests(postbox) == ["welcome", "digest", "digest"]
    assert "SU 1" not in postbox.messages[2].body.decode()


def test_an_event_outlives_a_digest_that_could_not_be_sent(office: Office) -> None:
    office.more = DAILY
    office.happens(event())
    office.run(FIRST)
    office.smtp = f"smtp://127.0.0.1:{free_port()}"
    assert office.run(MORNING).exit_code == 1
    postbox = Postbox()
    with_server(office, postbox, "2030-05-15T09:00:00+00:00")
    with_server(office, postbox, NEXT)
    assert digests(postbox) == ["digest"]


def test_who_changes_from_digests_to_at_once_hears_what_had_waited(
    office: Office,
) -> None:
    office.more = DAILY
    office.happens(event())
    office.run(FIRST)
    office.more = DAILY.replace("daily 07:00", "at-once")
    postbox = Postbox()
    office.happens(event(Kind.EXPLOITED, 2, at=SECOND))
    with_server(office, postbox, SECOND)
    with_server(office, postbox, THIRD)
    assert sorted(digests(postbox)) == ["digest", "exploited"]


def test_who_is_new_to_digests_is_not_told_of_what_happened_before(
    office: Office,
) -> None:
    office.happens(event())
    office.run(FIRST)
    office.more = ADMINS + DAILY
    office.happens(event(Kind.EXPLOITED, 2, at=SECOND))
    office.run(SECOND)
    postbox = Postbox()
    with_server(office, postbox, MORNING)
    (digest,) = postbox.messages
    assert "SU 2" in digest.body.decode()
    assert "SU 1" not in digest.body.decode()


# --- conversations --------------------------------------------------------------------


def test_a_reader_sees_release_pull_and_return_in_one_thread(
    office: Office, tmp_path: Path
) -> None:
    postbox = Postbox()
    for at, kind in (
        (FIRST, Kind.RELEASED),
        (SECOND, Kind.PULLED),
        (THIRD, Kind.RE_RELEASED),
    ):
        office.happens(event(kind, at=at))
        with_server(office, postbox, at)
    box = mailbox.Maildir(tmp_path / "maildir")
    for received in postbox.messages:
        box.add(received.body)
    messages = list(box)
    assert len(messages) == 3
    assert len({message["Message-ID"] for message in messages}) == 3
    assert (
        len(
            {
                (message["References"], message["In-Reply-To"], message["Thread-Topic"])
                for message in messages
            }
        )
        == 1
    )
    assert len({message["Thread-Index"][:28] for message in messages}) == 1
