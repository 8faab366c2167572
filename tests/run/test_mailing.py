"""``watcher mail test`` and ``watcher mail preview``."""

from __future__ import annotations

import email
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.mailing import MailServer, Postbox
from tests.office import ADMINS, FEED, Office, event
from tests.servers import Reply, SourceServer
from tests.services import Service
from watcher.mail import samples
from watcher.records import Kind, Outcome
from watcher.store import Store

AT = "2030-05-14T18:00:00+00:00"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.chdir(tmp_path)
    with SourceServer() as web:
        web.play("/feed", Reply(FEED))
        yield Office(tmp_path, web.url("/feed"))


def test_a_test_message_says_what_the_server_answered(office: Office) -> None:
    with MailServer(Postbox()) as server:
        office.smtp = server.url
        said = office.call(AT, "mail", "test", "one@example.org")
    assert (said.exit_code, said.stdout) == (
        0,
        "one@example.org: accepted: 250 queued as 4711\n",
    )
    (received,) = server.postbox.messages
    message = email.message_from_bytes(received.body)
    assert (message["To"], message["Subject"]) == (
        "one@example.org",
        "[OPERATOR] This is a test",
    )
    assert not (office.folder / "state").exists()


def test_a_test_message_that_is_refused_ends_with_1(office: Office) -> None:
    with MailServer(Postbox(rcpt={"one@example.org": "550 no such user"})) as server:
        office.smtp = server.url
        said = office.call(AT, "mail", "test", "one@example.org")
    assert said.exit_code == 1
    assert "one@example.org: refused: 550 no such user" in said.stderr


def test_a_test_message_that_could_not_be_sent_says_so_and_what_to_do(
    office: Office,
) -> None:
    office.smtp = "smtp://mail.invalid"
    said = office.call(AT, "mail", "test", "one@example.org")
    assert said.exit_code == 1
    assert (
        "one@example.org: not sent: mail.invalid:587: its name could not be "
        "resolved. Correct the host of smtp in [mail]"
    ) in said.stderr
    assert said.stderr.endswith(
        "Nothing tries a test again: repeat it when that is mended.\n"
    )


def test_mail_goes_out_beside_a_password_that_is_left_over_with_a_warning(
    office: Office,
) -> None:
    office.environ = {"WATCHER_SMTP_PASSWORD": "left over"}
    with MailServer(Postbox()) as server:
        office.smtp = server.url
        said = office.call(AT, "mail", "test", "one@example.org")
    assert (said.exit_code, said.stdout) == (
        0,
        "one@example.org: accepted: 250 queued as 4711\n",
    )
    assert "warning" in said.stderr
    assert (
        "WATCHER_SMTP_PASSWORD is set, but there is no user: mail goes out without a login"
        in said.stderr
    )


def test_a_channel_is_tested_by_its_name(office: Office) -> None:
    with Service() as hook:
        office.more = (
            f'{ADMINS}[[channel]]\nname = "teams"\nurl = '
            f'"json://127.0.0.1:{hook.port}/hook"\n'
        )
        said = office.call(AT, "mail", "test", "teams")
        assert (said.exit_code, said.stdout) == (0, "teams: accepted: taken\n")
        assert json.loads(hook.posted[0].body)["title"] == "(OPERATOR) This is a test"


def test_what_is_neither_address_nor_channel_is_refused(office: Office) -> None:
    said = office.call(AT, "mail", "test", "tems")
    assert said.exit_code == 2
    assert "'tems' is no mail address" in said.stderr


def test_a_preview_without_an_id_shows_every_kind(office: Office) -> None:
    said = office.call(AT, "mail", "preview")
    assert said.exit_code == 0
    files = sorted(path.name for path in (office.folder / "preview").glob("*.eml"))
    assert len(said.stdout.splitlines()) == len(files)
    assert {"digest", "welcome", "operator", "pulled", "re"} <= {
        name.removesuffix(".eml").split("-")[1] for name in files
    }
    assert len(list((office.folder / "preview").glob("*.html"))) == len(files)


def test_what_is_kept_no_longer_is_no_word_on_who_was_told(office: Office) -> None:
    office.mail = 'keep = "30d"'
    office.run("2030-05-14T05:00:00+00:00")
    told = replace(
        samples.event(Kind.PULLED), time=datetime(2030, 5, 14, 6, tzinfo=UTC)
    )
    with Store.open(office.state) as store:
        update = samples.reminder().standing
        store.record("blog", outcome=Outcome(events=(told,), updates=update))
    office.run("2030-05-14T07:00:00+00:00")
    assert "told: admins" in office.call(AT, "show", told.update.id).stdout

    # A day a run: a clock that is ahead for one run would forget what nobody has read
    begun = datetime(2030, 5, 14, 7, tzinfo=UTC)
    days = [(begun + timedelta(days=day)).isoformat() for day in range(1, 35)]
    for day in days:
        office.run(day)
    said = office.call(days[-1], "show", told.update.id).stdout

    assert (
        "not known any more whether told: admins; messages are kept for 30 days" in said
    )
    assert "not subscribed" not in said
    assert "    told: admins" not in said


def test_a_preview_leaves_nothing_of_an_earlier_one_and_all_else_alone(
    office: Office,
) -> None:
    office.run("2030-05-14T05:00:00+00:00")
    office.happens(event())
    folder = office.folder / "preview"
    office.call(AT, "mail", "preview")
    assert len(list(folder.glob("*.eml"))) > 9
    # A message that was sent as a file, and something of the user's
    for name in ("0001-pulled-other.eml", "notes.html"):
        (folder / name).write_text("kept", encoding="utf-8")
    said = office.call(AT, "mail", "preview", "pulled-1")

    (name,) = said.stdout.splitlines()
    page = f"{Path(name).stem}.html"
    kept = {"0001-pulled-other.eml", "notes.html"}
    assert {path.name for path in folder.iterdir()} == {Path(name).name, page} | kept


def test_a_preview_of_an_update_is_what_its_events_would_send(office: Office) -> None:
    office.run("2030-05-14T05:00:00+00:00")
    office.happens(event(), event(Kind.RELEASED, 2))
    before = sorted((office.folder / "outbox").iterdir())
    said = office.call(
        AT, "mail", "preview", "pulled-1", "--out", "shown", "--subscriber", "admins"
    )
    assert (said.exit_code, said.stdout) == (
        0,
        "shown/0001-pulled-exchange-server-2030-05-su-1.eml\n",
    )
    message = email.message_from_bytes(
        (
            office.folder / "shown/0001-pulled-exchange-server-2030-05-su-1.eml"
        ).read_bytes()
    )
    assert message["Subject"] == "[PULLED] Exchange Server May 2030 SU 1 (KB9000001)"
    assert sorted((office.folder / "outbox").iterdir()) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("KB5000000",), 'no update is known as "KB5000000"'),
        (
            ("--subscriber", "admin"),
            'there is no subscriber "admin". Do you mean "admins"?',
        ),
    ],
)
def test_a_preview_of_nothing_says_what_is_meant(
    office: Office, words: tuple[str, ...], said: str
) -> None:
    office.run("2030-05-14T05:00:00+00:00")
    found = office.call(AT, "mail", "preview", *words)
    assert found.exit_code == 2
    assert said in found.stderr


def test_a_preview_that_cannot_be_written_says_so(office: Office) -> None:
    (office.folder / "taken").write_text("")
    found = office.call(AT, "mail", "preview", "--out", "taken")
    assert found.exit_code == 1
    assert "taken cannot be written: " in found.stderr


@pytest.mark.parametrize(
    ("url", "code"),
    [("json://hook.example.org/x", 0), ("nonsense://hook.example.org/secret-4711", 2)],
)
def test_check_names_a_channel_whose_address_no_service_has(
    office: Office, url: str, code: int
) -> None:
    office.more = f'{ADMINS}[[channel]]\nname = "teams"\nurl = "{url}"\n'
    said = office.call(AT, "check")
    assert said.exit_code == code
    assert ("the channel teams: no address that Apprise knows" in said.stderr) is bool(
        code
    )
    assert "4711" not in said.stderr
