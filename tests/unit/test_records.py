"""The records' own rules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watcher.records import Change, ChangeKind


def test_a_change_of_nothing_is_a_mistake_in_the_program() -> None:
    nothing = Change(
        ChangeKind.APPEARED,
        "s",
        "",
        "https://example.org/",
        datetime(2030, 1, 1, tzinfo=UTC),
        "0",
        None,
        None,
    )
    with pytest.raises(ValueError, match="a before or an after"):
        _ = nothing.entry
