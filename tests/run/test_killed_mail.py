"""A run that sends dozens of messages, killed at any moment, and run again.

Everybody has everything, and at most one message twice.

Readers with two mailboxes each are told of five events and reminded of a pulled build;
one mailbox is refused, so that chat is told in its place; one more reader gets a
digest, and one has two channels.  In the soak that is fifty messages of events and ten
reminders, in the suite fifteen and three.
"""

from __future__ import annotations

import random
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.mailing import MailServer, Postbox
from tests.office import FEED, Office, event
from tests.run.killed import PATIENCE, context, start
from tests.servers import Reply, SourceServer
from tests.services import Service
from watcher.mail import samples
from watcher.records import DeliveryState, Kind, Outcome, Times
from watcher.run.compose import LETTERS_AT
from watcher.store import Store

KINDS = (Kind.PULLED, Kind.EXPLOITED, Kind.RE_RELEASED, Kind.RELEASED, Kind.ANNOUNCED)
REFUSED = "r0b@example.org"
# 08:00 in Berlin: the digest of 07:00 is due, and a week's reminders are
MORNING = datetime(2030, 5, 22, 6, tzinfo=UTC)
IN_THE_SUITE, SOAKING = 10, 200  # on each database


@dataclass
class World:
    """All that a run tells: the mailboxes and the channels."""

    mail: MailServer
    chat: Service

    @property
    def told(self) -> list[tuple[str, ...]]:
        """Give each message with to whom it went, as often as it went there."""
        assert isinstance(self.mail.postbox, Postbox)
        mail = [
            (*received.recipients, received.body.decode())
            for received in self.mail.postbox.messages
        ]
        return mail + [
            (posted.path, posted.body.decode()) for posted in self.chat.posted
        ]

    def forget(self) -> None:
        self.mail.postbox.messages.clear()
        self.chat.posted.clear()


@pytest.fixture
def world() -> Iterator[World]:
    with (
        MailServer(Postbox(rcpt={REFUSED: "550 no such user"})) as mail,
        Service() as chat,
    ):
        yield World(mail, chat)


@dataclass
class Copies:
    """Makes copies of an office with its state, and takes them away.

    ``execute`` and ``url`` are a PostgreSQL server's.
    """

    execute: Callable[[str], None] | None = None
    url: Callable[[str], str] | None = None

    def copy(self, office: Office, folder: Path) -> Office:
        if office.folder != folder.parent:
            shutil.copytree(office.folder, folder)
        else:
            folder.mkdir()
        made = replace(office, folder=folder)
        if self.execute and self.url:
            name, template = f"copy_{uuid.uuid4().hex}", self._name(office)
            self.execute(
                f"CREATE DATABASE {name}"
                + (f" TEMPLATE {template}" if template else "")
            )
            made.database = self.url(name)
        made.write()
        return made

    def remove(self, office: Office) -> None:
        shutil.rmtree(office.folder)
        if self.execute:
            self.execute(f"DROP DATABASE {self._name(office)} WITH (FORCE)")

    @staticmethod
    def _name(office: Office) -> str:
        return office.database.partition("@/")[2].partition("?")[0]


@pytest.fixture(params=["sqlite", "postgresql"])
def copies(request: pytest.FixtureRequest) -> Copies:
    if request.param == "sqlite":
        return Copies()
    server = request.getfixturevalue("postgres_server")
    return Copies(server.execute, server.url)


@pytest.fixture
def many(request: pytest.FixtureRequest) -> int:
    """How many readers there are."""
    return 10 if request.node.get_closest_marker("soak") else 3


@pytest.fixture
def prepared(
    tmp_path: Path, world: World, many: int, copies: Copies
) -> Iterator[Office]:
    """An office where all have been welcomed a week ago, a build that is installed is
    pulled, and five events wait to be told.
    """
    with SourceServer() as web:
        web.play("/feed", Reply(FEED, etag='"1"'))
        office = copies.copy(
            Office(tmp_path, web.url("/feed"), mail='inventory = "inventory.csv"'),
            tmp_path / "prepared",
        )
        (office.folder / "inventory.csv").write_text(
            "server,product,build\nEX01,,15.4.1544.13\n", encoding="utf-8"
        )
        office.smtp, office.more = (
            f"{world.mail.url}?starttls=never",
            readers(many, world.chat.port),
        )
        office.run("2030-05-14T05:00:00+00:00")
        with Store.open(office.state) as store:
            pulled = samples.reminder().standing
            store.record(
                "blog",
                outcome=Outcome(
                    tuple(event(kind, number) for number, kind in enumerate(KINDS)),
                    updates=pulled,
                ),
            )
        world.forget()
        yield office


def readers(many: int, chat: int) -> str:
    """Write the subscribers and their channels."""
    reader = (
        '[[subscriber]]\nname = "r{n}"\nto = ["r{n}a@example.org", '
        '"r{n}b@example.org"]\nfallback = ["instead"]\n'
    )
    channel = '[[channel]]\nname = "{name}"\nurl = "json://127.0.0.1:{chat}/{name}"\n'
    return (
        "".join(reader.format(n=n) for n in range(many))
        + '[[subscriber]]\nname = "daily"\nto = ["daily@example.org"]\nwhen = "daily 07:00"\n'
        + '[[subscriber]]\nname = "chat"\nchannels = ["one", "two"]\n'
        + "".join(
            channel.format(name=name, chat=chat) for name in ("instead", "one", "two")
        )
    )


def killed(
    bases: list[Office], world: World, many: int, copies: Copies, times: int, seed: int
) -> Counter[str]:
    """Run once from each base for the measure, then ``times`` times in turn, each killed
    and run again; give when the kills were.
    """
    chance, processes = random.Random(seed), context()
    lasts, folder = list[float](), bases[0].folder.parent
    wanted, moments = Counter[tuple[str, ...]](), Counter[str]()
    for number in range(len(bases) + times):
        office = copies.copy(bases[number % len(bases)], folder / f"run{number}")
        begun = time.monotonic()
        process = start(
            processes, office.folder / "watcher.toml", MORNING, publish=False
        )
        if number >= len(bases):
            process.join(chance.uniform(0, lasts[number % len(bases)]))
            process.kill()
        process.join(PATIENCE)
        if number < len(bases):
            lasts.append(time.monotonic() - begun)
            assert process.exitcode == 0
            wanted = wanted or Counter(world.told)
            assert_all_is_told(wanted, many)
            assert wanted == Counter(world.told)
        else:
            moments += run_again(office, world, wanted)
        assert_settled(office)
        world.forget()
        copies.remove(office)
    print(  # noqa: T201 - shown by -s
        f"{times} kills of a run of {lasts[0]:.2f} s with {wanted.total()} "
        f"messages: {dict(moments)}"
    )
    return moments


def run_again(
    office: Office, world: World, wanted: Counter[tuple[str, ...]]
) -> Counter[str]:
    """Run after a kill.

    Everybody then has everything; give when the kill was, and how many messages were
    repeated.
    """
    before = len(world.told)
    moments = Counter[str]()
    _end_well(office)
    # Where a machine has no thread or no moment left for the service that is told, the
    # connection breaks off: such a text is tried once more, by the next run
    unknown = [each for each in on_the_way(office) if each[1] == "unknown"]
    if unknown:
        print(f"unknown: {unknown}")  # noqa: T201 - the figures of a soak
        moments["unknown"] += len(unknown)
        _end_well(office)
    assert wanted - Counter(world.told) == Counter(), (
        "a message was lost, or has another Message-ID, Date or text; on its way: "
        f"{on_the_way(office)}"
    )
    repeated = (Counter(world.told) - wanted).total()
    assert repeated <= 1 + len(unknown), (
        "more than the one message whose sending was cut was repeated"
    )
    moment = (
        "before any was sent"
        if not before
        else "after all were"
        if before >= wanted.total()
        else "amid them"
    )
    return moments + Counter({moment: 1, "repeated": repeated - len(unknown)})


def _end_well(office: Office) -> None:
    run = start(context(), office.folder / "watcher.toml", MORNING, publish=False)
    run.join(PATIENCE)
    assert run.exitcode == 0


def on_the_way(office: Office) -> list[tuple[str, str, str]]:
    """Give what waits, and why: what is kept to be tried again is not lost."""
    with Store.open(office.state, hold=False) as store:
        return [
            (each.recipient, each.state.value, each.answer)
            for _, each in store.waiting()
        ]


def assert_all_is_told(told: Counter[tuple[str, ...]], many: int) -> None:
    """The run that was not killed told what the office's setting promises.

    The measure is none that could be empty.
    """
    assert max(told.values()) == 1
    to = Counter(place for message in told for place in message[:-1])
    grave = 3
    assert to == (
        {
            f"r{n}{box}@example.org": len(KINDS) + 1
            for n in range(many)
            for box in "ab"
            if f"r{n}{box}@example.org" != REFUSED
        }
        | {"daily@example.org": 2}  # the digest, and the reminder
        | {"/instead": grave, "/one": len(KINDS) + 1, "/two": len(KINDS) + 1}
    )


def assert_settled(office: Office) -> None:
    """Nothing waits, and nothing but the one mailbox was refused."""
    with Store.open(office.state, hold=False) as store:
        assert store.unsealed_events() == ()
        assert store.waiting() == []
        assert {each.recipient for _, each in store.given_up(1000)} == {REFUSED}
        states = Counter(
            each.state
            for message in store.messages()
            for each in store.deliveries_of(message.id)
        )
    assert set(states) == {DeliveryState.ACCEPTED, DeliveryState.REFUSED}


def test_a_reminder_at_its_readers_time_survives_a_run_that_broke_off_before_its_messages(
    prepared: Office, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run has noted its check times by then, and yet was not there for any reader."""
    with monkeypatch.context() as broken:
        broken.setattr("watcher.run.compose.rendered", _broken_off)
        assert prepared.run(MORNING.isoformat()).exit_code == 1
    assert world.told == []
    # Half an hour on it is nobody's time
    later = (MORNING + timedelta(minutes=30)).isoformat()
    assert prepared.run(later).exit_code == 1  # one mailbox is refused
    daily = [body for *to, body in world.told if to == ["daily@example.org"]]
    assert len(daily) == 2
    assert sum("[REMINDER]" in body for body in daily) == 1
    world.forget()
    assert prepared.run(later).exit_code == 0
    assert world.told == []


def test_a_reminder_at_its_readers_time_survives_workers_that_died(
    prepared: Office, world: World
) -> None:
    """Their check times go on while letters wait: those say when letters were composed."""
    with Store.open(prepared.state) as store:
        letters_at = MORNING - timedelta(hours=2)  # before seven in Berlin
        store.set_meta(LETTERS_AT, letters_at.isoformat())
        asked = MORNING - timedelta(minutes=10)
        store.touch([Times("blog", "", asked, asked)])
    for late in (0, 30, 60):
        prepared.run((MORNING + timedelta(minutes=late)).isoformat())
    daily = [body for *to, body in world.told if to == ["daily@example.org"]]
    assert sum("[REMINDER]" in body for body in daily) == 1
    # Whoever goes back to workers begins where single runs have ended
    with Store.open(prepared.state) as store:
        assert store.meta(LETTERS_AT) == MORNING.isoformat()


def _broken_off(*_: object) -> None:
    raise RuntimeError


def test_a_killed_run_of_many_messages_loses_none_and_repeats_at_most_one(
    prepared: Office, world: World, many: int, copies: Copies
) -> None:
    sealed = copies.copy(prepared, prepared.folder.with_name("sealed"))
    assert sealed.call(MORNING.isoformat(), "run", "--no-send").exit_code == 0
    moments = killed([prepared, sealed], world, many, copies, IN_THE_SUITE, seed=1)
    assert (
        sum(moments.values()) - moments["repeated"] - moments["unknown"] == IN_THE_SUITE
    )


@pytest.mark.soak
def test_hundreds_of_killed_runs_of_fifty_messages(
    prepared: Office, world: World, many: int, copies: Copies
) -> None:
    moments = killed([prepared], world, many, copies, SOAKING, seed=2)
    assert moments["amid them"] > 0
    assert moments["repeated"] <= moments["amid them"] + moments["after all were"]
