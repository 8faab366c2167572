"""The watcher and its peers, each set up to check the same feeds.

How it is prepared, and the command that makes one check.

The peers are installed by scripts/bench/peers.sh into an environment of their own; one
that is not there is left out, and said to be.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.measure import ROOT

PEERS = ROOT / ".bench" / "peers" / ("Scripts" if sys.platform == "win32" else "bin")


@dataclass(frozen=True, slots=True)
class Party:
    """One contestant: its name, what prepares a folder for some URLs, and the command of
    one check there.
    """

    name: str
    prepare: Callable[[Path, Sequence[str]], None]
    command: Callable[[Path], list[str | Path]]


def _nothing(folder: Path, urls: Sequence[str]) -> None:
    (folder / "urls.txt").write_text("\n".join(urls))


def _watcher(folder: Path, urls: Sequence[str]) -> None:
    sources = "".join(
        f'[[source]]\nname = "feed-{n}"\nkind = "feed"\nurl = "{url}"\n'
        for n, url in enumerate(urls)
    )
    subscriber = '[[subscriber]]\nname = "admins"\nto = ["admins@example.org"]\n'
    (folder / "watcher.toml").write_text(
        f"[watch]\nbuiltin_sources = false\n{sources}{subscriber}"
    )


def _rss2email(folder: Path, urls: Sequence[str]) -> None:
    feeds = "".join(f"[feed.f{n}]\nurl = {url}\n\n" for n, url in enumerate(urls))
    (folder / "r2e.cfg").write_text(f"[DEFAULT]\nto = admins@example.org\n\n{feeds}")


def _urlwatch(folder: Path, urls: Sequence[str]) -> None:
    (folder / "urls.yaml").write_text(
        "---\n".join(f"name: feed-{n}\nurl: {url}\n" for n, url in enumerate(urls))
    )
    (folder / "urlwatch.yaml").write_text(
        "display: {new: false}\nreport: {stdout: {enabled: false}}\n"
    )


def _webchanges(folder: Path, urls: Sequence[str]) -> None:
    (folder / "jobs.yaml").write_text(
        "---\n".join(f"name: feed-{n}\nurl: {url}\n" for n, url in enumerate(urls))
    )
    (folder / "config.yaml").write_text(
        "display: {new: false}\nreport: {stdout: {enabled: false}}\n"
    )


_READER = """
import sys
from reader import make_reader
with make_reader("reader.db", feed_root="") as reader:
    known = {feed.url for feed in reader.get_feeds()}
    for url in open("urls.txt").read().split():
        if url not in known:
            reader.add_feed(url)
    for _ in reader.update_feeds_iter(scheduled=False, workers=16):  # due or not, as the watcher's --force: by itself it asks once an hour
        pass
"""


def _curl(folder: Path, urls: Sequence[str]) -> None:
    """Write curl's configuration: each URL with its validator, its body thrown away."""
    (folder / "etags").mkdir()
    asked = (
        (
            f'url = "{url}"\noutput = "{os.devnull}"\netag-compare = "etags/{n}"\n'
            f'etag-save = "etags/{n}"\n'
        )
        for n, url in enumerate(urls)
    )
    (folder / "curl.txt").write_text("next\n".join(asked))


CURL = Party(
    "curl (floor)",
    _curl,
    lambda _folder: [
        "curl",
        "--parallel",
        "--parallel-max",
        "16",
        "--no-progress-meter",
        "--config",
        "curl.txt",
    ],
)
FLOOR = Party(
    "requests loop (floor)",
    _nothing,
    lambda folder: [
        sys.executable,
        ROOT / "scripts" / "bench" / "floors.py",
        "requests",
        folder,
        folder / "urls.txt",
    ],
)
WATCHER = Party(
    "advisory-watcher",
    _watcher,
    lambda _folder: [sys.executable, "-m", "watcher", "run", "-q", "--force"],
)
OTHERS = (
    Party(
        "rss2email",
        _rss2email,
        lambda folder: [
            PEERS / "r2e",
            "-c",
            folder / "r2e.cfg",
            "-d",
            folder / "r2e.json",
            "run",
            "--no-send",
        ],
    ),
    Party(
        "urlwatch",
        _urlwatch,
        lambda folder: [
            PEERS / "urlwatch",
            *(
                "--urls",
                folder / "urls.yaml",
                "--config",
                folder / "urlwatch.yaml",
                "--cache",
                folder / "urlwatch.db",
            ),
        ],
    ),
    Party(
        "webchanges",
        _webchanges,
        lambda folder: [
            PEERS / "webchanges",
            *(
                "--jobs",
                folder / "jobs.yaml",
                "--config",
                folder / "config.yaml",
                "--database",
                folder / "webchanges.db",
            ),
        ],
    ),
    Party("reader", _nothing, lambda _folder: [PEERS / "python", "-c", _READER]),
)


def present() -> tuple[Party, ...]:
    """Give floors, watcher and the peers that are installed.

    Say which are not.  The first is the floor that ratios are of.
    """
    there = [
        party
        for party in OTHERS
        if list(PEERS.parent.rglob(f"{party.name}-*.dist-info"))
    ]
    for party in OTHERS:
        if party not in there:
            print(
                f"{party.name} is not installed here (scripts/bench/peers.sh): it is left out."
            )
    curl = (CURL,) if shutil.which("curl") else ()
    if not curl:
        print("curl is not installed here: it is left out.")
    return (FLOOR, *curl, WATCHER, *there)
