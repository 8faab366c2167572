"""Relives November 2024: an update is released, pulled and re-released, each told once.

The pages of ``demo/november-2024``, which the wheel holds in this folder, become a
recording, and the recording is relived as ``watcher replay`` does it.  Needs no network.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from msgspec import Struct

from watcher import config
from watcher.errors import ConfigurationError
from watcher.records import Kind
from watcher.replay import replay
from watcher.web.recorder import Recorder

STORY = (Kind.RELEASED, Kind.PULLED, Kind.RE_RELEASED)
# What a replay writes: a folder that holds nothing else may be emptied for the next one
WRITTEN = {"events.jsonl", "mail", "site", "state.db", "state.db.lock"}


class Relived(Struct, frozen=True):
    """What the demo has shown: ``answers`` of sources, ``events``, and the ``mails`` made."""

    answers: int
    events: list[dict[str, Any]]
    mails: list[tuple[Path, EmailMessage]]

    @property
    def turns(self) -> list[tuple[Path, EmailMessage]]:
        """The mails of the three turns, in their order."""
        return [each for each in self.mails if each[1]["X-Watcher-Event"] in STORY]

    @property
    def as_it_happened(self) -> bool:
        """Whether each turn was told once, in its order, in one thread."""
        kinds = [each["kind"] for each in self.events if each["kind"] in STORY]
        threads = roots(mail for _, mail in self.turns)
        return kinds == list(STORY) and len(self.turns) == len(STORY) == 2 + len(
            threads
        )


def pages_folder() -> Path:
    """Give the folder of the pages: inside the installed package, else in the source tree."""
    package = Path(__file__).parent
    inside = package / "november-2024"
    return inside if inside.is_dir() else package.parents[1] / "demo" / "november-2024"


def moments(pages: Path) -> Iterator[tuple[datetime, Path]]:
    """Give the folders of ``pages`` with the moments that they are named by, oldest first."""
    for folder in sorted(path for path in pages.iterdir() if path.is_dir()):
        yield (
            datetime.strptime(folder.name, "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC),
            folder,
        )


def record(pages: Path, recording: Path) -> int:
    """Write every page down as the answer that its URL gave at that moment; how many there are."""
    urls = tomllib.loads((pages / "manifest.toml").read_text(encoding="utf-8"))
    count = 0
    with Recorder(recording) as recorder:
        for moment, folder in moments(pages):
            for page in sorted(folder.iterdir()):
                response = urls[page.name]
                recorder.add_answer(
                    response["url"],
                    moment,
                    200,
                    {"Content-Type": response["type"]},
                    page.read_bytes(),
                )
                count += 1
    return count


def relive(recording: Path, out: Path) -> list[dict[str, Any]]:
    """Relive the recording into ``out``, which is emptied first, with the built-in configuration.

    The lines of events.jsonl.  Raises ConfigurationError when ``out`` holds anything
    that no demo wrote.
    """
    if out.exists():
        # An option that names a folder must never cost what somebody keeps in it
        if not out.is_dir() or {each.name for each in out.iterdir()} - WRITTEN:
            raise ConfigurationError(
                f"{out} holds something that no demo wrote, and is left alone. "
                "Name another folder: watcher demo --out DIR"
            )
        shutil.rmtree(out)
    nothing = recording.with_name("watcher.toml")
    nothing.touch()
    replay(config.load(nothing, {}), [recording], out, None, None, None)
    return [
        json.loads(line)
        for line in (out / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def mails(out: Path) -> Iterator[tuple[Path, EmailMessage]]:
    """Give the mails below ``out`` in their order."""
    for path in sorted((out / "mail").glob("*.eml")):
        yield path, BytesParser(policy=policy.default).parsebytes(path.read_bytes())


def roots(sent: Iterable[EmailMessage]) -> set[str]:
    """Give the roots of the threads that mails stand in."""
    return {str(mail["References"]).split()[0] for mail in sent}


def show(out: Path) -> Relived:
    """Record the pages, relive them into ``out``, and give what was told."""
    with tempfile.TemporaryDirectory(prefix="watcher-demo-") as folder:
        recording = Path(folder) / "november-2024.warc.gz"
        count = record(pages_folder(), recording)
        events = relive(recording, out)
    return Relived(count, events, list(mails(out)))
