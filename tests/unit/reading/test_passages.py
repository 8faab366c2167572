"""Passages in the manner of many vendors are read as a reader reads them.

``passages.jsonl`` holds several lists, each written and labelled before the rules were read again:
``kinds`` are owed, ``also`` may be said besides.  The facts are made up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from watcher.judgement.reading import kinds

LINES = Path(__file__).with_name("passages.jsonl").read_text("utf-8").splitlines()
PASSAGES = [json.loads(line) for line in LINES]


@pytest.mark.parametrize(
    "passage", PASSAGES, ids=[passage["id"] for passage in PASSAGES]
)
def test_a_passage_says_what_a_reader_reads(passage: dict[str, Any]) -> None:
    said = {kind.value for kind in kinds(passage["text"])} - {"revised", "corrected"}
    assert set(passage["kinds"]) <= said
    assert said <= {*passage["kinds"], *passage["also"]}


def test_the_passages_are_of_many_vendors_and_some_say_nothing() -> None:
    assert len({passage["vendor"] for passage in PASSAGES}) > 20
    assert sum(not passage["kinds"] for passage in PASSAGES) > 20
