"""Text that is compared has one kind of space, hyphen and quote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watcher.judgement import normalize


def test_folding_leaves_one_kind_of_space_hyphen_and_quote() -> None:
    text = "\ufeff\u00a0Can\u2019t\u200b  \u201cre\u2013open\u201d\n\u2026 A"
    assert normalize.fold(text) == 'Can\'t "re-open" ... A'


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert normalize.fold(normalize.fold(text)) == normalize.fold(text)
