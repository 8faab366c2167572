"""Readers say by mail that they have dealt with a pull; a real IMAP server takes it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests import dovecot
from tests.attacks import tried
from tests.dovecot import Dovecot
from tests.mailing import free_port
from tests.stories.november import SU
from tests.stories.telling import World, text
from tests.stories.test_servers import owns, pull, reminders
from watcher.judgement.audience import key_of, subject
from watcher.mailbox import connect
from watcher.records import Subscriber
from watcher.run.replies import take_in
from watcher.settings import Replies, Secret

KEY = key_of(dovecot.PASSWORD)
ADMINS = Subscriber("admins", ("a@example.org",))
OTHERS = Subscriber("others", ("o@example.org",))


class Box:
    """The mailbox of replies: mails are put into it as a mail server would."""

    def __init__(self, folder: Path, port: int, tls: str = "never") -> None:
        self.folder, self.port, self.tls, self.count = folder, port, tls, 0

    def get(self, line: str) -> None:
        self.count += 1
        for name in ("new", "cur", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        mail = self.folder / "new" / f"{1_700_000_000 + self.count}.{self.count}.host"
        mail.write_text(f"From: a@example.org\nSubject: {line}\n\n\n")
        for path in (self.folder.parent, *self.folder.parent.rglob("*")):
            shutil.chown(path, "mail", "mail")

    @property
    def replies(self) -> Replies:
        return Replies(
            "127.0.0.1",
            self.port,
            self.tls,
            "watcher",
            Secret("WATCHER_IMAP_PASSWORD", dovecot.PASSWORD),
            "watcher@example.org",
        )


@pytest.fixture
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    if why := dovecot.missing():
        pytest.skip(why)
    # Dovecot's user looks into it
    boxes = Path(tempfile.mkdtemp(prefix="watcher-replies-"))
    boxes.chmod(0o755)
    with Dovecot(boxes, "mail", free_port()) as server:
        yield Box(boxes / "watcher", server.port)
    shutil.rmtree(boxes, ignore_errors=True)


def reads(world: World, box: Box, *readers: Subscriber) -> None:
    mail = replace(world.settings.mail, replies=box.replies)
    world.settings = replace(world.settings, subscribers=readers, mail=mail)


def test_who_answers_a_reminder_gets_no_more_and_the_others_still_do(
    world: World, box: Box
) -> None:
    owns(world)
    reads(world, box, ADMINS, OTHERS)
    pull(world)
    world.at("2024-11-21 20:00")
    assert len(reminders(world)) == 2

    (mail,) = [
        each
        for each in world.mails
        if each["X-Watcher-Event"] == "reminder" and each["To"] == "a@example.org"
    ]
    found = re.search(r"^  (ack \S+ \S+)\s*$", text(mail), re.MULTILINE)
    assert found is not None
    assert "watcher ack" not in text(mail)
    box.get(f"Re: {found[1]}")
    box.get("Lunch on Friday?")
    world.at("2024-12-30 20:00")

    assert len(reminders(world)) == 3
    assert world.report is not None
    assert not world.report.warnings


def test_an_answer_that_is_read_again_changes_nothing(world: World, box: Box) -> None:
    reads(world, box, ADMINS)
    box.get(subject(KEY, "admins", SU))
    assert take_in(world.settings, world.store) == ()
    before = world.store.acks()
    assert list(before) == [f"reader:admins:{SU}"]

    # A run that was killed before it marked the mail reads it once more
    box.get(subject(KEY, "admins", SU))
    later = datetime(2199, 1, 1, tzinfo=UTC)
    world.store.ack(f"reader:admins:{SU}", later)
    assert take_in(world.settings, world.store) == ()
    assert world.store.acks() == {f"reader:admins:{SU}": later}


def test_an_answer_to_an_earlier_pull_ends_no_reminders_of_this_one(
    world: World, box: Box
) -> None:
    owns(world)
    reads(world, box, ADMINS)
    pull(world)
    box.get(subject(KEY, "admins", SU, "an-earlier-pull"))
    box.get(subject(KEY, "admins", SU))

    (said,) = take_in(world.settings, world.store)
    assert said.startswith("2 mails to watcher@example.org begin like an answer")
    world.at("2024-11-21 20:00")
    assert len(reminders(world)) == 1


def test_a_forged_answer_is_named_and_noted_of_nobody(world: World, box: Box) -> None:
    reads(world, box, ADMINS)
    box.get(f"ack {SU} {'a' * 20}")

    (said,) = take_in(world.settings, world.store)
    assert said.startswith("1 mails to watcher@example.org begin like an answer")
    assert world.store.acks() == {}
    # It is looked at once
    assert take_in(world.settings, world.store) == ()


def test_others_mail_stays_unread_and_is_no_answer(world: World, box: Box) -> None:
    reads(world, box, ADMINS)
    box.get("Feedback from the user group")
    box.get("Your pack of 6 (ack needed)")
    assert take_in(world.settings, world.store) == ()

    with connect(box.replies, None) as mailbox:
        assert len(list(mailbox.unseen())) == 2


@tried("settings")
@pytest.mark.parametrize("fault", ["password", "a foreign password", "folder", "port"])
def test_a_mailbox_that_cannot_be_read_stops_nothing_and_is_named(
    world: World, box: Box, fault: str
) -> None:
    wrong = {
        "password": replace(box.replies, password=Secret("X", "not-it")),
        "a foreign password": replace(box.replies, password=Secret("X", "nöt-it")),
        "folder": replace(box.replies, folder="Nowhere"),
        "port": replace(box.replies, port=free_port()),
    }
    mail = replace(world.settings.mail, replies=wrong[fault])
    world.settings = replace(world.settings, mail=mail)
    pull(world)

    assert world.report is not None
    (said,) = world.report.warnings
    assert said.startswith("the mailbox of replies at 127.0.0.1 cannot be read: ")
    assert "t-it" not in said
    assert [event.kind.value for event in world.report.events] == ["pulled"]
