"""Compiled templates are kept for the next run, and never believed where somebody else
could have written them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from watcher.config import Settings
from watcher.mail import render, samples
from watcher.text import templates


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a user's empty cache, in which compiled templates may be kept."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(
        platformdirs, "user_cache_path", lambda name, **_: tmp_path / "cache" / name
    )
    yield tmp_path / "cache"
    templates.of.cache_clear()


def mails() -> list[bytes]:
    """Render the sample mails as a new process would."""
    templates.of.cache_clear()
    return [
        render.message(letter, Settings(), samples.NOW).body
        for letter in list(samples.letters())[:2]
    ]


def kept(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*.cache"))


def test_templates_are_compiled_once_and_give_the_same_mails(cache: Path) -> None:
    first = mails()
    compiled = {path: path.stat().st_mtime_ns for path in kept(cache)}
    assert compiled
    assert mails() == first
    assert {path: path.stat().st_mtime_ns for path in kept(cache)} == compiled


@pytest.mark.posix
def test_the_folder_of_compiled_templates_is_its_owners_alone(cache: Path) -> None:
    mails()
    assert {path.parent.stat().st_mode & 0o777 for path in kept(cache)} == {0o700}


@pytest.mark.parametrize("left", [0, 5, 20, 50, 500])
def test_a_spoiled_copy_is_compiled_again(cache: Path, left: int) -> None:
    first = mails()
    for path in kept(cache):
        path.write_bytes(path.read_bytes()[:left])
    assert mails() == first


@pytest.mark.posix
def test_a_folder_that_others_can_write_is_not_believed(cache: Path) -> None:
    first = mails()
    folder = kept(cache)[0].parent
    for path in kept(cache):
        path.unlink()
    folder.chmod(0o777)
    assert mails() == first
    assert kept(cache) == []


def test_without_a_folder_to_keep_them_in_mails_are_made_all_the_same(
    cache: Path,
) -> None:
    cache.write_text("no folder")
    assert all(mails())


def test_who_wants_no_compiled_modules_gets_no_compiled_templates(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert all(mails())
    assert kept(cache) == []
