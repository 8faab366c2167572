"""Score how passages are read.

    python scripts/score_passages.py tests/unit/reading/passages.jsonl

A line is an object with ``id``, ``text``, ``kinds`` (what the passage says, all of it; empty for one
that must stay silent), and ``also`` (what it may be taken to say besides).  Run it on texts of your own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from watcher.judgement.reading import kinds

# What is never told as an event of its own.
UNJUDGED = {"revised", "corrected"}


def main() -> int:
    """Read each passage, print what is wrong, then the figures."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("file", type=Path)
    given = arguments.parse_args()
    owed = hit = said = right = silent = loud = 0
    for line in given.file.read_text("utf-8").splitlines():
        passage: dict[str, Any] = json.loads(line)
        must = set(passage["kinds"])
        may = must | set(passage["also"])
        found = {kind.value for kind in kinds(passage["text"])} - UNJUDGED
        owed += len(must)
        hit += len(must & found)
        said += len(found)
        right += len(found & may)
        silent += not must
        loud += bool(not must and found - may)
        if must - found or found - may:
            text = passage["text"][:150]
            print(f"{passage['id']}: owes {sorted(must)}, read {sorted(found)}: {text}")
    print(
        f"precision {right}/{said}, recall {hit}/{owed}, {loud} of {silent} silent ones loud"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
