"""Relives November 2024.

An Exchange update is released, pulled and re-released, and each is told once.

The pages of ``demo/november-2024`` become a recording, and the recording is relived as
``watcher replay`` does it. Needs no network.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from watcher import config
from watcher.records import Kind
from watcher.replay import replay
from watcher.web.recorder import Recorder

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "demo" / "november-2024"
OUT = ROOT / "out" / "demo"
TURNS = (Kind.RELEASED, Kind.PULLED, Kind.RE_RELEASED)


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
                known = urls[page.name]
                recorder.add_answer(
                    known["url"],
                    moment,
                    200,
                    {"Content-Type": known["type"]},
                    page.read_bytes(),
                )
                count += 1
    return count


def relive(recording: Path, out: Path) -> list[dict[str, Any]]:
    """Relive the recording into ``out``, which is emptied first, with the built-in configuration.

    The lines of events.jsonl.
    """
    shutil.rmtree(out, ignore_errors=True)
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


def tell(events: Iterable[dict[str, Any]], out: Path) -> int:
    """Print the three turns, what was told beside them, and where the mails lie.

    0 when it is what happened.
    """
    told: list[str] = []
    beside: list[str] = []
    for event in events:
        line = (
            f"{event['time'][:16].replace('T', ' ')} UTC  "
            f"{event['kind'].upper()}: {event['summary']}"
        )
        if event["kind"] in TURNS:
            told.append(event["kind"])
            print(
                f"{line}\n    told by "
                f"{', '.join(dict.fromkeys(piece['source'] for piece in event['evidence']))}\n"
            )
        else:
            beside.append(line)
    print(
        "In the same thread, beside them:",
        *(f"    {line}" for line in beside),
        sep="\n",
    )
    turns = [
        (path, mail) for path, mail in mails(out) if mail["X-Watcher-Event"] in TURNS
    ]
    print("\nTheir mails:")
    for path, mail in turns:
        print(f"    {mail['Subject']}\n        {os.path.relpath(path)}")
    threads = roots(mail for _, mail in turns)
    print(f"\nAll three stand in the thread {', '.join(sorted(threads))}.")
    print(
        "All mails, the welcome of the first check among them, lie in "
        f"{os.path.relpath(out / 'mail')},"
    )
    print(f"the events in {os.path.relpath(out / 'events.jsonl')}.")
    return int(told != list(TURNS) or len(turns) != len(TURNS) or len(threads) != 1)


def main(out: Path = OUT) -> int:
    """Record, relive into ``out``, tell."""
    with tempfile.TemporaryDirectory(prefix="watcher-demo-") as folder:
        recording = Path(folder) / "november-2024.warc.gz"
        count = record(PAGES, recording)
        print(
            f"November 2024 again, from {count} answers in the form of "
            "Microsoft's sources (the facts are real, the sentences ours):\n"
        )
        events = relive(recording, out)
    return tell(events, out)


if __name__ == "__main__":
    sys.exit(main())
