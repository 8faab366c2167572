"""A build has one spelling, and what is none is nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.judgement import normalize


@pytest.mark.parametrize(
    ("written", "build"),
    [
        ("15.02.1544.004", "15.2.1544.4"),
        ("15.2.1544.04", "15.2.1544.4"),
        ("15.2.1544.4", "15.2.1544.4"),
        (" 15.00.847.064\N{NO-BREAK SPACE}", "15.0.847.64"),
        ("Build 15.1.2507.43", "15.1.2507.43"),
        ("6.5.7683", "6.5.7683"),
        ("10.0.26100.1742", "10.0.26100.1742"),
        ("https://aka.example.org/builds", ""),
        ("1.2.3-4", ""),
        ("15.2", ""),
        ("", ""),
    ],
)
def test_a_build_has_one_spelling(written: str, build: str) -> None:
    assert normalize.build(written) == build


@given(st.lists(st.integers(0, 99999), min_size=3, max_size=4), st.integers(0, 5))
def test_padding_never_changes_a_build(parts: list[int], width: int) -> None:
    padded = ".".join(f"{part:0{width + 1}d}" for part in parts)
    assert normalize.build(padded) == ".".join(map(str, parts)) or any(
        len(part) > 6 for part in padded.split(".")
    )
    assert normalize.build_key(normalize.build(padded)) in {tuple(parts), ()}


def test_builds_compare_as_numbers() -> None:
    assert normalize.build_key("15.2.1544.13") > normalize.build_key("15.02.1544.004")
    assert normalize.build_key("none") == ()


def test_prose_names_builds_and_addresses_are_none() -> None:
    prose = (
        "E12IIS, 15.01.2375.024, from 192.168.100.10 or 10.0.0.1; 15.2.986.5. "
        "Twice: 15.1.2375.24, not 1.2.3.4.5 nor 15.2.986.5-rc1"
    )
    assert normalize.builds_in(prose) == ("15.1.2375.24", "15.2.986.5")
