"""Measures processes: wall time, CPU time, peak memory; medians over several runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
# What is installed has its bytecode beside it, and so have all contestants here
WRITES_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took: seconds by the clock, seconds of CPU, megabytes at its peak."""

    wall: float
    cpu: float
    peak: float


class RefusedError(Exception):
    """A measured process ended with an exit code that was not expected.

    The text is its last words.
    """


def run(
    words: Sequence[str | Path],
    folder: Path,
    more: Mapping[str, str] | None = None,
    well: tuple[int, ...] = (0,),
) -> Cost:
    """Run a command in ``folder`` to its end.  Raises RefusedError."""
    said = folder / "said.txt"
    environ = {
        name: value for name, value in os.environ.items() if name != WRITES_NO_BYTECODE
    } | dict(more or {})
    with said.open("wb") as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=folder,
            stdout=out,
            stderr=out,
            env=environ,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in well:
        raise RefusedError(
            f"{words[0]} ended with {process.returncode}: {said.read_text(errors='replace')[-400:]}"
        )
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(wall, used.ru_utime + used.ru_stime, peak / 1e6)


def middle(costs: Sequence[Cost]) -> Cost:
    """Give the median of each figure."""
    return Cost(
        median(c.wall for c in costs),
        median(c.cpu for c in costs),
        median(c.peak for c in costs),
    )


@contextmanager
def server() -> Iterator[int]:
    """Start the loopback server; its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.bench.server"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None  # it is a pipe  # noqa: S101
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in plain columns, figures to the right."""
    widths = [
        max(len(row[place]) for row in [head, *rows]) for place in range(len(head))
    ]
    for row in [head, *rows]:
        cells = [
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print(flush=True)
