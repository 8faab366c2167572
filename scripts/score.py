"""Replays every recording, story and case beside this tree, and prints one table of what
was told and what should have been.

``score.py SHARED`` where SHARED holds ``score.py``, ``score_notes.py``, ``corpus/`` with
its ``stories/``, and ``cases/``.  A story brings its configuration and what must be told
of it; of a case what it says is listed in ``CASES``.  Each recording is replayed with the default products and with ``*``.  The
expected events are those of the default products; with ``*`` everything else is told
as well, so only a pull that nobody expects counts as a false alarm there, and a
re-release where nothing at all is expected; other re-releases are counted to be looked
at.  Ends with 1 unless all is clean.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

WATCHER = Path(sys.executable).with_name("watcher")
EVERYTHING = '[watch]\nproducts = ["*"]\n'
PULLED = re.compile(r"^ +\S+ pulled ", re.MULTILINE)
RE_RELEASED = re.compile(r"^ +\S+ re-released ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Score:
    """What one replay came to."""

    recording: str
    products: str
    detected: str
    missed: int
    false_alarms: int
    duplicates: int
    too_broad: int
    nameless: int
    others_back: int
    suspected: int
    delay: str
    mails: int
    seconds: float
    details: str

    @property
    def clean(self) -> bool:
        """Say whether nothing is missed, told twice or told wrongly."""
        wrong = self.missed + self.false_alarms + self.duplicates
        wrong += self.too_broad + self.nameless
        return wrong == 0 and self.detected != "failed"


def section(text: str, title: str) -> str:
    """Cut the lines below ``title:`` out of the scorer's report."""
    found = re.search(rf"^{title}:\n((?:    .*\n?)+)", text, re.MULTILINE)
    return found[1] if found else ""


def configuration(folder: Path, products: str, own: Path | None) -> Path:
    """Write what a replay reads, or give the configuration that a story brings.

    Without it a watcher.toml of this folder or of the user's would count.
    """
    if own is not None:
        return own
    path = folder / "watcher.toml"
    path.write_text(EVERYTHING if products == "*" else "", encoding="utf-8")
    return path


def replay(
    recording: Path, products: str, folder: Path, own: Path | None = None
) -> tuple[subprocess.CompletedProcess[str], float]:
    """Replay one recording into ``folder``/out; the answer and the seconds it took."""
    folder.mkdir()
    words: list[str | Path] = [
        WATCHER,
        "replay",
        recording,
        "--out",
        folder / "out",
        "--config",
        configuration(folder, products, own),
        "-q",
    ]
    started = time.monotonic()
    answer = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False
    )
    return answer, time.monotonic() - started


def failed(name: str, products: str, seconds: float, details: str) -> Score:
    """Give the score of a replay that could not be judged."""
    return Score(name, products, "failed", 0, 0, 0, 0, 0, 0, 0, "", 0, seconds, details)


def score(
    recording: Path,
    expected: Path,
    products: str,
    folder: Path,
    scorer: Path,
    own: Path | None = None,
) -> Score:
    """Replay one recording and let the scorer judge it."""
    name = recording.name.removesuffix(".warc.gz")
    answer, seconds = replay(recording, products, folder, own)
    events = folder / "out" / "events.jsonl"
    # 1: a source failed in the recording, as it did then
    if answer.returncode > 1 or not events.exists():
        return failed(
            name, products, seconds, answer.stderr[-2000:] or answer.stdout[-2000:]
        )
    judged = subprocess.run(
        [sys.executable, scorer, events, expected],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    figures = re.search(
        r"(\d+ of \d+) detected, (\d+) missed, (\d+) false alarms, (\d+) duplicates, "
        r"(\d+) too broad, (\d+) nameless, .*worst delay (.*)",
        judged,
    )
    if figures is None:
        return failed(name, products, seconds, judged)
    told = [
        json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()
    ]
    unexpected = section(judged, "false alarms")
    back = len(RE_RELEASED.findall(unexpected))
    grave = len(PULLED.findall(unexpected)) + (
        0 if expected.read_text(encoding="utf-8").strip() else back
    )
    return Score(
        recording=name,
        products=products,
        detected=figures[1],
        missed=int(figures[2]),
        false_alarms=grave if products == "*" else int(figures[3]),
        duplicates=int(figures[4]),
        too_broad=int(figures[5]),
        nameless=int(figures[6]),
        others_back=back,
        suspected=sum(
            e.get("confidence") == "suspected"
            and e["kind"] in {"pulled", "re-released"}
            for e in told
        ),
        delay=figures[7],
        mails=len(list((folder / "out" / "mail").glob("*.eml"))),
        seconds=seconds,
        details=judged,
    )


# What each small input must tell, an event a line, the kinds and articles in order
CASES = {
    "csaf-2.1/csaf21": ("released KB5999001", "pulled KB5999001"),
    "csaf-no-product-tree/csafinfo": ("pulled KB5999001",),
    "feed-guid-fragment/two-hash": ("released KB5999001", "pulled KB5999001", "news"),
    "feed-guid-fragment/two-slash": ("released KB5999001", "pulled KB5999001", "news"),
    "feed-cve-post-never-told/foo": ("news", "news"),
    "feed-no-title/notitle": ("news", "news"),
    "feed-no-title/withtitle": ("news", "news"),
}


def score_case(name: str, cases: Path, folder: Path) -> Score:
    """Replay one small input and compare what it tells with the list."""
    recording = cases / f"{name}.warc.gz"
    own = next(recording.parent.glob("*.toml"))
    answer, seconds = replay(recording, "own", folder, own)
    events = folder / "out" / "events.jsonl"
    if answer.returncode > 1 or not events.exists():
        return failed(name, "own", seconds, answer.stderr[-2000:])
    told = []
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        articles = " ".join(event["update"]["kbs"])
        told.append(f"{event['kind']} {articles}".strip())
    wanted = list(CASES[name])
    missed = sum(line not in told for line in wanted)
    extra = [line for line in told if line not in wanted]
    return Score(
        recording=name,
        products="own",
        detected=f"{len(wanted) - missed} of {len(wanted)}",
        missed=missed,
        false_alarms=len(extra),
        duplicates=max(0, len(told) - len(extra) - len(wanted) + missed),
        too_broad=0,
        nameless=0,
        others_back=0,
        suspected=0,
        delay="",
        mails=len(list((folder / "out" / "mail").glob("*.eml"))),
        seconds=seconds,
        details="\n".join(told),
    )


def table(scores: list[Score]) -> Table:
    """Lay the scores out, a replay a line."""
    columns: dict[str, Callable[[Score], object]] = {
        "recording": lambda s: s.recording,
        "products": lambda s: s.products,
        "detected": lambda s: s.detected,
        "missed": lambda s: s.missed,
        "false alarms": lambda s: s.false_alarms,
        "duplicates": lambda s: s.duplicates,
        "too broad": lambda s: s.too_broad,
        "nameless": lambda s: s.nameless,
        "others back": lambda s: s.others_back,
        "suspected": lambda s: s.suspected,
        "worst delay": lambda s: s.delay,
        "mails": lambda s: s.mails,
        "seconds": lambda s: f"{s.seconds:.1f}",
    }
    laid = Table(
        caption="suspected: pulls and re-releases suspected only. With * a false "
        "alarm is a pull that nobody expects;"
        " others back: re-releases of products that the expectations do not speak of."
    )
    for name in columns:
        laid.add_column(
            name,
            justify="left" if name in {"recording", "products"} else "right",
            no_wrap=True,
        )
    for each in scores:
        laid.add_row(
            *(str(value(each)) for value in columns.values()),
            style="" if each.clean else "bold red",
        )
    return laid


def notes(shared: Path, folder: Path) -> str:
    """Let revision notes be read and scored; what the scorer says."""
    labelled = shared / "corpus" / "revisions.jsonl"
    answer = subprocess.run(
        [WATCHER, "wording", labelled, "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        return f"watcher wording failed: {answer.stderr[-2000:]}"
    read = folder / "read.jsonl"
    read.write_text(answer.stdout, encoding="utf-8")
    return subprocess.run(
        [sys.executable, shared / "score_notes.py", read, labelled],
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def stories(shared: Path, names: list[str], place: Path) -> list[Score]:
    """Score each story, with the configuration that it brings."""
    found = []
    for story in sorted(shared.glob("corpus/stories/*.warc.gz")):
        if names and not story.name.startswith(tuple(names)):
            continue
        base = story.name.removesuffix(".warc.gz")
        expected = story.with_name(f"{base}.expected.jsonl")
        own = story.with_name(f"{base}.toml")
        folder = place / f"story-{base}"
        scorer = shared / "score.py"
        found.append(score(story, expected, "own", folder, scorer, own))
    return found


def cases(folder: Path, place: Path) -> list[Score]:
    """Score each small input that lies in the folder."""
    return [
        score_case(name, folder, place / f"case-{number}")
        for number, name in enumerate(CASES)
        if (folder / f"{name}.warc.gz").exists()
    ]


def main() -> int:
    """Score all that lies in the folder."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("shared", type=Path)
    arguments.add_argument(
        "names", nargs="*", help="only recordings whose names begin so"
    )
    arguments.add_argument(
        "--details",
        action="store_true",
        help="what was missed, told twice or wrongly, for clean ones too",
    )
    given = arguments.parse_args()
    shared = given.shared.resolve()
    recordings = sorted(shared.glob("corpus/*.warc.gz"))
    if not recordings:
        print(
            f"There are no recordings in {given.shared}/corpus: nothing to "
            "score. (make score SHARED=FOLDER names another folder)"
        )
        return 2
    recordings = [
        r
        for r in recordings
        if not given.names or r.name.startswith(tuple(given.names))
    ]
    scores = []
    with tempfile.TemporaryDirectory(prefix="watcher-score-") as place:
        for recording in recordings:
            expected = recording.with_name(
                recording.name.replace(".warc.gz", ".expected.jsonl")
            )
            for number, products in enumerate(("default", "*")):
                folder = Path(place) / f"{recording.name}-{number}"
                scores.append(
                    score(recording, expected, products, folder, shared / "score.py")
                )
                print(
                    f"{recording.name}, products {products}: {scores[-1].seconds:.1f} s",
                    file=sys.stderr,
                )
        scores += stories(shared, given.names, Path(place))
        if not given.names:
            scores += cases(shared / "cases", Path(place))
            print(notes(shared, Path(place)))
    for each in scores:
        if given.details or not each.clean:
            print(f"--- {each.recording}, products {each.products}\n{each.details}")
    Console(width=None if sys.stdout.isatty() else 140).print(table(scores))
    return int(not all(each.clean for each in scores))


if __name__ == "__main__":
    sys.exit(main())
