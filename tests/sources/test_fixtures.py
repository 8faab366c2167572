"""Each fixture is read as the file beside it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sources import fixtures
from watcher.kinds import SOURCE_KINDS

CASES = fixtures.cases(*SOURCE_KINDS)


@pytest.mark.parametrize(
    "path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_a_document_is_read_as_the_file_beside_it_says(
    path: Path, request: pytest.FixtureRequest
) -> None:
    told = fixtures.told(path)
    beside = fixtures.expected(path)
    if request.config.getoption("--rewrite", default=False):
        beside.write_text(fixtures.written(told), encoding="utf-8")
    assert json.loads(beside.read_text(encoding="utf-8")) == told


def test_each_kind_of_source_has_documents() -> None:
    assert {path.parent.name for path in CASES} == set(SOURCE_KINDS)


def test_each_folder_of_documents_is_of_a_kind() -> None:
    assert {path.name for path in fixtures.DATA.iterdir()} == set(SOURCE_KINDS)


def test_nothing_expected_lacks_its_document() -> None:
    stems = {(path.parent.name, path.stem) for path in CASES}
    beside = {
        (path.parent.name, path.name.removesuffix(".expected.json"))
        for path in fixtures.DATA.glob("*/*.expected.json")
    }
    assert beside == stems
