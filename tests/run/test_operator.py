"""What the operator is told, end to end.

Troubles once, their end once, quiet weeks if wished; and the heartbeat.
"""

from __future__ import annotations

import email
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

import pytest

from tests.attacks import tried
from tests.mailing import MailServer, Postbox, free_port
from tests.office import ADMINS, FEED, Office, event
from tests.servers import OUTAGE, Reply, SourceServer, moved
from tests.services import Service
from watcher.store import Store

OPERATOR = ADMINS + '[operator]\nto = ["it@example.org"]\nfailures = 2\n'
TIMES = [f"2030-05-14T{hour:02}:00:00+00:00" for hour in range(6, 24)]


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        server.play("/feed", Reply(FEED))
        yield server


@pytest.fixture
def office(tmp_path: Path, web: SourceServer) -> Office:
    made = Office(tmp_path, web.url("/feed"), more=OPERATOR)
    made.run(TIMES[0])
    return made


def told(office: Office) -> list[Message]:
    """Give the messages to the operator, oldest first."""
    files = sorted((office.folder / "outbox").glob("*.eml"))
    messages = [email.message_from_bytes(file.read_bytes()) for file in files]
    return [message for message in messages if message["X-Watcher-Event"] == "operator"]


def hours_later(hours: int) -> str:
    return (datetime.fromisoformat(TIMES[0]) + timedelta(hours=hours)).isoformat()


def text(message: Message) -> str:
    body = message.get_payload(0)
    assert isinstance(body, Message)
    raw = body.get_payload(decode=True)
    assert isinstance(raw, bytes)
    return " ".join(raw.decode().split())


def test_a_source_that_fails_is_told_once_and_once_that_it_is_well(
    office: Office, web: SourceServer
) -> None:
    web.play("/feed", Reply(status=403))
    assert [office.run(at).exit_code for at in TIMES[1:5]] == [1, 1, 1, 1]
    (message,) = told(office)
    assert (message["Subject"], message["To"]) == (
        "[OPERATOR] blog fails",
        "it@example.org",
    )
    assert (
        "blog fails. Failures in a row: 2. Its last success: 14 May 2030, 08:00 CEST."
        in text(message)
    )
    assert web.url("/feed") in text(message)
    assert "the server answered 403 Forbidden" in text(message)
    web.play("/feed", Reply(FEED))
    assert [office.run(at).exit_code for at in TIMES[5:7]] == [0, 0]
    assert [each["Subject"] for each in told(office)] == [
        "[OPERATOR] blog fails",
        "[OPERATOR] blog is well again",
    ]


def test_one_failure_is_no_news(office: Office, web: SourceServer) -> None:
    for at, reply in zip(
        TIMES[1:5],
        (Reply(OUTAGE), Reply(FEED), Reply(OUTAGE), Reply(FEED)),
        strict=True,
    ):
        web.play("/feed", reply)
        office.run(at)
    assert told(office) == []


def test_a_delivery_given_up_is_told_and_one_to_the_operator_is_not(
    office: Office,
) -> None:
    office.smtp = f"smtp://127.0.0.1:{free_port()}"
    office.happens(event())
    for hour in range(2, 140, 8):
        office.run(hours_later(hour))
    office.smtp = ""
    office.run(hours_later(141))
    office.run(hours_later(142))
    (message,) = told(office)
    assert (
        message["Subject"]
        == "[OPERATOR] A message to one@example.org did not arrive, and 2 more"
    )
    assert "given up after 5 days: 127.0.0.1" in text(message)


def test_mail_that_a_setting_holds_up_is_told_once_with_what_to_do(
    office: Office,
) -> None:
    office.happens(event())
    with MailServer(Postbox(mail="550 5.7.60 not you")) as server:
        office.smtp = server.url
        for at in TIMES[1:5]:
            office.run(at)
    office.smtp = ""
    office.run(TIMES[6])
    (message,) = told(office)
    assert (
        message["Subject"]
        == "[OPERATOR] Messages to 3 recipients are held back: a setting is wrong"
    )
    assert "the sender was refused: 550 5.7.60 not you" in text(message).lower()
    assert "watcher send --force" in text(message)


def test_a_message_that_may_not_have_arrived_is_told_as_that(office: Office) -> None:
    office.more = (
        '[operator]\nto = ["it@example.org"]\n[[subscriber]]\nname = "admins"\n'
        'to = ["one@example.org"]\n'
    )
    office.happens(event())
    for at in TIMES[1:3]:
        with MailServer(Postbox(cut="DATA")) as server:
            office.smtp = server.url
            assert office.run(at).exit_code == 1
    office.smtp = ""
    office.run(TIMES[3])
    (message,) = told(office)
    assert (
        message["Subject"]
        == "[OPERATOR] A message to one@example.org may not have arrived"
    )
    assert "Ask there whether it came." in text(message)


def test_the_operators_channels_are_told_when_mail_is_what_broke(
    office: Office, web: SourceServer
) -> None:
    with Service() as hook:
        office.more = (
            f'{OPERATOR}fallback = ["ops"]\n[[channel]]\nname = "ops"\nurl = '
            f'"json://127.0.0.1:{hook.port}/hook"\n'
        )
        office.smtp = f"smtp://127.0.0.1:{free_port()}"
        web.play("/feed", Reply(status=403))
        for at in TIMES[1:5]:
            office.run(at)
        assert len(hook.posted) == 1
        assert b"(OPERATOR) blog fails" in hook.posted[0].body


def test_a_quiet_week_is_told_every_monday_if_that_is_wished(
    office: Office, web: SourceServer
) -> None:
    office.more = f"{OPERATOR}quiet = true\n"
    for at in (
        TIMES[1],
        TIMES[2],
        "2030-05-20T05:00:00+00:00",
        "2030-05-20T06:30:00+00:00",
        "2030-05-21T06:00:00+00:00",
    ):
        office.run(at)
    first, second = told(office)
    assert first["Subject"] == second["Subject"] == "[OPERATOR] All is quiet"
    assert first["Message-ID"] != second["Message-ID"]
    assert "blog: last success 20 May 2030, 08:30 CEST" in text(second)


def test_the_operator_may_read_german(office: Office, web: SourceServer) -> None:
    office.more = f'{OPERATOR}language = "de"\n'
    web.play("/feed", Reply(status=403))
    for at in TIMES[1:3]:
        office.run(at)
    assert (
        str(make_header(decode_header(told(office)[0]["Subject"])))
        == "[BETRIEB] blog schlägt fehl"
    )


def subjects(office: Office) -> list[str]:
    return [message["Subject"].removeprefix("[OPERATOR] ") for message in told(office)]


def test_a_page_that_can_no_longer_be_read_is_told_as_one_of_another_layout(
    office: Office, web: SourceServer
) -> None:
    for at, reply in zip(
        TIMES[1:6],
        [Reply(OUTAGE), Reply(OUTAGE), Reply(status=403), Reply(OUTAGE), Reply(FEED)],
        strict=True,
    ):
        web.play("/feed", reply)
        office.run(at)
    assert subjects(office) == [
        "blog has a new layout, or shows another page",
        "blog is well again",
    ]
    assert "Checks in a row: 2." in text(told(office)[0])
    assert "this is not an RSS, RDF or Atom feed" in text(told(office)[0])


@pytest.mark.parametrize("status", [301, 308])
def test_a_source_that_moved_is_told_once_with_its_new_address_and_once_when_it_is_over(
    office: Office, web: SourceServer, status: int
) -> None:
    new = web.play("/new", Reply(FEED, etag='"1"'))
    web.play("/feed", moved("/new", status))
    assert [office.run(at).exit_code for at in TIMES[1:4]] == [0, 0, 0]
    assert web.asked("/new")[-1].headers["if-none-match"] == '"1"'
    assert subjects(office) == ["blog has moved"]
    assert f"blog leads for good to {new}." in text(told(office)[0])
    said = office.call(TIMES[4], "status", "--json")
    assert (said.exit_code, json.loads(said.stdout)["sources"][0]["moved"]) == (0, new)
    assert (
        f'blog: its address leads for good to {new}. Write url = "{new}" into its [[source]].'
        in office.call(TIMES[4], "status").stderr
    )
    office.feed = new
    for at in TIMES[5:7]:
        office.run(at)
    assert subjects(office) == [
        "blog has moved",
        "blog answers at its own address again",
    ]
    assert (
        json.loads(office.call(TIMES[7], "status", "--json").stdout)["sources"][0][
            "moved"
        ]
        is None
    )


def test_a_source_that_is_elsewhere_for_now_has_not_moved(
    office: Office, web: SourceServer
) -> None:
    web.play("/new", Reply(FEED))
    for at, status in zip(TIMES[1:4], [302, 303, 307], strict=True):
        web.play("/feed", moved("/new", status))
        assert office.run(at).exit_code == 0
    assert told(office) == []


def test_a_source_that_leads_for_good_to_another_page_is_not_called_moved_but_says_where(
    office: Office, web: SourceServer
) -> None:
    web.play("/home", Reply(OUTAGE, content_type="text/html"))
    web.play("/feed", moved("/home", 301))
    said = [office.run(at) for at in TIMES[1:4]][-1]
    assert (
        f"The address leads for good to {web.url('/home')}: see what is there."
        in said.stderr
    )
    assert subjects(office) == ["blog has a new layout, or shows another page"]


def test_a_source_that_answers_and_shows_nothing_new_for_too_long_is_told_once(
    office: Office, web: SourceServer
) -> None:
    # From now on 304; its newest post is of 1 April, 18:00
    web.play("/feed", Reply(FEED, etag='"1"'))
    office.more = f'silent = "45d"\n{OPERATOR}'
    for at in (
        "2030-05-16T17:59:00+00:00",
        "2030-05-16T19:00:00+00:00",
        "2030-05-17T19:00:00+00:00",
    ):
        assert office.run(at).exit_code == 0
    assert subjects(office) == ["blog is silent"]
    assert "the newest that it shows is of 1 Apr 2030, 20:00 CEST" in text(
        told(office)[0]
    )
    said = office.call("2030-05-17T20:00:00+00:00", "status")
    assert said.exit_code == 1
    assert (
        "blog: it answers, but the newest that it shows is of 2030-04-01 18:00Z"
        in said.stderr
    )
    web.play(
        "/feed",
        Reply(FEED.replace(b"01 Apr", b"18 Apr").replace(b"<guid>1", b"<guid>2")),
    )
    office.run("2030-05-18T06:00:00+00:00")
    office.run("2030-05-18T07:00:00+00:00")
    assert subjects(office) == ["blog is silent", "blog has something new again"]


def test_a_source_of_microsofts_months_is_told_on_patch_tuesdays_evening(
    office: Office, web: SourceServer
) -> None:
    # The day after April's
    web.play("/feed", Reply(FEED.replace(b"01 Apr", b"10 Apr")))
    office.more = f'silent = "patch-tuesday"\n{OPERATOR}'
    for at in (
        "2030-05-14T22:59:00+00:00",
        "2030-05-14T23:00:00+00:00",
        "2030-05-15T09:00:00+00:00",
    ):
        office.run(at)
    assert subjects(office) == ["blog is silent"]
    assert "nothing new of 2030-05" in text(told(office)[0])


def many(count: int, web: SourceServer) -> str:
    """Sources of which nothing is there."""
    return "".join(
        f'[[source]]\nname = "s{number}"\nkind = "feed"\nurl = "{web.url(f"/{number}")}"\n'
        for number in range(count)
    )


def test_ten_sources_that_fail_for_one_cause_are_one_trouble_and_one_line(
    office: Office, web: SourceServer
) -> None:
    office.more = OPERATOR + many(10, web)
    said = [office.run(at) for at in TIMES[1:4]][-1]
    names = ", ".join(f"s{number}" for number in range(10))
    for stderr in (said.stderr, office.call(TIMES[4], "status").stderr):
        (line,) = [line for line in stderr.splitlines() if " error " in line]
        assert f"{names}: the server answered 404 Not Found" in line
        assert line.count("404") == line.count("There is no such page") == 1
    assert web.url("/9") not in said.stderr
    assert subjects(office) == ["10 sources fail"]
    assert (
        f"For one cause: {names}. Failures in a row: 2. The last success of any of them: never."
        in text(told(office)[0])
    )
    assert "The server answered 404 Not Found. There is no such page" in text(
        told(office)[0]
    )
    for number in range(10):
        web.play(f"/{number}", Reply(FEED))
    for at in TIMES[5:7]:
        office.run(at)
    assert subjects(office) == ["10 sources fail", "10 sources are well again"]
    assert names in text(told(office)[1])


def test_a_source_that_is_switched_off_is_not_told_to_be_well_again(
    office: Office, web: SourceServer
) -> None:
    office.more = OPERATOR + many(1, web)
    for at in TIMES[1:4]:
        office.run(at)
    office.more = OPERATOR
    office.run(TIMES[4])
    assert subjects(office) == ["s0 fails"]


# --- the heartbeat --------------------------------------------------------------------


@pytest.fixture
def beat(office: Office) -> Iterator[Service]:
    with Service() as service:
        office.more = ADMINS + '[heartbeat]\nurl = "${BEAT}"\n'
        office.environ = {"BEAT": f"{service.origin}/secret-4711"}
        yield service


def asked(beat: Service) -> list[str]:
    return [request.target.removeprefix("/secret-4711") for request in beat.requests]


def test_a_run_that_goes_well_beats_before_and_after(
    office: Office, beat: Service
) -> None:
    assert office.run(TIMES[1]).exit_code == 0
    assert asked(beat) == ["/start", ""]


def test_a_run_that_fails_says_so(
    office: Office, beat: Service, web: SourceServer
) -> None:
    web.play("/feed", Reply(OUTAGE))
    assert office.run(TIMES[1]).exit_code == 1
    assert asked(beat) == ["/start", "/fail"]


def test_a_dry_run_does_not_beat(office: Office, beat: Service) -> None:
    assert office.call(TIMES[1], "run", "--dry-run").exit_code == 0
    assert asked(beat) == []


@tried("state")
@pytest.mark.parametrize("state", ["damaged", "a folder"])
def test_the_heartbeat_hears_of_a_state_that_cannot_be_opened(
    office: Office, beat: Service, state: str
) -> None:
    file = office.folder / "state" / "watcher.db"
    for path in file.parent.iterdir():
        path.unlink()
    if state == "a folder":
        file.mkdir()
    else:
        file.write_bytes(b"SQLite format 3\0" + b"no state" * 1000)
    assert office.run(TIMES[1]).exit_code in (1, 2)
    assert asked(beat) == ["/fail"]


@tried("state")
def test_the_heartbeat_hears_of_an_export_that_cannot_be_read(
    office: Office, beat: Service
) -> None:
    (office.folder / "text").mkdir()
    said = office.call(TIMES[1], "state", "import", str(office.folder / "text"))
    assert said.exit_code == 2
    assert asked(beat) == ["/fail"]


def test_of_a_state_that_another_run_holds_the_heartbeat_hears_by_that_one(
    office: Office, beat: Service
) -> None:
    with Store.open(office.state):
        assert office.run(TIMES[1]).exit_code == 3
    assert asked(beat) == []


def test_a_heartbeat_that_fails_is_a_warning_without_its_secret(
    office: Office, beat: Service
) -> None:
    beat.statuses["/secret-4711"] = [404]
    said = office.run(TIMES[1])
    assert said.exit_code == 0
    assert "warning" in said.stderr
    assert "${BEAT}" in said.stderr
    assert "4711" not in said.stderr
