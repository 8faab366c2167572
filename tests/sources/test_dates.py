"""No date that cannot be comes out of any parser: it made pages and feeds fail for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tests.attacks import tried
from tests.sources import fixtures
from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.kinds import SOURCE_KINDS
from watcher.sources import parser

OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
FURTHEST = fixtures.TIME + timedelta(days=732)


def dates_in(value: object) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            yield from dates_in(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from dates_in(item)


@tried("drawn")
@pytest.mark.parametrize("year", ["9999", "0001", "1601", "2099"])
@pytest.mark.parametrize(
    "path",
    fixtures.cases(*SOURCE_KINDS),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_a_date_that_no_source_can_mean_is_no_date(path: Path, year: str) -> None:
    body = re.sub(rb"\b20[23]\d\b", year.encode(), path.read_bytes())
    with suppress(ParseError):
        snapshot = parser(path.parent.name)(
            fixtures.page(path, body), fixtures.watch(path)
        )
        for moment in dates_in(snapshot):
            assert OLDEST <= moment <= FURTHEST


def test_other_dates_of_the_same_copy_stay() -> None:
    path = fixtures.DATA / "kev" / "catalogue.json"
    body = path.read_bytes()
    dates = re.findall(rb'"dateAdded": ?"([0-9-]+)"', body)
    newest = max(dates)
    snapshot = parser("kev")(fixtures.page(path, body), fixtures.watch(path))
    spoiled = body.replace(newest, b"9999-12-31")
    other = parser("kev")(fixtures.page(path, spoiled), fixtures.watch(path))
    assert snapshot.newest is not None
    assert other.newest is not None
    assert other.newest < snapshot.newest


def test_a_date_is_bounded_by_the_day_of_its_reading() -> None:
    now = fixtures.TIME
    for moment in (now.replace(year=9999), now.replace(year=1), now.replace(year=1989)):
        assert normalize.possible(moment, now) is None
    for moment in (now, now + timedelta(days=700), datetime(1999, 1, 12, tzinfo=UTC)):
        assert normalize.possible(moment, now) == moment
    assert normalize.possible(None, now) is None
