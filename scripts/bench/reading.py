"""Time of reading against the length of a text, for prose and for what once was slow.

    python scripts/bench/reading.py

Splitting rows of dots was quadratic once: 16 seconds for 40 kB.  Each column has twice the text of the
one before it, and should take twice its time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from watcher.judgement.reading import new_sentences, read

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (10_000, 20_000, 40_000, 80_000)
PARAGRAPH = 1_700  # characters: no two paragraphs are alike, so that none is remembered
UNITS = {
    "prose": "We have paused the rollout of KB5990001 while we look into failures. ",
    "sentence ends": "Done. ",
    "dots": ".",
    "dots and spaces": ". ",
    "exclamation marks": "!",
    "quotes": ".\"'",
    "titles": "November 2030 Security Update for Exchange Server 2019 (KB5990001) ",
    "verbs": "pulled and ",
    "relative clauses": "released that ",
    "brackets": "(",
    "articles": "KB5990001, ",
    "German": "Das Update, das zur\u00fcckgezogen wurde, ist wieder da. ",
}


def main() -> int:
    """Print a line for each kind of text."""
    print(f"{'characters':20}", *(f"{size:8}" for size in SIZES))
    for name, unit in UNITS.items():
        times = [_seconds(read, _text(unit, size)) for size in SIZES]
        print(f"{name:20}", *(f"{seconds:8.2f}" for seconds in times))
    print(
        f"{'rewritten sentences':20}",
        *(f"{count:8}" for count in (500, 1000, 2000, 4000)),
    )
    times = [_rewritten(count) for count in (500, 1000, 2000, 4000)]
    print(f"{'':20}", *(f"{seconds:8.2f}" for seconds in times))
    return 0


def _text(unit: str, size: int) -> str:
    """A text of a size, in paragraphs that differ."""
    row = (unit * (PARAGRAPH // len(unit) + 1))[:PARAGRAPH]
    return "\n\n".join(f"{row} n{number}" for number in range(size // PARAGRAPH))


def _rewritten(count: int) -> float:
    """Seconds to compare so many sentences, each with a slip of typing corrected."""
    old = " ".join(
        f"The customers of server{n} were told of the outage on day{n}."
        for n in range(count)
    )
    new = old.replace("customers", "custommers")
    return _seconds(lambda _: new_sentences([old], [new]), "")


def _seconds(work: Callable[[str], object], text: str) -> float:
    start = time.process_time()
    work(text)
    return time.process_time() - start


if __name__ == "__main__":
    raise SystemExit(main())
