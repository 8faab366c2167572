"""``watcher work``: any number of workers on one PostgreSQL database."""

from __future__ import annotations

import asyncio
import email
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.mailing import MailServer, Postbox
from tests.run.stage import STORY, TOLD, Stage
from tests.run.test_organisations import Provider
from tests.run.working import (
    JOBS,
    ROOT,
    context,
    said,
    set_clock,
    start,
    until,
    work_of,
    work_once,
    workers,
)
from tests.servers import SourceServer
from watcher import config
from watcher.errors import StateHeldError
from watcher.records import DeliveryState
from watcher.run import queue
from watcher.run.send import LEFT_BY
from watcher.run.work import JUDGEMENT
from watcher.store import Store

pytestmark = pytest.mark.posix

FIRST = "2024-11-11T18:00:00Z"


@dataclass
class SlowPostbox(Postbox):
    """Takes a message at once, and says so a moment later: a kill between is what repeats it."""

    begun: int = field(default=0)
    ended: int = field(default=0)

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.begun += 1
        answer: str = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.1)
        self.ended += 1
        return answer


@pytest.fixture
def provider(tmp_path: Path, postgres_url: str) -> Iterator[Provider]:
    with SourceServer() as web, MailServer(SlowPostbox()) as server:
        yield Provider(web, server, tmp_path, postgres_url)


def relive(provider: Provider) -> None:
    """Let workers live through the story, each part at its time."""
    work_once(provider.folder, FIRST)
    for time, month in STORY:
        provider.show(month)
        work_once(provider.folder, time)


def sent(provider: Provider) -> Counter[tuple[str, str]]:
    """Count what arrived of what happened: Message-ID and recipient."""
    found: Counter[tuple[str, str]] = Counter()
    for each in provider.postbox.messages:
        message = email.message_from_bytes(each.body)
        # Those have no moment of their own: workers look at them at another time of day
        if message["X-Watcher-Event"] not in ("welcome", "digest", "reminder"):
            found.update((message["Message-ID"], to) for to in each.recipients)
    return found


def test_workers_establish_and_tell_what_single_runs_do(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    relive(provider)
    assert provider.events() == TOLD
    by_workers = sent(provider)

    folder = tmp_path_factory.mktemp("single")
    with MailServer(Postbox()) as server:
        single = Provider(provider.web, server, folder, f"sqlite:///{folder}/state.db")
        single.months = {"2024-Oct": single.months["2024-Oct"]}
        single.show()
        single.check(FIRST)
        for time, month in STORY:
            single.show(month)
            single.check(time)
        assert single.events() == TOLD
        assert sent(single) == by_workers
    assert set(by_workers.values()) == {1}
    assert said(provider.folder) == ""


def test_an_answer_that_cannot_be_judged_holds_up_no_other(provider: Provider) -> None:
    work_once(provider.folder, FIRST)
    with (
        closing(work_of(provider.folder)) as work,
        Store.open(work.settings.state, hold=False) as store,
        store.writing(),
    ):
        # Of another version, or damaged
        store.keep_answers("odd", "another", b"no answer")
        work.queue.add(store, queue.JUDGE, {"answers": "odd"}, lock=JUDGEMENT)
    for time, month in STORY:
        provider.show(month)
        work_once(provider.folder, time)
    assert provider.events() == TOLD
    assert "judge: an answer was dropped" in said(provider.folder)


def test_nothing_is_told_again_when_nothing_is_new(provider: Provider) -> None:
    relive(provider)
    before = len(provider.postbox.messages)
    time, _ = STORY[-1]
    work_once(provider.folder, time.replace("T18", "T22"))
    assert len(provider.postbox.messages) == before


def test_a_run_and_workers_keep_off_each_other(provider: Provider) -> None:
    work_once(provider.folder, FIRST)
    state = provider.settings.state
    with workers(provider.folder, 1) as (worker,):
        until(lambda: _count_workers(state) > 0)
        with pytest.raises(StateHeldError, match="advisory-watcher, process"):
            Store.open(state)
        worker.terminate()
        worker.join(60)
    with Store.open(state), pytest.raises(StateHeldError):
        Store.open(state, hold=False, share=True)


def _count_workers(state: str) -> int:
    with Store.open(state, hold=False) as store:
        health = store.work_health(60)
        return health.workers if health else 0


def test_single_runs_go_on_where_workers_have_ended_and_back(
    provider: Provider,
) -> None:
    work_once(provider.folder, FIRST)
    (release, month), (pull, paused), (back, again) = STORY
    provider.show(month)
    provider.check(release)
    provider.show(paused)
    work_once(provider.folder, pull)
    provider.show(again)
    provider.check(back)
    work_once(provider.folder, back.replace("T18", "T20"))

    assert provider.events() == TOLD
    assert set(sent(provider).values()) == {1}


def test_what_a_single_run_has_told_workers_do_not_tell_again(
    provider: Provider,
) -> None:
    """Whoever is between two single runs finds in the notes how far each has been told."""
    (release, month), (pull, paused), (back, again) = STORY
    work_once(provider.folder, FIRST)
    provider.show(month)
    work_once(provider.folder, release)
    provider.show(paused)
    provider.check(pull)
    provider.show(again)
    work_once(provider.folder, back)

    assert provider.events() == TOLD
    told = Counter(
        email.message_from_bytes(each.body)["X-Watcher-Event"]
        for each in provider.postbox.messages
    )
    assert [told[kind] for kind in ("released", "pulled", "re-released")] == [2, 2, 2]


def test_two_workers_that_compose_for_one_organisation_at_once_tell_it_once(
    provider: Provider,
) -> None:
    """Both have read what is owed before one of them seals it."""
    release, month = STORY[0]
    work_once(provider.folder, FIRST)
    provider.show(month)
    set_clock(provider.folder, release)
    with (
        closing(work_of(provider.folder)) as work,
        Store.open(provider.settings.state, hold=False) as store,
        ThreadPoolExecutor(2) as threads,
    ):
        work.check_source("msrc")
        (answers,) = asked(store, "SELECT id FROM answers")
        work.judge(answers)
        work.compose()
        # As if another worker sealed just now: both wait for the numbers of messages
        with store.sealing():
            both = [threads.submit(work.letters, "fabrikam") for _ in range(2)]
            until(lambda: asked(store, WAITING) == [2])
        for each in both:
            each.result(60)
        (event,) = store.events()
        told = [
            message
            for message, _ in store.messages_of(event=event.id)
            if message.subscriber == "fabrikam/admins"
        ]
        left = asked(store, LETTERS_LEFT)
    assert len(told) == 1
    # One by compose, and one by whoever came too late: it looks again
    assert left == ["fabrikam"] * 2
    work_once(provider.folder, release)
    assert set(sent(provider).values()) == {1}


def test_new_settings_of_mail_disturb_nothing_that_is_being_sent(
    provider: Provider,
) -> None:
    """Once every follow-up wrote all that waited anew, and what was leaving then failed."""
    (release, month), *_ = STORY
    work_once(provider.folder, FIRST)
    provider.show(month)
    set_clock(provider.folder, release)
    with (
        closing(work_of(provider.folder)) as work,
        Store.open(provider.settings.state, hold=False) as store,
        Store.open(provider.settings.state, hold=False) as sending,
        ThreadPoolExecutor(1) as thread,
    ):
        work.check_source("msrc")
        (answers,) = asked(store, "SELECT id FROM answers")
        work.judge(answers)
        work.compose()
        work.letters("fabrikam")
        store.set_meta(LEFT_BY, "another server's")
        message, _ = store.waiting()[0]
        with sending.writing():
            assert sending.claim_deliveries(message.id)
            thread.submit(work.follow_up).result(60)
    work_once(provider.folder, release)
    assert set(sent(provider).values()) == {1}


WAITING = "SELECT COUNT(*) FROM pg_locks WHERE relation = 'messages'::regclass AND NOT granted"
LETTERS_LEFT = (
    "SELECT args ->> 'organisation' FROM procrastinate_jobs "
    "WHERE task_name = 'letters' AND args ->> 'organisation' = 'fabrikam'"
)


def asked(store: Store, question: str) -> list[Any]:
    """Ask the database for the values of a column."""
    return [row[0] for row in store.connection.execute(question).fetchall()]


def watcher(provider: Stage, *words: str) -> subprocess.Popen[str]:
    """Start a command as a service manager does."""
    return subprocess.Popen(
        [sys.executable, "-m", "watcher", *words, "--config", str(provider.file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_the_command_works_says_its_health_and_stops(provider: Provider) -> None:
    with Store.open(provider.settings.state):
        """The tables are there: two that make them at one time would be in each other's way."""
    with watcher(provider, "work") as worker:
        until(lambda: _count_workers(provider.settings.state) > 0)
        with watcher(provider, "work", "--health") as health:
            said, _ = health.communicate(timeout=60)
        assert (health.returncode, said.split(";")[0]) == (0, "1 worker")
        worker.terminate()
        _, complaint = worker.communicate(timeout=60)
        assert (worker.returncode, complaint) == (0, "")
    with watcher(provider, "work", "--health") as health:
        said, _ = health.communicate(timeout=60)
    assert (health.returncode, said.split(";")[0]) == (1, "0 workers")


def test_a_state_in_a_file_is_refused_by_name(tmp_path: Path) -> None:
    with SourceServer() as web:
        stage = Stage(web, tmp_path, f"sqlite:///{tmp_path}/state.db")
        with watcher(stage, "work") as worker:
            _, complaint = worker.communicate(timeout=60)
    assert worker.returncode == 2
    assert "PostgreSQL" in complaint
    assert not (tmp_path / "state.db").exists()


def test_a_worker_told_to_stop_ends_what_it_has_begun(provider: Provider) -> None:
    work_once(provider.folder, FIRST)
    provider.show(STORY[0][1])
    set_clock(provider.folder, STORY[0][0])
    postbox = provider.postbox
    assert isinstance(postbox, SlowPostbox)
    welcomes = postbox.begun
    with workers(provider.folder, 1) as (worker,):
        until(lambda: postbox.begun > welcomes)
        worker.terminate()
        worker.join(60)
        assert worker.exitcode == 0, said(provider.folder)
        # It has waited for the answer to what it was sending
        assert postbox.begun == postbox.ended
    work_once(provider.folder, STORY[0][0])

    assert set(sent(provider).values()) == {1}
    assert provider.events() == TOLD[:1]


def test_workers_end_while_the_database_is_away_and_go_on_when_it_is_back(
    provider: Provider, postgres_server: Any
) -> None:
    work_once(provider.folder, FIRST)
    (release, month), *_ = STORY
    with workers(provider.folder, 1) as (worker,):
        until(lambda: _count_workers(provider.settings.state) > 0)
        with away(postgres_server, provider.settings.state):
            worker.join(120)
        assert worker.exitcode == 1
    assert "nothing that was begun is lost" in said(provider.folder)

    provider.show(month)
    work_once(provider.folder, release)
    assert provider.events() == TOLD[:1]
    assert set(sent(provider).values()) == {1}


@contextmanager
def away(database: Any, state: str) -> Iterator[None]:
    """Let nobody into a database, as while its server is started again."""
    name = urlsplit(state).path[1:]
    database.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    database.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    yield
    database.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_a_dead_worker_is_replaced_and_nothing_is_lost(provider: Provider) -> None:
    received = received_in_spite_of_kills(provider, kills=4, seed=1)
    assert_each_arrived(provider, received, kills=4)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_two_hundred_kills_lose_nothing(provider: Provider, seed: int) -> None:
    received = received_in_spite_of_kills(provider, kills=20, seed=seed)
    assert_each_arrived(provider, received, kills=20)


def received_in_spite_of_kills(
    provider: Provider, kills: int, seed: int
) -> Counter[tuple[str, str]]:
    """Live through the story with two workers, of which one is killed now and again."""
    chance = random.Random(seed)
    many(provider, 12)
    processes = context()
    set_clock(provider.folder, FIRST)
    work_once(provider.folder, FIRST)
    never_set = context().Event()
    left = kills
    for part, (time, month) in enumerate(STORY):
        provider.show(month)
        set_clock(provider.folder, time)
        share = left if part == len(STORY) - 1 else kills // len(STORY)
        with workers(provider.folder, 2) as running:
            with closing(work_of(provider.folder)) as jobs:
                jobs.begin()
            for _ in range(share):
                never_set.wait(chance.uniform(0.05, 0.8))
                victim = chance.randrange(len(running))
                running[victim].kill()
                running[victim].join()
                running[victim] = start(processes, provider.folder)
            left -= share
            done = partial(_is_done, provider, TOLD[: part + 1])
            until(done)
    return sent(provider)


def assert_each_arrived(
    provider: Provider, received: Counter[tuple[str, str]], kills: int
) -> None:
    """Nothing is lost, and only what a kill cut came again, as it was."""
    assert provider.events() == TOLD
    # 12 more organisations, and those of the stage that are told of Exchange at once
    assert len(received) == len(TOLD) * (12 + 3)
    repeated = sum(received.values()) - len(received)
    assert repeated <= kills * JOBS
    bodies: dict[str, bytes] = {}
    for each in provider.postbox.messages:
        identity = email.message_from_bytes(each.body)["Message-ID"]
        assert bodies.setdefault(identity, each.body) == each.body


def many(provider: Provider, count: int) -> None:
    """Let the provider have more organisations, of one reader each."""
    more = "".join(
        f'[[organisation]]\nname = "org{number}"\n[[organisation.subscriber]]\n'
        f'name = "admins"\nto = ["admins@org{number}.example.org"]\n'
        for number in range(count)
    )
    text = provider.file.read_text("utf-8")
    provider.file.write_text(f"{text}\n{more}", "utf-8")
    provider.settings = config.load(provider.file, {})


def _is_done(provider: Provider, told: list[str]) -> bool:
    """Say whether everything was established, and every message accepted."""
    if provider.events() != told:
        return False
    with Store.open(provider.settings.state, hold=False) as store:
        if store.unsealed_events() or store.answered_sources() or store.waiting():
            return False
        health = store.work_health(60)
        if health is None or health.waiting or health.stalled:
            return False
        newest = store.events()[-1]
        messages = store.messages_of(event=newest.id)
        return len(messages) >= 14 and all(
            each.state is DeliveryState.ACCEPTED
            for _, deliveries in messages
            for each in deliveries
        )
