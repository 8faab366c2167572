"""What the operator is told, end to end: troubles once, their end once, quiet weeks if wished; and the heartbeat."""

from __future__ import annotations

import email
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

import pytest

from tests.mailing import free_port
from tests.office import ADMINS, FEED, Office, event
from tests.servers import OUTAGE, Reply, SourceServer
from tests.services import Service
from watcher import report

OPERATOR = ADMINS + '[operator]\nto = ["it@example.org"]\nfailures = 2\n'
TIMES = [f"2030-05-14T{hour:02}:00:00+00:00" for hour in range(6, 24)]


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        server.play("/feed", Reply(FEED))
        yield server


@pytest.fixture
def office(tmp_path: Path, web: SourceServer) -> Iterator[Office]:
    log = report.LOG
    before = (log.handlers[:], log.level, log.propagate)
    made = Office(tmp_path, web.url("/feed"), more=OPERATOR)
    made.run(TIMES[0])
    yield made
    log.handlers[:], log.level, log.propagate = before


def told(office: Office) -> list[Message]:
    """Give the messages to the operator, oldest first."""
    files = sorted((office.folder / "outbox").glob("*.eml"))
    messages = [email.message_from_bytes(file.read_bytes()) for file in files]
    return [message for message in messages if message["X-Watcher-Event"] == "operator"]


def text(message: Message) -> str:
    body = message.get_payload(0)
    assert isinstance(body, Message)
    raw = body.get_payload(decode=True)
    assert isinstance(raw, bytes)
    return " ".join(raw.decode().split())


def test_a_source_that_fails_is_told_once_and_once_that_it_is_well(office: Office, web: SourceServer) -> None:
    web.play("/feed", Reply(OUTAGE, content_type="text/html"))
    assert [office.run(at).exit_code for at in TIMES[1:5]] == [1, 1, 1, 1]
    (message,) = told(office)
    assert (message["Subject"], message["To"]) == ("[OPERATOR] blog fails", "it@example.org")
    assert "blog has failed 2 times in a row. Its last success: 14 May 2030, 08:00 CEST." in text(message)
    assert web.url("/feed") in text(message)
    web.play("/feed", Reply(FEED))
    assert [office.run(at).exit_code for at in TIMES[5:7]] == [0, 0]
    assert [each["Subject"] for each in told(office)] == ["[OPERATOR] blog fails", "[OPERATOR] blog is well again"]


def test_one_failure_is_no_news(office: Office, web: SourceServer) -> None:
    for at, reply in zip(TIMES[1:5], (Reply(OUTAGE), Reply(FEED), Reply(OUTAGE), Reply(FEED)), strict=True):
        web.play("/feed", reply)
        office.run(at)
    assert told(office) == []


def test_a_delivery_given_up_is_told_and_one_to_the_operator_is_not(office: Office) -> None:
    office.smtp = f"smtp://127.0.0.1:{free_port()}"
    office.happens(event())
    office.run(TIMES[1])
    office.run("2030-05-20T06:00:00+00:00")
    office.smtp = ""
    office.run("2030-05-20T07:00:00+00:00")
    office.run("2030-05-20T08:00:00+00:00")
    (message,) = told(office)
    assert message["Subject"] == "[OPERATOR] a message to one@example.org did not arrive, and 2 more"
    assert "given up after 5 days: 127.0.0.1" in text(message)


def test_the_operators_channels_are_told_when_mail_is_what_broke(office: Office, web: SourceServer) -> None:
    with Service() as hook:
        office.more = f'{OPERATOR}fallback = ["ops"]\n[[channel]]\nname = "ops"\nurl = "json://127.0.0.1:{hook.port}/hook"\n'
        office.smtp = f"smtp://127.0.0.1:{free_port()}"
        web.play("/feed", Reply(OUTAGE))
        for at in TIMES[1:5]:
            office.run(at)
        assert len(hook.posted) == 1
        assert b"(OPERATOR) blog fails" in hook.posted[0].body


def test_a_quiet_week_is_told_every_monday_if_that_is_wished(office: Office, web: SourceServer) -> None:
    office.more = f"{OPERATOR}quiet = true\n"
    for at in (TIMES[1], TIMES[2], "2030-05-20T05:00:00+00:00", "2030-05-20T06:30:00+00:00", "2030-05-21T06:00:00+00:00"):
        office.run(at)
    first, second = told(office)
    assert first["Subject"] == second["Subject"] == "[OPERATOR] all is quiet"
    assert first["Message-ID"] != second["Message-ID"]
    assert "blog: last success 20 May 2030, 08:30 CEST" in text(second)


def test_the_operator_may_read_german(office: Office, web: SourceServer) -> None:
    office.more = f'{OPERATOR}language = "de"\n'
    web.play("/feed", Reply(OUTAGE))
    for at in TIMES[1:3]:
        office.run(at)
    assert str(make_header(decode_header(told(office)[0]["Subject"]))) == "[BETRIEB] blog schlägt fehl"


# --- the heartbeat ------------------------------------------------------------------------------------------------------


@pytest.fixture
def beat(office: Office) -> Iterator[Service]:
    with Service() as service:
        office.more = ADMINS + '[heartbeat]\nurl = "${BEAT}"\n'
        office.environ = {"BEAT": f"{service.origin}/secret-4711"}
        yield service


def asked(beat: Service) -> list[str]:
    return [request.target.removeprefix("/secret-4711") for request in beat.requests]


def test_a_run_that_goes_well_beats_before_and_after(office: Office, beat: Service) -> None:
    assert office.run(TIMES[1]).exit_code == 0
    assert asked(beat) == ["/start", ""]


def test_a_run_that_fails_says_so(office: Office, beat: Service, web: SourceServer) -> None:
    web.play("/feed", Reply(OUTAGE))
    assert office.run(TIMES[1]).exit_code == 1
    assert asked(beat) == ["/start", "/fail"]


def test_a_dry_run_does_not_beat(office: Office, beat: Service) -> None:
    assert office.call(TIMES[1], "run", "--dry-run").exit_code == 0
    assert asked(beat) == []


def test_a_heartbeat_that_fails_is_a_warning_without_its_secret(office: Office, beat: Service) -> None:
    beat.statuses["/secret-4711"] = [404]
    said = office.run(TIMES[1])
    assert said.exit_code == 0
    assert "warning" in said.stderr
    assert "${BEAT}" in said.stderr
    assert "4711" not in said.stderr
