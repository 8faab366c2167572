"""Merges receipts line by line, where git cannot.

Python scripts/receipts.py BASE THEIRS MINE writes the merged table to standard output.

Each file is a deliveries.jsonl.  A row that only one side changed is that side's; of a
row that both changed the one that knows more counts: accepted before refused, refused
before what is tried again.  Standard library only: it runs where nothing is installed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

KNOWS = ("accepted", "refused", "unknown", "deferred", "queued")
Key = tuple[str, ...]


def rows(file: str) -> dict[Key, str]:
    """Read a table: its lines by message, channel and recipient."""
    read: dict[Key, str] = {}
    for line in Path(file).read_text(encoding="utf-8").split("\n"):
        if line:
            row = json.loads(line)
            read[row["message"], row["channel"], row["recipient"]] = line
    return read


def merged(
    base: dict[Key, str], theirs: dict[Key, str], mine: dict[Key, str]
) -> list[str]:
    """Give the lines of both, in their order; what they have deleted stays deleted."""
    lines = dict(theirs)
    for key, line in mine.items():
        if key in base and (key not in theirs or line == base[key]):
            continue
        other = theirs.get(key)
        if other is None or other == base.get(key) or _knows(line) < _knows(other):
            lines[key] = line
    return [lines[key] for key in sorted(lines)]


def _knows(line: str) -> int:
    return KNOWS.index(json.loads(line)["state"])


if __name__ == "__main__":
    sys.stdout.buffer.write(
        "".join(f"{line}\n" for line in merged(*map(rows, sys.argv[1:4]))).encode()
    )
