"""A world for each story, on a state that is emptied after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.statements import empty
from tests.stories.telling import World
from watcher.store import Store


@pytest.fixture
def world(_kept_stores: Callable[[str], Store], tmp_path: Path) -> Iterator[World]:
    """A world whose watcher keeps its state in SQLite."""
    store = _kept_stores("sqlite")
    yield World(store, tmp_path)
    with store.writing():
        empty(store.connection)


@pytest.fixture
def any_world(store: Store, tmp_path: Path) -> World:
    """A world for each kind of database."""
    return World(store, tmp_path)
