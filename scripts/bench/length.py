"""Reading against length: every parser that was slow once, and every reader of texts.

    python -m scripts.bench.length

Each column has twice the text of the one before it, and should take twice its time.  The
documents are those whose steps tests/sources/test_bounds.py counts.
"""

from __future__ import annotations

import time

from scripts.bench import reading
from tests.sources.reading import EVERYTHING, read
from tests.sources.test_bounds import LONG, repeated
from watcher.errors import ParseError
from watcher.judgement import normalize

TIMES = (500, 1000, 2000, 4000)
LABELS = "November 2030 Security Update for Exchange Server 2019 CU14 (KB5990001) "


def main() -> None:
    """Print a line for each kind of document, then for each kind of text."""
    print(f"{'pieces of a document':36}", *(f"{count:8}" for count in TIMES))
    for name, (kind, url, before, piece, after) in LONG.items():
        spent, said = [], ""
        for count in TIMES:
            body = repeated(before, piece, after, count)
            start = time.process_time()
            try:
                read(kind, body, url, EVERYTHING)
            except ParseError as error:
                said = f"  {error}"
            spent.append(time.process_time() - start)
        columns = "".join(f" {seconds:8.3f}" for seconds in spent)
        print(f"{f'{kind}: {name}':36}{columns}{said}")
    spent = []
    for count in TIMES:
        start = time.process_time()
        normalize.label(LABELS * count)
        spent.append(time.process_time() - start)
    print(f"{'labels':36}", *(f"{seconds:8.3f}" for seconds in spent))
    reading.main()


if __name__ == "__main__":
    main()
