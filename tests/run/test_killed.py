"""``kill -9`` at any moment of a whole run (fetch, record, send, publish).

After the next one all is as if there had been none.

Two watchers live the same years side by side.  One is never killed; the other is at
every check, and runs again.  Then state, mail, chat and site are compared, byte for
byte; only check times may differ, and the one message whose sending was cut may have
come twice.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.mailing import MailServer, Postbox
from tests.run.killed import PATIENCE, context, start
from tests.run.stage import Stage, written
from tests.servers import SourceServer
from tests.services import Service
from tests.stories.pages import CU14, Cve, Fix, Month, month
from watcher.errors import ConfigurationError
from watcher.store import Store

IN_THE_SUITE, SOAKING = 10, 200  # on each database
REFUSED = "gone@example.org"
BASELINE = datetime(2025, 1, 2, 18, tzinfo=UTC)
READERS = """inventory = "inventory.csv"
[mail]
from = "watcher@example.org"
smtp = "{smtp}?starttls=never"
[[subscriber]]
name = "team"
to = ["first@example.org", "{refused}"]
fallback = ["chat"]
[[subscriber]]
name = "weekly"
to = ["weekly@example.org"]
when = "weekly Mon 07:00"
[[channel]]
name = "chat"
url = "json://127.0.0.1:{chat}/chat"
"""


@dataclass
class Outside:
    """What a watcher has told.

    Mail and chat, and how much of it was there when its last run began.
    """

    mail: MailServer
    chat: Service
    begun: list[int] = field(default_factory=list)

    def taken(self) -> list[tuple[str, ...]]:
        """Give what was told since this was last asked."""
        assert isinstance(self.mail.postbox, Postbox)
        told = [
            (*received.recipients, received.body.decode())
            for received in self.mail.postbox.messages
        ]
        told += [(posted.path, posted.body.decode()) for posted in self.chat.posted]
        self.mail.postbox.messages.clear()
        self.chat.posted.clear()
        return told


@pytest.fixture
def outside() -> Iterator[Outside]:
    with (
        MailServer(Postbox(rcpt={REFUSED: "550 no such user"})) as mail,
        Service() as chat,
    ):
        yield Outside(mail, chat)


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


@pytest.fixture
def stages(
    web: SourceServer, outside: Outside, tmp_path: Path, database_url: str
) -> tuple[Stage, Stage]:
    """Give the watcher that is left alone, and the one that is killed."""
    more = READERS.format(
        smtp=outside.mail.url, refused=REFUSED, chat=outside.chat.port
    )
    made = []
    for name, state in (
        ("calm", f"sqlite:///{tmp_path / 'calm.db'}"),
        ("killed", database_url),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "inventory.csv").write_text(
            "server,product,build\nEX01,,15.2.1544.100\n", encoding="utf-8"
        )
        made.append(Stage(web, tmp_path / name, state, more))
        made[-1].months = {"2024-Dec": month("2024-Dec", linux=9)}
    made[-1].show()
    return made[0], made[1]


def happening(step: int) -> tuple[datetime, Month]:
    """Give a check's time and what MSRC says then.

    Each month's update is released on the 11th, and paused on the 21st.
    """
    number, paused = divmod(step, 2)
    year, place = 2025 + number // 12, number % 12 + 1
    name = datetime(year, place, 1, tzinfo=UTC).strftime("%Y-%b")
    revisions = [("1.0", f"{year}-{place:02}-10", "Information published.")]
    if paused:
        revisions.append(
            (
                "2.0",
                f"{year}-{place:02}-20",
                "We have temporarily paused the rollout of this update.",
            )
        )
    fix = Fix(CU14, f"51{number:05}", f"15.02.1544.{100 + number:03}")
    document = month(
        name, Cve(f"CVE-{year}-{40000 + number}", (fix,), tuple(revisions)), linux=9
    )
    return datetime(year, place, 21 if paused else 11, 18, tzinfo=UTC), document


def lived(
    stages: tuple[Stage, Stage], outside: Outside, steps: int, seed: int
) -> Counter[str]:
    """Let both watchers live through ``steps`` checks.

    Give in which part of a run the kills fell.
    """
    chance, processes = random.Random(seed), context()
    calm, killed = stages
    for stage in stages:
        ended(stage, BASELINE)
    outside.taken()
    lasts, moments = 0.0, Counter[str]()
    for step in range(steps):
        at, document = happening(step)
        killed.show(document)
        begun = time.monotonic()
        ended(calm, at)
        lasts = max(lasts * 0.9, time.monotonic() - begun)
        wanted = Counter(outside.taken())
        known = len(killed.events())
        process = start(processes, killed.file, at, publish=True)
        process.join(chance.uniform(0, lasts * 1.1))
        process.kill()
        process.join(PATIENCE)
        moments[part(killed, known, process.exitcode)] += 1
        ended(killed, at)
        told = Counter(outside.taken())
        assert max(wanted.values()) == 1
        assert wanted - told == Counter(), (
            f"step {step}: a message was lost, or has another Message-ID, Date or text"
        )
        assert (told - wanted).total() <= 1, (
            f"step {step}: more than the one message whose sending was cut was repeated"
        )
        moments["repeated"] += (told - wanted).total()
    return moments


def ended(stage: Stage, at: datetime) -> None:
    """Let a run end well."""
    process = start(context(), stage.file, at, publish=True)
    process.join(PATIENCE)
    assert process.exitcode == 0


def part(stage: Stage, known: int, code: int | None) -> str:
    """Name the part of a run that a kill fell into, by what it left."""
    if code == 0:
        return "ended"
    with Store.open(stage.settings.state, hold=False) as store:
        if len(store.events()) == known:
            return "fetching"
        if store.unsealed_events():
            return "recorded"
        return "sending" if store.waiting() else "publishing"


def different(stages: tuple[Stage, Stage]) -> list[str]:
    """Name what differs in state and site, but for check times and what two notes say
    of the configuration, which names another state and another site.
    """
    calm, killed = (stage.exported() for stage in stages)
    calm, killed = (
        {
            name: _without_configuration(text)
            for name, text in files.items()
            # The manifest has the sums of what is compared here
            if name not in ("times.jsonl", "manifest.json")
        }
        for files in (calm, killed)
    )
    pages, others = (written(stage.folder / "public") for stage in stages)
    return sorted(
        {
            name
            for name, _ in (calm.items() ^ killed.items())
            | (pages.items() ^ others.items())
        }
    )


def _without_configuration(text: bytes) -> bytes:
    return b"\n".join(
        line
        for line in text.splitlines()
        if b'"published"' not in line and b'"sent by"' not in line
    )


def test_a_run_that_is_killed_anywhere_leaves_state_mail_and_site_as_if_it_had_not_been(
    stages: tuple[Stage, Stage], outside: Outside
) -> None:
    lived(stages, outside, IN_THE_SUITE, seed=1)
    assert different(stages) == []


@pytest.mark.soak
def test_hundreds_of_runs_that_are_killed_anywhere(
    stages: tuple[Stage, Stage], outside: Outside
) -> None:
    moments = lived(stages, outside, SOAKING, seed=2)
    assert different(stages) == []
    print(f"{SOAKING} kills: {dict(moments)}")  # noqa: T201 - the figures of a soak
    assert moments.keys() >= {"fetching", "recorded", "sending", "publishing"}


def test_a_digest_whose_run_broke_off_after_recording_goes_out_with_the_next_one(
    web: SourceServer, tmp_path: Path
) -> None:
    template = tmp_path / "own" / "mail" / "event.txt"
    template.parent.mkdir(parents=True)
    weekly = (
        '[[subscriber]]\nname = "weekly"\nto = ["weekly@example.org"]\nwhen = '
        '"weekly Mon 07:00"\n'
    )
    stage = Stage(
        web,
        tmp_path,
        f"sqlite:///{tmp_path / 'watcher.db'}",
        f'templates = "own"\n{weekly}',
    )
    stage.months = {"2024-Dec": month("2024-Dec", linux=9)}
    stage.show()
    stage.check(BASELINE.isoformat())
    at, document = happening(0)
    stage.show(document)
    template.write_text("{{ never.there }}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"event\.txt"):
        stage.check(at.isoformat())
    template.unlink()
    stage.check(at.isoformat())
    assert [path.name for path in sorted((tmp_path / "outbox").glob("*digest*"))] == [
        "0004-digest.eml"
    ]
