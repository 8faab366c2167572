"""No damage makes a parser raise anything but ParseError, return what later floors cannot
bear, or think for long (law 4).

The suite does a few hundred mutations of each kind's fixtures.  ``make fuzz`` does as
many as fit into ``WATCHER_FUZZ_SECONDS`` for each kind (60 by default), from another
seed every time (``WATCHER_FUZZ_SEED`` names one).  A failure names seed, number and
file: the body that broke the parser lies in ``out/fuzz``.
"""

from __future__ import annotations

import os
import random
import time
from itertools import count, takewhile
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fuzz.mutation import damaged, unsound
from tests.sources import fixtures
from tests.steps import Steps
from watcher.errors import ParseError
from watcher.kinds import SOURCE_KINDS
from watcher.records import Watch
from watcher.sources import parser

WATCHES = (Watch(), Watch(("*",)), Watch(("*Linux*", "Windows Server 2019*")))
# Calls for at most 200 kB: the largest fixture takes a hundredth, and a cost that grows
# with the square of the text far more
MOST_CALLS = 3_000_000
KEPT = Path(__file__).parents[2] / "out" / "fuzz"


def check(kind: str, seed: str, number: int) -> bool:
    """Do the mutation of this seed and number; say whether it could be read."""
    chance = random.Random(f"{seed} {kind} {number}")
    paths = fixtures.cases(kind)
    path = chance.choice(paths)
    body = damaged(path.read_bytes(), [other.read_bytes() for other in paths], chance)
    status = (
        chance.choice((200, 200, 200, 404, 410))
        if SOURCE_KINDS[kind].gone_speaks
        else 200
    )
    page = replace(
        fixtures.page(path, body),
        status=status,
        document=chance.choice((fixtures.page(path).document, "")),
    )
    readable, spent = True, Steps()
    try:
        with spent:
            snapshot = parser(kind)(page, chance.choice(WATCHES))
        faults = unsound(snapshot)
    except ParseError as error:
        readable = False
        faults = (
            [] if error.cause and error.remedy else ["an error without cause or remedy"]
        )
    except Exception as error:  # noqa: BLE001 - any other is what is searched for
        faults = [f"{type(error).__name__}: {error}"]
    faults += [f"it took {spent.count} calls"] if spent.count > MOST_CALLS else []
    if faults:
        KEPT.mkdir(parents=True, exist_ok=True)
        kept = KEPT / f"{kind}-{number}{path.suffix}"
        kept.write_bytes(body)
        pytest.fail(
            f"{kind}, WATCHER_FUZZ_SEED={seed}, mutation {number} of "
            f"{path.name}, kept in {kept}: {'; '.join(faults[:5])}"
        )
    return readable


@pytest.mark.parametrize("kind", sorted(SOURCE_KINDS))
def test_a_few_hundred_damaged_documents_break_no_parser(kind: str) -> None:
    assert 0 < sum(check(kind, "suite", number) for number in range(200)) < 200


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", sorted(SOURCE_KINDS))
def test_as_many_damaged_documents_as_time_allows_break_no_parser(kind: str) -> None:
    seed = os.environ.get("WATCHER_FUZZ_SEED", "") or f"{random.randrange(2**32):08x}"
    ends = time.monotonic() + float(os.environ.get("WATCHER_FUZZ_SECONDS", "60"))
    readable = [
        check(kind, seed, number)
        for number in takewhile(lambda _: time.monotonic() < ends, count())
    ]
    print(f"{kind}: {len(readable)} mutations, WATCHER_FUZZ_SEED={seed}")  # noqa: T201 - shown by -s
    assert any(readable), "no mutation could be read: nothing was tried"
