"""An office that runs the watcher.

Its configuration, its mail server, its state, and what happens there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import time_machine
from msgspec import Struct, field
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from watcher.cli import app
from watcher.mail import samples
from watcher.records import Event, Kind, Outcome
from watcher.store import Store

FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Blog</title><link>https://blog.example.org/</link>
<item><guid>1</guid><title>Exchange Server news</title><link>https://blog.example.org/1</link>
<pubDate>Mon, 01 Apr 2030 18:00:00 GMT</pubDate><description>We talked.</description></item></channel></rss>"""

ADMINS = """
[[subscriber]]
name = "admins"
to = ["one@example.org", "two@example.org", "three@example.org"]
"""


def event(
    kind: Kind = Kind.PULLED, number: int = 1, *, at: str = "2030-05-14T18:00:00+00:00"
) -> Event:
    """Give an event of an update of its own number."""
    made = samples.event(kind)
    update = replace(
        made.update,
        id=f"{made.update.id}-{number}",
        title=f"Exchange Server May 2030 SU {number}",
    )
    identity = f"{kind.value}-{number}"
    return replace(
        made,
        id=identity,
        time=datetime.fromisoformat(at),
        update=update,
        thread=update.id,
    )


class Office(Struct):
    """A folder with watcher.toml; ``mail`` and ``more`` are its text."""

    folder: Path
    feed: str  # the address of the one source
    mail: str = ""
    more: str = ADMINS
    smtp: str = ""
    sender: str = "Advisory Watcher <watcher@example.org>"
    environ: dict[str, str] = field(default_factory=dict)
    database: str = ""

    @property
    def state(self) -> str:
        return self.database or f"sqlite:///{self.folder / 'state' / 'watcher.db'}"

    def write(self) -> None:
        """Write the configuration as it is now."""
        smtp = f'smtp = "{self.smtp}"' if self.smtp else ""
        text = f"""
[watch]
builtin_sources = false
timezone = "Europe/Berlin"
state = "{self.database or "sqlite:///state/watcher.db"}"
{self.mail}
[mail]
from = "{self.sender}"
{smtp}
[[source]]
name = "blog"
kind = "feed"
url = "{self.feed}"
{self.more}
"""
        (self.folder / "watcher.toml").write_text(text, encoding="utf-8")

    def happens(self, *events: Event) -> None:
        """Let events be established, as a check does."""
        with Store.open(self.state) as store:
            store.record("blog", outcome=Outcome(events=events))

    def call(self, at: str, *words: str) -> Result:
        """Call a command at a time."""
        self.write()
        with time_machine.travel(datetime.fromisoformat(at), tick=False):
            return CliRunner().invoke(
                app,
                [*words, "--config", str(self.folder / "watcher.toml")],
                prog_name="watcher",
                env=self.environ,
            )

    def run(self, at: str) -> Result:
        """Make one check."""
        return self.call(at, "run")

    def status(self, at: str) -> tuple[int, dict[str, Any]]:
        """Ask how all is: exit code and what it says of deliveries."""
        said = self.call(at, "status", "--json")
        return said.exit_code, json.loads(said.stdout)["deliveries"]

    def deliveries(self) -> list[tuple[str, str, str]]:
        """Give way, recipient and state of every delivery but those of the welcome."""
        with Store.open(self.state) as store:
            messages = [
                message for message in store.messages() if message.kind != "welcome"
            ]
            return [
                (each.channel, each.recipient, each.state.value)
                for message in messages
                for each in store.deliveries_of(message.id)
            ]


def texts(bodies: Iterable[bytes]) -> list[str]:
    """Give bodies as text."""
    return [body.decode() for body in bodies]
