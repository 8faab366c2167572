"""Writes the manifest of an exported state anew, for what git has merged.

Python scripts/manifest.py FOLDER reads FOLDER/manifest.json, takes the sum of each of its
tables' files as they are, and writes the manifest to standard output.  A program that
exports a state does the same (watcher/store/archive.py).  Standard library only: it runs
where nothing is installed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path


def manifest(folder: Path) -> str:
    """Give the manifest of the files of ``folder``."""
    found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    # Names alone are of an export from before there was a sum
    if isinstance(found["tables"], dict):
        found["tables"] = {name: _sum(folder, name) for name in found["tables"]}
    text = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{text}\n"


def _sum(folder: Path, table: str) -> str:
    return hashlib.sha256((folder / f"{table}.jsonl").read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.stdout.buffer.write(manifest(Path(sys.argv[1])).encode())
