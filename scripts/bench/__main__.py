"""``make bench``: how fast the watcher is, beside the least possible and beside its
peers, in one run.

Quick by default: 40, 100 and 1,000 feeds.  ARGS=--full adds 5,000 and more runs of each;
ARGS="--only checks" chooses.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from urllib.request import urlopen

from scripts.bench import feeds, length, parties, scale, site, state
from scripts.bench.measure import ROOT, Cost, RefusedError, middle, run, server, table
from scripts.bench.parties import Party

SCENES = ("checks", "late", "start", "replay", "growth", "site", "length", "scale")
RECORDINGS = ROOT.parent / "shared" / "corpus"


def main() -> None:
    """Measure what the command line names."""
    chooser = argparse.ArgumentParser(description=__doc__)
    chooser.add_argument(
        "--full",
        action="store_true",
        help="5,000 feeds and 100,000 updates, too, and five runs of each",
    )
    chooser.add_argument(
        "--runs", type=int, default=0, help="how often each is run; the median counts"
    )
    chooser.add_argument(
        "--feeds",
        type=int,
        action="append",
        help="so many feeds, instead of 40, 100 and 1,000",
    )
    chooser.add_argument(
        "--only",
        choices=SCENES,
        action="append",
    )
    chooser.add_argument(
        "--organisations",
        type=int,
        default=1000,
        help="of scale: so many, each with 20 recipients and 200 servers",
    )
    chooser.add_argument("--alone", action="store_true", help="floor and watcher only")
    wanted = chooser.parse_args()
    # The last takes minutes: it is measured when it is named
    chosen = wanted.only or list(SCENES[:-1])
    runs = wanted.runs or (5 if wanted.full else 3)
    sizes = wanted.feeds or ([40, 100, 1000, 5000] if wanted.full else [40, 100, 1000])
    os.environ["PYTHONPATH"] = str(ROOT)
    all_there = parties.present()
    contest = (
        tuple(party for party in all_there if party not in parties.OTHERS)
        if wanted.alone
        else all_there
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as name, server() as port:
        work = Path(name)
        scenes: dict[str, Callable[[], None]] = {
            "checks": lambda: all_checks(work, port, sizes, runs, contest),
            "late": lambda: all_late(work, port, runs, contest),
            "start": lambda: start(work, runs),
            "replay": lambda: replay(work, runs),
            "growth": lambda: growth(work, wanted.full),
            "site": lambda: publishing(work, wanted.full),
            "length": length.main,
            "scale": lambda: scale.scale(
                wanted.organisations, 20 * wanted.organisations, [1, 2, 4]
            ),
        }
        for scene in chosen:
            scenes[scene]()


def all_checks(
    work: Path, port: int, sizes: list[int], runs: int, contest: tuple[Party, ...]
) -> None:
    """Compare checks of each number of feeds."""
    for size in sizes:
        checks(work, port, size, runs, contest)


def checks(
    work: Path, port: int, size: int, runs: int, contest: tuple[Party, ...]
) -> None:
    """Compare a cold check, an unchanged one and one with 1 % changed."""
    urls = [f"http://{feeds.host(n)}:{port}/feed/{n}" for n in range(size)]
    rows = {}
    for party in contest:
        try:
            rows[party.name] = _three(party, work, port, urls, runs)
        except RefusedError as error:
            print(f"{party.name}: {error}")
    floor = rows[parties.FLOOR.name]
    shown = []
    for name, costs in rows.items():
        cells = [
            f"{cost.wall:.2f} s  {cost.wall / least.wall:5.2f}x  {cost.peak:4.0f} MB"
            for cost, least in zip(costs, floor, strict=True)
        ]
        shown.append([name, *cells])
    table([f"{size:,} feeds of 74 kB", "cold check", "unchanged", "1 % changed"], shown)


def _three(
    party: Party, work: Path, port: int, urls: list[str], runs: int
) -> tuple[Cost, Cost, Cost]:
    few = []
    # Some peers take minutes
    colds = runs if len(urls) < 500 or party not in parties.OTHERS else 1
    folder = work / "party"
    _change(port, 0, 0)
    cold = [_cold(party, folder, urls) for _ in range(colds)]
    run(party.command(folder), folder)  # what only the second check does is not counted
    same = [run(party.command(folder), folder) for _ in range(runs)]
    for edition in range(1, runs + 1):
        _change(port, 100, edition)
        few.append(run(party.command(folder), folder))
    return middle(cold), middle(same), middle(few)


def _cold(party: Party, folder: Path, urls: Sequence[str]) -> Cost:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    party.prepare(folder, urls)
    return run(party.command(folder), folder)


def _change(port: int, every: int, edition: int) -> None:
    with urlopen(
        f"http://127.0.0.1:{port}/changed?every={every}&edition={edition}"
    ) as answer:
        answer.read()


def all_late(work: Path, port: int, runs: int, contest: tuple[Party, ...]) -> None:
    """Compare checks of Exchange's eleven sources, and of forty, as all sets have them."""
    for size in (11, 40):
        late(work, port, size, runs, contest)


def late(
    work: Path, port: int, size: int, runs: int, contest: tuple[Party, ...]
) -> None:
    """Compare a check of sources that answer after 100 ms, each on a host of its own, as
    the vendors' are.
    """
    rows = []
    urls = [f"http://127.0.1.{n + 1}:{port}/late/{n}" for n in range(size)]
    for party in contest:
        try:
            # The first writes the bytecode
            colds = [_cold(party, work / "late", urls) for _ in range(runs + 1)][1:]
            same = middle(
                [run(party.command(work / "late"), work / "late") for _ in range(runs)]
            )
        except RefusedError as error:
            print(f"{party.name}: {error}")
            continue
        rows.append([party.name, f"{middle(colds).wall:.2f} s", f"{same.wall:.2f} s"])
    table([f"{size} sources at 100 ms", "cold check", "unchanged"], rows)


def publishing(work: Path, full: bool) -> None:  # noqa: FBT001 - as the command line says it
    """Measure what feeds and page cost.

    All of them, and one new event among thousands of updates.
    """
    rows = []
    for size in (1000, 5000) if full else (1000,):
        folder = work / f"site-{size}"
        folder.mkdir()
        rows.append(site.publishing(folder, size))
    table(
        ["updates, in CPU", "all of it", "one page", "one new event", "", "files"], rows
    )


def start(work: Path, runs: int) -> None:
    """Measure what a start costs: help, and a run with nothing due."""
    folder = work / "start"
    folder.mkdir()
    watcher: list[str | Path] = [sys.executable, "-m", "watcher"]
    rows = []
    for name, words in (
        ("python -c pass (floor)", [sys.executable, "-c", "pass"]),
        ("watcher --help", [*watcher, "--help"]),
    ):
        cost = middle([run(words, folder) for _ in range(runs)])
        rows.append(
            [name, f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", f"{cost.peak:.0f} MB"]
        )
    _idle(folder)
    cost = middle([run([*watcher, "run", "-q"], folder) for _ in range(runs)])
    rows.append(
        [
            "watcher run, nothing due",
            f"{cost.wall:.2f} s",
            f"{cost.cpu:.2f} s",
            f"{cost.peak:.0f} MB",
        ]
    )
    table(["start", "wall", "CPU", "memory"], rows)


def _idle(folder: Path) -> None:
    """Make a state in which every built-in source was read a moment ago."""
    from datetime import UTC, datetime

    from watcher import config
    from watcher.records import Times
    from watcher.store import Store

    (folder / "watcher.toml").write_text("")
    settings = config.load(folder / "watcher.toml", {})
    now = datetime.now(UTC)
    with Store.open(settings.state) as store:
        store.touch([Times(source.name, "", now, now) for source in settings.sources])


def replay(work: Path, runs: int) -> None:
    """Compare the replay of each recording with the bare parse of the same bytes."""
    recordings = sorted(RECORDINGS.glob("*.warc.gz"))
    if not recordings:
        print(f"There are no recordings in {RECORDINGS}: replay is left out.\n")
        return
    rows = []
    for recording in recordings:
        least = middle(
            [
                run(
                    [
                        sys.executable,
                        ROOT / "scripts" / "bench" / "floors.py",
                        "parse",
                        recording,
                    ],
                    work,
                )
                for _ in range(runs)
            ]
        )
        costs = []
        for _ in range(runs):
            shutil.rmtree(work / "out", ignore_errors=True)
            costs.append(
                run(
                    [
                        sys.executable,
                        "-m",
                        "watcher",
                        "replay",
                        "-q",
                        recording,
                        "--out",
                        work / "out",
                    ],
                    work,
                )
            )
        cost = middle(costs)
        ratio = f"{cost.wall / least.wall:.2f}x"
        rows.append(
            [
                recording.name[:24],
                f"{least.wall:.2f} s",
                f"{cost.wall:.2f} s",
                ratio,
                f"{cost.peak:.0f} MB",
            ]
        )
    table(["replay", "lxml parse (floor)", "watcher replay", "ratio", "memory"], rows)


def growth(work: Path, full: bool) -> None:  # noqa: FBT001
    """Measure the state's size and what a run costs as it grows."""
    rows = []
    for size in (100, 1000, 10_000, *((100_000,) if full else ())):
        folder = work / f"growth-{size}"
        folder.mkdir()
        # A child's peak is never below what its parent has at the start
        with ProcessPoolExecutor(1, get_context("spawn")) as aside:
            bytes_ = aside.submit(state.fill, folder, size).result()
        words: list[str | Path] = [sys.executable, "-m", "watcher", "run", "-q"]
        run(words, folder)
        cost = middle([run(words, folder) for _ in range(3)])
        rows.append(
            [
                f"{size:,}",
                f"{bytes_ / 1e6:.1f} MB",
                f"{bytes_ / size:.0f}",
                f"{cost.cpu:.2f} s",
                f"{cost.peak:.0f} MB",
            ]
        )
    table(
        ["stored updates", "state", "bytes each", "run, nothing due: CPU", "memory"],
        rows,
    )


if __name__ == "__main__":
    main()
