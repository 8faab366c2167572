"""A run that is ended between two of its steps: at each commit of a transaction, just before
it and just after.

Record, seal, each receipt: whichever was the last, the next run tells everybody
everything, and repeats at most the one message whose receipt was lost.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.attacks import tried
from tests.mailing import MailServer, Postbox
from tests.office import Office
from tests.run.killed import PATIENCE, context, one_check
from tests.servers import Reply, SourceServer
from tests.services import Service
from watcher.store import Store

pytestmark = pytest.mark.posix

WELCOMED = "2030-05-14T06:00:00+00:00"
NOW = datetime(2030, 5, 15, 8, tzinfo=UTC)
ENDED = 9
REFUSED = "gone@example.org"
# Of a run that records a source, seals, and sends to three readers
COMMITS = 6
NEWS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Blog</title>
<link>https://blog.example.org/</link>{}<item><guid>1</guid><title>Exchange Server news</title>
<link>https://blog.example.org/1</link><pubDate>Mon, 13 May 2030 18:00:00 GMT</pubDate>
<description>We talked.</description></item></channel></rss>"""
RELEASE = """<item><guid>2</guid><title>Released: May 2030 Exchange Server Security Updates</title>
<link>https://blog.example.org/2</link><pubDate>Tue, 14 May 2030 18:00:00 GMT</pubDate>
<description>We are releasing KB5044062 for Exchange Server 2019 CU14.</description></item>"""
READERS = """
[[subscriber]]
name = "admins"
to = ["one@example.org", "{refused}"]
[[subscriber]]
name = "daily"
to = ["daily@example.org"]
when = "daily 07:00"
[[subscriber]]
name = "chat"
channels = ["chat"]
[[channel]]
name = "chat"
url = "json://127.0.0.1:{port}/chat"
"""


class World(Struct):
    """An office where all have been welcomed, and something has come since."""

    office: Office
    mail: MailServer
    chat: Service

    def told(self) -> Counter[tuple[str, ...]]:
        """Give each message that arrived, with to whom it went."""
        mail = [
            (*each.recipients, each.body.decode())
            for each in self.mail.postbox.messages
        ]
        return Counter(
            [*mail, *((each.path, each.body.decode()) for each in self.chat.posted)]
        )

    def live(self, folder: Path, commit: int, *, after: bool) -> list[int | None]:
        """Run in a copy of the office, end that run at a commit, and run again."""
        shutil.copytree(self.office.folder, folder)
        self.mail.postbox.messages.clear()
        self.chat.posted.clear()
        codes = []
        for number in (commit, 0):
            process = context().Process(
                target=check_until, args=(folder / "watcher.toml", number, after)
            )
            process.start()
            process.join(PATIENCE)
            codes.append(process.exitcode)
        return codes


def check_until(file: Path, commit: int, after: bool) -> None:
    """Make a check that ends at a commit, by number, as a kill does."""
    commits, writing = 0, Store.writing

    @contextmanager
    def counted(store: Store, **more: Any) -> Iterator[Any]:
        nonlocal commits
        with writing(store, **more) as sql:
            yield sql
            commits += 1
            if commits == commit and not after:
                os._exit(ENDED)
        if commits == commit:
            os._exit(ENDED)

    Store.writing = counted  # type: ignore[method-assign,assignment]
    one_check(file, NOW, publish=False)
    (file.parent / "commits").write_text(str(commits), encoding="utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("between") / "office"
    folder.mkdir()
    with (
        SourceServer() as web,
        MailServer(Postbox(rcpt={REFUSED: "550 no such user"})) as mail,
        Service() as chat,
    ):
        web.play("/feed", Reply(NEWS.format("").encode(), etag='"1"'))
        office = Office(folder, web.url("/feed"), smtp=f"{mail.url}?starttls=never")
        office.more = READERS.format(refused=REFUSED, port=chat.port)
        office.run(WELCOMED)
        web.play("/feed", Reply(NEWS.format(RELEASE).encode(), etag='"2"'))
        yield World(office, mail, chat)


@pytest.fixture(scope="module")
def wanted(world: World) -> Counter[tuple[str, ...]]:
    """What a run tells that is not ended."""
    folder = world.office.folder.with_name("calm")
    assert world.live(folder, 0, after=True) == [0, 0]
    told = world.told()
    assert {place for place, *_ in told} == {
        "one@example.org",
        "daily@example.org",
        "/chat",
    }
    return told


@tried("kills")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit", range(1, COMMITS + 1))
def test_a_run_that_is_ended_at_a_commit_loses_nothing_and_repeats_one_message(
    world: World,
    wanted: Counter[tuple[str, ...]],
    tmp_path: Path,
    commit: int,
    after: bool,
) -> None:
    codes = world.live(tmp_path / "office", commit, after=after)
    assert codes == [ENDED, 0]
    told = world.told()
    assert wanted.keys() == told.keys(), "another Message-ID, Date or text, or none"
    repeated = (told - wanted).total()
    assert repeated <= 1
    assert not (after and repeated), "its receipt was kept"


def test_each_commit_of_a_run_is_tried(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "office"
    shutil.copytree(world.office.folder, folder)
    process = context().Process(
        target=check_until, args=(folder / "watcher.toml", 0, False)
    )
    process.start()
    process.join(PATIENCE)
    assert (folder / "commits").read_text(encoding="utf-8") == str(COMMITS)
