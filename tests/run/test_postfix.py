"""A real mail server: what it accepts arrives once in each mailbox, what it refuses is told."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

from tests import dovecot, postfix
from tests.dovecot import Dovecot
from tests.office import FEED, Office, event
from tests.postfix import USERS, Postfix
from tests.servers import Reply, SourceServer
from watcher.records import Kind

NIGHT, FIRST, SECOND, THIRD = (
    f"2030-05-14T{hour}:00:00+00:00" for hour in ("05", "18", "19", "23")
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    if why := postfix.missing():
        pytest.skip(why)
    with Postfix() as running:
        yield running


@pytest.fixture
def office(tmp_path: Path, server: Postfix) -> Iterator[Office]:
    """An office; the server's mailboxes are empty, and it agrees to everything."""
    server.empty()
    server.policy.answers = {}
    with SourceServer() as web:
        web.play("/feed", Reply(FEED))
        yield Office(tmp_path, web.url("/feed"))


def test_release_pull_and_return_arrive_once_in_one_thread_and_a_stranger_is_refused(
    office: Office, server: Postfix
) -> None:
    office.more = (
        '[[subscriber]]\nname = "admins"\nto = ["one@example.org", '
        '"two@example.org", "nobody@example.org"]\n'
    )
    office.run(NIGHT)
    office.smtp = server.url
    codes = []
    for at, kind in (
        (FIRST, Kind.RELEASED),
        (SECOND, Kind.PULLED),
        (THIRD, Kind.RE_RELEASED),
    ):
        office.happens(event(kind, at=at))
        said = office.run(at)
        codes.append(said.exit_code)
        assert "mail to nobody@example.org" in said.stderr
        assert "refused: 550 5.1.1" in said.stderr
    assert codes == [1, 1, 1]
    assert office.run("2030-05-15T06:00:00+00:00").exit_code == 0
    for user in ("one", "two"):
        messages = [email.message_from_bytes(body) for body in server.messages(user, 3)]
        assert sorted(message["X-Watcher-Event"] for message in messages) == [
            "pulled",
            "re-released",
            "released",
        ]
        assert len({message["Message-ID"] for message in messages}) == 3
        assert len({message["References"] for message in messages}) == 1
    assert office.status(THIRD) == (1, {"waiting": 0, "refused": 3, "given_up": 3})


def test_a_real_imap_client_sees_each_update_in_one_thread(
    office: Office, server: Postfix
) -> None:
    if why := dovecot.missing():
        pytest.skip(why)
    office.more = '[[subscriber]]\nname = "reader"\nto = ["three@example.org"]\n'
    office.run(NIGHT)
    office.smtp = server.url
    for at, kind in (
        (FIRST, Kind.RELEASED),
        (SECOND, Kind.PULLED),
        (THIRD, Kind.RE_RELEASED),
    ):
        office.happens(event(kind, 1, at=at), event(kind, 2, at=at))
        assert office.run(at).exit_code == 0
    assert len(server.messages("three", 6)) == 6
    with Dovecot(server.boxes, "postfix") as imap:
        threads = imap.threads("three")
    assert sorted(len(re.findall(r"\d+", thread)) for thread in top_level(threads)) == [
        3,
        3,
    ]


# --- faults ---------------------------------------------------------------------------


@pytest.fixture
def told(office: Office, server: Postfix) -> Office:
    """The office when its readers have been welcomed and have an event to hear of."""
    office.run(NIGHT)
    office.smtp = server.url
    office.happens(event())
    return office


def boxes(server: Postfix, number: int) -> dict[str, list[Message]]:
    """Give the messages of each user, as soon as each has ``number``."""
    return {
        user: [email.message_from_bytes(body) for body in server.messages(user, number)]
        for user in USERS
    }


def has_one_each(server: Postfix) -> bool:
    return {
        user: len(messages) for user, messages in boxes(server, 1).items()
    } == dict.fromkeys(USERS, 1)


def test_a_greylisted_recipient_gets_it_from_the_next_run(
    told: Office, server: Postfix
) -> None:
    server.policy.answers = {
        "two@example.org": "450 4.2.0 Greylisted, see http://postgrey.example.org/"
    }
    said = told.run(FIRST)
    assert said.exit_code == 1
    assert (
        "mail to two@example.org ([PULLED] Exchange Server May 2030 SU 1 "
        "(KB9000001)): deferred: 450 4.2.0"
    ) in said.stderr
    assert told.status(FIRST) == (1, {"waiting": 1, "refused": 0, "given_up": 0})
    server.policy.answers.clear()
    assert told.run(SECOND).exit_code == 0
    assert has_one_each(server)
    assert told.status(SECOND) == (0, {"waiting": 0, "refused": 0, "given_up": 0})


def test_a_message_that_the_server_puts_off_comes_with_the_next_run(
    told: Office, server: Postfix
) -> None:
    server.policy.answers = {"DATA": "451 4.3.0 Not now"}
    assert told.run(FIRST).exit_code == 1
    assert told.status(FIRST) == (1, {"waiting": 3, "refused": 0, "given_up": 0})
    server.policy.answers.clear()
    assert told.run(SECOND).exit_code == 0
    assert has_one_each(server)
    assert told.status(SECOND) == (0, {"waiting": 0, "refused": 0, "given_up": 0})


def test_a_refused_sender_is_told_for_each_recipient_and_mended_by_another_from(
    told: Office, server: Postfix
) -> None:
    server.policy.answers = {"MAIL": "553 5.7.1 not you"}
    said = told.run(FIRST)
    assert said.exit_code == 1
    assert said.stderr.count("the sender was refused: 553 5.7.1") == 3
    assert told.status(FIRST) == (1, {"waiting": 3, "refused": 0, "given_up": 0})
    assert boxes(server, 0) == {user: [] for user in USERS}
    server.policy.answers.clear()
    told.sender = "alerts@example.org"
    assert told.run(SECOND).exit_code == 0
    assert has_one_each(server)
    assert told.status(SECOND) == (0, {"waiting": 0, "refused": 0, "given_up": 0})


def test_a_server_that_is_away_for_two_runs_loses_and_repeats_nothing(
    told: Office, server: Postfix
) -> None:
    server.stop()
    assert [told.run(at).exit_code for at in (FIRST, SECOND)] == [1, 1]
    assert told.status(SECOND) == (1, {"waiting": 3, "refused": 0, "given_up": 0})
    server.start()
    assert told.run(THIRD).exit_code == 0
    assert has_one_each(server)
    assert told.status(THIRD)[0] == 0


def test_starttls_with_the_right_certificate_delivers_encrypted(
    told: Office, server: Postfix, tmp_path: Path
) -> None:
    told.smtp = f"smtp://127.0.0.1:{server.port}?starttls=required"
    said = told.run(FIRST)
    assert said.exit_code == 1
    assert "its certificate is not trusted" in said.stderr
    assert told.status(FIRST) == (1, {"waiting": 3, "refused": 0, "given_up": 0})
    server.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    told.mail = 'ca_bundle = "ca.pem"'
    assert told.run(SECOND).exit_code == 0
    for (message,) in boxes(server, 1).values():
        assert "using TLSv1.3" in "".join(message.get_all("Received", []))


def test_a_login_is_refused_and_then_taken(
    told: Office, server: Postfix, tmp_path: Path
) -> None:
    if why := dovecot.missing():
        pytest.skip(why)
    server.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    told.mail, told.smtp = (
        'ca_bundle = "ca.pem"',
        f"smtp://127.0.0.1:{server.submission}",
    )
    told.environ = {"WATCHER_SMTP_USER": "watcher", "WATCHER_SMTP_PASSWORD": "not it"}
    with Dovecot(server.boxes, "postfix", server.login):
        said = told.run(FIRST)
        assert said.exit_code == 1
        assert (
            "it refused the name or password (535 5.7.8 Error: authentication failed"
            in said.stderr
        )
        assert told.status(FIRST) == (1, {"waiting": 3, "refused": 0, "given_up": 0})
        told.environ["WATCHER_SMTP_PASSWORD"] = dovecot.PASSWORD
        assert told.run(SECOND).exit_code == 0
        assert told.status(SECOND) == (0, {"waiting": 0, "refused": 0, "given_up": 0})
    for (message,) in boxes(server, 1).values():
        assert "(Authenticated sender: watcher)" in "".join(
            message.get_all("Received", [])
        )


def top_level(threads: str) -> list[str]:
    """Split what THREAD answers into its outermost groups."""
    found, depth = [""], 0
    for sign in threads:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        found[-1] += sign
        if not depth:
            found.append("")
    return [thread for thread in found if thread.strip()]
